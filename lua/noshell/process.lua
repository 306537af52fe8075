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

---@class noshell.process
local methods = core.methods.process

local process = {}

local function fail(self, raw)
  return nil, failure.new(raw, self.command)
end

-- What one of several is asked, here and in a pipeline -------------------------

local pump, get_field = methods._pump, methods._field

--- A method, or a field that C knows.
function core.metatables.process.__index(self, name)
  local method = methods[name]
  if method ~= nil then return method end
  return get_field(self, name)
end

--- Whether C alone knows what to wait for.
---@return boolean
function methods:_is_single()
  return not state.of(self).driver
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
  drive.collect(self, list)
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
function methods:_verdict()
  return process.verdict(self)
end

--- The result of a finished one, which need not be a success.
---@return noshell.result
function methods:_result()
  local answer, err = process.verdict(self)
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

--- The verdict on a process that has finished: its result, or nil, err, and the
--- same one each time.
---@param self noshell.process
---@return noshell.result?
---@return noshell.error?
function process.verdict(self)
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

--- Waits for the end, as wait does, without a deadline; and closes.
---@param self noshell.process|noshell.pipeline_process
---@return noshell.result?
---@return noshell.error?
function process.conclude(self)
  local finished, raw = wait.finish(self, self._step)
  local raised, answer, err = self:_raised(), nil, nil
  if finished then answer, err = self:_verdict() end
  self:close()
  if raised then error(raised[1], 0) end
  if finished then return answer, err end
  return fail(self, raw)
end

--- A scope of the processes of all these.
---@param list (noshell.process|noshell.pipeline_process)[]
---@return noshell.scope
function process.scope_of(list)
  local calls = scope.new()
  for i = 1, #list do
    local each = list[i]
    local processes = each.processes
    for k = 1, processes and #processes or 0 do calls[#calls + 1] = processes[k] end
    if not processes then calls[#calls + 1] = each end
  end
  return calls
end

local function abort_all(list)
  for i = 1, #list do
    local each = list[i]
    each:_mute()
    if not each:closed() then each:terminate(0.010) end
  end
  local ok, err = true, nil
  for i = 1, #list do
    local each = list[i]
    local closed, why = each:close()
    if not closed then ok, err = nil, err or why end
  end
  return ok, err
end

--- Ends all of these at once, and closes them. nil, err as abort has it.
---@param list (noshell.process|noshell.pipeline_process)[]
---@return true?
---@return noshell.error?
function process.abort_all(list)
  if not list[1] then return true end
  return scope.enter(process.scope_of(list), abort_all, list)
end

--- Moves data, runs timers, collects the status; never blocks. An error of a
--- function of the caller's is raised here, once the program has ended. True if it
--- has ended and its pipes are at their end.
---@return boolean? finished
---@return noshell.failure?
function methods:pump()
  local finished, raw = self:_step()
  if finished then host.wake(self) end
  local raised = finished and self:_raised()
  if raised then error(raised[1], 0) end
  return finished, raw
end

--- Readable when pump has something to do.
---@return integer?
---@return noshell.failure?
function methods:pollfd()
  return drive.pollfd(self)
end

--- Waits until the program has ended and its captured output is at its end.
--- Where `seconds` pass before, it runs on, and err.code is "timeout". Waiting
--- again gives the same answer again.
---@param seconds? number
---@return noshell.result?
---@return noshell.error?
function methods:wait(seconds)
  local deadline = wait.deadline(seconds, "wait")
  local finished, raw = wait.finish(self, self.pump, deadline)
  if finished then return process.verdict(self) end
  if raw then return fail(self, raw) end
  return fail(self, { code = "timeout", seconds = seconds })
end

--- The result where the program has ended, nil where it has not, or nil, err.
---@return noshell.result?
---@return noshell.error?
function methods:poll()
  local finished, raw = self:pump()
  if finished then return process.verdict(self) end
  if raw then return fail(self, raw) end
  return nil
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

local function abort(self)
  self:_mute()
  local finished, raw = self:terminate(0.010)
  if not raw then finished, raw = wait.finish(self, pump) end
  if raw then return fail(self, raw) end
  -- Nobody may ask after this.
  if finished and trace.is_on() then process.verdict(self) end
  finished, raw = self:_abort()
  if raw then return fail(self, raw) end
  return finished
end

--- Ends the program and what it started, TERM, 10 ms, KILL, and reaps it, also if
--- an error is raised meanwhile. One that has ended already is left alone. If
--- processes that it started may still run, because they could not be found or
--- signalled: nil, err, where err.code is "io" and err.stage is "abort".
---@return true?
---@return noshell.error?
function methods:abort()
  local calls = scope.new(self)
  calls.keeps = true
  return scope.enter(calls, abort, self)
end

local closed, free = methods.closed, methods._free

--- Aborts the program if it still runs, and releases everything, also if abort
--- fails: then nil, err. Closing twice is fine.
---@return true?
---@return noshell.error?
function methods:close()
  if closed(self) then return true end
  local own, ok, err = state.of(self), true, nil
  -- One that has given its result has ended.
  if not own.result then ok, err = scope.enter(scope.new(self), abort, self) end
  for _, group in pairs(own.groups or {}) do group:close() end
  background.remove(self)
  free(self)
  return ok, err
end

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
