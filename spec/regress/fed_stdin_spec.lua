-- A process with a function or a list as input exposed noshell's own stream as its stdin:
-- data that a script wrote there came between the pieces, and closing it made a wait raise
-- "the stream is closed". It has none now, as for input that is a string.
local helper = require "spec.support.helper"
local noshell = require "noshell"

describe("the stdin of a process whose input is made", function()
  helper.leak_check()

  it("does not exist", function()
    for _, input in ipairs { "x", { "x" }, function() return nil end } do
      local process = assert(noshell.run_async { "cat", input = input })
      local _, text = pcall(function() return process.stdin end)
      assert.matches(type(input) == "string" and "is not a pipe" or "is written by noshell",
        text)
      assert(process:wait())
      process:close()
      process = assert(noshell.pipeline({ "cat", input = input }, { "cat" }):run_async())
      assert.is_nil(process.stdin)
      assert(process:wait())
      process:close()
    end
  end)

  it("is there if it is a pipe", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    assert.is_not_nil(process.stdin)
    process:close()
  end)
end)

describe("a pipeline that is closed", function()
  it("is an error at the caller's line", function()
    local process = assert(noshell.pipeline({ "true" }, { "true" }):run_async())
    process:close()
    for _, name in ipairs { "wait", "poll", "kill", "pump", "abort" } do
      local ok, err = pcall(function()
        local value = process[name](process)
        return value
      end)
      assert.is_false(ok)
      assert.matches("^%S*fed_stdin_spec.lua:%d+: the pipeline is closed$", err)
    end
  end)
end)
