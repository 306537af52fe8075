--- The sh script that runs a command on a machine: it carries exact bytes, checks
--- everything that a SPEC asks for, and reports how the program ended. Pure functions.
---
--- Every machine needs a POSIX sh. A script consists of the library below and of the
--- lines that script.body returns. It says lines "<nonce> <word> ..." through the function
--- nsh_say, which each engine defines:
---   s                   the program starts now
---   f <stage> <errno>   it cannot start; "workdir" may follow
---   t, k                its timeout has passed: the stop signal was sent; KILL
---   e <status> <text>   it has ended; the text is not empty if a signal killed it

local core = require "noshell.core"

local script = {}

--- Functions of every script. They use builtins only, because each program that a script
--- starts costs about a millisecond. The names begin with nsh_, so that they replace no
--- variable of the program's environment.
---
--- The trap keeps this sh alive when its process group gets a signal; a subshell resets
--- it. The watch ends at URG. If the program ends before the watch has set its trap, URG is
--- lost, so the watch first checks whether the program runs. The subshell reports that the
--- program starts, because a signal before its reset has no effect. If a signal killed its
--- child, a sh writes "Terminated" to its stderr; if the child exited with 143, it writes
--- nothing. So its stderr is a file of the script meanwhile.
script.LIBRARY = [==[
nsh_fail() { nsh_say f "$@"; exit ${nsh_z:-97}; }
nsh_signals() { trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM; unset CDPATH IFS; set -f; }
nsh_cd() {
  nsh_c=$PWD
  cd -- "$1" 2>/dev/null && return
  test -e "$1" || nsh_fail set_working_directory ENOENT $2
  test -d "$1" || nsh_fail set_working_directory ENOTDIR $2
  nsh_fail set_working_directory EACCES $2
}
nsh_limit() {
  nsh_u=$1
  if test "$nsh_u" = -u && ! ( ulimit -u ) >/dev/null 2>&1; then nsh_u=-p; fi
  { ulimit -S $nsh_u "$2"; ulimit -H $nsh_u "$3"; ulimit -S $nsh_u "$2"; } >/dev/null 2>&1
  nsh_x=$(ulimit -S $nsh_u 2>/dev/null):$(ulimit -H $nsh_u 2>/dev/null)
  test "$nsh_x" = "$2:$3" || nsh_fail set_limit EPERM
}
nsh_nice() {
  nsh_x=$(nice) && nsh_i=$(($1 - nsh_x)) || nsh_fail set_nice ENOSYS
  nsh_x=$(nice -n $nsh_i nice 2>/dev/null)
  test "$nsh_x" = "$1" || nsh_fail set_nice EPERM
}
nsh_try() {
  test -e "$1" || return 1
  nsh_e=EACCES
  test -f "$1" && test -x "$1" && nsh_p=$1
}
nsh_find() {
  nsh_e=ENOENT nsh_p= nsh_a=$1
  case $1 in
  /*) nsh_try "$1" ;;
  */*) nsh_try "${nsh_c:-$PWD}/$1"; nsh_a=$nsh_p ;;
  *)
    IFS=:
    for nsh_x in $PATH; do
      case $nsh_x in /*) nsh_try "$nsh_x/$1" && break ;; esac
    done
    unset IFS
    case :$PATH: in *::* | *:[!/]*) nsh_a=$nsh_p ;; esac ;;
  esac
  test -n "$nsh_p" || nsh_fail find_program $nsh_e
}
nsh_clear() {
  nsh_x=$(export -p)
  while read -r nsh_i nsh_x; do
    nsh_x=${nsh_x#-x } nsh_x=${nsh_x%%=*}
    case $nsh_x in '' | [0-9]* | *[!A-Za-z0-9_]*) ;; *) unset "$nsh_x" ;; esac
  done <<END
$nsh_x
END
}
nsh_env() { :; }
nsh_sleep() { nsh_k=1; sleep "$1" & wait $!; nsh_k=; }
nsh_watch() {
  (
    trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM
    trap 'test -z "$nsh_k" || kill -s KILL $!; exit' URG
    nsh_is_running || exit
    nsh_sleep "$1"
    nsh_is_running || exit
    nsh_say t
    kill -s "$3" -- "-$$"
    nsh_sleep "$2"
    nsh_is_running || exit
    nsh_say k
    kill -s KILL -- "-$$"
  ) </dev/null >/dev/null 2>&1 &
  nsh_w=$!
}
nsh_run() {
  exec 9>&2 2>>"$nsh_f"
  test -z "$nsh_t" || nsh_watch $nsh_t 9>&-
  (
    exec 2>/dev/null
    trap 'nsh_say f exec ENOEXEC' EXIT
    nsh_say s
    nsh_env
    exec $nsh_o "$nsh_a" "$@" 2>&9 9>&-
  )
  nsh_r=$? nsh_x=
  if test $nsh_r -gt 128; then { read -r nsh_x; read -r nsh_x; } <"$nsh_f"; fi
  nsh_say e $nsh_r "$nsh_x"
  echo "-$$" >"$nsh_f"
  test -z "$nsh_w" || kill -s URG $nsh_w
  exit ${nsh_z:-$nsh_r}
}
nsh_t= nsh_w= nsh_k= nsh_o= nsh_c=
]==]

-- Encoding ------------------------------------------------------------------------------

local escapes = {}
for byte = 0, 255 do escapes[string.char(byte)] = ("\\0%03o"):format(byte) end

--- Encodes a script as one word in single quotes, which printf %b decodes. Every login
--- shell reads it in the same way: fish gives a meaning to a double backslash and to a
--- backslash before a quote, tcsh to "!" and newlines. None of these occurs.
---@param text string
---@return string
function script.word(text)
  return "'" .. text:gsub("[^%w \"#$%%&()*+,%-./:;<=>?@%[%]^_`{|}~]", escapes) .. "'"
end

--- The command line that decodes and runs such a word. It contains no word of the caller.
---@param text string
---@param prefix? string  "setsid " if the server creates no session
---@return string
function script.command_line(text, prefix)
  return ("exec %ssh -c 'eval \"$(printf %%b \"$1\")\"' sh %s"):format(prefix or "",
    script.word(text))
end

-- The part of one command ---------------------------------------------------------------

local quote = core.quote

--- The option of ulimit for each limit, and the number of bytes in its unit. POSIX has
--- only -f; the others are those of dash, busybox and bash.
local ULIMITS = {
  core = { "-c", 512 }, cpu = { "-t", 1 }, data = { "-d", 1024 }, fsize = { "-f", 512 },
  memlock = { "-l", 1024 }, nofile = { "-n", 1 }, nproc = { "-u", 1 }, rss = { "-m", 1024 },
  stack = { "-s", 1024 }, as = { "-v", 1024 },
}

local function limit_text(value, unit)
  if value == "unlimited" then return value end
  if value % unit ~= 0 then return nil end
  return ("%.0f"):format(value / unit)
end

--- Returns the lines for the limits; nil, the key, the reason if sh cannot set one.
local function add_limits(lines, limits)
  local names = {}
  for name in pairs(limits) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local known = ULIMITS[name]
    if not known then return nil, name, "sh cannot set this limit" end
    local soft = limit_text(limits[name][1], known[2])
    local hard = limit_text(limits[name][2], known[2])
    if not (soft and hard) then
      return nil, name, ("must be a multiple of %d bytes there"):format(known[2])
    end
    lines[#lines + 1] = ("nsh_limit %s %s %s"):format(known[1], soft, hard)
  end
  return true
end

--- Returns the function that changes the environment, or nil if nothing changes; nil and
--- the name of a variable that sh cannot set.
local function env_lines(cmd)
  local set, removed, inherits = cmd:_env_changes()
  local parts, sets_path = {}, false
  if not inherits then parts[1] = "nsh_clear" end
  for _, name in ipairs(inherits and removed or {}) do
    if name:find("^[%a_][%w_]*$") then parts[#parts + 1] = "unset " .. name end
    sets_path = sets_path or name == "PATH"
  end
  for _, pair in ipairs(set) do
    local name, value = pair:match("^(.-)=(.*)$")
    if not name:find("^[%a_][%w_]*$") then return nil, name end
    parts[#parts + 1] = ("export %s=%s"):format(name, quote(value))
    sets_path = sets_path or name == "PATH"
  end
  if not parts[1] then return "" end
  -- The program was looked up in the PATH of the machine.
  if sets_path or not inherits then table.insert(parts, 1, "nsh_a=$nsh_p") end
  return "nsh_env() { " .. table.concat(parts, "\n") .. "\n}"
end

--- The seconds as sleep(1) takes them.
local function seconds_text(seconds)
  return (("%.3f"):format(seconds):gsub("%.?0+$", ""))
end

local function add_directories(lines, workdir, cwd)
  if workdir then
    lines[#lines + 1] = "nsh_cd " .. quote(workdir) .. " workdir\nnsh_c="
  end
  if not cwd then return end
  if cwd:sub(1, 1) ~= "/" then cwd = "./" .. cwd end
  lines[#lines + 1] = "nsh_cd " .. quote(cwd)
end

local function add_timeout(lines, told)
  if not told.timeout or told.timeout == math.huge then return end
  lines[#lines + 1] = ("nsh_t='%s %s %s'"):format(seconds_text(math.max(told.timeout, 0.001)),
    seconds_text(math.min(math.max(told.grace, 0.001), 1e9)), told.stop_signal or "TERM")
end

--- Returns the lines that run a command, after those that define nsh_say, nsh_is_running
--- and nsh_f, the file of this run. Returns nil, key, value, reason if sh cannot do what
--- the command asks for.
---@param cmd noshell.command
---@param workdir? string  the directory in which the script begins
---@param is_unit? boolean  limits and nice are set by systemd
---@return string?
---@return string? key
---@return string? value
---@return string? reason
function script.body(cmd, workdir, is_unit)
  local told, lines = cmd:_describe(), {}
  local env, variable = env_lines(cmd)
  if not env then return nil, "env", variable, "sh cannot set a variable of this name" end
  if told.umask then lines[#lines + 1] = "umask " .. told.umask end
  add_directories(lines, workdir, told.cwd)
  local ok, limit, reason = add_limits(lines, not is_unit and told.limits or {})
  if not ok then return nil, "limits", limit, reason end
  local nice = not is_unit and told.nice
  if nice then
    lines[#lines + 1] = ("nsh_nice %d\nnsh_o=\"nice -n $nsh_i\""):format(nice)
  end
  local words = cmd:argv()
  lines[#lines + 1] = "nsh_find " .. quote(words[1])
  if nice then lines[#lines + 1] = "nsh_a=$nsh_p" end
  add_timeout(lines, told)
  lines[#lines + 1] = env ~= "" and env or nil
  for i = 2, #words do words[i] = quote(words[i]) end
  words[1] = "nsh_run"
  lines[#lines + 1] = table.concat(words, " ")
  return table.concat(lines, "\n")
end

--- Returns true if the script contains something that must not be visible in a list of
--- processes: a secret, or the value of a variable.
---@param cmd noshell.command
---@return boolean
function script.is_secret(cmd)
  local shown, words = cmd:_describe().argv, cmd:argv()
  for i = 1, #words do
    if shown[i] ~= words[i] then return true end
  end
  return cmd:_env_changes()[1] ~= nil
end

--- Returns a random number of 64 bits as hexadecimal digits.
---@return string
function script.nonce()
  local file = assert(io.open("/dev/urandom", "rb"))
  if file.setvbuf then file:setvbuf("no") end
  local bytes = file:read(8)
  file:close()
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

return script
