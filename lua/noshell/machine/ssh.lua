--- Machines that are reached by ssh: needs sshd and a POSIX sh there.
---
--- A connection is one process of ssh that is both ControlMaster and control session: its
--- remote command is a loop that ends groups of processes on request and writes what the
--- scripts of the runs have to say. Each run is a client of that master. When the loop's
--- stdin ends, because the connection or this process is lost, it ends all runs: sshd
--- itself ends nothing on a disconnect.

local clock = require "noshell.clock"
local connection = require "noshell.machine.ssh_connection"
local core = require "noshell.core"
local runs = require "noshell.machine.run"
local script = require "noshell.machine.script"
local wait = require "noshell.wait"

---@class noshell.engine
local ssh = { name = "ssh", keys = {} }

ssh.options = { [1] = "string", user = "string", port = "port", identity = "string",
  config = "string", options = "table", connect_timeout = "seconds", alive = "seconds",
  sessions = "count", connections = "count", program = "string" }

function ssh.find_error(options)
  if not options[1] then return 'a host is needed: noshell.machine.ssh { "web1" }' end
  for key, value in pairs(options.options or {}) do
    local kind = type(value)
    if type(key) ~= "string" or not key:find("^%a+$") then
      return "options: the names are those of ssh_config(5), such as ProxyJump"
    elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      return ("options.%s: must be a string, a number, true or false"):format(key)
    end
  end
end

function ssh.title(options)
  local name = options[1]
  if options.user then name = options.user .. "@" .. name end
  if options.port then name = ("%s:%d"):format(name, options.port) end
  return name
end

--- The connections, and the directory of their sockets.
function ssh.open(m)
  m.connections = {}
end

-- Choosing a connection -------------------------------------------------------------------

--- Returns a connection with a free session; nil if all are in use.
local function find_free(m)
  for i = #m.connections, 1, -1 do
    local one = m.connections[i]
    one:read()
    if one.is_dead then
      table.remove(m.connections, i)
    elseif one:count() < one.limit then
      return one
    end
  end
end

--- Returns a connection with a free session. Opens one if needed, or waits for one.
---@return noshell.ssh_connection?
---@return noshell.failure?
local function acquire(m)
  while true do
    if m.is_closed then return nil, { code = "closed", reason = "it was closed meanwhile" } end
    local found = find_free(m)
    if found then
      local raw = found:await_hello()
      if not raw then return found end
      if not m.connections[2] then return nil, raw end
    elseif #m.connections < (m.options.connections or math.huge) then
      -- Listed at once, so that other coroutines wait for it and open no other one.
      table.insert(m.connections, connection.new(m))
    else
      local raw = wait.sleep(clock.BLIND)
      if raw then return nil, raw end
    end
  end
end

-- A run -----------------------------------------------------------------------------------

local class = {}

function class:stream() return self.connection:fileno() end

function class:settle()
  local one = self.connection
  one:read()
  if self:is_complete() then return true end
  if one.is_dead then
    self.lost = one.reason
    return true
  end
  if not (self.is_asked or self.is_aborted) then
    -- The answer is ordered after everything that the script has said.
    self.is_asked = true
    one:send("q " .. self.nonce .. " TERM")
  end
  return false
end

function class:signal(signal)
  self.connection:send(("k %s %s"):format(self.nonce, signal))
  return true
end

function class:abort()
  self.connection:send(("x %s %s"):format(self.nonce, self.told.stop_signal or "TERM"))
end

function class:finish()
  self.connection:forget(self)
end

--- Waits until the script has said that the program starts, or why not.
local function await_start(self, process, seconds)
  local one = self.connection
  return wait.await(self.group, function()
    one:read()
    if self.started or self:is_known() then return true end
    local finished, raw = process:_pump()
    if raw then return nil, raw end
    return finished and self:settle()
  end, seconds and core.now() + seconds)
end

--- Returns the failure of a run that has not started.
local function not_started(self)
  if self.failed then return self:start_failure() end
  local said = self.connection:last_words(self)
  if self.absent then
    return { code = "spawn", stage = "session", machine = self.machine.title,
      subject = self.machine.options[1], reason = said or "the server ran no command" },
      said ~= nil and said:find("refused", 1, true) ~= nil
  end
  return { code = "lost", reason = self.lost or "its shell ended without a report" }
end

--- Starts the command in a session of this connection. The third value is true if the
--- server has refused another session.
local function start_on(one, m, calls, cmd, is_bound)
  local self = runs.new(m, cmd, script.nonce(), class)
  self.connection, self.is_bound, self.tells_signals = one, is_bound, one.tells_signals
  one:add(self)
  local text, key, value, reason = script.body(cmd)
  if not text then
    one:forget(self)
    return nil, { code = "invalid", key = key, value = value, reason = reason }
  end
  local words, raw = one:words(self, text, script.is_secret(cmd))
  local process
  if words then
    process, raw = wait.start(calls, self:carrier(cmd, words), nil, is_bound)
  end
  if not process then
    one:forget(self)
    return nil, raw
  end
  self:attach(process)
  local answered, why = await_start(self, process, m.options.connect_timeout or 20)
  if self.started then return process end
  if not answered and not why then
    self:terminate()
    answered, why = await_start(self, process, 5)
  end
  self.lost = self.lost or not answered and (why and why.reason or "it did not answer") or nil
  local failure, is_refused = not_started(self)
  self.is_settled = true
  one:forget(self)
  process:_free()
  return nil, failure, is_refused
end

--- Starts a command: see noshell.engine.
function ssh.start(m, calls, cmd, is_bound)
  while true do
    local one, raw = acquire(m)
    if not one then return nil, raw end
    local process, failure, is_refused = start_on(one, m, calls, cmd, is_bound)
    if process or not is_refused or one:count() == 0 then return process, failure end
    one.limit = math.max(1, math.min(one.limit, one:count()))
  end
end

function ssh.check(m)
  local one, raw = acquire(m)
  if not one then return nil, raw end
  return { name = m.title, engine = ssh.name, signals = one.tells_signals }
end

function ssh.close(m)
  for i = #m.connections, 1, -1 do m.connections[i]:close("the machine was closed") end
  m.connections = {}
  if m.janitor then
    m.janitor.stdin:_close()
    m.janitor:detach()
  end
  m.janitor, m.directory = nil, nil
end

return ssh
