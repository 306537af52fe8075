local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

--- Returns the child's variables, unchanged and joined.
local function environment(cmd)
  return table.concat(probing.report(cmd).env_list, " ")
end

describe("the environment", function()
  helper.leak_check()

  before_each(function()
    sys.setenv("NSH_A", "1")
    sys.setenv("NSH_B", "2")
  end)
  after_each(function()
    sys.setenv("NSH_A", nil)
    sys.setenv("NSH_B", nil)
  end)

  helper.each_path(function(path)
    it("is inherited by default", function()
      local report, launch = probing.report(probing.command())
      assert.equal(path, launch)
      assert.equal("1 2", report.env.NSH_A .. " " .. report.env.NSH_B)
      assert.equal(os.getenv "PATH", report.env.PATH)
      assert.equal(path, report.env.NOSHELL_LAUNCH)
    end)

    it("contains only the named variables once one is named", function()
      local report, launch = probing.report(probing.command()
        :add_env_pair("X", "a b"):pass_env("NSH_B"):add_env_string("Y="))
      assert.equal(path, launch)
      assert.same({ "X=a b", "NSH_B=2", "Y=" }, report.env_list)
    end)

    it("is empty after clear_env", function()
      local report, launch = probing.report(probing.command():clear_env())
      assert.equal(path, launch)
      assert.same({}, report.env_list)
    end)
  end)

  it("replaces a variable in place", function()
    assert.equal("A=3 B=2", environment(probing.command():add_env_pair("A", 1)
      :add_env_pair("B", "2"):add_env_pair("A", 3)))
    assert.equal("A=4 AB=2", environment(probing.command():add_env_string("A=1")
      :add_env_string("AB=2"):add_env_format("A=%d", 4)))
  end)

  it("takes pairs, strings and formats", function()
    assert.equal("A=x=y B=1=2 C=007", environment(probing.command()
      :add_env_pair("A", "x=y"):add_env_string("B=1=2"):add_env_format("C=%03d", 7)))
  end)

  it("passes variables that are set here, and skips others", function()
    assert.equal("NSH_B=2 NSH_A=1", environment(probing.command()
      :pass_env("NSH_B", "NSH_UNSET", "NSH_A")))
  end)

  it("is empty if only unset names were passed", function()
    assert.equal("", environment(probing.command():pass_env("NSH_UNSET")))
  end)

  it("passes the values of the time of the call", function()
    local cmd = probing.command():pass_env("NSH_A")
    sys.setenv("NSH_A", "later")
    assert.equal("NSH_A=1", environment(cmd))
  end)

  it("passes allowed and blocked names alike if we are not set-user-ID", function()
    assert.equal("NSH_A=1 NSH_B=2", environment(probing.command()
      :pass_env_allow_suid("NSH_A"):pass_env_block_suid("NSH_B", "other")
      :pass_env_block_suid("NSH_UNSET", "other")))
  end)

  it("has LC_ALL=C and the usual names with pass_env_common", function()
    local before = {}
    for _, name in ipairs { "LD_LIBRARY_PATH", "USER", "LOGNAME", "TMPDIR" } do
      before[name] = os.getenv(name) or false
      sys.setenv(name, "/" .. name)
    end
    local report = probing.report(probing.command():pass_env_common())
    for name, value in pairs(before) do sys.setenv(name, value or nil) end
    local names = {}
    for _, pair in ipairs(report.env_list) do names[#names + 1] = pair:match "^[^=]*" end
    local expected = { "LC_ALL" }
    for _, name in ipairs { "LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "HOME", "USER",
      "LOGNAME", "TMPDIR" } do
      if os.getenv(name) or before[name] ~= nil then expected[#expected + 1] = name end
    end
    assert.same(expected, names)
    assert.equal("C /USER", report.env.LC_ALL .. " " .. report.env.USER)
  end)

  it("has the XDG directories below a base", function()
    assert.equal("XDG_DATA_HOME=/b/.local/share XDG_CACHE_HOME=/b/.cache "
      .. "XDG_CONFIG_HOME=/b/.config", environment(probing.command():add_env_xdg("/b")))
  end)

  it("keeps the rest with inherit_env, in any order of calls", function()
    for _, first in ipairs { true, false } do
      local cmd = probing.command()
      if first then cmd:inherit_env() end
      cmd:add_env_pair("NSH_A", "9")
      if not first then cmd:inherit_env() end
      local report = probing.report(cmd)
      assert.equal("9 2", report.env.NSH_A .. " " .. report.env.NSH_B)
      assert.equal(os.getenv "HOME", report.env.HOME)
    end
  end)

  it("has each name once with inherit_env", function()
    local count = 0
    for _, pair in ipairs(probing.report(probing.command():inherit_env()
      :add_env_pair("NSH_A", "9")).env_list) do
      if pair:match "^NSH_A=" then count = count + 1 end
    end
    assert.equal(1, count)
  end)

  it("loses the variables of unset_env, inherited or added", function()
    local report = probing.report(probing.command():unset_env("NSH_A"))
    assert.is_nil(report.env.NSH_A)
    assert.equal("2", report.env.NSH_B)
    assert.equal("Y=2", environment(probing.command():add_env_pair("X", 1)
      :add_env_pair("Y", 2):unset_env("X")))
    assert.equal("X=3", environment(probing.command():unset_env("X"):add_env_pair("X", 3)))
  end)

  it("loses earlier settings with clear_env", function()
    assert.equal("B=2", environment(probing.command():add_env_pair("A", 1)
      :inherit_env():clear_env():add_env_pair("B", 2)))
  end)

  it("holds any bytes but zero", function()
    local all = {}
    for byte = 1, 255 do all[byte] = string.char(byte) end
    local value = table.concat(all)
    assert.equal(value, probing.report(probing.command()
      :add_env_pair("ANY", value)).env.ANY)
  end)

  it("can be read before the start, as a table and as a list", function()
    local cmd = probing.command():add_env_pair("B", "2"):add_env_string("A=1=1")
    assert.same({ A = "1=1", B = "2" }, cmd:env())
    assert.same({ "B=2", "A=1=1" }, cmd:env_list())
    assert.equal("1", probing.command():env().NSH_A)
    sys.setenv("NSH_A", "now")
    assert.equal("now", probing.command():env().NSH_A)
  end)

  it("of the parent, not of the child, is used to find the program", function()
    assert(noshell.command("true"):add_env_pair("PATH", "/none"):run())
  end)
end)

-- A copy of this Lua that runs with another identity than who starts it. What is
-- instrumented does not load there: LD_PRELOAD is ignored.
if os.getenv "NOSHELL_INSTRUMENTED" then return end

local USER, OWNER = 12345, 23456

--- Copies everything that `dir`/lua needs to require "noshell" as any user.
local function install(dir)
  local path = assert(noshell.which(helper.lua.name))
  assert(noshell.run("cp", path, dir .. "/lua"))
  assert(noshell.run("cp", "-r", helper.root .. "/lua/noshell", dir .. "/noshell"))
  assert(noshell.run("cp", ("%s/%s/noshell/core.so"):format(helper.build,
    helper.lua.version), dir .. "/noshell/core.so"))
  assert(noshell.run("cp", helper.probe, dir .. "/probe"))
  sys.chmod(dir, tonumber("755", 8))
  return dir .. "/lua"
end

local script = [[
local dir = ...
package.path, package.cpath = dir .. "/?.lua;" .. dir .. "/?/init.lua", dir .. "/?.so"
local noshell = require "noshell"
io.write(assert(noshell.command(dir .. "/probe"):pass_env_allow_suid("ALLOWED")
  :pass_env_block_suid("BLOCKED"):pass_env_block_suid("SAFE", "/bin:/usr/bin")
  :pass_env("PASSED"):output()), "\n")
]]

--- The report of the probe that the installed Lua runs for another user.
local function run_as_user(dir)
  helper.write_file(dir .. "/script.lua", script, "644")
  local result = assert(noshell.run { dir .. "/lua", dir .. "/script.lua", dir,
    uid = USER, gid = USER, groups = {}, clear_env = true, env = {
      ALLOWED = "a", BLOCKED = "b", SAFE = "/home/user", PASSED = "p" } })
  return helper.probe_report(result.stdout)
end

describe("a set-user-ID host", function()
  helper.leak_check()

  local function with_host(prepare)
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    helper.with_tmpdir(function(dir)
      local lua = install(dir)
      prepare(lua)
      local report = run_as_user(dir)
      assert.same({ "ALLOWED=a", "SAFE=/bin:/usr/bin", "PASSED=p" }, report.env_list)
    end)
  end

  it("blocks variables and passes those that are allowed, with another uid", function()
    with_host(function(lua)
      sys.chown(lua, OWNER, 0)
      sys.chmod(lua, tonumber("4755", 8))
    end)
  end)

  it("does so with another gid", function()
    with_host(function(lua)
      sys.chown(lua, 0, OWNER)
      sys.chmod(lua, tonumber("2755", 8))
    end)
  end)

  it("does so with file capabilities, the ids being equal", function()
    with_host(function(lua)
      local done = noshell.run("setcap", "cap_net_raw+ep", lua)
      helper.require_or_pending("caps", done, "setcap and a file system that keeps it")
    end)
  end)

  it("passes all variables if no ids differ", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    helper.with_tmpdir(function(dir)
      install(dir)
      assert.same({ "ALLOWED=a", "BLOCKED=b", "SAFE=/home/user", "PASSED=p" },
        run_as_user(dir).env_list)
    end)
  end)

  it("can differ in the real and the effective id only", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    local setpriv = noshell.which "setpriv"
    helper.require_or_pending("caps", setpriv, "setpriv")
    helper.with_tmpdir(function(dir)
      install(dir)
      helper.write_file(dir .. "/script.lua", script, "644")
      local result = assert(noshell.run { setpriv, "--ruid", USER, "--clear-groups",
        dir .. "/lua", dir .. "/script.lua", dir, clear_env = true,
        env = { ALLOWED = "a", BLOCKED = "b" } })
      local report = helper.probe_report(result.stdout)
      assert.same({ "ALLOWED=a", "SAFE=/bin:/usr/bin" }, report.env_list)
      assert.equal(tostring(USER), report.ruid)
    end)
  end)
end)
