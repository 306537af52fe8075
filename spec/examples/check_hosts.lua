-- check_hosts.lua FILE [AT_ONCE]: pings the hosts in FILE, AT_ONCE (default 8) at a
-- time. FILE has one host per line, and comments after #. Reports in the order of
-- FILE which hosts are up; exits with 1 if one is down.
local noshell = require "noshell"

local file, why = io.open(arg[1] or "")
if not file then
  io.stderr:write(arg[1] and why or "usage: check_hosts.lua FILE [AT_ONCE]", "\n")
  os.exit(2)
end
local hosts = {}
for line in file:lines() do
  local host = line:gsub("#.*", ""):match "^%s*(.-)%s*$"
  if host ~= "" then hosts[#hosts + 1] = host end
end

local _, err = noshell.map(hosts, function(host)
  return { "ping", "-c", "1", "-w", "1", "-q", "--", host }
end, { concurrency = tonumber(arg[2] or 8) })
local errors = err and err.errors or {}
for i, host in ipairs(hosts) do
  print(host .. (errors[i] and " is DOWN" or " is up"))
  -- Any failure but an exit code means that ping itself did not work.
  if errors[i] and errors[i].code ~= "exit" then io.stderr:write(tostring(errors[i]), "\n") end
end
os.exit(err and 1 or 0)
