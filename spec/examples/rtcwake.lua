-- Replaces os.execute: sets the machine's wake-up alarm.
--
--	lua rtcwake.lua 5400
local noshell = require "noshell"

--- Returns true, or nil, err.
local function set_wake_up(seconds)
  local cmd = noshell.command("rtcwake", "-m", "no", "-s")
  cmd:add_arg_format("%d", seconds)
  local result, err = cmd:run()
  if not result then return nil, err end
  return true
end

local seconds = tonumber((...))
if not seconds then
  io.stderr:write "usage: rtcwake.lua SECONDS\n"
  os.exit(2)
end
local ok, err = set_wake_up(seconds)
if not ok then
  io.stderr:write("no wake-up alarm: ", tostring(err), "\n")
  os.exit(1)
end
