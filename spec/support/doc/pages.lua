-- The pages of the reference: what of the annotations a user can come to, from the
-- functions of the module on.
local read = require "spec.support.doc.read"

local pages = {}

local function is_public(name)
  return not name:match "^_"
end

local Page = {}
Page.__index = Page

local function new_page(name)
  return setmetatable({ name = name, text = {}, fields = {}, values = {}, functions = {},
    by_name = {} }, Page)
end

function Page:add_function(name, block, is_method)
  if not is_public(name) then return end
  local old = self.by_name[name]
  if old then
    -- The Lua layer's comment is preferred, unless it has no parameters and results.
    if #block.params + #block.returns > 0 then
      if #block.text == 0 then block.text = old.block.text end
      old.block = block
    end
  else
    self.by_name[name] = { name = name, block = block, is_method = is_method }
    table.insert(self.functions, self.by_name[name])
  end
end

local function append(list, more)
  for _, one in ipairs(more) do table.insert(list, one) end
end

local function page_of(all, name)
  all[name] = all[name] or new_page(name)
  return all[name]
end

--- Classes and aliases of all files.
local function add_classes(all, file)
  for _, block in ipairs(file.blocks) do
    local name = block.class or block.alias
    if name then
      local page = page_of(all, name)
      if #page.text == 0 then append(page.text, block.text) end
      if block.parent and block.parent ~= "" then page.parent = block.parent end
      append(page.fields, block.fields)
      append(page.values, block.values)
      page.is = page.is or (block.is and block.is.text)
    elseif block.name and block.owner then
      page_of(all, block.owner):add_function(block.name, block, block.is_method)
    end
  end
end

--- Adds to each class the methods of its parent that it does not have itself.
local function add_inherited(all)
  for _, page in pairs(all) do
    local parent = page.parent and all[page.parent]
    for _, one in ipairs(parent and parent.functions or {}) do
      if not page.by_name[one.name] then
        page:add_function(one.name, one.block, one.is_method)
      end
    end
  end
end

--- The functions of a module's own table, which is the file's `variable`.
local function add_module(page, file, variable)
  if #page.text == 0 and file.blocks[1] then append(page.text, file.blocks[1].text) end
  for _, block in ipairs(file.blocks) do
    if block.name and block.variable == variable and not block.owner then
      page:add_function(block.name, block, false)
    end
  end
end

local function function_named(file, name)
  for _, block in ipairs(file.blocks) do
    if block.name == name and not block.is_method then return block end
  end
end

--- noshell's functions, and pages for the tables that are fields of it.
local function add_face(all, files)
  local face = files["noshell"]
  local page = page_of(all, "noshell")
  add_module(page, face, "noshell")
  for name, value in pairs(face.assigned) do
    -- _VERSION is described in the module's text.
    if name:match "^_" then value = "" end
    local variable, member = value:match "^([%w_]*)%.?([%w_]*)$"
    local module = face.required[variable]
    if module and member ~= "" then
      page:add_function(name, assert(function_named(files[module], member), value), false)
    elseif module then
      add_module(page_of(all, "noshell." .. name), files[module], variable)
    end
  end
end

--- The types that a page names.
local function each_type(page, fn)
  local function tell(list)
    for _, one in ipairs(list) do fn(one.type or one.name or "") end
  end
  tell(page.fields)
  tell(page.values)
  fn(page.is or "")
  for _, f in ipairs(page.functions) do
    tell(f.block.params)
    tell(f.block.returns)
  end
end

local function mark(all, page)
  if page.is_reached then return end
  page.is_reached = true
  each_type(page, function(text)
    for name in text:gmatch "noshell%.[%w_.]*[%w_]" do
      if all[name] then mark(all, all[name]) end
    end
  end)
end

--- The pages, by name; `sources` is module's name → path of its file.
function pages.make(sources)
  local all, files, names = {}, {}, {}
  for module in pairs(sources) do names[#names + 1] = module end
  -- Those of the C part first: the Lua part replaces some of their methods.
  table.sort(names, function(a, b)
    local first, second = a:match "%.d$" ~= nil, b:match "%.d$" ~= nil
    if first ~= second then return first end
    return a < b
  end)
  for _, module in ipairs(names) do
    files[module] = read.file(sources[module])
    add_classes(all, files[module])
  end
  add_inherited(all)
  add_face(all, files)
  for name, page in pairs(all) do
    local of_module = files[name] and page.functions[1] and not page.functions[1].is_method
    if name == "noshell" or of_module then mark(all, page) end
  end
  for name, page in pairs(all) do
    if not page.is_reached then all[name] = nil end
  end
  return all
end

return pages
