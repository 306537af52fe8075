--- What waits, of a stream: the parent's end of a child's pipe, with the
--- methods of a Lua file. Its process is served meanwhile, so that a program
--- that writes more to a captured stream goes on.

local core = require "noshell.core"
local failure = require "noshell.failure"
local process = require "noshell.process"
local wait = require "noshell.wait"

---@class noshell.stream
local methods = core.methods.stream

local stream = {}

--- The byte that read(0) had to take to know that there is one.
local taken = setmetatable({}, { __mode = "k" })

local function fail(self, raw)
  return nil, failure.new(raw, self:process().command)
end

--- Whether the process was ended by its deadline: whoever still holds the
--- pipe is not waited for.
local function is_over(self)
  if not self:pump() then return false end
  local _, err = process.verdict(self:process())
  return err ~= nil and err.code == "timeout"
end

--- Bytes up to `separator` (none: nil) or `max`, or what is left before the
--- end; nil at the end; nil, err.
local function take(self, separator, max)
  local data, raw = wait.await(self, function()
    local some, why = self:_read(separator, max)
    if some == false and is_over(self) then
      some, why = self:_read(separator, max)
      -- Limit: a last line that is not complete then is lost.
      return some or nil, why
    end
    return some, why
  end)
  if raw then return fail(self, raw) end
  return data
end

local function next_bytes(self, separator, max)
  local first = taken[self]
  if not first then return take(self, separator, max) end
  taken[self] = nil
  if first == separator or max == 1 then return first end
  local rest, err = take(self, separator, max and max - 1)
  if err then return nil, err end
  return first .. (rest or "")
end

-- Reading ---------------------------------------------------------------------

local readers = {}

function readers.l(self)
  local line, err = next_bytes(self, "\n")
  if line and line:byte(-1) == 10 then line = line:sub(1, -2) end
  return line, err
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
  taken[self] = byte
  return byte and "", err
end

--- Checked before anything is read. An error names `method`, and is that of
--- the caller's caller.
local function check_formats(method, formats)
  for i = 1, formats.n do
    local format = formats[i]
    local name = type(format) == "string" and format:match("^%*?(%a)")
    local is_count = type(format) == "number" and format >= 0
      and format % 1 == 0
    if not readers[name] and not is_count then
      local reason = name == "n" and "numbers are not parsed: read a line"
        or "invalid format"
      error(("bad argument #%d to '%s' (%s)"):format(i, method, reason), 4)
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

--- Reads by formats, as a file does: "l" (a line without its end), "L" (with
--- it), "a" (all that is left), a number of bytes; "l" unless given. nil at the
--- end; nil, err where reading failed.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return string? ...
function methods:read(...)
  local formats = prepared("read", ...)
  return read_all(self, formats)
end

--- An iterator over what read(...) gives. It raises the error where reading
--- fails.
---@param ... "l"|"L"|"a"|"*l"|"*L"|"*a"|integer
---@return fun(): string?, ...
function methods:lines(...)
  local formats = prepared("lines", ...)
  local function check(first, ...)
    local err = ...
    if first == nil and err ~= nil then error(err, 0) end
    return first, ...
  end
  return function() return check(read_all(self, formats)) end
end

--- A record up to `separator`, without it; nil at the end; nil, err.
local function read_record(self, separator)
  local last, size = separator:sub(-1), #separator
  local pieces, tail = {}, ""
  repeat
    local piece, err = next_bytes(self, last)
    if err then return nil, err end
    pieces[#pieces + 1] = piece
    tail = (tail .. (piece or "")):sub(-size)
  until tail == separator or not piece
  if not pieces[1] then return nil end
  local record = table.concat(pieces)
  return tail == separator and record:sub(1, -size - 1) or record
end

--- An iterator over the records that `separator` ends, such as "\0". It raises
--- the error where reading fails.
---@param separator string
---@return fun(): string?
function methods:records(separator)
  if type(separator) ~= "string" or separator == "" then
    error("bad argument #1 to 'records' (a separator is needed)", 2)
  end
  return function()
    local record, err = read_record(self, separator)
    if err then error(err, 0) end
    return record
  end
end

-- Writing ---------------------------------------------------------------------

local function write_all(self, data)
  local from = 1
  local _, raw = wait.await(self, function()
    while from <= #data do
      local count, why = self:_write(data, from)
      if not count then return nil, why end
      if count == 0 then
        self:pump()
        return false
      end
      from = from + count
    end
    return true
  end)
  return raw
end

--- Writes strings and numbers, of any size. Returns the stream; nil, err where
--- that failed: err.errname is "EPIPE" where the program reads no more.
---@param ... string|number
---@return noshell.stream?
---@return noshell.error?
function methods:write(...)
  for i = 1, select("#", ...) do
    local data = select(i, ...)
    if type(data) ~= "string" and type(data) ~= "number" then
      error(("bad argument #%d to 'write' (a string or a number is needed, not %s)")
        :format(i, type(data)), 2)
    end
    local raw = write_all(self, tostring(data))
    if raw then return fail(self, raw) end
  end
  return self
end

--- Nothing is kept back: there is nothing to flush.
---@return noshell.stream
function methods:flush()
  return self
end

--- Closes our end: the program reads the end of its input, or gets SIGPIPE
--- when it writes. Closing twice is fine.
---@return true
function methods:close()
  if not self:closed() then self:_close() end
  return true
end

core.metatables.stream.__close = methods.close

return stream
