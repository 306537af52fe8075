--- Dry runs: nothing is started anywhere in this Lua state; a handler says how
--- what would have been run ends.
---
--- The switch is at the core's methods, below all that starts a program, so that
--- none goes past it; while there is no dry run they are the core's own.

local calls = require "noshell.dry_run.call"
local core = require "noshell.core"
local coroutines = require "noshell.host.coroutines"
local drive = require "noshell.drive"
local expect = require "noshell.dry_run.expect"
local failure = require "noshell.failure"
local replies = require "noshell.dry_run.reply"

---@class noshell.command
local commands = core.methods.command

--- A dry run. It stays until stop, also where nobody holds it.
---@class noshell.dry
---@field package handler? fun(call: noshell.dry_call): noshell.dry_reply
---@field package list? noshell.dry_list
---@field package made noshell.dry_call[]
---@field package refused string[]
local methods = {}

local metatable = { __index = methods, __name = "noshell.dry" }

--- What is remembered of a command that was "started".
---@class noshell.dry_record
---@field dry noshell.dry
---@field call noshell.dry_call
---@field process? noshell.process
---@field reply any            not a function any more once it is `known`
---@field known? table         the same, as the core needs it
---@field source? noshell.dry_record  whose stdout is the input
---@field raised? table        { err }: what its input raised

local dry_run = {}

--- The dry runs that were not stopped; the last one counts.
---@type noshell.dry[]
local active = {}

-- Asking ------------------------------------------------------------------------------

--- The coroutines in which a handler runs.
local asking = setmetatable({}, { __mode = "k" })

--- Calls a function of the caller's. An error is that of whoever runs the
--- command, and of verify.
local function ask(record, f)
  local thread = coroutines.key()
  asking[thread] = true
  -- Limit: on Lua 5.1 nothing can yield through pcall, so not in f.
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

--- Makes of the reply what the core needs to know.
local function know(record)
  local reply = record.reply
  if type(reply) == "function" then reply = ask(record, reply) end
  record.known = ask(record, function(call) return replies.new(reply, call) end)
end

-- Ending ------------------------------------------------------------------------------

--- What goes to stdout and what to stderr, where both go to stdout too.
local function outputs(record)
  local stdout, stderr = record.known.stdout, record.known.stderr
  if record.call.stderr ~= "stdout" then return stdout, stderr end
  return (stdout or "") .. (stderr or ""), nil
end

--- What was written to its stdin, where that is a pipe of ours.
local function note_input(record)
  local call = record.call
  if call.stdin == "pipe" and record.process and not record.process:closed() then
    call.input = record.process:_dry_input()
  end
end

--- What it writes is known from here on, because all that it reads is.
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

--- What pump is for such a process: it ends as soon as anybody looks.
local function pump_dry(process)
  local finished, raw = drive.pump(process)
  if finished ~= false then return finished, raw end
  local kept = process:_kept()
  local record = kept.dry
  local ok, err = pcall(settle, record)
  if not ok then
    kept.driver.raised = { err }
    process:terminate(0)
  else
    local known = record.known
    known.stdout, known.stderr = outputs(record)
    process:_end_dry(known)
  end
  return drive.pump(process)
end

-- Starting ----------------------------------------------------------------------------

--- More than any process has: Linux numbers them up to 2 ^ 22.
local FIRST_PID = 2 ^ 22 + 1
local last_pid = FIRST_PID - 1

--- The handler of the innermost dry run is asked about the command.
---@return noshell.dry_record
local function new_record(cmd, is_exec)
  local dry = active[#active]
  local call = calls.new(cmd, #dry.made + 1, is_exec)
  if asking[coroutines.key()] then
    error(("noshell.dry_run: the handler must not run commands, but ran '%s'")
      :format(call.command), 0)
  end
  local record = { dry = dry, call = call }
  local kept = cmd:_kept()
  if kept.follows then
    record.source = kept.follows:_kept().dry
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

--- Whether somebody is still to say what it reads.
local function is_open(record)
  if record.source then return not record.source.known end
  return record.call.stdin == "pipe"
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

--- A stream that the program was given is its own from here on.
local function hand_over(kept)
  for which = 0, 2 do
    local given = calls.stream_of(kept, which)
    if given then given:close() end
  end
end

local function attach(process, record, asked)
  local kept = process:_kept()
  record.process, kept.dry = process, record
  record.call.pid = process.pid
  kept.driver = { channels = {}, offset = 1, raised = record.raised,
    pump = pump_dry, note = function() note_input(record) end }
  if asked.input then process.stdin:_close() end
end

--- What _start is in a dry run.
---@param cmd noshell.command
---@param scope? noshell.scope
local function start(cmd, scope)
  local ok, raw = cmd:_check(false)
  if not ok then return nil, raw end
  local record = new_record(cmd)
  raw = answer(record)
  if raw then return nil, raw end
  last_pid = last_pid + 1
  local process
  process, raw = cmd:_start_dry(last_pid)
  if not process then return nil, raw end
  hand_over(cmd:_kept())
  attach(process, record, cmd:_kept())
  if scope then scope[#scope + 1] = process end
  return process
end

--- What _exec is: nobody goes on behind it, so it raises.
local function exec(cmd)
  local ok, raw = cmd:_check(true)
  if not ok then return nil, raw end
  local record = new_record(cmd, true)
  raw = answer(record)
  if raw then return nil, raw end
  error(failure.wrap { code = "replaced", command = record.call.command }, 0)
end

local own = { start = commands._start, aside = commands._start_aside,
  exec = commands._exec, features = core.features }

--- The core's methods, or ours.
local function switch()
  local is_dry = active[1] ~= nil
  commands._start = is_dry and start or own.start
  commands._start_aside = is_dry and function() end or own.aside
  commands._exec = is_dry and exec or own.exec
  core.features = is_dry and function() return own.features(true) end or own.features
end

-- The object --------------------------------------------------------------------------

--- Starts nothing in this Lua state from now on, until stop: whatever would
--- have been started is told to the handler, which says how it ends. A list of
--- expectations is a handler too; what matches none raises an error. Without a
--- handler everything is a success that writes nothing.
---
--- Nothing that only a start finds out is found out: whether the program, the
--- directory and the files are there, and whether it may be done. No file is
--- opened or written, no hook is run, no time passes.
---@param handler? noshell.dry_expectations|fun(call: noshell.dry_call): noshell.dry_reply
---@return noshell.dry
function dry_run.new(handler)
  local self = setmetatable({ made = {}, refused = {} }, metatable)
  local kind, mistake = type(handler), nil
  if kind == "function" then
    self.handler = handler
  elseif kind == "table" then
    self.list, mistake = expect.new(handler)
  elseif handler ~= nil then
    mistake = "the handler must be a function or a list, not " .. failure.shown(handler)
  end
  if mistake then error("noshell.dry_run: " .. mistake, 2) end
  table.insert(active, self)
  switch()
  return self
end

--- Whether there is one.
function dry_run.is_active()
  return active[1] ~= nil
end

--- Ends the dry run; the one in which it was begun goes on. In whatever order,
--- and twice, is fine.
---@return true
function methods:stop()
  for i = #active, 1, -1 do
    if active[i] == self then table.remove(active, i) end
  end
  switch()
  return true
end

metatable.__close = methods.stop

--- The command lines of all that would have been started, in order, also of what
--- did not start because its reply said so.
---@return string[]
function methods:commands()
  local texts = {}
  for i, call in ipairs(self.made) do texts[i] = call.command end
  return texts
end

--- The same, with all that each was to do.
---@return noshell.dry_call[]
function methods:calls()
  local copy = {}
  for i, call in ipairs(self.made) do copy[i] = call end
  return copy
end

--- What was expected and was not run, or not as often, as text.
---@return string[]
function methods:pending()
  return self.list and self.list:pending() or {}
end

--- Raises where something is pending, or was run that nothing expected, or the
--- handler raised: also where the program under test caught that.
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
