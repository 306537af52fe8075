--- One connection of ssh: master and control session in one process.

local core = require "noshell.core"
local failure = require "noshell.failure"
local host = require "noshell.host"
local options = require "noshell.options"
local scope = require "noshell.scope"
local script = require "noshell.machine.script"
local ssh_script = require "noshell.machine.ssh_script"
local wait = require "noshell.wait"

---@class noshell.ssh_connection
---@field machine noshell.machine_object
---@field nonce string
---@field path string         of the control socket
---@field master? noshell.process
---@field runs table<string, noshell.run>  those whose end was not applied yet, by nonce
---@field limit integer       the number of sessions besides the control session
---@field directory? string   on the machine; set by its hello
---@field ending? string     the reason if we end it
---@field is_dead? boolean
---@field reason? string      why
---@field tells_signals? boolean
---@field noise string        what came before the hello
---@field unsent string       lines that the pipe had no room for
---@field old string[]        nonces whose files are to be removed
local methods = {}

local metatable = { __index = methods }

local connection = {}

-- Opening ---------------------------------------------------------------------------------

--- Starts a program of our own: it is not traced, and may outlive the calling coroutine.
local function launch(spec)
  local cmd = options.command(spec)
  return scope.run(function(calls) return wait.start(calls, cmd) end)
end

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
  local janitor, raw = launch { "sh", "-c", JANITOR, "sh", base, stdin = "pipe",
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

--- Makes a connection; await_hello opens it.
---@param m noshell.machine_object
---@return noshell.ssh_connection
function connection.new(m)
  local nonce = script.nonce()
  return setmetatable({ machine = m, nonce = nonce, runs = {}, noise = "", unsent = "",
    old = {}, limit = (m.options.sessions or 10) - 1 }, metatable)
end

local function failed(self, reason)
  return { code = "spawn", stage = "connect", subject = self.machine.title, reason = reason }
end

--- Starts ssh. Returns a failure, or nil.
local function open(self)
  local m = self.machine
  self.is_opening = true
  if not m.directory then
    local _, raw = make_directory(m)
    if raw then return raw end
  end
  self.path = m.directory .. "/" .. self.nonce:sub(1, 8)
  local line = script.command_line(ssh_script.control(self.nonce))
  local spec = master_words(m, self.path, line)
  spec.stdin, spec.stdout, spec.stderr = "pipe", "pipe", { path = self.path .. ".log" }
  spec.new_session, spec.kill_on_exit = true, true
  local master, why = launch(spec)
  if not master then return why end
  self.master = master
  self.deadline = core.now() + (m.options.connect_timeout or 20) + 5
end

--- Returns the last lines of a file, without ssh's own prefixes.
local function excerpt_of(path)
  local file = path and io.open(path, "rb")
  local text = file and file:read("*a") or ""
  if file then file:close() end
  text = failure.excerpt(text)
  return text ~= "" and text or nil
end

--- Explains why no hello came.
local function refusal(self)
  local said = self.path and excerpt_of(self.path .. ".log")
  if self.noise ~= "" then
    local first = failure.excerpt(self.noise:match("^[^\n]*"))
    return ("%s does not run the commands that it is sent (is there a forced command?): it "
      .. "answered '%s'"):format(self.machine.options[1], first)
  end
  return said or "ssh ended without a word"
end

--- Opens the connection, or waits until another coroutine has. Returns a failure, or nil.
---@return noshell.failure?
function methods:await_hello()
  if self.directory then return nil end
  if not self.is_opening then
    local raw = open(self)
    if raw then
      self:die(raw.reason or raw.message or "ssh does not start")
      self.failure = raw
    end
  end
  while not (self.directory or self.is_dead) do
    local raw = self:wait_for_lines()
    if raw then return raw end
    if self.deadline and core.now() >= self.deadline and not self.directory then
      local reason = self.noise ~= "" and refusal(self)
        or ("no answer within %g s"):format(self.machine.options.connect_timeout or 20)
      self:die(reason)
    end
  end
  if self.directory then return nil end
  local copy = {}
  for key, value in pairs(self.failure or failed(self, self.reason)) do copy[key] = value end
  return copy
end

--- Waits until something was read, or the deadline of the connection has passed.
function methods:wait_for_lines()
  if not self.master then return wait.sleep(0.01) end
  local _, raw = wait.await(self.master.stdout, function()
    return self.directory ~= nil or self.is_dead or self:read()
  end, self.deadline)
  return raw
end

-- Lines -----------------------------------------------------------------------------------

local function greet(self, rest)
  local directory, able = rest:match("^(/%S*) ?(.*)$")
  if self.noise ~= "" then
    return self:die(("the login shell writes '%s' to stdout before each command, which would "
      .. "be mixed with the programs' output: its start-up files must write nothing")
      :format(failure.excerpt(self.noise:match("^[^\n]*"))))
  end
  self.tells_signals = able:find("signals", 1, true) ~= nil
  self.has_group = able:find("group", 1, true) ~= nil
  if not self.has_group and not able:find("setsid", 1, true) then
    return self:die("its server makes no session for a command, and setsid(1) is missing there")
  end
  self.directory = directory
end

--- Handles one line. The control session's own lines have its nonce.
local function take_line(self, line)
  local nonce, word, rest = line:match("^(%x+) (%l) ?(.*)$")
  if nonce == self.nonce then
    if word == "h" then return greet(self, rest) end
    return self:die(rest)
  end
  local one = nonce and self.runs[nonce]
  if one then
    if word == "c" then one.is_delivered = true end
    return one:hear(word, rest)
  end
  if not self.directory then self.noise = (self.noise .. line .. "\n"):sub(1, 1000) end
end

--- Reads what the scripts have said. Returns true if there was something.
---@return boolean
function methods:read()
  if not self.master or self.is_dead then return false end
  if self.unsent ~= "" then self:send() end
  local has_read = false
  while not self.is_dead do
    local data, raw = self.master.stdout:_read("\n")
    if data == false then break end
    has_read = true
    if data then
      take_line(self, (data:gsub("\n$", "")))
    elseif self.directory then
      self:die(self.ending or raw and raw.reason or self:why_ended())
    else
      self:die(refusal(self))
    end
  end
  if has_read and self.master then host.wake(self.master) end
  return has_read
end

function methods:why_ended()
  return excerpt_of(self.path .. ".log")
    or ("the connection to %s ended"):format(self.machine.title)
end

--- Sends a line to the control session; without one, what could not be sent before. Never
--- waits.
---@param line? string
function methods:send(line)
  if self.is_dead or self.ending or not self.master then return end
  local data = self.unsent .. (line and line .. "\n" or "")
  local count = self.master.stdin:_write(data)
  self.unsent = data:sub((count or #data) + 1)
end

---@return integer?
function methods:fileno()
  if self.is_dead or not self.master then return nil end
  return (self.master.stdout:fileno())
end

-- Runs ------------------------------------------------------------------------------------

--- Returns the number of sessions in use.
---@return integer
function methods:count()
  local count = 0
  for nonce, one in pairs(self.runs) do
    local process = one.process
    if one.is_bound and one.is_attached and not one:is_known()
      and (not process or process:closed()) then
      -- Its coroutine was abandoned, and the carrier is gone.
      one:terminate()
      self.runs[nonce] = nil
    elseif not one:is_known() then
      count = count + 1
    end
  end
  return count
end

---@param one noshell.run
function methods:add(one)
  self.runs[one.nonce] = one
end

--- The number of files that one rm removes.
local MANY = 32

--- Forgets a run that has ended, and its files.
---@param one noshell.run
function methods:forget(one)
  self.runs[one.nonce] = nil
  if one.log then os.remove(one.log) end
  if self.is_dead then return end
  local old = self.old
  old[#old + 1] = one.nonce
  if #old < MANY then return end
  self:send("r " .. table.concat(old, " "))
  self.old = {}
end

--- Returns what ssh itself has written about a run.
---@param one noshell.run
---@return string?
function methods:last_words(one) -- luacheck: ignore self
  return excerpt_of(one.log)
end

--- Returns the words of ssh(1) for a session. The client must never connect by itself: its
--- program would run outside of this connection, so its ProxyCommand fails.
local function client_words(self, one, line)
  one.log = self.path .. "." .. one.nonce
  return { self.machine.options.program or "ssh", "-F", "/dev/null", "-T", "-o",
    "ControlPath=" .. self.path, "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o",
    "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "EscapeChar=none", "-E", one.log, "--",
    self.machine.options[1], line }
end

--- The longest line for the loop: sh reads it byte by byte.
local LONGEST_LINE = 16384

--- The longest command of a session. Linux limits a word of exec to 128 KiB, dropbear a
--- command to 9,000 bytes; its lack of a session shows that it is dropbear.
local LONGEST_COMMAND, LONGEST_OF_DROPBEAR = 130000, 8900

--- Writes a script to a file there, in a session.
local function upload(self, one, text)
  local path = self.directory .. "/" .. one.nonce .. ".s"
  local line = ("exec sh -c 'umask 077; cat >\"$1\"' sh %s"):format(script.word(path))
  local cmd = core.command("ssh"):_carry(client_words(self, one, line))
  cmd:set_input_buffer(text):set_stdout("null"):set_stderr("null"):set_timeout(60, 0.1)
  return scope.run(function(calls)
    local process, raw = wait.start(calls, cmd, nil, true)
    local done, why
    if process then done, why = wait.finish(process, process._step) end
    local ok = done and process:check()
    if process then process:_free() end
    if ok then return true end
    return nil, raw or why or { code = "spawn", stage = "session",
      reason = self:last_words(one) or "cannot write the script there" }
  end)
end

--- Brings a script to a file there, because it is too long or secret. Returns true, or nil
--- and a failure.
local function deliver(self, one, text)
  text = ssh_script.IN_FILE .. text .. "\n"
  local word = script.word(text):sub(2, -2)
  if #word > LONGEST_LINE then return upload(self, one, text) end
  self:send(("c %s %s"):format(one.nonce, word))
  local ok, raw = wait.await(self.master.stdout, function()
    self:read()
    return one.is_delivered or one.failed ~= nil or self.is_dead or false
  end, core.now() + 30)
  if one.is_delivered then return true end
  if one.failed then return nil, one:start_failure() end
  return nil, raw or { code = "spawn", stage = "session",
    reason = self.reason or not ok and "it did not answer" }
end

--- Returns the words that run a script in a session; nil and a failure.
---@param one noshell.run
---@param text string
---@param is_secret boolean
---@return string[]?
---@return noshell.failure?
function methods:words(one, text, is_secret)
  local prologue = ssh_script.prologue(self.directory, one.nonce)
  local prefix = not self.has_group and "setsid " or nil
  local line = not is_secret and script.command_line(prologue .. text, prefix)
  local most = self.has_group and LONGEST_COMMAND or LONGEST_OF_DROPBEAR
  if not line or #line > most then
    local ok, raw = deliver(self, one, text)
    if not ok then return nil, raw end
    line = script.command_line(prologue .. ssh_script.FROM_FILE, prefix)
  end
  return client_words(self, one, line)
end

-- Ending ----------------------------------------------------------------------------------

--- Marks the connection as ended, and tells the runs.
---@param reason string
function methods:die(reason)
  if self.is_dead then return end
  self.is_dead, self.reason = true, reason
  local master = self.master
  if master and not master:closed() then
    host.wake(master)
    master:_free()
  end
  for _, one in pairs(self.runs) do
    local process = one.process
    if process and not process:closed() then host.wake(process) end
  end
end

--- Ends the control session, which ends all programs there, and waits for that.
---@param reason string
function methods:close(reason)
  local master = self.master
  if self.directory and master and not self.is_dead and not master:closed() then
    self.ending = reason
    master.stdin:_close()
    wait.await(master.stdout, function()
      self:read()
      return self.is_dead or false
    end, core.now() + 3)
  end
  self:die(reason)
end

return connection
