-- backup.lua SOURCE TARGET NAME [KEEP]: archives the directory SOURCE as
-- TARGET/NAME.tar.gz, with a checksum file for sha256sum -c, checks that the archive
-- can be read, and removes all but the KEEP (default 3) newest backups.
local noshell = require "noshell"

local function must(value, err, status)
  if value then return value end
  io.stderr:write("backup: ", tostring(err), "\n")
  os.exit(status or 1)
end

local source, target, name = arg[1], arg[2], arg[3]
must(name, "usage: backup.lua SOURCE TARGET NAME [KEEP]", 2)
local work = must(noshell.output("mktemp", "-d", target .. "/.backup.XXXXXX"))
-- Runs however this script ends, even by TERM.
noshell.trap("EXIT", function() noshell.run("rm", "-rf", "--", work) end)
local archive = name .. ".tar.gz"
local sum = archive .. ".sha256"
must(noshell.pipeline({ "tar", "-c", "-C", source, "--sort=name", "-f", "-", "." },
  { "gzip", "-n", stdout = { path = work .. "/" .. archive } }):run())
must(noshell.run { "sha256sum", "--", archive, cwd = work,
  stdout = { path = work .. "/" .. sum } })
local list = must(noshell.pipeline({ "gzip", "-dc", "--", archive, cwd = work },
  { "tar", "-tf", "-", env = { LC_ALL = "C" } }):run())
must(os.rename(work .. "/" .. archive, target .. "/" .. archive))
must(os.rename(work .. "/" .. sum, target .. "/" .. sum))
print(archive .. ": " .. select(2, list.stdout:gsub("\n", "")) .. " entries")

local found = must(noshell.run { "find", target .. "/", "-maxdepth", "1", "-name", "*.tar.gz",
  "-printf", "%T@ %f\\0" })
local backups = {}
for _, record in ipairs(found:nul()) do
  local time, file = record:match "^(%S+) (.*)$"
  table.insert(backups, { time = tonumber(time), file = file })
end
table.sort(backups, function(a, b) return a.time > b.time end)
for i = tonumber(arg[4] or 3) + 1, #backups do
  os.remove(target .. "/" .. backups[i].file)
  os.remove(target .. "/" .. backups[i].file .. ".sha256")
  print("removed " .. backups[i].file)
end
