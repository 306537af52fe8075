--- One run of a command on a machine. A local program, the carrier (such as ssh), moves
--- its streams; the run knows what the script on the machine has said about the program,
--- and turns the end of the carrier into that of the program.

local core = require "noshell.core"
local group = require "noshell.group"
local host = require "noshell.host"
local state = require "noshell.state"

--- An engine is a module with these fields; one that is nil has the default behaviour.
---@class noshell.engine
---@field name string            as in errors: "ssh"
---@field keys table<string, true>  keys of command:_describe that it supports besides
---  keys.COMMON
---@field options table<string, string>  the options of its machines and their types
---@field instead? table<string, string>  what to use instead of a key that it refuses
---@field find_error? fun(options: table): string?  returns the error in the options
---@field find_conflict? fun(cmd: noshell.command, options: table): string?, string?, string?
---  returns a key, its value and the reason why the machine cannot apply it
---@field title fun(options: table): string  the name of a machine, for errors
---@field start fun(m: noshell.machine_object, calls: noshell.scope, cmd: noshell.command,
---  is_bound?: boolean): noshell.process?, noshell.failure?  starts the command: makes a
---  run and a carrier, starts it with wait.start, calls run:attach, and returns when the
---  program has started
---@field check fun(m: noshell.machine_object): table?, noshell.failure?
---@field close fun(m: noshell.machine_object)

--- Kept in the state of the process (state.of(process).remote).
---@class noshell.run
---@field machine noshell.machine_object
---@field nonce string
---@field connection? noshell.control  if the engine has sessions
---@field told table             command:_describe of the command
---@field text string            its command line
---@field process? noshell.process  the carrier; not referenced if it is collected
---@field started? boolean       the script has said that the program starts
---@field failed? table          { stage, errname, of }: the program could not start
---@field status? integer        the program's status, as sh reports it
---@field status_text? string    what sh wrote about it: not empty after a signal
---@field timed_out? boolean     the timeout passed there
---@field killed? boolean        KILL was sent to the group there
---@field absent? boolean        the script never ran, and never will
---@field gone? boolean          the script has ended without a status
---@field lost? string           the reason why nothing more will be known
---@field is_out_of_memory? boolean  the engine has ended it for its use of memory
---@field unreached? string      the reason why the program may still run
---@field is_attached? boolean   it has, or had, a process
---@field is_aborted? boolean    we asked for its end
---@field has_finished? boolean  the carrier ended while its start was awaited
---@field is_over? boolean       the carrier has ended
---@field is_settled? boolean    the end was applied to the process
---@field group noshell.group    the descriptors to wait for
---@field settle fun(self): boolean  by the engine: true if everything that can be known
---  is known; called when the carrier has ended, until it returns true
---@field listen? fun(self)      by the engine: reads available reports while the carrier runs
---@field stream? fun(self): integer?  by the engine: a descriptor that is readable when
---  settle should be called again
---@field signal fun(self, signal: string): true?, noshell.failure?  by the engine: sends a
---  signal to the program's group
---@field finish fun(self)       by the engine: called once, at the end
---@field abort fun(self)        by the engine: ends the group with TERM, then KILL
local methods = {}

local run = {}

local WEAK = { __mode = "v" }

--- Makes a run. `class` has the engine's functions.
---@param m noshell.machine_object
---@param cmd noshell.command
---@param nonce string
---@param class table
---@return noshell.run
function run.new(m, cmd, nonce, class)
  local self = { machine = m, title = tostring(m), nonce = nonce,
    told = cmd:_describe(), text = cmd:to_string(), refers = setmetatable({}, WEAK) }
  return setmetatable(self, { __index = function(_, name)
    if name == "process" then return rawget(self, "refers").process end
    local own = class[name]
    if own ~= nil then return own end
    return methods[name]
  end })
end

--- The seconds for which the carrier outlives the timeout: the script on the machine has
--- ended the program before, unless the connection is dead.
local MARGIN = 2

--- Makes the carrier: a copy of the command that runs these words here.
---@param cmd noshell.command
---@param words string[]
---@return noshell.command
function methods:carrier(cmd, words)
  local carrier = cmd:clone():_carry(words)
  state.of(carrier).machine = nil
  local told = self.told
  if told.timeout and told.timeout < math.huge then
    carrier:set_timeout(told.timeout + told.grace + MARGIN, 0.1)
  end
  return carrier
end

--- Attaches the run to the carrier's process, which from then on stands for the program.
---@param process noshell.process
function methods:attach(process)
  local kept = state.of(process)
  kept.remote, kept.command, kept.machine = self, self.text, self.title
  self.refers.process, self.is_attached = process, true
  self.group = group.new { process }
end

-- What the script says ------------------------------------------------------------------

local heard = {}

function heard.s(self) self.started = true end
function heard.f(self, rest)
  local stage, errname, of = rest:match("^(%S+) ?(%S*) ?(%S*)")
  self.failed = { stage = stage or "exec", errname = errname, of = of }
end
function heard.e(self, rest)
  local status, text = rest:match("^(%d+) ?(.*)$")
  self.status, self.status_text = tonumber(status), text
end
function heard.t(self) self.timed_out = true end
function heard.k(self) self.killed = true end
function heard.n(self) self.absent = true end
function heard.g(self) self.gone = true end
function heard.u(self)
  self.gone = true
  self.unreached = "processes of it still run on " .. self.title
end

--- Notes what the script has said, and wakes the waits for the process.
---@param word string
---@param rest string
function methods:hear(word, rest)
  if not heard[word] then return end
  heard[word](self, rest)
  local process = self.process
  if process then host.wake(process) end
end

--- Returns true if the end of the program is known.
function methods:is_known()
  return self.status ~= nil or self.failed ~= nil or self.absent ~= nil or self.gone ~= nil
    or self.lost ~= nil
end

-- The end -------------------------------------------------------------------------------

--- The signals after which sh writes nothing, so that death by one of them cannot be told
--- from the exit status 128 + n.
local SILENT = { [2] = true, [13] = true }

local ERRNOS = { ENOENT = 2, EACCES = 13, EPERM = 1, ENOTDIR = 20, ENOEXEC = 8, ENOSYS = 38,
  EIO = 5, ENOSPC = 28 }

local function subject_of(self)
  local stage = self.failed.stage
  if stage == "set_working_directory" then
    return self.failed.of == "workdir" and self.machine.options.workdir or self.told.cwd
  end
  if stage == "find_program" or stage == "exec" then return self.told.argv[1] end
  return nil
end

--- Returns the failure of a start that the script has reported.
---@return noshell.failure
function methods:start_failure()
  local number = ERRNOS[self.failed.errname]
  return { code = "spawn", stage = self.failed.stage, subject = subject_of(self),
    errno = number, errname = number and self.failed.errname,
    message = number and core.strerror(number), machine = self.title }
end

--- Converts the status of sh. Returns the fields for process:_restate, and the reason if
--- a signal cannot be told from a status.
local function ending(self)
  local status = self.status
  if not status and self.killed then return { signal_number = 9 } end
  if not status and self.is_aborted and self.gone then return { signal_number = 9 } end
  if not status then return { lost = true } end
  local signal = status - 128
  if signal > 0 and self.status_text ~= "" then
    return { signal_number = signal,
      core_dumped = self.status_text:find("core", 1, true) ~= nil }
  end
  local is_unclear = signal > 0 and signal < 65 and core.signal_name(signal) ~= nil
    and (SILENT[signal] or not self.tells_signals)
  return { exit_code = status }, is_unclear and ("sh on %s does not tell exit status %d "
    .. "from death by %s"):format(self.title, status, core.signal_name(signal))
end

--- Returns the reason for which the status is unknown.
local function lost_reason(self)
  return self.lost or ("its shell on %s ended without a report"):format(
    self.title)
end

--- Replaces the carrier's status by the program's, once. Returns the failure if the program
--- did not run or its status is lost.
---@param process noshell.process
---@return noshell.failure?
function methods:apply(process)
  if self.absent and not self.started then
    process:_restate { lost = true }
    return { code = "spawn", stage = "machine", machine = self.title,
      reason = self.refusal or "the machine did not run it" }
  end
  local fields, doubt = ending(self)
  fields.timed_out = self.timed_out
  self.doubt = doubt
  process:_restate(fields)
  if self.failed then return self:start_failure() end
  local _, raw = process:check()
  if raw and self.is_out_of_memory then
    return { code = "memory" }
  end
  if raw and raw.code == "lost" then raw.reason = lost_reason(self) end
  return raw
end

--- Adds what is known about the machine to the result.
---@param result noshell.result
function methods:annotate(result)
  result.doubt = self.doubt
  if result.timed_out then
    result.timed_out_after = self.told.timeout
    if not self:is_known() or self.lost then
      result.unreached = ("%s did not answer: the program may still run there"):format(
        self.title)
    end
  end
  result.unreached = result.unreached or self.unreached
end

--- Sends a signal to the program's process group.
---@param signal string
---@return true?
---@return noshell.failure?
function methods:kill(signal)
  if self:is_known() then
    return nil, { code = "io", stage = "kill", errname = "ESRCH", errno = 3,
      message = core.strerror(3) }
  end
  return self:signal(signal)
end

--- Ends the program and its group. The carrier is ended by its own terminate.
function methods:terminate()
  if self.is_aborted or self.lost or self.absent then return end
  self.is_aborted = true
  self:abort()
end

--- Returns true if nothing more will be known. After an abort, the end of the whole group
--- must be known too.
---@return boolean
function methods:is_complete()
  if self.lost or self.absent or self.gone then return true end
  return self:is_known() and not self.is_aborted
end

--- Returns true if conclude has something to do although no descriptor is readable.
---@return boolean
function methods:is_due()
  if self.is_settled then return false end
  if not self.is_over then return self.has_finished == true end
  return self:is_complete() or (self.connection and self.connection.is_dead) or false
end

--- Call when the carrier has exited but its pipes are still open. The program may hold them: if
--- the carrier was killed, this ends the program.
function methods:abandon()
  if not (self.is_over or self:is_known()) then self:settle() end
end

--- Called when the carrier has ended. Returns true if the process has its end.
---@param process noshell.process
---@return boolean
function methods:conclude(process)
  if self.is_settled then return true end
  self.is_over = true
  local _, raw = process:check()
  if raw and raw.code == "timeout" and not self.is_aborted then
    -- The carrier's own deadline has passed: do not wait for a dead connection.
    self:terminate()
  elseif not self:settle() then
    return false
  end
  self.is_settled = true
  self.failure = self:apply(process)
  self:finish()
  self.group:close()
  return true
end

--- Appends the descriptors to wait for.
---@param list noshell.watch_list
function methods:collect(list)
  local fd = self.stream and not self.is_settled and self:stream()
  if fd then list[#list + 1], list[#list + 2] = fd, "r" end
end

run.methods = methods

return run
