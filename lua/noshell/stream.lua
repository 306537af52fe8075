--- Reading and writing streams: the parent's ends of a child's pipes, with the methods
--- of Lua files. While they wait, the process is served, so that a program that fills
--- another captured pipe does not block.

local core = require "noshell.core"
local drive = require "noshell.drive"
local failure = require "noshell.failure"
local host = require "noshell.host"
local coroutines = require "noshell.host.coroutines"
local group = require "noshell.group"
local keep = require "noshell.keep"
local misuse = require "noshell.misuse"
require "noshell.process"
local results = require "noshell.result"
local scope = require "noshell.scope"
local state = require "noshell.state"
local wait = require "noshell.wait"

---@class noshell.stream
local methods = core.methods.stream
local class = core.metatables.stream

local stream = {}

-- A cache that saves a call into C for each access; weak, as in noshell.state.
local process_of = setmetatable({}, { __mode = "kv" })

--- Returns the process that owns the stream.
---@return noshell.process
function methods:process()
  local process = process_of[self]
  if process then return process end
  process = self:_process()
  process_of[self] = process
  return process
end

--- Explains the errno of a pipe that is used in the wrong direction.
local function explain(self, raw)
  local is_input = self == self:process().stdin
  if is_input and raw.stage == "read" then
    raw.reason = "stdin is for writing: read from process.stdout"
  elseif not is_input and raw.stage == "write" then
    raw.reason = "this stream is for reading: write to process.stdin"
  end
end

local function fail(self, raw)
  if raw.errname == "EBADF" then explain(self, raw) end
  return nil, failure.new(raw, self:process().command, raw.result)
end

--- Returns the object to serve while waiting: the process, or its pipeline.
---@return noshell.process|noshell.pipeline_process
function methods:_owner()
  return self:process():_owner()
end

--- Returns the time at which reading from a finished program stops even if a descendant
--- holds the pipe, and the timeout in seconds.
local function deadline_of(self)
  local common, limit = self:_owner():_deadline()
  local own, seconds = self:process():_deadline()
  if own and not (common and common < own) then return own, seconds end
  return common, limit
end

--- Makes the failure of reading beyond that time.
local function held_failure(self)
  local result, name = {}, self == self:process().stderr and "stderr" or "stdout"
  for key, value in pairs(self:_owner():_result()) do result[key] = value end
  result.ok, result.timed_out, result.held = false, true, { name }
  result.timed_out_after = select(2, deadline_of(self))
  return { code = "timeout", result = results.new(result) }
end

--- Serves the program. Returns whether to stop waiting for other holders of the pipe:
--- the program was ended by its deadline, or because a user callback raised an error.
--- Returns nil, failure if reading fails. The third value is true if the program has
--- ended.
local function is_over(self)
  local owner = self:_owner()
  local finished, raw = owner:_step()
  if raw then return nil, raw end
  if not finished then return false end
  if owner:_raised() then return true end
  local _, err = owner:_outcome()
  if err and err.code == "timeout" then return true end
  local deadline = deadline_of(self)
  if deadline and core.now() >= deadline then return nil, held_failure(self) end
  return false, nil, true
end

--- The maximum number of reads until the program is served, so that its deadline also
--- ends a program that writes continuously; lines that C has in its buffer do not count.
--- A prime number: if several streams are read in turn, each of them is then served.
local PATIENCE = 31
local reads = 0

local function try_to_read(self, separator, max)
  reads = reads + 1
  if reads >= PATIENCE then
    reads = 0
    self:_owner():_step()
  end
  local some, why = self:_read(separator, max)
  if some ~= false then return some, why end
  local over, raw, finished = is_over(self)
  if not over and not finished then return over, raw end
  some, why = self:_read(separator, max)
  -- A dry run writes everything when it ends, and no descriptor becomes readable.
  if not over then return some, why end
  -- Limit: an incomplete last line is then lost.
  return some or nil, why
end

local function await(self, separator, max)
  return wait.await(self, function()
    return try_to_read(self, separator, max)
  end)
end

--- Reads for an iterator: reads available data directly, and waits inside its scope.
local function take_guarded(self, calls, separator, max)
  if reads + 1 < PATIENCE then
    local data, raw = self:_read(separator, max)
    reads = reads + 1
    if data ~= false then return data, raw end
  end
  return scope.enter(calls, await, self, separator, max)
end

--- Returns the bytes up to `separator` (nil: none), `max` bytes, or the rest; nil at the
--- end; nil, failure.
local function take_step(self, separator, max)
  local calls = state.of(self:process()).calls
  if calls then return take_guarded(self, calls, separator, max) end
  local data, raw = try_to_read(self, separator, max)
  if data ~= false then return data, raw end
  return await(self, separator, max)
end

--- The maximum number of bytes that are read in one step.
local STEP = 65536

--- Makes the failure of a line or record that is longer than max_output.
local function too_long(self, most)
  return { code = "output_limit", reason = ("a line or record on %s is longer than "
    .. "the %d bytes that max_output allows"):format(
    self == self:process().stderr and "stderr" or "stdout", most) }
end

--- True if these bytes are all that was requested.
local function is_whole(piece, size, separator, max)
  return not piece or size == max
    or (separator ~= nil and piece:sub(-1) == separator)
end

--- Reads on after `first`, and returns everything including `first`.
local function take_rest(self, first, separator, max)
  local pieces, size = { first }, #first
  local most = separator and not max and self:process():_max_output() or math.huge
  local piece, raw
  repeat
    piece, raw = take_step(self, separator, max and math.min(max - size, STEP) or STEP)
    if raw then return nil, raw end
    pieces[#pieces + 1] = piece
    size = size + #(piece or "")
    if size > most then return nil, too_long(self, most) end
  until is_whole(piece, size, separator, max)
  return table.concat(pieces)
end

--- Returns the bytes up to `separator` (nil: none), `max` bytes, or the rest, read in
--- steps of a bounded size; nil at the end; nil, err.
local function next_bytes(self, separator, max)
  local data, raw = take_step(self, separator, max and math.min(max, STEP) or STEP)
  if data and not is_whole(data, #data, separator, max) then
    data, raw = take_rest(self, data, separator, max)
  end
  if raw then return fail(self, raw) end
  return data
end

-- Reading ---------------------------------------------------------------------

local readers = {}

function readers.l(self)
  local line, err = next_bytes(self, "\n")
  return line and drive.chomp(line, state.of(self:process()).crlf), err
end

function readers.L(self)
  return next_bytes(self, "\n")
end

function readers.a(self)
  local data, err = next_bytes(self)
  if err then return nil, err end
  return data or ""
end

local function read_count(self, count)
  if count > 0 then return next_bytes(self, nil, count) end
  local byte, err = next_bytes(self, nil, 1)
  if byte then self:_unread() end
  return byte and "", err
end

--- Checks the formats before anything is read. An error names `method` and the caller's
--- line.
local function check_formats(method, formats)
  for i = 1, formats.n do
    local format = formats[i]
    local name = type(format) == "string" and format:match("^%*?(%a)")
    local is_count = type(format) == "number" and format >= 0
      and format % 1 == 0
    if not readers[name] and not is_count then
      local reason = name == "n" and "numbers are not parsed: read a line"
        or "invalid format"
      misuse.raise("bad argument #%d to '%s' (%s)", i, method, reason)
    end
    formats[i] = is_count and format or name
  end
end

local function read_format(self, format)
  if type(format) == "number" then return read_count(self, format) end
  return readers[format](self)
end

local function packed(...)
  if select("#", ...) == 0 then return { n = 1, "l" } end
  return { n = select("#", ...), ... }
end

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function read_all(self, formats)
  local values = {}
  for i = 1, formats.n do
    local value, err = read_format(self, formats[i])
    if err then return nil, err end
    values[i] = value
    if value == nil then return unpack(values, 1, i) end
  end
  return unpack(values, 1, formats.n)
end

local function prepared(method, ...)
  local formats = packed(...)
  check_formats(method, formats)
  return formats
end

local function read(self, ...)
  misuse.check_self(self, class, "read")
  local formats = prepared("read", ...)
  return keep(read_all(self, formats))
end

local read_in_c = core.reader(core.yields_through_c and read)

local function read_in_turn(self, ...)
  local line = read_in_c(self, ...)
  if line then return line end
  return keep(read(self, ...))
end

--- Reads by formats, as a file does: "l" (default: a line without its end), "L" (with
--- its end), "a" (the rest), or a number of bytes. Returns nil at the end; nil, err if
--- reading fails. A line that is longer than max_output is an error with the code
--- "output_limit"; the next read continues after the bytes read so far.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return string? ...
methods.read = core.yields_through_c and read_in_c or read_in_turn

-- Iterators -------------------------------------------------------------------

--- A kind of items of a stream.
---@class noshell.items
---@field read fun(self: noshell.stream): string?, noshell.error?  reads one
---@field separator? string    nil if C cannot find the end of an item
---@field is_line? boolean     the end may be CR LF
---@field keeps_end? boolean   an item includes its end

---@type table<string, noshell.items>
local lines = {
  l = { read = readers.l, separator = "\n", is_line = true, keeps_end = false },
  L = { read = readers.L, separator = "\n", is_line = true, keeps_end = true },
}

local take_item = core.take_item

--- Returns an iterator that calls `more` only for items that are not buffered, and at the
--- end.
---
--- Limit: on Lua 5.1, an iterator that was made while the host waits in place cannot yield
--- later.
---@param self noshell.stream
---@param items noshell.items
---@param more fun(): string?
---@return fun(): string?
function stream.iterate(self, items, more)
  local separator, is_line, keeps_end = items.separator, items.is_line, items.keeps_end
  if not separator then return more end
  if core.yields_through_c or (coroutines.is_51 and host.waits_in_place()) then
    return self:_items(separator, is_line, keeps_end, more)
  end
  -- LuaJIT's traces keep a C closure that they call, and an upvalue that is never
  -- assigned: with either, the stream of an abandoned loop would not be collected.
  local source = self:_source(separator, is_line, keeps_end)
  return function()
    -- No tail call: on Lua 5.1 that would hide that a generic `for` called this.
    local item = take_item(source) or more()
    if item == nil then source = nil end
    return item
  end
end

local function check(first, ...)
  local err = ...
  if first == nil and err ~= nil then error(err, 0) end
  return first, ...
end

--- Returns the kind of items of a format: lines, or the values of `stream:read(format)`.
---@param format? "l"|"L"
---@return noshell.items
function stream.items_of(format)
  return lines[format or "l"] or { read = function(self) return self:read(format) end }
end

--- Returns an iterator over the values of read(...). It raises an error if reading
--- fails.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return fun(): string?, ...
function methods:lines(...)
  misuse.check_self(self, class, "lines")
  local formats = prepared("lines", ...)
  local function more() return check(read_all(self, formats)) end
  local items = formats.n == 1 and lines[formats[1]]
  return items and stream.iterate(self, items, more) or more
end

--- Reads a record up to `separator` and returns it without the separator; nil at the
--- end; nil, err.
local function read_record(self, separator)
  local last, size = separator:sub(-1), #separator
  local pieces, tail, length = {}, "", 0
  local most = self:process():_max_output()
  repeat
    local piece, err = next_bytes(self, last)
    if err then return nil, err end
    pieces[#pieces + 1] = piece
    length = length + #(piece or "")
    if length > most then return fail(self, too_long(self, most)) end
    tail = (tail .. (piece or "")):sub(-size)
  until tail == separator or not piece
  if not pieces[1] then return nil end
  local record = table.concat(pieces)
  return tail == separator and record:sub(1, -size - 1) or record
end

--- Returns the kind of items for records that end with `separator`, which they do not
--- include. Raises an error at the caller's caller for a wrong separator.
---@param separator string
---@return noshell.items
function stream.records_of(separator)
  if type(separator) ~= "string" or separator == "" then
    misuse.raise("records: a separator such as \"\\0\" is needed, not %s",
      failure.shown(separator))
  end
  return { separator = separator, is_line = false, keeps_end = false,
    read = function(self) return read_record(self, separator) end }
end

--- Returns an iterator over records that end with `separator`, such as "\0". It raises
--- an error if reading fails.
---@param separator string
---@return fun(): string?
function methods:records(separator)
  misuse.check_self(self, class, "records")
  local items = stream.records_of(separator)
  return stream.iterate(self, items, function() return check(items.read(self)) end)
end

-- Writing ---------------------------------------------------------------------

local function write_all(self, data)
  local from = 1
  local _, raw = wait.await(self, function()
    while from <= #data do
      local count, why = self:_write(data, from)
      if not count then return nil, why end
      if count == 0 then
        local _, reason = self:_owner():_step()
        if reason then return nil, reason end
        return false
      end
      from = from + count
    end
    return true
  end)
  return raw
end

--- Writes strings and numbers of any size. Returns the stream, or nil, err; err.errname
--- is "EPIPE" if the program has stopped reading.
---@param ... string|number
---@return noshell.stream?
---@return noshell.error?
function methods:write(...)
  misuse.check_self(self, class, "write")
  for i = 1, select("#", ...) do
    local data = select(i, ...)
    if type(data) ~= "string" and type(data) ~= "number" then
      misuse.raise("write: argument %d must be a string or a number, not %s", i,
        failure.shown(data))
    end
    local raw = write_all(self, tostring(data))
    if raw then return keep(fail(self, raw)) end
  end
  return self
end

--- Does nothing: writes are not buffered.
---@return noshell.stream
function methods:flush()
  misuse.check_self(self, class, "flush")
  return self
end

-- Waiting ---------------------------------------------------------------------

--- Returns the group of the stream and its process or pipeline, if C alone cannot wait
--- for both.
---@return noshell.group?
function methods:_group()
  local served = self:process()
  local kept = state.of(served)
  if not (kept.owner or kept.driver) then return nil end
  kept.groups = kept.groups or {}
  kept.groups[self] = kept.groups[self] or group.new { kept.owner or served, self }
  return kept.groups[self]
end

---@param list noshell.watch_list
function methods:_collect(list)
  local fd = self:fileno()
  if not fd then return end
  local is_input = self == self:process().stdin
  list[#list + 1], list[#list + 2] = fd, is_input and "w" or "r"
end

local pollfd, events = methods._pollfd, methods._events

--- Returns a descriptor that is ready if the stream can be retried, or its process must
--- be pumped.
---@return integer?
---@return noshell.failure?
function methods:pollfd()
  local several = self:_group()
  if several then return several:pollfd() end
  return pollfd(self)
end

--- Returns the events to wait for on pollfd; nil to wait for the timeout only.
---@return "r"|"w"|nil
---@return noshell.failure?
function methods:events()
  if self:_group() then return "r" end
  return events(self)
end

--- Returns the seconds after which to retry without an event; nil for no limit.
---@return number?
---@return noshell.failure?
function methods:timeout()
  local seconds, raw = self:_owner():timeout()
  if seconds or raw then return seconds, raw end
  -- A finished process has a deadline, but no timeout.
  local deadline = deadline_of(self)
  return deadline and math.max(0, deadline - core.now())
end

--- Pumps the process or pipeline of the stream.
---@return boolean? finished
---@return noshell.failure?
function methods:pump()
  return keep(self:_owner():pump())
end

--- Closes our end: the program reads the end of its input, or gets SIGPIPE when it
--- writes. May be called twice.
---@return true
function methods:close()
  misuse.check_self(self, class, "close")
  local groups = state.of(self:process()).groups
  if groups and groups[self] then
    groups[self]:close()
    groups[self] = nil
  end
  if not self:closed() then
    self:_close()
    host.wake(self)
  end
  return true
end

core.metatables.stream.__close = methods.close

return stream
