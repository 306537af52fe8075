local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local lfs = require "lfs"

-- The tree is the same for every Lua.
if not driver.is_wanted then return end

local function in_tree(path)
  return helper.root .. "/" .. path
end

local function exists(path)
  return lfs.attributes(in_tree(path)) ~= nil
end

--- Runs words in the tree, with a clean make.
local function run(words, env)
  local all = { MAKEFLAGS = "", MAKELEVEL = "", LC_ALL = "C" }
  for name, value in pairs(env or {}) do all[name] = value end
  return helper.run(words, { cwd = helper.root, env = all })
end

local function files_below(path, found)
  found = found or {}
  for name in lfs.dir(in_tree(path)) do
    local entry = path .. "/" .. name
    if not name:match("^%.") then
      if lfs.attributes(in_tree(entry), "mode") == "directory" then
        files_below(entry, found)
      else
        table.insert(found, entry)
      end
    end
  end
  return found
end

local function project_files()
  local found = { "Makefile" }
  for _, dir in ipairs { "c", "lua", "spec", "rockspec" } do
    if exists(dir) then files_below(dir, found) end
  end
  return found
end

local function lines_of(path)
  local lines = {}
  for line in io.lines(in_tree(path)) do lines[#lines + 1] = line end
  return lines
end

--- The functions of a C file in this style: from a brace in the first column
--- to the next. Gives the length of the longest and the line it begins at.
local function longest_function(path)
  local longest, where, from = 0, 0, nil
  for number, line in ipairs(lines_of(path)) do
    if line == "{" then
      from = number
    elseif line == "}" and from then
      local length = number - from - 1
      if length > longest then longest, where = length, from end
      from = nil
    end
  end
  return longest, where
end

describe("the tree", function()
  it("has the top-level entries of the design and no others", function()
    local allowed = { c = true, lua = true, rockspec = true, spec = true,
      doc = true, Makefile = true, LICENSE = true, ["README.md"] = true,
      ["CHANGELOG.md"] = true, ["CONTRIBUTING.md"] = true,
      ["SECURITY.md"] = true, build = true }
    for name in lfs.dir(helper.root) do
      assert.is_true(allowed[name] or name:match("^%.") ~= nil, name)
    end
  end)

  it("has no C function of more than 40 lines", function()
    for _, path in ipairs(project_files()) do
      if path:match("%.[ch]$") then
        local length, line = longest_function(path)
        assert.is_true(length <= 40, ("%s:%d has %d"):format(path, line, length))
      end
    end
  end)

  it("marks nothing as unfinished", function()
    for _, path in ipairs(project_files()) do
      for number, line in ipairs(lines_of(path)) do
        local word = line:match("%f[%w]TO" .. "DO%f[%W]") or
          line:match("%f[%w]FIX" .. "ME%f[%W]")
        assert.is_nil(word, ("%s:%d"):format(path, number))
      end
    end
  end)

  it("has arrows that point down", function()
    local result = run({ "spec/check/layers.sh" }, { BUILD = helper.build })
    assert.equal(0, result.status, result.out)
  end)

  it("lets the child's side call only the symbols of child.syms", function()
    local result = run({ "spec/check/child.sh" }, { BUILD = helper.build })
    assert.equal(0, result.status, result.out)
  end)

  it("exports only luaopen_noshell_core", function()
    local result = run({ "spec/check/symbols.sh" }, { BUILD = helper.build })
    assert.equal(0, result.status, result.out)
  end)
end)

describe("make", function()
  for _, lua in ipairs(helper.luas) do
    it("prints an environment in which " .. lua.name .. " finds noshell", function()
      local script = ([[cd '%s' && eval "$(make -s env LUA=%s BUILD='%s')" &&
        cd / && exec %s -e 'print(type(require "noshell"))']]):format(
        helper.root, lua.name, helper.build, lua.name)
      local result = run { "sh", "-c", script }
      assert.equal("table\n", result.out, result.err)
    end)
  end

  it("prints it as two exports that keep the default paths", function()
    local out = run({ "make", "-s", "env" }).out
    assert.truthy(out:match("^export LUA_PATH='[^'\n]+;;'\nexport LUA_CPATH='[^'\n]+;;'\n$"))
  end)

  it("has every target that the README names", function()
    local makefile = helper.read_file(in_tree("Makefile"))
    local targets = makefile:gsub("\\\n%s*", ""):match("%.PHONY:([^\n]*)") .. " "
    local readme = helper.read_file(in_tree("README.md")):gsub("luarocks [%w%-. ]*make", "")
    for block in readme:gmatch("`+[^`]*`+") do
      for words in block:gmatch("%f[%w]make +([%w%s=_.-]*)") do
        local target = words:gsub("%-%w+ *", ""):match("^(%l[%l-]*)%f[^%l-]")
        if target then
          assert.truthy(targets:find(" " .. target .. " ", 1, true), target)
        end
      end
    end
  end)

  it("installs nothing if nothing is missing", function()
    local result = run { "spec/support/setup.sh", "build" }
    assert.equal(0, result.status, result.out .. result.err)
    assert.equal("", result.out .. result.err)
  end)
end)

describe("the runner", function()
  local function run_specs(text)
    local result
    helper.with_tmpdir(function(dir)
      local path = helper.write_file(dir .. "/a_spec.lua", text)
      result = run({ "spec/support/run_specs.sh", helper.lua.version, path },
        { BUILD = helper.build })
    end)
    return result, result.out:match("([^\n]*)\n$")
  end

  it("sums up in its last line", function()
    local result, last = run_specs [[
      it("a", function() end)
      it("b", function() error("oops") end)
      it("c", function() pending("needs a kitchen") end)
      pending("d")]]
    assert.equal("1 passed, 1 failed, 2 skipped", last)
    assert.equal(1, result.status)
    assert.truthy(result.out:find("oops", 1, true))
    assert.truthy(result.out:find("needs a kitchen", 1, true))
  end)

  it("counts a crash of busted as a failure", function()
    local _, last = run_specs [[
      local sys = require "testsys"
      it("dies", function() sys.kill(sys.getpid(), "SEGV") end)]]
    assert.equal("0 passed, 1 failed, 0 skipped", last)
  end)

  it("fails if no spec ran", function()
    local result, last = run_specs ""
    assert.equal(1, result.status)
    assert.equal("0 passed, 1 failed, 0 skipped", last)
  end)
end)
