-- Machines of ssh in event loops: waits for the other side let other tasks run. On two Luas,
-- as machine_ssh_spec; the one that cannot yield across pcall gets all loops.
local driver = require "spec.support.driver"
if not driver.is_wanted and (_VERSION ~= "Lua 5.1" or rawget(_G, "jit")) then return end

local helper = require "spec.support.helper"
local noshell = require "noshell"
local ssh_server = require "spec.support.ssh_server"

local lack = ssh_server.lack()
local server

local function machine(name, options)
  options = options or {}
  options[1], options.config = name, server.config
  return noshell.machine.ssh(options)
end

--- Runs f(1) … f(n) as tasks, and goes on when all have ended.
local function each(tasks, n, f)
  local done = 0
  for i = 1, n do
    tasks.spawn(function()
      f(i)
      done = done + 1
    end)
  end
  while done < n do tasks.sleep(0.005) end
end

local function equal(expected, given)
  if expected ~= given then
    error(("expected %s, not %s"):format(tostring(expected), tostring(given)), 2)
  end
end

--- Calls f, and checks that another task has run meanwhile, if there are tasks.
local function undisturbed(tasks, f)
  local ticker = tasks.ticker and tasks.ticker()
  f()
  if ticker then
    ticker.stop()
    assert(ticker.count > 0)
  end
end

local scenarios = {}

scenarios["connects once for several tasks, and runs their commands at once"] = function(tasks)
  local a = machine "a"
  undisturbed(tasks, function()
    each(tasks, 6, function(i)
      local result = assert(a:run { "sh", "-c", 'cat; exit "$1"', "sh", i, input = "x" .. i,
        check = false })
      equal("x" .. i, result.stdout)
      equal(i, result.exit_code)
    end)
  end)
  equal(1, #a.connections)
  a:close()
end

scenarios["maps over machines"] = function(tasks)
  local none, a, b = machine("none", { port = 1 }), machine "a", machine "b"
  undisturbed(tasks, function()
    each(tasks, 2, function(k)
      local results = assert(noshell.map({ 1, 2, 3, 4, 5, 6 }, function(i)
        return "echo", i * k
      end, { machines = { none, a, b }, concurrency = 2 }))
      for i = 1, 6 do equal(i * k .. "\n", results[i].stdout) end
      equal("spawn", results.machines[1].lost.code)
      equal(6, results.machines[2].done + results.machines[3].done)
    end)
  end)
  for _, one in ipairs { none, a, b } do one:close() end
end

scenarios["ends the programs there if map fails"] = function()
  local a, pids = machine "a", {}
  local _, err = noshell.map({ 1, 2, 3 }, function(i)
    return { "sh", "-c", i == 3 and "exit 9" or "echo $$; exec sleep 300",
      on_stdout = function(line) pids[#pids + 1] = tonumber(line) end }
  end, { machines = { a }, fail_fast = true })
  equal(9, err.errors[3].result.exit_code)
  for _, pid in ipairs(pids) do
    assert(ssh_server.eventually(function() return ssh_server.is_gone(pid) end))
  end
  a:close()
end

scenarios["reads and writes streams there"] = function(tasks)
  local a = machine "a"
  each(tasks, 3, function(i)
    local process = assert(a:run_async { "cat", stdin = "pipe", stdout = "pipe" })
    for k = 1, 3 do
      assert(process.stdin:write(i * k, "\n"))
      equal(tostring(i * k), process.stdout:read "l")
    end
    process.stdin:close()
    assert(process:wait())
    process:close()
  end)
  a:close()
end

describe("a machine of ssh", function()
  setup(function() if not lack then server = ssh_server.start() end end)
  teardown(function() if server then server:stop() end end)

  for _, name in ipairs(driver.is_wanted and { "cqueues" } or { "cqueues", "luv", "copas" }) do
    describe("in the host " .. name, function()
      local loop = require("spec.support.hosts." .. name)
      local is_here, package = loop.is_here()
      helper.leak_check()

      for text, scenario in pairs(scenarios) do
        it(text, function()
          helper.require_or_pending("sshd", not lack, lack)
          helper.require_or_pending(loop.feature or "hosts", is_here, package)
          loop.run(scenario)
        end)
      end
    end)
  end
end)
