-- core.d.lua and core_command.d.lua against the module that they describe.
local helper = require "spec.support.helper"
local core = require "noshell.core"
local keys = require "noshell.keys"
local sorted_keys = require "spec.support.sorted_keys"

--- The declarations written by hand, and those that the build generates.
local function declarations()
  local texts = {}
  for _, file in ipairs { "core.d.lua", "core_command.d.lua" } do
    texts[#texts + 1] = helper.read_file(helper.root .. "/lua/noshell/" .. file)
  end
  texts[#texts + 1] = helper.read_file(helper.build .. "/types/setters.d.lua")
  return texts
end

local function declared(class)
  local names = {}
  for _, text in ipairs(declarations()) do
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
  it("declares exactly the module's functions", function()
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
      local names = declared(class)
      if class == "command" then
        -- Those are Lua's, and generated with the others.
        for name in pairs(keys.methods) do
          assert.is_true(names[name], name)
          names[name] = nil
        end
      end
      assert.equal(table.concat(sorted_keys(names), " "), run.out)
    end)
  end
end)
