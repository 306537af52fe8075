--- Calls of a dry run: descriptions of commands, for handlers and specs. Secrets are
--- shown as ***.

local core = require "noshell.core"
local drive = require "noshell.drive"
local keys = require "noshell.keys"
local misuse = require "noshell.misuse"
local state = require "noshell.state"

--- A command that would have been run. Besides the fields below, it has the keys of a
--- SPEC that were set: cwd, umask, limits (each { soft, hard }), uid, gid, groups,
--- timeout, daemonize, pid_file, new_session, pass_fds (by the child's number),
--- send_buffers (*** by the child's number), allow_cap (numbers), pre_exec_hook (true),
--- and others.
---@class noshell.dry_call
---@field number integer       1 for the first call of the dry run
---@field command string       the command line, as in errors and traces
---@field program string
---@field args string[]        the arguments without the program
---@field argv string[]        the program and its arguments
---@field env table<string, string>  the whole environment
---@field input? string        the standard input. An input function is called until it
---  ends. If stdin is a pipe: the bytes written to it, once the program is waited for,
---  read or closed. In a pipeline: the output of the command before it
---@field stdin string|table|userdata|integer   "null", "input", "pipe", "inherit",
---  "pipeline", { path = ... }, or the object that it is directed to
---@field stdout string|table|userdata|integer  "capture", "pipe", "null", ...
---@field stderr string|table|userdata|integer
---@field pty? { rows: integer, columns: integer, echo: boolean }  its terminal
---@field pipes? table<integer, "read"|"write">
---@field written? table<integer, string>  what was written to these pipes, as for input
---@field stage? integer       its number in a pipeline
---@field machine? string      the name of the machine on which it would run
---@field exec? boolean        exec would have replaced this process
---@field pid? integer         a pid that no process can have
---@field signals integer[]    the signals that kill sent to it
---@field sandbox? table  as it was given, with lists in place of single values
---@field cmd noshell.command  the command itself, with its secrets in clear text

--- The fields that a call may lack, besides the keys of a SPEC.
local FIELDS = { number = true, command = true, program = true, args = true, argv = true,
  env = true, input = true, stdin = true, stdout = true, stderr = true, stage = true,
  exec = true, pid = true, signals = true, cmd = true, send_buffers = true,
  written = true }

local metatable = { __index = function(_, name)
  if not (FIELDS[name] or keys.setters[name]) then
    misuse.check_name("a call", name, FIELDS, keys.setters)
  end
end }

local call = {}

local WORDS = { buffer = "input" }

--- Returns the word for a stream, with the default resolved.
local function word_of(cmd, which, is_exec)
  local word = drive.stdio(cmd, which)
  if word ~= "default" then return WORDS[word] or word end
  if is_exec then return "inherit" end
  if cmd:_has_pty() then return "pty" end
  return which == 0 and "null" or "capture"
end

local function describe_streams(self, cmd, kept)
  for which, name in pairs(drive.names) do
    self[name] = self[name] or word_of(cmd, which, self.exec)
  end
  if kept.follows then self.stdin = "pipeline" end
  if kept.leads then self.stdout = "pipeline" end
end

--- The command lines with the values of variables, kept because the command may change
--- later.
---@type table<noshell.dry_call, string>
local full_texts = setmetatable({}, { __mode = "k" })

--- Returns the command line of a call with the values of variables.
---@param self noshell.dry_call
---@return string
function call.full_text(self)
  return full_texts[self]
end

--- Describes a command, without its input.
---@param cmd noshell.command
---@param number integer
---@param is_exec? boolean
---@return noshell.dry_call
function call.new(cmd, number, is_exec)
  local self, kept = cmd:_describe(), state.of(cmd)
  full_texts[self] = cmd:to_string { env_values = true }
  self.number, self.command, self.cmd = number, cmd:to_string(), cmd
  setmetatable(self, metatable)
  self.program, self.args = self.argv[1], {}
  for i = 2, #self.argv do self.args[i - 1] = self.argv[i] end
  self.env, self.signals, self.exec = cmd:env(), {}, is_exec
  self.sandbox = kept.sandbox
  self.machine = kept.machine and tostring(kept.machine)
  describe_streams(self, cmd, kept)
  return self
end

--- Limits the input that is drained: an endless source would end only when its program
--- closes stdin.
local MOST_INPUT = 64 * 1024 * 1024

--- Returns the noshell.stream to which a standard stream is directed, if any.
---@param kept table  of the command
---@param which 0|1|2
---@return noshell.stream?
function call.stream_of(kept, which)
  local given = kept[which]
  if type(given) == "userdata" and getmetatable(given) == core.metatables.stream then
    return given
  end
end

--- Reads the rest of a stream of a dry-run process.
local function rest_of(stream, pump)
  local process = stream:process()
  if not state.of(process).dry then return nil end
  pump(process)
  return stream:_read() or ""
end

--- Returns the input that is known when the command starts; and { err } if a user
--- callback raised err.
---@param cmd noshell.command
---@param pump fun(process: noshell.process)  lets a dry-run process end
---@return string?
---@return table? raised
function call.input_of(cmd, pump)
  local kept = state.of(cmd)
  if kept.input then return drive.drain(kept.input, MOST_INPUT) end
  local given = call.stream_of(kept, 0)
  if given and not given:closed() then return rest_of(given, pump) end
  local input = cmd:input()
  return input and kept.hides_input and "***" or input
end

return call
