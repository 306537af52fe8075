local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local wait = require "noshell.wait"

--- Something to wait for that is never ready, and counts how often it was asked.
local function idle(timeout)
  return {
    asked = 0,
    pollfd = function(self)
      self.asked = self.asked + 1
      return nil
    end,
    events = function() return "r" end,
    timeout = function() return timeout end,
  }
end

local function never() return false end

describe("await", function()
  helper.leak_check()

  it("returns the first answer that is not false", function()
    local count = 0
    local answer = wait.await(idle(), function()
      count = count + 1
      return count == 3 and "done"
    end)
    assert.equal("done", answer)
    assert.equal(3, count)
  end)

  it("returns nil and the failure", function()
    local why = {}
    local answer, failure = wait.await(idle(), function() return nil, why end)
    assert.is_nil(answer)
    assert.equal(why, failure)
  end)

  it("tries once if the deadline has passed", function()
    local pollable = idle()
    assert.is_true(wait.await(pollable, function() return true end, 0))
    assert.is_false(wait.await(pollable, never, 0))
    assert.equal(0, pollable.asked)
  end)

  it("keeps its deadline even if the host returns often", function()
    local before, count = core.now(), 0
    local previous = noshell.host.use(function() count = count + 1 end)
    local answer = wait.await(idle(), never, before + 0.2)
    noshell.host.use(previous)
    local took = core.now() - before
    assert.is_false(answer)
    assert.truthy(took >= 0.2, took)
    assert.truthy(count > 10)
  end)

  it("passes the remaining time to the host", function()
    local told = {}
    local previous = noshell.host.use(function(pollable, seconds)
      told = { pollable, seconds }
      core.poll(-1, "r", seconds)
    end)
    wait.await(idle(), never, core.now() + 0.02)
    noshell.host.use(previous)
    assert.equal(told[2], told[1]:timeout())
    assert.truthy(told[2] <= 0.02)
  end)

  it("looks again after the pollable's own timeout", function()
    local pollable, before = idle(0.005), core.now()
    wait.await(pollable, function() return pollable.asked == 2 end)
    assert.truthy(core.now() - before >= 0.009)
  end)
end)

describe("the host", function()
  helper.leak_check()

  it("is the function set by use, until use(nil)", function()
    local count = 0
    local function counting(pollable)
      count = count + 1
      core.poll(pollable:pollfd(), pollable:events(), pollable:timeout())
    end
    assert.is_nil(noshell.host.use(counting))
    assert.equal("x", noshell.output("sh", "-c", "sleep 0.01; echo x"))
    assert.equal(counting, noshell.host.use(nil))
    local waits = count
    assert.truthy(waits > 0)
    assert.equal("x", noshell.output("echo", "x"))
    assert.equal(waits, count)
  end)

  it("is a function, or a table with a function", function()
    assert.has_error(function() noshell.host.use "cqueues" end,
      "noshell.host.use: a function, a host or nil is needed, not a string")
    assert.has_error(function() noshell.host.use {} end,
      "noshell.host.use: a function, a host or nil is needed, not a table")
  end)

  it("lets coroutines run while others wait", function()
    local ended = {}
    local previous = noshell.host.use(coroutine.yield)
    local function job(seconds, name)
      return coroutine.create(function()
        assert(noshell.run("sleep", seconds))
        ended[#ended + 1] = name
      end)
    end
    local jobs = { job("0.06", "slow"), job("0.01", "fast") }
    while #jobs > 0 do
      for i = #jobs, 1, -1 do
        assert(coroutine.resume(jobs[i]))
        if coroutine.status(jobs[i]) == "dead" then table.remove(jobs, i) end
      end
      core.poll(-1, "r", 0.001)
    end
    noshell.host.use(previous)
    assert.same({ "fast", "slow" }, ended)
  end)
end)

describe("wait", function()
  helper.leak_check()

  it("does not end a program that takes longer", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local result, err = process:wait(0.01)
    assert.is_nil(result)
    assert.equal("timeout", err.code)
    assert.is_nil(err.result)
    assert.equal("noshell: 'cat' is still running after 0.01 s; its stdin pipe is still open "
      .. "here: close it with process.stdin:close()", helper.said(err))
    assert.is_nil(process:poll())
    process.stdin:close()
    result = assert(process:wait(10))
    assert.equal(0, result.exit_code)
    process:close()
  end)

  it("returns the same objects again", function()
    local process = assert(noshell.run_async("true"))
    local result = assert(process:wait())
    assert.equal(result, process:wait())
    assert.equal(result, process:poll())
    process:close()

    process = assert(noshell.run_async("false"))
    local _, err = process:wait()
    local _, again = process:wait()
    assert.equal("exit", err.code)
    assert.equal(err, again)
    process:close()
  end)

  it("accepts 0, a fraction and math.huge, and only numbers",
    function()
      local process = assert(noshell.run_async { "cat", stdin = "pipe" })
      local _, err = process:wait(0)
      assert.equal("timeout", err.code)
      process.stdin:close()
      assert(process:wait(math.huge))
      assert.has_error(function() process:wait "1" end)
      assert.has_error(function() process:wait(0 / 0) end)
      process:close()
    end)
end)

describe("abort", function()
  helper.leak_check()

  it("ends a program, and returns its end as the result", function()
    local process = assert(noshell.run_async("sleep", 100))
    assert.is_true(process:abort())
    local result, err = process:wait()
    assert.is_nil(result)
    assert.equal("signal", err.code)
    assert.equal("TERM", err.result.signal)
    assert.is_true(process:abort())
    process:close()
  end)

  it("ends a program that ignores TERM", function()
    local process = assert(noshell.run_async { "sh", "-c",
      "trap '' TERM; echo ready; while :; do sleep 100; done",
      stdout = "pipe" })
    assert.equal("ready", process.stdout:read())
    local before = core.now()
    assert.is_true(process:abort())
    assert.truthy(core.now() - before < 20)
    local _, err = process:wait()
    assert.equal("KILL", err.result.signal)
    process:close()
  end)
end)

describe("close", function()
  helper.leak_check()

  it("ends the program, and may be repeated", function()
    local process = assert(noshell.run_async("sleep", 100))
    local pid = process.pid
    assert.is_true(process:close())
    assert.is_true(process:close())
    assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
  end)

  it("makes every later use an error", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local stdin = process.stdin
    process:close()
    assert.has_error(function() process:wait() end)
    assert.has_error(function() process:poll() end)
    assert.has_error(function() process:kill() end)
    assert.has_error(function() stdin:write "x" end)
    assert.is_true(stdin:close())
  end)
end)

describe("kill", function()
  helper.leak_check()

  it("sends a signal by name or number, by default TERM", function()
    for _, signal in ipairs { "TERM", "SIGINT", 9 } do
      local process = assert(noshell.run_async("sleep", 100))
      assert.is_true(process:kill(signal))
      local _, err = process:wait()
      assert.equal(core.signal_number(signal), err.result.signal_number)
      process:close()
    end
    local process = assert(noshell.run_async("sleep", 100))
    process:kill()
    local _, err = process:wait()
    assert.equal("TERM", err.result.signal)
    process:close()
  end)

  it("signals no process once the program has ended", function()
    local process = assert(noshell.run_async("true"))
    process:wait()
    local ok, err = process:kill()
    assert.is_nil(ok)
    assert.equal("ESRCH", err.errname)
    assert.equal("noshell: cannot kill 'true': No such process (ESRCH)",
      helper.said(err))
    process:close()
  end)
end)

describe("handshake_wait", function()
  helper.leak_check()

  local function waiting(spec)
    spec.require_handshake = true
    return assert(noshell.run_async(spec))
  end

  it("waits until the child is ready for its exec", function()
    local process = waiting { "echo", "x" }
    assert.is_true(process:handshake_wait())
    assert.is_true(process:handshake_wait(0))
    assert.is_true(process:handshake_notify())
    assert.equal("x\n", assert(process:wait()).stdout)
    process:close()
  end)

  it("returns the error of a child that died before", function()
    local process = waiting { "true", cwd = "/no/such" }
    local ok, err = process:handshake_wait(10)
    assert.is_nil(ok)
    assert.equal("set_working_directory", err.stage)
    process:close()
  end)

  it("rejects a wrong order, and a process without a handshake", function()
    local process = waiting { "true" }
    local ok, err = process:handshake_notify()
    assert.is_nil(ok)
    assert.equal("noshell: invalid command 'true': call handshake_wait first",
      helper.said(err))
    process:close()

    process = assert(noshell.run_async "true")
    ok, err = process:handshake_wait()
    assert.is_nil(ok)
    assert.equal("noshell: invalid command 'true': require_handshake was not "
      .. "called", helper.said(err))
    process:close()
  end)

  it("ends with the command's own timeout", function()
    local process = waiting { "true", timeout = 0.02, grace = 0.02,
      pre_exec_hook = function() core.poll(-1, "r", 100) end }
    local before = core.now()
    local ok, err = process:handshake_wait()
    assert.is_nil(ok)
    assert.equal("timeout", err.code)
    assert.is_true(err.result.timed_out)
    assert.truthy(core.now() - before < 20)
    process:close()
  end)
end)
