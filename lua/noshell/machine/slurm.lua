--- Machines that are allocations of Slurm: srun. The control session is the first step of an
--- allocation, and each run is another step.
---
--- srun alone is not reliable: it returns 0 if the node fails, loses the output of a task that a
--- signal kills, writes messages to the program's stderr, and uses /tmp if the directory is
--- missing. So the scripts check the directory, report the end through the control session, and
--- then exit with 0.

local control = require "noshell.machine.control"
local control_script = require "noshell.machine.control_script"
local core = require "noshell.core"
local failure = require "noshell.failure"
local script = require "noshell.machine.script"
local session = require "noshell.machine.session"
local slurm_time = require "noshell.machine.slurm_time"

---@class noshell.session_engine
local slurm = { name = "slurm", keys = {} }

slurm.options = { partition = "string", nodes = "count", time = "any",
  account = "string", sessions = "count", options = "table", workdir = "string",
  connect_timeout = "seconds", program = "words" }

slurm.instead = { sandbox = "Slurm has --mem and --cpus-per-task: set options of the machine" }

--- Options of srun that the engine sets itself, or that would break it.
local REFUSED = { nodes = "set nodes", time = "set time", ["jobid"] = true, chdir = "set workdir",
  input = true, output = true, error = true, ntasks = true, label = true, pty = true,
  quiet = true, verbose = true, overlap = true, exclusive = true, multi_prog = true }

function slurm.find_error(options)
  local workdir = options.workdir
  if options.time and not slurm_time.seconds(options.time) then
    return ('time = %s: seconds, or a text as for srun such as "1-00:00:00"'):format(
      failure.shown(options.time))
  elseif workdir and workdir:sub(1, 1) ~= "/" then
    return ("workdir = %s: an absolute path is needed"):format(failure.shown(workdir))
  end
  for key, value in pairs(options.options or {}) do
    local kind = type(value)
    if type(key) ~= "string" or not key:find "^%l[%l%-]*%l$" then
      return "options: the names are the long options of srun, such as mem"
    elseif REFUSED[key] then
      return ("options.%s: noshell sets it%s"):format(key,
        REFUSED[key] ~= true and ": " .. REFUSED[key] or "")
    elseif kind ~= "string" and kind ~= "number" and value ~= true then
      return ("options.%s: must be a string, a number or true"):format(key)
    end
  end
end

function slurm.title(options)
  return options.partition and "slurm " .. options.partition or "slurm"
end

-- Connections -----------------------------------------------------------------------------

---@class noshell.slurm_connection : noshell.control
---@field job? string       the allocation
---@field node? string      its node
---@field workdir? string   the directory in which scripts begin
---@field ends? number      the end of its time limit, on our clock
local methods = {}

--- srun refuses longer words.
function methods:longest() -- luacheck: ignore self
  return 100000
end

--- Seconds to wait in the queue.
function methods:seconds()
  return self.machine.options.connect_timeout or 300
end

local function add_script(words, text)
  control.add(words, "--nodes=1", "--ntasks=1", "--overlap", "--chdir=/", "--")
  control.add_script(words, "/bin/sh", text)
end

--- Returns the words of a step. Three --quiet: otherwise srun writes errors to the program's
--- stderr.
function methods:session(text)
  local words = control.program(self.machine, "srun")
  control.add(words, "--quiet", "--quiet", "--quiet", "--jobid=" .. self.job,
    "--nodelist=" .. self.node)
  add_script(words, "nsh_z=0\n" .. text)
  return words
end

local function add_options(words, options)
  local names = {}
  for name in pairs(options) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = options[name]
    if type(value) == "number" then value = ("%.14g"):format(value) end
    control.add(words, "--" .. name .. (value ~= true and "=" .. value or ""))
  end
end

--- Returns the SPEC of the control session, which makes the allocation.
function methods:open()
  local o = self.machine.options
  if not o.workdir then
    local pwd, raw = control.launch { "pwd", "-P", stdout = "pipe" }
    if not pwd then return nil, raw end
    self.workdir = pwd.stdout:read "*a":gsub("\n$", "")
    pwd:_free()
  end
  local words = control.program(self.machine, "srun")
  control.add(words, "--quiet", "--job-name=noshell")
  if o.partition then control.add(words, "--partition=" .. o.partition) end
  if o.account then control.add(words, "--account=" .. o.account) end
  if o.time then control.add(words, "--time=" .. slurm_time.text(o.time)) end
  add_options(words, o.options or {})
  add_script(words, control_script.control(self.nonce,
    "job=$SLURM_JOB_ID node=$SLURMD_NODENAME"))
  return words
end

function methods:greeted()
  self.job, self.node = self.about:match "job=(%d+) node=(%S+)"
  if not self.job then return "srun did not report its job" end
  local o = self.machine.options
  self.ends = o.time and core.now() + slurm_time.seconds(o.time) or nil
end

local function plain(said)
  return said and (said:gsub("srun: error: ", ""):gsub("srun: ", ""))
end

function methods:explain(said) -- luacheck: ignore self
  return plain(said)
end

function methods:said()
  return plain(control.said(self))
end

--- The exit status of srun for a step whose processes the kernel killed for their memory.
local OUT_OF_MEMORY = 253

function methods:is_out_of_memory(code) -- luacheck: ignore self
  return code == OUT_OF_MEMORY
end

local new = control.class(methods)

function slurm.connect(m, key)
  local self = new(m, key)
  self.limit = m.options.sessions or math.huge
  return self
end

function slurm.most(options)
  return options.nodes or 1
end

slurm.start, slurm.check = session.start, session.check

--- Refuses a timeout that is longer than the rest of the allocation's time.
function slurm.find_limit(one, cmd)
  local told = cmd:_describe()
  local left = one.ends and one.ends - core.now()
  if left and told.timeout and told.timeout < math.huge and told.timeout > left then
    return "timeout", ("%g"):format(told.timeout),
      ("the allocation ends in %.0f s: raise time of the machine"):format(math.max(0, left))
  end
end

function slurm.body(cmd, m, one)
  local key, value, reason = slurm.find_limit(one, cmd)
  if key then return nil, key, value, reason end
  return script.body(cmd, m.options.workdir or one.workdir)
end

--- Ends the allocations, even if their control sessions do not.
function slurm.close(m)
  local jobs = {}
  for _, one in ipairs(m.connections) do
    if one.job and not one.is_dead then jobs[#jobs + 1] = one.job end
  end
  session.close(m)
  if not jobs[1] then return end
  local scancel = control.launch { "scancel", "--quiet", jobs, stdout = "null", stderr = "null" }
  if scancel then scancel:detach() end
end

return slurm
