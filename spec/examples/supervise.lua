-- Runs a program, and starts it again whenever it fails. On TERM or INT it ends the program
-- and stops.
--   supervise.lua PROGRAM [ARGUMENT...]
local noshell = require "noshell"

local DELAY = tonumber(os.getenv "SUPERVISE_DELAY" or 1)  -- seconds

local function report(what)
  io.stderr:write("supervise: ", tostring(what), "\n")
end

local stopped, process
noshell.trap({ "TERM", "INT" }, function(name)
  stopped = name
  if process then process:kill(name) end
end)

-- If this script is killed, nothing else would end the program: it then gets KILL.
local spec = { stdin = "null", stdout = "inherit", stderr = "inherit", kill_on_exit = true }
for i, word in ipairs(arg) do spec[i] = word end

while not stopped do
  local result, err
  process, err = noshell.run_async(spec)
  if not process then
    report(err)
    os.exit(1)
  end
  -- The signal may have arrived while the program started.
  if stopped then process:kill(stopped) end
  result, err = process:wait()
  process:close()
  process = nil
  if result then break end
  if not stopped then
    report(err)
    noshell.sleep(DELAY)
  end
end
report(stopped and "stopped by " .. stopped or "done")
