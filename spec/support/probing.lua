-- Reports of a command's child, and failures of a command.

local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local probing = {}

--- The report of a probe that a command of this SPEC, or this command, runs,
--- and the launch path that was taken.
function probing.report(spec)
  local process = assert(noshell.run_async(spec))
  local launch = process.launch
  local result, err = process:wait()
  process:close()
  if not result then error(err) end
  return helper.probe_report(result.stdout), launch
end

--- A new command that runs the probe.
function probing.command(...)
  return noshell.command(helper.probe, ...)
end

--- Formats a failure: "code stage errname subject".
function probing.described(err)
  return ("%s %s %s %s"):format(err.code, err.stage or "-", err.errname or "-",
    err.subject or "-")
end

--- Returns the fields of a failure that a forked child can pass on.
function probing.fields(value, err)
  if value then return { started = true } end
  return { started = false, described = probing.described(err),
    errno = err.errno or 0, reason = err.reason or "", text = tostring(err) }
end

--- Returns what was left behind since helper.snapshot(); "none" if it has gone within half
--- a second, because the kernel may take a while to end a thread.
function probing.leaks(before)
  local said
  for _ = 1, 50 do
    said = helper.leaks_since(before)
    if not said then return "none" end
    core.poll(-1, "r", 0.01)
  end
  return said
end

--- Collects all forgotten processes, which end by themselves.
function probing.reap()
  while core.reap() > 0 do core.poll(-1, "r", 0.001) end
end

return probing
