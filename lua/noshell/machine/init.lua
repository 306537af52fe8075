--- Machines: where a command runs, if not here.
---
--- A machine has the functions of noshell as methods: m:run { "nginx", "-t" } is the same
--- as noshell.run { "nginx", "-t", machine = m }.

local backend = require "noshell.backend"
local failure = require "noshell.failure"
local keys = require "noshell.machine.keys"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
local options = require "noshell.options"
local command = require "noshell.command"

--- A machine, made by noshell.machine.ssh and others. It connects when it is first used.
---@class noshell.machine_object
---@field options table
---@field private engine noshell.engine
---@field private connections noshell.control[]
---@field private is_closed? boolean
local methods = {}

local metatable = { __index = methods, __name = "noshell.machine" }

local machine = {}

--- Returns true if `value` is a machine.
---@return boolean
function machine.is(value)
  return type(value) == "table" and getmetatable(value) == metatable
end

-- Making --------------------------------------------------------------------------------

local function check_value(name, key, value, kind)
  local is_right = type(value) == kind or kind == "any"
  if kind == "words" then
    is_right = type(value) == "string" or type(value) == "table"
  elseif kind == "count" then
    is_right = type(value) == "number" and value >= 1 and (value % 1 == 0 or value == math.huge)
  elseif kind == "seconds" then
    is_right = type(value) == "number" and value > 0 and value < math.huge
  elseif kind == "port" then
    is_right = type(value) == "number" and value >= 1 and value <= 65535 and value % 1 == 0
  elseif kind == "string" then
    is_right = is_right and value ~= "" and not value:find("%z")
  end
  if not is_right then
    misuse.raise("noshell.machine.%s: %s = %s: %s is needed", name, key,
      failure.shown(value), kind == "count" and "a whole number from 1"
        or kind == "port" and "a whole number from 1 to 65535"
        or kind == "seconds" and "a number of seconds" or kind == "string" and "a text"
        or "a " .. kind)
  end
end

--- Makes a machine of an engine.
---@param engine noshell.engine
---@param given any
---@return noshell.machine_object
local function new(engine, given)
  if type(given) == "string" then given = { given } end
  if type(given) == "table" and (given.host or given.hostname) then
    misuse.raise("noshell.machine.%s: the host is the first item: noshell.machine.%s { \"web1\" }",
      engine.name, engine.name)
  end
  misuse.check_options("noshell.machine." .. engine.name, given, engine.options,
    ("noshell.machine.%s { \"name\" }"):format(engine.name))
  local copy = {}
  for key, value in pairs(given) do
    check_value(engine.name, key == 1 and "[1]" or key, value, engine.options[key])
    copy[key] = value
  end
  local reason = engine.find_error and engine.find_error(copy)
  if reason then misuse.raise("noshell.machine.%s: %s", engine.name, reason) end
  local self = { options = copy, engine = engine, is_closed = false }
  self.title = engine.title(copy)
  self.connections = {}
  return setmetatable(self, metatable)
end

--- A host that is reached by ssh, as the user's ssh_config describes it.
---@class noshell.ssh_options
---@field [1] string            the host, as for ssh(1)
---@field user? string
---@field port? integer
---@field identity? string      a file with a private key
---@field config? string        a file to use instead of ~/.ssh/config
---@field options? table<string, string|number|boolean>  of ssh_config(5)
---@field connect_timeout? number  seconds; default 20
---@field alive? number         seconds without an answer until the connection counts as
---  lost; default 30
---@field sessions? integer     MaxSessions of the server; default 10
---@field connections? integer  maximum number of connections; default: as many as needed
---@field program? string       default "ssh"

--- Makes a machine that is reached by ssh. It needs sshd and a POSIX sh, nothing else.
---@param options string|noshell.ssh_options
---@return noshell.machine_object
function machine.ssh(given)
  return keep(new(require "noshell.machine.ssh", given))
end

--- A container that is running, reached by podman exec or docker exec.
---@class noshell.container_options
---@field [1] string            the name or id of the container
---@field engine? "podman"|"docker"  default "podman"
---@field user? string          as for the option --user of exec
---@field workdir? string       the working directory, if not the container's own
---@field program? string|string[]  instead of the engine's name: { "sudo", "podman" }
---@field connect_timeout? number  seconds; default 20

--- Makes a machine that is a running container. It needs a POSIX sh inside, with mkfifo.
---@param options string|noshell.container_options
---@return noshell.machine_object
function machine.container(given)
  return keep(new(require "noshell.machine.container", given))
end

--- Transient units of systemd.
---@class noshell.systemd_options
---@field machine? string       a container of systemd-machined, as for --machine
---@field user? boolean         units of the user's manager instead of the system's
---@field properties? table<string, string|number|boolean|(string|number)[]>  of each unit,
---  as in systemd.exec(5) and systemd.resource-control(5): { MemoryMax = "512M" }
---@field program? string|string[]  default "systemd-run"
---@field connect_timeout? number  seconds; default 20

--- Makes a machine that runs each command in a transient unit of systemd.
---@param options? noshell.systemd_options
---@return noshell.machine_object
function machine.systemd(given)
  return keep(new(require "noshell.machine.systemd", given == nil and {} or given))
end

--- An allocation of Slurm.
---@class noshell.slurm_options
---@field partition? string
---@field nodes? integer        maximum number of nodes, each in a separate allocation; default 1
---@field sessions? integer     programs at once on a node; default: as many as are started
---@field time? number|string   the time limit: seconds, or a text as for srun
---@field account? string
---@field options? table<string, string|number|true>  of srun: { mem = "1G" }
---@field workdir? string       default: our working directory
---@field program? string|string[]  default "srun"
---@field connect_timeout? number  seconds in the queue; default 300

--- Makes a machine that runs commands as steps of an allocation of Slurm. The first use makes
--- the allocation, and close releases it.
---@param options? noshell.slurm_options
---@return noshell.machine_object
function machine.slurm(given)
  return keep(new(require "noshell.machine.slurm", given == nil and {} or given))
end

--- Starts a command of this machine, for noshell.command. In a dry run, nothing starts.
---@param calls noshell.scope
---@param cmd noshell.command
---@param is_bound? boolean
---@return noshell.process?
---@return noshell.failure?
---@private
function methods:_start(calls, cmd, is_bound)
  local ok, raw = cmd:_check(false)
  if not ok then return nil, raw end
  if self.is_closed then
    return nil, { code = "closed", reason = ("the machine %s is closed"):format(self.title) }
  end
  raw = keys.refuse(self.engine, cmd, self.options)
  if raw then return nil, raw end
  if backend.current ~= backend.core then return backend.current.start(cmd, calls) end
  return self.engine.start(self, calls, cmd, is_bound)
end

-- Using ---------------------------------------------------------------------------------

local function check_open(self, method)
  misuse.check_self(self, metatable, method)
  if self.is_closed then misuse.raise("the machine %s is closed", self.title) end
end

--- Creates a command that runs on the machine.
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.command
function methods:command(...)
  check_open(self, "command")
  local cmd = options.own(...)
  return keep(cmd:set_machine(self))
end

--- As noshell.run, on the machine.
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.result?
---@return noshell.error?
function methods:run(...)
  check_open(self, "run")
  return keep(options.own(...):set_machine(self):run())
end

--- As noshell.run_async, on the machine.
---@param ... noshell.spec|noshell.command|noshell.word
---@return noshell.process?
---@return noshell.error?
function methods:run_async(...)
  check_open(self, "run_async")
  return keep(options.own(...):set_machine(self):run_async())
end

--- As noshell.output, on the machine.
---@param ... noshell.spec|noshell.command|noshell.word
---@return string?
---@return noshell.error?
function methods:output(...)
  check_open(self, "output")
  return keep(options.own(...):set_machine(self):output())
end

--- As noshell.lines, on the machine.
---@param ... noshell.spec|noshell.command|noshell.word
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.process
function methods:lines(...)
  check_open(self, "lines")
  return keep(command.lines(options.own(...):set_machine(self)))
end

--- What a machine reports about itself.
---@class noshell.machine_report
---@field name string       as in errors
---@field engine string     "ssh"
---@field signals boolean   its sh tells an exit status from death by a signal

--- Reports whether the machine can be reached, and what it supports. Connects if needed.
---@return noshell.machine_report?
---@return noshell.error?
function methods:check()
  check_open(self, "check")
  local report, raw = self.engine.check(self)
  if report then return report end
  raw.machine = self.title
  return nil, failure.new(raw, "check")
end

--- Closes the connections. Programs that still run there are ended. May be called twice.
---@return true
function methods:close()
  misuse.check_self(self, metatable, "close")
  if not self.is_closed then
    self.is_closed = true
    self.engine.close(self)
  end
  return true
end

--- Returns true if it was closed.
---@return boolean
function methods:closed()
  misuse.check_self(self, metatable, "closed")
  return self.is_closed or false
end

metatable.__close = methods.close

function metatable.__tostring(self)
  return self.title
end

misuse.suggest("a machine", methods)
misuse.suggest("noshell.machine", machine)

return machine
