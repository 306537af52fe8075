--- Waiting for processes. The other methods are the core's: see core.d.lua.

local advice = require "noshell.advice"
local background = require "noshell.background"
local core = require "noshell.core"
local drive = require "noshell.drive"
local failure = require "noshell.failure"
local host = require "noshell.host"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
local result = require "noshell.result"
local scope = require "noshell.scope"
local state = require "noshell.state"
local trace = require "noshell.trace"
local wait = require "noshell.wait"
local waitable = require "noshell.waitable"

---@class noshell.process : noshell.waitable
local methods = core.methods.process
local class = core.metatables.process

local process = {}

local function fail(self, raw)
  raw.machine = self:_machine()
  return nil, failure.new(raw, self.command)
end

-- Methods that processes and pipelines have in common ---------------------------

local pump, pollfd, get_field = methods._pump, methods._pollfd, methods._field
local terminate = methods._terminate

--- The fields of the core; those of streams exist only if there is a pipe.
local FIELDS = { stdin = true, stdout = true, stderr = true, pty = true, pipes = true, pid = true,
  launch = true, command = true, sandbox = true }

local STREAMS = { stdin = true, stdout = true, stderr = true }

--- Returns a stream of the caller's; nil if it is not directed to a pipe.
---@param name "stdin"|"stdout"|"stderr"
---@return noshell.stream?
---@private
function methods:_pipe(name)
  local found = get_field(self, name)
  if found and name == "stdin" and state.of(self).is_fed then return nil end
  return found
end

--- Raises an error for a stream that the process does not have: nil would only say that a
--- nil value was indexed.
local function raise_no_pipe(self, name)
  if methods.closed(self) then misuse.raise("the process is closed") end
  if name == "stdin" and state.of(self).is_fed then
    misuse.raise("the stdin of this process is written by noshell, which calls its 'input'")
  end
  misuse.raise('the %s of this process is not a pipe: start it with %s = "pipe"', name, name)
end

--- Looks up a method, or a field of the core.
function core.metatables.process.__index(self, name)
  local value = methods[name]
  if value ~= nil then return value end
  if STREAMS[name] then
    return methods._pipe(self, name) or raise_no_pipe(self, name)
  end
  value = get_field(self, name)
  if value == nil and not FIELDS[name] then
    misuse.check_name("a process", name, methods, FIELDS)
  end
  return value
end

--- Returns the group to wait for, if C alone cannot wait for it.
---@return noshell.group?
---@private
function methods:_group()
  local own = state.of(self)
  local driver, remote = own.driver, own.remote
  if driver and driver.stdin then return driver.group end
  return remote and remote.group
end

--- Returns itself if it has no driver, and its program runs here.
---@return noshell.process?
---@private
function methods:_undriven()
  local own = state.of(self)
  return not (own.driver or own.remote) and self or nil
end

--- Returns true if _step would return true although no descriptor is readable: a wait for
--- another program has already read the machine's report of the end.
---@return boolean
---@private
function methods:_is_due()
  local remote = state.of(self).remote
  return remote ~= nil and remote:is_due()
end

--- Calls step, a pump. A program on a machine has ended when its end there is known, too.
local function step_with(self, remote, step, ...)
  local finished, raw = step(self, ...)
  if not remote or raw or self:closed() then return finished, raw end
  if finished then return remote:conclude(self) end
  if self:_has_exited() then remote:abandon() end
  -- Otherwise its descriptor would stay readable until the carrier has ended.
  if remote.listen then remote:listen() end
  return finished
end

--- The same as pump, but never raises an error.
---@return boolean? finished
---@return noshell.failure?
---@private
function methods:_step()
  local own = state.of(self)
  local driver, remote = own.driver, own.remote
  if driver then return step_with(self, remote, drive.step, driver) end
  return step_with(self, remote, pump)
end

--- The pump after _mute and terminate.
---@return boolean? finished
---@return noshell.failure?
---@private
function methods:_end()
  return step_with(self, state.of(self).remote, pump)
end

--- Returns true if its end is known, so that no descriptor informs of it any more.
---@return boolean
---@private
function methods:_has_ended()
  local remote = state.of(self).remote
  return not self:closed() and self:result() ~= nil
    and (not remote or remote.is_settled == true)
end

--- Returns { err } if a user callback raised err, which is raised again when the
--- process has ended.
---@return table?
---@private
function methods:_raised()
  local driver = state.of(self).driver
  return driver and driver.raised
end

--- Returns the name of the machine on which it runs.
---@return string?
---@private
function methods:_machine()
  return state.of(self).machine
end

--- Returns the pipeline that it is part of, or itself.
---@return noshell.process|noshell.pipeline_process
---@private
function methods:_owner()
  return state.of(self).owner or self
end

---@param list noshell.watch_list
---@private
function methods:_collect(list)
  local own = state.of(self)
  local driver, remote = own.driver, own.remote
  if remote then remote:collect(list) end
  if remote and remote.is_over then return end
  list[#list + 1], list[#list + 2] = self, "r"
  if driver and driver.stdin then
    list[#list + 1], list[#list + 2] = driver.stdin:fileno(), "w"
  end
end

--- Marks it as started by an iterator, and unbinds it: it is bound to its caller only
--- while the iterator waits.
---@private
function methods:_iterated()
  state.of(self).iterated = true
  self:_bind(false)
end

--- Stops calling user callbacks.
---@private
function methods:_mute()
  local driver = state.of(self).driver
  if driver then drive.mute(driver) end
end

---@return noshell.result?
---@return noshell.error?
---@private
function methods:_outcome()
  return process.outcome(self)
end

--- Returns the result of a finished process, success or not.
---@return noshell.result
---@private
function methods:_result()
  local answer, err = process.outcome(self)
  return answer or err.result
end

--- Returns the code of the error with which the process has ended; nil for a success.
local function failure_code(self)
  local remote = state.of(self).remote
  if remote and remote.timed_out then return "timeout" end
  local _, raw = self:check()
  return raw and raw.code
end

--- Returns true if the rest of its pipeline must be ended: it has exceeded its timeout
--- or its cap of output, or a user callback raised an error.
---@private
function methods:_is_fatal()
  if self:_raised() then return true end
  local code = failure_code(self)
  return code == "timeout" or code == "output_limit"
end

--- Returns true if the process has ended by its timeout.
---@private
function methods:_has_timed_out()
  return failure_code(self) == "timeout"
end

-- Waiting -----------------------------------------------------------------------

--- Returns the outcome of a finished process: its result, or nil, err; the same objects
--- each time.
---@param self noshell.process
---@return noshell.result?
---@return noshell.error?
function process.outcome(self)
  local own = state.of(self)
  if not own.result then
    local remote = own.remote
    own.result = result.new(drive.result(self))
    own.result.machine = own.machine
    if remote then remote:annotate(own.result) end
    if not own.result.ok then
      local _, raw = self:check()
      if raw.code == "timeout" then raw.reason = waitable.obstacle(self) end
      if remote then raw = remote.failure or raw end
      raw.machine = own.machine
      raw.is_joined = own.is_joined
      own.err = failure.new(raw, self.command, own.result)
    end
    trace.exited(self, own.result, own.err)
  end
  if own.err then return nil, own.err end
  return own.result
end

--- Returns a descriptor that is readable if pump has something to do.
---@return integer?
---@return noshell.failure?
function methods:pollfd()
  local several = self:_group()
  if several then return several:pollfd() end
  return pollfd(self)
end

--- Raises an error unless `signal` names a signal, or is 0, which only tests whether the
--- process exists.
local function check_signal(signal)
  local kind = type(signal)
  if signal == nil or signal == 0 then return end
  if (kind == "string" and not signal:find("\0", 1, true)
      or kind == "number" and signal % 1 == 0) and core.signal_number(signal) then
    return
  end
  misuse.raise("kill: no signal %s%s", failure.shown(signal), advice.signal(signal))
end

local kill = methods._kill

--- Raises an error unless `reach` is nil, "tree" or "group".
local function check_reach(reach)
  if reach ~= nil and reach ~= "tree" and reach ~= "group" then
    misuse.raise('kill: the second argument must be "tree" or "group", not %s',
      failure.shown(reach))
  end
end

--- Sends a signal through the pidfd, which cannot reach another process. "tree": also to
--- all descendants, and to the members of the process group that the command made; they
--- are stopped while they are searched for. "group": to the process group that the
--- command made or joined.
---@param signal? noshell.signal  default "TERM"
---@param reach? "tree"|"group"
---@return true?
---@return noshell.error?
function methods:kill(signal, reach)
  misuse.check_self(self, class, "kill")
  check_signal(signal)
  check_reach(reach)
  local remote = state.of(self).remote
  local ok, raw
  if remote and reach then
    raw = { code = "io", errname = "ENOTSUP",
      reason = "on another machine, kill always reaches the process group" }
  elseif remote then
    ok, raw = remote:kill(core.signal_number(signal or "TERM"))
  else
    ok, raw = kill(self, signal, reach)
  end
  if raw and reach then
    raw.stage = "kill"
    if reach == "group" and raw.errname == "EINVAL" then
      raw.reason = "it has no process group of its own: set process_group = true"
    end
  end
  if raw then return keep(fail(self, raw)) end
  local dry = state.of(self).dry
  if dry then table.insert(dry.call.signals, core.signal_number(signal or "TERM")) end
  return ok
end

local NUMBERS = { stdout = 1, stderr = 2 }

--- Returns what was captured so far, while the program runs or afterwards; the result has
--- all of it. With `tail`, only the last bytes.
---@param name "stdout"|"stderr"
---@return string?
---@return noshell.error?
function methods:captured(name)
  misuse.check_self(self, class, "captured")
  local which = NUMBERS[name]
  if not which then
    misuse.raise('captured: "stdout" or "stderr" is needed, not %s', failure.shown(name))
  end
  local _, raw = self:_step()
  if raw then return keep(fail(self, raw)) end
  if not drive.keeps(self, which) then
    misuse.raise("captured: the %s of this process is not captured", name)
  end
  return drive.captured(self, which)
end

local resize = methods._resize

--- Changes the size of the program's terminal; the programs in its foreground get WINCH.
---@param rows integer     from 1 to 65535
---@param columns integer  from 1 to 65535
---@return true?
---@return noshell.error?
function methods:resize(rows, columns)
  misuse.check_self(self, class, "resize")
  for i = 1, 2 do
    local number = select(i, rows, columns)
    if type(number) ~= "number" or number % 1 ~= 0 or number < 1 or number > 65535 then
      misuse.raise("resize: two numbers from 1 to 65535 are needed, rows and columns, not %s",
        failure.shown(number))
    end
  end
  local ok, raw = resize(self, rows, columns)
  if ok then return ok end
  if raw.errname == "ENOTTY" then
    raw.reason = self.pty and "its terminal is closed" or "it has no terminal: set pty = true"
  end
  return keep(fail(self, raw))
end

-- Ending it: see noshell.waitable -----------------------------------------------

--- Does nothing: C raises the error for a closed process.
---@private
function methods._check_open() end

--- Begins the escalation for the program and its descendants; pump carries it out.
---@param grace? number  seconds between TERM and KILL; 0.01 unless given
---@return true?
---@return noshell.failure?
function methods:terminate(grace)
  local remote = state.of(self).remote
  if remote then remote:terminate() end
  return terminate(self, grace)
end

---@return true?
---@return noshell.error?
---@private
function methods:_reap()
  -- After close, no method could report the end to the tracer.
  if trace.is_on() then process.outcome(self) end
  local ok, raw = self:_abort()
  if raw then return fail(self, raw) end
  return ok
end

local closed, free = methods.closed, methods._free

---@return true?
---@return noshell.error?
---@private
function methods:_abort_for_close()
  -- A process whose result was made has ended.
  if closed(self) or state.of(self).result then return true end
  return scope.enter(scope.new(self), waitable.abort, self)
end

---@private
function methods:_release()
  local groups = state.of(self).groups
  if groups then
    for _, group in pairs(groups) do group:close() end
  end
  background.remove(self)
  free(self)
end

waitable.extend(methods)

core.metatables.process.__close = methods.close

local detach = methods._detach

--- Makes the program an orphan: it runs on and is reaped later. Closes this object.
function methods:detach()
  misuse.check_self(self, class, "detach")
  local driver = state.of(self).driver
  if driver then driver.muted = true end
  local remote = state.of(self).remote
  if remote then remote.is_bound = false end
  background.remove(self)
  detach(self)
  host.wake(self)
end

--- Waits until the child is ready for its exec. If `seconds` pass before, err.code is
--- "timeout". If the command's own timeout passes, the child is ended, and err.result
--- is set as well.
---@param seconds? number
---@return true?
---@return noshell.error?
function methods:handshake_wait(seconds)
  misuse.check_self(self, class, "handshake_wait")
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
  return keep(fail(self, raw or { code = "timeout", seconds = seconds }))
end

local notify = methods._handshake_notify

--- Lets the child proceed to its exec.
---@return true?
---@return noshell.error?
function methods:handshake_notify()
  misuse.check_self(self, class, "handshake_notify")
  local ok, raw = notify(self)
  if raw then return keep(fail(self, raw)) end
  return ok
end

return process
