-- The pipe of a capture that passed its cap was closed before the program was
-- stopped. It could die of SIGPIPE first, and its children, orphans by then,
-- were not found and lived on.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

describe("a program past its output's cap", function()
  helper.leak_check()

  it("leaves no child alive, even if it writes fast", function()
    for _ = 1, 50 do
      local from, to = sys.pipe()
      local value, err = noshell.run { helper.probe, "--fork", "--pause", "--end", "--out",
        100000, "--pause", max_output = 1000, pass_fds = { to } }
      sys.close(to)
      assert.is_nil(value)
      assert.equal("output_limit TERM", err.code .. " " .. err.result.signal)
      assert.is_true(sys.poll(from, "r", 0))
      sys.close(from)
    end
  end)

  it("also gets SIGPIPE if it survives TERM", function()
    local value, err = noshell.run { helper.probe, "--ignore", "TERM", "--out", 1000000,
      "--pause", max_output = 1000, timeout = 60, grace = 60 }
    assert.is_nil(value)
    assert.equal("output_limit PIPE", err.code .. " " .. err.result.signal)
  end)
end)
