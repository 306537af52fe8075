-- The README's examples for event loops, word for word: each runs by itself in
-- the loop that its fence names, and what it prints is what its "-->" lines say.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"

local text = helper.read_file(helper.root .. "/README.md")

--- The block whose fence says so, and what it is to print.
local function example(fence)
  local block = assert(text:match("\n```" .. fence .. "\n(.-)```"), fence)
  local lines = {}
  for said in block:gmatch "%-%->%s?([^\n]*)" do lines[#lines + 1] = said end
  return block, table.concat(lines, "\n")
end

local function trimmed(said)
  return (said:gsub("\r", ""):gsub("%s+$", ""))
end

describe("README.md, in event loops", function()
  helper.leak_check()

  for _, name in ipairs { "cqueues", "luv", "copas" } do
    local is_here, package = require("spec.support.hosts." .. name).is_here()

    it("has an example of " .. name .. " that does what it says", function()
      if not is_here then pending("needs " .. package) end
      local block, expected = example("lua " .. name)
      local run = helper.run_lua(helper.lua, block)
      assert.equal(expected, trimmed(run.out), run.err)
    end)
  end

  it("has an example of Neovim that does what it says", function()
    if helper.lua.version ~= "jit" then pending("it is a LuaJIT") end
    local is_here = helper.run({ "nvim", "--version" }).status == 0
    helper.require_or_pending("neovim", is_here)
    local block, expected = example "lua neovim"
    helper.with_tmpdir(function(dir)
      local path = helper.write_file(dir .. "/example.lua",
        "local function print(...) io.stdout:write(table.concat({ ... }, '\t'), '\\n') end\n"
        .. block)
      local run = helper.run { "nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n",
        "-c", "luafile " .. path, "-c", "qa!" }
      assert.equal(expected, trimmed(run.out), run.err)
    end)
  end)

  it("names hosts that there are, and who chooses them", function()
    for name in text:match("\n## In event loops\n(.-)\n```"):gmatch '"(noshell%.host%.%l+)"' do
      assert.is_table(require(name))
    end
  end)
end)

nginx.describe("README.md, in nginx,", function()
  it("has an example that does what it says", function()
    local block = example "nginx"
    nginx.with({ server = (block:gsub("%$", "%%$")) }, function(server)
      assert.equal(os.date "!%Y\n", server:body "/year")
    end)
  end)
end)
