--- The engines whose runs are sessions of a connection (noshell.control), which their
--- `connect` makes.

local clock = require "noshell.clock"
local core = require "noshell.core"
local runs = require "noshell.machine.run"
local script = require "noshell.machine.script"
local wait = require "noshell.wait"

---@class noshell.session_engine : noshell.engine
---@field connect fun(m: noshell.machine_object, key?: string): noshell.control
---@field key? fun(cmd: noshell.command): string?  commands with different keys need different
---  connections
---@field most? fun(options: table): number  the maximum number of connections
---@field body? fun(cmd: noshell.command, m: noshell.machine_object, one: noshell.control):
---  string?, string?, string?, string?  instead of script.body

local session = {}

-- Choosing a connection -------------------------------------------------------------------

--- Returns a connection with a free session; nil if all are in use.
local function find_free(m, key)
  for i = #m.connections, 1, -1 do
    local one = m.connections[i]
    one:read()
    if one.is_dead then
      table.remove(m.connections, i)
    elseif one.key == key and one:count() < one.limit then
      return one
    end
  end
end

--- Returns the maximum number of connections.
local function most(m)
  return m.engine.most and m.engine.most(m.options) or m.options.connections or math.huge
end

--- Returns true if another connection serves the same commands: if this one cannot be opened,
--- the caller can wait for a session of the other.
local function has_other(m, one)
  for _, other in ipairs(m.connections) do
    if other ~= one and other.key == one.key then return true end
  end
  return false
end

--- Returns a connection with a free session. Opens one if needed, or waits for one.
---@param m noshell.machine_object
---@param key? string
---@return noshell.control?
---@return noshell.failure?
local function acquire(m, key)
  while true do
    if m.is_closed then return nil, { code = "closed", reason = "it was closed meanwhile" } end
    local found = find_free(m, key)
    if found then
      local raw = found:await_hello()
      if not raw then return found end
      if not has_other(m, found) then return nil, raw end
    elseif #m.connections < most(m) then
      -- Listed before it is open, so that other coroutines wait for it and open no other one.
      table.insert(m.connections, m.engine.connect(m, key))
    else
      local raw = wait.sleep(clock.BLIND)
      if raw then return nil, raw end
    end
  end
end

-- A run ---------------------------------------------------------------------------------

local class = {}

function class:stream() return self.connection:fileno() end

function class:listen() self.connection:read() end

--- Records whether the carrier reports that the program exhausted its memory.
local function note_memory(self)
  local one, process = self.connection, self.process
  local fields = one.is_out_of_memory and process and process:result()
  local was_killed = self.status == nil or self.status == 128 + 9
  if fields and was_killed and one:is_out_of_memory(fields.exit_code) then
    self.is_out_of_memory = true
  end
end

function class:settle()
  local one = self.connection
  one:read()
  note_memory(self)
  if self:is_complete() then return true end
  if one.is_dead then
    self.lost = one.reason
    return true
  end
  if not (self.is_asked or self.is_aborted) then
    -- The answer comes after all reports of the script.
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

--- Waits until the script reports that the program starts, or the reason why it cannot.
local function await_start(self, process, seconds)
  local one = self.connection
  return wait.await(self.group, function()
    one:read()
    if self.started or self:is_known() then return true end
    local finished, raw = process:_pump()
    if raw then return nil, raw end
    self.has_finished = finished
    return finished and self:settle()
  end, seconds and core.now() + seconds)
end

--- Explains why the script never ran. `code` is the exit code of the carrier. The second
--- value is the engine's message.
local function absence(self, code)
  local one = self.connection
  local said = one:last_words(self)
  if said then return said, said end
  return code and one.explain_status and one:explain_status(code)
    or ("%s ended with status %s before it ran anything"):format(self.machine.engine.name,
      code or "unknown")
end

--- Returns the failure of a run that has not started, and true if it may be tried again.
local function not_started(self, process)
  if self.failed then return self:start_failure() end
  if self.absent then
    local fields = process:result()
    local reason, said = absence(self, fields and fields.exit_code)
    return { code = "spawn", stage = "session", machine = self.machine.title,
      subject = self.machine.options[1] or self.machine.title, reason = reason },
      said and self.connection:is_refusal(said)
  end
  return { code = "lost", reason = self.lost or "its shell ended without a report" }
end

local function body(cmd, m)
  return script.body(cmd, m.options.workdir)
end

--- Makes a run, and the words of its carrier; nil and a failure.
local function prepare(one, m, cmd, is_bound)
  local self = runs.new(m, cmd, script.nonce(), class)
  self.connection, self.is_bound, self.tells_signals = one, is_bound, one.tells_signals
  one:add(self)
  local text, key, value, reason = (m.engine.body or body)(cmd, m, one)
  local words, raw
  if text then
    words, raw = one:words(self, text, script.is_secret(cmd), cmd)
  else
    raw = { code = "invalid", key = key, value = value, reason = reason }
  end
  if words then return self, words end
  one:forget(self)
  return nil, raw
end

--- Starts the command in a session of this connection. The third value is true if the
--- server has refused another session.
local function start_on(one, m, calls, cmd, is_bound)
  local self, words = prepare(one, m, cmd, is_bound)
  if not self then return nil, words end
  local process, raw = wait.start(calls, self:carrier(cmd, words), nil, is_bound)
  if not process then
    one:forget(self)
    return nil, raw
  end
  self:attach(process)
  local answered, why = await_start(self, process, one:seconds())
  if self.started then return process end
  if not answered and not why then
    self:terminate()
    answered, why = await_start(self, process, 5)
  end
  -- The wait was ended, or a callback raised an error: the script must not run later.
  if not self:is_known() then self:terminate() end
  self.lost = self.lost or not answered and (why and why.reason or "it did not answer") or nil
  local failure, is_refused = not_started(self, process)
  self.is_settled = true
  one:forget(self)
  self.group:close()
  process:_free()
  return nil, failure, is_refused
end

-- The functions of the engine -----------------------------------------------------------

--- Starts a command: see noshell.engine.
function session.start(m, calls, cmd, is_bound)
  while true do
    local one, raw = acquire(m, m.engine.key and m.engine.key(cmd))
    if not one then return nil, raw end
    local process, failure, is_refused = start_on(one, m, calls, cmd, is_bound)
    if process or not is_refused or one:count() == 0 then return process, failure end
    one.limit = math.max(1, math.min(one.limit, one:count()))
  end
end

---@return table?
---@return noshell.failure?
function session.check(m)
  local one, raw = acquire(m)
  if not one then return nil, raw end
  return { name = m.title, engine = m.engine.name, signals = one.tells_signals }
end

function session.close(m)
  for i = #m.connections, 1, -1 do m.connections[i]:close("the machine was closed") end
  m.connections = {}
end

return session
