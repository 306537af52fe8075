--- Calls of a dry run: what a command was to do, as its handler and the spec
--- look at it. Secrets are ***.

local core = require "noshell.core"
local drive = require "noshell.drive"

--- What would have been run. Beside these it has the keys of a SPEC that were
--- said: cwd, umask, limits, uid, gid, groups, timeout, daemonize, pid_file,
--- new_session, pass_fds (by the child's number), send_buffers (*** by the child's
--- number), allow_cap (numbers), limits (each { soft, hard }), pre_exec_hook (true),
--- and so on.
---@class noshell.dry_call
---@field number integer       1 for the first of the dry run
---@field command string       the command line, as in errors and traces
---@field program string
---@field args string[]        without the program
---@field argv string[]        with it
---@field env table<string, string>  the whole environment
---@field input? string        what it reads from stdin: a function is called for
---  all of it; where stdin is a pipe, what was written to it, once it was read,
---  waited for or closed; in a pipeline, what the stage before it wrote
---@field stdin string|table|userdata|integer   "null", "input", "pipe", "inherit",
---  "pipeline", { path = ... }, or what it was directed to
---@field stdout string|table|userdata|integer  "capture", "pipe", "null", ...
---@field stderr string|table|userdata|integer
---@field stage? integer       which of a pipeline it is
---@field exec? boolean        this process was to be replaced
---@field pid? integer         what the process has for a pid; no process ever has it
---@field signals integer[]    what kill sent to it
---@field cmd noshell.command  the command itself, with its secrets in clear

local call = {}

local WORDS = { buffer = "input" }

--- What the words of the core mean to who reads them.
local function word_of(cmd, which, is_exec)
  local word = drive.stdio(cmd, which)
  if word ~= "default" then return WORDS[word] or word end
  if is_exec then return "inherit" end
  return which == 0 and "null" or "capture"
end

local function describe_streams(self, cmd, kept)
  for which, name in pairs(drive.names) do
    self[name] = self[name] or word_of(cmd, which, self.exec)
  end
  if kept.follows then self.stdin = "pipeline" end
  if kept.leads then self.stdout = "pipeline" end
end

--- The call of a command, without its input.
---@param cmd noshell.command
---@param number integer
---@param is_exec? boolean
---@return noshell.dry_call
function call.new(cmd, number, is_exec)
  local self, kept = cmd:_describe(), cmd:_kept()
  self.number, self.command, self.cmd = number, cmd:to_string(), cmd
  self.program, self.args = self.argv[1], {}
  for i = 2, #self.argv do self.args[i - 1] = self.argv[i] end
  self.env, self.signals, self.exec = cmd:env(), {}, is_exec
  describe_streams(self, cmd, kept)
  return self
end

--- A program that reads no more is the only end of an endless input.
local MOST_INPUT = 64 * 1024 * 1024

--- The stream that a standard stream of the program was directed to.
---@param kept table  what the command keeps
---@param which 0|1|2
---@return noshell.stream?
function call.stream_of(kept, which)
  local given = kept[which]
  if type(given) == "userdata" and getmetatable(given) == core.metatables.stream then
    return given
  end
end

--- What is left to read of a stream that was handed over, of a dry run too.
local function rest_of(stream, pump)
  local process = stream:process()
  if not process:_kept().dry then return nil end
  pump(process)
  return stream:_read() or ""
end

--- All that the command is known to read when it starts; and { err } where a
--- function of the caller's raised err.
---@param cmd noshell.command
---@param pump fun(process: noshell.process)  has one of a dry run end
---@return string?
---@return table? raised
function call.input_of(cmd, pump)
  local kept = cmd:_kept()
  if kept.input then return drive.drain(kept.input, MOST_INPUT) end
  local given = call.stream_of(kept, 0)
  if given and not given:closed() then return rest_of(given, pump) end
  local input = cmd:input()
  return input and kept.hides_input and "***" or input
end

return call
