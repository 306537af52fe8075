---@meta noshell.core

--- The types of noshell's C part. The Lua part adds methods to the same
--- classes; names that begin with "_" are for it alone.

--- What went wrong, before the Lua part makes a noshell.error of it. Fields
--- that say nothing are absent.
---@class noshell.failure
---@field code noshell.code
---@field stage? string      the step, or the method, that did not succeed
---@field errno? integer
---@field errname? string    "ENOENT"
---@field message? string    strerror's text
---@field subject? string    the path, name or number concerned
---@field reason? string     words where errno says too little
---@field signal? string     what killed the child in that stage
---@field signal_number? integer
---@field method? string     of a mistake: the setter
---@field value? string      of a mistake: what it was given
---@field where? string      of a mistake: the caller's "file:line"

--- A value that must not be shown: as text it is ***.
---@class noshell.secret: userdata

---@class noshell.core
---@field methods noshell.core.types     the tables in which methods are looked up
---@field metatables noshell.core.types
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

--- Frames of chunks whose source begins so are not the caller of a setter.
---@param prefix string  "@/usr/share/lua/5.4/noshell/"
function core.set_source_prefix(prefix) end

--- Seconds of a clock that nobody sets.
---@return number
function core.now() end

--- Waits until the descriptor is ready: true, or false when time is up. -1
--- waits for the time alone.
---@param fd integer
---@param events "r"|"w"|"rw"
---@param seconds? number  for ever unless given
---@return boolean?
---@return noshell.failure?
function core.poll(fd, events, seconds) end

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
---@field selinux_enabled boolean
---@field apparmor_enabled boolean
---@field core_scheduling boolean
---@field close_range boolean
---@field process_group_signal boolean

---@return noshell.features
function core.features() end

--- Collects forgotten processes that have ended.
---@return integer left
function core.reap() end

-- Commands --------------------------------------------------------------------

--- What to run and how. Setters return the command and never raise for what
--- they are given: the first mistake is kept, with the caller's line, and
--- running tells. Only what is no command raises.
---@class noshell.command: userdata
local command = {}

--- A copy that can be changed by itself.
---@return noshell.command
function command:clone() end

--- Makes a mistake, where there is none yet.
---@param method string
---@param value? string
---@param reason string
---@return noshell.command
function command:_mistake(method, value, reason) end

--- Integers are passed exactly, and floats that are integers as such.
---@param value noshell.word
---@return noshell.command
function command:add_arg(value) end

--- The values, or the items of one list, which must hold some.
---@param ... noshell.word|noshell.word[]
---@return noshell.command
function command:add_args(...) end

--- The single argument name=value.
---@param name string|number
---@param value noshell.word
---@return noshell.command
function command:add_arg_pair(name, value) end

--- As string.format. Secrets among the values are put in, and make the argument
--- a secret.
---@param format string
---@param ... any
---@return noshell.command
function command:add_arg_format(format, ...) end

--- The argument that was added last is shown as ***.
---@return noshell.command
function command:mark_secret() end

--- The child's argv[0], where it is not to be the program's name.
---@param name string|number
---@return noshell.command
function command:set_arg0(name) end

--- The first variable that is added or passed ends that all are inherited, but
--- for inherit_env.
---@param name string|number
---@param value string|number
---@return noshell.command
function command:add_env_pair(name, value) end

---@param pair string  "NAME=value"
---@return noshell.command
function command:add_env_string(pair) end

---@param format string  as string.format
---@param ... any
---@return noshell.command
function command:add_env_format(format, ...) end

--- With their values here, as far as they are set.
---@param ... string
---@return noshell.command
function command:pass_env(...) end

--- As pass_env, and says that it is safe where we run set-id.
---@param name string
---@return noshell.command
function command:pass_env_allow_suid(name) end

--- As pass_env, but where we run set-id it is `default`, or absent.
---@param name string
---@param default? string|number
---@return noshell.command
function command:pass_env_block_suid(name, default) end

--- LC_ALL=C, and LD_PRELOAD, LD_LIBRARY_PATH, PATH, HOME, USER, LOGNAME, TMPDIR
--- as they are here.
---@return noshell.command
function command:pass_env_common() end

--- XDG_DATA_HOME, XDG_CACHE_HOME and XDG_CONFIG_HOME below `base`.
---@param base string
---@return noshell.command
function command:add_env_xdg(base) end

--- Keeps the rest of our environment although variables are named.
---@return noshell.command
function command:inherit_env() end

---@param name string
---@return noshell.command
function command:unset_env(name) end

--- Starts from no variables.
---@return noshell.command
function command:clear_env() end

--- Entered last, as the target user.
---@param path string
---@return noshell.command
function command:set_working_directory(path) end

---@param mask integer|string  0 to 511, or octal: "022"
---@return noshell.command
function command:set_umask(mask) end

---@alias noshell.limit integer|"unlimited"  math.huge is no limit either

--- Any RLIMIT: "nofile", "as", "cpu", ...
---@param name string
---@param soft noshell.limit
---@param hard? noshell.limit  as soft unless given
---@return noshell.command
function command:set_limit(name, soft, hard) end

---@param count noshell.limit
---@return noshell.command
function command:set_max_files(count) end

---@param count noshell.limit
---@return noshell.command
function command:set_max_processes(count) end

---@param bytes noshell.limit
---@return noshell.command
function command:set_max_mem_lock(bytes) end

---@param bytes noshell.limit
---@return noshell.command
function command:set_max_core_size(bytes) end

---@param value integer  -20 to 19
---@return noshell.command
function command:set_nice(value) end

---@return noshell.command
function command:new_session() end

---@return noshell.command
function command:new_process_group() end

--- What the child gets when the thread that started it dies.
---@param signal string|integer
---@return noshell.command
function command:set_parent_death_signal(signal) end

---@return noshell.command
function command:set_no_new_privs() end

--- A core scheduling cookie of its own.
---@return noshell.command
function command:run_alone() end

--- The core scheduling cookie of this process.
---@param pid integer
---@return noshell.command
function command:run_among(pid) end

---@param user integer|string
---@return noshell.command
function command:set_uid(user) end

---@param group integer|string
---@return noshell.command
function command:set_gid(group) end

--- Exactly these supplementary groups.
---@param groups integer[]
---@return noshell.command
function command:set_groups(groups) end

--- uid, gid and groups of this account.
---@param name string
---@return noshell.command
function command:set_user(name) end

---@return noshell.command
function command:clear_caps() end

---@param ... string|integer  "net_raw", "CAP_NET_RAW", 13
---@return noshell.command
function command:allow_cap(...) end

---@param label string
---@param options? { if_enabled?: boolean }
---@return noshell.command
function command:set_selinux_label(label, options) end

---@param profile string
---@param options? { if_enabled?: boolean }
---@return noshell.command
function command:set_apparmor_profile(profile, options) end

--- Files, streams and other objects are asked for their descriptor when the
--- command starts. Lua's files are flushed first. A stream is handed over: it
--- is closed here when the command starts.
---@param target noshell.target
---@return noshell.command
function command:set_stdin(target) end

---@param target noshell.target
---@return noshell.command
function command:set_stdout(target) end

---@param target noshell.target
---@return noshell.command
function command:set_stderr(target) end

---@param data noshell.word  any bytes
---@return noshell.command
function command:set_input_buffer(data) end

--- Makes data readable at the returned descriptor of the child. -1 after a
--- mistake.
---@param data noshell.word  any bytes
---@return integer fd
function command:send_buffer(data) end

--- close_parent closes it here once the command has started: a file by its
--- close method, a stream at once.
---
--- Limit: a stream that is not closed stays non-blocking, for the child too.
---@param fd integer|file*|noshell.stream|table|userdata
---@param options? { close_parent?: boolean, as?: integer }
---@return noshell.command
function command:pass_fd(fd, options) end

--- Runs in a forked child just before exec; an error, or false or nil with a
--- message, is the command's failure. A light userdata is a C function of type
--- nsh_pre_exec_hook, and its data a userdata.
---@param hook fun(data: any): boolean?, string?|lightuserdata
---@param data? any
---@return noshell.command
function command:set_pre_exec_hook(hook, data) end

---@return noshell.command
function command:require_handshake() end

---@return noshell.command
function command:daemonize() end

---@param path string
---@return noshell.command
function command:set_pid_file(path) end

---@param seconds number  more than 0
---@param grace? number   2 unless given
---@return noshell.command
function command:set_timeout(seconds, grace) end

---@param bytes noshell.limit
---@return noshell.command
function command:set_max_output(bytes) end

---@param ... integer  0 to 255
---@return noshell.command
function command:allow_exit(...) end

---@return noshell.command
function command:allow_any_exit() end

---@return noshell.command
function command:raw_status() end

--- As a POSIX shell reads it back; secrets are ***.
---@param options? { linebreaks?: boolean, strip_path?: boolean }
---@return string
function command:to_string(options) end

--- Variables and words, unquoted, and a newline.
---@param target integer|file*
---@return true?
---@return noshell.failure?
function command:write_arg_log(target) end

--- The arguments without the program. Secrets are in clear.
---@return string[]
function command:args() end

--- The program and its arguments. Secrets are in clear.
---@return string[]
function command:argv() end

--- The environment that a run now would give.
---@return table<string, string>
function command:env() end

--- The same as "NAME=value", in order.
---@return string[]
function command:env_list() end

--- What set_input_buffer was given.
---@return string?
function command:input() end

---@return string?
function command:working_directory() end

--- The first mistake.
---@return noshell.failure?
function command:mistake() end

--- How a standard stream is directed.
---@param which 0|1|2
---@return "default"|"null"|"inherit"|"pipe"|"capture"|"stdout"|"buffer"|"fd"|"path"
function command:stdio(which) end

---@return noshell.process?
---@return noshell.failure?
function command:_start() end

---@return nil
---@return noshell.failure
function command:_exec() end

-- Processes -------------------------------------------------------------------

--- One running or finished child. Collected, it lets the child run on. After a
--- fork of the host its methods answer nil and a failure there; a closed one
--- raises, but for closed, _free and detach.
---@class noshell.process: userdata
---@field pid integer
---@field launch string           the launch path that started it
---@field command string          the command line
---@field stdin? noshell.stream   where it was directed to a pipe
---@field stdout? noshell.stream
---@field stderr? noshell.stream
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

--- TERM, 10 ms, KILL to the tree; blocks until it is reaped.
---@return true?
---@return noshell.failure?
function process:_abort() end

--- Forgetting the process now closes its streams, instead of reading them to
--- their end.
function process:_leave_streams() end

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

---@return noshell.process
function stream:process() end

return core
