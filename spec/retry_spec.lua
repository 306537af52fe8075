local core = require "noshell.core"
local dry = require "spec.support.dry"
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Succeeds when it is run for the nth time.
local function succeeds_at(dir, n)
  return { "sh", "-c", 'echo x >>"$0"; test $(wc -l <"$0") = $1', dir .. "/count", n }
end

describe("retry", function()
  helper.leak_check()

  it("runs until a success", function()
    helper.with_tmpdir(function(dir)
      local result = assert(noshell.retry(succeeds_at(dir, 3), { delay = 0.001 }))
      assert.is_true(result.ok)
      assert.equal("x\nx\nx\n", helper.read_file(dir .. "/count"))
    end)
  end)

  it("returns the last error after the last attempt", function()
    dry.with(function(call) return { exit_code = call.number } end, function(run)
      local result, err = noshell.retry({ "frob" }, { attempts = 4 })
      assert.is_nil(result)
      assert.equal("exit", err.code)
      assert.equal(4, err.attempts)
      assert.equal(4, err.result.exit_code)
      assert.equal(4, #run:commands())
    end)
  end)

  it("waits longer each time", function()
    local before = core.now()
    noshell.retry({ "false" }, { attempts = 4, delay = 0.02, backoff = 2 })
    local took = core.now() - before
    assert.truthy(took >= 0.14, took)
    before = core.now()
    noshell.retry({ "false" }, { attempts = 3, delay = 0.02, backoff = 1 })
    took = core.now() - before
    assert.truthy(took >= 0.04 and took < 20, took)
  end)

  it("retries after the failures of `on`", function()
    local replies = { { exit_code = 1 }, { timed_out = true }, { error = "EAGAIN" } }
    local function attempts(on)
      return dry.with(function(call) return replies[call.number] end, function(run)
        noshell.retry({ "frob" }, { attempts = 9, on = on })
        return #run:commands()
      end)
    end
    local tried = {}
    assert.equal(4, attempts(function(why, attempt)
      tried[attempt] = why.code
      return true
    end))
    assert.same({ "exit", "timeout", "spawn" }, tried)
    assert.equal(2, attempts(function(_, attempt) return attempt < 2 end))
    assert.equal(1, attempts { "timeout" })
    assert.equal(2, attempts { "exit" })
    assert.equal(3, attempts { "timeout", "exit" })
  end)

  it("does not retry an argument error", function()
    local _, err = noshell.retry({ "true", nonsense = 1 })
    assert.equal(1, err.attempts)
    assert.equal("invalid", err.code)
  end)

  it("runs pipelines and commands", function()
    helper.with_tmpdir(function(dir)
      assert(noshell.retry(noshell.pipeline(succeeds_at(dir, 2), { "cat" }), { delay = 0 }))
      assert(noshell.retry(noshell.command(succeeds_at(dir, 3)), { delay = 0 }))
    end)
  end)

  it("sleeps through the host", function()
    local waits = 0
    local previous = noshell.host.use(function(pollable, seconds)
      waits = waits + 1
      core.poll(pollable:pollfd() or -1, "r", seconds)
    end)
    local before = core.now()
    noshell.retry({ "false" }, { attempts = 2, delay = 0.03 })
    noshell.host.use(previous)
    assert.truthy(core.now() - before >= 0.03)
    assert.truthy(waits > 0)
  end)

  it("rejects unknown options", function()
    for _, how in ipairs { { attempt = 1 }, { attempts = 0 }, { attempts = 1.5 },
      { delay = -1 }, { delay = "1" }, { on = "exit" }, { backoff = math.huge } } do
      assert.error_matches(function() noshell.retry({ "true" }, how) end, "noshell.retry: ")
    end
  end)
end)
