-- Helpers for the specs of dry runs.
local noshell = require "noshell"

local dry = {}

--- Calls f(dry run) in a dry run, and ends that in any case. Returns the values of f.
function dry.with(handler, f)
  local run = noshell.dry_run(handler)
  local function finish(ok, ...)
    run:stop()
    if not ok then error((...), 0) end
    return ...
  end
  return finish(pcall(f, run))
end

--- A handler: what comes in goes out, else the arguments.
function dry.echo(call)
  return { stdout = call.input or table.concat(call.args, " ") .. "\n" }
end

--- Makes a handler that always returns the same reply.
function dry.replies(reply)
  return function() return reply end
end

return dry
