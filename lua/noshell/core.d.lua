---@meta noshell.core

--- The types of noshell's C module. The Lua layer adds methods to the same classes.
--- Names that begin with "_" are private to it.

--- A failure as the C module reports it; the Lua layer makes a noshell.error of it.
--- Empty fields are absent.
---@class noshell.failure
---@field code noshell.code
---@field stage? string      the step or method that failed
---@field errno? integer    the system's number for the cause
---@field errname? string    "ENOENT"
---@field message? string    the text of strerror(3)
---@field subject? string    the path, name or number concerned
---@field reason? string     an explanation, if errno does not suffice
---@field signal? string     the signal that killed the child in that stage
---@field signal_number? integer  its number
---@field method? string     argument error: the setter
---@field value? string      argument error: the value, as text
---@field where? string      argument error: the caller's "file:line"
---@field tail_call? boolean  argument error: a tail call hides that line
---@field key? string        argument error: the key of a SPEC that has the value

--- A value that must not be shown; tostring returns ***.
---@class noshell.secret: userdata

---@class noshell.core
---@field methods noshell.core.types     the method tables
---@field metatables noshell.core.types
---@field version string                 NOSHELL_VERSION
---@field yields_through_c? boolean      a C function can call a Lua function that yields
local core = {}

---@class noshell.core.types
---@field command table
---@field process table
---@field stream table

--- Creates a command. Wrong arguments are argument errors of the command.
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
---@field stage? string       its stage; nil if the child makes no system call for it

--- Returns the names of the parts of a sandbox. Part n is the bit 2 ^ (n - 1) of a mask.
---@return string[]
function core.sandbox_parts() end

--- Returns the groups of system calls that syscalls = "default" denies; the array part has
--- the names of the calls.
---@return { name: string, description: string, [integer]: string }[]
function core.sandbox_groups() end

--- Returns the names of all system calls that libseccomp knows; none without it.
---@return string[]
function core.sandbox_calls() end

--- Returns true if there is a system call or a group of that name; without libseccomp, also
--- for any other name of a call.
---@param name string
---@return boolean
function core.sandbox_has_call(name) end

--- Returns the setters of a single scalar, in the order in which a SPEC applies them.
---@return noshell.setter_row[]
function core.setters() end

--- Sets the prefix of noshell's own sources: frames with it are skipped when the caller
--- of a setter is looked up.
---@param prefix string  "@/usr/share/lua/5.4/noshell/"
function core.set_source_prefix(prefix) end

--- Returns the caller's "file:line", as errors have it, or "" if it is unknown; and true
--- if a tail call hides the call, so that the line is that of an outer call.
---@return string where
---@return boolean is_hidden
function core.where() end

--- The buffered items of a stream: see stream:_source.
---@class noshell.source: userdata

--- Returns the next item if it was read from the pipe already.
---@param source? noshell.source
---@return string?
function core.take_item(source) end

--- Returns a method of streams. If exactly one line is requested (the format "l", "L" or
--- none), and it was read from the pipe already, the method returns it. Otherwise it
--- calls `read` with its own arguments and returns the results, or returns nothing if
--- `read` is nil. The function `read` may yield if core.yields_through_c.
---@param read? fun(self: noshell.stream, ...): string?, ...
---@return fun(self: noshell.stream, ...): string?, ...
function core.reader(read) end

--- Returns the seconds of the monotonic clock (clock_gettime(2)).
---@return number
function core.now() end

--- Waits until the descriptor (-1: none) is ready or `other` is readable; returns true.
--- Returns false if the time is up.
---@param fd integer
---@param events "r"|"w"|"rw"
---@param seconds? number  default: no limit
---@param other? integer
---@return boolean?
---@return noshell.failure?
function core.poll(fd, events, seconds, other) end

--- A flat list { item, events, item, events, ... }. A process represents all its
--- descriptors and its timeout; its events are "r".
---@alias noshell.watch_list (integer|noshell.process|"r"|"w"|"rw")[]

--- The same for several descriptors and processes.
---@param list noshell.watch_list
---@param seconds? number
---@param other? integer
---@return boolean?
---@return noshell.failure?
function core.poll_several(list, seconds, other) end

--- Pumps the processes. Returns whether all have finished, and whether one of them has
--- exceeded its timeout or its cap of output.
---@param processes noshell.process[]
---@return boolean? finished
---@return boolean|noshell.failure is_fatal
function core.pump(processes) end

--- Pumps and waits until all have finished; returns true. Returns false if Lua has to
--- act: the seconds have passed, `other` is readable, a signal handler ran, or one of
--- several has exceeded its timeout or its cap of output.
---@param processes noshell.process|noshell.process[]  none with a driver
---@param seconds? number  default: no limit
---@param other? integer
---@return boolean?
---@return noshell.failure?
function core.await(processes, seconds, other) end

--- Creates a pipe between two programs: returns its read end and its write end.
---@return noshell.descriptor?
---@return noshell.descriptor|noshell.failure
function core.pipe() end

---@return noshell.pollset?
---@return noshell.failure?
function core.pollset() end

--- Duplicates a descriptor.
---@param fd integer
---@return noshell.descriptor?
---@return noshell.failure?
function core.duplicate(fd) end

--- Creates a descriptor that becomes readable after the seconds.
---@param seconds number
---@return noshell.descriptor?
---@return noshell.failure?
function core.timer(seconds) end

--- Makes this Lua state handle signals: `dispatch` is called when a signal was noted,
--- `at_exit` at the end of the script. Returns false if another state handles signals.
---@param dispatch fun()
---@param at_exit fun()
---@return boolean
function core.trap_open(dispatch, at_exit) end

--- Notes the signal, ignores it, or restores its disposition.
---@param signal integer
---@param how "handle"|"ignore"|"restore"
---@return true?
---@return noshell.failure?
function core.trap(signal, how) end

--- Returns a signal that was noted, and forgets it.
---@return integer?
function core.trap_take() end

---@param signal integer
---@return boolean
function core.trap_is_ignored(signal) end

--- Returns true if this process called trap_open, false in a forked child of it.
---@return boolean
function core.trap_is_ours() end

--- Ends this process by the signal.
---@param signal integer
function core.trap_die(signal) end

--- Keeps a descriptor open for the program; for use in a pre-exec hook.
---@param fd integer|file*|noshell.stream|table|userdata
function core.keep_fd(fd) end

--- Quotes a word so that sh reads it back unchanged.
---@param word string|number
---@return string
function core.quote(word) end

---@param name string
---@param directories? string  separated by colons; default: PATH
---@return string? path
---@return noshell.failure?
function core.find_program(name, directories) end

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

--- The features of this build and this kernel.
---@class noshell.features
---@field launch string            the launch path of a plain command
---@field pidfd_info boolean       the status survives a waitpid(-1) of other code
---@field supervisor boolean       ... or is reported by a supervisor process
---@field capng boolean            built with libcap-ng
---@field selinux boolean          built with libselinux
---@field selinux_enabled boolean   SELinux is enforcing or permissive
---@field apparmor_enabled boolean  AppArmor is enabled
---@field core_scheduling boolean   run_alone and run_among work
---@field close_range boolean       close_range(2) is available
---@field process_group_signal boolean  a pidfd can signal a group
---@field sandbox noshell.sandbox_features  what it can enforce in a sandbox
---@field host? string             noshell.features() only: see noshell.host.name

--- What this machine can enforce.
---@class noshell.sandbox_features
---@field landlock integer|false  the version of Landlock's interface
---@field libseccomp boolean      built with libseccomp
---@field seccomp boolean         ... and the kernel accepts filters
---@field cgroup boolean          a cgroup was delegated to this process
---@field namespaces boolean      its capabilities and the kernel's settings allow namespaces

---@param dry? boolean  without a trial launch
---@return noshell.features
function core.features(dry) end

--- Returns true if the running coroutine can yield from here; nil if this Lua does not
--- report it.
---@return boolean?
function core.can_yield() end

--- Returns the path of the Unix socket to which this process connects its wake-up
--- channels.
---@return string?
---@return noshell.failure?
function core.wake_path() end

--- Accepts the connection that was just made to that socket.
---@return integer? channel
---@return noshell.failure?
function core.wake_accept() end

--- Arms the channel: one byte is sent on it when the descriptor (-1: none) is ready or the
--- seconds have passed.
---@param channel integer
---@param fd integer
---@param events "r"|"w"|"rw"
---@param seconds? number  default: no limit
---@return true?
---@return noshell.failure?
function core.wake_arm(channel, fd, events, seconds) end

--- Disarms the channel. A byte may already have been sent.
---@param channel integer
function core.wake_disarm(channel) end

--- Returns true if the host's end of the channel is open.
---@param channel integer
---@return boolean
function core.wake_is_open(channel) end

--- Reaps orphans that have ended, without waiting for the keeper to do it. Returns the
--- number of orphans left.
---@return integer left
function core.reap() end

--- A pending start: a command that another thread is starting.
---@class noshell.start: userdata
---@field pollfd fun(self): integer
---@field timeout fun(self): number?  seconds after which to check without an event
--- Returns the process and adds it to the scope, or returns false if the start is pending.
---@field finish fun(self, scope?: noshell.scope): noshell.process|false|nil, noshell.failure?
---@field closed fun(self): boolean
---@field _entrust fun(self, channel: integer): boolean  as process:_entrust
--- The same, but blocks until it is done, at most a second.
---@field finish_now fun(self, scope?: noshell.scope): noshell.process|false|nil, noshell.failure?

-- Processes -------------------------------------------------------------------

--- One running or finished child. If it is collected, the child becomes an orphan and
--- runs on. After a fork of the host, its methods return nil and a failure in the child
--- of the fork. Methods of a closed process raise an error, except closed, _free and
--- detach.
---@class noshell.process: userdata
---@field pid integer             in our pid namespace
---@field launch string           the launch path that started it; "dry" in a dry run
---@field sandbox? noshell.sandbox_report  how its sandbox is enforced; nil without one, and
---  while it waits in a handshake
---@field command string          the command line
---@field stdin? noshell.stream   if it is directed to a pipe, as the next two
---@field stdout? noshell.stream
---@field stderr? noshell.stream
---@field pty? noshell.stream     the terminal, if the command has one: both ways
---@field pipes? table<integer, noshell.stream>  those of set_pipes, by the program's numbers
local process = {}

--- Moves data, runs timers, collects the status; never blocks. Returns true if it has
--- ended and its pipes are at their end.
---@return boolean? finished
---@return noshell.failure?
---@private
function process:_pump() end

--- Returns a descriptor that is readable if pump has work to do.
---@return integer?
---@return noshell.failure?
---@private
function process:_pollfd() end

--- Returns the events to wait for on pollfd.
---@return "r"
function process:events() end

--- Waits once, as core.poll, until pump has something to do.
---@param seconds? number
---@param other? integer
---@return boolean?
---@return noshell.failure?
---@private
function process:_poll(seconds, other) end

--- Returns the name of a target in a list that has unwritten bytes.
---@return string?
---@private
function process:_behind() end

--- Returns the signal that stopped the program, if it is stopped or was at its timeout.
---@return string?
---@private
function process:_stopped_by() end

--- Changes the size of the terminal.
---@param rows integer
---@param columns integer
---@return true?
---@return noshell.failure?
---@private
function process:_resize(rows, columns) end

--- Returns a field: pid, launch, command, stdin, stdout, stderr, pty.
---@param name any
---@return any
---@private
function process:_field(name) end

--- Returns the seconds after which to call pump without an event; nil for no limit.
---@return number?
---@return noshell.failure?
function process:timeout() end

--- Returns its result as a new table; nil while it runs.
---@return table?
---@return noshell.failure?
function process:result() end

--- Returns true if it has exited, although others may still hold its pipes.
---@return boolean
---@private
function process:_has_exited() end

--- Checks its end by the command's rules (ok_codes).
---@return true?
---@return noshell.failure?
function process:check() end

--- Sends a signal to the program; never to another process, since a pidfd is used.
---@param signal? string|integer  default "TERM"
---@param scope? "tree"|"group"
---@return true?
---@return noshell.failure?
---@private
function process:_kill(signal, scope) end

--- Begins the escalation for the program and its descendants; pump carries it out.
---@param grace? number  seconds between TERM and KILL; 0.01 unless given
---@return true?
---@return noshell.failure?
---@private
function process:_terminate(grace) end

--- Returns the pidfd; nil once the process was reaped.
---@return integer?
---@return noshell.failure?
function process:pidfd() end

--- Makes the child an orphan: it runs on and is reaped later. Closes this object.
---@private
function process:_detach() end

--- Returns true if it was closed or detached.
---@return boolean
function process:closed() end

--- Waits until the child is ready for its exec; returns false after `seconds`.
---@param seconds? number  0: do not wait; default: no limit
---@return boolean?
---@return noshell.failure?
---@private
function process:_handshake_wait(seconds) end

--- Lets the child proceed to its exec.
---@return true?
---@return noshell.failure?
---@private
function process:_handshake_notify() end

--- Returns the table in which the Lua layer keeps its state of the process.
---@return noshell.process_state
---@private
function process:_state() end

--- Returns the output captured so far, without its first `from` bytes, up to number `to`.
---@param which 1|2
---@param from? integer
---@param to? integer
---@return string?
---@private
function process:_captured(which, from, to) end

--- Stores the next lines after the first `from` bytes in `list`, without their ends, a
--- bounded number in one call. The bytes between `from` and `scanned` contain no newline.
--- Returns the number of lines, and the next `from` and `scanned`.
---@param which 1|2
---@param from integer
---@param scanned integer
---@param list string[]
---@return integer count
---@return integer from
---@return integer scanned
---@private
function process:_captured_lines(which, from, scanned, list) end

--- From now on, also accepts CR LF as the end of lines of its streams and its captured
--- output.
---@private
function process:_use_crlf() end

---@param which 1|2
---@return integer?
---@private
function process:_captured_size(which) end

--- Returns the time of core.now at which its timeout expires, and the timeout in
--- seconds; nil if there is none, or if it has expired and taken effect.
---@return number?
---@return number?
---@private
function process:_deadline() end

--- Returns the value of set_max_output; math.huge for no limit.
---@return number
---@private
function process:_max_output() end

--- Returns true if pump still has data to move: input, or captured output.
---@return boolean
---@private
function process:_moves_data() end

--- Discards the first `count` bytes.
---@param which 1|2
---@param count integer
---@private
function process:_drop_captured(which, count) end

--- In a dry run: returns the bytes written to its stdin so far.
---@return string
---@private
function process:_dry_input() end

--- In a dry run: ends the process.
---@param ending table  exit_code, signal_number, core_dumped, timed_out,
---  output_limit, lost, stdout, stderr
---@return true?
---@return noshell.failure?
---@private
function process:_end_dry(ending) end

--- Replaces the status of a finished process by that of the program that it ran on
--- another machine.
---@param ending table  exit_code, signal_number, core_dumped, timed_out, lost
---@return true?
---@return noshell.failure?
---@private
function process:_restate(ending) end

--- Sends TERM and, after 10 ms, KILL to the tree; blocks until the program is reaped. On
--- failure, processes of the tree may still run.
---@return true?
---@return noshell.failure?
---@private
function process:_abort() end

--- When the process becomes an orphan, its streams are closed, instead of being read to
--- their end.
---@private
function process:_leave_streams() end

--- Enforces the timeout from now on, even if no method is called. With `seconds`, the
--- keeper also ends the program after that time.
---@param seconds? number
---@param grace? number  between TERM and KILL, after `seconds`
---@private
function process:_leave(seconds, grace) end

--- Binds the process to its caller, or releases it. A bound process is ended if it is
--- collected while it runs.
---@param is_bound boolean
---@private
function process:_bind(is_bound) end

---@return boolean
---@private
function process:_is_bound() end

--- Hands the process to a wake-up channel, which ends it if the host closes the channel.
--- Any other method takes it back. Returns false if the process is not bound, or the
--- channel is closed.
---@param channel integer
---@return boolean
---@private
function process:_entrust(channel) end

--- Returns true if the wake-up channel that owned the process has ended. Unlike other
--- methods, it does not take the process back.
---@return boolean
---@private
function process:_is_lost() end

--- Aborts the process if it still runs, and releases everything. May be called twice.
---@private
function process:_free() end

-- Streams ---------------------------------------------------------------------

--- The parent's end of a child's pipe, which belongs to the process. Methods of a
--- closed stream raise an error, except closed, _close and _process.
---@class noshell.stream: userdata
local stream = {}

--- Reads up to and including the separator, at most `max` bytes, or the rest. Returns
--- false if that would block, nil at the end of the stream.
---@param separator? string  one byte
---@param max? integer
---@return string|false|nil
---@return noshell.failure?
---@private
function stream:_read(separator, max) end

--- Reads once into the buffer. Returns true if bytes arrived, false if that would block,
--- nil at the end.
---@return boolean?
---@return noshell.failure?
---@private
function stream:_fill() end

--- Returns "stdin", "stdout", "stderr", "pty" or "pipes[3]".
---@return string
---@private
function stream:_name() end

--- Returns true if this process only writes to it.
---@return boolean
---@private
function stream:_writes() end

--- Sets what the program of a dry run writes to this added pipe.
---@param data string
---@return true?
---@return noshell.failure?
---@private
function stream:_give_dry(data) end

--- Returns what the script wrote to this added pipe in a dry run; nil if it reads the pipe.
---@return string?
---@private
function stream:_input_dry() end

--- Returns the number of bytes in the buffer.
---@return integer
---@private
function stream:_buffered() end

--- Returns the bytes of the buffer after the first `from`, up to number `to`.
---@param from integer
---@param to integer
---@return string
---@private
function stream:_peek(from, to) end

--- Puts bytes before those that are read next.
---@param data string
---@return true?
---@return noshell.failure?
---@private
function stream:_push_back(data) end

--- Gives back the byte that _read returned.
---@private
function stream:_unread() end

--- Returns an iterator over items that the separator ends. It returns those that were
--- read from the pipe already; for the others and at the end it calls `more` and returns
--- its results. The function `more` may yield if core.yields_through_c.
---@param separator string
---@param is_line boolean    the end of an item may be CR LF
---@param keeps_end boolean  items include their ends
---@param more fun(): string?
---@return fun(): string?
---@private
function stream:_items(separator, is_line, keeps_end, more) end

--- Returns the same items for core.take_item.
---@param separator string
---@param is_line boolean
---@param keeps_end boolean
---@return noshell.source
---@private
function stream:_source(separator, is_line, keeps_end) end

--- Writes as much as possible, from the byte `offset` on. Returns the number of bytes, 0
--- if it would block.
---@param data string
---@param offset? integer  default 1
---@return integer? written
---@return noshell.failure?
---@private
function stream:_write(data, offset) end

---@private
function stream:_close() end

--- Returns true if it was closed. The end of the stream does not close it.
---@return boolean
function stream:closed() end

--- Returns the descriptor, which is non-blocking and remains the stream's.
---@return integer?
---@return noshell.failure?
function stream:fileno() end

--- Returns a descriptor that is ready if the stream can be retried, or its process must
--- be pumped.
---@return integer?
---@return noshell.failure?
---@private
function stream:_pollfd() end

--- Returns the events to wait for on pollfd; nil to wait for the timeout only.
---@return "r"|"w"|nil
---@return noshell.failure?
---@private
function stream:_events() end

--- Waits once, as core.poll, for its pollfd and events, or the process's timeout.
---@param seconds? number
---@param other? integer
---@return boolean?
---@return noshell.failure?
---@private
function stream:_poll(seconds, other) end

--- Returns the process to which it belongs.
---@return noshell.process
---@private
function stream:_process() end

-- Descriptors -----------------------------------------------------------------

--- A descriptor that its userdata owns: it is closed when the userdata is collected.
---@class noshell.descriptor: userdata
---@field fileno fun(self): integer  raises an error if it is closed
---@field close fun(self)            may be called twice
---@field closed fun(self): boolean
---@field _entrust fun(self, channel: integer): boolean  as process:_entrust

--- A set of descriptors to wait for as one. It does not own the descriptors.
---@class noshell.pollset: userdata
---@field watch fun(self, list: noshell.watch_list): true?, noshell.failure?  watches
---  these and no others
---@field add fun(self, fd: integer, events: string): true?, noshell.failure?  watches one
---  more; for sets on which watch is not called
---@field remove fun(self, fd: integer)
---@field ready fun(self): integer[]  the descriptors that are ready, at most 64
---@field is_ours fun(self): boolean  false after a fork: then only close may be called
---@field pollfd fun(self): integer
---@field events fun(self): "r"
---@field timeout fun(self): nil
---@field close fun(self)
---@field closed fun(self): boolean
---@field _entrust fun(self, channel: integer): boolean  as process:_entrust

return core
