--- Errors: what `nil, err` gives. Pure functions from fields to text.

---@alias noshell.code
---| "invalid"       # a setter was misused; nothing was started
---| "spawn"         # no program ran, so that retrying is safe; `stage` says where it failed
---| "exit"          # it exited with a status that was not allowed
---| "signal"        # a signal ended it
---| "timeout"       # a deadline passed; without `result` it still runs
---| "output_limit"  # it wrote more than max_output allows
---| "lost"          # it ended, but its status cannot be known
---| "io"            # it ran, and an operation between it and us failed: `stage`, `errno`
---| "closed"        # the object was closed, as all are in a forked child
---| "replaced"      # exec in a dry run: nobody goes on behind it
---| "several"       # of several at once not all were a success: see `errors`
---| "parse"         # text is not what a parser reads; `stage` names the parser

--- What `nil, err` gives. `tostring(err)` is one line; `..` joins it to text.
---@class noshell.error
---@field code noshell.code  what kind it is
---@field stage? string      the step that did not succeed: "find_program", "set_umask", "exec"
---@field errno? integer     the system's number for the cause
---@field errname? string    its name: "ENOENT"
---@field strerror? string   its words: "No such file or directory"
---@field subject? string    the path, name or number concerned; of output_limit the stream
---@field command? string    the command line, as sh would read it; text that is parsed has none
---@field line? integer      of text that is parsed: the number of its line
---@field result? noshell.result  how it ended, where it was started and has ended
---@field method? string     of an argument error: the setter
---@field value? string      of an argument error: what it was given
---@field reason? string     words where `errno` says too little
---@field where? string      of an argument error: the caller's "file:line"
---@field key? string        of an argument error: the key of a SPEC whose value it is
---@field signal? string     what killed the child before it executed the program
---@field signal_number? integer  its number
---@field seconds? number    how long a wait that timed out took
---@field pipeline? string   where the command is a stage of this pipeline
---@field index? integer     ... the number of the stage
---@field errors? table<integer, noshell.error>  of several: each error, by number
---@field results? table<integer, noshell.result>  of several: the other results
---@field count? integer     of several: how many there were
---@field attempts? integer  of retry: how often it was tried
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

--- The text with nothing in it that ends a line or drives a terminal; bytes
--- that are not UTF-8 show as hexadecimal.
local function printable(text)
  local rest = text:gsub("[\194-\223][\128-\191]", "")
  rest = rest:gsub("[\224-\239][\128-\191][\128-\191]", "")
  rest = rest:gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", "")
  if rest:find("[\128-\255]") then text = text:gsub("[\128-\255]", escaped) end
  text = text:gsub("%c", escaped)
  return (text:gsub("\194([\128-\159])", escaped_c1))
end

--- A value in a message.
---@return string
function failure.shown(value)
  if type(value) == "string" then return ('"%s"'):format(value) end
  if type(value) == "number" or type(value) == "boolean" or value == nil then
    return tostring(value)
  end
  return "a " .. type(value)
end

local LONGEST_COMMAND, LONGEST_EXCERPT = 200, 300

--- The beginning of a long text.
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

--- The end of what a program wrote to stderr, where it says why it failed: the
--- last lines that fit, joined by "; ".
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

--- How the program ended; err.result is the pipeline's where it is a stage.
local function ending(err)
  local stages = err.index and err.result and err.result.stages
  return stages and stages[err.index] or err.result
end

--- ": " and what the program itself said about its end.
local function last_words(err)
  local result = ending(err)
  local text = result and result.stderr
  text = text and failure.excerpt(text) or ""
  return text == "" and "" or ": " .. text
end

--- Why: the words there are, and the errno's name.
local function cause(err)
  local reason = err.reason or err.strerror
  if not reason and err.signal_number then
    reason = "killed by signal " .. (err.signal or err.signal_number)
  end
  reason = printable(reason or "unknown reason")
  return err.errname and ("%s (%s)"):format(reason, err.errname) or reason
end

--- A command line given as a program's name is the commonest slip of who
--- comes from a shell.
local function hint(err)
  local is_line = err.stage == "find_program" and err.errname == "ENOENT"
    and err.subject and err.subject:find("%s")
  return is_line and "; there is no shell: give each argument by itself" or ""
end

local describe = {}

function describe.invalid(err)
  local text = "invalid command " .. quoted(err.command) .. ": "
  local reason = err.reason or cause(err)
  if err.key then
    text = text .. ("%s = %s: "):format(shortened(err.key), shortened(err.value or ""))
    reason = reason:gsub("^argument 1 ", "")
  elseif err.method then
    text = text .. ("%s(%s): "):format(err.method, shortened(err.value or ""))
  end
  text = text .. printable(reason)
  return err.where and text .. " (" .. err.where .. ")" or text
end

--- What `verb` could not do, in which stage, and why.
local function cannot(verb, err)
  local text = ("cannot %s %s: "):format(verb, quoted(err.command))
  if err.stage then
    local subject = err.subject and " " .. quoted(err.subject) or ""
    text = text .. err.stage .. subject .. ": "
  end
  return text .. cause(err)
end

function describe.spawn(err)
  return cannot("start", err) .. hint(err)
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

--- What a timeout or an abort did not reach: it may still run.
local function remainder(err)
  local result = ending(err)
  local unreached = result and result.unreached
  return unreached and "; " .. unreached or ""
end

--- The program had exited, and the timeout ended what held its output.
local function describe_held(err, result)
  local how = result.exit_code and "exited with status " .. result.exit_code
    or "was killed by signal " .. (result.signal or result.signal_number or "?")
  return ("%s %s, but a process it started still held its %s after %.3g s%s%s"):format(
    quoted(err.command), how, table.concat(result.held, " and "),
    result.timed_out_after or result.duration, remainder(err), last_words(err))
end

function describe.timeout(err)
  if not err.result then
    return ("%s is still running after %.3g s"):format(quoted(err.command),
      err.seconds)
  end
  local result = ending(err)
  if result.held then return describe_held(err, result) end
  return ("%s timed out and was ended after %.3g s%s%s"):format(
    quoted(err.command), result.duration, remainder(err), last_words(err))
end

function describe.output_limit(err)
  if not err.result then return ("%s: %s"):format(quoted(err.command), err.reason) end
  local result, name = ending(err), err.subject
  local cap = #(result[name] or "") + (result[name .. "_dropped"] or 0)
  return ("%s wrote more to %s than the %d bytes that set_max_output allows, and was ended")
    :format(quoted(err.command), name, cap)
end

function describe.lost(err)
  return ("the status of %s (pid %d) is lost: something else in this process waited for it")
    :format(quoted(err.command), ending(err).pid)
end

function describe.replaced(err)
  return ("%s has replaced this process, in a dry run"):format(quoted(err.command))
end

--- What could not be done, where the stage is a method.
local METHODS = { read = "read from", write = "write to", kill = "kill",
  abort = "abort all of", write_arg_log = "write the words of" }

local WAITS = { wait = true, exchange = true }

--- Other stages are those of a start: of a pipeline, of which a part ran.
function describe.io(err)
  local verb = METHODS[err.stage]
  if verb then return ("cannot %s %s: %s"):format(verb, quoted(err.command), cause(err)) end
  if WAITS[err.stage] then return cannot("wait for", err) end
  return cannot("start", err) .. "; what stands before it had started, and was ended"
end

function describe.closed(err)
  return ("cannot use %s: %s"):format(quoted(err.command), cause(err))
end

--- The subject is the line.
function describe.parse(err)
  local place = ""
  if err.line then place = ("line %d %s: "):format(err.line, quoted(err.subject)) end
  return ("cannot parse %s: %s%s"):format(err.stage, place, printable(err.reason))
end

--- Whether an error can have that code.
---@return boolean
function failure.is_code(code)
  return describe[code] ~= nil
end

local function described(err)
  local text = describe[err.code](err)
  if not err.pipeline then return text end
  return ("%s: stage %d: %s"):format(quoted(err.pipeline), err.index, text)
end

--- The numbers at which there are errors.
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
    texts[i + 1] = described(err.errors[list[i]])
  end
  if #list > MOST_SHOWN then texts[#texts + 1] = "..." end
  return (table.concat(texts, "; "):gsub("; ", ": ", 1))
end

--- The other stages of a pipeline that failed may be what this one failed for.
local function other_stages(err)
  local text = ""
  for _, number in ipairs(err.pipeline and numbers(err.errors or {}) or {}) do
    if number ~= err.index then
      text = ("%s; stage %d: %s"):format(text, number, described(err.errors[number]))
    end
  end
  return text
end

function metatable.__tostring(err)
  return "noshell: " .. described(err) .. other_stages(err)
end

--- So that `"backup: " .. err` works.
function metatable.__concat(left, right)
  return tostring(left) .. tostring(right)
end

--- Makes an error of what the core reported, in place.
---@param raw table  the fields of noshell.error
---@param command string
---@param result? noshell.result
---@return noshell.error
function failure.new(raw, command, result)
  -- The core calls strerror's text so; to a reader of an error it would seem
  -- to be the whole of it.
  raw.strerror, raw.message = raw.message, nil
  raw.command, raw.result = command, result
  return setmetatable(raw, metatable)
end

--- Whether the value is an error of noshell.
---@return boolean
function failure.is(value)
  return getmetatable(value) == metatable
end

--- Makes an error of the fields of another one.
---@param fields table
---@return noshell.error
function failure.wrap(fields)
  return setmetatable(fields, metatable)
end

--- Makes the error of a parser.
---@param stage string    the parser
---@param reason string
---@param line? integer
---@param subject? string  that line
---@return noshell.error
function failure.of_text(stage, reason, line, subject)
  return failure.wrap { code = "parse", stage = stage, reason = reason, line = line,
    subject = subject }
end

return failure
