-- audit_users.lua: reports oddities of this machine's accounts, and which accounts
-- that can log in have processes. Exits with 1 if something is odd.
local noshell = require "noshell"

local CANNOT_LOG_IN = { nologin = true, ["false"] = true, sync = true }

local status = 0

local function odd(...)
  print("odd: " .. string.format(...))
  status = 1
end

local function must(value, err)
  if value then return value end
  io.stderr:write("audit_users: ", tostring(err), "\n")
  os.exit(3)
end

local running, uids = {}, {}
for _, uid in ipairs(must(noshell.run("ps", "-eo", "uid=")):words()) do
  if not running[uid] then table.insert(uids, uid) end
  running[uid] = true
end
table.sort(uids)

local is_account = {}
local accounts = must(noshell.run("getent", "passwd")):columns { separator = ":",
  header = false, names = { "name", "password", "uid", "gid", "about", "home", "shell" } }
for _, account in ipairs(accounts) do
  local name, uid, home = account.name, account.uid, account.home
  is_account[uid] = true
  if uid == "0" and name ~= "root" then odd("%s is root by its uid", name) end
  if not CANNOT_LOG_IN[account.shell:match "[^/]*$"] then
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
