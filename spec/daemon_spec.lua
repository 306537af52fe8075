-- Daemons and pid files. The specs are a subreaper, so they can reap the daemons.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

--- Calls fn(dir, fifo) in a child that daemons are handed to: it waits for all.
local function with_daemons(fn)
  helper.with_tmpdir(function(dir)
    local fifo = dir .. "/report"
    assert(sys.mkfifo(fifo))
    local got = forked(function()
      sys.subreaper(true)
      local ok, err = pcall(fn, dir, fifo)
      while sys.waitpid(-1) do end
      return { ok = ok, err = tostring(err) }
    end)
    if not got.ok then error(got.err, 0) end
  end)
end

local function daemon(fifo)
  return noshell.command(helper.probe, "--to", fifo):daemonize()
end

describe("a daemon", function()
  helper.leak_check()

  helper.each_path(function()
    it("has its own session, / as directory, and another parent", function()
      with_daemons(function(_, fifo)
        local process = assert(daemon(fifo):run_async())
        assert.equal(helper.apart(), process.launch)
        local report = helper.probe_report(helper.read_file(fifo))
        assert.equal(tostring(process.pid), report.pid)
        assert.are_not.equal(report.pid, report.sid)
        assert.equal(report.pgid, report.sid)
        assert.equal("/", report.cwd)
        assert.same({ 0, 1, 2 }, report.fds)
        for fd = 0, 2 do assert.equal("/dev/null", report.fd[fd].target) end
        process:close()
      end)
    end)
  end)

  it("has the working directory that is set", function()
    with_daemons(function(dir, fifo)
      assert(daemon(fifo):set_working_directory(dir):run())
      assert.equal(dir, helper.probe_report(helper.read_file(fifo)).cwd)
    end)
  end)

  it("is started when run returns, and is not waited for", function()
    with_daemons(function(_, fifo)
      local from, to = sys.pipe()
      local result = assert(noshell.command(helper.probe, "--block-on", from, "--to", fifo,
        "--report"):pass_fd(from):daemonize():run())
      assert.is_true(result.ok)
      assert.is_true(sys.kill(result.pid, 0))
      sys.close(to)
      assert.equal(tostring(result.pid), helper.probe_report(helper.read_file(fifo)).pid)
      sys.close(from)
    end)
  end)

  it("is not ended by close, abort or collection", function()
    with_daemons(function(_, fifo)
      for _, ending in ipairs { "close", "abort", "detach" } do
        local from, to = sys.pipe()
        local process = assert(noshell.command(helper.probe, "--block-on", from, "--to",
          fifo, "--report"):pass_fd(from):daemonize():run_async())
        process[ending](process)
        sys.close(to)
        assert.equal(tostring(process.pid), helper.probe_report(helper.read_file(fifo)).pid)
        sys.close(from)
      end
    end)
  end)

  it("can be signalled while it runs", function()
    with_daemons(function()
      local from, to = sys.pipe()
      local process = assert(noshell.command(helper.probe, "--pause"):pass_fd(to)
        :daemonize():run_async())
      sys.close(to)
      assert.is_true(process:kill "TERM")
      assert.equal("", sys.read(from, 1))
      sys.close(from)
      process:close()
    end)
  end)

  -- By its number it would be opened when it may have been reaped already.
  it("is held without being opened by its number", function()
    with_daemons(function()
      local from, to = sys.pipe()
      assert(sys.deny "pidfd_open:EPERM")
      local process = assert(noshell.command(helper.probe, "--pause"):pass_fd(to)
        :daemonize():run_async())
      local killed = process:kill "KILL"
      if not killed then sys.kill(process.pid, "KILL") end
      assert.is_true(killed)
      process:close()
      sys.close(to)
      assert.equal("", sys.read(from, 1))
      sys.close(from)
    end)
  end)

  it("that does not start reports the reason", function()
    local _, err = noshell.command("true"):daemonize():set_working_directory("/none"):run()
    assert.equal("spawn set_working_directory ENOENT /none", probing.described(err))
    helper.with_tmpdir(function(dir)
      local path = helper.write_file(dir .. "/script", "#!/none\n", "755")
      _, err = noshell.command(path):daemonize():run()
      assert.equal("spawn exec ENOENT " .. path, probing.described(err))
    end)
  end)

  it("conflicts with pipes, captures, a timeout and the parent-death signal", function()
    local function refused(change)
      local cmd = noshell.command("true"):daemonize()
      local value, err = change(cmd):run_async()
      assert.is_nil(value)
      assert.equal("invalid", err.code)
    end
    refused(function(cmd) return cmd:set_stdin "pipe" end)
    refused(function(cmd) return cmd:set_stdout "capture" end)
    refused(function(cmd) return cmd:set_timeout(1) end)
    refused(function(cmd) return cmd:set_parent_death_signal "TERM" end)
    refused(function(cmd) return cmd:new_process_group() end)
  end)

  it("reads input and sent buffers of any size after the parent has gone", function()
    with_daemons(function(_, fifo)
      local data = ("x"):rep(500000)
      local cmd = noshell.command(helper.probe, "--to", fifo, "--in")
        :set_input_buffer(data):daemonize()
      cmd:add_args("--read", cmd:send_buffer(data), #data, "--say", "sent")
      local process = assert(cmd:run_async())
      assert.equal(("in.count=500000\nin.adler32=%s\nsent\n"):format(
        helper.adler32(data)), helper.read_file(fifo))
      process:close()
    end)
  end)

  it("writes to the files that are set", function()
    with_daemons(function(dir)
      assert(noshell.command(helper.probe, "--say", "hello"):daemonize()
        :set_stdout { path = dir .. "/out" }:run())
      while sys.waitpid(-1) do end
      assert.equal("hello\n", helper.read_file(dir .. "/out"))
    end)
  end)
end)

describe("a pid file", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("has the program's pid, and stays open and locked in it", function()
      helper.with_tmpdir(function(dir)
        local file = dir .. "/pid"
        local report, launch = probing.report(probing.command():set_pid_file(file))
        assert.equal(path, launch)
        assert.equal(report.pid .. "\n", helper.read_file(file))
        assert.same({ 0, 1, 2, 3 }, report.fds)
        assert.equal(file, report.fd[3].target)
      end)
    end)

    it("that is held refuses a second start, and names the holder", function()
      helper.with_tmpdir(function(dir)
        local file = dir .. "/pid"
        local first = assert(noshell.run_async { "cat", stdin = "pipe", pid_file = file })
        local value, err = noshell.run { "true", pid_file = file }
        assert.is_nil(value)
        assert.equal("spawn set_pid_file " .. file, ("%s %s %s"):format(err.code,
          err.stage, err.subject))
        assert.truthy(err.errname == "EAGAIN" or err.errname == "EACCES", err.errname)
        assert.equal("held by process " .. first.pid, err.reason)
        assert.equal(first.pid .. "\n", helper.read_file(file))
        first.stdin:close()
        assert(first:wait())
        first:close()
        assert(noshell.run { "true", pid_file = file })
      end)
    end)
  end)

  it("has the pid of a daemon", function()
    with_daemons(function(dir, fifo)
      local result = assert(daemon(fifo):set_pid_file(dir .. "/pid"):run())
      local report = helper.probe_report(helper.read_file(fifo))
      assert.equal(tostring(result.pid), report.pid)
      assert.equal(report.pid .. "\n", helper.read_file(dir .. "/pid"))
    end)
  end)

  it("replaces a longer pid", function()
    helper.with_tmpdir(function(dir)
      local file = helper.write_file(dir .. "/pid", "123456789012345\nrubbish\n")
      local result = assert(noshell.run { "true", pid_file = file })
      assert.equal(result.pid .. "\n", helper.read_file(file))
    end)
  end)

  it("is not followed if it is a symbolic link", function()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/other", "precious")
      require("lfs").link(dir .. "/other", dir .. "/pid", true)
      local _, err = noshell.run { "true", pid_file = dir .. "/pid" }
      assert.equal("spawn set_pid_file ELOOP " .. dir .. "/pid", probing.described(err))
      assert.equal("precious", helper.read_file(dir .. "/other"))
    end)
  end)
end)
