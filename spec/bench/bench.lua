-- make bench: what noshell costs, as quotients of the least that is possible,
-- the floor, measured in the same run. It prints Markdown. Times decide nothing
-- but what is printed.
--
-- From the environment: NOSHELL_BUILD, and NOSHELL_BENCH_SECONDS (36 unless
-- given): longer is more exact.

local noshell = require "noshell"
local contest = require "spec.bench.contest"

local build = os.getenv "NOSHELL_BUILD" or "build"
local seconds = tonumber(os.getenv "NOSHELL_BENCH_SECONDS") or 36
local MEGABYTES = 100

local function read_file(path)
  local file = io.open(path)
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

-- Residents -------------------------------------------------------------------

local programs = { build .. "/fixtures/tiny", build .. "/fixtures/probe" }

local function with_programs(words, options)
  for _, word in ipairs(options or {}) do words[#words + 1] = word end
  for _, word in ipairs(programs) do words[#words + 1] = word end
  return words
end

local function in_c(name, options)
  return with_programs({ build .. "/bench/" .. name }, options)
end

--- lua5.4, lua5.1, luajit, where noshell is built for it.
local function in_lua(name, script, options)
  local version = name:gsub("^lua", "")
  local binary = ("%s/%s/noshell/core.so"):format(build, version)
  -- No program has an empty name: it counts as not installed.
  local words = { read_file(binary) and name or "/",
    ("spec/bench/%s.lua"):format(script) }
  words.env = { LUA_CPATH = ("%s/%s/?.so;;"):format(build, version) }
  return with_programs(words, options)
end

local function other(program, script)
  return with_programs { program, "spec/bench/" .. script }
end

-- Parents that are hard to start from --------------------------------------------

local LARGE = { "--touch", "1024" }

--- As many descriptors as the hard limit allows, 19,000 at most.
local function descriptors()
  local limits = read_file "/proc/self/limits" or ""
  local hard = tonumber(limits:match "Max open files%s+%S+%s+(%d+)")
  return math.min(19000, (hard or 1 / 0) - 200)
end

local function has_memory()
  local kilobytes = (read_file "/proc/meminfo" or ""):match "MemAvailable:%s+(%d+)"
  return (tonumber(kilobytes) or 0) > 3 * 2 ^ 20
end

local OPEN = descriptors()
local MANY_OPEN = { "--open", OPEN }

local function raised(resident)
  resident.limits = { nofile = OPEN + 200 }
  return resident
end

-- Rows -----------------------------------------------------------------------

local ours = in_lua("lua5.4", "ours")
local peers = in_lua("lua5.4", "peers")
local python = other("python3", "peers.py")

local function row(name, resident, job, goal)
  return { name = name, resident = resident, job = job, goal = goal }
end

--- The first row of a group is what the others are divided by; one with `of`
--- is divided by the row of that name.
local function group(title, words)
  for _, each in ipairs(words.rows) do each.needed = words.rows[1] == each end
  words.title = title
  return words
end

--- Enough to measure a loop rather than a process that has just been woken, and few
--- enough that the same noise affects all.
local RUNS = 20

local function starting()
  return group("A program that does nothing, from start to end", {
    share = 0.4, count = RUNS, unit = "µs", rows = {
      row("floor: clone(VM, VFORK), execve, waitid", in_c "floor", "run"),
      row("C interface, null streams", in_c "interface", "run", 1.2),
      row("**noshell.run, lua5.4, null streams**", ours, "run", 1.3),
      row("command:run again, lua5.4", ours, "again"),
      row("noshell.run, lua5.1", in_lua("lua5.1", "ours"), "run"),
      row("noshell.run, luajit", in_lua("luajit", "ours"), "run", 1.25),
      row("C interface, captured", in_c "interface", "capture"),
      row("noshell.run, lua5.4, captured", ours, "capture", 1.6),
      row("os.execute, lua5.4", peers, "execute"),
      row("io.popen and close, lua5.4", peers, "popen"),
      row("luv's uv.spawn, lua5.4", peers, "luv"),
      row("luaposix fork and exec, lua5.1", in_lua("lua5.1", "peers"), "posix"),
      row("python3 subprocess.run", python, "run"),
      row("python3 subprocess.run, captured", python, "capture"),
      row("python3 os.posix_spawn", python, "posix_spawn"),
      row("bash", other("bash", "peers.bash"), "run"),
    } })
end

local function parents()
  local small = "noshell.run, lua5.4, a small parent"
  local rows = {
    row("floor", in_c "floor", "run"),
    row(small, ours, "run"),
    row(("... with %d open descriptors"):format(OPEN),
      raised(in_lua("lua5.4", "ours", MANY_OPEN)), "run", 1.5),
    row(("floor with %d open descriptors"):format(OPEN),
      raised(in_c("floor", MANY_OPEN)), "run"),
  }
  if has_memory() then
    table.insert(rows, 3, row("... of 1 GiB",
      in_lua("lua5.4", "ours", LARGE), "run", 1.2))
    table.insert(rows, row("luaposix fork and exec of 1 GiB, lua5.1",
      in_lua("lua5.1", "peers", LARGE), "posix"))
  end
  for i = 3, #rows do rows[i].of = small end
  return group("The same from a parent that is large", {
    share = 0.2, count = RUNS, unit = "µs", rows = rows })
end

--- Nothing is shared with these programs, so a fork would copy the page tables.
local function apart()
  local rows = {
    row("floor", in_c "floor", "run"),
    row("as another user", ours, "other_user", 2.5),
    row("as a daemon", ours, "daemon", 2.5),
  }
  if has_memory() then
    local large = in_lua("lua5.4", "ours", LARGE)
    table.insert(rows, row("as another user, from 1 GiB", large, "other_user", 2.5))
    table.insert(rows, row("as a daemon, from 1 GiB", large, "daemon", 2.5))
  end
  return group("The same as another user, and as a daemon", {
    share = 0.1, count = RUNS, unit = "µs", rows = rows })
end

--- Quotients are of a start without a sandbox.
local function sandboxed()
  local rows = {
    row("noshell.run, lua5.4, without a sandbox", ours, "run"),
    row("files only", ours, "sandbox_files", 1.35),
    row("the default: files, and no network", ours, "sandbox_network", 1.8),
    row("... and the default list of system calls", ours, "sandbox_syscalls", 2.5),
  }
  if has_memory() then
    local large = in_lua("lua5.4", "ours", LARGE)
    table.insert(rows, row("files only, from 1 GiB", large, "sandbox_files", 1.35))
    table.insert(rows, row("with all of it, from 1 GiB", large, "sandbox_syscalls", 2.5))
  end
  return group("The same in a sandbox", {
    share = 0.15, count = RUNS, unit = "µs", rows = rows })
end

local function reading()
  return group(("%d MB of output"):format(MEGABYTES), {
    share = 0.15, count = MEGABYTES * 1000000, unit = "MB/s", rows = {
      row("floor: read and thrown away", in_c "floor", "output"),
      row("C interface, captured", in_c "interface", "output"),
      row("noshell.run, lua5.4, captured", ours, "output"),
      row("noshell's stream, lua5.4, 64 KiB each", ours, "stream"),
      row("io.popen and read, lua5.4", peers, "output"),
      row("python3 subprocess.run, captured", python, "output"),
    } })
end

--- Quotients are of the same Lua's io.popen.
local function lines(name)
  local own, others = in_lua(name, "ours"), in_lua(name, "peers")
  return group(("%d MB of lines of 10 bytes, %s"):format(MEGABYTES, name), {
    share = 0.1, count = MEGABYTES * 1000000, unit = "MB/s", rows = {
      row("io.popen's lines", others, "lines"),
      row("io.popen and read", others, "read_line"),
      row("**noshell.lines**", own, "lines", name == "luajit" and 0.67 or 0.53),
      row("stream:lines", own, "stream_lines", 0.67),
      row("stream:records", own, "records", 0.67),
      row("stream:read", own, "read_line", 0.83),
      row("on_stdout", own, "on_line", 0.83),
    } })
end

local function exchanging()
  return group(("%d MB through cat"):format(MEGABYTES), {
    share = 0.15, count = MEGABYTES * 1000000, unit = "MB/s", rows = {
      row("floor: poll, write, read", in_c "floor", "exchange"),
      row("C interface", in_c "interface", "exchange"),
      row("noshell.run, lua5.4", ours, "exchange"),
      row("python3 subprocess.run", python, "exchange"),
    } })
end

local function many()
  return group("200 processes at once, started and waited for", {
    share = 0.1, count = 200, unit = "µs", rows = {
      row("floor", in_c "floor", "many"),
      row("C interface", in_c "interface", "many"),
      row("noshell.run_async, lua5.4", ours, "many"),
      row("python3 subprocess.Popen", python, "many"),
    } })
end

-- The table -------------------------------------------------------------------

local function print_row(...)
  print("| " .. table.concat({ ... }, " | ") .. " |")
end

local function amount(samples, count, unit)
  if not samples then return "-" end
  local each = contest.quantile(samples, 0.5) / count
  return unit == "MB/s" and ("%.0f MB/s"):format(1000 / each)
    or ("%.0f %s"):format(each / 1000, unit)
end

local function find_base(rows, name)
  for _, each in ipairs(rows) do
    if each.name == name then return each end
  end
  return rows[1]
end

local function print_result(each, words, samples)
  local base = find_base(words.rows, each.of)
  local quotients = contest.quotients(samples, each, base)
  local ratio, spread, goal = "-", "-", ""
  if quotients and base ~= each then
    local median = contest.quantile(quotients, 0.5)
    ratio = ("%.2f"):format(median)
    spread = ("%.2f to %.2f"):format(contest.quantile(quotients, 0.25),
      contest.quantile(quotients, 0.75))
    if each.goal then
      goal = ("≤ %.2f %s"):format(each.goal,
        median <= each.goal and "met" or "**missed**")
    end
  end
  print_row(each.name, amount(samples[each], words.count, words.unit), ratio,
    spread, goal)
end

local function present(words)
  local samples, rounds = contest.measure(words, seconds * words.share)
  print(("\n### %s (%d rounds)\n"):format(words.title, rounds))
  print_row("", "median", "quotient", "middle half", "goal")
  print_row(":---", "---:", "---:", "---:", ":---")
  for _, each in ipairs(words.rows) do print_result(each, words, samples) end
  io.flush()
end

io.stdout:setvbuf "line"
local features = noshell.features()
print(("noshell on %s, launch path %s. Quotients are of the floor, or of the "
  .. "small parent."):format(noshell.output("uname", "-srm"), features.launch))
for _, make in ipairs { starting, parents, apart, sandboxed, reading, exchanging, many } do
  present(make())
end
for _, name in ipairs { "lua5.4", "luajit" } do present(lines(name)) end
contest.close()
