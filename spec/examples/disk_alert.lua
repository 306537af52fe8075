-- disk_alert.lua PERCENT [PATH...]: lists the file systems that use more than
-- PERCENT of their blocks or inodes, and exits with 1 if there are any.
local noshell = require "noshell"

local unpack = table.unpack or unpack

local limit = tonumber(arg[1])
if not limit then
  io.stderr:write "usage: disk_alert.lua PERCENT [PATH...]\n"
  os.exit(2)
end

local status = 0
for _, kind in ipairs { { "blocks", "-P" }, { "inodes", "-Pi" } } do
  local result, err = noshell.run { env = { LC_ALL = "C" }, "df", kind[2], "--", unpack(arg, 2) }
  if not result then
    io.stderr:write("disk_alert: ", tostring(err), "\n")
    os.exit(3)
  end
  for _, row in ipairs(result:columns()) do
    -- File systems without inodes have "-" instead of a percentage.
    local used = tonumber(((row.Capacity or row["IUse%"]):match "^(%d+)%%$"))
    if used and used > limit then
      print(("%s: %d%% of the %s are used"):format(row["Mounted on"], used, kind[1]))
      status = 1
    end
  end
end
os.exit(status)
