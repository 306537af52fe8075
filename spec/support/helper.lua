-- Helpers for all specs: `local helper = require "spec.support.helper"`.
-- Nothing here uses noshell: the specs must not trust what they test.

local lfs = require "lfs"
local sys = require "testsys"

local helper = { sys = sys }

local here = debug.getinfo(1, "S").source:match("^@(.*)/spec/support/[^/]*$")
if not here:match("^/") then
  here = here == "." and lfs.currentdir() or lfs.currentdir() .. "/" .. here
end

helper.root = here
helper.build = os.getenv("NOSHELL_BUILD") or here .. "/build"
helper.fixtures = helper.build .. "/fixtures"
helper.probe = helper.fixtures .. "/probe"
helper.tiny = helper.fixtures .. "/tiny"
helper.deny = helper.fixtures .. "/deny"
helper.hostile = helper.fixtures .. "/hostile.so"

-- Words and files -----------------------------------------------------------

--- The words quoted for sh.
function helper.quoted(words)
  local quoted = {}
  for i, word in ipairs(words) do
    quoted[i] = "'" .. tostring(word):gsub("'", "'\\''") .. "'"
  end
  return table.concat(quoted, " ")
end

function helper.read_file(path)
  local file = assert(io.open(path, "rb"))
  local data = file:read("*a")
  file:close()
  return data
end

--- Writes a file; mode as in chmod, given as octal text ("755").
function helper.write_file(path, data, mode)
  local file = assert(io.open(path, "wb"))
  assert(file:write(data))
  file:close()
  if mode then assert(sys.chmod(path, tonumber(mode, 8))) end
  return path
end

local function remove_tree(path)
  if lfs.symlinkattributes(path, "mode") == "directory" then
    sys.chmod(path, tonumber("700", 8))
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then remove_tree(path .. "/" .. name) end
    end
  end
  os.remove(path)
end

--- A new empty directory; remove it with helper.remove_tree.
function helper.tmpdir()
  return assert(sys.mkdtemp())
end

helper.remove_tree = remove_tree

--- Calls fn with a new directory, and removes it in any case.
function helper.with_tmpdir(fn)
  local path = helper.tmpdir()
  local ok, err = pcall(fn, path)
  remove_tree(path)
  if not ok then error(err, 0) end
end

-- Errors --------------------------------------------------------------------

--- Returns the text of an error without its end, the line of a spec.
function helper.said(err)
  local text, place = tostring(err), " (" .. tostring(err.where) .. ")"
  assert(place:find("^ %(.*:%d+%)$"), "no place: " .. place)
  if err.tail_call then
    place = (" (called from %s; a tail call hides the line)"):format(err.where)
  end
  assert(text:sub(-#place) == place, "the text does not end with its place: " .. text)
  return text:sub(1, -#place - 1)
end

-- The probe -----------------------------------------------------------------

local escapes = { n = "\n", ["\\"] = "\\" }

local function value_of(text)
  return (text:gsub("\\(.)(%x?%x?)", function(letter, digits)
    if letter == "x" then return string.char(tonumber(digits, 16)) end
    return escapes[letter] .. digits
  end))
end

local function add_descriptor(report, key, value)
  local number, field = key:match("^fd%.(%d+)%.?(.*)$")
  local fd = report.fd[tonumber(number)] or {}
  report.fd[tonumber(number)] = fd
  if field == "" then
    fd.target = value
  elseif value == "0" or value == "1" then
    fd[field] = value == "1"
  else
    fd[field] = value
  end
end

--- Parses the report of a probe: every key as text, and in addition
--- argv (from 0), env (by name), env_list (as received), fd (by number: target,
--- kind, access, inode, cloexec, nonblock, append) and fds (a list of numbers).
function helper.probe_report(text)
  local report = { argv = {}, env = {}, env_list = {}, fd = {} }
  for line in text:gmatch("([^\n]*)\n") do
    local key, value = line:match("^(.-)=(.*)$")
    assert(key, "not a probe's report: " .. line)
    key, value = value_of(key), value_of(value)
    local index, name = key:match("^argv%[(%d+)%]$"), key:match("^env%.(.*)$")
    if index then
      report.argv[tonumber(index)] = value
    elseif name then
      report.env[name] = value
      table.insert(report.env_list, name .. "=" .. value)
    elseif key == "envraw" then
      table.insert(report.env_list, value)
    elseif key:match("^fd%.%d") then
      add_descriptor(report, key, value)
    else
      report[key] = value
    end
  end
  local numbers = {}
  for number in (report.fds or ""):gmatch("%d+") do
    numbers[#numbers + 1] = tonumber(number)
  end
  report.fds = numbers
  return report
end

--- Returns true if a signal's number is in a mask of a report (hexadecimal text).
function helper.mask_has(mask, number)
  local digit = math.floor((number - 1) / 4)
  local bits = tonumber(mask:sub(#mask - digit, #mask - digit), 16)
  return math.floor(bits / 2 ^ ((number - 1) % 4)) % 2 == 1
end

local pattern_bytes = {}
for i = 0, 250 do pattern_bytes[i + 1] = string.char(i) end
local period = table.concat(pattern_bytes)

--- The n bytes that probe --out n writes.
function helper.pattern(n)
  return period:rep(math.floor(n / 251)) .. period:sub(1, n % 251)
end

--- As probe --in prints it: eight hexadecimal digits.
function helper.adler32(data)
  local a, b = 1, 0
  for from = 1, #data, 4096 do
    local bytes = { data:byte(from, math.min(from + 4095, #data)) }
    for i = 1, #bytes do
      a = (a + bytes[i]) % 65521
      b = (b + a) % 65521
    end
  end
  return ("%04x%04x"):format(b, a)
end

-- Leaks ---------------------------------------------------------------------

local function listed(path)
  local names = {}
  if lfs.attributes(path, "mode") ~= "directory" then return names end
  for name in lfs.dir(path) do
    if name:match("^%d+$") then names[name] = true end
  end
  return names
end

local function descriptors()
  local found = {}
  for name in pairs(listed("/proc/self/fd")) do
    local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
    -- noshell keeps the last rulesets; sandbox_spec counts them.
    if target and not target:match("^/proc/%d+/fd$")
      and target ~= "anon_inode:[landlock-ruleset]" then
      found[name] = target
    end
  end
  return found
end

--- The pids of our children that ended and were not waited for.
function helper.zombies()
  local found, self = {}, tostring(sys.getpid())
  for pid in pairs(listed("/proc")) do
    local file = io.open("/proc/" .. pid .. "/stat")
    local stat = file and file:read("*a") or ""
    if file then file:close() end
    local state, parent = stat:match("^%d+ %(.*%) (%a) (%d+)")
    if state == "Z" and parent == self then found[#found + 1] = pid end
  end
  return found
end

--- Returns the state that helper.leaks_since compares with.
function helper.snapshot()
  local zombies = {}
  for _, pid in ipairs(helper.zombies()) do zombies[pid] = true end
  return { zombies = zombies, fds = descriptors(),
    tasks = listed("/proc/self/task") }
end

local function news(before, after, word)
  local found = {}
  for name, what in pairs(after) do
    if before[name] ~= what then
      local said = what == true and "" or " (" .. what .. ")"
      found[#found + 1] = word .. " " .. name .. said
    end
  end
  return table.concat(found, ", ")
end

local watched = {
  { "zombies", "zombie" }, { "fds", "descriptor" }, { "tasks", "thread" },
}

--- Returns what has been added since the snapshot; nil if there is nothing.
function helper.leaks_since(before)
  local after, said = helper.snapshot(), {}
  for _, pair in ipairs(watched) do
    local text = news(before[pair[1]], after[pair[1]], pair[2])
    if text ~= "" then said[#said + 1] = text end
  end
  return #said > 0 and table.concat(said, "; ") or nil
end

--- Inside a describe: fails every `it` that leaves a zombie, a descriptor or a thread
--- behind. Waits up to half a second for garbage collection and the kernel.
function helper.leak_check()
  local busted = require "busted"
  local before, spec
  busted.subscribe({ "test", "start" }, function(element)
    spec = element.name
    return nil, true
  end)
  busted.before_each(function()
    collectgarbage()
    collectgarbage()
    before = helper.snapshot()
  end)
  busted.after_each(function()
    local said
    for _ = 1, 10 do
      collectgarbage()
      collectgarbage()
      said = helper.leaks_since(before)
      if not said then return end
      sys.sleep(0.05)
    end
    error(("'%s' leaves behind: %s"):format(spec, said), 0)
  end)
end

-- Launch paths --------------------------------------------------------------

--- All launch paths; NOSHELL_PATHS lists fewer if a tool does not support all.
helper.paths = {}
for path in (os.getenv("NOSHELL_PATHS") or "shared prefix copied own launcher"):gmatch("%a+") do
  table.insert(helper.paths, path)
end

--- Calls fn with NOSHELL_LAUNCH set to a path, and restores it.
function helper.with_path(path, fn, ...)
  local before = os.getenv("NOSHELL_LAUNCH")
  assert(sys.setenv("NOSHELL_LAUNCH", path))
  local answer = { pcall(fn, ...) }
  sys.setenv("NOSHELL_LAUNCH", before)
  if not answer[1] then error(answer[2], 0) end
  return (table.unpack or unpack)(answer, 2)
end

--- The path of a start that shares nothing with its program and can use the
--- launcher, under the path that is forced now.
function helper.apart()
  local forced = os.getenv "NOSHELL_LAUNCH"
  return (forced == "own" or forced == "copied") and "own" or "launcher"
end

--- Inside a describe: the specs that fn(path) declares, once for each path (those
--- of `paths`), each with NOSHELL_LAUNCH set.
function helper.each_path(fn, paths)
  local busted = require "busted"
  for _, path in ipairs(paths or helper.paths) do
    busted.describe("(" .. path .. ")", function()
      local before
      busted.before_each(function()
        before = os.getenv("NOSHELL_LAUNCH")
        assert(sys.setenv("NOSHELL_LAUNCH", path))
      end)
      busted.after_each(function() sys.setenv("NOSHELL_LAUNCH", before) end)
      fn(path)
    end)
  end
end

--- The same for the paths on which nothing is shared with the program.
function helper.each_apart(fn)
  local paths = {}
  for _, path in ipairs(helper.paths) do
    if path == "own" or path == "launcher" then paths[#paths + 1] = path end
  end
  helper.each_path(fn, paths)
end

-- Missing features of a machine ----------------------------------------------

--- Continues if ok is true. Otherwise the spec is pending, or fails if NOSHELL_REQUIRE
--- (caps,selinux,…) names the feature.
function helper.require_or_pending(feature, ok, reason)
  if ok then return end
  local text = "needs " .. (reason or feature)
  for name in (os.getenv("NOSHELL_REQUIRE") or ""):gmatch("[^,%s]+") do
    if name == feature then
      error(text .. ", and NOSHELL_REQUIRE demands it", 2)
    end
  end
  -- Only inside the spec's own function is `pending` this one; all instances
  -- of busted's core throw the same.
  require("busted.core")().pending(text)
end

-- Other programs ------------------------------------------------------------

--- Runs words through sh, without noshell. options: env (name → value), input,
--- cwd, preload (for LD_PRELOAD), redirect (sh's text, such as "<&- 3>&1").
--- Gives { status, signal, out, err }; status is sh's, 128 + n for a signal.
function helper.run(words, options)
  options = options or {}
  local result
  helper.with_tmpdir(function(dir)
    local line = {}
    if options.cwd then
      line[1] = "cd " .. helper.quoted { options.cwd } .. " &&"
    end
    line[#line + 1] = "env"
    for name, value in pairs(options.env or {}) do
      line[#line + 1] = helper.quoted { name .. "=" .. tostring(value) }
    end
    if options.preload then
      local all = (os.getenv("LD_PRELOAD") or "") .. " " .. options.preload
      line[#line + 1] = helper.quoted { "LD_PRELOAD=" .. all }
    end
    helper.write_file(dir .. "/in", options.input or "")
    line[#line + 1] = helper.quoted(words)
    line[#line + 1] = ("<%s/in >%s/out 2>%s/err %s"):format(dir, dir, dir,
      options.redirect or "")
    os.execute(("{ %s ; } 2>%s/sh; echo $? >%s/status"):format(
      table.concat(line, " "), dir, dir))
    local status = tonumber((helper.read_file(dir .. "/status")))
    result = {
      status = status,
      signal = status > 128 and status - 128 or nil,
      out = helper.read_file(dir .. "/out"),
      err = helper.read_file(dir .. "/err"),
    }
  end)
  return result
end

local function lua_env(version)
  local tree = helper.root
  return {
    LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;;"):format(tree, tree,
      tree),
    LUA_CPATH = ("%s/%s/?.so;;"):format(helper.build, version),
    NOSHELL_LUA = version,
    NOSHELL_BUILD = helper.build,
  }
end

local function is_on_path(name)
  for directory in (os.getenv "PATH" or ""):gmatch "[^:]+" do
    if lfs.attributes(directory .. "/" .. name) then return true end
  end
  return false
end

--- The Luas that are installed and built for, such as { name = "lua5.4",
--- version = "5.4" }.
helper.luas = {}
for _, version in ipairs { "5.4", "5.1", "jit", "5.2", "5.3", "5.5" } do
  local name = version == "jit" and "luajit" or "lua" .. version
  if is_on_path(name) and lfs.attributes(helper.build .. "/" .. version .. "/testsys.so") then
    table.insert(helper.luas, { name = name, version = version })
  end
end

--- The Lua that runs this spec, as an entry of helper.luas.
helper.lua = helper.luas[1]
for _, lua in ipairs(helper.luas) do
  if lua.version == os.getenv("NOSHELL_LUA") then helper.lua = lua end
end

--- Returns the path of a program in PATH; nil if there is none.
function helper.which(name) return helper.run({ "which", name }).out:match "[^\n]+" end

--- Runs the text of a script with a Lua of helper.luas, from this tree, as
--- helper.run does; env and options are optional. options.deny: rules for the
--- deny fixture, in force from the Lua's start. options.hostile: a table such
--- as { TIMER = 1, SIGCHLD = "thief" } for hostile.so. options.args; options.wrap:
--- words in front. options.leaks = false: LeakSanitizer does not check it.
function helper.run_lua(lua, script, env, options)
  options = options or {}
  local result
  helper.with_tmpdir(function(dir)
    local path = helper.write_file(dir .. "/script.lua", script)
    local all = { env = lua_env(lua.version), input = options.input,
      cwd = options.cwd, redirect = options.redirect,
      preload = options.preload }
    for name, value in pairs(env or {}) do all.env[name] = value end
    if options.leaks == false and os.getenv "ASAN_OPTIONS" then
      all.env.ASAN_OPTIONS = os.getenv "ASAN_OPTIONS" .. ":detect_leaks=0"
    end
    for name, value in pairs(options.hostile or {}) do
      all.env["HOSTILE_" .. name] = value
      all.preload = helper.hostile
    end
    local words = { lua.name, path }
    if options.deny then
      words = { helper.deny, options.deny, "--", lua.name, path }
    end
    for _, arg in ipairs(options.args or {}) do words[#words + 1] = arg end
    if options.wrap then
      local wrapped = {}
      for _, word in ipairs(options.wrap) do wrapped[#wrapped + 1] = word end
      for _, word in ipairs(words) do wrapped[#wrapped + 1] = word end
      words = wrapped
    end
    result = helper.run(words, all)
  end)
  return result
end

return helper
