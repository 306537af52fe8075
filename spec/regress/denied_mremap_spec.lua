-- Output of more than 8 MiB failed with EPERM if a seccomp filter denies mremap(2), which
-- realloc(3) does not need.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

describe("large output", function()
  helper.leak_check()

  it("is captured without mremap(2)", function()
    local size = 20000000
    local got = forked(function()
      assert(helper.sys.deny "mremap:EPERM")
      local result, err = noshell.run { helper.probe, "--out", size, stderr = "null" }
      return { said = tostring(err), size = result and #result.stdout or 0 }
    end)
    assert.equal("nil", got.said)
    assert.equal(size, got.size)
  end)
end)
