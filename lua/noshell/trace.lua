--- Tracing: a function that is called for every program that runs. Secrets are shown
--- as ***.

--- The argument of a trace function.
---@class noshell.event
---@field event "started"|"exited"|"failed"  "failed": it did not start
---@field command string     the command line
---@field pid? integer       not for "failed"
---@field duration? number   "exited": seconds from start to end
---@field ok? boolean        "exited": success by the command's rules
---@field status? integer    "exited": the exit code
---@field signal? string     "exited": the name of the signal that killed it
---@field error? noshell.error  of a failure
---@field dry? boolean       true in a dry run
---@field machine? string    the name of the machine on which it runs

---@alias noshell.tracer fun(event: noshell.event)

local coroutines = require "noshell.host.coroutines"
local failure = require "noshell.failure"
local misuse = require "noshell.misuse"
local state = require "noshell.state"

local trace = {}

--- The options of trace.
---@class noshell.trace_options
---@field env_values? boolean  event.command has the values of environment variables

---@type noshell.tracer?
local tracer
---@type noshell.trace_options
local options = {}

--- The coroutines in which the tracer is running. It may yield and never return, so the
--- keys are weak.
local telling = setmetatable({}, { __mode = "k" })

--- Sets the function to call for every program that starts, exits, or fails to start;
--- nil disables tracing. An exit is traced when wait, poll, run or close detects it.
--- Programs that `f` runs are not traced. An error in `f` is passed to warn (Lua 5.4)
--- and otherwise ignored.
---@param f? noshell.tracer
---@param how? noshell.trace_options
---@return noshell.tracer? previous
---@return noshell.trace_options previous_options
function trace.use(f, how)
  for key, value in pairs(how or {}) do
    if key ~= "env_values" or type(value) ~= "boolean" then
      misuse.raise("noshell.trace: %s = %s: env_values = true or false is the only option",
        tostring(key), failure.shown(value))
    end
  end
  if f ~= nil and type(f) ~= "function" then
    misuse.raise("noshell.trace: a function or nil is needed, not %s", failure.shown(f))
  end
  local previous, previous_options = tracer, options
  tracer, options = f, how or {}
  return previous, previous_options
end

--- Returns true if tracing is enabled.
function trace.is_on()
  return tracer ~= nil
end

local warn = rawget(_G, "warn") or function() end

local function tell(event)
  local thread = coroutines.key()
  if telling[thread] then return end
  telling[thread] = true
  -- Limit: on Lua 5.1, which cannot yield across pcall, the tracer must not yield.
  local ok, err = pcall(tracer, event)
  telling[thread] = nil
  if not ok then warn("noshell.trace: " .. tostring(err)) end
end

local function is_dry(process)
  return process.launch == "dry" or nil
end

local IN_FULL = { env_values = true }

--- Traces the start of a program.
---@param process noshell.process
---@param cmd noshell.command
function trace.started(process, cmd)
  if not tracer then return end
  local kept = state.of(process)
  kept.full_text = options.env_values and cmd:to_string(IN_FULL) or nil
  tell { event = "started", command = kept.full_text or process.command,
    pid = process.pid, dry = is_dry(process), machine = process:_machine() }
end

--- Traces a command that failed to start.
---@param err noshell.error
---@param runnable noshell.command|noshell.pipeline
function trace.failed(err, runnable)
  if not tracer then return end
  local text = options.env_values and runnable:to_string(IN_FULL) or err.command
  tell { event = "failed", command = text, error = err, machine = err.machine }
end

--- Traces the end of a process.
---@param process noshell.process
---@param result noshell.result
---@param err? noshell.error
function trace.exited(process, result, err)
  if not tracer then return end
  local full = options.env_values and state.of(process).full_text
  tell { event = "exited", command = full or process.command, pid = result.pid,
    duration = result.duration, ok = not err, status = result.exit_code,
    signal = result.signal, error = err, dry = is_dry(process), machine = process:_machine() }
end

return trace
