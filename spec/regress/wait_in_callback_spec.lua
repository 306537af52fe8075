-- A callback of a program that waited for it got its end, of which no descriptor informs a
-- second time. The wait that had called the callback then never returned.
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- What a callback may do with the process that it is called for.
local ACTS = {
  wait = function(process) return process:wait() end,
  poll = function(process)
    local result
    repeat result = process:poll() until result
    return result
  end,
  abort = function(process) return process:abort() end,
}

--- Runs the program, and calls act in its first callback. Also returns how the program
--- ended: abort may have ended it.
local function run(act, start)
  local process, answer, calls = nil, nil, 0
  process = start(function()
    calls = calls + 1
    if calls == 1 then answer = act(process) end
  end)
  local result, err = process:wait()
  process:close()
  return answer, result or err, calls
end

local function one(by)
  return function(callback)
    return assert(noshell.run_async { "printf", "a\\nb\\n", on_stdout = { callback, by = by } })
  end
end

local function pipeline(callback)
  return assert(noshell.pipeline {
    { "printf", "a\\nb\\n" }, { "cat" }, on_stdout = callback }:run_async())
end

describe("a callback of a program", function()
  helper.leak_check()

  for name, act in pairs(ACTS) do
    it("may call " .. name .. ", and the wait that called it still returns", function()
      for _, by in ipairs { "line", "chunk", "\n" } do
        local answer, result = run(act, one(by))
        assert.is_truthy(answer)
        assert.is_truthy(result)
      end
    end)

    it("may call " .. name .. " of its pipeline", function()
      for _ = 1, 5 do
        local answer, result = run(act, pipeline)
        assert.is_truthy(answer)
        assert.is_truthy(result)
      end
    end)
  end

  it("may wait for programs of the wait_all or wait_any that called it", function()
    for _, name in ipairs { "wait_all", "wait_any" } do
      local list = {}
      local cat = assert(noshell.run_async { "cat", stdin = "pipe" })
      list[1] = cat
      list[2] = assert(noshell.run_async { "printf", "a\\nb\\n", on_stdout = function()
        if not cat.stdin:closed() then cat.stdin:close() end
        for i = 1, 2 do assert(list[i]:wait()) end
      end })
      -- wait_any serves the second one first, which waits for both.
      if name == "wait_any" then list[1], list[2] = list[2], list[1] end
      assert.is_truthy(noshell[name](list))
      for i = 1, 2 do list[i]:close() end
    end
  end)

  it("gets the pieces that arrived while it waited", function()
    local _, _, calls = run(ACTS.wait, one "\n")
    assert.equal(2, calls)
  end)

  it("may look at what was captured so far", function()
    local process, seen
    process = assert(noshell.run_async { "printf", "a\\nb\\n", on_stdout = function()
      repeat seen = process:captured "stdout" until seen == "a\nb\n"
    end })
    assert.is_true(process:wait().ok)
    assert.equal("a\nb\n", seen)
  end)
end)
