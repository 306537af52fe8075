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
local limits = require "noshell.limits"
local misuse = require "noshell.misuse"
require "noshell.process"
local results = require "noshell.result"
local scope = require "noshell.scope"
local search = require "noshell.search"
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
  local is_input, name = self:_writes(), self:_name()
  local other = is_input and "read" or "write"
  if is_input and raw.stage == "read" then
    raw.reason = name .. " is for writing"
    if name == "stdin" then raw.reason = raw.reason .. ": read from process.stdout" end
  elseif not is_input and raw.stage == "write" then
    raw.reason = name:find "^pipes" and name .. " is for reading"
      or "this stream is for reading: write to process.stdin"
  end
  if raw.reason and name:find "^pipes" then
    raw.reason = ('%s: it would be pipes = { %s = "%s" }'):format(raw.reason, name:match "%b[]",
      other)
  end
end

local function fail(self, raw)
  if raw.errname == "EBADF" then explain(self, raw) end
  raw.machine = self:process():_machine()
  return nil, failure.new(raw, self:process().command, raw.result)
end

--- Returns the object to serve while waiting: the process, or its pipeline.
---@return noshell.process|noshell.pipeline_process
---@private
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
  local result, name = {}, limits.name_of(self)
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
  -- The outcome is not made here: its error would have this line of the script.
  if owner:_has_timed_out() then return true end
  local deadline = deadline_of(self)
  if deadline and core.now() >= deadline then return nil, held_failure(self) end
  return false, nil, true
end

--- The maximum number of reads until the program is served, so that its deadline also
--- ends a program that writes continuously; lines that C has in its buffer do not count.
--- A prime number: if several streams are read in turn, each of them is then served.
local PATIENCE = 31
local reads = 0

--- Reads with look(self, a, b), which returns false if it has to wait, nil at the end.
local function try_to_read(self, look, a, b)
  reads = reads + 1
  if reads >= PATIENCE then
    reads = 0
    self:_owner():_step()
  end
  local some, why = look(self, a, b)
  if some ~= false then return some, why end
  local over, raw, finished = is_over(self)
  if not over and not finished then return over, raw end
  some, why = look(self, a, b)
  -- A dry run writes everything when it ends, and no descriptor becomes readable.
  if not over then return some, why end
  -- Limit: an incomplete last line is then lost.
  return some or nil, why
end

local function await(self, limit, look, a, b)
  local some, raw = wait.await(self, function()
    return try_to_read(self, look, a, b)
  end, limit and limit.deadline)
  if some == false then return nil, limits.failure(limit, self, "read") end
  return some, raw
end

--- Reads for an iterator: reads available data directly, and waits inside its scope.
local function take_guarded(self, calls, limit, look, a, b)
  if reads + 1 < PATIENCE then
    local data, raw = look(self, a, b)
    reads = reads + 1
    if data ~= false then return data, raw end
  end
  return scope.enter(calls, await, self, limit, look, a, b)
end

--- Returns the value of look(self, a, b), and waits for it within the limit.
---@param self noshell.stream
---@param limit? noshell.limit
---@param look fun(self: noshell.stream, a: any, b: any): any, noshell.failure?
local function take_step(self, limit, look, a, b)
  local calls = state.of(self:process()).calls
  if calls then return take_guarded(self, calls, limit, look, a, b) end
  local data, raw = try_to_read(self, look, a, b)
  if data ~= false then return data, raw end
  return await(self, limit, look, a, b)
end

--- Returns the bytes up to `separator` (nil: none), `max` bytes, or the rest; nil at the
--- end; nil, failure.
local read_piece = methods._read

--- The maximum number of bytes that are read in one step.
local STEP = 65536

--- Makes the failure of a line or record that is longer than max_output.
local function too_long(self, most)
  return { code = "output_limit", reason = ("a line or record on %s is longer than "
    .. "the %d bytes that max_output allows"):format(
    limits.name_of(self), most) }
end

--- True if these bytes are all that was requested.
local function is_whole(piece, size, separator, max)
  return not piece or size == max
    or (separator ~= nil and piece:sub(-1) == separator)
end

--- Reads on after `first`, and returns everything including `first`.
local function take_rest(self, limit, first, separator, max)
  local pieces, size = { first }, #first
  local most = separator and not max and self:process():_max_output() or math.huge
  local piece, raw
  repeat
    if limits.is_over(limit) then
      piece, raw = nil, limits.failure(limit, self, "read")
    else
      piece, raw = take_step(self, limit, read_piece, separator,
        max and math.min(max - size, STEP) or STEP)
    end
    if raw then
      limits.note(limit, table.concat(pieces))
      return nil, raw
    end
    pieces[#pieces + 1] = piece
    size = size + #(piece or "")
    if size > most then return nil, too_long(self, most) end
  until is_whole(piece, size, separator, max)
  return table.concat(pieces)
end

--- Returns the bytes up to `separator` (nil: none), `max` bytes, or the rest, read in
--- steps of a bounded size; nil at the end; nil, err.
local function next_bytes(self, limit, separator, max)
  local data, raw = take_step(self, limit, read_piece, separator,
    max and math.min(max, STEP) or STEP)
  if data and not is_whole(data, #data, separator, max) then
    data, raw = take_rest(self, limit, data, separator, max)
  end
  if raw then return fail(self, raw) end
  limits.note(limit, data)
  return data
end

-- Reading ---------------------------------------------------------------------

local readers = {}

function readers.l(self, limit)
  local line, err = next_bytes(self, limit, "\n")
  return line and drive.chomp(line, state.of(self:process()).crlf), err
end

function readers.L(self, limit)
  return next_bytes(self, limit, "\n")
end

function readers.a(self, limit)
  local data, err = next_bytes(self, limit)
  if err then return nil, err end
  return data or ""
end

local function read_count(self, limit, count)
  if count > 0 then return next_bytes(self, limit, nil, count) end
  local byte, err = next_bytes(self, limit, nil, 1)
  if byte then
    self:_unread()
    limits.forget(limit)
  end
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

local function read_format(self, limit, format)
  if type(format) == "number" then return read_count(self, limit, format) end
  return readers[format](self, limit)
end

local function packed(...)
  if select("#", ...) == 0 then return { n = 1, "l" } end
  return { n = select("#", ...), ... }
end

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function read_all(self, formats)
  local values, limit = {}, limits.of(self)
  for i = 1, formats.n do
    local value, err = read_format(self, limit, formats[i])
    if err then return nil, limits.give_back(limit, self, err) end
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
--- "output_limit"; the next read continues after the bytes read so far. See set_timeout
--- for reads that must not wait forever.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return string? ...
methods.read = core.yields_through_c and read_in_c or read_in_turn

-- Dialogues -------------------------------------------------------------------

local function look_for_some(self, max)
  local size = self:_buffered()
  if size == 0 then
    local arrived, raw = self:_fill()
    size = self:_buffered()
    if size == 0 then return arrived, raw end
  end
  return self:_read(nil, math.min(size, max))
end

--- Reads what has arrived, at most `max` bytes, by default 64 KiB. Waits only if nothing
--- has arrived. Returns nil at the end; nil, err if reading fails.
---@param max? integer
---@return string?
---@return noshell.error?
function methods:read_some(max)
  misuse.check_self(self, class, "read_some")
  if max == nil then max = STEP end
  if type(max) ~= "number" or max < 1 or (max % 1 ~= 0 and max ~= math.huge) then
    misuse.raise("read_some: a number of bytes is needed, not %s", failure.shown(max))
  end
  local data, raw = take_step(self, limits.of(self), look_for_some, max)
  if raw then return keep(fail(self, raw)) end
  return data
end

--- Reads and searches. Returns the positions of the match, false if it has to wait, nil at
--- the end.
local function look_for_match(self, searching, limit)
  local function peek(from, to) return self:_peek(from, to) end
  local has_read = false
  local most = self:process():_max_output()
  while true do
    local size = self:_buffered()
    local from, to, index = searching:look(peek, size)
    if from then return { from = from, to = to, index = index } end
    if size > most then return nil, too_long(self, most) end
    if has_read and limits.is_over(limit) then
      return nil, limits.failure(limit, self, "read")
    end
    local more, raw = self:_fill()
    if not more then return more, raw end
    has_read = true
  end
end

--- Searches once more when nothing else arrives: at the end, or if the time is up.
local function look_finally(self, searching, raw)
  if raw and raw.code ~= "timeout" then return nil end
  local from, to, index = searching:finish(function(first, last)
    return self:_peek(first, last)
  end, self:_buffered())
  return from and { from = from, to = to, index = index }
end

--- Explains a search without a match.
local function explain_no_match(self, searching, limit, raw)
  if raw and (raw.code ~= "timeout" or raw.result) then return raw end
  local size = self:_buffered()
  local unread = failure.excerpt(self:_peek(math.max(0, size - 300), size))
  local how = raw and ("did not arrive on %s within %.3g s"):format(limits.name_of(self),
    limit.seconds) or ("did not arrive before the end of %s"):format(limits.name_of(self))
  raw = raw or { code = "io", ended = true }
  raw.stage, raw.reason = "read", ("%s %s; unread: %s"):format(searching:shown(), how,
    unread == "" and "nothing" or '"' .. unread .. '"')
  return raw
end

--- Reads up to the first match of a pattern, or of any of a list of patterns. Returns the
--- text before the match, the match, and the number of the pattern. Patterns are those of
--- string.find: a greedy one, or "$" at its end, matches what has arrived by then. With
--- plain = true in the list, they are texts: { "(gdb) ", plain = true }.
---
--- If `seconds` pass before (default: those of set_timeout), returns nil, err with the code
--- "timeout"; if the stream ends before, with the code "io" and err.ended. What has arrived
--- stays for the next read.
---@param patterns string|string[]
---@param seconds? number
---@return string? before
---@return string|noshell.error match
---@return integer? index
function methods:read_until(patterns, seconds)
  misuse.check_self(self, class, "read_until")
  local searching, reason = search.new(patterns)
  if not searching then misuse.raise("read_until: %s", reason) end
  local limit = limits.of(self, seconds, "read_until")
  local match, raw = take_step(self, limit, look_for_match, searching, limit)
  match = match or look_finally(self, searching, raw)
  if not match then
    return keep(fail(self, explain_no_match(self, searching, limit, raw)))
  end
  local before = match.from > 1 and self:_read(nil, match.from - 1) or ""
  local text = match.to >= match.from and self:_read(nil, match.to - match.from + 1) or ""
  return before, text, match.index
end

--- Limits how long one call reads or writes: after `seconds`, it returns nil, err with the
--- code "timeout". What has arrived stays for the next read, and the program runs on. Nil
--- or math.huge removes the limit. Returns the stream.
---@param seconds? number
---@return noshell.stream
function methods:set_timeout(seconds)
  misuse.check_self(self, class, "set_timeout")
  limits.set(self, seconds)
  return self
end

-- Iterators -------------------------------------------------------------------

--- A kind of items of a stream.
---@class noshell.items
---@field read fun(self: noshell.stream): string?, noshell.error?  reads one
---@field separator? string    nil if C cannot find the end of an item
---@field is_line? boolean     the end may be CR LF
---@field keeps_end? boolean   an item includes its end

local function reader_of(formats)
  return function(self) return read_all(self, formats) end
end

---@type table<string, noshell.items>
local lines = {
  l = { read = reader_of { n = 1, "l" }, separator = "\n", is_line = true,
    keeps_end = false },
  L = { read = reader_of { n = 1, "L" }, separator = "\n", is_line = true,
    keeps_end = true },
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
  local most, limit = self:process():_max_output(), limits.of(self)
  repeat
    local piece, err = next_bytes(self, limit, last)
    if err then return nil, limits.give_back(limit, self, err) end
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

--- Returns the number of bytes that were written, and the failure.
local function write_all(self, data, limit)
  local from = 1
  local ok, raw = wait.await(self, function()
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
  end, limit and limit.deadline)
  if ok == false then raw = limits.failure(limit, self, "write") end
  return from - 1, raw
end

--- Writes strings and numbers of any size. Returns the stream, or nil, err; err.errname
--- is "EPIPE" if the program has stopped reading, and err.written is the number of bytes
--- that were written.
---@param ... string|number
---@return noshell.stream?
---@return noshell.error?
function methods:write(...)
  misuse.check_self(self, class, "write")
  local limit, written = limits.of(self), 0
  for i = 1, select("#", ...) do
    local data = select(i, ...)
    if type(data) ~= "string" and type(data) ~= "number" then
      misuse.raise("write: argument %d must be a string or a number, not %s", i,
        failure.shown(data))
    end
    local count, raw = write_all(self, tostring(data), limit)
    written = written + count
    if raw then
      raw.written = written
      return keep(fail(self, raw))
    end
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
---@private
function methods:_group()
  local served = self:process()
  local kept = state.of(served)
  if not (kept.owner or kept.driver) then return nil end
  kept.groups = kept.groups or {}
  kept.groups[self] = kept.groups[self] or group.new { kept.owner or served, self }
  return kept.groups[self]
end

---@param list noshell.watch_list
---@private
function methods:_collect(list)
  local fd = self:fileno()
  if not fd then return end
  list[#list + 1], list[#list + 2] = fd, self:_writes() and "w" or "r"
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
---@return "r"|"w"|"rw"|nil
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
