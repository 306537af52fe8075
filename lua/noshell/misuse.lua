--- Misuse of a function, which raises an error at the caller's line.

local core = require "noshell.core"
local failure = require "noshell.failure"
local names = require "noshell.names"
local nearest = require "noshell.nearest"

local misuse = {}

local HIDDEN = " (in a function called there: a tail call hides the line)"

--- Raises the error, with the place of the nearest code that is not noshell's.
---@param text string
---@param ... any  as for string.format
function misuse.raise(text, ...)
  local where, is_hidden = core.where()
  error((where == "" and "" or where .. ": ") .. text:format(...)
    .. (is_hidden and HIDDEN or ""), 0)
end

--- Raises an error unless `self` is an object of that class: the method was called
--- with a dot.
---@param self any
---@param class table   the metatable of the objects
---@param method string
function misuse.check_self(self, class, method)
  if getmetatable(self) ~= class then
    misuse.raise("%s is a method of a %s: call it with a colon, object:%s(...)", method,
      class.__name, method)
  end
end

local function public_names(tables)
  local list = {}
  for _, each in ipairs(tables) do
    for name in pairs(each) do
      if type(name) == "string" and name:sub(1, 1) ~= "_" then list[#list + 1] = name end
    end
  end
  table.sort(list)
  return list
end

local function is_part(a, b)
  return a:find(b, 1, true) ~= nil or b:find(a, 1, true) ~= nil
end

--- Raises an error if an unknown name looks like a misspelling of one of these names. Other
--- unknown names are nil, as in any table: scripts may test for fields.
---@param of string  the object that has the names
---@param name any
---@param ... table  with the names as keys
function misuse.check_name(of, name, ...)
  if type(name) ~= "string" or name:sub(1, 1) == "_" then return end
  local near = nearest.word(name, public_names { ... }, #name < 8 and 1 or 2)
  if near and not is_part(name, near) then
    misuse.raise("%s has no '%s', did you mean '%s'?", of, name, near)
  end
end

--- The fields of an error, as noshell.error declares them.
local ERROR_FIELDS = { code = true, stage = true, errno = true, errname = true,
  strerror = true, subject = true, command = true, line = true, result = true, method = true,
  value = true, reason = true, where = true, tail_call = true, key = true, signal = true,
  signal_number = true, seconds = true, pipeline = true, index = true, errors = true,
  results = true, count = true, attempts = true, machine = true, machines = true }

--- Fields of err.result that a script may look for in the error.
local OF_RESULT = { exit_code = true, status = true, stdout = true, stderr = true }

function failure.unknown(name)
  if ERROR_FIELDS[name] then return end
  if OF_RESULT[name] then
    misuse.raise("an error has no '%s': write err.result.%s", name,
      names.FOREIGN_FIELDS[name] or name)
  end
  misuse.check_name("an error", name, ERROR_FIELDS)
end

--- Makes a class report misspelt names of methods.
---@param of string
---@param methods table
function misuse.suggest(of, methods)
  setmetatable(methods, { __index = function(_, name)
    misuse.check_name(of, name, methods)
  end })
end

--- Raises an error unless the options are a table of known keys.
---@param name string    the function
---@param options any
---@param known table    with the keys
---@param instead string  advice if they are no table
function misuse.check_options(name, options, known, instead)
  if type(options) ~= "table" or getmetatable(options) ~= nil then
    misuse.raise("%s: the options must be a table, not %s: %s", name, failure.shown(options),
      instead)
  end
  for key, value in pairs(options) do
    if known[key] == nil then
      local near = nearest.word(tostring(key), public_names { known })
      misuse.raise("%s: %s = %s: no such option%s", name, tostring(key), failure.shown(value),
        near and (", did you mean '%s'?"):format(near) or "")
    end
  end
end

--- Raises an error if a method without parameters is called with arguments.
---@param method string
---@param instead string  advice
---@param ... any
function misuse.check_empty(method, instead, ...)
  if select("#", ...) > 0 then
    misuse.raise("%s takes no arguments: %s", method, instead)
  end
end

return misuse
