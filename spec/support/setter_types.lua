-- Writes the LuaLS types of what is generated: the setters of setters.def, their
-- keys in a SPEC, and the methods named after all keys.
--
--	lua5.4 spec/support/setter_types.lua > setters.d.lua
local core = require "noshell.core"
local keys = require "noshell.keys"

local out = {}

local function add(format, ...)
  out[#out + 1] = format:format(...)
end

--- Text as a comment of at most 80 columns, without Markdown's backquotes.
local function add_comment(text)
  local line = "---"
  for word in text:gmatch "%S+" do
    if #line + 1 + #word > 80 then
      out[#out + 1], line = line, "---"
    end
    line = line .. " " .. word
  end
  out[#out + 1] = line
end

local ARGUMENTS = { integer = "value integer", mask = "mask integer|string",
  signal = "signal noshell.signal", limit = "value noshell.limit", text = "text string|number" }

local function argument_of(row)
  if row.key == "search_path" then return "directories string[]|string" end
  return ARGUMENTS[row.kind]
end

local function range_of(row)
  if row.kind == "integer" then return ("  %d to %d"):format(row.minimum, row.maximum) end
  if row.kind == "mask" then
    return ('  octal digits up to "%o", such as "022", or a number up to 7')
      :format(row.maximum)
  end
  return ""
end

local function add_method(name, argument, note)
  if argument then add("---@param %s%s", argument, note) end
  add "---@return noshell.command"
  add("function command:%s(%s) end\n", name, argument and argument:match "^%S+" or "")
end

add "---@meta\n"
add "--- Generated from c/core/command/setters.def and the keys of a SPEC.\n"
add "---@class noshell.spec"
for _, row in ipairs(core.setters()) do
  local kind = row.kind == "flag" and "boolean" or argument_of(row):match "%S+$"
  add("---@field %s? %s  %s%s", row.key, kind, range_of(row):gsub("^  (.*)$", "%1: "),
    row.description)
end
add "\n---@class noshell.command: userdata"
add "local command = {}\n"
for _, row in ipairs(core.setters()) do
  add_comment(row.description)
  add_method(row.name, argument_of(row), range_of(row))
end
local methods = {}
for name in pairs(keys.methods) do methods[#methods + 1] = name end
table.sort(methods)
for _, name in ipairs(methods) do
  add_comment(("Sets what the key `%s` of a SPEC sets, from the same value."):format(
    keys.methods[name]))
  add_method(name, "value any", "")
end

io.write(table.concat(out, "\n"), "\n")
