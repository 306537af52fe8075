-- The codes of errors: spawn, no program ran; io, the program ran, but an operation on it
-- failed; closed, the object was closed.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local probe, sys = helper.probe, helper.sys

local function told(err)
  return ("%s %s %s"):format(err.code, err.stage or "-", err.errname or "-")
end

describe("the code of a stage", function()
  it("is spawn until the program executes, and then io", function()
    local io_stages, count = {}, 0
    local out = helper.run { helper.build .. "/c/codes" }.out
    for stage, code in out:gmatch "(%S+) (%S+)\n" do
      count = count + 1
      if code ~= "spawn" then io_stages[#io_stages + 1] = stage .. " " .. code end
    end
    assert.is_true(count > 30, out)
    assert.same({ "exchange io", "wait io", "abort io" }, io_stages)
  end)

  for expected, spec in pairs {
    ["spawn find_program ENOENT"] = { "no-such-program" },
    ["spawn set_working_directory ENOENT"] = { "true", cwd = "/none" },
    ["spawn set_stdin ENOENT"] = { "true", stdin = { path = "/none" } },
    ["spawn set_stderr ENOENT"] = { "true", stderr = { path = "/none/x" } },
    ["spawn exec ENOEXEC"] = { "a copy" },
  } do
    it("is " .. expected, function()
      helper.with_tmpdir(function(dir)
        local copy = {}
        for key, value in pairs(spec) do copy[key] = value end
        if copy[1]:find "copy$" then copy[1] = helper.write_file(dir .. "/x", "x", "755") end
        for _, run in ipairs { noshell.run, noshell.run_async, noshell.output, noshell.popen } do
          local value, err = run(copy)
          assert.is_nil(value)
          assert.equal(expected, told(err))
        end
      end)
    end)
  end
end)

describe("a host that cannot wait", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  local function cannot() return nil, { reason = "it is full" } end

  it("is io for every function that waits", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
    local other = assert(noshell.run_async { "cat", stdin = "pipe" })
    local shaken = assert(noshell.run_async { "true", require_handshake = true })
    noshell.host.use(cannot)
    local sleep = { "sleep", "60" }
    for name, call in pairs {
      run = function() return noshell.run(sleep) end,
      output = function() return noshell.output(sleep) end,
      system = function() return noshell.system(sleep) end,
      pipeline = function() return noshell.pipeline(sleep, { "cat" }):run() end,
      lines = function()
        local _, err = pcall(noshell.lines(sleep))
        return nil, err
      end,
      popen = function() return noshell.popen(sleep):close() end,
      wait = function() return process:wait() end,
      read = function() return process.stdout:read() end,
      write = function() return process.stdin:write(("x"):rep(1000000)) end,
      wait_any = function() return noshell.wait_any { process, other } end,
      wait_all = function() return noshell.wait_all { process, other } end,
      map = function() return noshell.map({ 1 }, function() return sleep end) end,
    } do
      local value, err = call()
      assert.is_nil(value, name)
      assert.equal("io wait -", told(err), name)
      assert.matches("^noshell: cannot wait for .*: wait: it is full", helper.said(err))
    end
    local value, err = shaken:handshake_wait()
    assert.is_true(value or told(err) == "io wait -")
    noshell.host.use(nil)
    for _, each in ipairs { process, other, shaken } do each:close() end
  end)

  it("is io even if the host returns only a reason", function()
    for _, failed in ipairs { "nil", "false" } do
      local calls = 0
      noshell.host.use(function()
        calls = calls + 1
        if calls > 9 then error "the wait goes on" end
        return failed == "false" and false or nil, "it is full"
      end)
      local _, err = noshell.run("sleep", "60")
      assert.equal("io wait -", told(err))
      assert.equal("noshell: cannot wait for 'sleep 60': wait: it is full", helper.said(err))
    end
  end)

  it("is not retried if only spawn is", function()
    local started = 0
    noshell.trace(function(event) started = started + (event.event == "started" and 1 or 0) end)
    noshell.host.use(cannot)
    local value, err = noshell.retry({ "sleep", "60" }, { on = { "spawn" }, delay = 0 })
    noshell.trace(nil)
    assert.is_nil(value)
    assert.equal("io", err.code)
    assert.equal(1, err.attempts)
    assert.equal(1, started)
  end)

  it("is io if poll fails", function()
    local got = forked(function()
      local cmd = noshell.command(probe, "--pause")
      assert(sys.deny "ppoll:EIO")
      local _, err = cmd:run()
      return { told = told(err) }
    end)
    assert.equal("io wait EIO", got.told)
  end)
end)

describe("a failure of data exchange", function()
  helper.leak_check()

  it("is io if a stream's read fails", function()
    local got = forked(function()
      local process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
      assert(sys.deny "read:EIO")
      local _, err = process.stdout:read()
      return { told = told(err), text = helper.said(err) }
    end)
    assert.equal("io read EIO", got.told)
    assert.equal("noshell: cannot read from 'cat': Input/output error (EIO)", got.text)
  end)

  it("is io if captured output cannot be read", function()
    local got = forked(function()
      assert(sys.deny "read:EIO")
      local _, err = noshell.run("echo", "x")
      return { told = told(err), text = helper.said(err) }
    end)
    assert.equal("io exchange EIO", got.told)
    assert.equal("noshell: cannot wait for 'echo x': exchange: Input/output error (EIO)",
      got.text)
  end)

  it("is io if the program does not read its input", function()
    local process = assert(noshell.run_async { "true", stdin = "pipe" })
    assert(process:wait())
    local _, err = process.stdin:write(("x"):rep(100000))
    assert.equal("io write EPIPE", told(err))
    process:close()
  end)

  it("is io if a signal cannot be sent", function()
    local process = assert(noshell.run_async { "true" })
    assert(process:wait())
    local _, err = process:kill()
    assert.equal("io kill ESRCH", told(err))
    process:close()
    local got = forked(function()
      local denied = assert(noshell.run_async { "cat", stdin = "pipe" })
      assert(sys.deny "pidfd_send_signal:EPERM,kill:EPERM")
      local _, why = denied:kill()
      return { told = told(why) }
    end)
    assert.equal("io kill EPERM", got.told)
  end)

  it("is io if the words cannot be written", function()
    local _, err = noshell.command("true"):write_arg_log(999)
    assert.equal("io write_arg_log EBADF", told(err))
  end)
end)

describe("a pipeline whose last command does not start", function()
  helper.leak_check()

  it("is spawn if no program ran because one is missing", function()
    helper.with_tmpdir(function(dir)
      local _, err = noshell.pipeline({ "touch", dir .. "/x" }, { "no-such-program" }):run()
      assert.equal("spawn find_program ENOENT 2", told(err) .. " " .. err.index)
      assert.is_nil(io.open(dir .. "/x"))
    end)
  end)

  it("is io if earlier commands ran", function()
    local count = 0
    local _, err = noshell.retry(noshell.pipeline({ "cat" }, { "true", cwd = "/none" }),
      { delay = 0, on = function(why)
        count = count + 1
        return why.code == "spawn"
      end })
    assert.equal("io set_working_directory ENOENT 2", told(err) .. " " .. err.index)
    assert.equal(1, count)
    assert.matches("command 2: cannot start 'true': .*; the commands before it had started",
      helper.said(err))
  end)

  it("is that of the first command if that does not start", function()
    local _, err = noshell.pipeline({ "cat", cwd = "/none" }, { "true" }):run()
    assert.equal("spawn set_working_directory ENOENT 1", told(err) .. " " .. err.index)
  end)
end)

describe("an object that is closed", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  it("is closed, by another task", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
    for name, wait in pairs {
      read = function() return process.stdout:read() end,
      wait = function() return process:wait() end,
      wait_all = function() return noshell.wait_all { process } end,
    } do
      noshell.host.use(function() coroutine.yield() end)
      local answer
      local task = coroutine.create(function() answer = { wait() } end)
      assert(coroutine.resume(task))
      noshell.host.use(nil)
      process:close()
      assert(coroutine.resume(task))
      assert.is_nil(answer[1], name)
      assert.equal("closed - -", told(answer[2]), name)
      process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
    end
    process:close()
  end)

  it("is closed in a child of the host", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
    local got = forked(function()
      local codes = {}
      for name, call in pairs {
        wait = function() return process:wait() end,
        poll = function() return process:poll() end,
        kill = function() return process:kill() end,
        read = function() return process.stdout:read() end,
        write = function() return process.stdin:write "x" end,
      } do
        local _, err = call()
        codes[name] = err.code
      end
      return codes
    end)
    for _, name in ipairs { "wait", "poll", "kill", "read", "write" } do
      assert.equal("closed", got[name], name)
    end
    process:close()
  end)
end)

describe("the other codes", function()
  helper.leak_check()

  it("describe the end of a program, a text, or a script", function()
    local function code(_, err) return err.code end
    assert.equal("invalid", code(noshell.run { "true", umask = -1 }))
    assert.equal("exit", code(noshell.run "false"))
    assert.equal("signal", code(noshell.run { probe, "--kill", "TERM" }))
    assert.equal("timeout", code(noshell.run { probe, "--pause", timeout = 0.05 }))
    assert.equal("output_limit", code(noshell.run { "yes", max_output = 10 }))
    assert.equal("parse", code(noshell.parse.key_value "nonsense\n"))
    assert.equal("several", code(noshell.map({ 1 }, function() return "false" end)))
    assert.equal("exit", code(noshell.pipeline({ "true" }, { "false" }):run()))
    assert.equal("spawn", code(noshell.which "no-such-program"))
    assert.equal("spawn", code(noshell.exec { "true", cwd = "/none" }))
    local dry = noshell.dry_run(function() return { lost = true } end)
    assert.equal("lost", code(noshell.run "true"))
    local _, err = pcall(noshell.exec, "true")
    dry:stop()
    assert.equal("replaced", err.code)
  end)
end)
