-- A pump that moved bytes did not ask for the status. The output of a terminal has no end
-- until the status is known, so a program that had ended in time was reported as timed out
-- if its output was read only after the deadline.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

describe("a timeout of a program on a terminal", function()
  helper.leak_check()

  helper.each_path(function()
    it("has not passed for one that ended in time, even if we look late", function()
      local command = noshell.command(helper.probe, "--say", "x"):set_pty():set_timeout(0.3)
      local process = assert(command:_start(nil, true, true))
      core.poll(process:pidfd(), "r", 60)
      core.poll(-1, "r", 0.4)
      local finished, failure
      repeat
        finished, failure = process:_pump()
        assert.is_nil(failure)
      until finished
      local result = process:_result()
      assert.is_falsy(result.timed_out)
      assert.equal("x\r\n", result.stdout)
      process:close()
    end)
  end)
end)
