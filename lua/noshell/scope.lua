--- The programs that a call started. If an error passes through the call (of a
--- callback, of a host that cannot wait, of a cancelled task, Ctrl-C, no memory),
--- nobody is left who could wait for them: they are ended.

local core = require "noshell.core"
local host = require "noshell.host"
local protect = require "noshell.protect"
local state = require "noshell.state"

---@class noshell.process
local processes = core.methods.process

local terminate, abort, closed = processes.terminate, processes._abort, processes.closed

--- A list of the processes, also of those that did not start or are closed by
--- now: command:_start adds them.
---@class noshell.scope : noshell.frame
---@field [integer] noshell.process
---@field start? noshell.start   what another thread is starting
---@field group? noshell.group   what the call waits with
---@field pipes? noshell.descriptor[]  between commands that are being started
---@field keeps? boolean         the processes are ended, and not closed

local scope = {}

--- What the list of noshell.start gives, where the start takes a moment.
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

--- Releases the process, though its callbacks or a tracer raise here.
local function release(process)
  if closed(process) then return end
  local owner = state.of(process).owner
  pcall(close, process)
  if owner then pcall(close_group, owner.group) end
  processes._free(process)
end

--- Ends all of them: TERM, 10 ms, KILL. It stands still for that: the error may
--- be that the host cannot wait.
---@param self noshell.scope
local function fail(self)
  pcall(take_start, self)
  for i = 1, #self do
    if not closed(self[i]) then terminate(self[i]) end
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

--- A scope of these, and of nothing else unless something is started in it.
---@param ... noshell.process
---@return noshell.scope
function scope.new(...)
  ---@type noshell.scope
  local self = protect.frame(fail)
  for i = 1, select("#", ...) do self[i] = select(i, ...) end
  return self
end

--- Calls f(...); if an error passes through that, what is in the scope is ended.
---@type fun(self: noshell.scope, f: function, ...: any): ...
scope.enter = host._protect

--- Calls f(scope, ...) with a new one.
---@param f function
---@param ... any
function scope.run(f, ...)
  local self = protect.frame(fail)
  return scope.enter(self, f, self, ...)
end

--- Takes out what is closed, of a call that starts many. An error may stop it
--- anywhere: what is open is in the list all the time, and the list has no hole.
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
