-- Reads LuaLS annotations: from a Lua file to classes, aliases and functions.

local read = {}

--- The characters that can be part of a type.
local PIECES = { ['"'] = '^"[^"]*"', ["("] = "^%b()", ["{"] = "^%b{}", ["["] = "^%b[]",
  ["<"] = "^%b<>" }

--- Returns the end of the type that a text begins with: a blank ends it, but not inside
--- brackets or quotes, nor after a comma or colon of a function's results.
local function type_end(text)
  local at, size = 1, #text
  while at <= size do
    local char = text:sub(at, at)
    local _, closed = text:find(PIECES[char] or "^$", at)
    if PIECES[char] and closed then
      at = closed + 1
    elseif char == " " and not text:sub(1, at - 1):match "[,:|]$" then
      return at - 1
    else
      at = at + 1
    end
  end
  return size
end

local function split_type(text)
  local last = type_end(text)
  return text:sub(1, last), text:sub(last + 1)
end

local function trim(text)
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

--- "name? type  words", of a parameter or field.
local function named(text)
  local name, is_optional, rest = text:match "^(%S-)(%??)%s+(.*)$"
  local kind, words = split_type(rest)
  return { name = name, optional = is_optional == "?", type = kind, text = trim(words) }
end

local tags = {}

function tags.param(block, text)
  table.insert(block.params, named(text))
  return block.params[#block.params]
end

--- "type name  words"; two blanks are in front of words, one is in front of a name.
tags["return"] = function(block, text)
  local kind, rest = split_type(text)
  local name = rest:match "^ ([%w_]+)%f[%s%z]"
  local words = name and rest:sub(#name + 2) or rest
  local one = { type = kind, name = name, text = trim(words) }
  table.insert(block.returns, one)
  return one
end

function tags.class(block, text)
  block.class, block.parent = text:match "^([%w_.]+)%s*:?%s*([%w_.]*)"
end

function tags.field(block, text)
  if text:match "^private " then return { text = "" } end
  table.insert(block.fields, named(text))
  return block.fields[#block.fields]
end

function tags.alias(block, text)
  local name, kind = text:match "^(%S+)%s*(.*)$"
  block.alias, block.is = name, { text = kind }
  local _, opened = kind:gsub("%(", "")
  local _, closed = kind:gsub("%)", "")
  -- The next line goes on with a type that is open.
  if opened > closed then return block.is end
end

function tags.overload(block, text)
  table.insert(block.overloads, text)
end

local function new_block()
  return { text = {}, params = {}, returns = {}, fields = {}, values = {}, overloads = {} }
end

--- Adds a line of a comment; `last` is what the tag before it made.
local function add_line(block, line, last)
  local tag, rest = line:match "^@(%a+)%s*(.*)$"
  local value, words = line:match "^| ([^#]-)%s*#%s*(.*)$"
  if tag then
    return tags[tag] and tags[tag](block, rest)
  elseif value or line:match "^| " then
    local one = { name = value or line:sub(3), text = words or "" }
    table.insert(block.values, one)
    return one
  elseif last then
    last.text = trim(last.text .. " " .. trim(line))
    return last
  end
  table.insert(block.text, trim(line))
end

--- Returns the blocks of a file: a comment, and the line of code after it. A function
--- without a comment has an empty block.
local function blocks_of(path)
  local blocks, block, last = {}, nil, nil
  for line in io.lines(path) do
    local comment = line:match "^%-%-%- ?(.*)$"
    if comment then
      block = block or new_block()
      last = add_line(block, comment, last)
    else
      if block or line:match "^function " then
        block = block or new_block()
        block.code = line
        table.insert(blocks, block)
      end
      block, last = nil, nil
    end
  end
  return blocks
end

--- { var, ":" or ".", name, arguments } of a function's first line, or of a line that
--- assigns a method whose parameters the comment names.
local function function_of(block)
  local variable, name = block.code:match "^([%w_]+)%.([%w_]+) = "
  if variable and block.params[1] then return variable, ":", name, block.params[1].name end
  return block.code:match "^function ([%w_]+)([.:])([%w_]+)%(([^)]*)%)"
end

--- Returns the blocks of a file in order; those of functions have owner (the class of
--- their variable, or the variable), is_method and name.
function read.file(path)
  local file = { blocks = blocks_of(path), assigned = {}, required = {} }
  local classes, only, count = {}, nil, 0
  for _, block in ipairs(file.blocks) do
    local variable = block.class and block.code:match "^local ([%w_]+)"
    if variable then classes[variable] = block.class end
    if block.class then only, count = block.class, count + 1 end
  end
  for _, block in ipairs(file.blocks) do
    local variable, sign, name, arguments = function_of(block)
    if variable then
      -- Methods of a file with one class are that class's.
      local is_only = sign == ":" and count == 1
      block.owner, block.variable = classes[variable] or (is_only and only or nil), variable
      block.is_method, block.name, block.arguments = sign == ":", name, arguments
    end
  end
  for line in io.lines(path) do
    local name, value = line:match "^[%w_]+%.([%w_]+) = ([%w_.]+)$"
    if name then file.assigned[name] = value end
    local variable, module = line:match '^local ([%w_]+) = require "(noshell[%w_.]*)"$'
    if variable then file.required[variable] = module end
  end
  return file
end

return read
