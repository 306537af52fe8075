-- noshell's probes of the kernel under a filter that kills: it may kill a child, never the
-- host.
local driver = require "spec.support.driver"
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"

local sys = helper.sys

--- A host that asks, starts, signals and ends, on every way there is.
local HOST = [[
  local noshell, sys = require "noshell", require "testsys"
  local probe = os.getenv "PROBE"
  local said = {}
  local function say(...) said[#said + 1] = table.concat({ ... }, " ") end

  noshell.features()
  for i = 0, 3 do
    local result = assert(noshell.run { probe, "--exit", i, check = false })
    say("exit", result.exit_code)
  end
  local _, err = noshell.run { "true", cwd = "/nowhere" }
  say(err.code, err.stage, err.errname)
  local _, ended = noshell.run { probe, "--pause", timeout = 0.01, grace = 10 }
  say(ended.code, ended.signal)
  local process = assert(noshell.run_async { probe, "--pause" })
  assert(process:kill("USR1"))
  _, err = process:wait()
  say(err.code, err.signal)
  process = assert(noshell.run_async { probe, "--pause", new_process_group = true })
  process:abort()
  say("aborted", process:result().signal)
  process:close()
  -- This needs a thread, which always shares memory.
  local pid = sys.fork()
  if pid == 0 then
    if os.getenv "EXECS" == "no" then sys.exit(0) end
    noshell.exec("true")
  end
  local reaped, _, code = sys.waitpid(pid)
  say("replaced", reaped and code or "stolen")
  noshell.host.use { name = "thread", starts_aside = true,
    wait = require "noshell.host.blocking".wait }
  say(noshell.output("echo", "aside"))
  noshell.features()
  print(table.concat(said, "\n"))]]

local RIGHT = [[
exit 0
exit 1
exit 2
exit 3
spawn set_working_directory ENOENT
timeout TERM
signal USR1
aborted TERM
replaced 0
aside
]]

local function assert_survives(path, denied, thief, kernel)
  local run = helper.run_lua(helper.lua, HOST, { NOSHELL_LAUNCH = path,
    PROBE = helper.probe, NOSHELL_KERNEL = kernel, EXECS = kernel and "no" },
    { deny = denied, hostile = thief and { SIGCHLD = thief } })
  local said = (run.out:gsub("replaced stolen", "replaced 0"))
  assert.equal("", run.err)
  assert.equal(RIGHT, said, denied)
end

-- Only MADV_WIPEONFORK and invalid advice: libc calls madvise with others when a thread
-- ends.
local CALLS = { "close_range:KILL", "close_range(CLOSE_RANGE_UNSHARE):KILL",
  "pidfd_open:KILL", "pidfd_getfd:KILL", "pidfd_send_signal:KILL",
  "ioctl(PIDFD_GET_INFO):KILL", "prctl(PR_SCHED_CORE):KILL",
  "madvise(18):KILL",
  "madvise(0xffffffff):KILL",
  "unshare:KILL", "uname:KILL" }

describe("a filter that kills", function()
  helper.leak_check()

  helper.each_path(function(path)
    for _, denied in ipairs(CALLS) do
      it("does not kill the host: " .. denied, function()
        assert_survives(path, denied)
      end)
    end

    it("does not kill the host for any question of noshell's", function()
      assert_survives(path, table.concat(CALLS, ","))
    end)

    for _, denied in ipairs { "ioctl(PIDFD_GET_INFO):KILL", "unshare:KILL",
      "close_range:KILL", "close_range:KILL,unshare:KILL" } do
      it("does not if other code reaps: " .. denied, function()
        assert_survives(path, denied, "thief")
      end)
    end
  end)

  if driver.is_wanted then
    it("that permits madvise hides no fork in which the pid is the same", function()
      local result = helper.run { helper.deny, "setns:KILL", "--",
        helper.build .. "/c/fork", "a process with the same pid is recognized as another" }
      assert.equal("0", result.status .. result.out .. result.err)
    end)
  end

  it("is noticed if it is installed after the first run", function()
    local run = helper.run_lua(helper.lua, [[
      local noshell, sys = require "noshell", require "testsys"
      local probe = os.getenv "PROBE"
      assert(noshell.features() and noshell.run("true"))
      assert(sys.deny("pidfd_send_signal:KILL,pidfd_open:KILL,madvise:KILL"))
      print(select(2, noshell.run { probe, "--pause", timeout = 0.01 }).code)]],
      { PROBE = helper.probe })
    assert.equal("timeout\n", run.out, run.err)
  end)
end)

-- Before Linux 5.16 a core dump ends all processes that share the memory. No such
-- kernel is here: the release is claimed.
describe("Linux 5.10", function()
  helper.leak_check()

  local KILLING = table.concat(CALLS, ",")

  helper.each_path(function(path)
    it("shares no memory with a child that a filter kills", function()
      assert_survives(path, KILLING .. ",clone(CLONE_VM|CLONE_VFORK):KILL", nil, "5.10.0")
    end)

    it("shares memory if no filter kills", function()
      for _, denied in ipairs { false, "setns:EPERM" } do
        local run = helper.run_lua(helper.lua, [[
          local noshell = require "noshell"
          local process = assert(noshell.run_async "true")
          assert(process:wait())
          print(process.launch)]], { NOSHELL_LAUNCH = path, NOSHELL_KERNEL = "5.10.0" },
          { deny = denied or nil })
        assert.equal(path .. "\n", run.out, run.err)
      end
    end)
  end)

  it("asks in a child with its own memory", function()
    -- The first child asks before anything is known of the filter.
    local run = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      print(noshell.features().close_range)]], { NOSHELL_LAUNCH = "own",
      NOSHELL_KERNEL = "5.10.0" }, { deny = "clone(CLONE_VM):KILL" })
    assert.equal("true\n", run.out, run.err)
  end)

  --- Sends the signal to the whole group while the child opens `path`, and then runs a
  --- program. Returns how that ended.
  local function signalled(path, signal)
    local noshell = require "noshell"
    assert(sys.setenv("NOSHELL_KERNEL", "5.10.0"))
    assert(sys.setpgid())
    sys.signal(signal, "ignore")
    local ready, tell = sys.pipe()
    local pid = assert(sys.fork())
    if pid == 0 then
      local fd = assert(sys.open(path, "rw"))
      assert(sys.lease(fd))
      sys.write(tell, "r")
      sys.await_open()
      sys.kill(0, signal)
      sys.end_lease(fd)
      sys.exit(0)
    end
    sys.close(tell)
    assert(sys.read(ready, 1) == "r", "no lease on this file system")
    local _, err = noshell.run { "true", stdin = { path = path } }
    sys.waitpid(pid)
    return { code = err and err.code or "ok", signal = err and err.signal or "none" }
  end

  helper.each_path(function(path)
    for _, signal in ipairs { "QUIT", "ABRT", "XCPU", "SYS" } do
      it("ends a child without a core dump: " .. signal, function()
        helper.with_tmpdir(function(dir)
          local got = forked(signalled, helper.write_file(dir .. "/in", ""), signal)
          -- With its own memory it may dump core.
          local is_apart = path == "own" or path == "launcher"
          assert.equal("spawn " .. (is_apart and signal or "KILL"),
            got.code .. " " .. got.signal)
        end)
      end)
    end
  end)
end)
