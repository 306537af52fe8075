local failure = require "noshell.failure"
local result = require "noshell.result"

describe("a result", function()
  it("is a string with the kind of end and the duration", function()
    assert.equal("exited with status 3 after 0.25 s",
      tostring(result.new { exit_code = 3, duration = 0.25 }))
    assert.equal("killed by signal TERM after 1.5 s",
      tostring(result.new { signal = "TERM", signal_number = 15,
        duration = 1.5 }))
    assert.equal("killed by signal 99 after 1.5 s",
      tostring(result.new { signal_number = 99, duration = 1.5 }))
    assert.equal("ended, status unknown after 2 s",
      tostring(result.new { duration = 2 }))
  end)
end)

local function triple(...)
  return { n = select("#", ...), ... }
end

describe("the triple of os.execute", function()
  it("is true, exit and the code for success", function()
    assert.same({ n = 3, true, "exit", 0 },
      triple(result.triple { ok = true, exit_code = 0 }))
  end)

  it("is true with another allowed code", function()
    assert.same({ n = 3, true, "exit", 1 },
      triple(result.triple { ok = true, exit_code = 1 }))
  end)

  it("is nil, exit and the code for failure", function()
    local err = failure.new({ code = "exit" }, "false",
      { ok = false, exit_code = 1 })
    assert.same({ n = 3, nil, "exit", 1 }, triple(result.triple(nil, err)))
  end)

  it("is nil, signal and the number for death by signal", function()
    local err = failure.new({ code = "signal" }, "sleep 9",
      { ok = false, signal = "KILL", signal_number = 9 })
    assert.same({ n = 3, nil, "signal", 9 }, triple(result.triple(nil, err)))
  end)

  it("is nil and the error if there is no such number", function()
    local err = failure.new({ code = "spawn", stage = "exec" }, "x")
    assert.same({ n = 2, nil, err }, triple(result.triple(nil, err)))
  end)

  it("is nil and the error after a timeout, for any exit code", function()
    local err = failure.new({ code = "timeout" }, "x",
      { ok = false, exit_code = 0, timed_out = true, duration = 1 })
    assert.same({ n = 2, nil, err }, triple(result.triple(nil, err)))
  end)
end)
