-- The child's descriptors, seen from Lua. c_spec shows that every number and map works.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

local function open(path, mode)
  return assert(sys.open(path, mode or "r"))
end

local function close(...)
  for _, fd in ipairs { ... } do sys.close(fd) end
end

--- Returns the bytes that the probe reads from its descriptor, through a file that is its
--- stdout.
local function read_in_child(cmd, fd)
  cmd:add_args("/proc/self/fd/" .. fd)
  return assert(cmd:output())
end

describe("the standard streams", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("are /dev/null and two pipes unless directed", function()
      local report, launch = probing.report(probing.command())
      assert.equal(path, launch)
      assert.same({ 0, 1, 2 }, report.fds)
      assert.equal("/dev/null pipe pipe", report.fd[0].target .. " " ..
        report.fd[1].kind .. " " .. report.fd[2].kind)
      assert.are_not.equal(report.fd[1].inode, report.fd[2].inode)
    end)

    it("block, and are not close-on-exec", function()
      local process = assert(noshell.run_async { helper.probe, "--to-fd", 2, "--report",
        stdin = "pipe", stdout = "pipe", stderr = "capture" })
      assert.equal(path, process.launch)
      local report = helper.probe_report(assert(process:wait()).stderr)
      process:close()
      assert.same({ 0, 1, 2 }, report.fds)
      for fd = 0, 2 do
        assert.is_false(report.fd[fd].nonblock)
        assert.is_false(report.fd[fd].cloexec)
      end
    end)

    it("may be null, inherited, a descriptor, a file, a path, or stdout's", function()
      helper.with_tmpdir(function(dir)
        local null = open "/dev/null"
        local file = assert(io.open(dir .. "/out", "w"))
        local cmd = noshell.command(helper.probe, "--to", dir .. "/report")
          :set_stdin(null):set_stdout(file):set_stderr("stdout")
        local process = assert(cmd:run_async())
        assert.equal(path, process.launch)
        assert(process:wait())
        process:close()
        file:close()
        close(null)
        local report = helper.probe_report(helper.read_file(dir .. "/report"))
        assert.same({ 0, 1, 2 }, report.fds)
        assert.equal("/dev/null", report.fd[0].target)
        assert.equal(dir .. "/out", report.fd[1].target)
        assert.equal(report.fd[1].inode, report.fd[2].inode)

        assert(noshell.command(helper.probe, "--to", dir .. "/report")
          :set_stdin { path = "/dev/zero" }:set_stdout("null")
          :set_stderr { path = dir .. "/err", append = true }:run())
        report = helper.probe_report(helper.read_file(dir .. "/report"))
        assert.equal("/dev/zero rdonly", report.fd[0].target .. " " .. report.fd[0].access)
        assert.equal("/dev/null", report.fd[1].target)
        assert.equal(dir .. "/err", report.fd[2].target)
        assert.is_true(report.fd[2].append)
      end)
    end)
  end)

  it("are the parent's with inherit", function()
    helper.with_tmpdir(function(dir)
      assert(noshell.command(helper.probe, "--to", dir .. "/report"):set_stdin("inherit")
        :set_stdout("inherit"):set_stderr("inherit"):run())
      local report = helper.probe_report(helper.read_file(dir .. "/report"))
      for fd = 0, 2 do
        assert.equal(require("lfs").symlinkattributes("/proc/self/fd/" .. fd, "target"),
          report.fd[fd].target)
      end
    end)
  end)

  it("keep the order of writes to stdout and stderr in one pipe", function()
    local result = assert(noshell.command(helper.probe, "--write", 1, "a", "--write", 2,
      "b", "--write", 1, "c", "--write", 2, "d"):set_stderr("stdout"):run())
    assert.equal("abcd", result.stdout)
    assert.is_nil(result.stderr)
  end)

  it("come after the text that Lua has written to the same file", function()
    helper.with_tmpdir(function(dir)
      local file = assert(io.open(dir .. "/out", "w"))
      file:write "first "
      assert(noshell.command("printf", "second"):set_stdout(file):run())
      file:close()
      assert.equal("first second", helper.read_file(dir .. "/out"))
    end)
  end)

  it("truncate a path, or append to it", function()
    helper.with_tmpdir(function(dir)
      local path = helper.write_file(dir .. "/out", "before ")
      assert(noshell.command("printf", "1"):set_stdout { path = path, append = true }:run())
      assert.equal("before 1", helper.read_file(path))
      assert(noshell.command("printf", "2"):set_stdout { path = path }:run())
      assert.equal("2", helper.read_file(path))
    end)
  end)

  it("may be another command's stream, which is handed over", function()
    local first = assert(noshell.run_async { "printf", "a\nb\n", stdout = "pipe" })
    assert.equal("a\nb", assert(noshell.command("cat"):set_stdin(first.stdout):output()))
    assert.is_true(first.stdout:closed())
    assert(first:wait())
    first:close()
  end)

  it("fail to start if their file was closed meanwhile", function()
    local file = assert(io.open "/dev/null")
    local cmd = noshell.command("true"):set_stdin(file)
    file:close()
    local value, err = cmd:run()
    assert.is_nil(value)
    assert.equal("spawn set_stdin EBADF", ("%s %s %s"):format(err.code, err.stage,
      err.errname))
  end)

  it("are those of the last call", function()
    local cmd = noshell.command("cat"):set_stdin("null"):set_input_buffer("a")
    assert.equal("a", cmd:output())
    assert.equal("", cmd:set_stdin("null"):output())
    assert.equal("b", cmd:set_input_buffer("b"):output())
  end)
end)

describe("a passed descriptor", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("has the same number or another, and no others are open", function()
      local other, zero = open "/dev/null", open "/dev/zero"
      sys.cloexec(other, false)
      local report, launch = probing.report(probing.command():pass_fd(zero)
        :pass_fd(zero, { as = 77 }))
      assert.equal(path, launch)
      assert.same({ 0, 1, 2, zero, 77 }, report.fds)
      assert.equal("/dev/zero /dev/zero",
        report.fd[zero].target .. " " .. report.fd[77].target)
      assert.is_false(report.fd[77].cloexec)
      close(other, zero)
    end)

    it("may swap places with another", function()
      local null, zero = open "/dev/null", open "/dev/zero"
      local report, launch = probing.report(probing.command()
        :pass_fd(null, { as = zero }):pass_fd(zero, { as = null }))
      assert.equal(path, launch)
      assert.equal("/dev/zero /dev/null",
        report.fd[null].target .. " " .. report.fd[zero].target)
      close(null, zero)
    end)

    it("stays open here, unless close_parent gives it away", function()
      local null, zero = open "/dev/null", open "/dev/zero"
      local cmd = noshell.command(helper.tiny):pass_fd(null)
        :pass_fd(zero, { close_parent = true })
      local process = assert(cmd:run_async())
      assert.equal(path, process.launch)
      assert.is_true(sys.cloexec(null))
      assert.is_nil((sys.cloexec(zero)))
      assert(process:wait())
      process:close()
      close(null)
    end)
  end)

  it("is passed again by the next run", function()
    local zero = open "/dev/zero"
    local cmd = probing.command():pass_fd(zero, { as = 9 })
    for _ = 1, 2 do assert.equal("/dev/zero", probing.report(cmd).fd[9].target) end
    close(zero)
  end)

  it("with close_parent is closed with the command, and after an argument error", function()
    local given = open "/dev/zero"
    noshell.command("true"):pass_fd(given, { close_parent = true })
    collectgarbage()
    collectgarbage()
    assert.is_nil((sys.cloexec(given)))
    given = open "/dev/zero"
    noshell.command("true"):set_umask(512):pass_fd(given, { close_parent = true })
    assert.is_nil((sys.cloexec(given)))
    given = open "/dev/zero"
    noshell.command("true"):pass_fd(given, { close_parent = true, as = 1 })
    assert.is_nil((sys.cloexec(given)))
  end)

  it("may be a Lua file, which close_parent closes", function()
    local kept, given = assert(io.open "/dev/null"), assert(io.open "/dev/zero")
    local report = probing.report(probing.command():pass_fd(kept, { as = 8 })
      :pass_fd(given, { as = 9, close_parent = true }))
    assert.equal("/dev/null /dev/zero", report.fd[8].target .. " " .. report.fd[9].target)
    assert.equal("file", io.type(kept))
    assert.equal("closed file", io.type(given))
    kept:close()
  end)

  it("may be a stream", function()
    local first = assert(noshell.run_async { "printf", "data", stdout = "pipe" })
    local out = read_in_child(noshell.command("cat"):pass_fd(first.stdout,
      { as = 5, close_parent = true }), 5)
    assert.equal("data", out)
    assert(first:wait())
    first:close()
  end)

  it("may be an object that has a descriptor", function()
    local zero = open "/dev/zero"
    local object = setmetatable({}, { __index = { getfd = function() return zero end } })
    assert.equal("/dev/zero", probing.report(probing.command()
      :pass_fd(object, { as = 6 })).fd[6].target)
    close(zero)
  end)
end)

describe("a sent buffer", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("is readable to its end at the number that was returned", function()
      local cmd = noshell.command("cat")
      local number = cmd:send_buffer "se\0cret"
      cmd:add_args("/proc/self/fd/" .. number)
      local process = assert(cmd:run_async())
      assert.equal(path, process.launch)
      assert.equal("se\0cret", assert(process:wait()).stdout)
      process:close()
    end)
  end)

  it("has another number than other buffers and passed descriptors", function()
    local zero = open "/dev/zero"
    local cmd = noshell.command("cat"):pass_fd(zero, { as = 3 })
    local first, second = cmd:send_buffer "a", cmd:send_buffer "b"
    assert.equal("4 5", first .. " " .. second)
    assert.equal("ab", cmd:add_args("/proc/self/fd/4", "/proc/self/fd/5"):output())
    close(zero)
  end)

  it("may be empty, and is sent again by the next run", function()
    local cmd = noshell.command("cat")
    cmd:add_args("/proc/self/fd/" .. cmd:send_buffer "", "/proc/self/fd/"
      .. cmd:send_buffer(noshell.secret "key"))
    assert.equal("keykey", cmd:output() .. cmd:clone():output())
  end)

  it("may be left unread", function()
    local cmd = noshell.command("true")
    cmd:send_buffer(("x"):rep(1000000))
    assert(cmd:run())
  end)
end)

describe("with 19,000 descriptors open here", function()
  helper.leak_check()

  it("the child has only those that were passed", function()
    helper.require_or_pending("limits", sys.limit "nofile" >= 19500,
      "19,500 open files: ulimit -n")
    for _, path in ipairs(helper.paths) do
      local result = helper.run_lua(helper.lua, [[
        local noshell, sys = require "noshell", require "testsys"
        local high = assert(sys.dup(0, 18000))
        local process = assert(noshell.run_async { os.getenv "PROBE",
          pass_fds = { [5] = high, high } })
        print(process.launch)
        io.write(assert(process:wait()).stdout)
      ]], { NOSHELL_LAUNCH = path, PROBE = helper.probe }, { hostile = { FDS = 19000 } })
      assert.equal("", result.err)
      local launch, report = result.out:match "^(%a+)\n(.*)$"
      assert.equal(path, launch)
      report = helper.probe_report(report)
      assert.same({ 0, 1, 2, 5 }, { report.fds[1], report.fds[2], report.fds[3],
        report.fds[4] })
      assert.equal(5, #report.fds)
      assert.is_true(report.fds[5] >= 18000)
    end
  end)
end)
