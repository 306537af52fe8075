-- Every host passes the same scenarios: spec/support/hosts/scenarios.lua.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local scenarios = require "spec.support.hosts.scenarios"

local function can(driver, scenario)
  local answer
  driver.run(function(tasks)
    answer = not scenario.needs or tasks[scenario.needs]
  end)
  return answer
end

for _, name in ipairs { "blocking", "cqueues", "luv", "copas" } do
  describe("the host " .. name, function()
    local driver = require("spec.support.hosts." .. name)
    local is_here, package = driver.is_here()
    helper.leak_check()

    if not is_here then
      it("passes the scenarios", function()
        helper.require_or_pending(driver.feature or "hosts", false, package)
      end)
      return
    end

    it("is the one in use", function()
      driver.run(function() assert.equal(name, noshell.host.name()) end)
      assert.equal("blocking", noshell.host.name())
      assert.equal("blocking", noshell.features().host)
    end)

    for _, scenario in ipairs(scenarios) do
      if can(driver, scenario) then
        it(scenario.name, function() driver.run(scenario.run) end)
      end
    end
  end)
end

-- Neovim -------------------------------------------------------------------------

local function in_neovim(path, env)
  return helper.run({ "nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n",
    "-c", "luafile " .. path, "-c", "qa!" }, { env = env })
end

local function check_in_neovim(name)
  describe("in Neovim the host " .. name, function()
    local said = in_neovim(helper.root .. "/spec/support/hosts/in_neovim.lua",
      { DRIVER = name })
    local answers = {}
    for key, answer in said.out:gmatch("([^:\n]*): ([^\n]*)\n") do
      answers[key] = answer
    end
    for _, scenario in ipairs(scenarios) do
      if name == "luv" or scenario.needs ~= "concurrent" then
        it(scenario.name, function()
          assert.equal("passed", answers[scenario.name], said.out .. said.err)
        end)
      end
    end
  end)
end

local function check_callback()
  helper.with_tmpdir(function(dir)
    local run = in_neovim(helper.write_file(dir .. "/script.lua", [[
      local noshell = require "noshell"
      local timer, names = (vim.uv or vim.loop).new_timer(), { noshell.host.name() }
      timer:start(0, 0, function()
        names[2] = noshell.host.name()
        names[3] = noshell.output("echo", "three")
        timer:close()
      end)
      vim.wait(5000, function() return names[3] end, 5)
      io.stdout:write(table.concat(names, " "))]]))
    assert.equal("neovim blocking three", run.out, run.err)
  end)
end

local function check_interrupt()
  helper.with_tmpdir(function(dir)
    local run = in_neovim(helper.write_file(dir .. "/script.lua", [[
      local noshell, sys = require "noshell", require "testsys"
      local from, to = sys.pipe()
      -- The values after Ctrl-C, which cannot be sent to a headless Neovim.
      vim.wait = function() return false, -2 end
      local ok, err = pcall(noshell.run, { "sleep", "60", pass_fds = { to } })
      sys.close(to)
      io.stdout:write(tostring(ok), " ", tostring(err), " ", tostring(sys.poll(from, "r", 0)))]]))
    assert.equal("false interrupted! true", run.out, run.err)
  end)
end

-- It is a LuaJIT, and loads what was built for that one.
if helper.lua.version == "jit" then
  describe("in Neovim", function()
    if helper.run({ "nvim", "--version" }).status ~= 0 then
      it("passes the scenarios of the hosts", function()
        helper.require_or_pending("hosts", false, "neovim")
      end)
      return
    end
    check_in_neovim "neovim"
    check_in_neovim "luv"
    it("blocks in a callback of the loop, in which vim.wait is not allowed", check_callback)
    it("raises an error on Ctrl-C, and ends the program", check_interrupt)
  end)
end

-- Choosing ------------------------------------------------------------------------

describe("use", function()
  helper.leak_check()

  local function count_waits()
    local host = { name = "counting", count = 0 }
    function host.wait(awaited, seconds)
      host.count = host.count + 1
      core.poll(awaited:pollfd(), awaited:events(), seconds)
    end
    return host
  end

  it("sets a host, and returns the previous one", function()
    local host = count_waits()
    assert.is_nil(noshell.host.use(host))
    assert.equal("counting", noshell.host.name())
    assert(noshell.run("sleep", "0.2"))
    assert.equal(host, noshell.host.use(nil))
    assert.is_true(host.count > 0)
  end)

  it("applies to one coroutine only if it is given", function()
    local host, name = count_waits(), nil
    local thread = coroutine.create(function()
      name = noshell.host.name()
      assert(noshell.run("sleep", "0.2"))
    end)
    noshell.host.use(host, thread)
    assert.equal("blocking", noshell.host.name())
    assert(coroutine.resume(thread))
    assert.equal("counting", name)
    assert.is_true(host.count > 0)
  end)

  it("makes a function, which cannot be woken, look every second", function()
    local asked = {}
    noshell.host.use(function(awaited, seconds)
      asked[#asked + 1] = seconds
      core.poll(awaited:pollfd(), awaited:events(), seconds)
    end)
    assert.equal("function", noshell.host.name())
    assert(noshell.run("sleep", "0.2"))
    noshell.host.use(nil)
    assert.is_true(asked[1] > 0 and asked[1] <= 1, tostring(asked[1]))
  end)

  it("leaves nothing behind of a waiting coroutine that is collected", function()
    noshell.host.use(function() coroutine.yield() end)
    local process = assert(noshell.run_async { helper.probe, "--block-on", "0",
      stdin = "pipe", stdout = "pipe" })
    for _, wait in ipairs {
      function() return process:wait() end,
      function() return process.stdout:read() end,
    } do
      local thread = coroutine.create(wait)
      assert(coroutine.resume(thread))
      assert.equal("suspended", coroutine.status(thread))
    end
    noshell.host.use(nil)
    process = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    for _ = 1, 500 do
      if core.reap() == 0 then break end
      helper.sys.sleep(0.01)
    end
  end)

  it("works if no descriptor is left for waiting", function()
    local run = helper.run_lua(helper.lua, [[
      local noshell, sys = require "noshell", require "testsys"
      local core = require "noshell.core"
      local process = assert(noshell.run_async { "cat", stdin = "pipe" })
      collectgarbage()
      assert(sys.limit("nofile", 64))
      repeat until not sys.dup(0)
      local looks = 0
      noshell.host.use(function(awaited, seconds)
        looks = looks + 1
        assert(looks > 3 or (awaited:pollfd() == nil and seconds <= 0.01))
        core.poll(awaited:pollfd() or -1, "r", seconds)
        if looks == 3 then process.stdin:close() end
      end)
      assert(process:wait())
      io.write("waited")]])
    assert.equal("waited", run.out, run.err)
  end)
end)

describe("an uncaught error", function()
  it("ends a luv program, with its message and its traceback", function()
    helper.require_or_pending("hosts", require("spec.support.hosts.luv").is_here(),
      "lua-luv")
    local run = helper.run_lua(helper.lua, [[
      local noshell, uv = require "noshell", require "luv"
      noshell.host.use(require "noshell.host.luv")
      local function task()
        noshell.run("sleep", "0.2")
        error "as you wish"
      end
      coroutine.wrap(task)()
      uv.run()]])
    assert.matches("as you wish", run.err)
    assert.matches("traceback:.-script.lua:5: in function.-traceback", run.err)
  end)

  it("is returned by a cqueues controller's step, and others continue", function()
    helper.require_or_pending("hosts", require("spec.support.hosts.cqueues").is_here(),
      "lua-cqueues")
    local loop, outputs = require("cqueues").new(), {}
    for i = 1, 3 do
      loop:wrap(function()
        outputs[i] = assert(noshell.output("echo", i))
        if i == 2 then error "as you wish" end
      end)
    end
    local errors = {}
    for err in loop:errors() do errors[#errors + 1] = tostring(err) end
    assert.same({ "1", "2", "3" }, outputs)
    assert.equal(1, #errors)
    assert.matches("as you wish", errors[1])
    loop:close()
  end)
end)

describe("a coroutine inside a cqueues coroutine", function()
  helper.leak_check()

  it("yields to the controller if cqueues.auxlib resumes it", function()
    helper.require_or_pending("hosts", require("spec.support.hosts.cqueues").is_here(),
      "lua-cqueues")
    local auxlib = require "cqueues.auxlib"
    local names, wrap = {}, coroutine.wrap
    require("spec.support.hosts.cqueues").run(function()
      names[1] = coroutine.wrap(function() return noshell.host.name() end)()
      coroutine.wrap = auxlib.wrap -- luacheck: ignore 122
      names[2] = coroutine.wrap(function()
        assert(noshell.run("sleep", "0.2"))
        return noshell.host.name()
      end)()
      coroutine.wrap = wrap -- luacheck: ignore 122
    end)
    assert.same({ "blocking", "cqueues" }, names)
  end)
end)
