-- What the specs of dry runs share.
local noshell = require "noshell"

local dry = {}

--- Calls f(dry run) in a dry run, which ends whatever happens. Gives what f gave.
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

--- A handler that gives the same reply each time.
function dry.replies(reply)
  return function() return reply end
end

return dry
