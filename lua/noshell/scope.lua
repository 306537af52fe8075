--- A scope holds the programs that a call started, and ends them if an error passes
--- through the call, because then nothing would wait for them. The error may come from
--- a callback, a host that cannot wait, a cancelled task, Ctrl-C, or lack of memory.

local core = require "noshell.core"
local host = require "noshell.host"
local protect = require "noshell.protect"
local state = require "noshell.state"

---@class noshell.process
local processes = core.methods.process

local abort, closed = processes._abort, processes.closed

--- A list of the processes, which command:_start adds. It may contain processes that
--- did not start or are closed.
---@class noshell.scope : noshell.frame
---@field [integer] noshell.process
---@field start? noshell.start   a pending start
---@field group? noshell.group   the group that the call waits for
---@field pipes? noshell.descriptor[]  the pipes between commands that are being started
---@field captures_pty? boolean  the output of a terminal is part of the result
---@field is_alone? boolean      the process is known to this call only, which blocks
---@field keeps? boolean         the processes are ended, but not closed

local scope = {}

--- Waits briefly for a pending start, whose process is then in the list.
local function take_start(self)
  local start = self.start
  self.start = nil
  if start then start:finish_now(self) end
end

local function close(process)
  process:close()
end

local function close_group(group)
  group:close()
end

--- Releases the process, even if its callbacks or a tracer raise errors here.
local function release(process)
  if closed(process) then return end
  local owner = state.of(process).owner
  pcall(close, process)
  if owner then pcall(close_group, owner.group) end
  processes._free(process)
end

--- Ends all processes: TERM, 10 ms, KILL. Blocks meanwhile, because the error may be
--- that the host cannot wait.
---@param self noshell.scope
local function fail(self)
  pcall(take_start, self)
  for i = 1, #self do
    if not closed(self[i]) then self[i]:terminate() end
  end
  for i = 1, #self do
    if not closed(self[i]) then abort(self[i]) end
  end
  for i = 1, #self do
    if not self.keeps then release(self[i]) end
  end
  if self.group then pcall(close_group, self.group) end
  for i = 1, self.pipes and #self.pipes or 0 do self.pipes[i]:close() end
end

--- Makes a scope of these processes.
---@param ... noshell.process
---@return noshell.scope
function scope.new(...)
  ---@type noshell.scope
  local self = protect.frame(fail)
  for i = 1, select("#", ...) do self[i] = select(i, ...) end
  return self
end

--- Calls f(...); if an error passes through it, ends the processes of the scope.
---@type fun(self: noshell.scope, f: function, ...: any): ...
scope.enter = host._protect

--- Calls f(scope, ...) with a new scope.
---@param f function
---@param ... any
function scope.run(f, ...)
  local self = protect.frame(fail)
  return scope.enter(self, f, self, ...)
end

--- Removes closed processes, for calls that start many. An error may interrupt this at
--- any point, so the list contains every open process all the time, and has no hole.
---@param self noshell.scope
function scope.prune(self)
  local size, count = #self, 0
  for i = 1, size do
    local process = self[i]
    if not closed(process) then
      count = count + 1
      self[count] = process
    end
  end
  for i = size, count + 1, -1 do self[i] = nil end
end

return scope
