---@meta noshell.core

--- The types of noshell's C part. The Lua part adds methods to the same
--- classes; names that begin with "_" are for it alone.

--- What went wrong, before the Lua part makes a noshell.error of it. Fields
--- that say nothing are absent.
---@class noshell.failure
---@field code noshell.code what kind it is
---@field stage? string      the step, or the method, that did not succeed
---@field errno? integer    the system's number for the cause
---@field errname? string    "ENOENT"
---@field message? string    strerror's text
---@field subject? string    the path, name or number concerned
---@field reason? string     words where errno says too little
---@field signal? string     what killed the child in that stage
---@field signal_number? integer  its number
---@field method? string     of a mistake: the setter
---@field value? string      of a mistake: what it was given
---@field where? string      of a mistake: the caller's "file:line"
---@field key? string        of a mistake: the key of a SPEC whose value it is

--- A value that must not be shown: as text it is ***.
---@class noshell.secret: userdata

---@class noshell.core
---@field methods noshell.core.types     the tables in which methods are looked up
---@field metatables noshell.core.types
---@field version string                 NOSHELL_VERSION
local core = {}

---@class noshell.core.types
---@field command table
---@field process table
---@field stream table

--- Never raises for what it is given: that is the command's mistake.
---@param program noshell.word
---@param ... noshell.word
---@return noshell.command
function core.command(program, ...) end

---@param value string|number
---@return noshell.secret
function core.secret(value) end

---@class noshell.setter_row
---@field name string         the method: "set_nice"
---@field key string          the key of a SPEC: "nice"
---@field kind "flag"|"integer"|"mask"|"signal"|"limit"|"text"
---@field description string
---@field minimum integer     of an integer, included
---@field maximum integer     of an integer or mask, included
---@field stage? string       the stage of a failure; nil if the kernel is not asked

--- The setters of one scalar, in the order in which a SPEC applies them.
---@return noshell.setter_row[]
function core.setters() end

--- Frames of chunks whose source begins so are not the caller of a setter.
---@param prefix string  "@/usr/share/lua/5.4/noshell/"
function core.set_source_prefix(prefix) end

--- Where the caller is, as a mistake has it: "file:line", or "" where none is known.
---@return string
function core.where() end

--- Seconds of a clock that nobody sets.
---@return number
function core.now() end

--- Waits until the descriptor is ready: true, or false when time is up. -1
--- waits for the time alone. Also true if `other` is readable.
---@param fd integer
---@param events "r"|"w"|"rw"
---@param seconds? number  for ever unless given
---@param other? integer
---@return boolean?
---@return noshell.failure?
function core.poll(fd, events, seconds, other) end

--- A pipe between two programs: the end to read from, the end to write to.
---@return noshell.descriptor?
---@return noshell.descriptor|noshell.failure
function core.pipe() end

---@return noshell.pollset?
---@return noshell.failure?
function core.pollset() end

--- Another descriptor of the same file.
---@param fd integer
---@return noshell.descriptor?
---@return noshell.failure?
function core.duplicate(fd) end

--- A descriptor that is readable once the seconds have passed.
---@param seconds number
---@return noshell.descriptor?
---@return noshell.failure?
function core.timer(seconds) end

--- In a pre-exec hook: the program inherits this descriptor.
---@param fd integer|file*|noshell.stream|table|userdata
function core.keep_fd(fd) end

--- The word as sh reads it back unchanged.
---@param word string|number
---@return string
function core.quote(word) end

---@param name string
---@return string? path
---@return noshell.failure?
function core.find_program(name) end

---@param signal string|integer  "TERM", "SIGTERM", 15
---@return integer?
function core.signal_number(signal) end

---@param number integer
---@return string? name  "TERM"
function core.signal_name(number) end

---@param number integer
---@return string? name  "ENOENT"
function core.errno_name(number) end

---@param number integer
---@return string
function core.strerror(number) end

--- What this build and this kernel offer.
---@class noshell.features
---@field launch string            the launch path that a plain command takes now
---@field pidfd_info boolean       statuses survive a foreign waitpid(-1)
---@field supervisor boolean       ... or go through the supervisor
---@field capng boolean            built with libcap-ng
---@field selinux boolean          built with libselinux
---@field selinux_enabled boolean   the kernel enforces or logs
---@field apparmor_enabled boolean  the kernel has profiles
---@field core_scheduling boolean   run_alone and run_among work
---@field close_range boolean       the system call is there
---@field process_group_signal boolean  a pidfd can signal a group
---@field host? string             noshell.features() only: see noshell.host.name

---@param dry? boolean  without a trial launch
---@return noshell.features
function core.features(dry) end

--- Whether a yield from here would reach who resumed the coroutine; nil where
--- this Lua cannot tell.
---@return boolean?
function core.can_yield() end

--- The path of the Unix socket on which this process listens for its own
--- connections: wake-up channels.
---@return string?
---@return noshell.failure?
function core.wake_path() end

--- Takes the connection that was just made to it.
---@return integer? channel
---@return noshell.failure?
function core.wake_accept() end

--- One byte on the channel as soon as the descriptor (-1: none) is ready, or the
--- seconds have passed; once.
---@param channel integer
---@param fd integer
---@param events "r"|"w"|"rw"
---@param seconds? number  never unless given
---@return true?
---@return noshell.failure?
function core.wake_arm(channel, fd, events, seconds) end

--- Not any more. A byte may be on its way already.
---@param channel integer
function core.wake_disarm(channel) end

--- Whether the host's end of the channel is open.
---@param channel integer
---@return boolean
function core.wake_is_open(channel) end

--- Collects forgotten processes that have ended, without waiting for the keeper to
--- do it. How many are left.
---@return integer left
function core.reap() end

--- A command that another thread is starting.
---@class noshell.start: userdata
---@field pollfd fun(self): integer
---@field timeout fun(self): number?  seconds after which to look all the same
--- false: not yet; the process is added to the scope
---@field finish fun(self, scope?: noshell.scope): noshell.process|false|nil, noshell.failure?
---@field closed fun(self): boolean
---@field _entrust fun(self, channel: integer): boolean  as process:_entrust
--- stands still for it, at most a second
---@field finish_now fun(self, scope?: noshell.scope): noshell.process|false|nil, noshell.failure?

-- Processes -------------------------------------------------------------------

--- One running or finished child. Collected, it lets the child run on. After a
--- fork of the host its methods answer nil and a failure there; a closed one
--- raises, but for closed, _free and detach.
---@class noshell.process: userdata
---@field pid integer             in our pid namespace
---@field launch string           the launch path that started it; "dry" in a dry run
---@field command string          the command line
---@field stdin? noshell.stream   where it was directed to a pipe
---@field stdout? noshell.stream  the same
---@field stderr? noshell.stream  the same
local process = {}

--- Moves data, runs timers, collects the status; never blocks. Whether it has
--- ended and its pipes are at their end.
---@return boolean? finished
---@return noshell.failure?
function process:pump() end

--- Readable when pump has something to do.
---@return integer?
---@return noshell.failure?
function process:pollfd() end

--- What to wait for on pollfd.
---@return "r"
function process:events() end

--- Seconds after which to pump without an event; nil for never.
---@return number?
---@return noshell.failure?
function process:timeout() end

--- How it ended, a new table; nil while it runs.
---@return table?
---@return noshell.failure?
function process:result() end

--- Whether that is a success by the command's rules.
---@return true?
---@return noshell.failure?
function process:check() end

--- Sends a signal to this program, or to none.
---@param signal? string|integer  "TERM" unless given
---@return true?
---@return noshell.failure?
function process:kill(signal) end

--- Begins to end the program and what it started; pump does the rest.
---@param grace number  seconds between TERM and KILL
---@return true?
---@return noshell.failure?
function process:terminate(grace) end

--- nil once it was reaped.
---@return integer?
---@return noshell.failure?
function process:pidfd() end

--- Lets go: it runs on, and is reaped later. Closes this object.
function process:detach() end

--- Whether it was closed or detached.
---@return boolean
function process:closed() end

--- Whether the child waits before its exec; false when time is up.
---@param seconds? number  0 to try; for ever unless given
---@return boolean?
---@return noshell.failure?
function process:_handshake_wait(seconds) end

--- Lets the child go on to its exec.
---@return true?
---@return noshell.failure?
function process:handshake_notify() end

--- What the Lua part keeps with the process.
---@return table
function process:_kept() end

--- What was captured so far, without the first `from` bytes.
---@param which 1|2
---@param from? integer
---@return string?
function process:_captured(which, from) end

--- The line behind the first `from` bytes, with its newline; nil and how much
--- there is where there is no whole one. Before `scanned` there is no newline.
---@param which 1|2
---@param from integer
---@param scanned integer
---@return string?
---@return integer?
function process:_captured_line(which, from, scanned) end

---@param which 1|2
---@return integer?
function process:_captured_size(which) end

--- The time of core.now at which its timeout passes; nil if there is none, or if
--- it has passed and was acted on. And how many seconds after the start that is.
---@return number?
---@return number?
function process:_deadline() end

--- What set_max_output says; math.huge for no limit.
---@return number
function process:_max_output() end

--- Whether pump still has data to move: input, or captured output.
---@return boolean
function process:_moves_data() end

--- Keeps the first `count` bytes no longer.
---@param which 1|2
---@param count integer
function process:_drop_captured(which, count) end

--- Of a dry run: what was written to its stdin so far.
---@return string
function process:_dry_input() end

--- Of a dry run: it ends so.
---@param ending table  exit_code, signal_number, core_dumped, timed_out,
---  output_limit, lost, stdout, stderr
---@return true?
---@return noshell.failure?
function process:_end_dry(ending) end

--- TERM, 10 ms, KILL to the tree; blocks until it is reaped. A failure says that
--- processes of the tree may still run.
---@return true?
---@return noshell.failure?
function process:_abort() end

--- Forgetting the process now closes its streams, instead of reading them to
--- their end.
function process:_leave_streams() end

--- From now on its timeout holds even if no method is called. With `seconds` the
--- keeper, and it alone, also ends the program that many seconds from now.
---@param seconds? number
---@param grace? number  between TERM and KILL, after `seconds`
function process:_leave(seconds, grace) end

--- Binds the process to its caller, or no longer: a bound process that is collected
--- before its end is ended.
---@param is_bound boolean
function process:_bind(is_bound) end

---@return boolean
function process:_is_bound() end

--- Hands the process to a wake-up channel, which ends it if the host closes the
--- channel; any other method takes it back. False: it is not bound, or the channel
--- has gone.
---@param channel integer
---@return boolean
function process:_entrust(channel) end

--- Aborts where still running, and releases everything. Twice is fine.
function process:_free() end

-- Streams ---------------------------------------------------------------------

--- The parent's end of a child's pipe, which belongs to the process. A closed
--- one raises, but for closed, _close and process.
---@class noshell.stream: userdata
local stream = {}

--- Bytes up to and with the separator, at most `max`, or what is left before
--- the end; false where that would block, nil at the end.
---@param separator? string  one byte
---@param max? integer
---@return string|false|nil
---@return noshell.failure?
function stream:_read(separator, max) end

--- Writes what fits, from the byte `offset` on; 0 where it would block.
---@param data string
---@param offset? integer  1 unless given
---@return integer? written
---@return noshell.failure?
function stream:_write(data, offset) end

function stream:_close() end

--- Whether it was closed here.
---@return boolean
function stream:closed() end

--- Non-blocking; stays the stream's.
---@return integer?
---@return noshell.failure?
function stream:fileno() end

--- Ready when the stream may be tried again, or its process must be pumped.
---@return integer?
---@return noshell.failure?
function stream:pollfd() end

--- What to wait for on pollfd; nil where only time tells.
---@return "r"|"w"|nil
---@return noshell.failure?
function stream:events() end

--- The process's.
---@return number?
---@return noshell.failure?
function stream:timeout() end

--- Pumps the process.
---@return boolean?
---@return noshell.failure?
function stream:pump() end

--- The process that it belongs to.
---@return noshell.process
function stream:process() end

-- Descriptors -----------------------------------------------------------------

--- One that is ours, closed when it is collected.
---@class noshell.descriptor: userdata
---@field fileno fun(self): integer  raises where it is closed
---@field close fun(self)            twice is fine
---@field closed fun(self): boolean

--- Many to wait for as one; none of them is the set's.
---@class noshell.pollset: userdata
---@field watch fun(self, list: table): true?, noshell.failure?  { fd, "r", fd, "w", … },
---  and no others from now on
---@field add fun(self, fd: integer, events: string): true?, noshell.failure?  one more,
---  for sets that watch is not called on
---@field remove fun(self, fd: integer)
---@field ready fun(self): integer[]  those that are ready, 64 at most
---@field is_ours fun(self): boolean  not after a fork: then only close may be called
---@field pollfd fun(self): integer
---@field events fun(self): "r"
---@field timeout fun(self): nil
---@field close fun(self)
---@field closed fun(self): boolean
---@field _entrust fun(self, channel: integer): boolean  as process:_entrust

return core
