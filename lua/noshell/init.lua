--- noshell runs programs without a shell: it builds a command, starts it, exchanges
--- data with it, waits for it, and reports exactly what happened.
---
--- Every function takes a SPEC: a table, the program and its arguments as plain
--- arguments, or a command. Expected failures return nil, err. noshell._VERSION is the
--- version, such as "1.0.0".

local core = require "noshell.load_core"
local backend = require "noshell.backend"
local bind = require "noshell.bind"
local command = require "noshell.command"
local dry_run = require "noshell.dry_run"
local failure = require "noshell.failure"
local host = require "noshell.host"
local keep = require "noshell.keep"
local lists = require "noshell.list"
local machine = require "noshell.machine"
local map = require "noshell.map"
local misuse = require "noshell.misuse"
local options = require "noshell.options"
local parse = require "noshell.parse"
local pipeline = require "noshell.pipeline"
local popen = require "noshell.popen"
local result = require "noshell.result"
local retry = require "noshell.retry"
local trace = require "noshell.trace"
local trap = require "noshell.trap"
local wait = require "noshell.wait"
local wait_several = require "noshell.wait_several"

---@alias noshell.target
---| "null"     # stdin is empty; output is discarded
---| "inherit"  # the stream of this process
---| "pipe"     # a stream of the process object
---| "capture"  # stdout, stderr: into the result
---| "stdout"   # stderr only: the same target as stdout, in the order of writing
---| "stderr"   # stdout only: the same target as stderr
---| integer    # a descriptor
---| file*      # a Lua file
---| noshell.stream
---| noshell.file

--- A file. The options are for output: a new file gets `mode`, octal text such as "0600",
--- less the umask; by default "0666".
---@class noshell.file
---@field path string
---@field append? boolean     keeps the file's contents, and writes to its end
---@field mode? string        of a new file
---@field exclusive? boolean  fails with EEXIST if the file exists
---@field read? boolean       the program may also read it

--- A target in a list, as in stdout = { "capture", "inherit", { path = "log" } }.
---@alias noshell.list_target
---| "capture"  # into the result
---| "inherit"  # the stream of this process
---| noshell.file
---| integer|file*
---| fun(data: string)  # called with the bytes as they arrive
---| noshell.listener   # { f, by = "line" }

---@alias noshell.word string|number|noshell.secret

--- The program to run, and how to run it. The array part is the program and its
--- arguments. Keys are a command's setters without "set_" and "add_", and shorter words.
---@class noshell.spec
---@field [integer] noshell.word  the program and its arguments
---@field arg0? string            the child's argv[0]; default: the program
---@field arg? noshell.word       one more argument
---@field args? noshell.word[]    more arguments
---@field arg_pair? string[]      { name, value }: the argument name=value
---@field arg_format? any[]       { format, ... }: as string.format
---@field env? table<string, string|number|false>  sets variables; false removes one
---@field clear_env? boolean      starts with an empty environment
---@field inherit_env? boolean    inherits the other variables even if some are set
---@field pass_env? string[]|string  passes only these, with their present values
---@field pass_env_allow_suid? string[]|string  the same, even if we run set-user-ID
---@field pass_env_block_suid? string[]|string  { name, default }: not if we run set-user-ID
---@field pass_env_common? boolean  LC_ALL=C, PATH, HOME and a few more
---@field env_pair? string[]      { name, value }: one variable
---@field env_string? string[]|string  "NAME=value"
---@field env_format? any[]       { format, ... }
---@field env_xdg? string         the XDG directories below this one
---@field unset_env? string[]|string  variables to remove
---@field input? string|noshell.secret|string[]|file*|fun(): string?  the data for stdin
---@field input_buffer? string|noshell.secret  the same
---@field pty? boolean|noshell.pty_options  a new terminal as its standard streams
---@field stdin? noshell.target   default "null"
---@field stdout? noshell.target|noshell.list_target[]  default "capture"; or several targets
---@field stderr? noshell.target|noshell.list_target[]  the same
---@field on_stdout? fun(line: string)|noshell.listener  called for each line of the captured stdout
---@field on_stderr? fun(line: string)  the same for stderr
---@field capture? "all"|"tail"   "tail" keeps the last 64 KiB of each captured stream
---@field tail? integer          ... or this number of bytes
---@field crlf? boolean          lines may end with CR LF
---@field pipes? table<integer, "read"|"write">  { [3] = "read" }: process.pipes[3] reads what
---  the program writes to its descriptor 3
---@field pass_fd? integer|table  fd, or { fd, as = n, close_parent = true }
---@field pass_fds? table<integer, integer>  { 8, [3] = 9 }: 8 as 8, and our 9 as the child's 3
---@field process_group? true|integer  true or 0: a new one; else the group to join
---@field kill_on_exit? boolean   KILL when this process ends: parent_death_signal = "KILL"
---@field working_directory? string  the same as cwd
---@field limit? any[]            { name, soft, hard }
---@field limits? table<noshell.limit_name, integer|"unlimited"|any[]>  { core = { 0, 0 } }
---@field cpu_affinity? integer[]|"all"  the processors on which it may run, from 0
---@field run_alone? boolean      a new core scheduling cookie
---@field run_among? integer      the core scheduling cookie of this pid
---@field user? string            uid, gid and groups of this account
---@field uid? integer|string     a number or a user's name
---@field gid? integer|string     a number or a group's name
---@field groups? (integer|string)[]  the supplementary groups: numbers or names
---@field caps? noshell.capability[]  these capabilities only
---@field clear_caps? boolean     no capabilities except those of allow_cap
---@field allow_cap? noshell.capability[]|noshell.capability  "net_raw", "CAP_NET_RAW", 13
---@field selinux_label? string|table  label, or { label, if_enabled = true }
---@field apparmor_profile? string|table  the same
---@field sandbox? noshell.sandbox|boolean  what the program may touch; true: the default
---@field pre_exec_hook? function|any[]  f, or { f, data }
---@field timeout? number         seconds after which the program and its descendants are ended;
---  math.huge: never
---@field machine? noshell.machine_object  where it runs: noshell.machine.ssh { "web1" }
---@field grace? number           seconds from TERM to KILL; default 2
---@field max_output? integer     limits each captured stream, and a line that is read, to
---  this number of bytes; default 64 MiB; math.huge: no limit
---@field ok_codes? integer[]|integer  exit codes that are a success, besides 0
---@field allow_exit? integer[]|integer  the same
---@field check? boolean          false: any exit code is a success

local noshell = {}

--- NOSHELL_VERSION of c/noshell.h.
noshell._VERSION = core.version

--- The event loop in which Lua runs: host.use sets it.
noshell.host = host

--- Parsers from text to tables. Results have them as methods.
noshell.parse = parse

--- Creates a command, which its setters can change and which can be run any number of
--- times.
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.command
---@nodiscard
function noshell.command(...)
  local cmd = options.own(...)
  return cmd
end

--- Runs a program to its end. Its output is captured unless directed elsewhere.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return noshell.result?
---@return noshell.error?
---@nodiscard
function noshell.run(...)
  return keep(pipeline.runnable(...):run())
end

--- Starts a program, and returns when it is executing.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return noshell.process?
---@return noshell.error?
---@nodiscard
function noshell.run_async(...)
  return keep(pipeline.runnable(...):run_async())
end

--- Runs a program and returns its stdout without the final newlines, as $(…) does.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return string?
---@return noshell.error?
---@nodiscard
function noshell.output(...)
  return keep(pipeline.runnable(...):output())
end

--- Starts a program and returns an iterator over the lines of its stdout, as they
--- arrive. Raises an error object if the program does not start or its end is not a
--- success. command:lines explains the effect of leaving the loop early.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.process
function noshell.lines(...)
  if pipeline.is((...)) then return keep(pipeline.runnable(...):lines()) end
  local cmd = options.own(...)
  return keep(command.lines(cmd))
end

--- A replacement for os.execute: the program inherits our standard streams. Returns
--- true, "exit", 0, or nil, "exit" or "signal", and the number. If it did not start,
--- timed out, or its status is lost, returns nil, err.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return true|nil ok
---@return "exit"|"signal"|noshell.error kind
---@return integer? number
function noshell.system(...)
  if pipeline.is((...)) then
    local copy, why = pipeline.inheriting((pipeline.runnable(...)))
    if not copy then return nil, why end
    command.flush()
    return result.triple(copy:run())
  end
  local cmd = options.own(...)
  local _, err = command.direct(cmd, { [0] = "inherit", "inherit", "inherit" }, "system")
  err = err or command.find_capture(cmd, "system")
  if err then return nil, err end
  command.flush()
  return result.triple(cmd:run())
end

--- A replacement for io.popen: returns a file that is connected to the program. Mode
--- "r", the default, reads its stdout, "w" writes its stdin, "rw" does both. The other
--- streams are inherited.
---
--- The mode may follow a table, a command, or a program without arguments. After plain
--- arguments there is no mode: a last one that looks like a mode is an error.
---@param spec noshell.spec|noshell.command|noshell.word
---@param mode? "r"|"w"|"rw"
---@param ... noshell.word
---@return noshell.popen?
---@return noshell.error?
---@overload fun(program: string, ...: noshell.word): noshell.popen?, noshell.error?
---@nodiscard
function noshell.popen(spec, mode, ...)
  local is_word = type(spec) ~= "table" and not command.is(spec)
  local has_mode = select("#", ...) == 0 and popen.is_mode(mode)
  local cmd
  if is_word and mode ~= nil and not has_mode then
    popen.check_last(select(-1, mode, ...))
    cmd, mode = options.own(spec, mode, ...), "r"
  else
    cmd = options.own(spec, ...)
  end
  if mode ~= nil and not popen.is_mode(mode) then
    misuse.raise('noshell.popen: the mode must be "r", "w" or "rw", not %s',
      failure.shown(mode))
  end
  return keep(popen.open(cmd, mode or "r"))
end

--- Replaces this process by the program. Returns only on failure; this process is then
--- as before.
---
--- Limit: resource limits and a new session are not undone. Pending signals are
--- delivered if exec itself fails for a reason that cannot be checked before (the
--- file's format, a missing dynamic loader, memory).
---@param ... noshell.spec|noshell.command|noshell.word
---@return nil
---@return noshell.error
function noshell.exec(...)
  local cmd = options.command(...)
  return keep(cmd:exec())
end

--- Waits through the host: in an event loop, other coroutines run meanwhile. In a dry
--- run it returns at once.
---@param seconds number  of at least 0, and finite
---@return true?
---@return noshell.error?
function noshell.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < math.huge) then
    misuse.raise("noshell.sleep: a finite number of seconds, 0 or more, is needed, not %s",
      failure.shown(seconds))
  end
  local raw = not dry_run.is_active() and wait.sleep(seconds)
  if raw then return nil, failure.new(raw, "sleep") end
  return true
end

--- Returns a callable object for a program with its first arguments and options; calls
--- take the other arguments. After `local git = noshell.bind { "git", cwd = tree }`,
--- `git("log", "-n", 1)` runs the program; `git.output(...)`, `git.lines(...)`,
--- `git.run_async(...)` and `git.system(...)` correspond to the functions of those names,
--- and `git.command(...)` returns the command.
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.bound
---@nodiscard
function noshell.bind(...)
  return keep(bind.new(noshell, ...))
end

--- Constructors of machines: ssh hosts.
noshell.machine = machine

--- Makes a pipe between two programs: returns its read end, for the stdin of one, and its
--- write end, for the stdout of the other. Close both here when the programs have started:
--- a reader sees the end only when all write ends are closed.
---@return noshell.descriptor?
---@return noshell.descriptor|noshell.error
function noshell.pipe(...)
  misuse.check_empty("noshell.pipe", "noshell.pipeline joins commands", ...)
  local reader, writer = core.pipe()
  if reader then return reader, writer end
  return nil, failure.new(writer, "noshell.pipe()")
end

noshell.pipeline = pipeline.new
noshell.tee = pipeline.tee
noshell.map = map.map
noshell.wait_any = wait_several.wait_any
noshell.wait_all = wait_several.wait_all
noshell.retry = retry.run
noshell.trace = trace.use
noshell.trap = trap.set
noshell.dry_run = dry_run.new

--- Raises an error unless the value is a string without zero bytes, or a number.
local function check_word(name, i, value)
  local kind = type(value)
  if kind ~= "string" and kind ~= "number" then
    misuse.raise("noshell.%s: argument %d must be a string or a number, not %s", name, i,
      failure.shown(value))
  elseif kind == "string" and value:find("\0", 1, true) then
    misuse.raise("noshell.%s: argument %d contains a zero byte", name, i)
  end
end

local function add_quoted(quoted, word, number)
  if command.is(word) then word = word:argv() end
  if type(word) == "table" then
    local count, reason = lists.length(word)
    if reason then misuse.raise("noshell.quote: argument %d: %s", number, reason) end
    for i = 1, count do add_quoted(quoted, word[i], number) end
  else
    check_word("quote", number, word)
    quoted[#quoted + 1] = core.quote(word)
  end
end

--- Quotes words so that sh reads them back unchanged, with blanks between them. The
--- arguments are words, lists of words, or a command, which stands for its program and
--- arguments.
---@param ... string|number|(string|number)[]|noshell.command
---@return string
---@nodiscard
function noshell.quote(...)
  local quoted = {}
  for i = 1, select("#", ...) do add_quoted(quoted, (select(i, ...)), i) end
  return table.concat(quoted, " ")
end

--- Joins a list of directories.
local function joined(directories)
  if type(directories) ~= "table" then
    check_word("which", 2, directories)
    return directories
  end
  local count, reason = lists.length(directories)
  if reason or count == 0 then
    misuse.raise("noshell.which: argument 2: %s", reason or "at least one directory is needed")
  end
  for i = 1, count do check_word("which", 2, directories[i]) end
  return table.concat(directories, ":")
end

--- Returns the path of the program that would be run.
---@param name string
---@param directories? string[]|string  to search instead of PATH: a list, or text as in PATH
---@return string?
---@return noshell.error?
---@nodiscard
function noshell.which(name, directories)
  check_word("which", 1, name)
  local path, raw = core.find_program(name, directories and joined(directories) or nil)
  if path then return path end
  raw.method = "which"
  return nil, failure.new(raw, name)
end

--- Makes a word that is passed to a program but shown as *** in every text.
---@param value string|number
---@return noshell.secret
---@nodiscard
function noshell.secret(value)
  if type(value) ~= "string" and type(value) ~= "number" then check_word("secret", 1, value) end
  return core.secret(value)
end

--- For pre-exec hooks: lets the program inherit this descriptor under its number. Other
--- descriptors that the hook opens are closed when it returns. Raises an error outside
--- of a hook.
---@param fd integer|file*|noshell.stream|table|userdata
function noshell.keep_fd(fd)
  core.keep_fd(fd)
end

--- Returns the features of this build and kernel, the launch path in use, and the host
--- that would wait here and now.
---@return noshell.features
---@nodiscard
function noshell.features()
  local found = backend.current.features()
  found.host = host.name()
  return found
end

options.face = noshell
misuse.suggest("noshell", noshell)
misuse.suggest("a command", core.methods.command)
misuse.suggest("a stream", core.methods.stream)

return noshell
