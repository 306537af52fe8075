-- A start that writes input also reads. If it read more than max_output allows, run waited
-- for the next event instead of ending the program.
local helper = require "spec.support.helper"

-- sleep ends only if the limit is not noticed.
local HOST = [[
local noshell = require "noshell"
local _, err = noshell.run { "sh", "-c", "echo 0123456789; exec sleep 3", input = "x",
  max_output = 4 }
print(err.code, err.result.signal)
]]

describe("output that the start reads", function()
  helper.leak_check()

  it("is limited at once", function()
    -- With the same real-time priority on one processor, the program runs until it sleeps,
    -- and only then the start continues.
    local alone = { "chrt", "-f", "1", "taskset", "-c", "0" }
    local permitted = helper.run { "chrt", "-f", "1", "taskset", "-c", "0", "true" }
    helper.require_or_pending("realtime", permitted.status == 0, "real-time priorities")
    local run = helper.run_lua(helper.lua, HOST, nil, { wrap = alone })
    assert.equal("", run.err)
    assert.equal("output_limit\tTERM\n", run.out)
  end)
end)
