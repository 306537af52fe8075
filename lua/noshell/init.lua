--- noshell runs programs without a shell: it builds a command, starts it,
--- exchanges data with it, waits for it, and tells exactly what happened.
---
--- Every function takes a SPEC: a table, the program and its arguments as plain
--- arguments, or a command. What can fail returns nil, err. noshell._VERSION is
--- the version, such as "1.0.0".

local core = require "noshell.load_core"
local backend = require "noshell.backend"
local bind = require "noshell.bind"
local command = require "noshell.command"
local dry_run = require "noshell.dry_run"
local failure = require "noshell.failure"
local host = require "noshell.host"
local lists = require "noshell.list"
local map = require "noshell.map"
local options = require "noshell.options"
local parse = require "noshell.parse"
local pipeline = require "noshell.pipeline"
local popen = require "noshell.popen"
local result = require "noshell.result"
local retry = require "noshell.retry"
local trace = require "noshell.trace"
local wait = require "noshell.wait"
local wait_several = require "noshell.wait_several"

-- An argument error is told with the line of who uses noshell, not with ours.
local directory = debug.getinfo(1, "S").source:match("^(@.*/)[^/]*$")
if directory then core.set_source_prefix(directory) end

---@alias noshell.target
---| "null"     # nothing to read, everything is swallowed
---| "inherit"  # that of this process
---| "pipe"     # a stream of the process
---| "capture"  # stdout, stderr: into the result
---| "stdout"   # stderr only: where stdout goes, in true order
---| integer    # a descriptor
---| file*      # a Lua file
---| noshell.stream
---| { path: string, append?: boolean }

---@alias noshell.word string|number|noshell.secret

--- What to run and how. The array part is the program and its arguments. Keys
--- are a command's setters without "set_" and "add_", and shorter words.
---@class noshell.spec
---@field [integer] noshell.word  the program and its arguments
---@field arg0? string            the child's argv[0], where it is not the program
---@field arg? noshell.word       one more argument
---@field args? noshell.word[]    more arguments
---@field arg_pair? string[]      { name, value }: the argument name=value
---@field arg_format? any[]       { format, ... }: as string.format
---@field env? table<string, string|number|false>  changes what is inherited; false removes
---@field clear_env? boolean      start from nothing
---@field inherit_env? boolean    keep the rest although variables are named
---@field pass_env? string[]|string  these only, with their values here
---@field pass_env_allow_suid? string[]|string  the same, also where we run set-id
---@field pass_env_block_suid? string[]|string  { name, default }: not where we run set-id
---@field pass_env_common? boolean  LC_ALL=C, PATH, HOME and a few more
---@field env_pair? string[]      { name, value }: one variable
---@field env_string? string[]|string  "NAME=value"
---@field env_format? any[]       { format, ... }
---@field env_xdg? string         the XDG directories below this one
---@field unset_env? string[]|string  not these
---@field input? string|noshell.secret|string[]|file*|fun(): string?  what to read from stdin
---@field input_buffer? string|noshell.secret  the same
---@field stdin? noshell.target   "null" unless given
---@field stdout? noshell.target  "capture" unless given
---@field stderr? noshell.target  "capture" unless given
---@field on_stdout? fun(line: string)  told the lines of the captured stdout as they come
---@field on_stderr? fun(line: string)  the same of stderr
---@field capture? "all"|"tail"   "tail" keeps the last 64 KiB of each captured stream
---@field tail? integer          ... or the last so many bytes
---@field crlf? boolean          lines may end with CR LF
---@field pass_fd? integer|table  fd, or { fd, as = n, close_parent = true }
---@field pass_fds? table<integer, integer>  { 8, [3] = 9 }: 8 as 8, and our 9 as the child's 3
---@field working_directory? string  the same
---@field limit? any[]            { name, soft, hard }
---@field limits? table<string, integer|"unlimited"|any[]>  { nofile = 1024, core = { 0, 0 } }
---@field cpu_affinity? integer[]|"all"  the processors on which it may run, from 0
---@field run_alone? boolean      a core scheduling cookie of its own
---@field run_among? integer      that of this process
---@field user? string            uid, gid and groups of this account
---@field uid? integer|string     a number or a user's name
---@field gid? integer|string     a number or a group's name
---@field groups? integer[]       the supplementary groups
---@field caps? (string|integer)[]  these capabilities, and no others
---@field clear_caps? boolean     none, but those of allow_cap
---@field allow_cap? (string|integer)[]|string|integer  "net_raw", "CAP_NET_RAW", 13
---@field selinux_label? string|table  label, or { label, if_enabled = true }
---@field apparmor_profile? string|table  the same
---@field pre_exec_hook? function|any[]  f, or { f, data }
---@field timeout? number         seconds after which the program and what it started are ended
---@field grace? number           seconds from TERM to KILL then; 2 unless given
---@field max_output? integer     cap of each captured stream, and of a line that is read;
---  64 MiB unless given, or math.huge
---@field ok_codes? integer[]|integer  exit codes that are success besides 0
---@field allow_exit? integer[]|integer  the same
---@field check? boolean          false: any exit code is success

local noshell = {}

--- NOSHELL_VERSION of c/noshell.h.
noshell._VERSION = core.version

--- The event loop in which Lua runs: host.use(function) sets how to wait.
noshell.host = host

--- From text to tables. A result has the same as methods.
noshell.parse = parse

--- A command: what to run and how, to be changed by its setters, and run any
--- number of times.
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.command
function noshell.command(...)
  local cmd = options.own(...)
  return cmd
end

--- Runs a program to its end. What it writes is captured unless directed
--- elsewhere.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return noshell.result?
---@return noshell.error?
function noshell.run(...)
  return pipeline.runnable(...):run()
end

--- Starts a program, and returns when it is executing.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return noshell.process?
---@return noshell.error?
function noshell.run_async(...)
  return pipeline.runnable(...):run_async()
end

--- What a program writes to stdout, without its final newlines: $(…).
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return string?
---@return noshell.error?
function noshell.output(...)
  return pipeline.runnable(...):output()
end

--- An iterator over the lines of a program's stdout, as they come. Raises the
--- error object where the program does not start, or ends badly. See
--- command:lines for what leaving the loop early does.
---@param ... noshell.spec|noshell.command|noshell.pipeline|noshell.word
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.process
function noshell.lines(...)
  if pipeline.is((...)) then return pipeline.runnable(...):lines() end
  local cmd = options.own(...)
  return command.lines(cmd)
end

--- os.execute's replacement: the program has our standard streams. Returns
--- true, "exit", 0, or nil and "exit" or "signal" and the number. Where it did
--- not start, timed out or was lost there is no such number: nil, err.
---@param ... noshell.spec|noshell.command|noshell.word
---@return true|nil ok
---@return "exit"|"signal"|noshell.error kind
---@return integer? number
function noshell.system(...)
  local cmd = options.own(...)
  command.direct(cmd, { [0] = "inherit", "inherit", "inherit" }, "system")
  command.flush()
  return result.triple(cmd:run())
end

--- io.popen's replacement: a file whose other end is the program. With mode
--- "r", the default, we read its stdout, with "w" we write its stdin, with "rw"
--- both; what is no pipe then is ours.
---
--- The mode follows a table, a command, or a program without arguments;
--- arguments that stand plainly can have none after them.
---@param spec noshell.spec|noshell.command|noshell.word
---@param mode? "r"|"w"|"rw"
---@param ... noshell.word
---@return noshell.popen?
---@return noshell.error?
---@overload fun(program: string, ...: noshell.word): noshell.popen?, noshell.error?
function noshell.popen(spec, mode, ...)
  local is_word = type(spec) ~= "table" and not command.is(spec)
  local has_mode = select("#", ...) == 0 and popen.is_mode(mode)
  local cmd
  if is_word and mode ~= nil and not has_mode then
    cmd, mode = options.own(spec, mode, ...), "r"
  else
    cmd = options.own(spec, ...)
  end
  if mode ~= nil and not popen.is_mode(mode) then
    error("bad argument #2 to 'popen' (\"r\", \"w\" or \"rw\" is needed)", 2)
  end
  return popen.open(cmd, mode or "r")
end

--- Replaces this process by the program. Returns only if that fails, and then
--- leaves this process as it was.
---
--- Limit: resource limits and a new session stay; a signal that waited behind
--- the mask is delivered if exec itself fails for what cannot be checked before
--- (the file's format, a missing dynamic loader, memory).
---@param ... noshell.spec|noshell.command|noshell.word
---@return nil
---@return noshell.error
function noshell.exec(...)
  local cmd = options.command(...)
  return cmd:exec()
end

--- Waits through the host: in an event loop, other coroutines run meanwhile. In a dry
--- run it returns at once.
---@param seconds number  of at least 0, and finite
---@return true?
---@return noshell.error?
function noshell.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < math.huge) then
    error(("noshell.sleep: a number of seconds is needed, not %s"):format(
      failure.shown(seconds)), 2)
  end
  local raw = not dry_run.is_active() and wait.sleep(seconds)
  if raw then return nil, failure.new(raw, "sleep") end
  return true
end

--- A program with its first arguments and options, to be called with the rest of the
--- arguments. `noshell.bind { "git", cwd = tree }` returns a `git` that runs with
--- `git("log", "-n", 1)`; `git.output(...)`, `git.lines(...)`, `git.run_async(...)` and
--- `git.system(...)` are as the functions of those names, and `git.command(...)`
--- returns the command.
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.bound
function noshell.bind(...)
  return bind.new(noshell, ...)
end

noshell.pipeline = pipeline.new
noshell.tee = pipeline.tee
noshell.map = map.map
noshell.wait_any = wait_several.wait_any
noshell.wait_all = wait_several.wait_all
noshell.retry = retry.run
noshell.trace = trace.use
noshell.dry_run = dry_run.new

local function add_quoted(quoted, word, number)
  if command.is(word) then word = word:argv() end
  if type(word) == "table" then
    local count, reason = lists.length(word)
    if reason then error(("noshell.quote: argument %d: %s"):format(number, reason), 3) end
    for i = 1, count do add_quoted(quoted, word[i], number) end
  elseif type(word) == "string" or type(word) == "number" then
    quoted[#quoted + 1] = core.quote(word)
  else
    error(("noshell.quote: argument %d must be a string or a number, not %s"):format(
      number, failure.shown(word)), 3)
  end
end

--- The words as sh reads them back unchanged, with blanks between them: given one by
--- one, as lists, or as a command, whose program and arguments are meant.
---@param ... string|number|(string|number)[]|noshell.command
---@return string
function noshell.quote(...)
  local quoted = {}
  for i = 1, select("#", ...) do add_quoted(quoted, (select(i, ...)), i) end
  return table.concat(quoted, " ")
end

--- The path of the program that would be run.
---@param name string
---@return string?
---@return noshell.error?
function noshell.which(name)
  local path, raw = core.find_program(name)
  if path then return path end
  return nil, failure.new(raw, name)
end

--- A word that is passed to a program, but shows as *** in every text.
---@param value string|number
---@return noshell.secret
function noshell.secret(value)
  return core.secret(value)
end

--- Called by a pre-exec hook: the program inherits this descriptor, under its
--- number. What else the hook opens is closed when it returns. Raises outside of
--- a hook.
---@param fd integer|file*|noshell.stream|table|userdata
function noshell.keep_fd(fd)
  core.keep_fd(fd)
end

--- What this build and kernel offer, which launch path is in use, and which
--- host would wait here and now.
---@return noshell.features
function noshell.features()
  local found = backend.current.features()
  found.host = host.name()
  return found
end

return noshell
