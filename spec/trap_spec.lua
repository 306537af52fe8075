-- Signals that the script handles, and its end.
local helper = require "spec.support.helper"

--- Runs a script with this Lua. os.exit leaves the Lua state open, which counts as a leak.
--- `kill` is a program that sends a signal to the script and then goes on for a while.
local function script(text, env)
  return helper.run_lua(helper.lua, [[
    local noshell, sys = require "noshell", require "testsys"
    local function kill(signal, rest)
      return { "sh", "-c", "kill -" .. signal .. " $PPID; " .. (rest or "exec sleep 50") }
    end
  ]] .. text, env, { wrap = { "timeout", "-k", "1", "20" }, leaks = false })
end

local function assert_prints(expected, text)
  local run = script(text)
  assert.equal(expected, run.out .. run.err)
end

describe("a trapped signal", function()
  helper.leak_check()

  it("calls its handler during any wait", function()
    assert_prints("TERM 4\nUSR1 x\nUSR2 l\nHUP\nINT true\nALRM 2\n", [[
      local seen
      noshell.trap({ "TERM", "USR1", "USR2", "HUP", "INT", "ALRM" },
        function(name) seen = name end)
      local function say(value) print(seen .. (value and " " .. tostring(value) or "")) end
      say(noshell.run { check = false, "sh", "-c", "kill -TERM $PPID; exit 4" }.exit_code)
      say(noshell.output(kill("USR1", "echo x")))
      for line in noshell.lines(kill("USR2", "echo l")) do say(line) end
      local process = assert(noshell.run_async(kill "HUP"))
      repeat noshell.sleep(0.01) until seen == "HUP"
      say()
      process:close()
      say(noshell.pipeline(kill("INT", "true"), { "cat" }):run().ok)
      say(#noshell.map({ 1, 2 }, function(i)
        return i == 1 and kill("ALRM", "true") or "true"
      end))
    ]])
  end)

  it("interrupts an endless wait", function()
    assert_prints("TERM\n", [[
      local process = assert(noshell.run_async { "cat", stdin = "pipe" })
      noshell.trap("TERM", function(name)
        print(name)
        process.stdin:close()
      end)
      local killer = assert(noshell.run_async(kill("TERM", "true")))
      assert(process:wait())
      killer:close()
      process:close()
    ]])
  end)

  it("ends the program of the call through which its handler's error passes", function()
    assert_prints("false\tended by TERM\nfalse\n", [[
      noshell.trap("TERM", function(name) error("ended by " .. name, 0) end)
      local pid
      print(pcall(noshell.run, { "sh", "-c", "echo $$; exec sleep 50",
        on_stdout = function(line)
          pid = tonumber(line)
          sys.kill(sys.getpid(), 15)
        end }))
      print(sys.kill(pid, 0) or false)
    ]])
  end)

  it("interrupts running code", function()
    assert_prints("USR1\n", [[
      -- Code that LuaJIT has compiled calls no hook.
      if rawget(_G, "jit") then jit.off() end
      local seen
      noshell.trap("USR1", function(name) seen = name end)
      local killer = assert(noshell.run_async(kill("USR1", "true")))
      while not seen do end
      print(seen)
      killer:close()
    ]])
  end)

  it("is handled in a waiting coroutine even if it arrived before the wait", function()
    assert_prints("TERM\n", [[
      local seen
      noshell.trap("TERM", function(name)
        seen = name
        error("over", 0)
      end)
      local thread = coroutine.create(function()
        sys.kill(sys.getpid(), 15)
        noshell.sleep(60)
      end)
      coroutine.resume(thread)
      print(seen)
    ]])
  end)

  it("can be restored or ignored", function()
    assert_prints("nil\ttrue\tignore\n", [[
      local function f() print "called" end
      local first = noshell.trap("TERM", f)
      local second = noshell.trap("TERM", "ignore")
      sys.kill(sys.getpid(), 15)
      noshell.sleep(0)
      print(first, second == f, noshell.trap({ "TERM" }, nil))
    ]])
    local run = script [[
      noshell.trap("TERM", function() end)
      noshell.trap("TERM", nil)
      sys.kill(sys.getpid(), 15)
      noshell.sleep(60)
    ]]
    assert.equal(143, run.status)
  end)

  it("has its default action in programs", function()
    assert_prints("TERM\n", [[
      noshell.trap("TERM", "ignore")
      local _, err = noshell.run("sh", "-c", "kill -TERM $$; sleep 50")
      print(err.signal or err.result.signal)
    ]])
  end)

  it("must be one that can be handled", function()
    local run = script [[
      local function fail(...)
        local names, f = ...
        local _, err = pcall(function()
          local previous = noshell.trap(names, f)
          return previous
        end)
        print((err:gsub("^.-script.lua:8: ", "")))
      end
      fail("KILL", print)
      fail("SEGV", print)
      fail("FOO", print)
      fail("sigtrem", print)
      fail(15, print)
      fail({}, print)
      fail({ "INT", nil, "TERM" }, print)
      fail("TERM", 7)
      fail("EXIT", "ignore")
      ngx = {}
      fail("TERM", print)
    ]]
    local expected = { "KILL cannot be handled by any program",
      "SEGV cannot be handled by any program",
      '"FOO" is not the name of a signal, nor "EXIT": write a name such as "TERM" or "INT"',
      '"sigtrem" is not the name of a signal, nor "EXIT", did you mean "TERM"?',
      '15 is not the name of a signal, nor "EXIT": write a name such as "TERM" or "INT"',
      "the name of a signal is needed", "item 2 is nil: the list has a hole",
      'the handler must be a function, nil or "ignore", not 7',
      "EXIT cannot be ignored: write nil to remove its handler",
      "nginx handles the signals of this process itself" }
    assert.equal("noshell.trap: " .. table.concat(expected, "\nnoshell.trap: ") .. "\n",
      run.out .. run.err)
  end)
end)

describe("kill_on_exit", function()
  helper.leak_check()

  it("ends the program with the script in every case", function()
    for _, text in ipairs { "", "os.exit(3)", "error('oops', 0)",
      "sys.kill(sys.getpid(), 15) noshell.sleep(60)",
      "sys.kill(sys.getpid(), 9) noshell.sleep(60)" } do
      local from, to = helper.sys.pipe()
      script(([[
        assert(noshell.run_async { os.getenv "PROBE", "--ignore", "TERM", "--pause",
          kill_on_exit = true, pass_fds = { %d } })
      ]]):format(to) .. text, { PROBE = helper.probe })
      helper.sys.close(to)
      -- It is readable once no program has the other end.
      assert.is_true(helper.sys.poll(from, "r", 10000))
      assert.equal("", helper.sys.read(from, 1))
      helper.sys.close(from)
    end
  end)
end)

describe("the EXIT handler", function()
  helper.leak_check()

  local TRAP = 'noshell.trap("EXIT", function(name) print(name, noshell.output "pwd" ~= "") end)\n'

  it("runs at the end of the script in every case", function()
    for text, status in pairs { ["print 'end'"] = 0, ["error('oops', 0)"] = 1,
      ["os.exit(3)"] = 3, ["coroutine.wrap(function() os.exit(4) end)()"] = 4,
      ["noshell.run(kill 'TERM')"] = 143, ["noshell.run(kill 'INT')"] = 130,
      ["noshell.run(kill 'HUP')"] = 129, ["sys.kill(sys.getpid(), 15)"] = 143 } do
      local run = script(TRAP .. text)
      assert.equal("EXIT\ttrue\n", run.out:gsub("^end\n", ""), text)
      assert.equal(status, run.status, text)
    end
  end)

  it("runs when the programs of the calls in progress have ended", function()
    local run = script [[
      local pid
      local other = assert(noshell.run_async { "cat", stdin = "pipe" })
      noshell.trap("EXIT", function()
        print(sys.kill(pid, 0) or false, sys.kill(other.pid, 0) ~= nil)
      end)
      noshell.run { "sh", "-c", "echo $$; exec sleep 50", on_stdout = function(line)
        pid = tonumber(line)
        sys.kill(sys.getpid(), 15)
      end }
    ]]
    assert.equal("false\ttrue\n", run.out)
  end)

  it("runs once, and not if it was removed", function()
    assert_prints("EXIT\ttrue\n", TRAP .. TRAP .. "noshell.trap('USR1', print)")
    assert_prints("", TRAP .. "noshell.trap('EXIT', nil)")
    local run = script(TRAP .. "noshell.trap('EXIT', nil) noshell.run(kill 'TERM')")
    assert.equal("143", run.status .. run.out)
  end)

  it("does not run in a forked child", function()
    assert_prints("EXIT\ttrue\n", TRAP .. [[
      io.stdout:setvbuf "no"
      for _, how in ipairs { "exit", "TERM" } do
        local pid = sys.fork()
        if pid == 0 then
          if how == "exit" then os.exit(0) end
          sys.kill(sys.getpid(), 15)
          noshell.sleep(60)
        end
        sys.waitpid(pid)
      end
    ]])
  end)

  it("does not affect signals that have a handler or were ignored from the start", function()
    assert_prints("TERM\nend\nEXIT\ttrue\n", TRAP .. [[
      noshell.trap("TERM", print)
      sys.kill(sys.getpid(), 15)
      noshell.sleep(0)
      print "end"
    ]])
    local run = helper.run_lua(helper.lua, [[
      local noshell, sys = require "noshell", require "testsys"
      noshell.trap("EXIT", function() print "EXIT" end)
      sys.kill(sys.getpid(), 1)
      noshell.sleep(0)
      print "end"
    ]], nil, { wrap = { "sh", "-c", 'trap "" HUP; exec "$@"', "sh" } })
    assert.equal("end\nEXIT\n", run.out .. run.err)
  end)

  it("that fails is reported, and does not change the status", function()
    local run = script 'noshell.trap("EXIT", function() error("no", 0) end) os.exit(5)'
    assert.equal("noshell: the EXIT handler failed: no\n", run.out .. run.err)
    assert.equal(5, run.status)
  end)
end)
