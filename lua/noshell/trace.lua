--- Tracing: one function that is told what runs. Secrets show as *** there as
--- everywhere.

--- What a trace function is given.
---@class noshell.event
---@field event "started"|"exited"|"failed"  "failed": it did not start
---@field command string     the command line
---@field pid? integer       of what was started
---@field duration? number   of what exited: seconds
---@field ok? boolean        of what exited: success by the command's rules
---@field status? integer    of what exited: its exit code
---@field signal? string     of what exited: the name of what killed it
---@field error? noshell.error  why it is no success, or did not start
---@field dry? boolean       of what a dry run "started"

---@alias noshell.tracer fun(event: noshell.event)

local coroutines = require "noshell.host.coroutines"

local trace = {}

---@type noshell.tracer?
local tracer

--- The coroutines in which it runs: one may wait in it, or be killed there.
local telling = setmetatable({}, { __mode = "k" })

--- Tells `f` from now on of every program that starts, exits, or does not start;
--- nil switches that off. Of an exit it is told when it is known here: by wait,
--- poll, run or close. What `f` runs itself is not told of, and an error in it
--- stops nothing: it goes to warn, where Lua has that.
---@param f? noshell.tracer
---@return noshell.tracer? previous
function trace.use(f)
  if f ~= nil and type(f) ~= "function" then
    error("noshell.trace: function or nil expected, got a " .. type(f), 2)
  end
  local previous = tracer
  tracer = f
  return previous
end

--- Whether anybody is told.
function trace.is_on()
  return tracer ~= nil
end

local warn = rawget(_G, "warn") or function() end

local function tell(event)
  local thread = coroutines.key()
  if telling[thread] then return end
  telling[thread] = true
  -- Limit: on Lua 5.1 nothing can yield through pcall, so not in it.
  local ok, err = pcall(tracer, event)
  telling[thread] = nil
  if not ok then warn("noshell.trace: " .. tostring(err)) end
end

local function is_dry(process)
  return process.launch == "dry" or nil
end

--- A program was started.
---@param process noshell.process
function trace.started(process)
  if not tracer then return end
  tell { event = "started", command = process.command, pid = process.pid,
    dry = is_dry(process) }
end

--- A command did not start.
---@param err noshell.error
function trace.failed(err)
  if not tracer then return end
  tell { event = "failed", command = err.command, error = err }
end

--- A process is known to have ended.
---@param process noshell.process
---@param result noshell.result
---@param err? noshell.error
function trace.exited(process, result, err)
  if not tracer then return end
  tell { event = "exited", command = process.command, pid = result.pid,
    duration = result.duration, ok = not err, status = result.exit_code,
    signal = result.signal, error = err, dry = is_dry(process) }
end

return trace
