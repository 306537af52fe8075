--- A mixin for processes and running pipelines: both define the primitives below, and
--- get pump, wait, poll, abort and close here.

local background = require "noshell.background"
local core = require "noshell.core"
local failure = require "noshell.failure"
local group = require "noshell.group"
local host = require "noshell.host"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
local scope = require "noshell.scope"
local wait = require "noshell.wait"

--- The primitives of a class.
---@class noshell.waitable_primitives
---@field command string                 for messages
---@field processes? noshell.process[]   of a pipeline
---@field _check_open fun(self)          raises an error at its caller's caller if closed
---@field _step fun(self): boolean?, noshell.failure?  as pump, but never raises an error
---@field _end fun(self): boolean?, noshell.failure?   as _step, after _mute and terminate
---@field _raised fun(self): table?      returns { err } if a user callback raised err
---@field _mute fun(self)                stops calling user callbacks
---@field _pipe fun(self, name: "stdin"|"stdout"): noshell.stream?  nil if it is no pipe
---@field _outcome fun(self): noshell.result?, noshell.error?  once all have finished
---@field _undriven fun(self): any, number?  the argument for core.await, if no driver is
---  involved; and the seconds until its own deadline
---@field terminate fun(self, grace?: number): true?, noshell.failure?
---@field closed fun(self): boolean
---@field _reap fun(self): true?, noshell.error?       the last step of abort
---@field _abort_for_close fun(self): true?, noshell.error?  ends programs that still run
---@field _machine fun(self): string?     the name of the machine on which it runs
---@field _release fun(self)             releases everything; may be called twice

---@class noshell.waitable : noshell.waitable_primitives
local methods = {}

local waitable = {}

--- Adds the methods to a class.
---@param class table
function waitable.extend(class)
  for name, method in pairs(methods) do class[name] = method end
end

local function check_self(self, method)
  if type(self) ~= "userdata" and type(self) ~= "table" then
    misuse.check_self(self, { __name = "noshell.process" }, method)
  end
end

local function fail(self, raw)
  raw.machine = self:_machine()
  return nil, failure.new(raw, self.command)
end

--- Moves data, runs timers, collects statuses; never blocks. Returns true if the programs
--- have ended and their pipes are at their end. Then also re-raises an error thrown by a
--- user callback.
---@return boolean? finished
---@return noshell.failure?
function methods:pump()
  check_self(self, "pump")
  self:_check_open()
  local finished, raw = self:_step()
  if finished then host.wake(self) end
  local raised = finished and self:_raised()
  if raised then error(raised[1], 0) end
  return finished, raw
end

--- For each signal, why the terminal stopped the program, and the remedy.
local STOPS = {
  TTIN = 'it read from the terminal in the background; set stdin = "null" or foreground = true',
  TTOU = "it wrote to the terminal, or changed its modes, in the background; direct its output "
    .. "elsewhere or set foreground = true",
}

local function stop_of(process)
  local signal = not process:closed() and process:_stopped_by()
  if not signal then return nil end
  return "stopped by " .. signal .. (STOPS[signal] and ": " .. STOPS[signal] or "")
end

local function target_of(process)
  local name = not process:closed() and process:_behind()
  return name and ("its output is not written: '%s' accepts no more"):format(name) or nil
end

local function obstacle_of_pipes(process)
  for number, stream in pairs(process:_field "pipes" or {}) do
    local fd = not stream:closed() and stream:fileno()
    if fd and stream:_writes() then
      return ("pipes[%d] is still open here: close it with process.pipes[%d]:close()"):format(
        number, number)
    elseif fd and core.poll(fd, "r", 0) then
      return ("pipes[%d] has output that was not read here: read it before the wait"):format(
        number)
    end
  end
end

--- Returns the processes of a pipeline, or a list with the process itself.
local function processes_of(self)
  return type(self) == "table" and self.processes or { self }
end

--- Returns the reason why a program may not end: this process has an end of a pipe that
--- the program waits for.
---@param self noshell.waitable
---@return string?
function waitable.obstacle(self)
  for _, each in ipairs(processes_of(self)) do
    local reason = stop_of(each) or target_of(each) or obstacle_of_pipes(each)
    if reason then return reason end
  end
  local stdin, stdout = self:_pipe "stdin", self:_pipe "stdout"
  if stdin and not stdin:closed() then
    return "its stdin pipe is still open here: close it with process.stdin:close()"
  end
  local fd = stdout and not stdout:closed() and stdout:fileno()
  if fd and core.poll(fd, "r", 0) then
    return "its stdout pipe has output that was not read here: read it before the wait"
  end
end

local get_field = core.methods.process._field

--- Returns a list of the object and the added pipes that this process reads.
local function with_pipes(self)
  local list = { self }
  for _, each in ipairs(processes_of(self)) do
    for _, stream in pairs(each:_field "pipes" or {}) do
      if not stream:closed() and not stream:_writes() then list[#list + 1] = stream end
    end
  end
  return list
end

--- Reads available bytes into the buffer. Returns true if nothing remains to wait for: the
--- stream is at its end, or its buffer has more than max_output allows.
local function fill(stream)
  if stream:closed() or stream:_buffered() > stream:process():_max_output() then return true end
  return stream:_fill() == nil
end

--- Waits for the end. While a wait blocks, no other code can read the added pipes, and a
--- program that fills one would never end; so the wait reads them into their buffers.
local function finish(self, deadline)
  if type(self) == "userdata" and not get_field(self, "pipes") then
    return wait.finish(self, self.pump, deadline)
  end
  local members = host.waits_in_place() and with_pipes(self) or { self }
  if not members[2] then return wait.finish(self, self.pump, deadline) end
  local both = group.new(members)
  local finished, raw = wait.await(both, function()
    local ended, why = self:pump()
    if ended ~= false then return ended, why end
    for i = #members, 2, -1 do
      if fill(members[i]) then table.remove(members, i) end
    end
    return false
  end, deadline)
  both:close()
  return finished, raw
end

--- Waits until the program, or each program of a pipeline, has ended and its captured
--- output is at its end. If `seconds` pass before, it runs on, and err.code is
--- "timeout". Waiting again returns the same objects again.
---@param seconds? number
---@return noshell.result?
---@return noshell.error?
function methods:wait(seconds)
  check_self(self, "wait")
  self:_check_open()
  local deadline = wait.deadline(seconds, "wait")
  local finished, raw = finish(self, deadline)
  if finished then return keep(self:_outcome()) end
  return keep(fail(self, raw or { code = "timeout", seconds = seconds,
    reason = waitable.obstacle(self) }))
end

--- Returns the result if all programs have ended, nil if some still run; or nil, err.
---@return noshell.result?
---@return noshell.error?
function methods:poll()
  check_self(self, "poll")
  local finished, raw = self:pump()
  if finished then return keep(self:_outcome()) end
  if raw then return keep(fail(self, raw)) end
  return nil
end

--- Does the work of abort, without a scope.
---@param self noshell.waitable
---@return true?
---@return noshell.error?
function waitable.abort(self)
  self:_mute()
  local finished, raw = self:terminate()
  if not raw then finished, raw = wait.finish(self, self._end) end
  if not finished then return fail(self, raw) end
  return self:_reap()
end

--- Ends the programs and their descendants (TERM, 10 ms, KILL) and reaps the programs,
--- even if an error is raised meanwhile. Has no effect on programs that have ended. If
--- descendants may still run, because they could not be found or signalled, returns
--- nil, err; err.code is "io" and err.stage is "abort".
---@return true?
---@return noshell.error?
function methods:abort()
  check_self(self, "abort")
  self:_check_open()
  local calls = waitable.scope_of { self }
  calls.keeps = true
  return keep(scope.enter(calls, waitable.abort, self))
end

--- Aborts the programs that still run, and releases everything even if that fails; then
--- returns nil, err. May be called twice.
---@return true?
---@return noshell.error?
function methods:close()
  check_self(self, "close")
  local ok, err = self:_abort_for_close()
  self:_release()
  return ok, err
end

-- Helpers for several objects ------------------------------------------------------

--- Waits for the end as wait does, without a deadline, and closes the object.
---@param self noshell.waitable
---@return noshell.result?
---@return noshell.error?
function waitable.conclude(self)
  local finished, raw = wait.finish(self, self._step)
  local raised, answer, err = self:_raised(), nil, nil
  if finished then answer, err = self:_outcome() end
  methods.close(self)
  if raised then error(raised[1], 0) end
  if finished then return answer, err end
  return fail(self, raw)
end

local free = core.methods.process._free

--- Concludes a process that only the calling function knows. Waits in C if nothing else needs
--- service meanwhile.
local function conclude_alone(self)
  if wait.on_signal or not background.is_idle(self) or not core.await(self) then
    return waitable.conclude(self)
  end
  local answer, err = self:_outcome()
  free(self)
  return answer, err
end

--- Starts a command or a pipeline, and concludes it.
---@param calls noshell.scope
---@param runnable noshell.command|noshell.pipeline
---@return noshell.result?
---@return noshell.error?
function waitable.run(calls, runnable)
  local started, err = runnable:_begin(calls, true)
  if not started then return nil, err end
  return (calls.is_alone and conclude_alone or waitable.conclude)(started)
end

--- Makes a scope of the processes of all these.
---@param list noshell.waitable[]
---@return noshell.scope
function waitable.scope_of(list)
  local calls = scope.new()
  for i = 1, #list do
    local each = list[i]
    local processes = type(each) == "table" and each.processes or nil
    for k = 1, processes and #processes or 0 do calls[#calls + 1] = processes[k] end
    if not processes then calls[#calls + 1] = each end
  end
  return calls
end

local function abort_all(list)
  for i = 1, #list do
    local each = list[i]
    each:_mute()
    if not each:closed() then each:terminate() end
  end
  local ok, err = true, nil
  for i = 1, #list do
    local closed, why = list[i]:close()
    if not closed then ok, err = nil, err or why end
  end
  return ok, err
end

--- Ends all of these at the same time and closes them. Returns the values of abort.
---@param list noshell.waitable[]
---@return true?
---@return noshell.error?
function waitable.abort_all(list)
  if not list[1] then return true end
  return scope.enter(waitable.scope_of(list), abort_all, list)
end

return waitable
