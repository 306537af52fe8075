-- The setters of one scalar that have no topic of their own: each reaches the
-- program, and a refusal of the kernel is a failure with its stage.
local core = require "noshell.core"

describe("the rows of setters.def", function()
  it("have a name, a key that it ends with or is known for, and a description", function()
    local short = { cwd = "set_working_directory" }
    for _, row in ipairs(core.setters()) do
      local is_plain = row.name == row.key or row.name == "set_" .. row.key
      assert.is_true(is_plain or short[row.key] == row.name, row.name)
      assert.truthy(row.description:match "^%u.*%.$", row.name)
    end
  end)

  it("have a stage that is called as the setter, but for limits and rules", function()
    local rules = { allow_any_exit = true, raw_status = true }
    for _, row in ipairs(core.setters()) do
      local expected = row.name
      if row.kind == "limit" then expected = "set_limit" end
      if rules[row.name] then expected = nil end
      assert.equal(expected, row.stage)
    end
  end)
end)
