--- io.popen's replacement: a program at the other end of a file.

local command = require "noshell.command"
local result = require "noshell.result"
local scope = require "noshell.scope"

--- What noshell.popen gives. Collected, it lets the program run on.
---@class noshell.popen
---@field process noshell.process  what runs
---@field stdin? noshell.stream   where the mode is "w" or "rw"
---@field stdout? noshell.stream  where the mode is "r" or "rw"
local methods = {}

local metatable = { __index = methods, __name = "noshell.popen" }

local popen = {}

local function end_of(self, name, mode)
  if self.triple then error("noshell.popen: the file is closed", 3) end
  return self[name] or error("noshell.popen: not opened with mode '" .. mode .. "'", 3)
end

--- As stream:read.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return string? ...
function methods:read(...)
  local stdout = end_of(self, "stdout", "r")
  return stdout:read(...)
end

--- As stream:lines.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return fun(): string?, ...
function methods:lines(...)
  local stdout = end_of(self, "stdout", "r")
  return stdout:lines(...)
end

--- As stream:records.
---@param separator string
---@return fun(): string?
function methods:records(separator)
  local stdout = end_of(self, "stdout", "r")
  return stdout:records(separator)
end

--- As stream:write.
---@param ... string|number
---@return noshell.popen?
---@return noshell.error?
function methods:write(...)
  local _, err = end_of(self, "stdin", "w"):write(...)
  if err then return nil, err end
  return self
end

--- Nothing is kept back: there is nothing to flush.
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

--- Closes the streams and waits for the program's end. No way to end is an
--- error here: true, "exit", 0, or nil and "exit" or "signal" and the number;
--- nil, err where there is no such number. Closing again gives the same again.
--- If an error is raised meanwhile, the program is ended.
---@return true|nil ok
---@return "exit"|"signal"|noshell.error kind
---@return integer? number
function methods:close()
  if not self.triple then scope.enter(scope.new(self.process), conclude, self) end
  return self.triple[1], self.triple[2], self.triple[3]
end

--- Leaving a scope ends the program, as with a process.
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

--- Whether `mode` is one of "r", "w" and "rw".
function popen.is_mode(mode)
  return ways[mode] ~= nil
end

--- Starts a command that is not used otherwise.
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
  return setmetatable({ process = process, stdin = process.stdin,
    stdout = process.stdout }, metatable)
end

return popen
