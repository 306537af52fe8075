--- The sandbox of a command: checks its table, for the core.

local core = require "noshell.core"
local failure = require "noshell.failure"
local lists = require "noshell.list"
local nearest = require "noshell.nearest"
local setters = require "noshell.command_streams"
local state = require "noshell.state"

---@class noshell.command
local commands = core.methods.command

local shown = failure.shown

--- Raised by a check, and caught in set_sandbox: { option, value, reason }.
local function reject(option, value, reason, ...)
  error({ option, value, reason:format(...) }, 0)
end

local function suggestion(word, words)
  local near = type(word) == "string" and nearest.word(word, words)
  return near and (", did you mean '%s'?"):format(near) or ""
end

--- Returns the items of a list, or a single value as a list.
local function items(option, given)
  if type(given) ~= "table" then return { given } end
  local count, reason = lists.length(given)
  if not count then reject(option, given, "%s", reason) end
  return given
end

-- Paths -----------------------------------------------------------------------

local function check_path(option, path, given)
  if type(path) ~= "string" or path == "" then
    reject(option, given, "must be true, false, or a list of paths")
  elseif path:find("\0", 1, true) then
    reject(option, (path:gsub("%z.*", "")), "has a path that contains a zero byte")
  end
  if path:sub(1, 1) == "@" and path ~= "@system" then
    reject(option, path, "is no path: '@system' is the default; write './%s' for a file", path)
  end
  if path == "@system" and option ~= "read" and option ~= "exec" then
    reject(option, path, "is for 'read' and 'exec' only")
  end
end

--- Returns { path, optional }.
local function path_of(option, given)
  if type(given) ~= "table" then
    check_path(option, given, given)
    return { given }
  end
  check_path(option, given[1], given)
  for key, value in pairs(given) do
    if key ~= 1 and key ~= "optional" then
      reject(option, key, "is no option of a path: there is 'optional'")
    elseif key == "optional" and type(value) ~= "boolean" then
      reject(option, value, "has 'optional', which must be true or false")
    end
  end
  return { given[1], optional = given.optional }
end

--- Returns true if the table is one path with an option, not a list of paths.
local function is_path(given)
  return type(given) == "table" and given.optional ~= nil
end

local function paths(option, given)
  if given == true then return true end
  if given == false then return {} end
  local result = {}
  for i, path in ipairs(is_path(given) and { given } or items(option, given)) do
    result[i] = path_of(option, path)
  end
  return result
end

-- Network ---------------------------------------------------------------------

local function ports(option, given, least)
  local result = {}
  for i, port in ipairs(items(option, given)) do
    if type(port) ~= "number" or port % 1 ~= 0 or port < least or port > 65535 then
      reject(option, port, "must be a list of ports from %d to 65535", least)
    end
    result[i] = port
  end
  return result
end

local PORTS = { connect = 1, bind = 0 }

local function network(option, given)
  if type(given) == "boolean" then return given end
  if type(given) ~= "table" or next(given) == nil then
    reject(option, given, "must be true, false, or { connect = { ... }, bind = { ... } }")
  end
  local result = { connect = {}, bind = {} }
  for key, value in pairs(given) do
    if type(key) == "number" then
      reject(option, given, "must say what is allowed, as in { connect = { 443 } }")
    elseif not PORTS[key] then
      reject(option, key, "has no such key%s", suggestion(key, { "connect", "bind" }))
    end
    result[key] = ports(option .. "." .. key, value, PORTS[key])
  end
  return result
end

-- System calls ----------------------------------------------------------------

local function call_names()
  local names = core.sandbox_calls()
  for _, group in ipairs(core.sandbox_groups()) do names[#names + 1] = group.name end
  return names
end

local function calls(option, given)
  local result = {}
  for i, name in ipairs(items(option, given)) do
    if type(name) ~= "string" or name:find("\0", 1, true) then
      reject(option, name, "must be a list of names of system calls")
    elseif not core.sandbox_has_call(name) then
      reject(option, name, "no such system call or group%s", suggestion(name, call_names()))
    end
    result[i] = name
  end
  return result
end

--- These are made after the filter is in force.
local NEEDED = { execve = true, exit_group = true }

local function syscalls(option, given)
  if given == false then return nil end
  if given == "default" then return { deny = {}, allow = {} } end
  if type(given) ~= "table" then
    reject(option, given, 'must be "default", false, or { deny = { ... }, allow = { ... } }')
  end
  local result = { deny = {}, allow = {} }
  for key, value in pairs(given) do
    if not result[key] then
      reject(option, key, "has no such key%s", suggestion(key, { "deny", "allow" }))
    end
    result[key] = calls(option .. "." .. key, value)
  end
  for _, name in ipairs(result.deny) do
    if NEEDED[name] then
      reject(option .. ".deny", name, "must not contain it: no program could start")
    end
  end
  return result
end

-- The cgroup ------------------------------------------------------------------

local UNITS = { K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40 }
local LEAST_MEMORY, MOST_MEMORY = 65536, 2 ^ 53

local function memory(option, given)
  local bytes = given
  if type(given) == "string" then
    local number, unit = given:match "^(%d+%.?%d*)([KMGT])$"
    bytes = number and math.floor(tonumber(number) * UNITS[unit])
  end
  if type(bytes) ~= "number" or bytes % 1 ~= 0 then
    reject(option, given, 'must be a number of bytes, or a text such as "512M"')
  elseif bytes < LEAST_MEMORY or bytes > MOST_MEMORY then
    reject(option, given, 'must be at least 64 KiB, as in "512M"')
  end
  return bytes
end

local MOST_PIDS, MOST_CPUS = 4194304, 8192

local function pids(option, given)
  if type(given) ~= "number" or given % 1 ~= 0 or given < 1 or given > MOST_PIDS then
    reject(option, given, "must be a number of processes from 1 to %d", MOST_PIDS)
  end
  return given
end

local function cpu(option, given)
  if type(given) ~= "number" or not (given >= 0.01 and given <= MOST_CPUS) then
    reject(option, given, "must be a number of processors from 0.01 to %d", MOST_CPUS)
  end
  return given
end

local function cgroup(option, given)
  if type(given) ~= "string" or given:sub(1, 1) ~= "/" or given:find("\0", 1, true) then
    reject(option, given, "must be the absolute path of a cgroup's directory")
  end
  return given
end

-- Private parts ---------------------------------------------------------------

local PRIVATE = { tmp = true, pid = true, network = true, hide = true }
local PRIVATE_NAMES = { "hide", "network", "pid", "tmp" }

local function private(option, given)
  if type(given) ~= "table" or next(given) == nil or given[1] ~= nil then
    reject(option, given, "must say what is private, as in { tmp = true, pid = true }")
  end
  local result = {}
  for key, value in pairs(given) do
    if not PRIVATE[key] then
      reject(option, key, "has no such key%s", suggestion(key, PRIVATE_NAMES))
    elseif key == "hide" then
      result.hide = paths(option .. ".hide", value)
      if type(value) == "boolean" then
        reject(option .. ".hide", value, "must be a list of paths")
      end
    elseif type(value) ~= "boolean" then
      reject(option .. "." .. key, value, "must be true or false")
    else
      result[key] = value
    end
  end
  return result
end

-- Requirements ----------------------------------------------------------------

local PARTS = core.sandbox_parts()

--- Returns a mask of the parts that must be enforced.
local function required(option, given)
  if given == "all" then return 2 ^ #PARTS - 1 end
  if given == "best" then return 0 end
  if type(given) ~= "table" then
    reject(option, given, 'must be "all", "best", or a list of parts%s',
      suggestion(given, { "all", "best" }))
  end
  local mask, bits = 0, {}
  for i, name in ipairs(PARTS) do bits[name] = 2 ^ (i - 1) end
  for _, name in ipairs(items(option, given)) do
    if not bits[name] then
      reject(option, name, "no such part%s", suggestion(name, PARTS))
    end
    mask = mask + bits[name]
    bits[name] = 0
  end
  return mask
end

-- The table -------------------------------------------------------------------

--- The checks: f(option, value) returns what the core takes.
local OPTIONS = { read = paths, exec = paths, write = paths, unix = paths, network = network,
  syscalls = syscalls, memory = memory, pids = pids, cpu = cpu, cgroup = cgroup, private = private,
  require = required }

local function names()
  local sorted = {}
  for name in pairs(OPTIONS) do sorted[#sorted + 1] = name end
  table.sort(sorted)
  return sorted
end

--- Returns the table for the core, and the table for a dry run.
local function checked(given)
  if given == true then given = {} end
  if type(given) ~= "table" or getmetatable(given) ~= nil then
    error({ nil, given, "argument 1 must be a table, or true for the default" }, 0)
  end
  local result = { require = 2 ^ #PARTS - 1 }
  for _, name in ipairs(names()) do
    if given[name] ~= nil then result[name] = OPTIONS[name](name, given[name]) end
  end
  for key, value in pairs(given) do
    if not OPTIONS[key] then
      reject(type(key) == "string" and key or shown(key), value, "no such option%s",
        suggestion(key, names()))
    end
  end
  return result
end

--- Copies a value, for a dry run: the caller may change its table.
local function copied(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, item in pairs(value) do copy[key] = copied(item) end
  return copy
end

--- What a program may touch; the kernel enforces it. Each kind of access has a default; a
--- list replaces it, and true lifts the restriction.
---@class noshell.sandbox
---@field read? boolean|noshell.sandbox_path[]|string  the files and directories that it may
---  read; default "@system": the directories of programs, libraries and configuration, never
---  $HOME
---@field exec? boolean|noshell.sandbox_path[]|string  those that it may execute, and read;
---  default "@system". The program, its interpreter and its loader are always allowed
---@field write? boolean|noshell.sandbox_path[]|string  those that it may write to, and read;
---  default: none but /dev/null and the like
---@field network? boolean|{ connect?: integer[], bind?: integer[] }  false, the default: no
---  sockets; ports: TCP only, to and on these
---@field unix? boolean|noshell.sandbox_path[]|string  the Unix sockets that it may connect to;
---  default false, or, with network = true, all but abstract ones
---@field syscalls? "default"|false|{ deny?: string[], allow?: string[] }  default false;
---  "default" denies system calls that ordinary programs do not need; a table: more or fewer
---@field memory? integer|string  the memory that it may use, without swap, in bytes or as
---  "512M". If it uses more, the kernel ends it, and err.code is "memory"
---@field pids? integer  the number of its processes and threads
---@field cpu? number  its time on processors: 0.5 is half of one
---@field cgroup? string  the directory of a cgroup: the program's is made below it; default:
---  the cgroup that was delegated to this process
---@field private? noshell.sandbox_private  its own view of the system, by namespaces
---@field require? "all"|"best"|string[]  the parts that must be enforced; default "all"

--- By default, nothing is private.
---@class noshell.sandbox_private
---@field tmp? boolean  empty and writable /tmp and /var/tmp, which are removed at its end
---@field pid? boolean  it sees only its own processes, which are killed when it has ended
---@field network? boolean  a network with only a loopback interface
---@field hide? noshell.sandbox_path[]|string  files and directories that are empty for it

---@alias noshell.sandbox_path string|{ [1]: string, optional?: boolean }

--- The means that enforces each requested part of a sandbox: "landlock 7", "seccomp",
--- "cgroup", "namespaces"; false: the part is not enforced.
---@class noshell.sandbox_report
---@field read? string|false
---@field exec? string|false
---@field write? string|false
---@field signals? string|false  no signals to processes outside the sandbox
---@field network? string|false
---@field unix? string|false
---@field syscalls? string|false
---@field memory? string|false
---@field pids? string|false
---@field cpu? string|false
---@field private? string|false
---@field cgroup? string|false  a cgroup, if the key is given
---@field unenforced? table<string, string>  the reasons of the parts that are false

--- Runs the program in a sandbox, which replaces an earlier one.
---@param ... noshell.sandbox|true  true: the default
---@return noshell.command
function commands:set_sandbox(...)
  if not setters.has_count(self, "set_sandbox", 1, 1, ...) then return self end
  local given = ...
  local ok, result = pcall(checked, given)
  if ok then
    state.of(self).sandbox = given == true and {} or copied(given)
    return self:_set_sandbox(result)
  end
  if type(result) ~= "table" then error(result, 0) end
  local option, value, reason = result[1], result[2], result[3]
  if option then reason = ("option '%s' %s"):format(option, reason) end
  return self:_argument_error("set_sandbox", shown(value), reason)
end
