-- The annotations for the Lua language server.
local core = require "noshell.core"
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local names = require "noshell.names"
local noshell = require "noshell"

-- The files are the same for every Lua.
if not driver.is_wanted then return end

local function sources(path, found)
  found = found or {}
  for name in lfs.dir(path) do
    local entry = path .. "/" .. name
    if name:match "%.lua$" then
      found[#found + 1] = entry
    elseif not name:match "^%." and lfs.attributes(entry, "mode") == "directory" then
      sources(entry, found)
    end
  end
  return found
end

local function union(alias)
  local text = helper.read_file(helper.root .. "/lua/noshell/names.lua")
  local block = text:match("%-%-%-@alias noshell%." .. alias .. "\n(.-)\n\n")
  local list = {}
  for word in block:gmatch '%-%-%-| "([%w_]+)"' do list[#list + 1] = word end
  return list
end

describe("the annotations", function()
  it("mark the names that begin with an underscore as private", function()
    local count = 0
    for _, path in ipairs(sources(helper.root .. "/lua/noshell")) do
      local previous = ""
      for line in io.lines(path) do
        if line:match "^function [%w_]+[:.]_%a[%w_]*%(" then
          count = count + 1
          assert.equal("---@private", previous, path .. ": " .. line)
        end
        previous = line
      end
    end
    assert.is_true(count > 100)
  end)

  it("report a result that is not used", function()
    local init = helper.read_file(helper.root .. "/lua/noshell/init.lua")
    for _, name in ipairs { "run", "output", "run_async", "popen", "command", "which" } do
      assert.truthy(init:find("---@nodiscard\nfunction noshell." .. name .. "(", 1, true), name)
    end
    for _, file in ipairs { "command", "pipeline" } do
      local text = helper.read_file(helper.root .. "/lua/noshell/" .. file .. ".lua")
      for _, name in ipairs { "run", "output", "run_async" } do
        assert.truthy(text:find("---@nodiscard\nfunction methods:" .. name .. "(", 1, true), name)
      end
    end
  end)

  it("have the operators of commands and pipelines", function()
    local text = helper.read_file(helper.root .. "/lua/noshell/core_command.d.lua")
    for _, operator in ipairs { "concat", "bor" } do
      assert.truthy(text:find("---@operator " .. operator .. "(noshell.member)", 1, true))
    end
  end)

  it("list the signals, capabilities and limits that exist", function()
    assert.same(names.SIGNALS, union "signal")
    assert.same(names.CAPABILITIES, union "capability")
    assert.same(names.LIMITS, union "limit_name")
    for number, name in ipairs(names.SIGNALS) do
      assert.equal(number, core.signal_number(name), name)
    end
    for _, name in ipairs(names.LIMITS) do
      assert.is_nil(noshell.command("x"):set_limit(name, 0):argument_error())
    end
    local listed = noshell.command("x"):set_limit("zzz", 0):argument_error().reason
    local _, count = listed:match "there are (.*)$":gsub("%S+", "")
    assert.equal(#names.LIMITS, count)
    if not noshell.features().capng then return end
    for i, name in ipairs(names.CAPABILITIES) do
      local dry = noshell.dry_run(function() return "" end)
      local ran = noshell.run { "x", allow_cap = name }
      local number = ran and dry:calls()[1].allow_cap[1]
      dry:stop()
      assert.equal(i - 1, number, name)
    end
  end)
end)

describe(".luarc.json", function()
  it("tells the server where the modules and the generated types are", function()
    local rc = assert(noshell.parse.json(helper.read_file(helper.root .. "/.luarc.json")))
    assert.same({ "lua/?.lua", "lua/?/init.lua", "?.lua" }, rc["runtime.path"])
    assert.same({ "build/types" }, rc["workspace.library"])
    assert.is_true(lfs.attributes(helper.build .. "/types/setters.d.lua") ~= nil)
  end)
end)
