--- The properties of a transient unit that a command needs, and the lines of sh that check
--- whether systemd has applied them. Pure functions.

local core = require "noshell.core"
local failure = require "noshell.failure"

local unit = {}

--- The keys of command:_describe that become properties.
unit.KEYS = { uid = true, gid = true, groups = true, clear_caps = true, allow_cap = true,
  no_new_privs = true, selinux_label = true, apparmor_profile = true, oom_score_adj = true,
  cpu_affinity = true }

--- Returns the name of the unit of a run or connection.
---@param nonce string
---@param is_upload? boolean  it only writes the run's script
---@return string
function unit.name(nonce, is_upload)
  return "noshell-" .. nonce .. (is_upload and "-upload" or "")
end

-- The options -----------------------------------------------------------------------------

--- Properties that would hide the connection's directory or sh, or that noshell sets.
local REFUSED = {
  RootDirectory = "the script would find neither sh nor its connection",
  RootImage = "the script would find neither sh nor its connection",
  DynamicUser = "each unit would have another user: set User",
  Type = "noshell sets it", ExecStart = "noshell sets it", BindsTo = "noshell sets it",
  RemainAfterExit = "the unit would not end", Restart = "the program would run again",
  StandardInput = "set stdin of the command", StandardOutput = "set stdout of the command",
  StandardError = "set stderr of the command", WorkingDirectory = "set cwd of the command",
  UMask = "set umask of the command",
}

local function is_value(value)
  return type(value) == "string" or type(value) == "number" or type(value) == "boolean"
end

--- Returns the reason if the option `properties` is wrong.
---@param properties table
---@return string?
function unit.find_error(properties)
  for name, value in pairs(properties) do
    if type(name) ~= "string" or not name:find "^%u%w+$" then
      return "properties: the names are those of systemd.exec(5) and others, such as MemoryMax"
    elseif REFUSED[name] then
      return ("properties.%s: %s"):format(name, REFUSED[name])
    end
    local is_list = type(value) == "table"
    for _, item in ipairs(is_list and value or { value }) do
      if not is_value(item) then
        return ("properties.%s: a text, a number, true, false or a list is needed"):format(name)
      end
    end
  end
end

local function text_of(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  if type(value) == "number" and value % 1 == 0 then return ("%.0f"):format(value) end
  return tostring(value)
end

local function add_given(list, properties, wanted)
  local names = {}
  for name in pairs(properties) do
    if not wanted or wanted[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = properties[name]
    for _, item in ipairs(type(value) == "table" and value or { value }) do
      list[#list + 1] = name .. "=" .. text_of(item)
    end
  end
  return list
end

-- The identity ----------------------------------------------------------------------------

local function add_ids(list, uid, gid, groups)
  if uid then list[#list + 1] = ("User=%d"):format(uid) end
  if gid then list[#list + 1] = ("Group=%d"):format(gid) end
  if groups and groups ~= "" then list[#list + 1] = "SupplementaryGroups=" .. groups end
end

--- Returns the identity of a command as text, such as "5:60:7 8"; nil if it has none.
---@param cmd noshell.command
---@return string?
function unit.key(cmd)
  local told = cmd:_describe()
  if not (told.uid or told.gid or told.groups) then return nil end
  return ("%s:%s:%s"):format(told.uid or "", told.gid or "",
    table.concat(told.groups or {}, " "))
end

local OF_IDENTITY = { User = true, Group = true, SupplementaryGroups = true }

--- Returns the properties of a connection for the commands with this key.
---@param key? string
---@param properties table
---@return string[]
function unit.identity(key, properties)
  local list = add_given({}, properties, OF_IDENTITY)
  local uid, gid, groups = (key or "::"):match "^(.-):(.-):(.*)$"
  add_ids(list, tonumber(uid), tonumber(gid), groups)
  return list
end

-- Everything else -------------------------------------------------------------------------

local CAPABILITIES = { [0] = "chown", "dac_override", "dac_read_search", "fowner", "fsetid",
  "kill", "setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
  "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module",
  "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
  "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write",
  "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm",
  "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore" }

local function add_capabilities(list, told)
  if told.no_new_privs then list[#list + 1] = "NoNewPrivileges=yes" end
  if not told.clear_caps then return end
  local names = {}
  for i, number in ipairs(told.allow_cap or {}) do
    names[i] = "CAP_" .. CAPABILITIES[number]:upper()
  end
  local text = table.concat(names, " ")
  list[#list + 1] = "CapabilityBoundingSet=" .. text
  list[#list + 1] = "AmbientCapabilities=" .. text
end

local function limit_text(value)
  return value == "unlimited" and "infinity" or ("%.0f"):format(value)
end

local function add_limits(list, limits)
  local names = {}
  for name in pairs(limits) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local pair = limits[name]
    list[#list + 1] = ("Limit%s=%s:%s"):format(name:upper(), limit_text(pair[1]),
      limit_text(pair[2]))
  end
end

--- Returns the properties of a command's unit, such as "MemoryMax=512M".
---@param cmd noshell.command
---@param properties table  those of the machine
---@param connection noshell.control
---@return string[]
function unit.properties(cmd, properties, connection)
  local told = cmd:_describe()
  local control = unit.name(connection.nonce) .. ".service"
  -- systemd ends this unit when the connection's unit ends for any reason.
  local list = { "BindsTo=" .. control, "After=" .. control, "TimeoutStopSec=5",
    "IgnoreSIGPIPE=no" }
  add_given(list, properties)
  if next(properties) then
    -- The properties may hide the script's directory or make it read-only.
    list[#list + 1] = "BindPaths=" .. connection.directory
    list[#list + 1] = "ReadWritePaths=" .. connection.directory
  end
  add_ids(list, told.uid, told.gid, table.concat(told.groups or {}, " "))
  add_capabilities(list, told)
  add_limits(list, told.limits or {})
  local function add(name, value)
    if value then list[#list + 1] = name .. "=" .. tostring(value) end
  end
  add("Nice", told.nice)
  add("OOMScoreAdjust", told.oom_score_adj)
  add("CPUAffinity", told.cpu_affinity and table.concat(told.cpu_affinity, " "))
  add("SELinuxContext", told.selinux_label)
  add("AppArmorProfile", told.apparmor_profile)
  return list
end

--- Returns a key that cannot be applied exactly, its value and the reason.
---@param cmd noshell.command
---@param options table
---@return string? key
---@return string? value
---@return string? reason
function unit.find_conflict(cmd, options)
  local told = cmd:_describe()
  local key = told.uid and "uid" or told.gid and "gid" or told.groups and "groups"
  if key and options.machine then
    return key, failure.shown(told[key]), "accounts are looked up here, not on the machine: set "
      .. "User in its properties"
  elseif told.allow_cap and not told.clear_caps then
    return "allow_cap", failure.shown(told.allow_cap), "needs clear_caps in a unit"
  elseif told.cpu_affinity == "all" then
    return "cpu_affinity", '"all"', "a unit needs a list of processors"
  end
end

-- Checks ----------------------------------------------------------------------------------

--- The checks are lines of the script that run before the program, because systemd ignores some
--- properties that it cannot apply.
local LIBRARY = [==[
nsh_is() { test "$2" = "$3" || nsh_fail $1 EPERM; }
nsh_status() {
  while read -r nsh_i nsh_x; do test "$nsh_i" != "$1:" || return 0; done </proc/self/status
}
nsh_label() {
  read -r nsh_x </proc/self/attr/$2 || nsh_x=
  nsh_is $1 "${nsh_x% (*}" "$3"
} 2>/dev/null
]==]

local function sorted_ids(gid, groups)
  local seen, list = { [gid] = true }, { gid }
  for _, id in ipairs(groups) do
    if not seen[id] then list[#list + 1] = id end
    seen[id] = true
  end
  table.sort(list)
  return table.concat(list, " ") .. " "
end

--- Returns the hexadecimal mask of a list of numbers, as /proc/pid/status has it.
local function mask_of(numbers)
  local digits = {}
  for i = 1, 16 do digits[i] = 0 end
  for _, number in ipairs(numbers) do
    local i = 16 - math.floor(number / 4)
    digits[i] = digits[i] + 2 ^ (number % 4)
  end
  for i = 1, 16 do digits[i] = ("%x"):format(digits[i]) end
  return table.concat(digits)
end

--- Returns the lines that check the command's properties; "" if there are none.
---@param cmd noshell.command
---@return string
function unit.checks(cmd)
  local told, lines = cmd:_describe(), {}
  local function add(text, ...) lines[#lines + 1] = text:format(...) end
  if told.uid then add("nsh_is set_uid \"$(id -u)\" %d", told.uid) end
  if told.gid then add("nsh_is set_gid \"$(id -g)\" %d", told.gid) end
  if told.groups and told.gid then
    add("nsh_is set_groups \"$(id -G | tr ' ' '\\n' | sort -nu | tr '\\n' ' ')\" '%s'",
      sorted_ids(told.gid, told.groups))
  end
  if told.clear_caps then
    local mask = mask_of(told.allow_cap or {})
    add("nsh_status CapEff; nsh_is set_caps \"$nsh_x\" %s", mask)
    add("nsh_status CapBnd; nsh_is set_caps \"$nsh_x\" %s", mask)
  end
  if told.selinux_label then
    add("nsh_label set_selinux_label current %s", core.quote(told.selinux_label))
  end
  if told.apparmor_profile then
    add("nsh_label set_apparmor_profile current %s", core.quote(told.apparmor_profile))
  end
  if not lines[1] then return "" end
  return LIBRARY .. table.concat(lines, "\n") .. "\n"
end

-- Failures --------------------------------------------------------------------------------

--- The exit statuses of systemd for steps that fail before it executes the program
--- (systemd.exec(5)).
local STEPS = { [200] = "CHDIR", [201] = "NICE", [203] = "EXEC", [204] = "MEMORY",
  [205] = "LIMITS", [206] = "OOM_ADJUST", [213] = "CPUAFFINITY", [214] = "SETSCHEDULER",
  [216] = "GROUP", [217] = "USER", [218] = "CAPABILITIES", [219] = "CGROUP", [220] = "SETSID",
  [225] = "NETWORK", [226] = "NAMESPACE", [227] = "NO_NEW_PRIVILEGES", [228] = "SECCOMP",
  [229] = "SELINUX_CONTEXT", [231] = "APPARMOR_PROFILE", [232] = "ADDRESS_FAMILIES" }

--- Explains the status of a unit in which nothing ran.
---@param code integer
---@return string?
function unit.explain(code)
  return STEPS[code] and ("systemd could not set up the unit: status %d, %s"):format(code,
    STEPS[code])
end

return unit
