-- rotate_logs.lua DIRECTORY [KEEP]: packs every *.log with something in it as
-- *.log.1.gz, moves the older ones up by one, keeps KEEP (4) of them, and
-- empties the log, whose writer goes on.
--
-- Limit: what the writer adds between packing and emptying is lost.
local noshell = require "noshell"

local ENOENT = 2

local function must(value, err, status)
  if value then return value end
  io.stderr:write("rotate_logs: ", tostring(err), "\n")
  os.exit(status or 1)
end

local function move(log, new, keep)
  for number = keep - 1, 1, -1 do
    local moved, why, errno = os.rename(log .. "." .. number .. ".gz",
      log .. "." .. number + 1 .. ".gz")
    assert(moved or errno == ENOENT, why)
  end
  assert(os.rename(new, log .. ".1.gz"))
  assert(io.open(log, "w")):close()
end

local directory = must(arg[1], "usage: rotate_logs.lua DIRECTORY [KEEP]", 2)
local list = must(noshell.run { "find", directory .. "/", "-maxdepth", "1", "-type", "f",
  "-name", "[^.]*.log", "-size", "+0", "-print0" })
local logs = list:nul()
table.sort(logs)
for _, log in ipairs(logs) do
  local new = log .. ".new"
  local ok, err = noshell.run { "gzip", "-nc", "--", log, stdout = { path = new } }
  if ok then ok, err = pcall(move, log, new, tonumber(arg[2] or 4)) end
  os.remove(new)
  must(ok, err)
  print("rotated " .. log:match "[^/]*$")
end
