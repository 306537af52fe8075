-- core.d.lua and core_command.d.lua against the module that they describe.
local helper = require "spec.support.helper"
local core = require "noshell.core"
local sorted_keys = require "spec.support.sorted_keys"

local function declared(class)
  local names = {}
  for _, file in ipairs { "core.d.lua", "core_command.d.lua" } do
    local text = helper.read_file(helper.root .. "/lua/noshell/" .. file)
    for name in text:gmatch("\nfunction " .. class .. "[.:]([%w_]+)%(") do
      names[name] = true
    end
  end
  return names
end

local function functions_of(set)
  local names = {}
  for name, value in pairs(set) do
    if type(value) == "function" then names[name] = true end
  end
  return names
end

describe("core.d.lua", function()
  it("declares the module's functions and no others", function()
    assert.same(sorted_keys(functions_of(core)), sorted_keys(declared "core"))
  end)

  for _, class in ipairs { "command", "process", "stream" } do
    it("declares the methods of a " .. class .. " and no others", function()
      local run = helper.run_lua(helper.lua, [[
        local core = require "noshell.core"
        local names = {}
        for name in pairs(core.methods.]] .. class .. [[) do names[#names + 1] = name end
        table.sort(names)
        io.write(table.concat(names, " "))
      ]])
      assert.equal("", run.err)
      assert.equal(table.concat(sorted_keys(declared(class)), " "), run.out)
    end)
  end
end)
