-- Ending processes, and detaching from them.
local core = require "noshell.core"
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

--- A probe that writes "ready" to stdout when it ignores TERM, and then blocks.
local function stubborn()
  local process = assert(noshell.run_async { helper.probe, "--ignore", "TERM", "--say",
    "ready", "--pause", stdout = "pipe" })
  assert.equal("ready", process.stdout:read())
  return process
end

--- A probe that runs until its stdin is closed.
local function waiting()
  return assert(noshell.run_async { helper.probe, "--block-on", 0, stdin = "pipe" })
end

local function is_gone(pid)
  return sys.kill(pid, 0) == nil
end

describe("abort", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("ends a program that ignores TERM, within the grace of 10 ms", function()
      local process = stubborn()
      assert.equal(path, process.launch)
      local before = core.now()
      assert.is_true(process:abort())
      assert.is_true(core.now() - before < 4)
      assert.is_true(is_gone(process.pid))
      local _, err = process:wait()
      assert.equal("signal KILL", err.code .. " " .. err.result.signal)
      process:close()
    end)
  end)

  it("begins with the stop signal", function()
    local _, err = noshell.run { helper.probe, "--pause", stop_signal = "INT",
      timeout = 0.01, grace = 60 }
    assert.equal("timeout INT", err.code .. " " .. err.result.signal)
    local process = assert(noshell.run_async { helper.probe, "--pause", stop_signal = "USR1",
      timeout = 60, grace = 60 })
    assert.is_true(process:abort())
    _, err = process:wait()
    assert.equal("USR1", err.result.signal)
    process:close()
    local dry = noshell.dry_run(function() return { timed_out = true } end)
    _, err = noshell.run { "frob", stop_signal = "INT", timeout = 1 }
    dry:stop()
    assert.equal("INT", err.result.signal)
  end)

  it("lets a program end by TERM", function()
    local process = waiting()
    process:abort()
    local _, err = process:wait()
    assert.equal("TERM", err.result.signal)
    process:close()
  end)

  it("has no effect on a program that has ended, and may be repeated", function()
    local process = assert(noshell.run_async { helper.probe, "--exit", 3, check = false })
    assert.equal(3, assert(process:wait()).exit_code)
    assert.is_true(process:abort())
    assert.is_true(process:abort())
    assert.equal(3, assert(process:wait()).exit_code)
    process:close()
  end)
end)

describe("close", function()
  helper.leak_check()

  it("ends and reaps a program that runs", function()
    local process = stubborn()
    process:close()
    assert.is_true(is_gone(process.pid))
    assert.same({}, helper.zombies())
  end)

  it("reaps a program that has ended", function()
    local process = assert(noshell.run_async { helper.probe, "--exit", 3 })
    process:close()
    assert.is_true(is_gone(process.pid))
  end)

  it("may be repeated, and the pid stays readable", function()
    local process = waiting()
    local pid = process.pid
    assert.is_true(process:close())
    assert.is_true(process:close())
    assert.equal(pid, process.pid)
    assert.equal("noshell.process (closed)", tostring(process))
  end)

  it("makes later use an error that names the caller's line", function()
    local process = assert(noshell.run_async { "true", stdout = "pipe" })
    local stdout = process.stdout
    process:close()
    for text, use in pairs { ["the process is closed"] = function() return (process:wait()) end,
      ["the stream is closed"] = function() return (stdout:read()) end } do
      local ok, err = pcall(use)
      local line = debug.getinfo(use, "S").linedefined
      assert.is_false(ok)
      assert.matches("ending_spec%.lua:" .. line .. ": " .. text .. "$", err)
    end
  end)

  it("works if the host or the kernel reaps its children", function()
    for _, thief in ipairs { "thief", "ignore", "thread" } do
      local result = helper.run_lua(helper.lua, [[
        local noshell, sys = require "noshell", require "testsys"
        for _ = 1, 10 do
          local process = assert(noshell.run_async { "cat", stdin = "pipe" })
          process:close()
          process = assert(noshell.run_async "true")
          process:abort()
          process:close()
          process = assert(noshell.run_async { "cat", stdin = "pipe" })
          assert(process:kill "KILL")
          local _, err = process:wait()
          assert(err.result.signal == "KILL")
          process:close()
        end
      ]], nil, { hostile = { SIGCHLD = thief } })
      assert.equal("", result.err)
      assert.equal(0, result.status)
    end
  end)
end)

describe("wait", function()
  helper.leak_check()

  it("returns the same objects again", function()
    local process = assert(noshell.run_async "true")
    local first = assert(process:wait())
    assert.equal(first, process:wait())
    assert.equal(first, process:poll())
    process:close()
    process = assert(noshell.run_async { helper.probe, "--exit", 2 })
    local _, one = process:wait()
    local _, two = process:wait(0)
    assert.equal(one, two)
    process:close()
  end)

  it("does not end a program that takes longer", function()
    local process = waiting()
    local value, err = process:wait(0.01)
    assert.is_nil(value)
    assert.equal("timeout", err.code)
    assert.is_nil(err.result)
    assert.is_nil(process:poll())
    process.stdin:close()
    assert(process:wait())
    process:close()
  end)
end)

describe("kill", function()
  helper.leak_check()

  helper.each_path(function()
    it("signals no process after the program has been waited for", function()
      local process = waiting()
      assert.is_true(process:kill(0))
      process.stdin:close()
      assert(process:wait())
      for _, signal in ipairs { "TERM", "KILL", 0 } do
        local value, err = process:kill(signal)
        assert.is_nil(value)
        assert.equal("ESRCH", err.errname)
      end
      assert.is_nil(process:pidfd())
      process:close()
    end)
  end)

  it("refuses a value that is no signal", function()
    local process = waiting()
    for _, signal in ipairs { "NONE", 65, -1, {} } do
      assert.has_error(function() process:kill(signal) end)
    end
    process:close()
  end)
end)

describe("detach", function()
  helper.leak_check()

  it("lets the program run on, and reaps it when it ends", function()
    local from, to = sys.pipe()
    local process = assert(noshell.run_async { helper.probe, "--block-on", from,
      pass_fds = { from } })
    process:detach()
    assert.is_true(process:closed())
    assert.equal(1, core.reap())
    assert.is_false(is_gone(process.pid))
    sys.close(from)
    sys.close(to)
    probing.reap()
    assert.is_true(is_gone(process.pid))
  end)
end)

describe("a forgotten process", function()
  helper.leak_check()

  it("is neither killed nor left as a zombie, even 10,000 of them", function()
    helper.require_or_pending("limits", sys.limit "nofile" >= 1024, "1,024 open files")
    local from, to = sys.pipe()
    -- One that runs to the end of it all.
    local pid = assert(noshell.run_async { helper.probe, "--block-on", from,
      pass_fds = { from } }).pid
    local cmd = noshell.command(helper.tiny):set_stdout("null"):set_stderr("null")
    for _ = 1, 10000 do assert(cmd:run_async()) end
    collectgarbage()
    collectgarbage()
    while core.reap() > 1 do core.poll(-1, "r", 0.001) end
    assert.same({}, helper.zombies())
    assert.is_false(is_gone(pid))
    sys.close(from)
    sys.close(to)
    probing.reap()
    assert.is_true(is_gone(pid))
  end)

  it("goes on writing, and is not stopped by a full pipe", function()
    local from, to = sys.pipe()
    for _, directed in ipairs { "capture", "pipe" } do
      noshell.run_async { helper.probe, "--out", 1000000, "--write", to, "done",
        stdout = directed, pass_fds = { to } }
      collectgarbage()
      collectgarbage()
      probing.reap()
      assert.equal("done", sys.read(from, 100))
    end
    sys.close(from)
    sys.close(to)
  end)

  it("does not prevent the host from ending", function()
    local result = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      noshell.run_async { "sleep", 0 }
      local kept = noshell.run_async { "true" }
      print(kept.pid > 0)
    ]])
    assert.equal("true\n", result.out .. result.err)
  end)
end)

describe("after a fork of the host", function()
  helper.leak_check()

  it("a process refuses to act, and its owner's still works", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
    local got = forked(function()
      local said = {}
      for i, method in ipairs { "wait", "poll", "kill", "abort", "pidfd", "pollfd",
        "timeout", "pump", "handshake_wait", "handshake_notify" } do
        local value, err = process[method](process)
        said[i] = method .. " " .. tostring(value) .. " " .. err.code
      end
      local _, err = process:kill()
      process:close()
      return { said = table.concat(said, "\n"), reason = err.reason }
    end)
    for line in got.said:gmatch "[^\n]+" do assert.matches("^%S+ nil closed$", line) end
    assert.equal("it belongs to process " .. sys.getpid() .. ", which forked", got.reason)
    process.stdin:write "still here"
    process.stdin:close()
    assert.equal("still here", process.stdout:read "a")
    assert(process:wait())
    process:close()
  end)

  it("a stream refuses to act", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
    local got = forked(function()
      local a, write_err = process.stdin:write "x"
      local b, read_err = process.stdout:read()
      return { nothing = a == nil and b == nil,
        codes = write_err.code .. " " .. read_err.code }
    end)
    assert.is_true(got.nothing)
    assert.equal("closed closed", got.codes)
    process:close()
  end)

  it("collecting objects there ends nothing here", function()
    local process = waiting()
    forked(function()
      process = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      return {}
    end)
    assert.is_nil(process:poll())
    process.stdin:close()
    assert(process:wait())
    process:close()
  end)

  it("commands and new processes work", function()
    local cmd = noshell.command("echo", "x")
    assert(noshell.run_async { "true" }):detach()
    local got = forked(function()
      return { out = cmd:output(), left = core.reap() }
    end)
    assert.equal("x 0", got.out .. " " .. got.left)
    probing.reap()
  end)
end)

describe("exec", function()
  helper.leak_check()

  it("replaces the process that calls it", function()
    helper.with_tmpdir(function(dir)
      local got = forked(function()
        noshell.command(helper.probe, "--to", dir .. "/report", "--report", "--exit", 7)
          :set_umask("027"):add_env_pair("A", "1"):set_nice(5):set_working_directory("/usr")
          :exec()
        return { failed = true }
      end)
      assert.equal("exit 7", got.status)
      assert.is_nil(got.failed)
      local report = helper.probe_report(helper.read_file(dir .. "/report"))
      assert.same({ 0, 1, 2 }, report.fds)
      assert.equal("0027 5 /usr A=1", ("%s %s %s %s"):format(report.umask, report.nice,
        report.cwd, table.concat(report.env_list, " ")))
      assert.equal(tostring(sys.getpid()), report.ppid)
    end)
  end)
end)
