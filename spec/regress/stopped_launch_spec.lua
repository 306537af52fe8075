-- A stop signal for the process group during a launch was pending in the child, and
-- stopped it as soon as its mask was opened. The host waits for the child's exec, so it
-- blocked until SIGCONT.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local probing = require "spec.support.probing"

local sys = helper.sys

--- Holds back an open of the file, sends the signal to the whole group then,
--- and lets the open go on. Says whether that group got on without SIGCONT.
local function interfere(path, signal, ready, done, verdict)
  local fd = assert(sys.open(path, "rw"))
  assert(sys.lease(fd))
  sys.write(ready, "r")
  sys.await_open()
  sys.kill(0, signal)
  sys.end_lease(fd)
  local in_time = sys.poll(done, "r", 10000)
  if not in_time then sys.kill(0, "CONT") end
  sys.write(verdict, in_time and "went on" or "stood still")
  sys.exit(0)
end

--- Runs the probe in a host that ignores the signal, in a group that is not
--- orphaned: the kernel stops no process of one that is.
local function launch(path, signal, hook)
  assert(sys.setpgid())
  sys.signal(signal, "ignore")
  local ready, tell_ready = sys.pipe()
  local done, tell_done = sys.pipe()
  local verdict, give_verdict = sys.pipe()
  local pid = assert(sys.fork())
  if pid == 0 then
    sys.close(tell_done)
    pcall(interfere, path, signal, tell_ready, done, give_verdict)
    sys.exit(1)
  end
  sys.close(tell_ready)
  sys.close(give_verdict)
  assert(sys.read(ready, 1) == "r", "no lease on this file system")
  local cmd = probing.command():set_stdin { path = path }
  local report, how = probing.report(hook and cmd:set_pre_exec_hook(hook) or cmd)
  sys.write(tell_done, "d")
  local said = sys.read(verdict, 100)
  sys.waitpid(pid)
  return { launch = how, said = said, ignored = report.sigign,
    caught = report.sigcgt, blocked = report.sigmask }
end

describe("a stop signal during a launch", function()
  helper.leak_check()

  helper.each_path(function(path)
    for _, signal in ipairs { "TSTP", "TTIN", "TTOU" } do
      it("stops neither the child nor the host: " .. signal, function()
        helper.with_tmpdir(function(dir)
          local file = helper.write_file(dir .. "/in", "")
          local got = forked(launch, file, signal)
          assert.equal(path .. " went on", got.launch .. " " .. got.said)
          local none = ("0"):rep(16)
          assert.equal(none .. none .. none, got.ignored .. got.caught .. got.blocked)
        end)
      end)
    end
  end)

  it("stops neither if a hook runs", function()
    helper.with_tmpdir(function(dir)
      local got = forked(launch, helper.write_file(dir .. "/in", ""), "TSTP",
        function() end)
      assert.equal("own went on", got.launch .. " " .. got.said)
    end)
  end)
end)
