--- Results: how a finished process ended, with what was captured, and the
--- parsers as methods that read the captured stdout.

local failure = require "noshell.failure"
local parse = require "noshell.parse"

---@class noshell.result
---@field ok boolean             success by the command's rules
---@field exit_code? integer     where it exited
---@field signal? string         where a signal ended it: "TERM"
---@field signal_number? integer  its number
---@field core_dumped boolean   the kernel wrote a core
---@field stdout? string         where it was captured
---@field stderr? string         where it was captured
---@field pid integer            what it was
---@field duration number        seconds from start to end
---@field user_time? number      seconds
---@field system_time? number    seconds
---@field max_rss? integer       bytes; not less than the parent's where memory was shared
---@field timed_out boolean      the command's timeout passed
---@field timed_out_after? number  seconds from the start to that
---@field held? ("stdout"|"stderr")[]  the captured streams that processes it started
---  still held when a timeout or an abort ended the run, though it had exited itself
---@field output_incomplete boolean  a pipe was still open when reading stopped
---@field unreached? string      why a timeout or an abort may have left processes
---  running that it started
---@field raw_status? integer    as wait(2) has it
---@field stdout_dropped? integer  bytes of it that tail did not keep
---@field stderr_dropped? integer  the same of stderr
---@field stages? noshell.result[]  of a pipeline: how each stage ended
local methods = {}

-- Not fields of the result: `pairs` gives what there is to know of the end.
local metatable = { __name = "noshell.result", __index = methods }

local result = {}

local function ending(self)
  if self.exit_code then return "exited with status " .. self.exit_code end
  if self.signal_number then
    return "killed by signal " .. (self.signal or self.signal_number)
  end
  return "ended, status unknown"
end

function metatable.__tostring(self)
  return ("%s after %.3g s"):format(ending(self), self.duration)
end

--- Makes a result of the core's fields, in place.
---@param raw table
---@return noshell.result
function result.new(raw)
  return setmetatable(raw, metatable)
end

-- Parsing -------------------------------------------------------------------------

--- Why stdout cannot be parsed: it is not there, or not all of it.
local function find_lack(self)
  if not self.stdout then return "stdout was not captured" end
  if self.output_incomplete then
    return "stdout is incomplete: a pipe was still open when reading stopped"
  elseif (self.stdout_dropped or 0) > 0 then
    return ("stdout is incomplete: its first %d bytes were not kept"):format(
      self.stdout_dropped)
  end
end

--- What a parser makes of the captured stdout.
local function parsed(self, parser, ...)
  local lack = find_lack(self)
  if lack then return nil, failure.of_text(parser, lack) end
  return parse[parser](self.stdout, ...)
end

--- The lines of stdout.
---@param options? noshell.lines_options
---@return string[]?
---@return noshell.error?
function methods:lines(options)
  return parsed(self, "lines", options)
end

--- The words of stdout.
---@param options? noshell.words_options
---@return string[]?
---@return noshell.error?
function methods:words(options)
  return parsed(self, "words", options)
end

--- The records of a table on stdout: see parse.columns.
---@param options? noshell.columns_options
---@return noshell.rows?
---@return noshell.error?
function methods:columns(options)
  return parsed(self, "columns", options)
end

--- The record of NAME=value lines on stdout: see parse.key_value.
---@param options? noshell.key_value_options
---@return table<string, any>|table<string, any>[]|nil
---@return noshell.error?
function methods:key_value(options)
  return parsed(self, "key_value", options)
end

--- The records of NAME="value" pairs on stdout: see parse.pairs.
---@return noshell.rows?
---@return noshell.error?
function methods:pairs()
  return parsed(self, "pairs")
end

--- The records of stdout that a NUL ends, or rows of n of them.
---@param n? integer
---@return string[]|string[][]|nil
---@return noshell.error?
function methods:nul(n)
  return parsed(self, "nul", n)
end

--- The captures of the lines of stdout that match: see parse.match.
---@param pattern string|string[]
---@param options? noshell.match_options
---@return any[][]|table<string, any>[]|nil
---@return noshell.error?
function methods:match(pattern, options)
  return parsed(self, "match", pattern, options)
end

--- The JSON value on stdout: see parse.json.
---@param options? noshell.json_options
---@return any
---@return noshell.error?
function methods:json(options)
  return parsed(self, "json", options)
end

-- The triple ----------------------------------------------------------------------

--- What os.execute returns on Lua 5.4, on every Lua; for an end that is neither
--- an exit nor a signal, `nil, err`.
---@param self? noshell.result
---@param err? noshell.error
---@return true|nil ok
---@return "exit"|"signal"|noshell.error kind
---@return integer? number
function result.triple(self, err)
  if err and err.code ~= "exit" and err.code ~= "signal" then
    return nil, err
  end
  self = self or err.result
  local ok = self.ok or nil
  if self.exit_code then return ok, "exit", self.exit_code end
  return ok, "signal", self.signal_number
end

return result
