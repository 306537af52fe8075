-- Runs a function in a forked child of this process, for what cannot be undone
-- (a filter, another user, a limit) and for what may kill.

local helper = require "spec.support.helper"

local sys = helper.sys

--- One field: the type's letter, the key, the length and the text.
local function packed(key, value)
  local text = tostring(value)
  return ("%s %s %d\n%s"):format(type(value):sub(1, 1), key, #text, text)
end

local readers = {
  b = function(text) return text == "true" end,
  n = tonumber,
  s = function(text) return text end,
}

local function unpacked(data)
  local fields, at = {}, 1
  while at <= #data do
    local kind, key, size, from = data:match("^(%a) (%S+) (%d+)\n()", at)
    fields[key] = readers[kind](data:sub(from, from + size - 1))
    at = from + size
  end
  return fields
end

local function write_all(fd, data)
  for from = 1, #data, 4096 do
    assert(sys.write(fd, data:sub(from, from + 4095)))
  end
end

local function read_all(fd)
  local pieces = {}
  repeat
    local piece = assert(sys.read(fd, 65536))
    pieces[#pieces + 1] = piece
  until piece == ""
  return table.concat(pieces)
end

--- Far from the numbers that fn opens, some of which it may have denied.
local function high_pipe()
  local low_from, low_to = sys.pipe()
  local from, to = assert(sys.dup(low_from, 900)), assert(sys.dup(low_to, 900))
  sys.close(low_from)
  sys.close(low_to)
  return from, to
end

local function in_child(fn, fd, ...)
  local ok, fields = pcall(fn, ...)
  if not ok then fields = { raised = tostring(fields) } end
  local data = {}
  for key, value in pairs(fields or {}) do data[#data + 1] = packed(key, value) end
  write_all(fd, table.concat(data))
  sys.exit(0)
end

--- Calls fn(...) in a child. Returns the table of strings, numbers and booleans that it
--- returned, with `stderr`, its output there, and `status`, "exit 0" if fn returned. An
--- error in fn is raised here.
local function forked(fn, ...)
  local from, to = high_pipe()
  local fields
  io.stdout:flush()
  local name = os.tmpname()
  local err = assert(sys.open(name, "rw"))
  local pid = assert(sys.fork())
  if pid == 0 then
    sys.close(from)
    sys.dup2(err, 2)
    sys.close(err)
    in_child(fn, to, ...)
  end
  sys.close(to)
  sys.close(err)
  fields = unpacked(read_all(from))
  sys.close(from)
  local _, how, number = sys.waitpid(pid)
  fields.status = how .. " " .. number
  fields.stderr = helper.read_file(name)
  os.remove(name)
  if fields.raised then error(fields.raised, 0) end
  return fields
end

return forked
