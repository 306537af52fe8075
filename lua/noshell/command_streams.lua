--- The setters that are implemented in Lua: they take effect while the program runs.
--- They record argument errors as the core's setters do.

local core = require "noshell.core"
local failure = require "noshell.failure"
local keep = require "noshell.keep"
local lists = require "noshell.list"
local misuse = require "noshell.misuse"
local state = require "noshell.state"

---@class noshell.command
local commands = core.methods.command

local set_stdin, set_input_buffer = commands._set_stdin, commands._set_input_buffer
local set_pty = commands._set_pty
local set_word = { commands._set_stdout, commands._set_stderr }

local setters = {}

--- The default number of bytes that set_tail keeps.
local TAIL = 65536

--- Returns true if the number of arguments is between min and max; otherwise records
--- an argument error of `method`.
---@param self noshell.command
---@param method string
---@param min integer
---@param max integer
---@param ... any  the arguments
---@return boolean
function setters.has_count(self, method, min, max, ...)
  misuse.check_self(self, core.metatables.command, method)
  local count = select("#", ...)
  if count < min then
    self:_argument_error(method, nil, ("argument %d is missing"):format(count + 1))
  elseif count > max then
    self:_argument_error(method, failure.shown((select(max + 1, ...))),
      ("argument %d is one too many: %s takes %d"):format(max + 1, method, max))
  end
  return count >= min and count <= max
end

local has_count = setters.has_count

--- Secrets are the only userdata that hide their metatable.
local function is_secret(value)
  return type(value) == "userdata" and getmetatable(value) == false
end

-- The last setter of standard input wins, so these two discard an input that Lua makes.

--- Directs stdin. The descriptor of a file, stream or other object is read when the
--- command starts. A Lua file is flushed first. A stream is handed over to the program,
--- and closed in this process.
---@param ... noshell.target
---@return noshell.command
function commands:set_stdin(...)
  state.of(self).input = nil
  return set_stdin(self, ...)
end

--- Sets the bytes that the program reads from stdin.
---@param ... noshell.word  any bytes
---@return noshell.command
function commands:set_input_buffer(...)
  local kept = state.of(self)
  kept.input, kept.hides_input = nil, is_secret((...))
  return set_input_buffer(self, ...)
end

--- Gives the program a new terminal, which is the controlling terminal of a new session,
--- as its standard streams; those that are directed elsewhere are not on it. run and
--- output capture what the program writes, as stdout; with run_async, process.pty is a
--- stream to read and write. Its lines end with CR LF, which reading by lines removes.
--- Closing it hangs it up. The stop signal is HUP by default.
---@param ... true|noshell.pty_options
---@return noshell.command
function commands:set_pty(...)
  state.of(self).crlf = true
  return set_pty(self, ...)
end

--- Returns true if the value can be a piece of input.
function setters.is_chunk(value)
  return type(value) == "string" or type(value) == "number"
end

local function set_source(self, source)
  state.of(set_stdin(self, "pipe")).input = source
  return self
end

local function set_chunks(self, list)
  local copy = {}
  local count, reason = lists.length(list)
  if not count then
    return self:_argument_error("set_input", failure.shown(list), reason)
  end
  for i = 1, count do
    local chunk = list[i]
    if not setters.is_chunk(chunk) then
      return self:_argument_error("set_input", failure.shown(chunk),
        ("item %d must be a string or a number"):format(i))
    end
    copy[i] = tostring(chunk)
  end
  return set_source(self, copy)
end

local function is_text(value)
  return setters.is_chunk(value) or is_secret(value)
end

--- Sets the program's standard input: a string, a secret, an open file, a list of
--- strings, or a function. The function is called for the next string whenever the
--- program can read more, until it returns nil. An error in it ends the program and is
--- raised by the function that waits for it.
---
--- The function is not called again after the program has closed its stdin. If the
--- command is run again, the same function is called again.
---@param ... string|number|noshell.secret|file*|noshell.stream|string[]|fun(): string?
---@return noshell.command
function commands:set_input(...)
  if not has_count(self, "set_input", 1, 1, ...) then return self end
  local source = ...
  if is_text(source) then return keep(self:set_input_buffer(source)) end
  if type(source) == "function" then return set_source(self, source) end
  if type(source) == "table" and not getmetatable(source) then
    return keep(set_chunks(self, source))
  end
  if io.type(source) or getmetatable(source) == core.metatables.stream then
    return keep(self:set_stdin(source))
  end
  return self:_argument_error("set_input", failure.shown(source),
    "must be a string, a file, a list of strings or a function")
end

--- A callback for captured output. With a table, `by` selects the pieces: "line" (the
--- default), "chunk" (what has arrived), a separator such as "\r", or a list of separators.
--- Pieces do not include their separators.
---@class noshell.listener
---@field [1] fun(piece: string)
---@field by? "line"|"chunk"|string|string[]

local LISTENER_KEYS = { [1] = true, by = true }

--- Returns the separators of a listener, and the length of the longest; nil and a reason
--- if they are none.
local function separators_of(by)
  local given = type(by) == "table" and by or { by }
  local copy, longest = {}, 0
  local count, reason = lists.length(given)
  if not count or count == 0 then return nil, reason or "'by' is an empty list" end
  for i = 1, count do
    if type(given[i]) ~= "string" or given[i] == "" then
      return nil, ("'by' must be \"line\", \"chunk\", a separator or a list of them, not %s")
        :format(failure.shown(given[i]))
    end
    copy[i], longest = given[i], math.max(longest, #given[i])
  end
  return copy, longest
end

--- A listener that was checked.
---@class noshell.heard
---@field f fun(piece: string)
---@field by_chunk? boolean
---@field separators? string[]  neither: lines
---@field longest? integer      the length of the longest separator

--- Returns the listener; nil and a reason if it is none.
local function listener_of(given)
  if type(given) == "function" then return { f = given } end
  if type(given) ~= "table" or getmetatable(given) then
    return nil, "must be a function, or { f, by = ... }"
  end
  for key in pairs(given) do
    if not LISTENER_KEYS[key] then
      return nil, ("has the key %s: write { f, by = ... }"):format(failure.shown(key))
    end
  end
  if type(given[1]) ~= "function" then return nil, "must begin with a function" end
  local listener, by = { f = given[1] }, given.by
  if by == "lines" or by == "chunks" then
    return nil, ("'by' is \"%s\", not \"%s\"; for a separator, write { \"%s\" }"):format(
      by:sub(1, -2), by, by)
  elseif by == "chunk" then
    listener.by_chunk = true
  elseif by ~= nil and by ~= "line" then
    local separators, longest = separators_of(by)
    if not separators then return nil, longest end
    listener.separators, listener.longest = separators, longest
  end
  return listener
end

local function set_listener(self, name, ...)
  if not has_count(self, name, 1, 1, ...) then return self end
  local listener, reason = listener_of((...))
  if not listener then
    return self:_argument_error(name, failure.shown((...)), reason)
  end
  state.of(self)[name] = listener
  return self
end

--- Calls a function for each line of the captured stdout as it arrives, without its
--- line end, or with { f, by = ... } for other pieces: { f, by = { "\r", "\n" } } for a
--- program that reports its progress. An error in the function ends the program and is
--- raised by the function that waits for it.
---@param ... fun(line: string)|noshell.listener
---@return noshell.command
function commands:on_stdout(...)
  return keep(set_listener(self, "on_stdout", ...))
end

--- The same for stderr.
---@param ... fun(line: string)|noshell.listener
---@return noshell.command
function commands:on_stderr(...)
  return keep(set_listener(self, "on_stderr", ...))
end

-- Targets of stdout and stderr ---------------------------------------------------

--- Why a word cannot be in a list.
local NOT_IN_A_LIST = {
  null = "has no effect in a list: leave it out",
  pipe = "cannot be in a list: use a function, which gets the data as they arrive",
  stdout = 'cannot be in a list: set stdout to the list, and stderr = "stdout"',
  stderr = 'cannot be in a list: set stderr to the list, and stdout = "stderr"',
}

--- Returns true for "capture", a listener for a function, nothing for another target; nil and
--- a reason for anything else.
local function item_of(item)
  local kind = type(item)
  if item == "capture" then return true end
  if kind == "string" and item ~= "inherit" then
    return nil, NOT_IN_A_LIST[item] or 'must be "capture", "inherit", { path = ... }, a file, '
      .. "a descriptor or a function"
  end
  if kind == "function" then return { f = item, by_chunk = true } end
  if kind == "table" and not getmetatable(item) and item[1] ~= nil then
    if type(item[1]) ~= "function" then
      return nil, "is a list in the list: write its items in the outer one, or { path = ... } "
        .. "for a file"
    end
    return listener_of(item)
  end
end

--- Directs a stream to a list of targets.
local function set_list(self, which, method, list)
  local copy, listeners, captures = {}, {}, false
  local count, reason = lists.length(list)
  if not count then return self:_argument_error(method, failure.shown(list), reason) end
  for i = 1, count do
    local found, why = item_of(list[i])
    if why then
      return self:_argument_error(method, failure.shown(list[i]), ("item %d %s"):format(i, why))
    end
    if type(found) == "table" then listeners[#listeners + 1] = found end
    captures, copy[i] = captures or found == true, list[i]
  end
  self:_set_list(method, which, copy, captures, listeners[1] ~= nil)
  local kept = state.of(self)
  kept.lists = { kept.lists and kept.lists[1], kept.lists and kept.lists[2] }
  kept.lists[which] = listeners
  return self
end

local class = core.metatables.command

local function set_output(self, which, method, ...)
  misuse.check_self(self, class, method)
  local target = ...
  if select("#", ...) == 1 and type(target) == "table" and not getmetatable(target) then
    if target[1] ~= nil then return set_list(self, which, method, target) end
    if next(target) == nil then
      return self:_argument_error(method, failure.shown(target),
        'is empty: write { path = ... }, or a list such as { "capture", "inherit" }')
    end
  end
  return set_word[which](self, ...)
end

--- Directs stdout; default "capture". A list directs it to several targets: "capture",
--- "inherit", { path = ... }, files, descriptors and functions. A function gets the bytes as
--- they arrive; { f, by = "line" } gets the pieces that on_stdout would get. With a list, the
--- program writes to a pipe, and this process copies the bytes without blocking.
---@param ... noshell.target|noshell.list_target[]
---@return noshell.command
function commands:set_stdout(...)
  -- Most targets are words.
  if type((...)) == "string" and getmetatable(self) == class then
    set_word[1](self, ...)
  else
    set_output(self, 1, "set_stdout", ...)
  end
  return self
end

--- The same for stderr.
---@param ... noshell.target|noshell.list_target[]
---@return noshell.command
function commands:set_stderr(...)
  -- Most targets are words.
  if type((...)) == "string" and getmetatable(self) == class then
    set_word[2](self, ...)
  else
    set_output(self, 2, "set_stderr", ...)
  end
  return self
end

--- Sets the pipes beside the standard streams, and replaces earlier ones. A key is the
--- program's descriptor, 3 or more. The value is what this process does: "read" what the
--- program writes there, or "write" what it reads. process.pipes has the streams under the
--- same numbers.
---@param ... table<integer, "read"|"write">
---@return noshell.command
function commands:set_pipes(...)
  if not has_count(self, "set_pipes", 1, 1, ...) then return self end
  local given, numbers = ..., {}
  if type(given) ~= "table" or getmetatable(given) or next(given) == nil then
    return self:_argument_error("set_pipes", failure.shown(given),
      'must be a table such as { [3] = "read", [4] = "write" }')
  end
  for number in pairs(given) do
    if type(number) ~= "number" then
      return self:_argument_error("set_pipes", failure.shown(number),
        'is no descriptor of the program: write { [3] = "read" }')
    end
    numbers[#numbers + 1] = number
  end
  table.sort(numbers)
  self:_clear_pipes()
  for _, number in ipairs(numbers) do self:_add_pipe(number, given[number]) end
  return self
end

--- Returns the functions in a stream's list of targets; nil if the stream has no list.
---@param cmd noshell.command
---@param which 1|2
---@return noshell.heard[]?
function setters.list_listeners(cmd, which)
  local kept = state.of(cmd).lists
  if not (kept and kept[which] and cmd:stdio(which) == "list") then return nil end
  return kept[which]
end

--- Keeps only the last bytes of the captured stdout and stderr, by default 64 KiB of
--- each. The result's stdout_dropped and stderr_dropped count the others.
--- set_max_output then limits the bytes that are held at any one time.
---@param ... integer
---@return noshell.command
function commands:set_tail(...)
  if not has_count(self, "set_tail", 0, 1, ...) then return self end
  local bytes = select("#", ...) == 0 and TAIL or ...
  if type(bytes) ~= "number" or bytes < 0 or bytes % 1 ~= 0 then
    return self:_argument_error("set_tail", failure.shown(bytes),
      "must be a number of bytes")
  end
  state.of(self).tail = bytes
  return self
end

--- Accepts lines that end in CR LF, and removes both.
---@return noshell.command
function commands:set_crlf(...)
  if has_count(self, "set_crlf", 0, 0, ...) then state.of(self).crlf = true end
  return self
end

--- Runs the program on a machine of noshell.machine.
---@param ... noshell.machine_object
---@return noshell.command
function commands:set_machine(...)
  if not has_count(self, "set_machine", 1, 1, ...) then return self end
  local machine = ...
  local metatable = getmetatable(machine)
  if type(metatable) ~= "table" or metatable.__name ~= "noshell.machine" then
    return self:_argument_error("set_machine", failure.shown(machine),
      'must be a machine, such as noshell.machine.ssh { "web1" }')
  end
  state.of(self).machine = machine
  return self
end

return setters
