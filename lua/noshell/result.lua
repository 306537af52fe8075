--- Results: how a finished process ended, with what was captured, and the
--- parsers as methods that read the captured stdout.

local failure = require "noshell.failure"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
local names = require "noshell.names"
local parse = require "noshell.parse"

---@class noshell.result
---@field ok boolean             success by the command's rules
---@field exit_code? integer     if the program exited
---@field signal? string         if a signal ended the program: "TERM"
---@field signal_number? integer  its number
---@field core_dumped boolean   the kernel wrote a core file
---@field stdout? string         if it was captured
---@field stderr? string         if it was captured
---@field pid integer            the pid that it had
---@field duration number        seconds from start to end; for a process without a timeout
---  that was not waited for, until the end was noticed
---@field user_time? number      seconds
---@field system_time? number    seconds
---@field max_rss? integer       bytes; includes the parent's if memory was shared at the start
---@field memory_peak? integer   bytes: the most that the program and its descendants used
---  together; with a sandbox that limits memory
---@field out_of_memory? boolean  true if the kernel ended a process of it because its
---  sandbox's memory was exhausted
---@field timed_out boolean      the command's timeout passed
---@field timed_out_after? number  seconds from the start to the timeout
---@field stopped_by? string    the signal that had stopped the program at its timeout: "TTIN"
---@field held? ("stdout"|"stderr")[]  the captured streams that descendants still held
---  when a timeout or an abort ended the run, after the program itself had exited
---@field output_incomplete boolean  a pipe was still open when reading stopped
---@field unreached? string      the reason why descendants may still run after a timeout
---  or an abort
---@field raw_status? integer    as from wait(2)
---@field stdout_dropped? integer  the number of bytes that tail did not keep
---@field stderr_dropped? integer  the same for stderr
---@field commands? noshell.result[]  of a pipeline: the result of each command
---@field sandbox? noshell.sandbox_report  how its sandbox is enforced
---@field stages? noshell.result[]  an alias of commands
---@field machine? string        the name of the machine on which it ran
---@field doubt? string          the reason why a status there may be death by a signal
local methods = {}

-- Methods are no fields of the result, so `pairs` iterates over the data only.
local metatable = { __name = "noshell.result" }

--- The fields that a result may lack.
local FIELDS = { ok = true, exit_code = true, signal = true, signal_number = true,
  core_dumped = true, stdout = true, stderr = true, pid = true, duration = true,
  user_time = true, system_time = true, max_rss = true, memory_peak = true,
  out_of_memory = true, timed_out = true, timed_out_after = true, stopped_by = true,
  held = true, output_incomplete = true, unreached = true,
  raw_status = true, stdout_dropped = true, stderr_dropped = true, stages = true }

function metatable.__index(_, name)
  local method = methods[name]
  if method ~= nil or FIELDS[name] then return method end
  local ours = names.FOREIGN_FIELDS[name]
  if ours then misuse.raise("a result has no '%s': write result.%s", name, ours) end
  misuse.check_name("a result", name, methods, FIELDS)
end

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

--- Turns the core's fields into a result, in place.
---@param raw table
---@return noshell.result
function result.new(raw)
  return setmetatable(raw, metatable)
end

-- Parsing -------------------------------------------------------------------------

--- Returns the reason why stdout cannot be parsed: it is missing or incomplete.
local function find_lack(self)
  if not self.stdout then return "stdout was not captured" end
  if self.output_incomplete then
    return "stdout is incomplete: a pipe was still open when reading stopped"
  elseif (self.stdout_dropped or 0) > 0 then
    return ("stdout is incomplete: its first %d bytes were not kept"):format(
      self.stdout_dropped)
  end
end

--- Applies a parser to the captured stdout.
local function parsed(self, parser, ...)
  local lack = find_lack(self)
  if lack then return nil, failure.of_text(parser, lack) end
  return parse[parser](self.stdout, ...)
end

--- Returns the lines of stdout.
---@param options? noshell.lines_options
---@return string[]?
---@return noshell.error?
function methods:lines(options)
  return keep(parsed(self, "lines", options))
end

--- Returns the words of stdout.
---@param options? noshell.words_options
---@return string[]?
---@return noshell.error?
function methods:words(options)
  return keep(parsed(self, "words", options))
end

--- Returns the records of a table on stdout: see parse.columns.
---@param options? noshell.columns_options
---@return noshell.rows?
---@return noshell.error?
function methods:columns(options)
  return keep(parsed(self, "columns", options))
end

--- Returns the record of NAME=value lines on stdout: see parse.key_value.
---@param options? noshell.key_value_options
---@return table<string, any>|table<string, any>[]|nil
---@return noshell.error?
function methods:key_value(options)
  return keep(parsed(self, "key_value", options))
end

--- Returns the records of NAME="value" pairs on stdout: see parse.pairs.
---@return noshell.rows?
---@return noshell.error?
function methods:pairs()
  return keep(parsed(self, "pairs"))
end

--- Returns the NUL-terminated records of stdout, or rows of n records.
---@param n? integer
---@return string[]|string[][]|nil
---@return noshell.error?
function methods:nul(n)
  return keep(parsed(self, "nul", n))
end

--- Returns the captures of the matching lines of stdout: see parse.match.
---@param pattern string|string[]
---@param options? noshell.match_options
---@return any[][]|table<string, any>[]|nil
---@return noshell.error?
function methods:match(pattern, options)
  return keep(parsed(self, "match", pattern, options))
end

--- Returns the JSON value on stdout: see parse.json.
---@param options? noshell.json_options
---@return any
---@return noshell.error?
function methods:json(options)
  return keep(parsed(self, "json", options))
end

-- The triple ----------------------------------------------------------------------

--- Returns the same values as os.execute of Lua 5.4, on every Lua; for an end that is
--- neither an exit nor a signal, nil, err.
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
