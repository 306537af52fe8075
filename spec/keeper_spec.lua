-- Programs that the script does not look after: they are served to their end, and
-- their deadlines hold, without another call of noshell.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

--- A pipe whose end `to` the program and its children have: at its end all of
--- them are gone.
local function tie()
  local from, to = sys.pipe()
  return { from = from, to = to }
end

local function untie(tied)
  sys.close(tied.to)
  assert.is_true(core.poll(tied.from, "r", 10))
  assert.equal("", sys.read(tied.from, 1))
  sys.close(tied.from)
end

local function pausing(tied, more)
  local spec = { helper.probe, "--ignore", "TERM", "--fork", "--pause", "--end",
    "--pause", pass_fds = { tied.to }, grace = more.timeout and 0.05 }
  for key, value in pairs(more) do spec[key] = value end
  return spec
end

local function thread_count()
  return tonumber(helper.read_file("/proc/self/status"):match "Threads:%s*(%d+)")
end

describe("a deadline", function()
  helper.leak_check()

  helper.each_path(function()
    it("is enforced even if the process is never used", function()
      local tied = tie()
      local process = assert(noshell.run_async(pausing(tied, { timeout = 0.05 })))
      untie(tied)
      local result, err = process:wait()
      assert.is_nil(result)
      assert.equal("timeout", err.code)
      assert.is_true(err.result.timed_out)
      process:close()
    end)
  end)

  it("is enforced after the process was used once", function()
    for _, look in ipairs { "poll", "pump", "pollfd", "timeout", "handshake_wait" } do
      local tied = tie()
      local process = assert(noshell.run_async(pausing(tied, { timeout = 0.05 })))
      process[look](process)
      untie(tied)
      assert.equal("timeout", select(2, process:wait()).code)
      process:close()
    end
  end)

  it("is enforced even if the waiting coroutine is never resumed", function()
    local tied = tie()
    local thread = coroutine.create(function()
      return noshell.run(pausing(tied, { timeout = 0.05 }))
    end)
    noshell.host.use(function() coroutine.yield() end, thread)
    assert(coroutine.resume(thread))
    assert.equal("suspended", coroutine.status(thread))
    untie(tied)
    local answers
    repeat answers = { assert(coroutine.resume(thread)) }
    until coroutine.status(thread) == "dead"
    assert.equal("timeout", answers[3].code)
  end)

  it("is enforced for a pipeline that is never used", function()
    local tied = tie()
    local pipeline = noshell.pipeline { pausing(tied, {}), pausing(tied, {}),
      timeout = 0.05, grace = 0.05 }
    local running = assert(pipeline:run_async())
    untie(tied)
    local result, err = running:wait()
    assert.is_nil(result)
    assert.equal("timeout", err.code)
    assert.is_true(err.result.timed_out)
    running:close()
  end)

  it("is enforced while a loop over lines does something else", function()
    local tied = tie()
    local ok, err = pcall(function()
      for _ in noshell.lines(pausing(tied, { [2] = "--say", [3] = "one",
        timeout = 0.05 })) do
        untie(tied)
      end
    end)
    assert.is_false(ok)
    assert.equal("timeout", err.code)
  end)

  it("is enforced for an orphan, after detach and after collection", function()
    for _, how in ipairs { "detach", "collect" } do
      local tied = tie()
      local process = assert(noshell.run_async(pausing(tied, { timeout = 0.1 })))
      if how == "detach" then process:detach() end
      process = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      untie(tied)
    end
  end)

  it("has not passed for a program that ended in time, even if we look late", function()
    local process = assert(noshell.run_async { helper.probe, "--say", "x", timeout = 0.3 })
    local tied = tie()
    local other = assert(noshell.run_async(pausing(tied, { timeout = 0.4 })))
    untie(tied)
    assert.equal("x\n", assert(process:wait()).stdout)
    process:close()
    other:close()
  end)

  it("needs no thread while run waits", function()
    local before = thread_count()
    for _, wait in ipairs { "run", "output" } do
      assert(noshell[wait] { "true", timeout = 60 })
      assert.equal(before, thread_count())
    end
    assert(noshell.pipeline { { "true" }, { "true" }, timeout = 60 }:run())
    assert.equal(before, thread_count())
  end)
end)

describe("an orphan", function()
  helper.leak_check()

  it("is served to its end and reaped without further calls", function()
    for _, directed in ipairs { "capture", "pipe" } do
      local tied = tie()
      local process = assert(noshell.run_async { helper.probe, "--in", "--out", 1000000,
        "--write", tied.to, "done", input = ("x"):rep(300000), stdout = directed,
        pass_fds = { tied.to } })
      local pid = process.pid
      process = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      assert.is_true(core.poll(tied.from, "r", 10))
      assert.equal("done", sys.read(tied.from, 100))
      untie(tied)
      for _ = 1, 5000 do
        if not sys.kill(pid, 0) then break end
        sys.sleep(0.001)
      end
      assert.is_nil((sys.kill(pid, 0)))
    end
    -- The keeper forgets a process after it has reaped it.
    for _ = 1, 5000 do
      if core.reap() == 0 then break end
      sys.sleep(0.001)
    end
    assert.equal(0, core.reap())
  end)
end)
