-- A time of more than 2^63 seconds did not fit the kernel's timespec: the wait failed with
-- EINVAL, and the program was ended. Such a time is as good as none.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local cat = { "cat", input = "x" }

describe("a time of 1e300 seconds", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  local function spec(keys)
    for key, value in pairs(cat) do keys[key] = value end
    return keys
  end

  it("is a timeout that does not pass", function()
    assert.equal("x", assert(noshell.run(spec { timeout = 1e300 })).stdout)
    assert.equal("x", assert(noshell.pipeline(spec { timeout = 1e300 }, { "cat" }):run()).stdout)
    local process = assert(noshell.run_async(spec { timeout = 1e300 }))
    assert.equal("x", assert(process:wait(1e300)).stdout)
    process:close()
    local both = assert(noshell.pipeline { cat, { "cat" }, timeout = 1e300 }:run())
    assert.equal("x", both.stdout)
  end)

  it("is a time to wait for several", function()
    for _, wait in ipairs { noshell.wait_all, noshell.wait_any } do
      local process = assert(noshell.run_async(cat))
      assert(wait({ process }, 1e300))
      process:close()
    end
  end)

  it("is a grace after which a program is ended", function()
    local _, err = noshell.run { helper.probe, "--pause", timeout = 0.05, grace = 1e300 }
    assert.equal("timeout", err.code)
  end)

  it("is never passed to a host", function()
    local longest = 0
    noshell.host.use(function(_, seconds)
      longest = math.max(longest, seconds or 0)
    end)
    assert(noshell.run(spec { timeout = 1e300 }))
    assert.is_true(longest < 1e7)
  end)
end)
