--- One connection of ssh: its control session is also the ControlMaster, and each run is a
--- client of that master.

local control = require "noshell.machine.control"
local control_script = require "noshell.machine.control_script"
local failure = require "noshell.failure"
local script = require "noshell.machine.script"

---@class noshell.ssh_connection : noshell.control
---@field path string         of the control socket
local methods = {}

-- Opening ---------------------------------------------------------------------------------

--- Makes the private directory, and removes it when its stdin ends: with the machine, the
--- Lua state or this process.
local JANITOR = [[
umask 077
d=$(mktemp -d "$1/noshell.XXXXXXXX") || exit
printf '%s\n' "$d"
cat >/dev/null
rm -rf -- "$d"]]

--- The longest directory for sockets: their path has at most 107 bytes (unix(7)), and ssh
--- adds 17 while it makes one.
local LONGEST = 60

local function make_directory(m)
  local base = os.getenv "TMPDIR"
  if not base or #base > LONGEST or base:sub(1, 1) ~= "/" or base:find("%%") then
    base = "/tmp"
  end
  local janitor, raw = control.launch { "sh", "-c", JANITOR, "sh", base, stdin = "pipe",
    stdout = "pipe", stderr = "null", new_session = true }
  if not janitor then return nil, raw end
  local path = janitor.stdout:read("l")
  if not path then
    return nil, { code = "spawn", stage = "connect", subject = base,
      reason = "cannot make a private directory there" }
  end
  m.janitor, m.directory = janitor, path
  return path
end

local function add_option(words, name, value)
  if value == true then value = "yes" elseif value == false then value = "no" end
  words[#words + 1] = "-o"
  words[#words + 1] = name .. "=" .. tostring(value)
end

--- Returns the words of the master. The first value of an option counts, so ours precede
--- those of the user.
local function master_words(m, path, line)
  local o = m.options
  local words = { o.program or "ssh", "-T" }
  local alive = o.alive or 30
  for _, pair in ipairs { { "BatchMode", "yes" }, { "ControlMaster", "yes" },
    { "ControlPath", path }, { "ControlPersist", "no" }, { "RemoteCommand", "none" },
    { "PermitLocalCommand", "no" }, { "ClearAllForwardings", "yes" }, { "EscapeChar", "none" },
    { "LogLevel", "ERROR" },
    { "ConnectTimeout", math.max(1, math.floor(o.connect_timeout or 20)) },
    { "ServerAliveInterval", math.max(1, math.floor(alive / 3)) },
    { "ServerAliveCountMax", 3 } } do
    add_option(words, pair[1], pair[2])
  end
  for name, value in pairs(o.options or {}) do add_option(words, name, value) end
  local flags = { { "-F", o.config }, { "-l", o.user }, { "-i", o.identity },
    { "-p", o.port and ("%d"):format(o.port) } }
  for i = 1, 4 do
    if flags[i][2] then
      words[#words + 1], words[#words + 2] = flags[i][1], flags[i][2]
    end
  end
  words[#words + 1], words[#words + 2], words[#words + 3] = "--", o[1], line
  return words
end

--- Returns the SPEC of the master.
function methods:open()
  local m = self.machine
  if not m.directory then
    local _, raw = make_directory(m)
    if raw then return nil, raw end
  end
  self.path = m.directory .. "/" .. self.nonce:sub(1, 8)
  local line = script.command_line(control_script.control(self.nonce))
  local spec = master_words(m, self.path, line)
  spec.stderr = { path = self.path .. ".log" }
  return spec
end

--- Returns the last lines of a file, without ssh's own prefixes.
local function excerpt_of(path)
  local file = path and io.open(path, "rb")
  local text = file and file:read("*a") or ""
  if file then file:close() end
  text = failure.excerpt(text)
  return text ~= "" and text or nil
end

function methods:said()
  return excerpt_of(self.path .. ".log")
end

-- Sessions --------------------------------------------------------------------------------

--- The longest command of a session. Linux limits an argument of execve(2) to 128 KiB, dropbear
--- a command to 9,000 bytes. A server that makes no session for a command is dropbear.
local LONGEST_COMMAND, LONGEST_OF_DROPBEAR = 129900, 8800

function methods:longest()
  return self.has_group and LONGEST_COMMAND or LONGEST_OF_DROPBEAR
end

--- Returns the words of ssh(1) for a session. The client must never connect by itself: its
--- program would run outside of this connection, so its ProxyCommand fails.
function methods:session(text, one)
  local line = script.command_line(text, not self.has_group and "setsid " or nil)
  one.log = self.path .. "." .. one.nonce
  return { self.machine.options.program or "ssh", "-F", "/dev/null", "-T", "-o",
    "ControlPath=" .. self.path, "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o",
    "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "EscapeChar=none", "-E", one.log, "--",
    self.machine.options[1], line }
end

function methods:last_words(one) -- luacheck: ignore self
  return excerpt_of(one.log)
end

function methods:is_refusal(said) -- luacheck: ignore self
  return said:find("refused", 1, true) ~= nil
end

function methods:leave(one) -- luacheck: ignore self
  if one.log then os.remove(one.log) end
end

local new = control.class(methods)

local connection = {}

--- Makes a connection.
---@param m noshell.machine_object
---@return noshell.ssh_connection
function connection.new(m)
  local self = new(m)
  self.limit = (m.options.sessions or 10) - 1
  return self
end

return connection
