---@meta

--- The types of noshell's C part: commands. See core.d.lua.

-- Commands --------------------------------------------------------------------

--- A program and how to run it. Setters return the command. They never raise an error
--- for their arguments: the first argument error is recorded with the caller's line,
--- and running the command returns it. Only a value that is no command raises.
---@class noshell.command: userdata
---@operator concat(noshell.member): noshell.pipeline
---@operator bor(noshell.member): noshell.pipeline
local command = {}

--- Returns an independent copy.
---@return noshell.command
function command:clone() end

--- Records an argument error, unless there is one already.
---@param method string
---@param value? string
---@param reason string
---@return noshell.command
---@private
function command:_argument_error(method, value, reason) end

--- Records that the key of a SPEC caused the first argument error; with a value,
--- only if the error is about that value. Returns whether there is an error.
---@param key string
---@param value? any
---@return boolean
---@private
function command:_set_argument_error_key(key, value) end

--- Returns the table in which the Lua layer keeps its state of the command; a clone has
--- a copy.
---@return noshell.command_state
---@private
function command:_state() end

--- Adds an argument. Integers are converted exactly; so are floats without a fraction.
---@param value noshell.word
---@return noshell.command
function command:add_arg(value) end

--- Adds the values, or the items of one list that is not empty, as arguments.
---@param ... noshell.word|noshell.word[]
---@return noshell.command
function command:add_args(...) end

--- Adds the single argument name=value.
---@param name string|number
---@param value noshell.word
---@return noshell.command
function command:add_arg_pair(name, value) end

--- Adds an argument formatted by string.format. If a value is a secret, the argument
--- is one, too.
---@param format string
---@param ... any
---@return noshell.command
function command:add_arg_format(format, ...) end

--- Marks the last argument as a secret, which is shown as ***.
---@return noshell.command
function command:mark_secret() end

--- Sets the child's argv[0]; default: the program as it was given.
---@param name string|number
---@return noshell.command
function command:set_arg0(name) end

--- Sets a variable. The first one that is added or passed stops the inheritance of all
--- others, unless inherit_env is called.
---@param name string|number
---@param value string|number
---@return noshell.command
function command:add_env_pair(name, value) end

--- Sets a variable given as one string.
---@param pair string  "NAME=value"
---@return noshell.command
function command:add_env_string(pair) end

--- Sets a variable from a format.
---@param format string  as for string.format; the result is "NAME=value"
---@param ... any
---@return noshell.command
function command:add_env_format(format, ...) end

--- Passes variables with their values in this process; does nothing for unset ones.
---@param ... string
---@return noshell.command
function command:pass_env(...) end

--- The same as pass_env, with the statement that it is safe even in a set-user-ID process.
---@param name string
---@return noshell.command
function command:pass_env_allow_suid(name) end

--- The same as pass_env, but in a set-user-ID process sets `default` instead, or nothing.
---@param name string
---@param default? string|number
---@return noshell.command
function command:pass_env_block_suid(name, default) end

--- Sets LC_ALL=C, and passes LD_PRELOAD, LD_LIBRARY_PATH, PATH, HOME, USER, LOGNAME
--- and TMPDIR.
---@return noshell.command
function command:pass_env_common() end

--- Sets XDG_DATA_HOME, XDG_CACHE_HOME and XDG_CONFIG_HOME to directories below `base`.
---@param base string
---@return noshell.command
function command:add_env_xdg(base) end

--- Inherits the other variables even if some are added or passed.
---@return noshell.command
function command:inherit_env() end

--- Removes a variable.
---@param name string
---@return noshell.command
function command:unset_env(name) end

--- Starts with an empty environment.
---@return noshell.command
function command:clear_env() end

---@alias noshell.limit integer|"unlimited"  math.huge is the same as "unlimited"

--- Sets a resource limit by its name in lower case: "nofile", "as", "cpu", and so on
--- (getrlimit(2)).
---@param name noshell.limit_name
---@param soft noshell.limit
---@param hard? noshell.limit  default: soft
---@return noshell.command
function command:set_limit(name, soft, hard) end

--- Gives the program a new core scheduling cookie.
---@return noshell.command
function command:run_alone() end

--- Sets the processors on which the program may run, numbered from 0; "all": those of
--- its cpuset. By default it inherits those of the thread that starts it; in nginx,
--- worker_cpu_affinity sets these.
---@param cpus integer[]|"all"
---@return noshell.command
function command:set_cpu_affinity(cpus) end

--- Gives the program the core scheduling cookie of the process `pid`.
---@param pid integer
---@return noshell.command
function command:run_among(pid) end

--- Makes the program join that process group of this session; 0 or true: makes it the
--- leader of a new one, as new_process_group does.
---@param group integer|true
---@return noshell.command
function command:set_process_group(group) end

--- Sets the user, by id or name. The supplementary groups become those of the account.
--- Unless the id is 0, the program has exactly the capabilities of allow_cap.
---@param user integer|string
---@return noshell.command
function command:set_uid(user) end

--- Sets the group, by id or name.
---@param group integer|string
---@return noshell.command
function command:set_gid(group) end

--- Sets the supplementary groups.
---@param groups integer[]
---@return noshell.command
function command:set_groups(groups) end

--- Sets uid, gid and groups to those of an account; capabilities as for set_uid.
---@param name string
---@return noshell.command
function command:set_user(name) end

--- Removes all capabilities except those of allow_cap. The program cannot regain any:
--- its bounding set is reduced or, without CAP_SETPCAP, no_new_privs is set.
---@return noshell.command
function command:clear_caps() end

--- Lets the program have these capabilities, even with clear_caps or after a change of
--- user. This process must have them.
---@param ... noshell.capability  "net_raw", "CAP_NET_RAW", 13
---@return noshell.command
function command:allow_cap(...) end

--- Sets the SELinux label of the program. Running fails if SELinux is disabled, unless
--- if_enabled is true.
---@param label string
---@param options? { if_enabled?: boolean }
---@return noshell.command
function command:set_selinux_label(label, options) end

--- Sets the AppArmor profile of the program. Running fails if AppArmor is disabled,
--- unless if_enabled is true.
---@param profile string
---@param options? { if_enabled?: boolean }
---@return noshell.command
function command:set_apparmor_profile(profile, options) end

--- Sets the sandbox, which set_sandbox has checked. `require` is a mask of parts.
---@param sandbox table
---@return noshell.command
---@private
function command:_set_sandbox(sandbox) end

--- Directs stdin. The descriptor of a file, stream or other object is read when the
--- command starts. A Lua file is flushed first. A stream is handed over to the program,
--- and closed in this process.
---@param target noshell.target
---@return noshell.command
---@private
function command:_set_stdin(target) end

--- Directs stdout to one target.
---@param target noshell.target
---@return noshell.command
---@private
function command:_set_stdout(target) end

--- Directs stderr to one target.
---@param target noshell.target
---@return noshell.command
---@private
function command:_set_stderr(target) end

--- Directs stdout or stderr to a list of targets, which the Lua layer has checked.
---@param method string    for argument errors
---@param which 1|2
---@param list table       the command keeps it
---@param captures boolean it contains "capture"
---@param listens boolean  it contains a function
---@return noshell.command
---@private
function command:_set_list(method, which, list, captures, listens) end

--- Returns true if the stream is directed to a list that contains "capture".
---@param which 0|1|2
---@return boolean
---@private
function command:_list_captures(which) end

---@class noshell.pty_options
---@field rows? integer      default 24
---@field columns? integer   default 80
---@field echo? boolean      false: the terminal does not echo what is written to it

--- See set_pty.
---@param options? true|noshell.pty_options
---@return noshell.command
---@private
function command:_set_pty(options) end

--- Adds a pipe beside the standard streams.
---@param target integer
---@param direction "read"|"write"
---@return noshell.command
---@private
function command:_add_pipe(target, direction) end

--- Removes the pipes beside the standard streams.
---@return noshell.command
---@private
function command:_clear_pipes() end

--- Returns true if it has pipes beside the standard streams.
---@return boolean
---@private
function command:_has_pipes() end

--- Returns true if set_pty was called.
---@return boolean
---@private
function command:_has_pty() end

--- Sets the bytes that the program reads from stdin.
---@param data noshell.word  any bytes
---@return noshell.command
---@private
function command:_set_input_buffer(data) end

--- Makes data readable at a descriptor of the child, which is returned; returns -1
--- after an argument error.
---@param data noshell.word  any bytes
---@return integer fd
function command:send_buffer(data) end

--- Passes a descriptor to the child, under the same number or the number `as`. With
--- close_parent it is closed in this process: a stream at once, a file by its close
--- method when the command has started.
---
--- Limit: a stream that is not closed remains non-blocking, in the child too.
---@param fd integer|file*|noshell.stream|table|userdata
---@param options? { close_parent?: boolean, as?: integer }
---@return noshell.command
function command:pass_fd(fd, options) end

--- Sets a function that runs in the forked child just before exec. An error in it, or
--- a result of false or nil with a message, makes the start fail. A light userdata is a
--- C function of type nsh_pre_exec_hook, whose data are a userdata. Descriptors that
--- the hook opens are closed after it, except those that it keeps with noshell.keep_fd.
---
--- Limit: input is written once the program is executing, so a hook that reads stdin
--- to its end never returns.
---@param hook fun(data: any): boolean?, string?|lightuserdata
---@param data? any
---@return noshell.command
function command:set_pre_exec_hook(hook, data) end

--- Sets a timeout: the program and its descendants get TERM after `seconds`, and KILL
--- after another `grace`. The time counts from the exec. Before the exec, a hook, or the
--- wait for the other end of a FIFO, may take as long; then the start fails with ETIMEDOUT.
---@param seconds number  more than 0; math.huge: no timeout
---@param grace? number   default 2
---@return noshell.command
function command:set_timeout(seconds, grace) end

--- Limits each captured stream, by default to 64 MiB. A program that writes more is
--- ended.
---@param bytes noshell.limit
---@return noshell.command
function command:set_max_output(bytes) end

--- Makes these exit codes a success, too.
---@param ... integer  0 to 255
---@return noshell.command
function command:allow_exit(...) end

--- Returns the command line in the form of a POSIX shell. Secrets are ***, and so are
--- the values of environment variables, unless `env_values` is true.
---@param options? { linebreaks?: boolean, strip_path?: boolean, env_values?: boolean }
---@return string
function command:to_string(options) end

--- Writes the variables and words, unquoted, and a newline.
---@param target integer|file*
---@return true?
---@return noshell.failure?
---@private
function command:_write_arg_log(target) end

--- Returns the arguments without the program. Secrets are in clear text.
---@return string[]
function command:args() end

--- Returns the program and its arguments. Secrets are in clear text.
---@return string[]
function command:argv() end

--- Returns the environment that the program would get now.
---@return table<string, string>
function command:env() end

--- Returns the same as a list of "NAME=value", in order.
---@return string[]
function command:env_list() end

--- Returns the data of set_input_buffer.
---@return string?
function command:input() end

--- Returns the path of set_working_directory.
---@return string?
function command:working_directory() end

--- Returns the first argument error.
---@return noshell.failure?
---@private
function command:_first_argument_error() end

--- Returns how a standard stream is directed.
---@param which 0|1|2
---@return "default"|"null"|"inherit"|"pipe"|"capture"|"stdout"|"buffer"|"fd"|"path"
function command:stdio(which) end

--- Starts the command. The process is added to the scope before the program starts.
--- `attended`: the caller then waits for the end of the process. Until _leave is called,
--- only pump enforces the timeout then.
---@param scope? noshell.scope
---@param attended? boolean
---@return noshell.process?
---@return noshell.failure?
---@private
---@param captures_pty? boolean  the output of a terminal is part of the result
---@private
function command:_start(scope, attended, captures_pty) end

--- Makes a start fail with ETIMEDOUT if it still waits for something before its exec at
--- the time `deadline` of core.now.
---@param deadline number
---@private
function command:_set_start_deadline(deadline) end

--- Starts the command in a start thread. Returns nil if only _start can start it.
--- `to_end`: the start's descriptor becomes readable when the process must be pumped, not
--- when the process has started.
---@param to_end? boolean
---@param is_bound? boolean  if the start is collected, it ends the program
---@param only_fifo? boolean  also return nil if no standard stream is directed to a FIFO
---@param captures_pty? boolean  as for _start
---@return noshell.start?
---@return noshell.failure?
---@private
function command:_start_aside(to_end, is_bound, only_fifo, captures_pty) end

---@return nil
---@return noshell.failure
---@private
function command:_exec() end

--- Returns the values that were set, by the keys of a SPEC. Secrets are ***.
---@return table
---@private
function command:_describe() end

--- Returns the variables that were set, as "NAME=value"; the names of those that were
--- removed; and whether the program gets the others, too.
---@return string[] set
---@return string[] removed
---@return boolean inherits
---@private
function command:_env_changes() end

--- Turns the command into one that is run here in place of a program on another machine:
--- replaces its words, and removes environment, directory, identity, limits and timeout.
--- Streams, input, caps and rules stay.
---@param words string[]
---@return noshell.command
---@private
function command:_carry(words) end

--- Checks for an argument error, and for conflicts between setters, before a start or
--- an exec.
---@param in_place boolean
---@return true?
---@return noshell.failure?
---@private
function command:_check(in_place) end

--- Returns true if daemonize was called: nothing is captured then.
---@return boolean
---@private
function command:_daemonizes() end

--- Returns the first standard stream, `from` included, that is directed to a pipe.
---@param from 0|1
---@return 0|1|2|nil
---@private
function command:_find_pipe(from) end

--- Looks its program up as a start does. A dry run does not look for it.
---@return true?
---@return noshell.failure?
---@private
function command:_find_program() end

--- Creates a process without a program, for _end_dry.
---@param pid integer
---@return noshell.process?
---@return noshell.failure?
---@private
function command:_start_dry(pid, scope, captures_pty) end
