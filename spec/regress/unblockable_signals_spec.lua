-- If a sandbox forbids the blocking of signals, the previous mask was never read, and an
-- uninitialised variable became the host's mask after a launch. The launch also went on
-- with signals open.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

--- Denies only the calls that also read the mask: the child's own passes.
local function launch(start)
  return forked(function()
    for _, signal in ipairs { "USR1", "WINCH", "34" } do sys.block(signal, true) end
    local status = helper.read_file "/proc/self/status"
    assert(sys.deny "rt_sigprocmask_reading(0):EPERM")
    local fields = probing.fields(start())
    local after = helper.read_file "/proc/self/status"
    fields.same = status:match "SigBlk:[^\n]*" == after:match "SigBlk:[^\n]*"
    return fields
  end)
end

describe("a launch by a host that cannot block signals", function()
  helper.leak_check()

  helper.each_path(function()
    it("fails, and does not change the mask", function()
      local got = launch(function() return noshell.run "true" end)
      assert.equal("spawn signals EPERM -", got.described)
      assert.is_true(got.same)
    end)
  end)

  it("fails in place too", function()
    local got = launch(function() return noshell.exec "true" end)
    assert.equal("spawn signals EPERM -", got.described)
    assert.is_true(got.same)
  end)
end)
