---@meta

--- The types of noshell's C part: commands. See core.d.lua.

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

--- Records that the key of a SPEC caused the first argument error; with a value,
--- only if the error is about that value. Returns whether there is an error.
---@param key string
---@param value? any
---@return boolean
function command:_set_mistake_key(key, value) end

--- What the Lua part keeps with the command; a clone has a copy.
---@return table
function command:_kept() end

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

--- A variable as one string.
---@param pair string  "NAME=value"
---@return noshell.command
function command:add_env_string(pair) end

--- A variable from a format.
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

--- The program does not get this variable.
---@param name string
---@return noshell.command
function command:unset_env(name) end

--- Starts from no variables.
---@return noshell.command
function command:clear_env() end

---@alias noshell.limit integer|"unlimited"  math.huge is no limit either

--- Any RLIMIT: "nofile", "as", "cpu", ...
---@param name string
---@param soft noshell.limit
---@param hard? noshell.limit  as soft unless given
---@return noshell.command
function command:set_limit(name, soft, hard) end

--- A core scheduling cookie of its own.
---@return noshell.command
function command:run_alone() end

--- The processors on which the program may run, numbered from 0; "all": those that
--- its cpuset has. Otherwise they are those of the thread that starts it, in nginx
--- what worker_cpu_affinity says.
---@param cpus integer[]|"all"
---@return noshell.command
function command:set_cpu_affinity(cpus) end

--- The core scheduling cookie of this process.
---@param pid integer
---@return noshell.command
function command:run_among(pid) end

--- The user id, or the name of a user. Supplementary groups become those of the
--- account. Unless it is 0, the program has the capabilities of allow_cap and no
--- others, whatever this process holds.
---@param user integer|string
---@return noshell.command
function command:set_uid(user) end

--- The group id, or the name of a group.
---@param group integer|string
---@return noshell.command
function command:set_gid(group) end

--- Exactly these supplementary groups.
---@param groups integer[]
---@return noshell.command
function command:set_groups(groups) end

--- uid, gid and groups of this account, with capabilities as for set_uid.
---@param name string
---@return noshell.command
function command:set_user(name) end

--- The program has no capabilities, but those of allow_cap, and cannot regain any:
--- the bounding set is reduced or, without CAP_SETPCAP, no_new_privs is set.
---@return noshell.command
function command:clear_caps() end

--- Capabilities that the program has nevertheless, after clear_caps or another uid.
--- This process must hold them.
---@param ... string|integer  "net_raw", "CAP_NET_RAW", 13
---@return noshell.command
function command:allow_cap(...) end

--- The SELinux label of the program. A failure where SELinux is off, unless
--- if_enabled.
---@param label string
---@param options? { if_enabled?: boolean }
---@return noshell.command
function command:set_selinux_label(label, options) end

--- The AppArmor profile of the program. A failure where AppArmor is off, unless
--- if_enabled.
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

--- Where stdout goes; "capture" unless set.
---@param target noshell.target
---@return noshell.command
function command:set_stdout(target) end

--- Where stderr goes; "capture" unless set.
---@param target noshell.target
---@return noshell.command
function command:set_stderr(target) end

--- What the program reads from stdin.
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
--- nsh_pre_exec_hook, and its data a userdata. The descriptors that it opens are
--- closed afterwards, except those that it keeps with noshell.keep_fd.
---
--- Limit: what goes to the program's stdin comes when it is executing: a hook
--- that reads to its end waits for ever.
---@param hook fun(data: any): boolean?, string?|lightuserdata
---@param data? any
---@return noshell.command
function command:set_pre_exec_hook(hook, data) end

--- Ends the program and what it started when the seconds have passed: TERM, and
--- KILL after the grace. They count from the exec; a hook, or a FIFO that nobody
--- opens, gets as many before, and then it does not start: ETIMEDOUT.
---@param seconds number  more than 0
---@param grace? number   2 unless given
---@return noshell.command
function command:set_timeout(seconds, grace) end

--- The cap of each captured stream, 64 MiB unless set; past it the program is ended.
---@param bytes noshell.limit
---@return noshell.command
function command:set_max_output(bytes) end

--- These exit codes are success too.
---@param ... integer  0 to 255
---@return noshell.command
function command:allow_exit(...) end

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

--- What set_working_directory was given.
---@return string?
function command:working_directory() end

--- The first mistake.
---@return noshell.failure?
function command:mistake() end

--- How a standard stream is directed.
---@param which 0|1|2
---@return "default"|"null"|"inherit"|"pipe"|"capture"|"stdout"|"buffer"|"fd"|"path"
function command:stdio(which) end

--- Starts it. The process is added to the scope before the program starts. With
--- `attended` the caller waits until its end at once: only pump enforces the
--- timeout, until _leave is called.
---@param scope? noshell.scope
---@param attended? boolean
---@return noshell.process?
---@return noshell.failure?
function command:_start(scope, attended) end

--- Has another thread start it: nil where only _start can. With `to_end` the
--- start's descriptor tells of the process, not of its start.
---@param to_end? boolean
---@param is_bound? boolean  collected, the start ends the program
---@return noshell.start?
---@return noshell.failure?
function command:_start_aside(to_end, is_bound) end

---@return nil
---@return noshell.failure
function command:_exec() end

--- What it was told, with the keys of a SPEC; secrets are ***.
---@return table
function command:_describe() end

--- Whether it has no mistake, nor setters that do not fit together, for a start
--- or for exec.
---@param in_place boolean
---@return true?
---@return noshell.failure?
function command:_check(in_place) end

--- A process without a program, for _end_dry.
---@param pid integer
---@return noshell.process?
---@return noshell.failure?
function command:_start_dry(pid) end
