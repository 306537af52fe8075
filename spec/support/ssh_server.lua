-- Real ssh servers on loopback ports, with their own keys, users and login shells. A server
-- sees its own /etc/passwd and /run in a mount namespace: the accounts exist only there,
-- and servers of two specs do not share sshd's directory.

local helper = require "spec.support.helper"
local lfs = require "lfs"
local processes = require "spec.support.server"
local sys = helper.sys

local ssh_server = {}

--- The login shells: name of the account → program.
ssh_server.SHELLS = { dash = "dash", bash = "bash", ash = "busybox", fish = "fish",
  tcsh = "tcsh", zsh = "zsh" }

local function find(name)
  for _, directory in ipairs { "/usr/sbin", "/usr/bin", "/bin", "/usr/local/bin" } do
    local path = directory .. "/" .. name
    if lfs.attributes(path, "mode") == "file" then return path end
  end
end

local sshd, dropbear = find "sshd", find "dropbear"

local function run(...)
  local result = helper.run { ... }
  assert(result.status == 0, table.concat({ ... }, " ") .. ": " .. result.err)
  return result.out
end

--- Why the specs cannot run here; nil if they can.
function ssh_server.lack()
  -- sshd does not start with the runtime of a sanitizer, which it would inherit.
  if os.getenv "NOSHELL_INSTRUMENTED" then return "a library without sanitizers" end
  if not (sshd and find "ssh" and find "ssh-keygen") then return "openssh-server" end
  if sys.getuid() ~= 0 then return "root, for accounts with other login shells" end
  if helper.run({ "unshare", "-m", "true" }).status ~= 0 then return "unshare -m" end
end

--- Adds accounts for the shells that are installed. Returns their names.
local function add_users(dir)
  local passwd, shadow = helper.read_file "/etc/passwd", helper.read_file "/etc/shadow"
  local names, id = {}, 64801
  for name, program in pairs(ssh_server.SHELLS) do
    local path = find(program)
    if path then
      if name == "ash" then
        -- busybox is the shell that its name says.
        run("ln", "-s", path, dir .. "/ash")
        path = dir .. "/ash"
      end
      local home = dir .. "/home/" .. name
      run("mkdir", "-p", home)
      run("chown", ("%d:%d"):format(id, id), home)
      passwd = passwd .. ("n%s:x:%d:%d::%s:%s\n"):format(name, id, id, home, path)
      shadow = shadow .. ("n%s:*:19000::::::\n"):format(name)
      names[#names + 1], id = name, id + 1
    end
  end
  helper.write_file(dir .. "/passwd", passwd)
  helper.write_file(dir .. "/shadow", shadow, "600")
  table.sort(names)
  return names
end

local CLIENT = [[
Host *
  HostName 127.0.0.1
  Port %d
  User ndash
  IdentityFile %s/id
  IdentitiesOnly yes
  UserKnownHostsFile %s/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
]]

local SERVER = [[
Port %d
ListenAddress 127.0.0.1
HostKey %s/host_key
PidFile %s/pid
AuthorizedKeysFile %s/keys
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
MaxStartups 200
%s
]]

local function make_keys(dir, is_dropbear)
  run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir .. "/id")
  if is_dropbear then
    local text = run("dropbearkey", "-t", "ed25519", "-f", dir .. "/host_key")
    return text:match("ssh%-ed25519 %S+")
  end
  run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir .. "/host_key")
  return helper.read_file(dir .. "/host_key.pub"):match("^%S+ %S+")
end

local function pid_in(path)
  local file = io.open(path)
  local pid = file and tonumber(file:read("*l") or "")
  if file then file:close() end
  return pid
end

--- Installs the user's key where dropbear looks for it.
local function authorize(dir, names)
  local key = helper.read_file(dir .. "/id.pub")
  helper.write_file(dir .. "/keys", key, "644")
  for _, name in ipairs(names) do
    local home = dir .. "/home/" .. name
    run("mkdir", "-p", home .. "/.ssh")
    helper.write_file(home .. "/.ssh/authorized_keys", key, "600")
    local owner = lfs.attributes(home, "uid")
    run("chown", "-R", ("%d:%d"):format(owner, owner), home)
    run("chmod", "700", home .. "/.ssh")
  end
end

local started = 0

--- A port that no other spec takes, because that is another process, and that is below the
--- ports of outgoing connections (ip(7), ip_local_port_range).
local function free_port()
  started = started + 1
  return 10000 + (sys.getpid() * 20 + started) % 20000
end

--- Prepares a small file system for the scripts of the machine, in the server's namespace.
--- Returns the line for sshd_config, and the command that mounts it.
local function small_disk(dir)
  run("mkdir", dir .. "/small")
  return ("SetEnv TMPDIR=%s/small"):format(dir),
    ("mount -t tmpfs -o size=32k,mode=1777 none %s/small && "):format(dir)
end

--- Starts a server. `how`: is_dropbear; config, more lines for sshd_config; has_small_disk.
--- Returns a table: dir, port, config (for the client), shells, pid; stop().
function ssh_server.start(how)
  how = how or {}
  local self = { dir = helper.tmpdir(), port = free_port(), is_dropbear = how.is_dropbear }
  local dir = self.dir
  assert(sys.chmod(dir, tonumber("755", 8)))
  self.shells = add_users(dir)
  local host_key = make_keys(dir, how.is_dropbear)
  authorize(dir, self.shells)
  helper.write_file(dir .. "/known_hosts",
    ("[127.0.0.1]:%d %s\n"):format(self.port, host_key))
  self.config = helper.write_file(dir .. "/client",
    CLIENT:format(self.port, dir, dir))
  local more, mounting = how.config or "", ""
  if how.has_small_disk then more, mounting = small_disk(dir) end
  local config = helper.write_file(dir .. "/server",
    SERVER:format(self.port, dir, dir, dir, more))
  local line = how.is_dropbear
    and { dropbear, "-r", dir .. "/host_key", "-p", "127.0.0.1:" .. self.port, "-P",
      dir .. "/pid" }
    or { sshd, "-f", config, "-E", dir .. "/log" }
  run("unshare", "-m", "sh", "-c", ("mount --bind %s/passwd /etc/passwd && mount --bind "
    .. "%s/shadow /etc/shadow && %sexec %s"):format(dir, dir, mounting, helper.quoted(line)))
  self.pid = processes.eventually(function() return pid_in(dir .. "/pid") end)
  assert(self.pid, "the server does not start: " .. (io.open(dir .. "/log") and
    helper.read_file(dir .. "/log") or ""))
  return setmetatable(self, { __index = ssh_server })
end

--- The pids of the processes that serve connections. With OpenSSH, that is a monitor and
--- its child, which has the connection.
function ssh_server:sessions()
  local list = {}
  for _, monitor in ipairs(processes.children(self.pid)) do
    for _, child in ipairs(self.is_dropbear and {} or processes.children(monitor)) do
      list[#list + 1] = child
    end
    list[#list + 1] = monitor
  end
  return list
end

function ssh_server:stop()
  for _, pid in ipairs(self:sessions()) do sys.kill(pid, 9) end
  sys.kill(self.pid, 15)
  processes.eventually(function() return processes.is_gone(self.pid) end)
  helper.remove_tree(self.dir)
end

ssh_server.has_dropbear = dropbear ~= nil
ssh_server.eventually = processes.eventually
ssh_server.is_gone = processes.is_gone

return ssh_server
