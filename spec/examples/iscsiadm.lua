-- Replaces io.popen: finds the interface that an iSCSI initiator uses, in the output of
-- iscsiadm.
--
--	lua iscsiadm.lua iqn.2001-04.com.example
local noshell = require "noshell"

--- Returns the interface's name, or nil if no interface has that initiator, or nil, err.
local function find_interface(iqn)
  local process, err = noshell.run_async { "iscsiadm", "--mode", "iface",
    stdout = "pipe" }
  if not process then return nil, err end
  local found
  -- Lines are "name transport,hwaddress,ipaddress,net_ifacename,iqn".
  for line in process.stdout:lines() do
    local name, initiator = line:match "^(%S+) .*,([^,]*)$"
    if initiator == iqn then found = found or name end
  end
  local result
  result, err = process:wait()
  process:close()
  if not result then return nil, err end
  return found
end

local iqn = ...
if not iqn then
  io.stderr:write "usage: iscsiadm.lua IQN\n"
  os.exit(2)
end
local name, err = find_interface(iqn)
if err then
  io.stderr:write("cannot ask iscsiadm: ", tostring(err), "\n")
  os.exit(1)
end
print(name or "none")
