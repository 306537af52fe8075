--- Drives the user callbacks of a running program: makes input as the program reads
--- it, passes lines on as they arrive, and keeps only the end of a long output.

local core = require "noshell.core"
local failure = require "noshell.failure"
local group = require "noshell.group"
local host = require "noshell.host"
local setters = require "noshell.command_streams"
local state = require "noshell.state"

---@class noshell.process
local processes = core.methods.process

local pump, result = processes._pump, processes.result

--- The driver of one process.
---@class noshell.driver
---@field outputs noshell.output[]
---@field stdin? noshell.stream   the stream that input is written to
---@field source? fun(): string?  returns the next chunk of input
---@field group? noshell.group    process and stdin, to wait for both
---@field chunk? string           the last chunk
---@field offset integer          its first byte that is not written yet
---@field raised? table           { err }: the error of a user callback
---@field busy? boolean           a user callback is running
---@field muted? boolean          user callbacks are no longer called
---@field pump? fun(process: noshell.process): boolean?, noshell.failure?  of a dry run
---@field note? fun()              of a dry run: called before it is ended

--- One captured stream.
---@class noshell.output
---@field which 1|2
---@field ears noshell.ear[]
---@field is_kept boolean   it is part of the result; false for a list without "capture"
---@field tail? integer     the number of bytes to keep; default: all
---@field dropped integer   the number of bytes that are no longer kept

--- A callback of a captured stream. It has exactly one of the three functions.
---@class noshell.ear
---@field which 1|2
---@field on_line? fun(line: string)
---@field on_piece? fun(piece: string)  pieces that end with one of the separators
---@field on_data? fun(data: string)
---@field separators? string[]
---@field longest? integer  the length of the longest separator
---@field from integer      the number of kept bytes that the callback has received
---@field scanned integer   the bytes between `from` and `scanned` contain no newline

local drive = {}

--- The core's pump, on which process:pump is built.
drive.pump = pump

--- The standard streams' names, by their descriptors.
drive.names = { [0] = "stdin", "stdout", "stderr" }

--- Returns how a standard stream is directed; "input" if a driver writes it.
---@param cmd noshell.command
---@param which 0|1|2
---@return string
function drive.stdio(cmd, which)
  local is_made = which == 0 and state.of(cmd).input
  return is_made and "input" or cmd:stdio(which)
end

--- Returns the first standard stream that is directed to a pipe for the caller.
---@param cmd noshell.command
---@return 0|1|2|nil
function drive.find_pipe(cmd)
  -- C does not distinguish a pipe that a driver writes from a pipe for the caller.
  return cmd:_find_pipe(state.of(cmd).input and 1 or 0)
end

--- Returns true if a stream with this target is part of the result.
---@param cmd noshell.command
---@param which 1|2
---@param way string  its stdio(which)
---@return boolean
function drive.is_captured(cmd, which, way)
  return way == "default" or way == "capture" or (way == "list" and cmd:_list_captures(which))
end

--- The fields of a command's state that hold the callbacks for lines.
local LISTENERS = { "on_stdout", "on_stderr" }

--- Returns a conflict of the callbacks with other setters: setter, value, reason.
---@param cmd noshell.command
function drive.find_conflict(cmd)
  local kept = state.of(cmd)
  if next(kept) == nil then return nil end
  for which = 1, 2 do
    local name = drive.names[which]
    local now = kept[LISTENERS[which]] and cmd:stdio(which)
    if now == "default" and cmd:_daemonizes() then
      return "on_" .. name, "a function",
        "cannot be used with daemonize: nothing is captured"
    end
    if now == "default" and which == 2 and cmd:_has_pty()
      and cmd:stdio(1) == "default" then
      return "on_stderr", "a function", "stderr is on the terminal: use on_stdout"
    end
    if now and not drive.is_captured(cmd, which, now) then
      return "set_" .. name, now, ("on_%s needs %s captured"):format(name, name)
        .. (now == "list" and ': add "capture" to the list, or the function itself' or "")
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

local function ear_of(which, listener)
  local ear = { which = which, from = 0, scanned = 0 }
  if listener.by_chunk then
    ear.on_data = listener.f
  elseif listener.separators then
    ear.on_piece = listener.f
    ear.separators, ear.longest = listener.separators, listener.longest
  else
    ear.on_line = listener.f
  end
  return ear
end

--- Adds a captured stream if it has callbacks or a tail. `listeners`: from its list of
--- targets; nil if it has no list.
local function add_output(driver, process, which, listener, listeners, tail)
  if not process:_captured_size(which) then return end
  local output = { which = which, ears = {}, tail = tail, dropped = 0,
    is_kept = not listeners or listeners.captures }
  if listener then output.ears[1] = ear_of(which, listener) end
  for i = 1, listeners and #listeners or 0 do
    table.insert(output.ears, ear_of(which, listeners[i]))
  end
  -- Bytes that are not part of the result are dropped once all functions have received them.
  if not output.is_kept then output.tail = 0 end
  if output.ears[1] or output.tail then table.insert(driver.outputs, output) end
end

--- The fields of a command's state that need a driver.
local WISHES = { "input", "on_stdout", "on_stderr", "tail" }

--- Returns a copy of the functions in a list of targets, and whether the list captures; nil if
--- there is no list.
local function listeners_of(cmd, which)
  local found = setters.list_listeners(cmd, which)
  if not found then return nil end
  local copy = { captures = cmd:_list_captures(which) }
  for i = 1, #found do copy[i] = found[i] end
  return copy
end

--- Returns a copy of those fields of a command, and of crlf; nil if none is set.
---@param cmd noshell.command
---@return table?
function drive.asked(cmd)
  local kept, asked = state.of(cmd), nil
  if next(kept) == nil then return nil end
  for i = 1, #WISHES do
    local wish = kept[WISHES[i]]
    if wish ~= nil then
      asked = asked or {}
      asked[WISHES[i]] = wish
    end
  end
  if kept.lists then
    asked = asked or {}
    asked.lists = { listeners_of(cmd, 1) or false, listeners_of(cmd, 2) or false }
  end
  if not kept.crlf then return asked end
  asked = asked or {}
  asked.crlf = true
  return asked
end

--- Attaches a driver to a process that was just started, if it needs one.
---@param process noshell.process
---@param asked? table  the result of drive.asked
function drive.attach(process, asked)
  if not asked then return end
  local kept = state.of(process)
  kept.crlf = asked.crlf
  if asked.crlf then process:_use_crlf() end
  -- A dry run has attached a driver already, and has read the input.
  local driver = kept.driver or { outputs = {}, offset = 1 }
  local tail, of_lists = asked.tail, asked.lists or {}
  add_output(driver, process, 1, asked.on_stdout, of_lists[1] or nil, tail)
  add_output(driver, process, 2, asked.on_stderr, of_lists[2] or nil, tail)
  if asked.input and not kept.driver then
    driver.stdin = process.stdin
    driver.source = source_of(asked.input)
    driver.group = group.new { process }
  end
  -- From now on process.stdin does not exist: only the driver writes to it.
  kept.is_fed = asked.input ~= nil
  if driver.stdin or driver.outputs[1] then kept.driver = driver end
end

-- While it runs ---------------------------------------------------------------------

local function stop_feeding(driver)
  if not driver.stdin then return end
  driver.stdin:close()
  driver.group:close()
  driver.stdin, driver.source, driver.chunk = nil, nil, nil
end

--- The maximum number of chunks in one step, so that a program that reads continuously
--- does not keep others from being served.
local CHUNKS_PER_STEP = 32

--- Calls a user callback of a process.
local function call(process, f, ...)
  local programs = state.of(process).started_in
  if not programs then return f(...) end
  return host.guard(programs, f, ...)
end

local function next_chunk(source, process)
  local chunk
  if process then chunk = call(process, source) else chunk = source() end
  if chunk ~= nil and not setters.is_chunk(chunk) then
    error(("input: a string is needed, not %s"):format(failure.shown(chunk)), 0)
  end
  return chunk and tostring(chunk)
end

--- Reads an input to its end, but about `most` bytes at most. Also returns { err } if
--- the input function raised err.
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

--- Writes as much as the program reads now. EPIPE is not an error: a program may stop
--- reading.
local function feed(process, driver)
  for _ = 1, CHUNKS_PER_STEP do
    if not driver.chunk then
      driver.chunk, driver.offset = next_chunk(driver.source, process), 1
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

--- Returns the line without its end.
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

--- True if user callbacks may still be called.
local function is_heard(process, driver)
  return not driver.muted and not process:closed()
end

--- Calls the callback with the last piece if no separator ends it.
local function tell_rest(process, ear)
  local rest = process:_captured(ear.which, ear.from)
  ear.from = ear.from + #rest
  if rest ~= "" then call(process, ear.on_line or ear.on_piece, rest) end
end

local function tell_batch(driver, on_line, lines, count)
  for i = 1, count do
    if driver.muted then return end
    on_line(lines[i])
  end
end

local function tell_lines(process, driver, ear, finished)
  local lines, count = {}
  while is_heard(process, driver) do
    count, ear.from, ear.scanned = process:_captured_lines(ear.which,
      ear.from, ear.scanned, lines)
    if count > 0 then
      call(process, tell_batch, driver, ear.on_line, lines, count)
    else
      if finished then tell_rest(process, ear) end
      return
    end
  end
end

--- Returns the first separator in the data from byte `at` on: its position and itself. Of
--- several at one position, the longest counts. `nexts` keeps where each separator was
--- found, so that the bytes are not searched for it again for each piece.
local function find_separator(separators, nexts, data, at)
  local first, found = math.huge, nil
  for i = 1, #separators do
    local separator = separators[i]
    if (nexts[i] or 0) < at then
      nexts[i] = data:find(separator, at, true) or math.huge
    end
    local is_longer = nexts[i] == first and found and #separator > #found
    if nexts[i] < first or is_longer then first, found = nexts[i], separator end
  end
  return first, found
end

--- True if the separator, at the end of what has arrived, may begin a longer one.
local function may_be_longer(separators, found)
  for i = 1, #separators do
    if #separators[i] > #found and separators[i]:sub(1, #found) == found then return true end
  end
  return false
end

--- Splits data that begin at offset `start`. The piece that is being received begins at
--- ear.from, which is not after `start`.
local function tell_split(process, driver, ear, start, finished)
  local data, nexts = process:_captured(ear.which, start), {}
  local at = math.max(1, ear.from - start + 1)
  ear.scanned = start + #data
  while is_heard(process, driver) do
    local position, found = find_separator(ear.separators, nexts, data, at)
    if not found then break end
    local past = position + #found
    if past > #data and not finished and may_be_longer(ear.separators, found) then
      ear.scanned = start + position - 1
      break
    end
    local piece = ear.from >= start and data:sub(ear.from - start + 1, position - 1)
      or process:_captured(ear.which, ear.from, start + position - 1)
    ear.from, at = start + past - 1, past
    call(process, ear.on_piece, piece)
  end
end

--- Calls on_piece for the pieces that have arrived. Looks again only at the bytes in which
--- a separator may have begun.
local function tell_pieces(process, driver, ear, finished)
  local start = math.max(ear.from, ear.scanned - ear.longest + 1)
  tell_split(process, driver, ear, start, finished)
  if finished and is_heard(process, driver) then tell_rest(process, ear) end
end

local function tell_data(process, ear)
  local data = process:_captured(ear.which, ear.from)
  ear.from = ear.from + #data
  if data ~= "" then call(process, ear.on_data, data) end
end

--- The number of bytes held beyond `tail`, so that kept bytes are seldom moved.
local SLACK = 1024 * 1024

local function drop_old(process, output)
  local size, ears = process:_captured_size(output.which), output.ears
  local count = size - output.tail
  for i = 1, #ears do count = math.min(count, ears[i].from) end
  if count <= 0 or count < math.min(output.tail, SLACK) then return end
  process:_drop_captured(output.which, count)
  output.dropped = output.dropped + count
  for i = 1, #ears do
    local ear = ears[i]
    ear.from, ear.scanned = math.max(0, ear.from - count), math.max(0, ear.scanned - count)
  end
end

local function tell(process, driver, ear, finished)
  if ear.on_line then
    tell_lines(process, driver, ear, finished)
  elseif ear.on_piece then
    tell_pieces(process, driver, ear, finished)
  elseif is_heard(process, driver) then
    tell_data(process, ear)
  end
end

local function serve(process, driver, finished)
  if driver.stdin and finished then stop_feeding(driver) end
  if driver.stdin then feed(process, driver) end
  for _, output in ipairs(driver.outputs) do
    for i = 1, #output.ears do tell(process, driver, output.ears[i], finished) end
    if output.tail and not finished and is_heard(process, driver) then
      drop_old(process, output)
    end
  end
end

--- Pumps a process with a driver. If a user callback raises an error, keeps the error
--- and ends the program.
---@param process noshell.process
---@param driver noshell.driver
---@return boolean? finished
---@return noshell.failure?
function drive.step(process, driver)
  local finished, raw = (driver.pump or pump)(process)
  if raw or driver.busy or driver.muted then return finished, raw end
  driver.busy = true
  -- Limit: on Lua 5.1, which cannot yield across pcall, callbacks must not yield.
  local ok, err = pcall(serve, process, driver, finished)
  driver.busy = false
  if ok and process:closed() then
    return nil, { code = "closed", reason = "it was closed meanwhile" }
  end
  if ok then
    -- A callback that waits for the process, or ends it, gets its end, of which no
    -- descriptor informs a second time.
    if finished == false and result(process) then return drive.step(process, driver) end
    return finished
  end
  driver.raised = { err }
  drive.mute(driver)
  if process:closed() then return true end
  process:terminate()
  return (pump(process))
end

--- Stops calling user callbacks.
---@param driver noshell.driver
function drive.mute(driver)
  if driver.note then driver.note() end
  driver.muted = true
  stop_feeding(driver)
end

--- Returns true if a stream is captured for the result.
---@param process noshell.process
---@param which 1|2
---@return boolean
function drive.keeps(process, which)
  local driver = state.of(process).driver
  for i = 1, driver and #driver.outputs or 0 do
    local output = driver.outputs[i]
    if output.which == which and not output.is_kept then return false end
  end
  return process:_captured_size(which) ~= nil
end

--- Returns the kept part of what was captured so far.
---@param process noshell.process
---@param which 1|2
---@return string
function drive.captured(process, which)
  local driver = state.of(process).driver
  for i = 1, driver and #driver.outputs or 0 do
    local output = driver.outputs[i]
    if output.which == which and output.tail then
      local size = process:_captured_size(which)
      return process:_captured(which, math.max(0, size - output.tail))
    end
  end
  return process:_captured(which)
end

--- Returns the result, with the kept part of the output.
---@param process noshell.process
---@return table
function drive.result(process)
  local fields, driver = result(process), state.of(process).driver
  for i = 1, driver and #driver.outputs or 0 do
    local output = driver.outputs[i]
    local name = output.which == 1 and "stdout" or "stderr"
    local kept = fields[name]
    if not output.is_kept then
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
