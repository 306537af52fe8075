--- Pipelines: commands joined by kernel pipes.

local core = require "noshell.core"
local command = require "noshell.command"
local drive = require "noshell.drive"
local failure = require "noshell.failure"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
local options = require "noshell.options"
local pipeline_options = require "noshell.pipeline_options"
local running = require "noshell.pipeline_process"
local scope = require "noshell.scope"
local state = require "noshell.state"
local stream = require "noshell.stream"
local trace = require "noshell.trace"
local pipeline_result = require "noshell.pipeline_result"
local waitable = require "noshell.waitable"

--- Commands that are connected by pipes, each one's stdout to the next one's stdin. The
--- first may have an input, the last may direct its stdout, and all have their own
--- stderr, ok codes and timeout. The pipeline refers to the commands: a change of a
--- command affects it.
---@class noshell.pipeline
---@field commands noshell.command[]  the commands, from left to right
---@field stages noshell.command[]  an alias of commands
---@field seconds? number  the timeout of the whole pipeline
---@field grace? number    seconds from TERM to KILL
---@field rules noshell.command  a command that records the pipeline's own argument errors
---@operator concat(noshell.member): noshell.pipeline
---@operator bor(noshell.member): noshell.pipeline
local methods = {}

local metatable = { __index = methods, __name = "noshell.pipeline" }

---@alias noshell.member noshell.spec|noshell.command|noshell.pipeline

--- Commands, and the options of the pipeline.
---@class noshell.pipeline_spec
---@field [integer] noshell.member|string  the commands
---@field timeout? number  seconds after which the whole pipeline is ended
---@field grace? number    seconds from TERM to KILL; default 2
---@field input? any       the input of the first command; also stdin and input_buffer
---@field stdout? any      the target of the last command's stdout; also on_stdout
---@field cwd? string      of all commands, like the other keys of a SPEC that can hold for
---  each of them: env, stderr, user, limits, umask, check and more; a command's own option
---  takes precedence

local pipeline = {}

--- Returns true if `value` is a pipeline.
function pipeline.is(value)
  return type(value) == "table" and getmetatable(value) == metatable
end

-- Building ------------------------------------------------------------------------

local function empty()
  local commands = {}
  return setmetatable({ commands = commands, stages = commands,
    rules = core.command("pipeline") }, metatable)
end

--- Sets the timeout unless a shorter one is set.
local function limit(self, seconds, grace)
  if not seconds or (self.seconds and self.seconds <= seconds) then return end
  self.seconds, self.grace = seconds, grace
end

--- Adds a member, or the commands of a pipeline, to the list of members.
local function collect(self, members, member)
  if not pipeline.is(member) then
    members[#members + 1] = member
    return
  end
  for i = 1, #member.commands do members[#members + 1] = member.commands[i] end
  limit(self, member.seconds, member.grace)
  if member.rules:argument_error() then self.rules = member.rules end
end

local function add(self, members, shared)
  for i = 1, #members do
    local member = members[i]
    if shared then member = pipeline_options.complete(member, shared, i, #members) end
    local cmd = options.command(member)
    self.commands[i] = cmd
  end
end

--- True for a list of commands. A SPEC begins with a word.
local function is_list(value)
  if type(value) ~= "table" or pipeline.is(value) then return false end
  local first = value[1]
  return command.is(first) or (type(first) == "table" and not getmetatable(first))
    or pipeline.is(first)
end

--- True for a table without a command, such as { timeout = 5 }.
local function is_options(value)
  return type(value) == "table" and not getmetatable(value) and value[1] == nil
    and next(value) ~= nil
end

--- Applies the options of the pipeline. Returns those of its commands.
local function apply(self, spec)
  local shared = pipeline_options.shared(self.rules, spec)
  if spec.timeout ~= nil then
    self:set_timeout(spec.timeout, spec.grace)
    self.rules:_set_argument_error_key("timeout", spec.timeout)
    self.rules:_set_argument_error_key("grace", spec.grace)
  elseif spec.grace ~= nil then
    self.rules:_argument_error("grace", failure.shown(spec.grace),
      "'grace' requires 'timeout'")
    self.rules:_set_argument_error_key("grace")
  end
  return shared
end

--- Returns the largest index. If the list has a hole, the missing command is an argument
--- error.
local function last_index(list)
  local last = 0
  for index in pairs(list) do
    if type(index) == "number" and index > last then last = index end
  end
  return last
end

--- Makes a pipeline of these commands, or of a list of commands with options:
--- noshell.pipeline { { "a" }, { "b" }, timeout = 5, cwd = "/" }.
---@param ... noshell.member|noshell.pipeline_spec|string
---@return noshell.pipeline
function pipeline.new(...)
  local self, list, count = empty(), { ... }, select("#", ...)
  local members, shared = {}, nil
  if count == 1 and is_list(list[1]) then
    list = list[1]
    count = last_index(list)
    shared = apply(self, list)
  end
  for i = 1, count do
    if is_options(list[i]) then
      self.rules:_argument_error("pipeline", failure.shown(list[i]), ("argument %d has options, "
        .. "but no command: write noshell.pipeline { a, b, timeout = 5 }"):format(i))
      break
    end
    -- A hole is a command without a program.
    collect(self, members, list[i] == nil and {} or list[i])
    if list[i] == nil then break end
  end
  add(self, members, shared)
  if count == 0 then
    self.rules:_argument_error("pipeline", "", "at least one command is required")
  end
  return self
end

local function is_member(value)
  return pipeline.is(value) or command.is(value)
    or (type(value) == "table" and not getmetatable(value))
end

--- Implements a .. b and a | b.
local function join(a, b)
  for _, side in ipairs { a, b } do
    if not is_member(side) then
      misuse.raise("noshell: a pipeline is made of commands, SPEC tables and pipelines, not "
        .. "of %s", failure.shown(side))
    end
  end
  local self, members = empty(), {}
  collect(self, members, a)
  collect(self, members, b)
  add(self, members)
  return self
end

metatable.__concat, metatable.__bor = join, join
core.metatables.command.__concat = join
core.metatables.command.__bor = join

--- Sets the timeout of the whole pipeline: TERM after `seconds`, KILL after another
--- `grace`.
---@param seconds number
---@param grace? number  default 2
---@return noshell.pipeline
function methods:set_timeout(seconds, grace)
  misuse.check_self(self, metatable, "set_timeout")
  if grace == nil then
    self.rules:set_timeout(seconds)
  else
    self.rules:set_timeout(seconds, grace)
  end
  self.seconds = seconds ~= math.huge and tonumber(seconds) or nil
  self.grace = tonumber(grace)
  return self
end

--- Returns the command lines in the syntax of sh, joined by "|".
---@param how? { linebreaks?: boolean, strip_path?: boolean, env_values?: boolean }
---@return string
function methods:to_string(how)
  misuse.check_self(self, metatable, "to_string")
  local words = {}
  for i = 1, #self.commands do words[i] = self.commands[i]:to_string(how) end
  return table.concat(words, " | ")
end

function metatable.__tostring(self)
  return self:to_string()
end

-- Running ---------------------------------------------------------------------------

local INSTEAD = "its commands have them; noshell.pipeline and set_timeout take options"

local function conflict(self, index, method, value, reason)
  return pipeline_result.locate(self:to_string(), index, failure.new({ code = "invalid",
    method = method, value = value, reason = reason },
    self.commands[index]:to_string()))
end

--- Returns the conflict of a command's streams or callbacks with the pipeline's pipes.
local function find_conflict(self, index)
  local cmd, last = self.commands[index], #self.commands
  local kept = state.of(cmd)
  local stdin, stdout = drive.stdio(cmd, 0), cmd:stdio(1)
  if index > 1 and stdin ~= "default" then
    return conflict(self, index, "set_stdin", stdin,
      "its stdin is the pipe from the command before it")
  elseif index < last and stdout ~= "default" and not (kept.tee and stdout == "list") then
    return conflict(self, index, "set_stdout", stdout,
      "its stdout is the pipe to the next command; use noshell.tee to copy it")
  elseif index < last and kept.on_stdout then
    return conflict(self, index, "on_stdout", "a function",
      "its stdout is the pipe to the next command; use noshell.tee to copy it")
  end
end

--- Returns the first argument error or conflict, before anything is started.
local function find_argument_error(self)
  local err = self.rules:argument_error()
  if err then
    err.command = self:to_string()
    return err
  end
  for i = 1, #self.commands do
    local cmd = self.commands[i]
    err = cmd:argument_error()
    if err then return pipeline_result.locate(self:to_string(), i, err) end
    err = find_conflict(self, i)
    if err then return err end
  end
end

--- Returns a conflict if a stream is a pipe: the caller could not read or write it while
--- run waits for the end.
local function find_pipe(self)
  for i = 1, #self.commands do
    local cmd = self.commands[i]
    local which = drive.find_pipe(cmd)
    if cmd:_has_pipes() then
      return conflict(self, i, "set_pipes", "a table",
        "run returns no streams: use run_async, and the pipes of its processes")
    end
    if which then
      return conflict(self, i, "set_" .. drive.names[which], "pipe",
        "run returns no streams: use run_async or lines")
    end
  end
end

local function start(calls, self, err, is_bound, attended)
  if not err then return running.start(calls, self, is_bound, attended) end
  trace.failed(err, self.commands[err.index] or self)
  return nil, err
end

--- Starts all commands, and returns when they are executing.
---@return noshell.pipeline_process?
---@return noshell.error?
---@nodiscard
function methods:run_async(...)
  misuse.check_self(self, metatable, "run_async")
  misuse.check_empty("run_async", INSTEAD, ...)
  return keep(scope.run(start, self, find_argument_error(self)))
end

--- Starts all commands as run does. `attended`: the caller waits for the end at once.
---@param calls noshell.scope
---@param attended? boolean
---@return noshell.pipeline_process?
---@return noshell.error?
---@private
function methods:_begin(calls, attended)
  return start(calls, self, find_argument_error(self) or find_pipe(self), true, attended)
end

--- Runs all commands to their end. The result is a success if each command succeeds by
--- its own rules. Death by SIGPIPE is a success, except for the last command: it means
--- that a later command stopped reading. If several fail, err is the error of the last
--- one, as with pipefail; err.errors has all errors by number.
---@return noshell.result?
---@return noshell.error?
---@nodiscard
function methods:run(...)
  misuse.check_self(self, metatable, "run")
  misuse.check_empty("run", INSTEAD, ...)
  return keep(scope.run(waitable.run, self))
end

--- Runs the pipeline and returns the stdout of the last command without the final
--- newlines.
---@return string?
---@return noshell.error?
---@nodiscard
function methods:output(...)
  misuse.check_self(self, metatable, "output")
  misuse.check_empty("output", INSTEAD, ...)
  local last = self.commands[#self.commands]
  local now = last and last:stdio(1)
  if last and not drive.is_captured(last, 1, now) then
    return nil, conflict(self, #self.commands, "set_stdout", now,
      "output uses stdout itself")
  end
  local err = last and command.find_daemon(last, "output")
  if err then return nil, pipeline_result.locate(self:to_string(), #self.commands, err) end
  return command.text_of(self:run())
end

--- Returns a copy whose list of commands may be changed.
local function copy_of(self)
  local copy = empty()
  for i = 1, #self.commands do copy.commands[i] = self.commands[i] end
  copy.rules, copy.seconds, copy.grace = self.rules, self.seconds, self.grace
  return copy
end

--- Returns a copy that uses our standard streams, for noshell.system; or nil, err.
---@param self noshell.pipeline
---@return noshell.pipeline?
---@return noshell.error?
function pipeline.inheriting(self)
  local copy, last = copy_of(self), #self.commands
  for i = 1, last do
    local cmd = self.commands[i]:clone()
    copy.commands[i] = cmd
    local tee = i == last and state.of(cmd).tee
    if tee then cmd:set_stdout { "inherit", tee } end
    command.direct(cmd, { [0] = i == 1 and "inherit" or nil, i == last and "inherit" or nil,
      "inherit" }, "system")
    local err = command.find_capture(cmd, "system")
    if err then return nil, pipeline_result.locate(self:to_string(), i, err) end
  end
  return copy
end

--- Starts a copy of the pipeline and returns an iterator over the stdout of its last
--- command.
local function start_reading(calls, self, method, items)
  local copy, count, err = copy_of(self), #self.commands, nil
  local last = copy.commands[count]
  if last then
    last = last:clone()
    copy.commands[count] = last
    local ok, why = command.direct(last, { [1] = "pipe" }, method)
    if not ok then err = pipeline_result.locate(self:to_string(), count, why) end
  end
  local started
  if not err then started, err = start(calls, copy, find_argument_error(copy), true) end
  if not started then error(err, 0) end
  return command.iterate(calls, started, items)
end

--- Starts the pipeline and returns an iterator over the lines of its last command, as
--- command:lines does.
---@param format? "l"|"L"  "L" keeps the line ends
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.pipeline_process
function methods:lines(format)
  misuse.check_self(self, metatable, "lines")
  return keep(scope.run(start_reading, self, "lines", stream.items_of(format)))
end

--- The same as lines, over records that end with `separator`, such as "\0".
---@param separator string
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.pipeline_process
function methods:records(separator)
  misuse.check_self(self, metatable, "records")
  local items = stream.records_of(separator)
  return keep(scope.run(start_reading, self, "records", items))
end

--- Returns the command or pipeline of a SPEC.
---@return noshell.command|noshell.pipeline
function pipeline.runnable(...)
  local first = ...
  local is_pipeline = pipeline.is(first)
  if not (is_pipeline or command.is(first)) then
    local cmd = options.command(...)
    return cmd
  end
  if select("#", ...) > 1 then
    misuse.raise("noshell: a %s takes no further arguments",
      is_pipeline and "pipeline" or "command")
  end
  return first
end

--- Returns a copy of a command or a pipeline that runs on the machine. If a command in it
--- names this machine already, returns the same one: its other commands run here. If one
--- names another machine, returns nil and that machine's name.
---@param runnable noshell.command|noshell.pipeline
---@param machine noshell.machine_object
---@return (noshell.command|noshell.pipeline)?
---@return string? other
function pipeline.placed(runnable, machine)
  local is_pipeline, is_placed = pipeline.is(runnable), false
  for _, cmd in ipairs(is_pipeline and runnable.commands or { runnable }) do
    local own = state.of(cmd).machine
    if own and own ~= machine then return nil, tostring(own) end
    is_placed = is_placed or own ~= nil
  end
  if is_placed then return runnable end
  if not is_pipeline then return runnable:clone():set_machine(machine) end
  local copy = copy_of(runnable)
  for i, cmd in ipairs(copy.commands) do copy.commands[i] = cmd:clone():set_machine(machine) end
  return copy
end

-- Copying data --------------------------------------------------------------------------

--- Makes a command that passes its input on and copies it to a file or a function. The
--- function is called with the bytes as they arrive. The command runs tee(1), so the
--- data that it passes on do not go through Lua.
---@param target string|fun(data: string)
---@param how? { append?: boolean }
---@return noshell.command
function pipeline.tee(target, how)
  if type(target) ~= "string" and type(target) ~= "function" then
    misuse.raise("noshell.tee: a path or a function is needed, not %s", failure.shown(target))
  end
  local cmd = core.command("tee")
  if type(target) == "function" then
    state.of(cmd).tee = target
    cmd:set_stdout { "capture", target }
  else
    if how and how.append then cmd:add_arg("-a") end
    cmd:add_args("--", target)
  end
  return cmd
end

return pipeline
