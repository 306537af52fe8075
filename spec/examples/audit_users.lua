-- audit_users.lua: what is odd about this machine's accounts, and which of those
-- that can log in run something now. Exits with 1 where something is odd.
local noshell = require "noshell"

local CANNOT_LOG_IN = { nologin = true, ["false"] = true, sync = true }

local status = 0

local function odd(...)
  print("odd: " .. string.format(...))
  status = 1
end

local function output_of(...)
  local text, err = noshell.output(...)
  if text then return text .. "\n" end
  io.stderr:write("audit_users: ", tostring(err), "\n")
  os.exit(3)
end

local running, uids = {}, {}
for uid in output_of("ps", "-eo", "uid="):gmatch "%d+" do
  if not running[uid] then table.insert(uids, uid) end
  running[uid] = true
end
table.sort(uids)

local is_account = {}
for name, uid, home, shell in output_of("getent", "passwd")
    :gmatch "([^:\n]*):[^:]*:(%d+):%d*:[^:]*:([^:]*):([^\n]*)" do
  is_account[uid] = true
  if uid == "0" and name ~= "root" then odd("%s is root by its uid", name) end
  if not CANNOT_LOG_IN[shell:match "[^/]*$"] then
    if not noshell.run("test", "-d", home) then
      odd("%s has no home directory %s", name, home)
    end
    print(("%s (%s) can log in: %s"):format(name, uid, running[uid] and "running" or "idle"))
  end
end

for _, uid in ipairs(uids) do
  if not is_account[uid] then odd("processes of %s, which is no account", uid) end
end
os.exit(status)
