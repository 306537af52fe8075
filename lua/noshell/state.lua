--- The Lua layer's state of a command or process: a table that is the userdata's user
--- value, so it lives as long as the object. Cloning a command copies it.

--- The state of a command. A clone has a copy.
---@class noshell.command_state
---@field input? string[]|fun(): string?  the source of stdin, read while the program runs
---@field hides_input? boolean            the input buffer is a secret
---@field on_stdout? noshell.heard        its function, and which pieces it gets
---@field on_stderr? noshell.heard
---@field tail? integer                   set_tail
---@field crlf? boolean                   set_crlf
---@field sandbox? noshell.sandbox        a copy of the table, for dry runs
---@field lists? noshell.heard[][]       the functions in the lists of targets of stdout, stderr
---@field tee? fun(data: string)          the command is noshell.tee of this function
---@field leads? boolean                  its stdout is the next command's stdin
---@field follows? noshell.command        its stdin is the stdout of this one
---@field machine? noshell.machine_object        where it runs, if not here
---@field dry? noshell.dry_record         if a dry run "started" it
---@field [0|1|2] any                     the object or list to which a stream is directed
---@field passed? table                   the objects of pass_fd

--- The state of a process.
---@class noshell.process_state
---@field command string                  its command line
---@field driver? noshell.driver          if Lua functions are called while it runs
---@field is_fed? boolean                 its input is made by the driver, not by the caller
---@field owner? noshell.pipeline_process  the pipeline that it is part of
---@field groups? table<noshell.stream, noshell.group>  a stream and its process or pipeline
---@field is_joined? boolean              its stderr is its stdout
---@field crlf? boolean                   lines of its streams end with CR LF
---@field iterated? boolean               an iterator over its output started it
---@field calls? noshell.scope            ... and its scope ends it if a wait fails
---@field started_in? noshell.scope         the call that started it
---@field watched_by? noshell.pollset     the set that watches it, kept alive here
---@field result? noshell.result          the outcome, once it was determined
---@field err? noshell.error
---@field full_text? string              the command line for a trace, with env values
---@field machine? string                 the name of the machine on which it runs
---@field remote? noshell.run             if its program runs on a machine
---@field dry? noshell.dry_record         if it is a process of a dry run
---@field [0|1|2] noshell.stream          its streams

local core = require "noshell.core"

local state = {}

-- A cache that saves a call into C for each access. Both references are weak: before Lua
-- 5.2, a value that refers to its key, as a state does, would keep the key alive.
local known = setmetatable({}, { __mode = "kv" })

local fetch_command, fetch_process = core.methods.command._state, core.methods.process._state
local command_type = core.metatables.command

--- Returns the state of a command or of a process, closed ones included.
---@param object noshell.command|noshell.process
---@return table
---@overload fun(object: noshell.command): noshell.command_state
---@overload fun(object: noshell.process): noshell.process_state
function state.of(object)
  local found = known[object]
  if found then return found end
  local fetch = getmetatable(object) == command_type and fetch_command or fetch_process
  found = fetch(object)
  known[object] = found
  return found
end

return state
