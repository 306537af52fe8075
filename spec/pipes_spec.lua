-- Pipes beside the standard streams.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

--- Copies descriptor 4 to descriptor 3.
local COPY = { "sh", "-c", "cat <&4 >&3" }

local function copy(more)
  local spec = { COPY[1], COPY[2], COPY[3], pipes = { [3] = "read", [4] = "write" } }
  for key, value in pairs(more or {}) do spec[key] = value end
  return spec
end

describe("the pipes of a process", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("connect this process with other descriptors than 0 to 2", function()
      local process = assert(noshell.run_async { helper.probe, "--report",
        pipes = { [3] = "read", [19] = "write" } })
      assert.equal(path, process.launch)
      local report = helper.probe_report(assert(process:wait()).stdout)
      process:close()
      assert.same({ 0, 1, 2, 3, 19 }, report.fds)
      assert.equal("wronly pipe rdonly pipe", table.concat({ report.fd[3].access,
        report.fd[3].kind, report.fd[19].access, report.fd[19].kind }, " "))
      assert.is_false(report.fd[3].nonblock or report.fd[19].nonblock)
    end)
  end)

  it("are read and written like the other streams", function()
    local process = assert(noshell.run_async(copy()))
    local from, to = process.pipes[3], process.pipes[4]
    assert.equal(process.pipes, process.pipes)
    assert.equal("noshell.stream (pipes[3] of pid " .. process.pid .. ")", tostring(from))
    to:write("a b\n", "second\n")
    assert.same({ "a", " ", 1 }, { from:read_until " " })
    assert.equal("b", from:read())
    assert.equal("second", from:read())
    to:close()
    assert.is_nil(from:read())
    assert(process:wait())
    process:close()
    assert.is_true(from:closed())
  end)

  it("do not exist unless they were asked for", function()
    local process = assert(noshell.run_async "true")
    assert.is_nil(process.pipes)
    assert(process:wait())
    process:close()
    process = assert(noshell.run_async(copy()))
    process:close()
    assert.is_nil(process.pipes)
  end)

  it("have timeouts, which name them", function()
    local process = assert(noshell.run_async(copy()))
    local _, err = process.pipes[3]:set_timeout(0.01):read()
    assert.equal("timeout noshell: cannot read from 'sh -c 'cat <&4 >&3'': pipes[3] had nothing "
      .. "complete to read after 0.01 s; the program runs on", err.code .. " " .. helper.said(err))
    _, err = process.pipes[3]:read_until("x", 0)
    assert.equal('"x" did not arrive on pipes[3] within 0 s; unread: nothing', err.reason)
    _, err = process.pipes[4]:read()
    assert.matches('EBADF pipes%[4%] is for writing: it would be pipes = { %[4%] = "read" }',
      err.errname .. " " .. err.reason)
    _, err = process.pipes[3]:write "x"
    assert.matches('EBADF pipes%[3%] is for reading: it would be pipes = { %[3%] = "write" }',
      err.errname .. " " .. err.reason)
    process:close()
  end)

  it("end with the timeout of the program", function()
    local process = assert(noshell.run_async(copy { timeout = 0.02 }))
    local _, err = process.pipes[3]:read "a"
    assert.is_nil(err)
    _, err = process:wait()
    assert.equal("timeout", err.code)
    process:close()
  end)

  it("are named if they keep the program from its end", function()
    local process = assert(noshell.run_async(copy()))
    local _, err = process:wait(0)
    assert.equal("pipes[4] is still open here: close it with process.pipes[4]:close()", err.reason)
    process:close()
    process = assert(noshell.run_async { "sh", "-c", "yes >&3", pipes = { [3] = "read" },
      max_output = 1000 })
    process.pipes[3]:read()
    repeat _, err = process:wait(0.01) until err.reason
    assert.equal("pipes[3] has output that was not read here: read it before the wait", err.reason)
    process:close()
    process = assert(noshell.run_async { "sh", "-c", "yes >&3", pipes = { [3] = "read" },
      timeout = 0.5, max_output = 1000 })
    _, err = process:wait()
    assert.matches("^noshell: 'sh %-c 'yes >&3'' timed out and was ended after .*; pipes%[3%] has "
      .. "output that was not read here: read it before the wait", tostring(err))
    process:close()
  end)

  it("are read by a wait that blocks, for later", function()
    local words = { "sh", "-c", "head -c 300000 /dev/zero >&3; echo end >&5; cat", input = "in",
      pipes = { [3] = "read", [4] = "write", [5] = "read" } }
    local process = assert(noshell.run_async(words))
    assert.equal("in", assert(process:wait()).stdout)
    assert.equal(300000, #process.pipes[3]:read "a")
    assert.equal("end", process.pipes[5]:read())
    assert.is_nil(process.pipes[5]:read())
    process:close()
    local running = assert(noshell.pipeline(words, { "cat" }):run_async())
    assert.equal("in", assert(running:wait()).stdout)
    assert.equal(300000, #running.processes[1].pipes[3]:read "a")
    running:close()
  end)

  it("stop a program that writes when they are closed", function()
    local process = assert(noshell.run_async { "sh", "-c", "exec yes >&3",
      pipes = { [3] = "read" } })
    process.pipes[3]:close()
    local _, err = process:wait()
    assert.equal("signal PIPE", err.code .. " " .. err.result.signal)
    process:close()
  end)

  it("are read by an orphan's keeper", function()
    helper.with_tmpdir(function(dir)
      local process = assert(noshell.run_async { "sh", "-c",
        "head -c 300000 /dev/zero >&3; cat <&4; echo end >end", cwd = dir,
        pipes = { [3] = "read", [4] = "write" } })
      process:detach()
      helper.run({ "sh", "-c", "until test -s end; do sleep 0.01; done" }, { cwd = dir })
      assert.equal("end\n", helper.read_file(dir .. "/end"))
    end)
  end)

  it("belong to a clone, and the last setting counts", function()
    local cmd = noshell.command("sh", "-c", "echo x >&5"):set_pipes { [3] = "read" }
      :set_pipes { [5] = "read" }
    local process = assert(cmd:clone():run_async())
    assert.equal("x", process.pipes[5]:read())
    assert.is_nil(process.pipes[3])
    assert(process:wait())
    process:close()
  end)

  it("belong to a command of a pipeline", function()
    local running = assert(noshell.pipeline({ "sh", "-c", "echo a >&3; echo b" ,
      pipes = { [3] = "read" } }, { "cat" }):run_async())
    local process = running.processes[1]
    assert.equal("a", process.pipes[3]:read())
    assert.equal("b\n", assert(running:wait()).stdout)
    running:close()
    running = assert(noshell.pipeline({ "sh", "-c", "cat <&4", pipes = { [4] = "write" } },
      { "cat" }):run_async())
    local _, err = running:wait(0)
    assert.equal("pipes[4] is still open here: close it with process.pipes[4]:close()", err.reason)
    running:close()
  end)
end)

describe("pipes that make no sense", function()
  helper.leak_check()

  it("are refused", function()
    local begin = "noshell: invalid command 'true': "
    local function refused(name, more)
      local value, err = noshell[name] { "true", pipes = { [3] = "read" }, daemonize = more }
      assert.is_nil(value)
      assert.equal("invalid", err.code)
      return helper.said(err):sub(#begin + 1)
    end
    local run = "set_pipes(a table): run returns no streams: use run_async, and process.pipes"
    assert.equal(run, refused "run")
    assert.equal(run, refused "output")
    assert.equal(run, refused "system")
    assert.equal("set_pipes cannot be used with exec: no parent remains at the pipes' other ends",
      refused "exec")
    assert.equal("set_pipes cannot be used with daemonize: the daemon has no parent at the pipes' "
      .. "other ends", refused("run_async", true))
    local _, err = noshell.run_async { "true", pipes = { [3] = "reed" } }
    assert.equal(begin .. 'set_pipes("reed"): descriptor 3 must be "read", if this process reads '
      .. 'what the program writes there, or "write"', helper.said(err))
    _, err = noshell.pipeline({ "true", pipes = { [3] = "read" } }, { "cat" }):run()
    assert.truthy(helper.said(err):find("use run_async, and the pipes of its processes", 1, true))
  end)

  it("have the number of another descriptor, or are too many", function()
    local fd = assert(sys.open("/dev/null", "r"))
    local _, err = noshell.run_async { "true", pass_fds = { [3] = fd }, pipes = { [3] = "read" } }
    assert.equal("noshell: invalid command 'true': set_pipes(3): the child's descriptor is "
      .. "already in use", helper.said(err))
    local cmd = noshell.command("true"):set_pipes { [3] = "read" }
    assert.equal(4, cmd:send_buffer "x")
    _, err = cmd:pass_fd(fd, { as = 3 }):run_async()
    assert.equal("the child's descriptor is already in use", err.reason)
    sys.close(fd)
    _, err = noshell.pipeline({ "true" }, noshell.tee(function() end):set_pipes { [63] = "read" },
      { "cat" }):run_async()
    assert.equal("the child's descriptor is already in use", err.reason)
    local many = {}
    for i = 3, 18 do many[i] = "read" end
    local process = assert(noshell.run_async { "true", pipes = many })
    assert.is_not_nil(process.pipes[18])
    process:close()
    many[19] = "read"
    _, err = noshell.run_async { "true", pipes = many }
    assert.equal("there can be at most 16 pipes", err.reason)
  end)

  it("are beyond the limit of descriptors", function()
    local _, err = noshell.run_async { "true", pipes = { [2000000000] = "read" } }
    assert.equal("spawn set_pipes EBADF descriptor 2000000000", probing.described(err))
  end)
end)

describe("a dry run of pipes", function()
  helper.leak_check()

  it("shows them, what was written, and gives what the reply says", function()
    local dry = noshell.dry_run(function()
      return function(call)
        return { stdout = "out", pipes = { [3] = "got " .. call.written[4] } }
      end
    end)
    local process = assert(noshell.run_async { "x", input = "in",
      pipes = { [3] = "read", [4] = "write", [5] = "read" } })
    process.pipes[4]:write("some ", "text")
    assert.equal("got some text", process.pipes[3]:read "a")
    assert.equal("", process.pipes[5]:read "a")
    assert.equal("out", assert(process:wait()).stdout)
    process:close()
    dry:stop()
    local call = dry:calls()[1]
    assert.same({ [3] = "read", [4] = "write", [5] = "read" }, call.pipes)
    assert.same({ [4] = "some text" }, call.written)
    assert.equal("in", call.input)
  end)
end)
