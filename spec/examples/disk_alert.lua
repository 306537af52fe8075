-- disk_alert.lua PERCENT [PATH...]: names the file systems of which more than
-- PERCENT of the blocks or of the inodes are used, and then exits with 1.
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
    -- A file system without inodes has "-" where others have a percentage.
    local used = tonumber(((row.Capacity or row["IUse%"]):match "^(%d+)%%$"))
    if used and used > limit then
      print(("%s: %d%% of the %s are used"):format(row["Mounted on"], used, kind[1]))
      status = 1
    end
  end
end
os.exit(status)
