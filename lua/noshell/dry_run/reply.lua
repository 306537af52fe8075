--- Replies of a dry run: simulated ends of programs.

local core = require "noshell.core"
local failure = require "noshell.failure"
local nearest = require "noshell.nearest"

--- The end of the program. Without any field, it exits with 0 and writes nothing.
---@class noshell.dry_end
---@field exit_code? integer   0 to 255
---@field signal? string|integer  the signal that kills it, such as "TERM"
---@field core_dumped? boolean
---@field stdout? string|number  its output, wherever stdout is directed
---@field stderr? string|number
---@field pipes? table<integer, string>  what it writes to the pipes of set_pipes
---@field timed_out? boolean   the command's timeout expires
---@field output_limit? boolean  it writes more than max_output
---@field out_of_memory? boolean  it exceeds the memory of its sandbox
---@field lost? boolean        other code in the host reaps it, and its status is lost
---@field error? noshell.dry_failure|string  it fails to start: an errno's name, or details

--- A failure to start.
---@class noshell.dry_failure
---@field errname? string   such as "ENOENT"; alternatively
---@field errno? integer
---@field stage? string     default "find_program"
---@field subject? string   default: the program
---@field reason? string

--- A string is the program's stdout, a number its exit code; false is exit code 1; nil
--- and true are success. A function returns one of these; it is called once the whole
--- input of the program is known.
---@alias noshell.dry_reply
---| noshell.dry_end|string|number|boolean|nil
---| fun(call: noshell.dry_call): noshell.dry_end|string|number|boolean|nil

local reply = {}

local KINDS = {
  exit_code = "number", signal = "string or number", core_dumped = "boolean",
  stdout = "string or number", stderr = "string or number", timed_out = "boolean",
  output_limit = "boolean", out_of_memory = "boolean", lost = "boolean",
  error = "string or table", pipes = "table",
}

local is_kind = {
  ["string or number"] = { string = true, number = true },
  ["string or table"] = { string = true, table = true },
}

local NAMES = {}
for name in pairs(KINDS) do NAMES[#NAMES + 1] = name end
table.sort(NAMES)

local function refuse(call, text, ...)
  error(("noshell.dry_run: the reply to '%s': "):format(call.command)
    .. text:format(...), 0)
end

local function check(call, value)
  for key, given in pairs(value) do
    local kind, got = KINDS[key], type(given)
    if not kind then
      local near = nearest.word(tostring(key), NAMES)
      refuse(call, "%s: no such field%s", tostring(key),
        near and (", did you mean '%s'?"):format(near) or "")
    elseif got ~= kind and not (is_kind[kind] and is_kind[kind][got]) then
      refuse(call, "%s must be a %s, not %s", key, kind, failure.shown(given))
    end
  end
  local code = value.exit_code
  if code and (code % 1 ~= 0 or code < 0 or code > 255) then
    refuse(call, "exit_code must be an integer from 0 to 255, not %s", tostring(code))
  end
end

---@type table<string, integer>?
local numbers

--- Returns the number of an errno by its name.
local function errno_of(name)
  if not numbers then
    numbers = {}
    for number = 1, 200 do
      local found = core.errno_name(number)
      if found then numbers[found] = numbers[found] or number end
    end
  end
  return numbers[name]
end

--- Builds the failure of a start, as the core would.
local function failure_of(call, given)
  if type(given) == "string" then given = { errname = given } end
  local errno = given.errno or errno_of(given.errname)
  if given.errname and not errno then
    refuse(call, "error: no such errno, %s", failure.shown(given.errname))
  end
  return { code = "spawn", stage = given.stage or "find_program",
    subject = given.subject or call.program, reason = given.reason, errno = errno,
    errname = errno and core.errno_name(errno),
    message = errno and core.strerror(errno) }
end

local function signal_of(call, given)
  local number = core.signal_number(given)
  return number or refuse(call, "signal: no such signal, %s", failure.shown(given))
end

local function text_of(value)
  return value ~= nil and tostring(value) or nil
end

local SHORT = {
  ["nil"] = function() return {} end,
  string = function(text) return { stdout = text } end,
  number = function(code) return { exit_code = code } end,
  boolean = function(ok) return { exit_code = ok and 0 or 1 } end,
}

--- Converts a reply to the table that the core takes. It has a `failure` if the program
--- fails to start.
---@param value noshell.dry_reply  not a function
---@param call noshell.dry_call
---@return table
function reply.new(value, call)
  local kind = type(value)
  if SHORT[kind] then
    value = SHORT[kind](value)
  elseif kind ~= "table" then
    refuse(call, "must be a table, a string, a number, a boolean or nil, not %s",
      failure.shown(value))
  end
  check(call, value)
  return {
    failure = value.error and failure_of(call, value.error),
    signal_number = value.signal and signal_of(call, value.signal),
    exit_code = value.exit_code, core_dumped = value.core_dumped,
    timed_out = value.timed_out, output_limit = value.output_limit,
    out_of_memory = value.out_of_memory, lost = value.lost,
    stdout = text_of(value.stdout), stderr = text_of(value.stderr), pipes = value.pipes,
  }
end

return reply
