--- The options of a pipeline: those of the pipeline itself, and keys of a SPEC that it
--- passes to its commands. A command's own option takes precedence.

local command = require "noshell.command"
local drive = require "noshell.drive"
local failure = require "noshell.failure"
local keys = require "noshell.keys"
local names = require "noshell.names"
local nearest = require "noshell.nearest"
local state = require "noshell.state"

local pipeline_options = {}

--- The commands that get a key: "all", the first, or the last. The other keys make no
--- sense for a pipeline, such as args, or only for one of its commands, such as pass_fd.
---@type table<string, "all"|"first"|"last">
local TARGETS = { input = "first", input_buffer = "first", stdin = "first",
  on_stdout = "last", stdout = "last" }

for _, key in ipairs { "allow_cap", "allow_exit", "apparmor_profile", "capture", "caps",
  "check", "clear_caps", "clear_env", "cpu_affinity", "crlf", "cwd", "env", "env_xdg",
  "gid", "groups", "inherit_env", "kill_on_exit", "limits", "machine", "max_core_size",
  "max_files",
  "max_mem_lock", "max_output", "max_processes", "new_process_group", "nice",
  "no_new_privs", "ok_codes", "on_stderr", "oom_score_adj", "parent_death_signal",
  "pass_env", "pass_env_common", "sandbox", "search_path", "selinux_label", "stderr", "stop_signal",
  "tail", "uid", "umask", "unset_env", "user", "working_directory" } do
  TARGETS[key] = "all"
end

--- The keys that would remove variables that an existing command has set.
local OF_SPECS = { clear_env = true, inherit_env = true, pass_env = true,
  pass_env_common = true }

--- Hides a string under an unknown key: it may be a secret.
local function reject(rules, key, value, reason)
  local is_hidden = type(value) == "string" and not keys.setters[key]
  rules:_argument_error(key, is_hidden and "***" or failure.shown(value), reason)
  rules:_set_argument_error_key(key)
end

local function all_keys()
  local list = { "timeout", "grace" }
  for key in pairs(TARGETS) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local function reason_of(key)
  if keys.setters[key] then return "no such option of a pipeline; set it on a command" end
  if names.FOREIGN_OPTIONS[key] then return "no such option: " .. names.FOREIGN_OPTIONS[key] end
  local near = nearest.word(key, all_keys())
  return near and ("no such option, did you mean '%s'?"):format(near)
    or "no such option of a pipeline; the README lists them"
end

--- Returns the options for the commands; nil if there are none. Records an argument error
--- for each other key.
---@param rules noshell.command
---@param spec noshell.pipeline_spec
---@return table<string, any>?
function pipeline_options.shared(rules, spec)
  local shared, wrong
  for key, value in pairs(spec) do
    if TARGETS[key] then
      shared = shared or {}
      shared[key] = value
    elseif type(key) ~= "number" and key ~= "timeout" and key ~= "grace" then
      wrong = (wrong == nil or tostring(key) < wrong) and tostring(key) or wrong
    end
  end
  if wrong then reject(rules, wrong, spec[wrong], reason_of(wrong)) end
  return shared
end

--- True if command `index` of `count` gets the key.
local function is_for(key, index, count)
  local target = TARGETS[key]
  return target == "all" or (target == "first" and index == 1)
    or (target == "last" and index == count)
end

-- SPEC tables -------------------------------------------------------------------------

local function merged(own, common)
  if type(own) ~= "table" or type(common) ~= "table" then return own end
  local both = {}
  for name, value in pairs(common) do both[name] = value end
  for name, value in pairs(own) do both[name] = value end
  return both
end

local MERGED = { env = true, limits = true }

--- Keys that exclude each other: the command has one of them.
local GROUPS = { input = { "input", "input_buffer", "stdin" },
  cwd = { "cwd", "working_directory" } }
GROUPS.input_buffer, GROUPS.stdin, GROUPS.working_directory = GROUPS.input, GROUPS.input,
  GROUPS.cwd

local function has(spec, key)
  for _, name in ipairs(GROUPS[key] or { key }) do
    if spec[name] ~= nil then return true end
  end
  return false
end

local function complete_spec(spec, shared, index, count)
  local complete = {}
  for key, value in pairs(spec) do complete[key] = value end
  for key, value in pairs(shared) do
    if is_for(key, index, count) then
      if MERGED[key] and spec[key] ~= nil then
        complete[key] = merged(spec[key], value)
      elseif not has(spec, key) then
        complete[key] = value
      end
    end
  end
  return complete
end

-- Commands ----------------------------------------------------------------------------

--- Returns the variables that the command has not set itself.
local function left_variables(cmd, env)
  if type(env) ~= "table" then return env end
  local now, left = cmd:env(), {}
  for name, value in pairs(env) do
    if type(name) ~= "string" or now[name] == os.getenv(name) then left[name] = value end
  end
  return left
end

local function left_limits(told, limits)
  if type(limits) ~= "table" then return limits end
  local left = {}
  for name, value in pairs(limits) do
    if not (told.limits and told.limits[name]) then left[name] = value end
  end
  return left
end

local STREAMS = { input = 0, input_buffer = 0, stdin = 0, stdout = 1, stderr = 2 }

--- The field of _describe for a key, if it has another name.
local FIELDS = { user = "uid", caps = "clear_caps", working_directory = "cwd",
  max_files = "limits", max_processes = "limits", max_mem_lock = "limits",
  max_core_size = "limits", kill_on_exit = "parent_death_signal" }

--- Returns the targets of a tee to a function as the last command: the function, and the
--- target of the pipeline.
local function with_tee(tee, target)
  local both = { tee }
  local is_list = type(target) == "table" and not getmetatable(target) and target[1] ~= nil
  for _, each in ipairs(is_list and target or { target }) do
    if each ~= "null" then both[#both + 1] = each end
  end
  return both
end

--- Returns the value to set; nil if the command has its own.
local function left_value(cmd, told, key, value)
  local tee = key == "stdout" and cmd:stdio(1) == "list" and state.of(cmd).tee
  if tee then return with_tee(tee, value) end
  if key == "env" then return left_variables(cmd, value) end
  if key == "limits" then return left_limits(told, value) end
  if STREAMS[key] then
    return drive.stdio(cmd, STREAMS[key]) == "default" and value or nil
  end
  if told[FIELDS[key] or key] ~= nil or state.of(cmd)[key] ~= nil then return nil end
  return value
end

local function complete_command(cmd, shared, index, count)
  local copy, told = cmd:clone(), cmd:_describe()
  for i = 1, #keys.names do
    local key = keys.names[i]
    local value = shared[key]
    if value ~= nil and is_for(key, index, count) then
      value = left_value(cmd, told, key, value)
      if OF_SPECS[key] then
        reject(copy, key, shared[key], "the pipeline cannot set it for a command that exists: "
          .. "set it on the command, or write a SPEC table")
      elseif value ~= nil then
        keys.setters[key](copy, value, key, shared)
        if copy:_set_argument_error_key(key, value) then break end
      end
    end
  end
  return copy
end

--- Returns member `index` of `count` with the options that it does not have itself: a SPEC
--- table, or a copy of a command.
---@param member noshell.spec|noshell.command|string
---@param shared table<string, any>
---@param index integer
---@param count integer
---@return noshell.spec|noshell.command|string
function pipeline_options.complete(member, shared, index, count)
  if type(member) == "string" then member = { member } end
  if command.is(member) then return complete_command(member, shared, index, count) end
  if type(member) ~= "table" or getmetatable(member) ~= nil then return member end
  return complete_spec(member, shared, index, count)
end

return pipeline_options
