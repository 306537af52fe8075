-- The setters of one scalar that belong to no other topic: each reaches the
-- program, and a refusal of the kernel is a failure with its stage.
local core = require "noshell.core"
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

describe("the rows of setters.def", function()
  it("have a name, a key that belongs to it, and a description", function()
    local short = { cwd = "set_working_directory" }
    for _, row in ipairs(core.setters()) do
      local is_plain = row.name == row.key or row.name == "set_" .. row.key
      assert.is_true(is_plain or short[row.key] == row.name, row.name)
      assert.truthy(row.description:match "^%u.*%.$", row.name)
    end
  end)

  it("have a stage named after the setter, except for limits and those without a step", function()
    local rules = { allow_any_exit = true, raw_status = true, set_search_path = true,
      set_stop_signal = true }
    for _, row in ipairs(core.setters()) do
      local expected = row.name
      if row.kind == "limit" then expected = "set_limit" end
      if rules[row.name] then expected = nil end
      assert.equal(expected, row.stage)
    end
  end)
end)

local OURS = "/proc/self/oom_score_adj"

describe("the score for lack of memory", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("set_oom_score_adj reaches the program", function()
      local before = helper.read_file(OURS)
      for _, value in ipairs { 1000, 500 } do
        local process = assert(noshell.run_async { "cat", OURS, oom_score_adj = value })
        assert.equal(path, process.launch)
        assert.equal(value .. "\n", assert(process:wait()).stdout)
        process:close()
      end
      assert.equal(before, helper.read_file(OURS))
    end)

    it("is a failure with its stage if it may not be lowered", function()
      local fields = forked(function()
        if helper.sys.getuid() == 0 then assert(helper.sys.become(12345, 12345)) end
        local _, err = noshell.run { "true", oom_score_adj = -1 }
        return { said = probing.described(err) }
      end)
      assert.equal("spawn set_oom_score_adj EACCES -1", fields.said)
    end)
  end)
end)
