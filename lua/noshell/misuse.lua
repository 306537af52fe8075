--- Misuse of a function, which raises an error at the caller's line.

local core = require "noshell.core"

local misuse = {}

--- Raises the error, with the place of the nearest code that is not noshell's.
---@param text string
---@param ... any  as of string.format
function misuse.raise(text, ...)
  local where = core.where()
  error((where == "" and "" or where .. ": ") .. text:format(...), 0)
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

--- Raises an error if a method that takes no arguments was given some.
---@param method string
---@param instead string  what to do
---@param ... any
function misuse.check_empty(method, instead, ...)
  if select("#", ...) > 0 then
    misuse.raise("%s takes no arguments: %s", method, instead)
  end
end

return misuse
