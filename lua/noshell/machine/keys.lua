--- The keys of a SPEC that work on machines. A command that needs anything else is
--- refused before it starts.

local failure = require "noshell.failure"
local state = require "noshell.state"

local keys = {}

--- What every machine supports, by the names of command:_describe.
keys.COMMON = {
  argv = true, stdin = true, stdout = true, stderr = true, timeout = true, grace = true,
  cwd = true, umask = true, nice = true, limits = true, stop_signal = true,
  allow_any_exit = true, raw_status = true,
  -- The program is always in a process group of its own there.
  new_process_group = true,
}

--- Explains what to use instead of a key.
local INSTEAD = {
  uid = "the machine's user runs the program", gid = "the machine's user runs the program",
  groups = "the machine's user runs the program",
  pipes = "only the standard streams reach another machine",
  pass_fds = "only the standard streams reach another machine",
  send_buffers = "only the standard streams reach another machine",
  arg0 = "sh always passes the program's own name",
}

--- parent_death_signal is KILL or TERM: a machine ends its programs with the connection.
local function is_kept(name, value)
  return name == "parent_death_signal" and (value == "KILL" or value == "TERM")
end

--- Returns the failure of a command that this engine cannot run exactly as asked, or nil.
---@param engine noshell.engine
---@param cmd noshell.command
---@param options table  of the machine
---@return noshell.failure?
function keys.refuse(engine, cmd, options)
  local told, names = cmd:_describe(), {}
  told.sandbox = state.of(cmd).sandbox
  for name in pairs(told) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = told[name]
    local is_known = keys.COMMON[name] or engine.keys[name] or is_kept(name, value)
    if not is_known then
      local instead = engine.instead and engine.instead[name] or INSTEAD[name]
      local why = instead and ": " .. instead or ""
      return { code = "invalid", key = name, value = failure.shown(value),
        reason = ("not supported by machines of the kind '%s'%s"):format(engine.name, why) }
    end
  end
  if not engine.find_conflict then return nil end
  local key, value, reason = engine.find_conflict(cmd, options)
  return key and { code = "invalid", key = key, value = value, reason = reason } or nil
end

return keys
