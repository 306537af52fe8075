-- The rows of make bench: functions that return groups of { name, resident, job, goal }.
-- contest.lua measures the rows of a group in turns.

local residents = require "spec.bench.residents"

local MEGABYTES = 100

local in_c, in_lua, other, raised, OPEN = residents.in_c, residents.in_lua,
  residents.other, residents.raised, residents.OPEN
local LARGE, MANY_OPEN = { "--touch", "1024" }, { "--open", OPEN }

-- Rows -----------------------------------------------------------------------

local ours = in_lua("lua5.4", "ours")
local peers = in_lua("lua5.4", "peers")
local python = other("python3", "peers.py")
local node = other("node", "peers.js")
local bash = other("bash", "peers.bash")
local rust = residents.in_rust()

local function row(name, resident, job, goal)
  return { name = name, resident = resident, job = job, goal = goal }
end

--- Each row is divided by the first row of its group; a row with `of`, by the row of that
--- name.
local function group(title, words)
  for _, each in ipairs(words.rows) do each.needed = words.rows[1] == each end
  words.title = title
  return words
end

--- Enough to measure a loop rather than a waking process, and few enough that the same noise
--- affects all.
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
      row("Rust std::process, null streams", rust, "run"),
      row("Rust std::process, captured", rust, "capture"),
      row("node spawnSync", node, "run"),
      row("node spawn", node, "spawned"),
      row("bash", bash, "run"),
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
  if residents.has_memory() then
    table.insert(rows, 3, row("... of 1 GiB",
      in_lua("lua5.4", "ours", LARGE), "run", 1.2))
    table.insert(rows, row("luaposix fork and exec of 1 GiB, lua5.1",
      in_lua("lua5.1", "peers", LARGE), "posix"))
  end
  for i = 3, #rows do rows[i].of = small end
  return group("The same from a parent that is large", {
    share = 0.2, count = RUNS, unit = "µs", rows = rows })
end

--- These programs share no memory with their parent: a fork would copy the page tables.
local function apart()
  local rows = {
    row("floor", in_c "floor", "run"),
    row("as another user", ours, "other_user", 2.5),
    row("as a daemon", ours, "daemon", 2.5),
  }
  if residents.has_memory() then
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
  if residents.has_memory() then
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
      row("Rust std::process, captured", rust, "output"),
      row("node spawnSync, captured", node, "output"),
    } })
end

--- Quotients are of a loop that reads into one buffer, which doubles.
local function capturing()
  return group("1 GiB of output in one string", {
    share = 0.1, count = 2 ^ 30, unit = "MB/s", rows = {
      row("C: read into a growing buffer", in_c "floor", "capture"),
      row("noshell.run, lua5.4, captured", ours, "output", 0.83),
      row("python3 subprocess.run, captured", python, "output"),
    } })
end

--- Quotients are of Python's.
local function relaying()
  return group("256 MiB read from one program and written to another", {
    share = 0.1, count = 2 ^ 28, unit = "MB/s", rows = {
      row("python3 read(65536) and write", python, "relay"),
      row("noshell, lua5.4: read(65536) and write", ours, "relay", 0.83),
      row("noshell, luajit: read(65536) and write", in_lua("luajit", "ours"), "relay"),
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

--- Quotients are of Python's.
local function exchanging()
  return group("256 MiB through cat", {
    share = 0.15, count = 2 ^ 28, unit = "MB/s", rows = {
      row("python3 subprocess.run", python, "exchange"),
      row("noshell.run, lua5.4", ours, "exchange", 0.67),
      row("C interface", in_c "interface", "exchange"),
      row("C: poll, write, read", in_c "floor", "exchange"),
    } })
end

local function pipelines()
  return group("A pipeline of three programs, from start to end", {
    share = 0.1, count = RUNS, unit = "µs", rows = {
      row("sh -c", bash, "pipeline"),
      row("noshell.pipeline, lua5.4", ours, "pipeline", 0.8),
      row("noshell.pipeline, luajit", in_lua("luajit", "ours"), "pipeline"),
    } })
end

local function long_pipelines()
  return group("1 GiB through a pipeline of four programs", {
    share = 0.1, count = 2 ^ 30, unit = "MB/s", rows = {
      row("bash", bash, "pipeline_data"),
      row("noshell.pipeline, lua5.4", ours, "pipeline_data", 1),
    } })
end

local function mapping()
  return group("2,000 programs, eight at a time", {
    share = 0.1, count = 2000, unit = "µs", rows = {
      row("xargs -P 8", bash, "map"),
      row("noshell.map, lua5.4", ours, "map", 1.1),
    } })
end

--- Each program has a pidfd.
local function crowds()
  -- The option makes it a different resident from `ours`, which has the usual limit.
  local crowd = raised(in_lua("lua5.4", "ours", { "--open", "0" }))
  local rows = { row("100 processes", crowd, "crowd") }
  if OPEN > 10000 then
    rows[2] = row("10,000 processes", crowd, "crowd", 1.1)
    rows[2].count = 10000
  end
  return group("Processes without streams that exist at the same time, each", {
    share = 0.1, count = 100, unit = "µs", rows = rows })
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

--- Sessions over one master, on a server that the bench starts.
local ssh = in_lua("lua5.4", "ssh")

local function over_ssh()
  return group("true on a machine of ssh, over an open master", {
    share = 0.2, count = RUNS, unit = "µs", rows = {
      row("ssh host true", ssh, "plain"),
      row("**noshell, lua5.4**", ssh, "run", 1.5),
      row("with a timeout", ssh, "timeout"),
      row("with a variable", ssh, "env"),
    } })
end

local function output_of_ssh()
  return group(("%d MB of output from a machine of ssh"):format(MEGABYTES), {
    share = 0.2, count = MEGABYTES * 1000000, unit = "MB/s", rows = {
      row("ssh host", ssh, "plain_output"),
      row("noshell, lua5.4", ssh, "output", 1.05),
    } })
end

--- True if this user may start a server of ssh.
local function has_ssh()
  local ok, ssh_server = pcall(require, "spec.support.ssh_server")
  return ok and not ssh_server.lack()
end

--- In the order of the output.
local groups = { starting, parents, apart, sandboxed, pipelines, mapping, many, crowds,
  reading, capturing, exchanging, relaying, long_pipelines }
for _, name in ipairs { "lua5.4", "luajit" } do
  groups[#groups + 1] = function() return lines(name) end
end
if has_ssh() then
  groups[#groups + 1], groups[#groups + 2] = over_ssh, output_of_ssh
end

return groups
