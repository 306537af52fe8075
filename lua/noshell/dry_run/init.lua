--- Dry runs: no program is started in this Lua state; a handler simulates the end of
--- each command.
---
--- A dry run is a backend: everything that starts a program goes through the
--- current one.

local backend = require "noshell.backend"
local calls = require "noshell.dry_run.call"
local core = require "noshell.core"
local coroutines = require "noshell.host.coroutines"
local drive = require "noshell.drive"
local expect = require "noshell.dry_run.expect"
local failure = require "noshell.failure"
local replies = require "noshell.dry_run.reply"
local state = require "noshell.state"

--- A dry run. It is active until stop is called, even if it is not referenced.
---@class noshell.dry
---@field package handler? fun(call: noshell.dry_call): noshell.dry_reply
---@field package list? noshell.dry_list
---@field package made noshell.dry_call[]
---@field package refused string[]
local methods = {}

local metatable = { __index = methods, __name = "noshell.dry" }

--- The state of a command that was "started".
---@class noshell.dry_record
---@field dry noshell.dry
---@field call noshell.dry_call
---@field process? noshell.process
---@field reply any            as the handler returned it
---@field captures_pty? boolean  the output of its terminal is part of the result
---@field known? table         the final reply, as the core takes it
---@field source? noshell.dry_record  the command before it in a pipeline
---@field raised? table        { err }: an error of its input function

local dry_run = {}

--- The active dry runs; the last one handles the calls.
---@type noshell.dry[]
local active = {}

-- User callbacks ----------------------------------------------------------------------

--- The coroutines in which a handler is running.
local asking = setmetatable({}, { __mode = "k" })

--- Calls a user callback. An error in it is raised by the function that runs the
--- command, and again by verify.
local function ask(record, f)
  local thread = coroutines.key()
  asking[thread] = true
  -- Limit: on Lua 5.1, which cannot yield across pcall, callbacks must not yield.
  local ok, answer, why = pcall(f, record.call)
  asking[thread] = nil
  if ok then return answer, why end
  table.insert(record.dry.refused, tostring(answer))
  error(answer, 0)
end

local function refuse(record, text)
  table.insert(record.dry.refused, text)
  local where = core.where()
  error((where == "" and where or where .. ": ") .. "noshell.dry_run: " .. text, 0)
end

local function find_reply(record)
  local dry = record.dry
  if dry.handler then return ask(record, dry.handler) end
  if not dry.list then return nil end
  local item, why = ask(record, function(call) return dry.list:find(call) end)
  if item then return item.reply end
  refuse(record, ("unexpected command '%s': %s"):format(record.call.command, why))
end

--- Converts the reply to the form that the core takes.
local function know(record)
  local reply = record.reply
  if type(reply) == "function" then reply = ask(record, reply) end
  record.known = ask(record, function(call) return replies.new(reply, call) end)
end

-- Ending ------------------------------------------------------------------------------

--- Returns the outputs of stdout and stderr; stderr may be directed to stdout.
local function outputs(record)
  local stdout, stderr = record.known.stdout, record.known.stderr
  local call = record.call
  if call.stdout == "stderr" then return nil, (stdout or "") .. (stderr or "") end
  local is_one = call.stderr == "stdout" or (call.stderr == "pty" and call.stdout == "pty")
  if not is_one then return stdout, stderr end
  return (stdout or "") .. (stderr or ""), nil
end

--- True if the script writes to the program's stdin.
local function is_interactive(record)
  local stdin = record.call.stdin
  return stdin == "pipe" or (stdin == "pty" and not record.captures_pty)
end

--- Records the bytes written to the program's stdin.
local function note_input(record)
  local call = record.call
  local pipes = call.pipes and record.process and record.process.pipes or {}
  for number, stream in pairs(pipes) do
    local written = not stream:closed() and stream:_input_dry()
    if written then
      call.written = call.written or {}
      call.written[number] = written
    end
  end
  if is_interactive(record) and record.process and not record.process:closed() then
    call.input = record.process:_dry_input()
  end
end

--- Determines the final reply, now that the input is complete.
---@param record noshell.dry_record
local function settle(record)
  note_input(record)
  if record.known then return end
  local source = record.source
  if source then
    settle(source)
    record.call.input = outputs(source) or ""
  end
  know(record)
  if record.known.failure then
    record.known = {}
    refuse(record, ("the reply to '%s' is a failure to start, but it has started already")
      :format(record.call.command))
  end
end

--- Sets what the program "writes" to its added pipes.
local function give_pipes(process, texts)
  for number, stream in pairs(texts and process.pipes or {}) do
    if texts[number] and not stream:closed() then stream:_give_dry(tostring(texts[number])) end
  end
end

--- Replaces pump for a dry-run process, which ends when it is first pumped.
local function pump_dry(process)
  local finished, raw = drive.pump(process)
  if finished ~= false then return finished, raw end
  local kept = state.of(process)
  local record = kept.dry
  local ok, err = pcall(settle, record)
  if not ok then
    kept.driver.raised = { err }
    process:terminate(0)
  else
    local known = record.known
    known.stdout, known.stderr = outputs(record)
    give_pipes(process, known.pipes)
    process:_end_dry(known)
  end
  return drive.pump(process)
end

-- Starting ----------------------------------------------------------------------------

--- A number above every pid: /proc/sys/kernel/pid_max is at most 2 ^ 22 (proc(5)).
local FIRST_PID = 2 ^ 22 + 1
local last_pid = FIRST_PID - 1

--- Creates the record of a command in the innermost dry run.
---@return noshell.dry_record
local function new_record(cmd, is_exec)
  local dry = active[#active]
  local call = calls.new(cmd, #dry.made + 1, is_exec)
  if asking[coroutines.key()] then
    error(("noshell.dry_run: the handler must not run commands, but ran '%s'")
      :format(call.command), 0)
  end
  local record = { dry = dry, call = call }
  local kept = state.of(cmd)
  if kept.follows then
    record.source = state.of(kept.follows).dry
    call.stage = record.source.call.stage + 1
    call.input = record.source.known and (outputs(record.source) or "")
  else
    call.stage = kept.leads and 1 or nil
    call.input, record.raised = calls.input_of(cmd, pump_dry)
  end
  if kept.leads then kept.dry = record end
  table.insert(dry.made, call)
  return record
end

--- True if the input is still incomplete.
local function is_open(record)
  if record.source then return not record.source.known end
  return is_interactive(record) or record.call.pipes ~= nil
end

local function answer(record)
  record.reply = find_reply(record)
  if record.raised then
    record.known = { signal_number = core.signal_number("TERM") }
  elseif type(record.reply) ~= "function" or not is_open(record) then
    know(record)
  end
  return record.known and record.known.failure
end

--- Closes the streams that were handed over to the program, as a start does.
local function hand_over(kept)
  for which = 0, 2 do
    local given = calls.stream_of(kept, which)
    if given then given:close() end
  end
end

local function attach(process, record, asked)
  local kept = state.of(process)
  record.process, kept.dry = process, record
  record.call.pid = process.pid
  kept.driver = { outputs = {}, offset = 1, raised = record.raised,
    pump = pump_dry, note = function() note_input(record) end }
  if asked.input then process.stdin:_close() end
end

--- Starts a command in a dry run: backend.start.
---@param cmd noshell.command
---@param scope? noshell.scope
local function start(cmd, scope, _, captures_pty)
  local ok, raw = cmd:_check(false)
  if not ok then return nil, raw end
  local record = new_record(cmd)
  record.captures_pty = captures_pty
  raw = answer(record)
  if raw then return nil, raw end
  last_pid = last_pid + 1
  local process
  process, raw = cmd:_start_dry(last_pid, nil, captures_pty)
  if not process then return nil, raw end
  hand_over(state.of(cmd))
  attach(process, record, state.of(cmd))
  if scope then scope[#scope + 1] = process end
  return process
end

--- Simulates exec: backend.exec. A successful exec does not return, so it raises an
--- error.
local function exec(cmd)
  local ok, raw = cmd:_check(true)
  if not ok then return nil, raw end
  local record = new_record(cmd, true)
  raw = answer(record)
  if raw then return nil, raw end
  error(failure.wrap { code = "replaced", command = record.call.command }, 0)
end

--- Nothing is started in another thread.
local function start_aside() end

--- Assumes that every program exists.
local function find_program() return true end

local function features() return core.features(true) end

---@type noshell.backend
local dry = { start = start, start_aside = start_aside, exec = exec,
  find_program = find_program, features = features }

--- Selects the backend: the core, or the dry run.
local function switch()
  backend.current = active[1] and dry or backend.core
end

-- The object --------------------------------------------------------------------------

--- Begins a dry run: until stop, no program is started in this Lua state. Instead, the
--- handler is called for each command and returns how it ends. The handler may be a
--- list of expectations; a command that matches none raises an error. Without a handler,
--- every command succeeds and writes nothing.
---
--- A dry run does not check anything that needs a real start: whether the program, the
--- directory and the files exist, and whether the permissions suffice. It opens and
--- writes no files, runs no hooks and does not wait.
---@param handler? noshell.dry_expectations|fun(call: noshell.dry_call): noshell.dry_reply
---@return noshell.dry
function dry_run.new(handler)
  local self = setmetatable({ made = {}, refused = {} }, metatable)
  local kind, reason = type(handler), nil
  if kind == "function" then
    self.handler = handler
  elseif kind == "table" then
    self.list, reason = expect.new(handler)
  elseif handler ~= nil then
    reason = "the handler must be a function or a list, not " .. failure.shown(handler)
  end
  if reason then error("noshell.dry_run: " .. reason, 2) end
  table.insert(active, self)
  switch()
  return self
end

--- Returns true if a dry run is active.
function dry_run.is_active()
  return active[1] ~= nil
end

--- Ends the dry run; an enclosing one becomes active again. Nested dry runs may be
--- stopped in any order, and more than once.
---@return true
function methods:stop()
  for i = #active, 1, -1 do
    if active[i] == self then table.remove(active, i) end
  end
  switch()
  return true
end

metatable.__close = methods.stop

--- Returns the command lines of all calls, in order, including those whose reply was a
--- failure to start. The values of variables are ***, unless `env_values` is true.
---@param how? { env_values?: boolean }
---@return string[]
function methods:commands(how)
  local shows_values, texts = how and how.env_values, {}
  for i, call in ipairs(self.made) do
    texts[i] = shows_values and calls.full_text(call) or call.command
  end
  return texts
end

--- Returns all calls, in order.
---@return noshell.dry_call[]
function methods:calls()
  local copy = {}
  for i, call in ipairs(self.made) do copy[i] = call end
  return copy
end

--- Describes the expectations that were not run, or not as often as required.
---@return string[]
function methods:pending()
  return self.list and self.list:pending() or {}
end

--- Raises an error if an expectation is pending, an unexpected command was run, or the
--- handler raised an error, even if the code under test caught it.
---@return true
function methods:verify()
  local said, pending = {}, self:pending()
  if pending[1] then said[1] = "not run: " .. table.concat(pending, ", ") end
  for _, text in ipairs(self.refused) do said[#said + 1] = text end
  if said[1] then error("noshell.dry_run: " .. table.concat(said, "; "), 2) end
  return true
end

function metatable.__tostring(self)
  local is_on = false
  for _, each in ipairs(active) do is_on = is_on or each == self end
  return ("noshell.dry (%d commands, %s)"):format(#self.made,
    is_on and "active" or "stopped")
end

return dry_run
