--- The wait loop. Deadlines are absolute, so a host that returns early does not move
--- them.

local backend = require "noshell.backend"
local background = require "noshell.background"
local clock = require "noshell.clock"
local core = require "noshell.core"
local descriptors = require "noshell.descriptors"
local shown = require("noshell.failure").shown
local host = require "noshell.host"
local misuse = require "noshell.misuse"
local protect = require "noshell.protect"

local wait = {}

--- Calls the handlers of signals that were noted; nil without handlers (trap.lua).
---@type fun()?
wait.on_signal = nil

--- Returns the time `seconds` from now; nil for no limit.
---@param seconds? number
---@param name string  the caller's name, for messages
---@return number?
function wait.deadline(seconds, name)
  if seconds == nil or seconds == math.huge then return nil end
  if type(seconds) ~= "number" or seconds ~= seconds then
    misuse.raise("%s: a number of seconds is needed, not %s", name,
      shown(seconds))
  end
  return core.now() + seconds
end

--- Leaves the processes of a wait to other waits.
---@return false
local function leave(own)
  if own then
    background.leave(own)
    host.hand_over()
  end
  return false
end

--- The state of one wait, which is released if an error passes through the wait.
---@class noshell.wait_frame : noshell.frame
---@field own? table<noshell.process, true>  the processes that it serves
---@field one? table                         the noshell.awaited of the host
---@field to_end? boolean                    it waits for the end of programs
---@field finished? boolean                  the host has detected their end
---@field failure? noshell.failure           the host could not serve them

---@param frame noshell.wait_frame
local function fail(frame)
  host.drop(frame)
  local own = frame.own
  frame.own = nil
  leave(own)
end

--- Calls the attempt. On Lua 5.1, code that does not yield can be protected better.
local function look(attempt, pollable, yields)
  if yields then return attempt(pollable) end
  return protect.piece(attempt, pollable)
end

local function wait_on(frame, pollable, attempt, deadline, yields)
  while true do
    local left = deadline and deadline - core.now()
    if left and left <= 0 then return leave(frame.own) end
    frame.own = background.enter(frame.own, pollable)
    if wait.on_signal then wait.on_signal() end
    local ok, raw = host.wait(pollable, left, frame)
    local answer, failure = nil, raw or frame.failure
    if ok and not failure then answer, failure = look(attempt, pollable, yields) end
    if answer ~= false then
      leave(frame.own)
      if ok then host.wake(pollable) end
      return answer, failure
    end
  end
end

--- Calls attempt(pollable) until it does not return false, and waits for the pollable
--- in between. Returns its values, or false if the time is up.
---@generic T
---@param pollable noshell.pollable
---@param attempt fun(pollable): T|false|nil, table?
---@param deadline? number
---@param yields? boolean  the attempt may wait, too
---@return T|false|nil
---@return table? failure
function wait.await(pollable, attempt, deadline, yields)
  local answer, failure = look(attempt, pollable, yields)
  if answer ~= false then
    host.wake(pollable)
    return answer, failure
  end
  local frame = protect.frame(fail)
  return host._protect(frame, wait_on, frame, pollable, attempt, deadline, yields)
end

--- Waits in C until programs without a driver have ended, if nothing else has to be
--- served meanwhile; returns false if Lua has to act. An error that passes through
--- leaves nothing to clean up here, so no frame is needed.
---@param pollable noshell.process|noshell.pipeline_process
---@param deadline? number
---@return boolean? finished
---@return noshell.failure?
local function finish_alone(pollable, deadline)
  if wait.on_signal or not (host.waits_in_place() and background.is_idle(pollable)) then
    return false
  end
  local processes, own = pollable:_undriven()
  if not processes then return false end
  local left = deadline and math.max(deadline - core.now(), 0)
  return core.await(processes, clock.sooner(left, own))
end

--- The same for the end of programs: the attempt is pollable:_step or :pump. The
--- blocking host then serves programs without a driver in C.
---@param pollable noshell.process|noshell.pipeline_process
---@param attempt fun(pollable): boolean?, noshell.failure?
---@param deadline? number
---@return boolean? finished
---@return noshell.failure?
function wait.finish(pollable, attempt, deadline)
  local finished, failure = finish_alone(pollable, deadline)
  -- A pipeline also notes how it ended.
  if finished == false or finished and type(pollable) == "table" then
    finished, failure = look(attempt, pollable)
  end
  if finished ~= false then
    host.wake(pollable)
    return finished, failure
  end
  local frame = protect.frame(fail)
  frame.to_end = true
  return host._protect(frame, wait_on, frame, pollable, attempt, deadline)
end

--- A pollable that never becomes ready, to wait for a deadline only.
local timer = {
  pollfd = function() return nil end,
  events = function() return nil end,
  timeout = function() return nil end,
}

--- Waits `seconds` through the host, so that other coroutines run.
---@param seconds number
---@return noshell.failure?
function wait.sleep(seconds)
  local _, raw = wait.await(timer, function() return false end, core.now() + seconds)
  return raw
end

--- A pending start as a pollable.
local starting = {}
local metatable = { __index = starting }

function starting:pollfd() return self.start:pollfd() end
function starting.events() return "r" end

--- Returns at least 10 ms, because a start that takes longer than the program's timeout
--- would otherwise cause a busy loop.
function starting:timeout()
  local seconds = self.start:timeout()
  return seconds and math.max(seconds, clock.BLIND)
end

function starting:finish() return self.start:finish(self.calls) end

function starting:closed() return self.start:closed() end

--- Starts a command, in a start thread if the host requests it. If the host then cannot
--- wait for the start, blocks for up to a second; a start that takes longer is left to
--- its thread. `to_end`: waits until the program has started and its process has an event.
--- `attended`: the caller waits for the end of the process, so a host that waits in place
--- enforces the timeout without the keeper.
local function start_once(calls, cmd, to_end, is_bound, attended)
  local with = backend.current
  local is_possible, is_usual = host.starts_aside()
  local start = is_possible
    and with.start_aside(cmd, to_end, is_bound, not is_usual, calls.captures_pty)
  -- A host in which none is possible waits in place.
  if not start then
    return with.start(cmd, calls, attended and not is_possible, calls.captures_pty)
  end
  calls.start = start
  local process, raw = wait.await(setmetatable({ start = start, calls = calls },
    metatable), starting.finish)
  calls.start = nil
  if process or raw.stage ~= "wait" then return process, raw end
  local found, why = start:finish_now(calls)
  if found == false then return nil, raw, true end
  if why and why.errname == "ECANCELED" then
    -- It waited for the other end of a FIFO: no program ran.
    raw.code = "spawn"
    return nil, raw
  end
  return found, why
end

--- Starts a command as start_once does, again if descriptors are short.
---@param calls noshell.scope  the process is added before the program runs
---@param cmd noshell.command
---@param to_end? boolean
---@param is_bound? boolean  the program is ended if the calling coroutine is abandoned
---@param attended? boolean
---@return noshell.process?
---@return table? failure
function wait.start(calls, cmd, to_end, is_bound, attended)
  local process, raw = descriptors.retry(start_once, calls, cmd, to_end, is_bound,
    attended)
  if process and is_bound then process:_bind(true) end
  return process, raw
end

--- Starts a command here for a caller that then blocks until its end. The caller's wait
--- enforces the timeout.
---@param calls noshell.scope
---@param cmd noshell.command
---@return noshell.process?
---@return table? failure
function wait.start_alone(calls, cmd)
  return descriptors.retry(backend.current.start, cmd, calls, true, calls.captures_pty)
end

return wait
