-- rotate_logs.lua DIRECTORY [KEEP]: compresses every *.log that is not empty to
-- *.log.1.gz, renames older ones to the next number, keeps KEEP (default 4) of them,
-- and truncates the log, which its writer keeps open.
--
-- Limit: lines that the writer adds between compressing and truncating are lost.
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
local new
-- Runs however this script ends, even by TERM.
noshell.trap("EXIT", function() if new then os.remove(new) end end)
for _, log in ipairs(logs) do
  new = log .. ".new"
  local ok, err = noshell.run { "gzip", "-nc", "--", log, stdout = { path = new } }
  if ok then ok, err = pcall(move, log, new, tonumber(arg[2] or 4)) end
  os.remove(new)
  must(ok, err)
  print("rotated " .. log:match "[^/]*$")
end
