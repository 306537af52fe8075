-- Signals: what the child starts with, and what we can send it.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys
local NONE = ("0"):rep(16)

describe("the child's signals", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("are neither blocked nor ignored, even if ours are", function()
      local got = forked(function()
        for _, signal in ipairs { "HUP", "INT", "PIPE", "CHLD", "USR1" } do
          sys.signal(signal, "ignore")
        end
        for _, signal in ipairs { "TERM", "USR2", "CHLD", 34, 64 } do
          sys.block(signal, true)
        end
        sys.signal("ALRM", "catch")
        local report, launch = probing.report(probing.command())
        local status = helper.read_file "/proc/self/status"
        return { launch = launch, blocked = report.sigmask, ignored = report.sigign,
          caught = report.sigcgt, own_ignored = status:match "SigIgn:%s*(%x+)",
          own_blocked = status:match "SigBlk:%s*(%x+)" }
      end)
      assert.equal(path, got.launch)
      assert.equal(NONE .. NONE .. NONE, got.blocked .. got.ignored .. got.caught)
      -- And ours are as before.
      for _, number in ipairs { 1, 2, 13, 17, 10 } do
        assert.is_true(helper.mask_has(got.own_ignored, number))
      end
      for _, number in ipairs { 15, 12, 17, 34, 64 } do
        assert.is_true(helper.mask_has(got.own_blocked, number))
      end
    end)

    it("are correct, as is the rest, under a timer of 1 ms", function()
      local result = helper.run_lua(helper.lua, [[
        local noshell, sys = require "noshell", require "testsys"
        local data = ("x"):rep(300000)
        for i = 1, 30 do
          local result = assert(noshell.run { "cat", input = data })
          assert(result.stdout == data and result.exit_code == 0)
        end
        local process = assert(noshell.run_async { os.getenv "PROBE" })
        print(process.launch, assert(process:wait()).stdout:match "sigmask=(%x+)")
        assert(sys.hostile() > 0, "the timer did not tick")
      ]], { NOSHELL_LAUNCH = path, PROBE = helper.probe }, { hostile = { TIMER = 1 } })
      assert.equal("", result.err)
      assert.equal(path .. "\t" .. NONE .. "\n", result.out)
    end)
  end)
end)

--- Starts a program while the host ignores HUP and catches ALRM, under a filter that
--- denies some calls. Prints what it reports, or the failure.
local function ignoring(denied, how)
  local run = helper.run_lua(helper.lua, [[
    local noshell, sys = require "noshell", require "testsys"
    sys.signal("HUP", "ignore")
    sys.signal("ALRM", "catch")
    assert(sys.deny(os.getenv "DENIED"))
    for _ = 1, 2 do
      local result, err = noshell.run { os.getenv "PROBE" }
      if not result then print(err.stage, err.errname) return end
      local text = result.stdout
      print(text:match "sigmask=(%x+)" .. text:match "sigign=(%x+)" .. text:match "sigcgt=(%x+)")
    end]], { PROBE = helper.probe, DENIED = denied, NOSHELL_SIGNALS = how or "status" })
  assert.equal("", run.err)
  return run.out
end

describe("the reset of signals", function()
  helper.leak_check()
  local reset = (NONE:rep(3) .. "\n"):rep(2)

  it("makes no call for a signal that is neither ignored nor stops the child", function()
    assert.equal(reset, ignoring "rt_sigaction(10):EPERM")
    assert.equal("signals\tEPERM\n", ignoring "rt_sigaction(1):EPERM")
    assert.equal("signals\tEPERM\n", ignoring "rt_sigaction(20):EPERM")
  end)

  it("concerns every signal if the ignored ones are not read", function()
    assert.equal(reset, ignoring("clone3:ENOSYS", "calls"))
    assert.equal("signals\tEPERM\n", ignoring("rt_sigaction(10):EPERM", "calls"))
  end)

  for _, denied in ipairs { "clone3:ENOSYS", "clone3:EPERM", "clone3:EINVAL", "clone3:KILL" } do
    it("is complete in spite of " .. denied, function()
      assert.equal(reset, ignoring(denied))
    end)
    it("concerns every signal in spite of " .. denied, function()
      assert.equal("signals\tEPERM\n", ignoring(denied .. ",rt_sigaction(10):EPERM"))
    end)
  end

  it("is complete in a thread other than the main one", function()
    local run = helper.run_lua(helper.lua, [[
      local noshell, sys = require "noshell", require "testsys"
      noshell.host.use { name = "thread", starts_aside = true,
        wait = require "noshell.host.blocking".wait }
      sys.signal("HUP", "ignore")
      print(assert(noshell.run { os.getenv "PROBE" }).stdout:match "sigign=(%x+)")]],
      { PROBE = helper.probe, NOSHELL_SIGNALS = "status" },
      { deny = "rt_sigaction(10):EPERM" })
    assert.equal(NONE .. "\n", run.out, run.err)
  end)

  it("is complete in a child of the host, which ignores other signals", function()
    assert.is_true(noshell.run("true").ok)
    local got = forked(function()
      sys.signal("USR1", "ignore")
      local report = probing.report(probing.command())
      return { ignored = report.sigign }
    end)
    assert.equal(NONE, got.ignored)
  end)
end)

describe("SIGPIPE", function()
  helper.leak_check()

  it("never reaches a host that writes to a program which reads nothing", function()
    local got = forked(function()
      sys.signal("PIPE", "default")
      local result = assert(noshell.run { "true", input = ("x"):rep(1000000) })
      local process = assert(noshell.run_async { "true", stdin = "pipe" })
      assert(process:wait())
      local value, err = process.stdin:write(("x"):rep(100000))
      process:close()
      return { ok = result.ok, value = value ~= nil, errname = err.errname }
    end)
    assert.equal("exit 0", got.status)
    assert.is_true(got.ok)
    assert.is_false(got.value)
    assert.equal("EPIPE", got.errname)
  end)
end)

describe("a status", function()
  helper.leak_check()

  helper.each_path(function(path)
    for _, thief in ipairs { "thief", "thread", "ignore" } do
      it("is correct even if the host's SIGCHLD goes to " .. thief, function()
        local result = helper.run_lua(helper.lua, [[
          local noshell = require "noshell"
          for i = 1, 20 do
            local process = assert(noshell.run_async { os.getenv "PROBE", "--exit", i })
            assert(process.launch == os.getenv "NOSHELL_LAUNCH")
            local _, err = process:wait()
            assert(err.code == "exit" and err.result.exit_code == i, tostring(err))
            process:close()
          end
          local _, err = noshell.run { os.getenv "PROBE", "--kill", "USR1" }
          print(err.code, err.result and err.result.signal)
          _, err = noshell.run { "true", cwd = "/none" }
          print(err.code, err.stage, err.errname)
        ]], { NOSHELL_LAUNCH = path, PROBE = helper.probe },
          { hostile = { SIGCHLD = thief } })
        assert.equal("", result.err)
        assert.equal("signal\tUSR1\nspawn\tset_working_directory\tENOENT\n", result.out)
      end)
    end
  end)
end)
