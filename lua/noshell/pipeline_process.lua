--- Running pipelines: starts the commands, and serves them as one pollable.

local backend = require "noshell.backend"
local clock = require "noshell.clock"
local core = require "noshell.core"
local failure = require "noshell.failure"
local group = require "noshell.group"
local host = require "noshell.host"
local misuse = require "noshell.misuse"
local state = require "noshell.state"
local trace = require "noshell.trace"
local pipeline_result = require "noshell.pipeline_result"
local waitable = require "noshell.waitable"

--- A running or finished pipeline. If it is collected, its programs run on.
---@class noshell.pipeline_process : noshell.waitable
---@field command string            the command lines, joined by "|"
---@field processes noshell.process[]  one for each command
---@field pids integer[]           their pids
---@field stdin? noshell.stream     of the first, if it is directed to a pipe
---@field stdout? noshell.stream    of the last, if it is directed to a pipe
---@field private group noshell.group
---@field private limit? number     the timeout of the whole pipeline
---@field private deadline? number
---@field private grace? number
---@field private timed_out? boolean
---@field private late? boolean[]   those that had not finished at the timeout
---@field iterated? boolean         see process:_iterated
---@field private answer? table
local methods = {}

local metatable = { __index = methods, __name = "noshell.pipeline_process" }

local running = {}

--- Returns true if `value` is a running or finished pipeline.
---@return boolean
function running.is(value)
  return getmetatable(value) == metatable
end

-- Starting --------------------------------------------------------------------------------

--- Joins two commands, which are copies. Returns the ends of the pipe. A tee to a
--- function writes to the pipe as to a file, and its stdout goes to the function.
local function join(left, right)
  local reader, writer = core.pipe()
  if not reader then return nil, writer end
  right:set_stdin(reader)
  local kept = state.of(left)
  -- A dry run passes the data on without a pipe.
  kept.leads, state.of(right).follows = true, left
  if kept.tee then
    left:set_stdout { kept.tee }
    -- Always the same number, because it is visible in traces; that of bash's >(…), which
    -- leaves the low ones to the caller's pass_fd.
    left:add_arg("/dev/fd/63"):pass_fd(writer, { as = 63 })
  else
    left:set_stdout(writer)
  end
  return reader, writer
end

--- Returns its own stdin or stdout, if it is a pipe.
---@param name "stdin"|"stdout"
---@return noshell.stream?
---@private
function methods:_pipe(name) return rawget(self, name) end

--- Returns a list of the arguments that are not nil.
local function present(...)
  local found = {}
  for i = 1, select("#", ...) do found[#found + 1] = (select(i, ...)) end
  return found
end

local function close(...)
  for i = 1, select("#", ...) do
    local descriptor = select(i, ...)
    if descriptor then descriptor:close() end
  end
end

--- Starts command `index` of the copies. Returns the read end of the pipe for the next
--- one. If the call ends before all have started, the started ones are ended, also in
--- run_async: the pipeline would stay incomplete.
local function start_command(calls, copies, index, processes, reads)
  local following, writes, raw, err
  if copies[index + 1] then
    following, writes = join(copies[index], copies[index + 1])
    if not following then raw, writes = writes, nil end
  end
  calls.pipes = present(reads, following, writes)
  if raw then
    raw.code, raw.stage = "spawn", "descriptors"
    err = failure.new(raw, copies[index]:to_string())
  else
    processes[index], err = copies[index]:_launch(calls, true)
  end
  calls.pipes = present(following)
  close(reads, writes)
  return following, err
end

local function new(pl, processes, deadline)
  local self = setmetatable({ command = pl:to_string(), processes = processes,
    pids = {}, limit = pl.seconds, deadline = deadline }, metatable)
  self.grace = pl.grace or 2
  self.group = group.new { self }
  self.stdin = processes[1]:_pipe "stdin"
  self.stdout = processes[#processes]:_pipe "stdout"
  for i = 1, #processes do
    local each = processes[i]
    self.pids[i] = each.pid
    state.of(each).owner = self
  end
  return self
end

--- Looks up all programs in advance: if one is missing, none is started.
local function find_programs(pl)
  for i = 1, #pl.commands do
    local cmd = pl.commands[i]
    -- A machine looks its programs up itself.
    local ok, raw = true, nil
    if not state.of(cmd).machine then ok, raw = backend.current.find_program(cmd) end
    if not ok then
      local err = failure.new(raw, cmd:to_string())
      trace.failed(err, cmd)
      return nil, pipeline_result.locate(pl:to_string(), i, err)
    end
  end
  return true
end

--- Makes the error of command `index`, which did not start after others had. In a dry
--- run, a missing program is detected only now.
local function not_started(pl, index, err, processes)
  local first = processes[1]
  local has_run = first and not (first.launch == "dry" and err.stage == "find_program")
  if has_run and err.code == "spawn" then err.code = "io" end
  return pipeline_result.locate(pl:to_string(), index, err)
end

--- Copies a command. The pipeline's timeout counts from the call, so its deadline also
--- limits each start.
local function copy_command(cmd, deadline)
  local copy = cmd:clone()
  if deadline then copy:_set_start_deadline(deadline) end
  return copy
end

--- Starts the commands from left to right. If one cannot start, ends those that did.
--- `attended`: the caller waits for the end at once.
---@param calls noshell.scope  of the call that starts them
---@param pl noshell.pipeline
---@param is_bound? boolean  they are ended if the calling coroutine is abandoned
---@param attended? boolean
---@return noshell.pipeline_process?
---@return noshell.error?
function running.start(calls, pl, is_bound, attended)
  local found, why = find_programs(pl)
  if not found then return nil, why end
  local deadline = pl.seconds and core.now() + pl.seconds
  local is_left = deadline and not (attended and host.waits_in_place())
  local copies, processes, reads = {}, {}, nil
  for i = 1, #pl.commands do copies[i] = copy_command(pl.commands[i], deadline) end
  for i = 1, #copies do
    local following, err = start_command(calls, copies, i, processes, reads)
    reads = following
    if err then
      close(reads)
      waitable.abort_all(processes)
      return nil, not_started(pl, i, err, processes)
    end
    -- The keeper enforces the timeout in case the caller does not.
    if is_left then processes[i]:_leave(math.max(0, deadline - core.now()), pl.grace or 2) end
  end
  local started = new(pl, processes, deadline)
  if not is_bound then started:_bind(false) end
  return started
end

-- Serving -------------------------------------------------------------------------------------

local function check_open(self)
  if self:closed() then misuse.raise "the pipeline is closed" end
end

local function any_timed_out(self)
  for i = 1, #self.processes do
    if self.processes[i]:_has_timed_out() then return true end
  end
  return false
end

--- Returns its processes if none has a driver, and the seconds until its own deadline.
---@return noshell.process[]?
---@return number?
---@private
function methods:_undriven()
  local processes = self.processes
  for i = 1, #processes do
    if not processes[i]:_undriven() then return nil end
  end
  return processes, self.deadline and math.max(0, self.deadline - core.now())
end

--- Pumps all. Returns whether all have finished, and whether one failed in a way that
--- ends the others; or nil, failure.
local function step_all(self)
  if self:_undriven() then return core.pump(self.processes) end
  local finished, is_fatal, unfinished = true, false, nil
  for i = 1, #self.processes do
    local each = self.processes[i]
    local ended, raw = each:_step()
    if raw then return nil, raw end
    finished = finished and ended
    is_fatal = is_fatal or each:_is_fatal()
    if not ended then unfinished = each end
  end
  -- A user callback may have waited for the pipeline, and got the ends of programs that
  -- ran when they were looked at. No descriptor informs of them a second time.
  if unfinished and unfinished:_has_ended() then return step_all(self) end
  return finished, is_fatal
end

--- The same as pump, but never raises an error.
---@return boolean? finished
---@return noshell.failure?
---@private
function methods:_step()
  local finished, is_fatal = step_all(self)
  if finished == nil then return nil, is_fatal end
  -- At the deadline, the keeper has ended all programs.
  if is_fatal and self.deadline and core.now() >= self.deadline then
    self.deadline, self.timed_out = nil, any_timed_out(self)
  end
  if finished then return true end
  if is_fatal then self:terminate() end
  if self.deadline and core.now() >= self.deadline then
    self.deadline, self.timed_out = nil, true
    self.late = {}
    for i = 1, #self.processes do self.late[i] = not self.processes[i]:_step() end
    self:terminate(self.grace)
  end
  return false
end

--- The same as process:_has_ended.
---@return boolean
---@private
function methods:_has_ended()
  for i = 1, #self.processes do
    if not self.processes[i]:_has_ended() then return false end
  end
  return true
end

---@return table?
---@private
function methods:_raised()
  for i = 1, #self.processes do
    local each = self.processes[i]
    local raised = each:_raised()
    if raised then return raised end
  end
end

---@return noshell.result
---@private
function methods:_result()
  local result, err = self:_outcome()
  return result or err.result
end

--- The same as process:_deadline.
---@return number?
---@return number?
---@private
function methods:_deadline()
  return self.deadline, self.limit
end

---@return noshell.group
---@private
function methods:_group()
  return self.group
end

---@param list noshell.watch_list
---@private
function methods:_collect(list)
  for i = 1, #self.processes do self.processes[i]:_collect(list) end
end

---@private
function methods:_mute()
  for i = 1, #self.processes do self.processes[i]:_mute() end
end

---@private
function methods:_is_fatal()
  for i = 1, #self.processes do
    local each = self.processes[i]
    if each:_is_fatal() then return true end
  end
  return self.timed_out or false
end

--- Returns true if the pipeline or one of its programs has ended by its timeout.
---@private
function methods:_has_timed_out()
  return self.timed_out or any_timed_out(self)
end

---@param is_bound boolean
---@private
function methods:_bind(is_bound)
  for i = 1, #self.processes do self.processes[i]:_bind(is_bound) end
end

--- The same as process:_iterated.
---@private
function methods:_iterated()
  self.iterated = true
  self:_bind(false)
end

--- The commands of a pipeline may run on different machines.
---@private
function methods._machine() end

---@private
function methods:_leave_streams()
  for i = 1, #self.processes do self.processes[i]:_leave_streams() end
end

--- Returns a descriptor that is readable if pump has something to do.
---@return integer?
function methods:pollfd()
  check_open(self)
  return self.group:pollfd()
end

--- Returns the events to wait for on pollfd.
---@return "r"
function methods:events() -- luacheck: ignore self
  return "r"
end

--- Returns the seconds after which to pump without an event; nil for no limit.
---@return number?
function methods:timeout()
  local left = self.deadline and math.max(0, self.deadline - core.now())
  if self.group.blind then left = clock.sooner(left, clock.BLIND) end
  for i = 1, #self.processes do
    local each = self.processes[i]
    if each:_is_due() then return 0 end
    left = clock.sooner(left, (each:timeout()))
  end
  return left
end

-- As a process ----------------------------------------------------------------------

---@return noshell.result?
---@return noshell.error?
---@private
function methods:_outcome()
  self.answer = self.answer or pipeline_result.of(self)
  if self.answer.err then return nil, self.answer.err end
  return self.answer.result
end

--- Sends a signal to all programs that still run; `scope` as for a process.
---@param signal? noshell.signal  default "TERM"
---@param scope? "tree"|"group"
---@return true?
---@return noshell.error?
function methods:kill(signal, scope)
  misuse.check_self(self, metatable, "kill")
  check_open(self)
  local reached, why = false, nil
  for i = 1, #self.processes do
    local each = self.processes[i]
    local ok, err = each:kill(signal, scope)
    reached, why = reached or ok, why or err
  end
  if reached then return true end
  return nil, why
end

--- Begins the escalation for all programs and their descendants; pump carries it out.
---@param grace? number  seconds between TERM and KILL; 0.01 unless given
---@return true?
---@return noshell.failure?
function methods:terminate(grace)
  for i = 1, #self.processes do
    local each = self.processes[i]
    local ok, raw = each:terminate(grace)
    if not ok then return nil, raw end
  end
  return true
end

methods._end, methods._check_open = methods._step, check_open

---@return true?
---@return noshell.error?
---@private
function methods:_reap()
  for i = 1, #self.processes do
    local ok, err = self.processes[i]:abort()
    if not ok then return nil, pipeline_result.locate(self.command, i, err) end
  end
  return true
end

---@return true?
---@return noshell.error?
---@private
function methods:_abort_for_close()
  return waitable.abort_all(self.processes)
end

---@private
function methods:_release()
  self.group:close()
end

waitable.extend(methods)

--- Makes the programs orphans: they run on and are reaped later. Closes this object.
function methods:detach()
  misuse.check_self(self, metatable, "detach")
  for i = 1, #self.processes do self.processes[i]:detach() end
  self.group:close()
end

--- Returns true if it was closed or detached.
---@return boolean
function methods:closed()
  misuse.check_self(self, metatable, "closed")
  return self.processes[1]:closed()
end

metatable.__close = methods.close

function metatable.__tostring(self)
  local how = self:closed() and "closed" or self.answer and "ended" or "running"
  return ("noshell.pipeline_process (%s, %s)"):format(self.command, how)
end

return running
