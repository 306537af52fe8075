-- Writes a page as a Lua file that ldoc understands: it knows no LuaLS types.

local write = {}

local function escaped(text)
  return (text:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;"):gsub("@", "&#64;"))
end

--- A type as HTML, with the types of ours that have a page as links.
local function type_text(text, all)
  local linked = escaped(text):gsub("noshell%.[%w_.]*[%w_]", function(name)
    return all[name] and ("@{%s}"):format(name) or name
  end)
  return "<code>" .. linked .. "</code>"
end

--- Paragraphs: an empty line ends one, and an item of a numbered list a line.
local function paragraphs(lines)
  local list, current = {}, {}
  for i = 1, #lines + 1 do
    if lines[i] and lines[i] ~= "" then
      local is_item = lines[i]:match "^%d+%. "
      table.insert(current, (is_item and "<br>" or "") .. escaped(lines[i]))
    elseif #current > 0 then
      table.insert(list, table.concat(current, " "))
      current = {}
    end
  end
  return list
end

local function add(out, ...)
  table.insert(out, "-- " .. table.concat({ ... }))
end

local function add_text(out, lines, otherwise)
  local list = paragraphs(lines)
  out[#out + 1] = "--- " .. (list[1] or otherwise or "")
  for i = 2, #list do add(out, "<p>", list[i], "</p>") end
end

--- Returns the heading and the text of a block.
local function said(one, all)
  local name = one.name and one.returned and "<em>" .. one.name .. "</em> " or ""
  return ("%s(%s%s) %s"):format(name, type_text(one.type, all),
    one.optional and ", optional" or "", escaped(one.text))
end

local function add_function(out, f, all)
  local block = f.block
  out[#out + 1] = ""
  add_text(out, block.text)
  for _, overload in ipairs(block.overloads) do
    add(out, "<p>Also ", type_text(overload, all), "</p>")
  end
  add(out, "@function ", f.name)
  for _, param in ipairs(block.params) do
    add(out, param.optional and "@param[opt] " or "@param ", param.name, " ", said(
      { type = param.type, text = param.text }, all))
  end
  for _, one in ipairs(block.returns) do
    add(out, "@return ", said({ type = one.type, text = one.text, name = one.name,
      returned = true }, all))
  end
end

local function add_fields(out, page, all)
  if #page.fields == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = "--- What it has."
  add(out, "@table fields")
  for _, field in ipairs(page.fields) do
    local name = field.name == "[integer]" and "1, 2, ..." or field.name
    add(out, "@field ", (name:gsub("%s", "")), " ", said(
      { type = field.type, text = field.text, optional = field.optional }, all))
  end
end

local function add_values(out, page, all)
  if page.is and page.is ~= "" then
    local kind, words = page.is:match "^(.-)  (.*)$"
    add(out, "<p>", type_text(kind or page.is, all), " ", escaped(words or ""), "</p>")
  end
  if #page.values == 0 then return end
  add(out, "<ul>")
  for _, value in ipairs(page.values) do
    add(out, "<li>", type_text(value.name, all), " ", escaped(value.text), "</li>")
  end
  add(out, "</ul>")
end

--- The text of a page's file; `all` are the pages by name.
function write.page(page, all)
  local out = {}
  add_text(out, page.text, "One of these:")
  add_values(out, page, all)
  local has_methods = page.functions[1] and page.functions[1].is_method
  add(out, has_methods and "@classmod " or "@module ", page.name)
  add_fields(out, page, all)
  table.sort(page.functions, function(a, b) return a.name < b.name end)
  for _, f in ipairs(page.functions) do add_function(out, f, all) end
  return table.concat(out, "\n") .. "\n"
end

return write
