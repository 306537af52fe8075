-- The README's examples for event loops, word for word: "```lua NAME" in a new Lua,
-- "```nginx" in a server.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"
local readme = require "spec.support.readme"

local text = readme.text

local function block_of(name)
  return assert(text:match("\n```lua " .. name .. "\n(.-)```"), name)
end

local function printed(lines)
  return table.concat(lines, "\n") .. "\n"
end

local function has_module(name)
  return helper.run_lua(helper.lua, ("require '%s'"):format(name)).status == 0
end

local modules = { cqueues = "cqueues", luv = "luv", copas = "copas", own = "socket" }
local is_in_all = { cqueues = true, luv = true, own = true }

describe("README.md's example for", function()
  helper.leak_check()

  for name, module in pairs(modules) do
    it(name .. " has the documented effect", function()
      local demanded = is_in_all[name] or helper.lua.version == "5.1"
      helper.require_or_pending(demanded and "hosts" or name, has_module(module), module)
      local block = block_of(name)
      local run = helper.run_lua(helper.lua, block)
      assert.equal(printed(readme.expected(block)), run.out, run.err)
    end)
  end

  it("neovim has the documented effect", function()
    if helper.lua.version ~= "jit" then return end
    helper.require_or_pending("hosts",
      helper.run({ "nvim", "--version" }).status == 0, "neovim")
    local block = block_of "neovim"
    local expected = readme.expected(block)
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/block.lua", block)
      local path = helper.write_file(dir .. "/script.lua", ([[
        local lines = {}
        function print(...) lines[#lines + 1] = table.concat({ ... }, "\t") .. "\n" end
        dofile "%s/block.lua"
        vim.wait(30000, function() return #lines == %d end, 5)
        io.stdout:write(table.concat(lines))]]):format(dir, #expected))
      local run = helper.run { "nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n",
        "-c", "luafile " .. path, "-c", "qa!" }
      assert.equal(printed(expected), run.out, run.err)
    end)
  end)
end)

nginx.describe("README.md's examples for nginx", function()
  for block in text:gmatch "\n```nginx\n(.-)```" do
    it("have the documented effects: " .. block:match "[^\n{]+", function()
      nginx.with({ server = block, files = { ["jobs.lua"] = "return {}" } },
        function(server)
        local count = 0
        for path, body in block:gmatch "\n# GET (%S+) %-%->([^\n]*)" do
          local words = server:body(path):gsub("%s+", " ")
          assert.equal(body, words == "" and "" or (" " .. words):gsub(" $", ""))
          count = count + 1
        end
        assert.is_true(count > 0)
      end)
    end)
  end
end)
