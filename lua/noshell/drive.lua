--- What Lua does while a program runs: it makes input as the program reads it,
--- is told lines as they come, and keeps the end alone of a long output. All
--- else is the core's.

local core = require "noshell.core"
local failure = require "noshell.failure"
local group = require "noshell.group"
local setters = require "noshell.command_streams"
local state = require "noshell.state"

---@class noshell.process
local processes = core.methods.process

local pump, result = processes._pump, processes.result

--- What drives one process.
---@class noshell.driver
---@field outputs noshell.output[]
---@field crlf? boolean           a line's end may be CR LF
---@field stdin? noshell.stream   where input is made as it is read
---@field source? fun(): string?  ... by this function
---@field group? noshell.group    ... and waited for with this
---@field chunk? string           what it gave last
---@field offset integer          the first byte of that not written yet
---@field raised? table           { err }: what a function of the caller's raised
---@field busy? boolean           one of those is running
---@field muted? boolean          they are not called any more
---@field pump? fun(process: noshell.process): boolean?, noshell.failure?  of a dry run
---@field note? fun()              of a dry run: it is going to be ended

--- One captured stream.
---@class noshell.output
---@field which 1|2
---@field on_line? fun(line: string)
---@field on_data? fun(data: string)
---@field tail? integer     keep that many bytes of it, not all
---@field from integer      what is kept begins with that many bytes that were told
---@field scanned integer   there is no newline between `from` and this
---@field dropped integer   bytes that are not kept any more

local drive = {}

--- The core's, under what process:pump is in Lua.
drive.pump = pump

--- The standard streams' names, by their descriptors.
drive.names = { [0] = "stdin", "stdout", "stderr" }

--- How a standard stream is directed; "input" is what drive makes.
---@param cmd noshell.command
---@param which 0|1|2
---@return string
function drive.stdio(cmd, which)
  local is_made = which == 0 and state.of(cmd).input
  return is_made and "input" or cmd:stdio(which)
end

--- The first standard stream that is directed to a pipe for the caller.
---@param cmd noshell.command
---@return 0|1|2|nil
function drive.find_pipe(cmd)
  -- What feeds the input is such a pipe for C.
  return cmd:_find_pipe(state.of(cmd).input and 1 or 0)
end

local is_captured = { default = true, capture = true }

--- Where a command keeps who is told the lines of a standard stream.
local LISTENERS = { "on_stdout", "on_stderr" }

--- What was asked for and cannot be, as { setter, value, reason }.
---@param cmd noshell.command
function drive.find_conflict(cmd)
  local kept = state.of(cmd)
  for which = 1, 2 do
    local name = drive.names[which]
    local now = kept[LISTENERS[which]] and cmd:stdio(which)
    if now == "default" and cmd:_daemonizes() then
      return "on_" .. name, "a function",
        "cannot be used with daemonize: nothing is captured"
    end
    if now and not is_captured[now] then
      return "set_" .. name, now, ("on_%s needs %s captured"):format(name, name)
    end
  end
end

-- Starting ------------------------------------------------------------------------

local function source_of(input)
  if type(input) == "function" then return input end
  local i = 0
  return function()
    i = i + 1
    return input[i]
  end
end

local function add_output(driver, process, which, on_line, on_data, tail)
  if not (on_line or on_data or tail) then return end
  if not process:_captured_size(which) then return end
  table.insert(driver.outputs, { which = which, on_line = on_line,
    on_data = on_data, tail = tail, from = 0, scanned = 0, dropped = 0 })
end

--- What a command asks of its driver, beside crlf.
local WISHES = { "input", "on_stdout", "on_stderr", "tee", "tee_passes", "tail" }

--- What is asked of the process of a command that is run now.
---@param cmd noshell.command
---@return table?
function drive.asked(cmd)
  local kept, asked = state.of(cmd), nil
  for i = 1, #WISHES do
    local wish = kept[WISHES[i]]
    if wish ~= nil then
      asked = asked or { crlf = kept.crlf }
      asked[WISHES[i]] = wish
    end
  end
  return asked or kept.crlf and { crlf = true } or nil
end

--- Drives a process that was just started, as is asked.
---@param process noshell.process
---@param asked? table  what drive.asked gave
function drive.attach(process, asked)
  if not asked then return end
  local kept = state.of(process)
  kept.crlf = asked.crlf
  -- A dry run has made one already, and has read the input.
  local driver = kept.driver or { outputs = {}, offset = 1 }
  driver.crlf = asked.crlf
  local tail = asked.tail
  add_output(driver, process, 1, asked.on_stdout, asked.tee,
    asked.tee_passes and 0 or tail)
  add_output(driver, process, 2, asked.on_stderr, nil, tail)
  if asked.input and not kept.driver then
    driver.stdin = process.stdin
    driver.source = source_of(asked.input)
    driver.group = group.new { process }
  end
  if driver.stdin or driver.outputs[1] then kept.driver = driver end
end

-- While it runs ---------------------------------------------------------------------

local function stop_feeding(driver)
  if not driver.stdin then return end
  driver.stdin:close()
  driver.group:close()
  driver.stdin, driver.source, driver.chunk = nil, nil, nil
end

--- How many chunks are written in one step, so that a program that reads without
--- pause lets others have their turn.
local CHUNKS_PER_STEP = 32

local function next_chunk(source)
  local chunk = source()
  if chunk ~= nil and not setters.is_chunk(chunk) then
    error(("input: a string is needed, not %s"):format(failure.shown(chunk)), 0)
  end
  return chunk and tostring(chunk)
end

--- All that such an input gives, up to about `most` bytes; and { err } where it
--- raised err.
---@param input fun(): string?|string[]
---@param most integer
---@return string
---@return table? raised
function drive.drain(input, most)
  local source, pieces, size = source_of(input), {}, 0
  local ok, err = pcall(function()
    repeat
      local chunk = next_chunk(source)
      pieces[#pieces + 1] = chunk
      size = size + #(chunk or "")
    until not chunk or size >= most
  end)
  return table.concat(pieces), not ok and { err } or nil
end

--- Writes what the program can read now. That it reads no more (EPIPE) is its
--- right.
local function feed(driver)
  for _ = 1, CHUNKS_PER_STEP do
    if not driver.chunk then
      driver.chunk, driver.offset = next_chunk(driver.source), 1
      if not driver.chunk then return stop_feeding(driver) end
      if not driver.stdin then return end
    end
    local count = driver.stdin:_write(driver.chunk, driver.offset)
    if not count then return stop_feeding(driver) end
    driver.offset = driver.offset + count
    if driver.offset <= #driver.chunk then return end
    driver.chunk = nil
  end
end

--- The line without its end.
---@param line string
---@param crlf? boolean
---@return string
function drive.chomp(line, crlf)
  local last = #line
  if line:byte(last) == 10 then
    last = last - 1
    if crlf and line:byte(last) == 13 then last = last - 1 end
  end
  return line:sub(1, last)
end

--- Whether the caller's functions are still to be called.
local function is_heard(process, driver)
  return not driver.muted and not process:closed()
end

--- The next line, also the last one that has no end; nil where there is none.
local function next_line(process, output, finished)
  local which = output.which
  local line, size = process:_captured_line(which, output.from, output.scanned)
  if line then return line end
  output.scanned = size
  if finished and size > output.from then
    return process:_captured(which, output.from)
  end
end

local function tell_lines(process, driver, output, finished)
  while is_heard(process, driver) do
    local line = next_line(process, output, finished)
    if not line then return end
    output.from = output.from + #line
    output.on_line(drive.chomp(line, driver.crlf))
  end
end

local function tell_data(process, output)
  local data = process:_captured(output.which, output.from)
  output.from = output.from + #data
  if data ~= "" then output.on_data(data) end
end

--- How much more than asked for is held, so that a byte that is kept moves
--- seldom.
local SLACK = 1024 * 1024

local function drop_old(process, output)
  local size = process:_captured_size(output.which)
  local is_told = output.on_line or output.on_data
  local count = size - output.tail
  if is_told then count = math.min(count, output.from) end
  if count <= 0 or count < math.min(output.tail, SLACK) then return end
  process:_drop_captured(output.which, count)
  output.dropped = output.dropped + count
  output.from = math.max(0, output.from - count)
  output.scanned = math.max(0, output.scanned - count)
end

local function serve(process, driver, finished)
  if driver.stdin and finished then stop_feeding(driver) end
  if driver.stdin then feed(driver) end
  for _, output in ipairs(driver.outputs) do
    if output.on_line then
      tell_lines(process, driver, output, finished)
    elseif output.on_data and is_heard(process, driver) then
      tell_data(process, output)
    end
    if output.tail and not finished and is_heard(process, driver) then
      drop_old(process, output)
    end
  end
end

--- What pump is for a driven process: an error that a function of the caller's
--- raises is kept, and the program is ended.
---@param process noshell.process
---@param driver noshell.driver
---@return boolean? finished
---@return noshell.failure?
function drive.step(process, driver)
  local finished, raw = (driver.pump or pump)(process)
  if raw or driver.busy or driver.muted then return finished, raw end
  driver.busy = true
  -- Limit: on Lua 5.1 nothing can yield through pcall, so not in these functions.
  local ok, err = pcall(serve, process, driver, finished)
  driver.busy = false
  if ok and process:closed() then
    return nil, { code = "closed", reason = "it was closed meanwhile" }
  end
  if ok then return finished end
  driver.raised = { err }
  drive.mute(driver)
  if process:closed() then return true end
  processes.terminate(process)
  return (pump(process))
end

--- Calls the caller's functions no more.
---@param driver noshell.driver
function drive.mute(driver)
  if driver.note then driver.note() end
  driver.muted = true
  stop_feeding(driver)
end

--- The result, with what is kept of its output.
---@param process noshell.process
---@return table
function drive.result(process)
  local fields, driver = result(process), state.of(process).driver
  for i = 1, driver and #driver.outputs or 0 do
    local output = driver.outputs[i]
    local name = output.which == 1 and "stdout" or "stderr"
    local kept = fields[name]
    if output.tail == 0 and output.on_data then
      fields[name] = nil
    elseif output.tail then
      local last = kept:sub(math.max(1, #kept - output.tail + 1))
      fields[name] = last
      fields[name .. "_dropped"] = output.dropped + #kept - #last
    end
  end
  return fields
end

return drive
