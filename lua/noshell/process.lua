--- What waits, of a process. The rest of it is the core's: see core.d.lua.

local background = require "noshell.background"
local core = require "noshell.core"
local drive = require "noshell.drive"
local failure = require "noshell.failure"
local host = require "noshell.host"
local result = require "noshell.result"
local scope = require "noshell.scope"
local state = require "noshell.state"
local trace = require "noshell.trace"
local wait = require "noshell.wait"
local waitable = require "noshell.waitable"

---@class noshell.process : noshell.waitable
local methods = core.methods.process

local process = {}

local function fail(self, raw)
  return nil, failure.new(raw, self.command)
end

-- What one of several is asked, here and in a pipeline -------------------------

local pump, pollfd, get_field = methods._pump, methods._pollfd, methods._field

--- A method, or a field that C knows.
function core.metatables.process.__index(self, name)
  local method = methods[name]
  if method ~= nil then return method end
  return get_field(self, name)
end

--- What is waited for, where that is more than C knows of.
---@return noshell.group?
function methods:_group()
  local driver = state.of(self).driver
  return driver and driver.stdin and driver.group
end

--- Itself, if no function of Lua's serves it.
---@return noshell.process?
function methods:_undriven()
  return not state.of(self).driver and self or nil
end

--- As pump, and never raises.
---@return boolean? finished
---@return noshell.failure?
function methods:_step()
  local driver = state.of(self).driver
  if driver then return drive.step(self, driver) end
  return pump(self)
end

--- { err } where a function of the caller's raised err: at the end of the process
--- it is raised again.
---@return table?
function methods:_raised()
  local driver = state.of(self).driver
  return driver and driver.raised
end

--- The pipeline that it is part of, or itself.
---@return noshell.process|noshell.pipeline_process
function methods:_owner()
  return state.of(self).owner or self
end

---@param list table
function methods:_collect(list)
  local fd, driver = pollfd(self), state.of(self).driver
  if fd then
    list[#list + 1], list[#list + 2] = fd, "r"
  elseif self:pidfd() then
    list.blind = true
  end
  if driver and driver.stdin then
    list[#list + 1], list[#list + 2] = driver.stdin:fileno(), "w"
  end
end

--- It is bound to its caller only while an iterator waits.
function methods:_iterated()
  state.of(self).iterated = true
  self:_bind(false)
end

--- Calls none of the caller's functions any more.
function methods:_mute()
  local driver = state.of(self).driver
  if driver then drive.mute(driver) end
end

---@return noshell.result?
---@return noshell.error?
function methods:_outcome()
  return process.outcome(self)
end

--- The result of a finished one, which need not be a success.
---@return noshell.result
function methods:_result()
  local answer, err = process.outcome(self)
  return answer or err.result
end

--- Whether what goes with it has to be ended: its deadline or its cap was
--- passed, or a function of the caller's raised.
function methods:_is_fatal()
  if self:_raised() then return true end
  local _, raw = self:check()
  return raw ~= nil and (raw.code == "timeout" or raw.code == "output_limit")
end

-- Waiting -----------------------------------------------------------------------

--- The outcome of a process that has finished: its result, or nil, err, and the
--- same one each time.
---@param self noshell.process
---@return noshell.result?
---@return noshell.error?
function process.outcome(self)
  local own = state.of(self)
  if not own.result then
    own.result = result.new(drive.result(self))
    local ok, raw = self:check()
    if not ok then own.err = failure.new(raw, self.command, own.result) end
    trace.exited(self, own.result, own.err)
  end
  if own.err then return nil, own.err end
  return own.result
end

--- Readable when pump has something to do.
---@return integer?
---@return noshell.failure?
function methods:pollfd()
  local several = self:_group()
  if several then return several:pollfd() end
  return pollfd(self)
end

local kill = methods._kill

--- Sends a signal through the pidfd: to this program, or to none.
---@param signal? string|integer  "TERM" unless given
---@return true?
---@return noshell.error?
function methods:kill(signal)
  local ok, raw = kill(self, signal)
  if raw then return fail(self, raw) end
  local dry = state.of(self).dry
  if dry then table.insert(dry.call.signals, core.signal_number(signal or "TERM")) end
  return ok
end

-- Ending it: see noshell.waitable -----------------------------------------------

--- C raises the error.
function methods._check_open() end

methods._end = pump

---@return true?
---@return noshell.error?
function methods:_reap()
  -- No method of a closed process reports its end.
  if trace.is_on() then process.outcome(self) end
  local ok, raw = self:_abort()
  if raw then return fail(self, raw) end
  return ok
end

local closed, free = methods.closed, methods._free

---@return true?
---@return noshell.error?
function methods:_abort_for_close()
  -- One that has given its result has ended.
  if closed(self) or state.of(self).result then return true end
  return scope.enter(scope.new(self), waitable.abort, self)
end

function methods:_release()
  local groups = state.of(self).groups
  for _, group in pairs(groups or {}) do group:close() end
  background.remove(self)
  free(self)
end

waitable.extend(methods)

core.metatables.process.__close = methods.close

local detach = methods._detach

--- Lets go: the program runs on, and is reaped later. Closes this object.
function methods:detach()
  background.remove(self)
  detach(self)
  host.wake(self)
end

--- Waits until the child stands before its exec. Where `seconds` pass before,
--- err.code is "timeout"; where the command's own timeout passes, the child is
--- ended, and err.result is there too.
---@param seconds? number
---@return true?
---@return noshell.error?
function methods:handshake_wait(seconds)
  local deadline = wait.deadline(seconds, "handshake_wait")
  local is_over = false
  local ready, raw = wait.await(self, function()
    local answer, why = self:_handshake_wait(0)
    is_over = answer == false and self:timeout() == 0
    if is_over then return true end
    return answer, why
  end, deadline)
  if is_over then return nil, select(2, self:wait()) end
  if ready then return true end
  return fail(self, raw or { code = "timeout", seconds = seconds })
end

local notify = methods._handshake_notify

--- Lets the child go on to its exec.
---@return true?
---@return noshell.error?
function methods:handshake_notify()
  local ok, raw = notify(self)
  if raw then return fail(self, raw) end
  return ok
end

return process
