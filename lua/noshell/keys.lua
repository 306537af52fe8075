--- The keys of SPEC tables, and the setters that they call.

local core = require "noshell.core"
local failure = require "noshell.failure"
local list = require "noshell.list"
require "noshell.sandbox"
local setters = require "noshell.command_streams"

local keys = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

-- Argument errors -------------------------------------------------------------

local shown = failure.shown

--- Records an argument error, as the command's setters do.
---@param cmd noshell.command
---@param key string
---@param value any
---@param reason string
function keys.reject(cmd, key, value, reason)
  cmd:_argument_error(key, shown(value), reason)
end

local reject = keys.reject

local function bad_type(cmd, key, value, wanted)
  reject(cmd, key, value, "must be " .. wanted)
end

--- Returns the length of a list. Returns nil after an argument error: it is no table,
--- or has another key or a hole.
local function length(cmd, key, given)
  if type(given) ~= "table" then
    bad_type(cmd, key, given, "a list")
    return nil
  end
  local count, reason = list.length(given)
  if not count then reject(cmd, key, given, reason) end
  return count
end

--- Records the key of a SPEC as that of the first argument error, if the error is about an
--- item of its value, or about its grace period.
---@param cmd noshell.command
---@param key string
---@param given any
---@param spec table
function keys.name_error(cmd, key, given, spec)
  if key == "timeout" and spec.grace ~= nil then
    cmd:_set_argument_error_key("grace", spec.grace)
  elseif type(given) == "table" and key ~= "pass_fds" then
    for _, item in ipairs(given) do cmd:_set_argument_error_key(key, item) end
    for name, item in pairs(key == "limits" and given or {}) do
      cmd:_set_argument_error_key(key, name)
      cmd:_set_argument_error_key(key, item)
    end
  end
end

--- Returns the keys of a map, sorted. Returns nil after an argument error: it is no
--- table, or a key is no string; `example` shows how to write it.
local function names(cmd, key, map, example)
  if type(map) ~= "table" then
    bad_type(cmd, key, map, "a table: write " .. example)
    return nil
  end
  local sorted = {}
  for name in pairs(map) do
    if type(name) ~= "string" then
      reject(cmd, key, map, ("the key %s is not a string: write %s"):format(shown(name),
        example))
      return nil
    end
    sorted[#sorted + 1] = name
  end
  table.sort(sorted)
  return sorted
end

-- Kinds of setters: function(cmd, value, key, spec) ----------------------------

--- The setter is called with the value.
local function value(setter)
  return function(cmd, given) cmd[setter](cmd, given) end
end

--- The setter is called for true, and not for false.
local function flag(setter)
  return function(cmd, given, key)
    if given == true then
      cmd[setter](cmd)
    elseif given ~= false then
      bad_type(cmd, key, given, "true or false")
    end
  end
end

--- False reads as "pass nothing on", which is clear_env.
local function inherit_env(cmd, given, key)
  if given == false then
    return reject(cmd, key, given, "must be true: write clear_env = true to pass none on")
  end
  flag "inherit_env" (cmd, given, key)
end

--- The maximum number of arguments that a call may have on every Lua.
local MOST_ARGUMENTS = 200

--- The setter is called with the items of a list, or with the single value.
local function arguments(setter)
  return function(cmd, given, key)
    if type(given) ~= "table" then
      cmd[setter](cmd, given)
    else
      local count = length(cmd, key, given)
      if count and count > MOST_ARGUMENTS then
        reject(cmd, key, given, ("has more than %d items"):format(MOST_ARGUMENTS))
      elseif count then
        cmd[setter](cmd, unpack(given, 1, count))
      end
    end
  end
end

--- The setter is called for each item of a list, or for the single value.
local function each(setter)
  return function(cmd, given, key)
    if type(given) ~= "table" then given = { given } end
    for i = 1, length(cmd, key, given) or 0 do
      if type(given[i]) == "table" then
        return reject(cmd, key, given, ("item %d is a table"):format(i))
      end
      cmd[setter](cmd, given[i])
    end
  end
end

--- Adds a list of words, flattened. An error in any of them is reported for the key.
local function args(cmd, given, key)
  local is_wrong = cmd:argument_error() ~= nil
  cmd:add_arg(given)
  if not is_wrong then cmd:_set_argument_error_key(key) end
end

--- Uses KILL, which a program cannot ignore: it must not outlive this process.
local function kill_on_exit(cmd, given, key)
  if given == true then
    cmd:set_parent_death_signal("KILL")
  elseif given ~= false then
    bad_type(cmd, key, given, "true or false")
  end
end

local function pty(cmd, given)
  if given ~= false then cmd:set_pty(given) end
end

--- True makes a new group, as 0 does; a number is a group to join.
local function process_group(cmd, given)
  if given ~= false then cmd:set_process_group(given) end
end

--- The setter takes a value and options: "x", or { "x", if_enabled = true }.
local function with_options(setter)
  return function(cmd, given)
    if type(given) ~= "table" then
      cmd[setter](cmd, given)
    else
      local rest = {}
      for name, option in pairs(given) do
        if name ~= 1 then rest[name] = option end
      end
      cmd[setter](cmd, given[1], rest)
    end
  end
end

-- Keys with their own rules -----------------------------------------------------

--- If one of these is used together with `env`, nothing else is inherited.
local ALLOW_LISTS = { "clear_env", "pass_env", "pass_env_common",
  "pass_env_allow_suid", "pass_env_block_suid" }

local function inherits(spec)
  for _, key in ipairs(ALLOW_LISTS) do
    if spec[key] then return false end
  end
  return true
end

--- Returns the right form of { "A=b" }, without the value, which may be a secret.
local function env_example(map)
  local first = type(map) == "table" and map[1] or map
  local name = type(first) == "string" and first:match "^([%a_][%w_]*)="
  return name and ('{ %s = "..." }'):format(name) or '{ NAME = "value" }'
end

local function env(cmd, map, key, spec)
  if inherits(spec) then cmd:inherit_env() end
  for _, name in ipairs(names(cmd, key, map, env_example(map)) or {}) do
    local given = map[name]
    if given == false then
      cmd:unset_env(name)
    elseif given == true or type(given) == "table" or type(given) == "function" then
      return reject(cmd, key, map, ("%s = %s: must be a string or a number, or false to remove "
        .. "it"):format(name, shown(given)))
    else
      cmd:add_env_pair(name, given)
    end
  end
end

local function pass_env(cmd, given, key)
  -- An empty list passes no variables; without the key, all are inherited.
  if type(given) == "table" and next(given) == nil then cmd:clear_env() end
  each("pass_env")(cmd, given, key)
end

local function limits(cmd, map, key)
  for _, name in ipairs(names(cmd, key, map, "{ nofile = 64 }") or {}) do
    local limit = map[name]
    if type(limit) ~= "table" then limit = { limit } end
    local count = length(cmd, key, limit)
    if count then cmd:set_limit(name, unpack(limit, 1, count)) end
  end
end

local function caps(cmd, given, key)
  cmd:clear_caps()
  each("allow_cap")(cmd, given, key)
end

local function check(cmd, given, key)
  if given == false then
    cmd:allow_any_exit()
  elseif given ~= true then
    bad_type(cmd, key, given, "true or false")
  end
end

local function timeout(cmd, seconds, _, spec)
  if spec.grace == nil then
    cmd:set_timeout(seconds)
  else
    cmd:set_timeout(seconds, spec.grace)
  end
end

--- In a SPEC, the key timeout applies it; set_grace changes the grace of a timeout that
--- is already set.
local function grace(cmd, seconds, key, spec)
  local set = key == "set_grace" and cmd:_describe().timeout
  if set then
    cmd:set_timeout(set, seconds)
  elseif spec.timeout == nil then
    reject(cmd, key, seconds, "'grace' requires 'timeout'")
  end
end

local function input(cmd, given)
  if type(given) == "string" or type(given) == "number" then
    cmd:set_input_buffer(given)
  else
    cmd:set_input(given)
  end
end

--- "tail" keeps the default number of bytes; "all" is the default.
local function capture(cmd, given, key, spec)
  if given == "tail" then
    if spec.tail == nil then cmd:set_tail() end
  elseif given ~= "all" then
    reject(cmd, key, given, 'must be "tail" or "all"')
  elseif spec.tail ~= nil then
    reject(cmd, key, given, "conflicts with 'tail'")
  end
end

local function tail(cmd, bytes, key, spec)
  cmd:set_tail(bytes)
  if spec.max_output ~= nil then
    reject(cmd, key, bytes, "conflicts with 'max_output'")
  end
end

local function stdin(cmd, target, key, spec)
  if spec.input ~= nil or spec.input_buffer ~= nil then
    reject(cmd, key, target, "conflicts with 'input'")
  else
    cmd:set_stdin(target)
  end
end

--- { 8, [3] = 9 } passes our descriptor 8 under its own number, and our 9 as the
--- child's 3. Items of the list part, from 1 without a gap, keep their numbers.
local function pass_fds(cmd, map, key)
  if type(map) ~= "table" then return bad_type(cmd, key, map, "a table") end
  local plain, targets = 0, {}
  while map[plain + 1] ~= nil do
    plain = plain + 1
    cmd:pass_fd(map[plain])
  end
  for target in pairs(map) do
    if type(target) ~= "number" then
      return reject(cmd, key, map, ("the key %s is not a descriptor of the child")
        :format(shown(target)))
    end
    if target < 1 or target > plain or target % 1 ~= 0 then
      targets[#targets + 1] = target
    end
  end
  table.sort(targets)
  for _, target in ipairs(targets) do
    cmd:pass_fd(map[target], { as = target })
  end
end

--- Names the part of the table that is wrong: "sandbox.network".
local function sandbox(cmd, given)
  if given == false then return end
  local is_wrong = cmd:argument_error() ~= nil
  cmd:set_sandbox(given)
  local err = not is_wrong and cmd:argument_error()
  local part = err and err.reason:match "^option '([%w_.]+)'"
  if part then cmd:_set_argument_error_key("sandbox." .. part) end
end

--- Stands for the rows of setters.def, which the core lists.
local SCALARS = {}

--- Every key, in the order of application: a fixed order makes the first of several
--- argument errors the same in every run.
local SETTERS = {
  { "arg0", value "set_arg0" },
  { "arg", value "add_arg" },
  { "args", args },
  { "arg_pair", arguments "add_arg_pair" },
  { "arg_format", arguments "add_arg_format" },

  { "clear_env", flag "clear_env" },
  { "inherit_env", inherit_env },
  { "pass_env", pass_env },
  { "pass_env_allow_suid", each "pass_env_allow_suid" },
  { "pass_env_block_suid", arguments "pass_env_block_suid" },
  { "pass_env_common", flag "pass_env_common" },
  { "env_xdg", value "add_env_xdg" },
  { "env", env },
  { "env_pair", arguments "add_env_pair" },
  { "env_string", each "add_env_string" },
  { "env_format", arguments "add_env_format" },
  { "unset_env", each "unset_env" },

  { "input", input },
  { "input_buffer", value "set_input_buffer" },
  { "pty", pty },
  { "stdin", stdin },
  { "stdout", value "set_stdout" },
  { "stderr", value "set_stderr" },
  { "on_stdout", value "on_stdout" },
  { "on_stderr", value "on_stderr" },
  { "capture", capture },
  { "tail", tail },
  { "crlf", flag "set_crlf" },
  { "pass_fd", with_options "pass_fd" },
  { "pass_fds", pass_fds },
  { "pipes", value "set_pipes" },

  SCALARS,
  { "kill_on_exit", kill_on_exit },
  { "process_group", process_group },
  { "working_directory", value "set_working_directory" },
  { "limit", arguments "set_limit" },
  { "limits", limits },
  { "cpu_affinity", value "set_cpu_affinity" },
  { "run_alone", flag "run_alone" },
  { "run_among", value "run_among" },

  { "user", value "set_user" },
  { "uid", value "set_uid" },
  { "gid", value "set_gid" },
  { "groups", value "set_groups" },
  { "caps", caps },
  { "clear_caps", flag "clear_caps" },
  { "allow_cap", each "allow_cap" },
  { "selinux_label", with_options "set_selinux_label" },
  { "apparmor_profile", with_options "set_apparmor_profile" },

  { "sandbox", sandbox },

  { "pre_exec_hook", arguments "set_pre_exec_hook" },

  { "machine", value "set_machine" },
  { "timeout", timeout },
  { "grace", grace },
  { "max_output", value "set_max_output" },
  { "ok_codes", each "allow_exit" },
  { "allow_exit", each "allow_exit" },
  { "check", check },
}

--- The keys, in that order.
keys.names = {}

--- The setter of each key: f(cmd, value, key, spec).
keys.setters = {}

local function add_key(name, setter)
  keys.names[#keys.names + 1] = name
  keys.setters[name] = setter
end

for _, entry in ipairs(SETTERS) do
  if entry == SCALARS then
    for _, row in ipairs(core.setters()) do
      add_key(row.key, row.kind == "flag" and flag(row.name) or value(row.name))
    end
  else
    add_key(entry[1], entry[2])
  end
end

-- Methods named after the keys --------------------------------------------------

local commands = core.methods.command

--- The methods that are defined here: set_<key> → key.
keys.methods = {}

--- Defines set_<key> for a key whose setter has another name. It takes the same value
--- as the key.
local function define_method(key)
  local method = "set_" .. key
  if commands[method] then return end
  keys.methods[method] = key
  commands[method] = function(self, ...)
    if setters.has_count(self, method, 1, 1, ...) then
      keys.setters[key](self, (...), method, {})
    end
    return self
  end
end

for _, name in ipairs(keys.names) do define_method(name) end

return keys
