-- doc/machines.md: its examples run, in a dry run, and its tables are those of the code.
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local keys = require "noshell.machine.keys"
local noshell = require "noshell"
local readme = require "spec.support.readme"

if not driver.is_wanted then return end

local text = helper.read_file(helper.root .. "/doc/machines.md")
local NAMES = { "ssh", "container", "systemd", "slurm" }

--- Returns the rows of the table with this heading, as lists of cells.
local function rows(heading)
  local list = {}
  local start = text:find("\n| " .. heading .. " |", 1, true)
  local block = text:sub(start + 1):match "^[^\n]*\n[^\n]*\n(.-\n)\n"
  for line in block:gmatch "[^\n]+" do
    local cells = {}
    for cell in line:gmatch "| ?([^|]*)" do cells[#cells + 1] = (cell:gsub("%s+$", "")) end
    list[#list + 1] = cells
  end
  return list
end

local function engine(name) return require("noshell.machine." .. name) end

describe("doc/machines.md", function()
  helper.leak_check()

  local count = 0
  for block in text:gmatch "\n```lua\n(.-)```" do
    count = count + 1
    it(("has an example %d that runs"):format(count), function()
      local dry = noshell.dry_run()
      local ok, err = pcall(function()
        assert.equal(table.concat(readme.expected(block), "\n"),
          readme.output_of(block, "=machines.md"))
      end)
      local calls = #dry:calls()
      dry:stop()
      if not ok then error(err, 0) end
      assert.is_true(calls > 0)
    end)
  end

  it("lists the keys that each engine supports", function()
    local listed = {}
    for _, row in ipairs(rows "key | ssh") do
      local key = row[1]:match "`(.-)`"
      listed[key] = true
      for i, name in ipairs(NAMES) do
        local is_supported = keys.COMMON[key] or engine(name).keys[key] or false
        assert.equal(is_supported and "yes" or "", row[i + 1], key .. " of " .. name)
      end
    end
    for key in pairs(keys.COMMON) do assert.is_true(listed[key], key) end
    for _, name in ipairs(NAMES) do
      for key in pairs(engine(name).keys) do assert.is_true(listed[key], key) end
    end
  end)

  it("lists the options of each engine", function()
    local found = rows "engine | program"
    assert.equal(#NAMES, #found)
    for i, row in ipairs(found) do
      assert.equal("`" .. NAMES[i] .. "`", row[1])
      local listed, known = {}, {}
      for option in row[3]:gmatch "`(.-)`" do listed[#listed + 1] = option end
      for option in pairs(engine(NAMES[i]).options) do
        known[#known + 1] = option == 1 and "[1]" or option
      end
      table.sort(known)
      assert.same(known, listed)
    end
  end)
end)
