--- A connection to a machine. Its control session is one process that runs a loop of sh
--- there (noshell.machine.control_script). The loop forwards the reports of the runs' scripts
--- and ends groups of processes on request. When its stdin ends, because the connection or
--- this process is lost, it ends all runs. Each run is a separate session.
---
--- An engine makes its class with control.class and the functions below.

local core = require "noshell.core"
local drive = require "noshell.drive"
local failure = require "noshell.failure"
local host = require "noshell.host"
local options = require "noshell.options"
local scope = require "noshell.scope"
local script = require "noshell.machine.script"
local control_script = require "noshell.machine.control_script"
local wait = require "noshell.wait"

---@class noshell.control
---@field machine noshell.machine_object
---@field nonce string
---@field key? string         by the engine: it serves the commands of this key
---@field master? noshell.process  the process of the control session
---@field runs table<string, noshell.run>  those whose end was not applied yet, by nonce
---@field limit number        the number of sessions besides the control session
---@field directory? string   on the machine; set by its hello
---@field about? string       the rest of the hello
---@field ending? string      the reason if we end it
---@field is_dead? boolean
---@field reason? string      why
---@field tells_signals? boolean
---@field noise string        the output before the hello
---@field unsent string       lines that the pipe had no room for
---@field old string[]        nonces whose files are to be removed
---@field longest fun(self): integer  by the engine: the length of an encoded script that a
---  session carries
---@field open fun(self): noshell.spec?, noshell.failure?  by the engine: returns the SPEC of
---  the control session, without its stdin and stdout
---@field session fun(self, text: string, one?: noshell.run, cmd?: noshell.command): string[]
---  by the engine: returns the words that run a script in a session
---@field said fun(self): string?  by the engine: what the control session wrote to stderr
---@field last_words fun(self, one: noshell.run): string?  by the engine: the same of a run
---@field encode fun(self, text: string): string  returns a script as one word in single quotes
---@field explain_status? fun(self, code: integer): string?  by the engine: explains the status of
---  the carrier of a run that did not begin
---@field explain? fun(self, said?: string): string?  by the engine: why no hello came
---@field greeted? fun(self): string?  by the engine: reads `about`; returns an error
---@field is_out_of_memory? fun(self, code?: integer): boolean  by the engine: true if this status
---  of a carrier means exhausted memory
---@field leave? fun(self, one: noshell.run)  by the engine: a run has ended
local methods = {}

local control = {}

-- Opening ---------------------------------------------------------------------------------

--- Starts an internal program: it is not traced, and may outlive the calling coroutine.
---@param spec noshell.spec
---@return noshell.process?
---@return noshell.failure?
function control.launch(spec)
  local cmd = options.command(spec)
  return scope.run(function(calls) return wait.start(calls, cmd) end)
end

--- Makes a function that makes connections of an engine; await_hello opens one.
---@param class table
---@return fun(m: noshell.machine_object, key?: string): noshell.control
function control.class(class)
  setmetatable(class, { __index = methods })
  local metatable = { __index = class }
  return function(m, key)
    return setmetatable({ machine = m, key = key, nonce = script.nonce(), runs = {}, noise = "",
      unsent = "", old = {}, limit = math.huge }, metatable)
  end
end

--- Returns a copy of the words of an engine's program: those of the machine's option `program`,
--- or the usual one.
---@param m noshell.machine_object
---@param usual string
---@return string[]
function control.program(m, usual)
  local given = m.options.program or usual
  local words = {}
  for i, word in ipairs(type(given) == "table" and given or { given }) do words[i] = word end
  return words
end

--- Appends words to a list.
---@param words string[]
---@param ... string
function control.add(words, ...)
  for i = 1, select("#", ...) do words[#words + 1] = (select(i, ...)) end
end

--- Appends the words by which `sh` executes a script without reading it from a file.
---@param words string[]
---@param sh string
---@param text string
function control.add_script(words, sh, text)
  control.add(words, sh, "-c", 'eval "$(printf %b "$1")"', "sh", script.word(text):sub(2, -2))
end

local function failed(self, reason)
  return { code = "spawn", stage = "connect", subject = self.machine.title, reason = reason }
end

function methods:seconds()
  return self.machine.options.connect_timeout or 20
end

--- Starts the control session. Returns a failure, or nil.
local function open(self)
  self.is_opening = true
  local spec, raw = self:open()
  if not spec then return raw end
  spec.stdin, spec.stdout, spec.stderr = "pipe", "pipe", spec.stderr or "capture"
  spec.new_session, spec.kill_on_exit = true, true
  self.master, raw = control.launch(spec)
  self.deadline = core.now() + self:seconds() + 5
  return raw
end

--- Returns the last lines of what an open process has written to its captured stderr.
local function excerpt_of(process)
  local text = failure.excerpt(drive.captured(process, 2))
  return text ~= "" and text or nil
end

--- Returns the last lines of what the control session has written to stderr.
---@param self noshell.control
---@return string?
function control.said(self)
  local master = self.master
  if not master or master:closed() then return nil end
  master:_step()
  return excerpt_of(master)
end

methods.said = control.said

--- Explains why no hello came.
local function refusal(self)
  local said = self:said()
  local fields = self.master and self.master:result()
  local code = fields and fields.exit_code
  if not said and code and self.explain_status then said = self:explain_status(code) end
  local why = self.explain and self:explain(said)
  if why then return why end
  if self.noise ~= "" then
    local first = failure.excerpt(self.noise:match("^[^\n]*"))
    return ("%s does not run the commands that it is sent (is there a forced command?): it "
      .. "answered '%s'"):format(self.machine.options[1] or self.machine.title, first)
  end
  return said or ("%s ended without a word"):format(self.machine.engine.name)
end

--- Opens the connection, or waits until another coroutine has. Returns a failure, or nil.
---@return noshell.failure?
function methods:await_hello()
  if self.directory then return nil end
  if not self.is_opening then
    local raw = open(self)
    if raw then
      self:die(raw.reason or raw.message or "its program does not start")
      self.failure = raw
    end
  end
  while not (self.directory or self.is_dead) do
    local raw = self:wait_for_lines()
    if raw then return raw end
    if self.deadline and core.now() >= self.deadline and not self.directory then
      self:die(self.noise ~= "" and refusal(self)
        or ("no answer within %g s"):format(self:seconds()))
    end
  end
  if self.directory then return nil end
  local copy = {}
  for key, value in pairs(self.failure or failed(self, self.reason)) do copy[key] = value end
  return copy
end

--- Waits until lines were read, or the deadline of the connection has passed.
function methods:wait_for_lines()
  if not self.master then return wait.sleep(0.01) end
  local _, raw = wait.await(self.master.stdout, function()
    return self.directory ~= nil or self.is_dead or self:read()
  end, self.deadline)
  -- Another coroutine may have noticed its end, and closed the stream.
  return not self.is_dead and raw or nil
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
    return self:die("no session is made for a command there, and setsid(1) is missing")
  end
  self.about = able
  local reason = self.greeted and self:greeted()
  if reason then return self:die(reason) end
  self.directory = directory
end

--- Handles one line. Lines of the control session itself begin with its nonce.
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

--- Reads the reports of the scripts. Returns true if there were any.
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
      self:die(self.ending or raw and raw.reason or self:said()
        or ("the connection to %s ended"):format(self.machine.title))
    else
      self:die(refusal(self))
    end
  end
  if has_read and self.master then host.wake(self.master) end
  return has_read
end

--- Sends a line to the control session, after the lines that were not sent yet. Without a line,
--- sends only those. Never waits.
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
      and (not process or process:_is_lost()) then
      -- Its coroutine was abandoned, and the carrier has ended. Other methods would take the
      -- process from an nginx channel that may end later.
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
  if self.leave then self:leave(one) end
  if self.is_dead then return end
  local old = self.old
  old[#old + 1] = one.nonce
  if #old < MANY then return end
  self:send("r " .. table.concat(old, " "))
  self.old = {}
end

--- The longest line for the loop, because sh reads it byte by byte.
local LONGEST_LINE = 16384

--- Writes a script to a file there, in a session.
local function upload(self, one, text)
  local cmd = core.command("sh"):_carry(self:session(control_script.upload(self.directory,
    one.nonce), one))
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

--- Writes a script that is too long or secret to a file there. Returns true, or nil and a
--- failure.
local function deliver(self, one, text)
  text = control_script.IN_FILE .. text .. "\n"
  local word = script.word(text):sub(2, -2)
  if #word > LONGEST_LINE then return upload(self, one, text) end
  self:send(("c %s %s"):format(one.nonce, word))
  local ok, raw = wait.await(self.master.stdout, function()
    self:read()
    return one.is_delivered or one.failed ~= nil or self.is_dead or false
  end, core.now() + 30)
  if one.is_delivered then return true end
  if one.failed then return nil, one:start_failure() end
  return nil, not self.is_dead and raw or { code = "spawn", stage = "session",
    reason = self.reason or not ok and "it did not answer" }
end

--- Returns the words that run a script in a session; nil and a failure.
---@param one noshell.run
---@param text string
---@param is_secret boolean
---@param cmd noshell.command
---@return string[]?
---@return noshell.failure?
function methods:words(one, text, is_secret, cmd)
  local prologue = control_script.prologue(self.directory, one.nonce)
  local whole = prologue .. text
  if is_secret or #self:encode(whole) > self:longest() then
    local ok, raw = deliver(self, one, text)
    if not ok then return nil, raw end
    whole = prologue .. control_script.FROM_FILE
  end
  return self:session(whole, one, cmd)
end

--- Returns the messages of the engine's program about a run.
---@param _ noshell.control
---@param one noshell.run
---@return string?
function control.last_words(_, one)
  local process = one.process
  if not process or process:closed() or not process:_captured_size(2) then return nil end
  return excerpt_of(process)
end

methods.last_words = control.last_words

function methods:encode(text) -- luacheck: ignore self
  return script.word(text)
end

--- Returns true if this message means that there is no room for another session.
---@param said string
---@return boolean
function methods:is_refusal(said) -- luacheck: ignore
  return false
end

-- Ending ----------------------------------------------------------------------------------

--- Marks the connection as ended, and informs the runs.
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
    if one.process then host.wake(one.process) end
  end
end

--- Ends the control session, which ends all programs there, and waits for its end.
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

return control
