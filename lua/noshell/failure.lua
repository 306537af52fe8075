--- Errors: the second value of `nil, err`. Turns fields into text.

local advice = require "noshell.advice"
local core = require "noshell.core"

-- Errors report the caller's line, not ours.
local directory = debug.getinfo(1, "S").source:match("^(@.*/)[^/]*$")
if directory then core.set_source_prefix(directory) end

---@alias noshell.code
---| "invalid"       # a setter was misused; nothing was started
---| "spawn"         # no program ran, so retrying is safe; `stage` is the step that failed
---| "exit"          # the program exited with a code that is not allowed
---| "signal"        # a signal ended the program
---| "timeout"       # a deadline passed; without `result` the program still runs
---| "output_limit"  # the program wrote more than max_output allows
---| "memory"        # the memory of its sandbox was exhausted, and the kernel ended it
---| "lost"          # the program ended; its status cannot be found out
---| "io"            # the program ran, but an operation on it failed: `stage`, `errno`
---| "closed"        # the object was closed, as all are in a forked child
---| "replaced"      # exec in a dry run: a real exec would not return
---| "several"       # some of several programs failed: see `errors`
---| "parse"         # a parser does not accept the text; `stage` names the parser

--- The error of `nil, err`. `tostring(err)` is one line; `..` appends it to text.
---@class noshell.error
---@field code noshell.code  the kind of error
---@field stage? string      the step that failed: "find_program", "set_umask", "exec"
---@field errno? integer     the system's number for the cause
---@field errname? string    its name: "ENOENT"
---@field strerror? string   its text: "No such file or directory"
---@field subject? string    the path, name or number concerned; "output_limit": the stream;
---  "memory": the limit
---@field command? string    the command line, in the syntax of sh; nil for "parse"
---@field line? integer      "parse": the number of the line
---@field result? noshell.result  if the program has ended
---@field method? string     argument error: the setter; or "which"
---@field value? string      argument error: its argument, as text
---@field reason? string     an explanation, if `errno` does not suffice
---@field where string       the line of the script, "file:line": of the call that failed, or
---  for an argument error of the setter; "?" if there is no line, as in a call from C
---@field tail_call? boolean  a tail call hides that line: `where` is in an outer function
---@field key? string        argument error: the key of a SPEC that has the value
---@field signal? string     the signal that killed the child before its exec
---@field signal_number? integer  its number
---@field seconds? number    the length of a wait that timed out
---@field is_joined? boolean  the stderr of the program is its stdout
---@field ended? boolean     read_until: the stream ended before a match
---@field written? integer   write: the number of bytes that were written
---@field machine? string    the name of the machine on which it ran
---@field pipeline? string   the pipeline that the command belongs to
---@field index? integer     ... and its number in the pipeline
---@field errors? table<integer, noshell.error>  "several", pipelines: each error, by number
---@field results? table<integer, noshell.result>  "several": the results, by number
---@field count? integer     "several": the number of programs
---@field machines? noshell.map_machine[]  "several": of map with the option `machines`
---@field attempts? integer  retry: the number of attempts
---@operator concat(string): string
local metatable = { __name = "noshell.error" }

local failure = {}

-- Text of unknown origin, on one line -----------------------------------------

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = " " }

local function escaped(char)
  return escapes[char] or ("\\x%02x"):format(char:byte())
end

--- The two bytes of a C1 control character, such as U+009B, which begins a sequence
--- as ESC [ does.
local function escaped_c1(byte)
  return ("\\xc2\\x%02x"):format(byte:byte())
end

--- Escapes line ends, control characters and, if the text is not UTF-8, all bytes
--- above 127.
local function printable(text)
  local rest = text:gsub("[\194-\223][\128-\191]", "")
  rest = rest:gsub("[\224-\239][\128-\191][\128-\191]", "")
  rest = rest:gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", "")
  if rest:find("[\128-\255]") then text = text:gsub("[\128-\255]", escaped) end
  text = text:gsub("%c", escaped)
  return (text:gsub("\194([\128-\159])", escaped_c1))
end

--- Formats a value for a message.
---@return string
function failure.shown(value)
  if type(value) == "string" then return ('"%s"'):format(value) end
  if type(value) == "number" or type(value) == "boolean" or value == nil then
    return tostring(value)
  end
  return "a " .. type(value)
end

local LONGEST_COMMAND, LONGEST_EXCERPT = 200, 300

--- Shortens a long text to its beginning.
local function shortened(text)
  if #text > LONGEST_COMMAND then
    local head = text:sub(1, LONGEST_COMMAND - 3)
    text = head:gsub("[\192-\255]?[\128-\191]*$", "") .. "..."
  end
  return printable(text)
end

local function quoted(text)
  return "'" .. shortened(text) .. "'"
end

--- Returns the last lines of a program's stderr that fit, joined by "; ": they usually
--- contain the reason of a failure.
---@param text string
---@return string
function failure.excerpt(text)
  local tail = text:sub(-16 * LONGEST_EXCERPT):match("^(.*%S)") or ""
  if #tail > LONGEST_EXCERPT then
    tail = tail:sub(-LONGEST_EXCERPT)
    local whole = tail:match("\n(.*%S.*)$") or tail:gsub("^[\128-\191]+", "")
    tail = "..." .. whole
  end
  local lines = {}
  for line in tail:gmatch("[^\r\n]+") do
    if line:find("%S") then lines[#lines + 1] = printable(line) end
  end
  return table.concat(lines, "; ")
end

-- One describer for each code -------------------------------------------------

--- Returns the result of the program. In a pipeline, err.result is the pipeline's.
local function ending(err)
  local results = err.index and err.result and err.result.commands
  return results and results[err.index] or err.result
end

--- Returns ": " and the excerpt of the program's stderr, or of its stdout if stderr goes
--- there, and a hint.
local function last_words(err)
  local result = ending(err)
  local text = result and (result.stderr or (err.is_joined and result.stdout))
  text = text and failure.excerpt(text) or ""
  if text == "" then return "" end
  return ": " .. text .. printable(advice.unexpanded(err.command, text))
end

--- Describes the cause: the reason and the errno's name.
local function cause(err)
  local reason = err.reason or err.strerror
  if not reason and err.signal_number then
    reason = "killed by signal " .. (err.signal or err.signal_number)
  end
  reason = printable(reason or "unknown reason")
  return err.errname and ("%s (%s)"):format(reason, err.errname) or reason
end

--- Explains the most common mistake of shell users: a command line in place of the
--- program's name.
local function hint(err)
  local is_search = err.stage == "find_program" or err.stage == "exec"
  local is_line = is_search and err.errname == "ENOENT" and err.subject
    and err.subject:find("%s")
  return is_line and "; there is no shell: pass each argument separately" or ""
end

local describe = {}

--- The functions that make a command: their arguments are the words of the command.
local MAKERS = { command = true, pipeline = true }

local function reason_of(err)
  local reason = err.reason or cause(err)
  if err.key and err.key:find(".", 1, true) then
    return (reason:gsub("^option '[%w_.]+' ", ""))
  end
  if err.key then return (reason:gsub("^argument %d ", "")) end
  if MAKERS[err.method] and reason:find("must be a string or a number$") then
    reason = reason .. ", not " .. shortened(err.value or "nil")
    if reason:find "^argument 1 .* a table$" then
      reason = reason .. ': the program comes first, as in { "ls", "-l", cwd = "/" }'
    end
  end
  return reason
end

function describe.invalid(err)
  local text = "invalid command"
  -- Without a program, the command line shows the type of the wrong value.
  if not err.command:find "^'a %l+'" then text = text .. " " .. quoted(err.command) end
  text = text .. ": "
  if err.key then
    text = text .. ("%s = %s: "):format(shortened(err.key), shortened(err.value or ""))
  elseif err.method and not MAKERS[err.method] then
    text = text .. ("%s(%s): "):format(err.method, shortened(err.value or ""))
  end
  return text .. printable(reason_of(err))
end

--- Describes an operation that failed: verb, stage, subject and cause.
local function cannot(verb, err)
  local text = ("cannot %s %s: "):format(verb, quoted(err.command))
  if err.stage then
    local subject = err.subject and " " .. quoted(err.subject) or ""
    text = text .. err.stage .. subject .. ": "
  end
  return text .. cause(err)
end

--- "which" starts nothing.
function describe.spawn(err)
  if err.method ~= "which" then return cannot("start", err) .. hint(err) end
  return ("cannot find %s: %s"):format(quoted(err.command), cause(err))
end

function describe.exit(err)
  return ("%s exited with status %d%s"):format(quoted(err.command),
    ending(err).exit_code, last_words(err))
end

function describe.signal(err)
  local result = ending(err)
  return ("%s was killed by signal %s%s%s"):format(quoted(err.command),
    result.signal or result.signal_number,
    result.core_dumped and " (core dumped)" or "", last_words(err))
end

--- Describes descendants that a timeout or an abort did not reach.
local function remainder(err)
  local result = ending(err)
  local unreached = result and result.unreached
  return unreached and "; " .. unreached or ""
end

--- Returns "; " and the reason why a program may not have ended.
local function obstacle(err)
  return err.reason and "; " .. err.reason or ""
end

--- Describes a timeout after the program had exited: a descendant held its output, or a target
--- did not accept the output.
local function describe_late(err, result)
  local how = result.exit_code and "exited with status " .. result.exit_code
    or "was killed by signal " .. (result.signal or result.signal_number or "?")
  local seconds = result.timed_out_after or result.duration
  if result.held then
    return ("%s %s, but a process it started still held its %s after %.3g s%s%s"):format(
      quoted(err.command), how, table.concat(result.held, " and "), seconds, remainder(err),
      last_words(err))
  end
  return ("%s %s, but after %.3g s, %s"):format(quoted(err.command), how, seconds, err.reason)
end

function describe.timeout(err)
  if err.stage and not err.result then return describe.io(err) end
  if not err.result then
    return ("%s is still running after %.3g s%s"):format(quoted(err.command),
      err.seconds, obstacle(err))
  end
  local result = ending(err)
  local has_exited = err.reason and result.duration < (result.timed_out_after or 0)
  if result.held or has_exited then return describe_late(err, result) end
  return ("%s timed out and was ended after %.3g s%s%s%s"):format(quoted(err.command),
    result.duration, remainder(err), obstacle(err), last_words(err))
end

function describe.output_limit(err)
  if not err.result then return ("%s: %s"):format(quoted(err.command), err.reason) end
  local result, name = ending(err), err.subject
  local cap = #(result[name] or "") + (result[name .. "_dropped"] or 0)
  return ("%s wrote more to %s than the %d bytes that max_output allows, and was ended: "
    .. "raise max_output, keep the end with tail, or read it with noshell.lines")
    :format(quoted(err.command), name, cap)
end

--- Without a subject, the limit of the sandbox was not the cause.
function describe.memory(err)
  local text = quoted(err.command) .. " was ended by the kernel: "
  if not err.subject then
    return text .. "the memory of this machine, or of an enclosing cgroup, was exhausted"
  end
  return ("%sit used more than the %s of memory that its sandbox allows%s"):format(text,
    err.subject, last_words(err))
end

function describe.lost(err)
  if err.reason then
    return ("the status of %s is lost: %s"):format(quoted(err.command), printable(err.reason))
  end
  return ("the status of %s (pid %d) is lost: other code in this process waited for it")
    :format(quoted(err.command), ending(err).pid)
end

function describe.replaced(err)
  return ("%s has replaced this process, in a dry run"):format(quoted(err.command))
end

--- Verbs for stages that are methods.
local METHODS = { read = "read from", write = "write to", pipe = "call", kill = "kill",
  resize = "resize the terminal of", abort = "abort all of", write_arg_log = "write the words of" }

local WAITS = { wait = true, exchange = true }

--- A stage that is neither a method nor a wait is a launch stage: a command of a pipeline
--- could not start after others had started.
function describe.io(err)
  local verb = METHODS[err.stage]
  if verb then return ("cannot %s %s: %s"):format(verb, quoted(err.command), cause(err)) end
  if err.stage == "exchange" and err.subject then
    return ("cannot write the output of %s to %s: %s"):format(quoted(err.command),
      quoted(err.subject), cause(err))
  end
  if WAITS[err.stage] then return cannot("wait for", err) end
  return cannot("start", err) .. "; the commands before it had started and were ended"
end

function describe.closed(err)
  return ("cannot use %s: %s"):format(quoted(err.command), cause(err))
end

--- err.subject is the line.
function describe.parse(err)
  local place = ""
  if err.line then place = ("line %d %s: "):format(err.line, quoted(err.subject)) end
  return ("cannot parse %s: %s%s"):format(err.stage, place, printable(err.reason))
end

--- Returns true if an error can have that code.
---@return boolean
function failure.is_code(code)
  return describe[code] ~= nil
end

--- Returns the codes, sorted.
---@return string[]
function failure.codes()
  local list = {}
  for code in pairs(describe) do list[#list + 1] = code end
  table.sort(list)
  return list
end

local function described(err)
  local text = describe[err.code](err)
  if err.machine then text = ("on %s: %s"):format(printable(err.machine), text) end
  if not err.pipeline then return text end
  return ("%s: command %d: %s"):format(quoted(err.pipeline), err.index, text)
end

--- Returns the line of the script, for the end of a text.
local function place(err)
  if err.where == "?" then return " (line unknown)" end
  if not err.tail_call then return " (" .. printable(err.where) .. ")" end
  return (" (called from %s; a tail call hides the line)"):format(printable(err.where))
end

--- Describes one of several errors, with its line if that differs from the whole's.
local function described_part(part, err)
  return described(part) .. (part.where == err.where and "" or place(part))
end

--- Returns the numbers of the errors, sorted.
local function numbers(errors)
  local list = {}
  for number in pairs(errors) do list[#list + 1] = number end
  table.sort(list)
  return list
end

local MOST_SHOWN = 3

function describe.several(err)
  local list = numbers(err.errors)
  local texts = { ("%d of %d failed"):format(#list, err.count) }
  for i = 1, math.min(#list, MOST_SHOWN) do
    texts[i + 1] = described_part(err.errors[list[i]], err)
  end
  if #list > MOST_SHOWN then texts[#texts + 1] = "..." end
  return (table.concat(texts, "; "):gsub("; ", ": ", 1))
end

--- Describes the other commands of a pipeline that failed: one of them may be the
--- reason.
local function other_commands(err)
  local text = ""
  for _, number in ipairs(err.pipeline and numbers(err.errors or {}) or {}) do
    if number ~= err.index then
      text = ("%s; command %d: %s"):format(text, number,
        described_part(err.errors[number], err))
    end
  end
  return text
end

--- Called with the name of a field that an error does not have (misuse.lua).
---@type fun(name: any)
failure.unknown = function() end

function metatable.__index(_, name)
  failure.unknown(name)
  return nil
end

function metatable.__tostring(err)
  return "noshell: " .. described(err) .. other_commands(err) .. place(err)
end

--- Makes `"backup: " .. err` work.
function metatable.__concat(left, right)
  return tostring(left) .. tostring(right)
end

--- Turns a failure of the core into an error, in place.
---@param raw table  the fields of noshell.error
---@param command string
---@param result? noshell.result
---@return noshell.error
function failure.new(raw, command, result)
  -- Renamed: a reader might take a field `message` for the whole message.
  raw.strerror, raw.message = raw.message, nil
  if raw.code == "invalid" then advice.complete(raw) end
  raw.command, raw.result = command, result
  failure.wrap(raw)
  return raw
end

--- Returns true if the value is an error of noshell.
---@return boolean
function failure.is(value)
  return getmetatable(value) == metatable
end

--- Makes an error of these fields, with the line of the script that is running.
---@param fields table
---@return noshell.error
function failure.wrap(fields)
  if not fields.where then
    local where, is_hidden = core.where()
    fields.where = where == "" and "?" or where
    fields.tail_call = is_hidden or nil
  end
  return setmetatable(fields, metatable)
end

--- Makes the error of a parser.
---@param stage string    the parser
---@param reason string
---@param line? integer
---@param subject? string  that line
---@return noshell.error
function failure.of_text(stage, reason, line, subject)
  local err = failure.wrap { code = "parse", stage = stage, reason = reason, line = line,
    subject = subject }
  return err
end

return failure
