-- The article's first example, a replacement of os.execute: sets the alarm that
-- wakes this machine up.
--
--	lua rtcwake.lua 5400
local noshell = require "noshell"

--- True, or nil and an error that says what went wrong.
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
