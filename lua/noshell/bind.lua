--- Binds a program to its first arguments and options.

local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
local options = require "noshell.options"

local bind = {}

--- A program with its first arguments and options. A call runs the program with these and
--- the call's arguments, as noshell.run does. The functions take further arguments in the
--- same way: `git.output("log", "-n", 1)`.
---@class noshell.bound
---@overload fun(...: noshell.word|noshell.word[]): noshell.result?, noshell.error?
---@field command fun(...: noshell.word|noshell.word[]): noshell.command
---@field run fun(...: noshell.word|noshell.word[]): noshell.result?, noshell.error?
---@field run_async fun(...: noshell.word|noshell.word[]): noshell.process?, noshell.error?
---@field output fun(...: noshell.word|noshell.word[]): string?, noshell.error?
---@field lines fun(...: noshell.word|noshell.word[]): fun(): string?
---@field system fun(...: noshell.word|noshell.word[]): true?, string|noshell.error, integer?

--- The functions of a bound program, except `command`.
bind.NAMES = { "run", "run_async", "output", "lines", "system" }

--- Binds a SPEC. Later changes of a given command have no effect.
---@param starters table<string, function>  functions that take a command, by bind.NAMES
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.bound
function bind.new(starters, ...)
  local base = options.own(...)
  local bound = {}

  local function check_dot(first)
    if first == bound then
      misuse.raise "noshell: the functions of a bound program are called with a dot, not a colon"
    end
  end

  local function with(...)
    local cmd = base:clone()
    if select("#", ...) > 0 then cmd:add_args(...) end
    return cmd
  end

  function bound.command(...)
    check_dot((...))
    return keep(with(...))
  end

  for _, name in ipairs(bind.NAMES) do
    bound[name] = function(...)
      check_dot((...))
      return keep(starters[name](with(...)))
    end
  end
  return setmetatable(bound, {
    __call = function(_, ...) return keep(starters.run(with(...))) end,
    __name = "noshell.bound",
    __tostring = function() return "noshell.bound (" .. base:to_string() .. ")" end,
  })
end

return bind
