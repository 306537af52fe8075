-- The words of a SPEC and the commands of a pipeline were counted up to the largest index,
-- even after a hole: { "true", [2 ^ 53] = "x" } never returned. Both now end at the first
-- hole, which is the argument error.
local noshell = require "noshell"

describe("an index far behind the end of a list", function()
  local FAR = 2 ^ 53

  it("is a missing argument of a SPEC", function()
    local result, err = noshell.run { "true", "a", [FAR] = "x" }
    assert.is_nil(result)
    assert.equal("invalid", err.code)
    assert.matches("argument %d.* nil", tostring(err))
  end)

  it("is a missing command of a pipeline", function()
    local result, err = noshell.pipeline({ { "true" }, [FAR] = { "true" } }):run()
    assert.is_nil(result)
    assert.equal("invalid 2", err.code .. " " .. err.index)
  end)
end)
