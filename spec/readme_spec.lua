-- The README's examples, word for word: each block runs by itself and prints the text of
-- its "-->" lines.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local readme = require "spec.support.readme"

local text = readme.text

local function blocks()
  local list = {}
  for block in text:gmatch "\n```lua\n(.-)```" do list[#list + 1] = block end
  return list
end

describe("README.md", function()
  helper.leak_check()

  it("has examples", function()
    assert.is_true(#blocks() >= 5)
  end)

  for i, block in ipairs(blocks()) do
    local first = block:match "\n\n([^\n]+)" or block:match "[^\n]+"
    it(("example %d has the documented effect: %s"):format(i, first), function()
      assert.equal(table.concat(readme.expected(block), "\n"),
        readme.output_of(block, "=README.md"))
    end)
  end

  it("shows files unchanged", function()
    local count = 0
    for path, block in text:gmatch "\n```%l+ ([%w_/]+%.%l+)\n(.-)```" do
      count = count + 1
      assert.equal(helper.read_file(helper.root .. "/" .. path), block)
    end
    assert.is_true(count >= 4)
  end)

  it("names each gotcha as gotchas_spec does", function()
    local specs = helper.read_file(helper.root .. "/spec/gotchas_spec.lua")
    local section = text:match "\n## Gotchas\n(.-)\n## "
    local count = 0
    for gotcha in section:gmatch "\n%- %*%*(.-)%*%*" do
      count = count + 1
      local name = gotcha:gsub("%s+", " ")
      assert.truthy(specs:find('it("' .. name .. '"', 1, true), name)
    end
    assert.is_true(count >= 10)
  end)

  it("shows where each function directs the standard streams", function()
    local section = text:match "\n| function | stdin .-\n|[-|]+\n(.-)\n\n"
    local count = 0
    for name, stdin, stdout, stderr in (section .. "\n"):gmatch(
      "| `noshell%.([%l_]+)%b()` | `(%l+)` | `(%l+)` | `(%l+)` |") do
      local dry = noshell.dry_run(function() return "" end)
      local _, answer = pcall(noshell[name], "frob")
      if type(answer) == "function" then answer() end
      local call = dry:calls()[1]
      dry:stop()
      assert.same({ name, stdin, stdout, stderr },
        { name, call.stdin, call.stdout, call.stderr })
      count = count + 1
    end
    assert.equal(8, count)
  end)

  it("lists exactly the options", function()
    local section = text:match "\n| key | value |\n|%-%-%-|%-%-%-|\n(.-)\n\n"
    local listed = {}
    for row in (section .. "\n"):gmatch "| (.-) | [^\n]*\n" do
      for name in row:gmatch "`([%l_]+%w*)`" do listed[#listed + 1] = name end
    end
    local names = {}
    for i, name in ipairs(require("noshell.keys").names) do names[i] = name end
    table.sort(listed)
    table.sort(names)
    assert.same(names, listed)
  end)
end)
