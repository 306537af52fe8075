--- Builds commands from SPEC tables.

local core = require "noshell.core"
local command = require "noshell.command"
local failure = require "noshell.failure"
local keys = require "noshell.keys"
local misuse = require "noshell.misuse"
local names = require "noshell.names"
local nearest = require "noshell.nearest"

local options = {}

--- The module noshell, set by init.lua: it is the first argument of a function that is
--- called with a colon.
options.face = nil

--- The keys of a SPEC, in the order in which they are applied.
options.KEYS = keys.names

local KEYS = keys.names

local reject = keys.reject

--- Returns the length of the array part, holes included, the number of options, and a
--- list of unknown keys, if there are any.
local function survey(spec)
  local last, count, strangers = 0, 0, nil
  for key in pairs(spec) do
    if type(key) == "number" and key >= 1 and key % 1 == 0 then
      if key > last then last = key end
    elseif keys.setters[key] then
      count = count + 1
    else
      strangers = strangers or {}
      strangers[#strangers + 1] = key
    end
  end
  -- A metatable may provide defaults for any key.
  return last, getmetatable(spec) ~= nil and #KEYS or count, strangers
end

--- Formats the value of an unknown key. Hides a string that may be a secret: the key is a
--- misspelt "env" or "input", or a guess such as "password".
local function shown_value(near, given)
  if type(given) ~= "string" or (near and not near:find "env" and not near:find "input") then
    return failure.shown(given)
  end
  return "***"
end

local function reject_key(cmd, key, given)
  if type(key) ~= "string" then
    key = "[" .. failure.shown(key) .. "]"
    reject(cmd, key, given, "an option's key must be a string")
  else
    local foreign = names.FOREIGN_OPTIONS[key]
    local near = not foreign and nearest.word(key:lower(), KEYS)
    cmd:_argument_error(key, shown_value(near, given), foreign and "no such option: " .. foreign
      or near and ("no such option, did you mean '%s'?"):format(near)
      or "no such option; the README lists them")
  end
  cmd:_set_argument_error_key(key)
end

local function reject_keys(cmd, strangers, spec)
  if cmd:argument_error() then return end
  table.sort(strangers, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(strangers) do reject_key(cmd, key, spec[key]) end
end

local IS_WORD = { string = true, number = true, table = true, userdata = true }

--- Adds the words of the array part. Errors count the program as argument 1, as without a
--- table. Ends at the first hole, because the last index may be any number.
local function add_words(cmd, spec, last)
  for i = 2, last do
    local word = spec[i]
    if not IS_WORD[type(word)] then
      return reject(cmd, "command", word,
        ("argument %d must be a string or a number"):format(i))
    end
    cmd:add_arg(word)
  end
end

local function from_table(spec)
  local last, left, strangers = survey(spec)
  local cmd = core.command(spec[1])
  add_words(cmd, spec, last)
  if strangers then reject_keys(cmd, strangers, spec) end
  local is_wrong = cmd:_first_argument_error() ~= nil
  for i = 1, #KEYS do
    if left == 0 then break end
    local key = KEYS[i]
    local given = spec[key]
    if given ~= nil then
      keys.setters[key](cmd, given, key, spec)
      if not is_wrong and cmd:_set_argument_error_key(key, given) then
        is_wrong = true
        keys.name_error(cmd, key, given, spec)
      end
      left = left - 1
    end
  end
  return cmd
end

--- Returns the command for a SPEC table, for a program and its arguments, or a given
--- command itself, and whether it is new.
---@param spec noshell.spec|noshell.command|string
---@param ... string|number
---@return noshell.command
---@return boolean is_new
function options.command(spec, ...)
  if spec == options.face and spec ~= nil then
    misuse.raise "noshell.run and the others are functions: call them with a dot, not a colon"
  end
  if command.is(spec) then
    if select("#", ...) > 0 then
      misuse.raise "noshell: a command takes no further arguments: add_arg adds one"
    end
    return spec, false
  end
  if type(spec) ~= "table" then return core.command(spec, ...), true end
  local metatable = getmetatable(spec)
  local class = type(metatable) == "table" and rawget(metatable, "__name")
  if class == "noshell.pipeline" then
    misuse.raise "noshell: a command is needed here; a pipeline has run, run_async, output, lines"
  elseif type(class) == "string" and class:find "^noshell%." then
    misuse.raise("noshell: a program, a SPEC table or a command is needed, not a %s", class)
  end
  local cmd = from_table(spec)
  if select("#", ...) > 0 then
    reject(cmd, "command", (...), "a table takes no further arguments")
  end
  return cmd, true
end

--- The same, but a given command is cloned, so that the result may be changed.
---@param ... any  as options.command
---@return noshell.command
function options.own(...)
  local cmd, is_new = options.command(...)
  return is_new and cmd or cmd:clone()
end

return options
