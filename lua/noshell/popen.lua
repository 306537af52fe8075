--- A replacement for io.popen.

local command = require "noshell.command"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
local result = require "noshell.result"
local scope = require "noshell.scope"

--- A file that is connected to a program. If it is collected, the pipes are closed:
--- the program goes on, and gets SIGPIPE if it writes more.
---@class noshell.popen
---@field process noshell.process
---@field stdin? noshell.stream   if the mode is "w" or "rw"
---@field stdout? noshell.stream  if the mode is "r" or "rw"
local methods = {}

local metatable = { __index = methods, __name = "noshell.popen" }

local popen = {}

local function end_of(self, method, name, mode)
  misuse.check_self(self, metatable, method)
  if self.triple then misuse.raise "noshell.popen: the file is closed" end
  if self[name] then return self[name] end
  misuse.raise("noshell.popen: %s needs the mode \"%s\": noshell.popen({ ... }, \"%s\")",
    method, mode, mode)
end

--- The same as stream:read.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return string? ...
function methods:read(...)
  local stdout = end_of(self, "read", "stdout", "r")
  return keep(stdout:read(...))
end

--- The same as stream:lines.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return fun(): string?, ...
function methods:lines(...)
  local stdout = end_of(self, "lines", "stdout", "r")
  return keep(stdout:lines(...))
end

--- The same as stream:records.
---@param separator string
---@return fun(): string?
function methods:records(separator)
  local stdout = end_of(self, "records", "stdout", "r")
  return keep(stdout:records(separator))
end

--- The same as stream:read_some.
---@param max? integer
---@return string?
---@return noshell.error?
function methods:read_some(max)
  local stdout = end_of(self, "read_some", "stdout", "r")
  return keep(stdout:read_some(max))
end

--- The same as stream:read_until.
---@param patterns string|string[]
---@param seconds? number
---@return string? before
---@return string|noshell.error match
---@return integer? index
function methods:read_until(patterns, seconds)
  local stdout = end_of(self, "read_until", "stdout", "r")
  return keep(stdout:read_until(patterns, seconds))
end

--- The same as stream:set_timeout, for reads and for writes.
---@param seconds? number
---@return noshell.popen
function methods:set_timeout(seconds)
  misuse.check_self(self, metatable, "set_timeout")
  if self.stdin then self.stdin:set_timeout(seconds) end
  if self.stdout then self.stdout:set_timeout(seconds) end
  return self
end

--- The same as stream:write.
---@param ... string|number
---@return noshell.popen?
---@return noshell.error?
function methods:write(...)
  local _, err = end_of(self, "write", "stdin", "w"):write(...)
  if err then return nil, err end
  return self
end

--- Does nothing: writes are not buffered.
---@return noshell.popen
function methods:flush()
  return self
end

local function conclude(self)
  if self.stdin then self.stdin:close() end
  if self.stdout then self.stdout:close() end
  self.triple = { result.triple(self.process:wait()) }
  self.process:close()
end

--- Closes the streams and waits for the program to end. Returns true, "exit", 0, or
--- nil, "exit" or "signal", and the number, as io.popen's close does; nil, err if the
--- status is unknown. A second call returns the same values.
--- An error that is raised meanwhile ends the program.
---@return true|nil ok
---@return "exit"|"signal"|noshell.error kind
---@return integer? number
function methods:close()
  misuse.check_self(self, metatable, "close")
  if not self.triple then scope.enter(scope.new(self.process), conclude, self) end
  return self.triple[1], self.triple[2], self.triple[3]
end

--- Aborts the program at the end of a scope, as a process does.
function metatable.__close(self)
  self.process:close()
end

function metatable.__tostring(self)
  return "noshell.popen (" .. tostring(self.process) .. ")"
end

local ways = {
  r = { [0] = "inherit", "pipe", "inherit" },
  w = { [0] = "pipe", "inherit", "inherit" },
  rw = { [0] = "pipe", "pipe", "inherit" },
}

--- Returns true if `mode` is "r", "w" or "rw".
function popen.is_mode(mode)
  return ways[mode] ~= nil
end

--- Modes of io.popen and io.open.
local LIKE_MODES = { r = true, w = true, rw = true, rb = true, wb = true, rt = true, wt = true,
  ["r+"] = true, ["w+"] = true }

--- Raises an error if the last plain argument may be meant as the mode.
---@param word any
function popen.check_last(word)
  if LIKE_MODES[word] then
    misuse.raise('noshell.popen: is "%s" the mode or an argument? Write noshell.popen({ ... }, '
      .. '"%s") for a mode, noshell.popen { ..., "%s" } for an argument', word,
      word:match "^rw" or word:sub(1, 1), word)
  end
end

--- Starts a command. Changes it, so the caller must own it.
---@param cmd noshell.command
---@param mode "r"|"w"|"rw"
---@return noshell.popen?
---@return noshell.error?
function popen.open(cmd, mode)
  local ok, err = command.direct(cmd, ways[mode], "popen")
  if not ok then return nil, err end
  command.flush()
  local process
  process, err = cmd:run_async()
  if not process then return nil, err end
  -- If the file is collected, the pipes are closed, as with io.popen.
  process:_leave_streams()
  return setmetatable({ process = process, stdin = process:_pipe "stdin",
    stdout = process:_pipe "stdout" }, metatable)
end

return popen
