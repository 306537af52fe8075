--- Running commands. The setters are the core's: see core.d.lua.

local backend = require "noshell.backend"
local background = require "noshell.background"
local core = require "noshell.core"
local drive = require "noshell.drive"
local failure = require "noshell.failure"
local host = require "noshell.host"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
require "noshell.process"
local scope = require "noshell.scope"
local state = require "noshell.state"
local stream = require "noshell.stream"
local trace = require "noshell.trace"
local wait = require "noshell.wait"
local waitable = require "noshell.waitable"

---@class noshell.command
local methods = core.methods.command
local class = core.metatables.command

local command = {}

--- Returns true if `value` is a command.
function command.is(value)
  return type(value) == "userdata"
    and getmetatable(value) == class
end

-- Standard streams ------------------------------------------------------------

--- Makes the error of a conflict between a command and a way to run it. The command
--- itself is valid: it can be run in another way.
local function conflict(self, method, value, reason)
  return failure.new({ code = "invalid", method = method, value = value,
    reason = reason }, self:to_string())
end

--- Directs the standard streams that the caller has not directed; `ways` is
--- { [0] = "inherit", … }. A stream that `ways` makes a pipe or captures is used by
--- `method` itself, so it is a conflict if the caller has directed it elsewhere. Returns
--- true, or nil, err.
---@param self noshell.command
function command.direct(self, ways, method)
  if self:_has_pty() then
    return nil, conflict(self, "set_pty", "true",
      ("%s uses our own streams: use run, output, lines or run_async"):format(method))
  end
  for which = 0, 2 do
    local way, now = ways[which], drive.stdio(self, which)
    local is_free = now == "default" or (way == "pipe" and now == "capture")
    if way and is_free then
      self["set_" .. drive.names[which]](self, way)
    elseif (way == "pipe" or way == "capture") and now ~= way then
      return nil, conflict(self, "set_" .. drive.names[which], now,
        ("%s uses %s itself"):format(method, drive.names[which]))
    end
  end
  return true
end

--- Returns a conflict if a stream is a pipe: the caller could not read or write it while
--- run waits for the end.
local function find_pipe(self)
  local which = drive.find_pipe(self)
  if self:_has_pipes() then
    return conflict(self, "set_pipes", "a table",
      "run returns no streams: use run_async, and process.pipes")
  end
  if which then
    return conflict(self, "set_" .. drive.names[which], "pipe",
      "run returns no streams: use run_async, lines or popen")
  end
end

-- Running ---------------------------------------------------------------------

local INSTEAD = "the command has them; add_arg adds one, set_timeout and others set options"

local function fail(self, raw)
  local machine = state.of(self).machine
  raw.machine = machine and tostring(machine)
  local err = failure.new(raw, self:to_string())
  trace.failed(err, self)
  return nil, err
end

--- Starts a program in the way that its caller waits for it. The third value is true if the
--- caller blocks until the end, so that meanwhile no other code can abandon or serve the
--- program.
local function launch(calls, self, asked, to_end, is_bound, attended)
  local machine = state.of(self).machine
  if machine then
    local started, raw = machine:_start(calls, self, is_bound)
    if started then state.of(started).machine = tostring(machine) end
    return started, raw
  elseif attended and not asked and host.waits_in_place() then
    local started, raw = wait.start_alone(calls, self)
    return started, raw, true
  end
  return wait.start(calls, self, to_end, is_bound, attended)
end

local function start(calls, self, to_end, is_bound, attended)
  local method, value, reason = drive.find_conflict(self)
  if method then
    return fail(self, { code = "invalid", method = method, value = value,
      reason = reason })
  end
  -- Other coroutines may change the command while this one waits.
  local asked, is_joined = drive.asked(self), self:stdio(2) == "stdout"
  local started, raw, is_alone = launch(calls, self, asked, to_end, is_bound, attended)
  if not started then return fail(self, raw) end
  if is_joined then state.of(started).is_joined = true end
  if is_alone then
    -- A dry run's process has a driver.
    calls.is_alone = backend.current == backend.core
  else
    state.of(started).started_in = calls
    drive.attach(started, asked)
    background.add(started)
  end
  trace.started(started, self)
  return started
end

--- Returns a conflict if a callback waits for the output of a terminal that is a stream.
local function find_listener(self)
  local name = self:_has_pty() and self:stdio(1) == "default" and state.of(self).on_stdout
    and "on_stdout"
  return name and conflict(self, name, "a function",
    "with run_async the terminal is a stream: read process.pty, or use run")
end

--- Starts the program and returns when it is executing.
---@return noshell.process?
---@return noshell.error?
---@nodiscard
function methods:run_async(...)
  if getmetatable(self) ~= class or select("#", ...) > 0 then
    misuse.check_self(self, class, "run_async")
    misuse.check_empty("run_async", INSTEAD, ...)
  end
  local conflicting = find_listener(self)
  if conflicting then return nil, conflicting end
  local started, err = scope.run(start, self)
  if started then
    background.expose(started)
    host.hand_over()
  end
  return started, err
end

--- The same, as part of a call that starts several programs. `is_bound`: the program is
--- ended if the calling coroutine is abandoned.
---@param calls noshell.scope
---@param is_bound? boolean
---@return noshell.process?
---@return noshell.error?
---@private
function methods:_launch(calls, is_bound)
  calls.captures_pty = true
  return start(calls, self, nil, is_bound)
end

--- Starts the program as run does: it is ended if the calling coroutine is abandoned.
--- `attended`: the caller only waits for the end afterwards.
---@param calls noshell.scope
---@param attended? boolean
---@return noshell.process?
---@return noshell.error?
---@private
function methods:_begin(calls, attended)
  -- Return as soon as the program has started if Lua makes its input or traces it.
  local is_told = trace.is_on() or state.of(self).input ~= nil
  local err = find_pipe(self)
  calls.captures_pty = true
  if not err then return start(calls, self, attended and not is_told, true, attended) end
  trace.failed(err, self)
  return nil, err
end

--- Starts the program, exchanges all data with it and waits for its end. If that is
--- not a success, returns nil, err, with the result in err.result. If an error is
--- raised meanwhile, the program is ended.
---@return noshell.result?
---@return noshell.error?
---@nodiscard
function methods:run(...)
  if getmetatable(self) ~= class or select("#", ...) > 0 then
    misuse.check_self(self, class, "run")
    misuse.check_empty("run", INSTEAD, ...)
  end
  return keep(scope.run(waitable.run, self))
end

--- `has_pty`: the newlines are CR LF.
local function without_final_newlines(text, has_pty)
  local last = #text
  while text:byte(last) == 10 do
    last = last - 1
    if has_pty and text:byte(last) == 13 then last = last - 1 end
  end
  return text:sub(1, last)
end

--- Converts the values of run to those of output.
---@param result? noshell.result
---@param err? noshell.error
---@param has_pty? boolean
---@return string?
---@return noshell.error?
function command.text_of(result, err, has_pty)
  if not result then return nil, err end
  return without_final_newlines(result.stdout, has_pty)
end

--- Returns an argument error if the command captures output that no function gets:
--- `method` does not return it, so it would be lost.
---@param cmd noshell.command
---@param method string
---@return noshell.error?
function command.find_capture(cmd, method)
  local kept = state.of(cmd)
  for which = 1, 2 do
    local name = drive.names[which]
    local is_asked = cmd:stdio(which) == "capture" or cmd:_list_captures(which)
    if is_asked and not kept["on_" .. name] then
      return conflict(cmd, "set_" .. name, "capture",
        ("%s returns no output: use run or output"):format(method))
    end
  end
end

--- Returns a conflict if the command is a daemon: `method` reads stdout.
---@param cmd noshell.command
---@param method string
---@return noshell.error?
function command.find_daemon(cmd, method)
  if not cmd:_daemonizes() then return nil end
  return conflict(cmd, nil, nil, ("%s cannot be used with daemonize: the stdout of a "
    .. "daemon is not captured"):format(method))
end

--- Runs the program and returns its stdout without the final newlines, as $(…) does.
---@return string?
---@return noshell.error?
---@nodiscard
function methods:output(...)
  misuse.check_self(self, class, "output")
  misuse.check_empty("output", INSTEAD, ...)
  local now = self:stdio(1)
  if not drive.is_captured(self, 1, now) then
    return nil, conflict(self, "set_stdout", now, now == "list"
      and 'output returns stdout: add "capture" to the list' or "output uses stdout itself")
  end
  local err = command.find_daemon(self, "output")
  if err then return nil, err end
  local result
  result, err = self:run()
  return command.text_of(result, err, self:_has_pty())
end

-- Iterators -------------------------------------------------------------------

--- Returns an iterator over items of stdout, for a process that only this iterator uses.
--- It raises an error if reading fails, or if the end of the process is not a success.
---@param calls noshell.scope  contains this process only
---@param started noshell.process|noshell.pipeline_process
---@param items noshell.items
function command.iterate(calls, started, items)
  started:_leave_streams()
  -- Between two items the program is not bound: if the caller leaves the loop, the program
  -- runs on.
  started:_iterated()
  local stdout = started:_pipe "stdout" or started.pty
  -- Reading an item that is available is not guarded: an error at that moment is like
  -- one in the body of the loop, which ends the program on Lua 5.4.
  state.of(stdout:process()).calls = calls
  local function next_item()
    if not stdout then return nil end
    local item, err = items.read(stdout)
    if item then return item end
    stdout = nil
    if err then
      started:close()
    else
      local result
      result, err = scope.enter(calls, waitable.conclude, started)
      if result then return nil end
    end
    error(err, 0)
  end
  return stream.iterate(stdout, items, next_item), nil, nil, started
end

--- Starts a command that only this call uses, and returns an iterator over its stdout.
local function start_reading(calls, self, method, items)
  local ok, err, started = true, nil, nil
  if not (self:_has_pty() and self:stdio(1) == "default") then
    ok, err = command.direct(self, { [1] = "pipe" }, method)
  end
  if ok then started, err = start(calls, self, nil, true) end
  if not started then error(err, 0) end
  return command.iterate(calls, started, items)
end

--- Returns an iterator over the lines of a command that only this call uses.
---@param self noshell.command
---@param format? "l"|"L"
function command.lines(self, format)
  return scope.run(start_reading, self, "lines", stream.items_of(format))
end

--- Starts the program and returns an iterator over the lines of its stdout, as they
--- arrive. Raises an error object if the program does not start or its end is not a
--- success.
---
--- Leaving the loop early ends the program on Lua 5.4 and newer. On older Luas the
--- pipe is closed when the iterator is collected; then a program that writes more gets
--- SIGPIPE.
---@param format? "l"|"L"  "L" keeps the line ends
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.process
function methods:lines(format)
  misuse.check_self(self, class, "lines")
  return keep(command.lines(self:clone(), format))
end

--- The same as lines, over records that end with `separator`, such as "\0".
---@param separator string
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.process
function methods:records(separator)
  misuse.check_self(self, class, "records")
  local items = stream.records_of(separator)
  return keep(scope.run(start_reading, self:clone(), "records", items))
end

local first_error, write_arg_log = methods._first_argument_error, methods._write_arg_log

--- Returns the first argument error of its setters; nil if there is none.
---@return noshell.error?
function methods:argument_error()
  misuse.check_self(self, class, "argument_error")
  local raw = first_error(self)
  return raw and failure.new(raw, self:to_string())
end

--- The former name of argument_error.
---@return noshell.error?
function methods:mistake() return keep(self:argument_error()) end

--- Writes the variables that were set and the words, unquoted, and a newline.
---@param target integer|file*
---@return true?
---@return noshell.error?
function methods:write_arg_log(target)
  misuse.check_self(self, class, "write_arg_log")
  local ok, raw = write_arg_log(self, target)
  if raw then return nil, failure.new(raw, self:to_string()) end
  return ok
end

--- Replaces this process by the program, after flushing io.stdout and io.stderr.
--- Returns only on failure.
---@return nil
---@return noshell.error
function methods:exec(...)
  misuse.check_self(self, class, "exec")
  misuse.check_empty("exec", INSTEAD, ...)
  if drive.stdio(self, 0) == "input" then
    return nil, conflict(self, "set_input", "a function",
      "cannot be used with exec: no process remains to call it")
  end
  local kept = state.of(self)
  local listener = kept.on_stdout and "on_stdout" or kept.on_stderr and "on_stderr"
  if listener then
    return nil, conflict(self, listener, "a function",
      "cannot be used with exec: no process remains to call it")
  end
  if kept.machine then
    return nil, conflict(self, "set_machine", tostring(kept.machine),
      "cannot be used with exec: this process cannot become a program elsewhere")
  end
  command.flush()
  local _, raw = backend.current.exec(self)
  return nil, failure.new(raw, self:to_string())
end

--- Flushes io.stdout and io.stderr, so that their text precedes the output of a program
--- that writes to the same file. Either may be closed.
function command.flush()
  pcall(io.stdout.flush, io.stdout)
  pcall(io.stderr.flush, io.stderr)
end

--- Options of a command are set by its methods.
---@private
function class.__newindex(_, name)
  misuse.raise("a command has no field '%s': its options are set by methods, as in "
    .. "cmd:set_timeout(5)", tostring(name))
end

return command
