--- What runs, of a command. Its setters are the core's: see core.d.lua.

local core = require "noshell.core"
local failure = require "noshell.failure"

---@class noshell.command
local methods = core.methods.command

local command = {}

--- Whether `value` is a command.
function command.is(value)
  return type(value) == "userdata"
    and getmetatable(value) == core.metatables.command
end

-- Standard streams ------------------------------------------------------------

local NAMES = { [0] = "stdin", "stdout", "stderr" }

--- A mistake of running that is no mistake of the command: it can be run in
--- another way.
local function misfit(self, method, value, reason)
  return failure.new({ code = "invalid", method = method, value = value,
    reason = reason }, self:to_string())
end

--- Directs those standard streams of which nothing was said: `ways` is
--- { [0] = "inherit", … }. A "pipe" or "capture" is needed by `method`, and
--- anything else that was asked for is in its way. True, or nil, err.
---@param self noshell.command
function command.direct(self, ways, method)
  for which = 0, 2 do
    local way, now = ways[which], self:stdio(which)
    local is_free = now == "default" or (way == "pipe" and now == "capture")
    if way and is_free then
      self["set_" .. NAMES[which]](self, way)
    elseif (way == "pipe" or way == "capture") and now ~= way then
      return nil, misfit(self, "set_" .. NAMES[which], now,
        ("%s needs %s for itself"):format(method, NAMES[which]))
    end
  end
  return true
end

--- run waits for the end, so that nobody would read or write a pipe.
local function find_pipe(self)
  for which = 0, 2 do
    if self:stdio(which) == "pipe" then
      return misfit(self, "set_" .. NAMES[which], "pipe",
        "run gives no stream: use run_async, lines or popen")
    end
  end
end

-- Running ---------------------------------------------------------------------

--- Starts the program and returns when it is executing.
---@return noshell.process?
---@return noshell.error?
function methods:run_async()
  local process, raw = self:_start()
  if process then return process end
  return nil, failure.new(raw, self:to_string())
end

--- Starts the program, exchanges all data with it and waits for its end. An
--- end that is no success gives nil, err, with the result in err.result.
---@return noshell.result?
---@return noshell.error?
function methods:run()
  local err = find_pipe(self)
  if err then return nil, err end
  local process, result
  process, err = self:run_async()
  if not process then return nil, err end
  result, err = process:wait()
  process:close()
  return result, err
end

local function without_final_newlines(text)
  local last = #text
  while text:byte(last) == 10 do last = last - 1 end
  return text:sub(1, last)
end

--- What the program writes to stdout, without its final newlines, as $(…)
--- gives it.
---@return string?
---@return noshell.error?
function methods:output()
  local now = self:stdio(1)
  if now ~= "default" and now ~= "capture" then
    return nil, misfit(self, "set_stdout", now, "output needs stdout for itself")
  end
  local result, err = self:run()
  if not result then return nil, err end
  return without_final_newlines(result.stdout)
end

--- The iterator of a command that is not used otherwise.
---@param self noshell.command
---@param format? "l"|"L"
function command.lines(self, format)
  local ok, err = command.direct(self, { [1] = "pipe" }, "lines")
  local process
  if ok then process, err = self:run_async() end
  if not process then error(err, 0) end
  process:_leave_streams()
  local stdout, result = process.stdout, nil
  local function next_line()
    if not stdout then return nil end
    local line
    line, err = stdout:read(format or "l")
    if line then return line end
    stdout = nil
    if not err then result, err = process:wait() end
    process:close()
    if not result then error(err, 0) end
    return nil
  end
  return next_line, nil, nil, process
end

--- An iterator over the lines that the program writes to stdout, as they come.
--- It raises the error object where the program does not start, or ends badly.
---
--- On Lua 5.4 leaving the loop early ends the program. Elsewhere nobody hears
--- of it before the iterator is collected; then the pipe is closed, and a
--- program that writes more gets SIGPIPE.
---@param format? "l"|"L"  with "L" the lines keep their ends
---@return fun(): string?
---@return nil
---@return nil
---@return noshell.process
function methods:lines(format)
  return command.lines(self:clone(), format)
end

local mistake, write_arg_log = methods.mistake, methods.write_arg_log

--- The first mistake that was made with its setters, nil where there is none.
---@return noshell.error?
function methods:mistake()
  local raw = mistake(self)
  return raw and failure.new(raw, self:to_string())
end

--- Writes the variables that were set and the words, unquoted, and a newline.
---@param target integer|file*
---@return true?
---@return noshell.error?
function methods:write_arg_log(target)
  local ok, raw = write_arg_log(self, target)
  if raw then return nil, failure.new(raw, self:to_string()) end
  return ok
end

--- Replaces this process by the program; what Lua's files hold back is written
--- first. Returns only where that fails.
---@return nil
---@return noshell.error
function methods:exec()
  command.flush()
  local _, raw = self:_exec()
  return nil, failure.new(raw, self:to_string())
end

--- Writes what io.stdout and io.stderr hold back, so that it stands before
--- what a program writes to the same place. A closed file holds nothing.
function command.flush()
  pcall(io.stdout.flush, io.stdout)
  pcall(io.stderr.flush, io.stderr)
end

return command
