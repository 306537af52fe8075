--- Runs calls that wait in coroutines, so that the caller can wait for several at once.
---
--- Each call is a member of a group, and a wait for that group is the host of its
--- coroutine.

local core = require "noshell.core"
local host = require "noshell.host"
local scope = require "noshell.scope"

---@class noshell.aside : noshell.member
---@field package thread thread
---@field calls noshell.scope        the programs that it has started
---@field values table               what it returned, once it has ended
---@field raised? table              { err }: the error that ended it
---@field package one? noshell.awaited  the object that it waits for
---@field package deadline? number   of this wait
---@field package is_woken? boolean
---@field package is_ended? boolean  it was cancelled: its waits fail
local methods = {}

local metatable = { __index = methods, __name = "noshell.aside" }

local aside = {}

--- Distinguishes our own yields from those of a user callback.
local WAITS = {}

--- The awaited.wake of all calls. Not a closure: see host/nginx.lua.
local function wake(one)
  one.aside.is_woken = true
  host.wake(one.aside)
end

--- Waits in the caller of _step.
local function wait(self, one, seconds)
  if self.is_ended then return nil, "it was ended meanwhile" end
  self.one, self.deadline = one, seconds and core.now() + seconds
  one.aside, one.wake = self, wake
  coroutine.yield(WAITS)
  one.wake = nil
  self.one, self.deadline, self.is_woken = nil, nil, false
  if self.is_ended then return nil, "it was ended meanwhile" end
  return true
end

local function finish(self, raised, ...)
  self.raised, self.values = raised, { ... }
  -- Lua 5.1 never collects a weak entry whose key and value refer to each other.
  host.use(nil, self.thread)
  return true
end

--- Handles the results of a resume. Returns true if the call has ended.
local function receive(self, ok, ...)
  if not ok then
    return finish(self, { (...) })
  elseif coroutine.status(self.thread) == "dead" then
    return finish(self, nil, ...)
  elseif (...) == WAITS then
    return false
  end
  -- A user callback yields to the loop of the script.
  return receive(self, coroutine.resume(self.thread, coroutine.yield(...)))
end

local function is_ready(self)
  local one = self.one
  if not one or self.is_woken then return true end
  if self.deadline and core.now() >= self.deadline then return true end
  local fd = one:pollfd()
  return fd and core.poll(fd, one:events(), 0)
end

local function enter(calls, self, f, ...)
  self.calls = calls
  return f(calls, ...)
end

--- Calls f(scope, ...) in a coroutine; see _step.
---@param f function
---@param ... any
---@return noshell.aside
function aside.new(f, ...)
  local self = setmetatable({}, metatable)
  local outer = host.current()
  self.thread = coroutine.create(function(...)
    return scope.run(enter, self, ...)
  end)
  host.use({ name = outer.name, starts_aside = outer.starts_aside, prepare = outer.prepare,
    wait = function(one, seconds) return wait(self, one, seconds) end }, self.thread)
  receive(self, coroutine.resume(self.thread, f, ...))
  return self
end

--- Returns true if `value` is such a call.
function aside.is(value)
  return getmetatable(value) == metatable
end

--- Runs it until its next wait. Returns true if it has ended; then self.values has its return
--- values.
---@return boolean
---@private
function methods:_step()
  if self.values then return true end
  if not is_ready(self) then return false end
  return receive(self, coroutine.resume(self.thread))
end

--- Ends it: its waits fail. It does not yield.
function methods:cancel()
  if self.values then return end
  self.is_ended = true
  receive(self, coroutine.resume(self.thread))
end

---@param list noshell.watch_list
---@private
function methods:_collect(list)
  local fd = self.one and self.one:pollfd()
  if fd then list[#list + 1], list[#list + 2] = fd, self.one:events() end
end

---@return number?
function methods:timeout()
  if self.values or self.is_woken then return 0 end
  return self.deadline and math.max(0, self.deadline - core.now())
end

return aside
