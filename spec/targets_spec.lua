-- Targets of stdout and stderr: files with options, each other, and lists of targets.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local sys = helper.sys

--- The program writes one text to stdout and another to stderr.
local BOTH = { "sh", "-c", "echo out; echo err >&2" }

local function both(spec)
  for i, word in ipairs(BOTH) do spec[i] = word end
  return spec
end

local function permissions(path)
  return lfs.attributes(path, "permissions")
end

describe("a file for output", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("has the mode, and must not exist if it is exclusive", function()
      helper.with_tmpdir(function(dir)
        local name = dir .. "/out"
        local spec = both { stdout = { path = name, mode = "0600", exclusive = true } }
        local process = assert(noshell.run_async(spec))
        assert.equal(path, process.launch)
        assert(process:wait())
        process:close()
        assert.equal("rw------- out\n", permissions(name) .. " " .. helper.read_file(name))
        local _, err = noshell.run(spec)
        assert.equal(("noshell: cannot start '%s': set_stdout '%s': File exists (EEXIST)")
          :format("sh -c 'echo out; echo err >&2'", name), helper.said(err))
        assert.equal("spawn", err.code)
      end)
    end)

    it("may be read, too", function()
      helper.with_tmpdir(function(dir)
        local report = helper.probe_report(noshell.output { helper.probe, "--to-fd", 1, "--report",
          stderr = { path = dir .. "/both", read = true, append = true, mode = "640" } } .. "\n")
        assert.equal("rdwr", report.fd[2].access)
        assert.is_true(report.fd[2].append)
        assert.equal("rw-r-----", permissions(dir .. "/both"))
      end)
    end)
  end)

  it("is created once if a launch path is refused afterwards", function()
    local seen = forked(function()
      helper.with_tmpdir(function(dir)
        sys.deny "pidfd_getfd:EPERM"
        assert(noshell.run(both { stdout = { path = dir .. "/out", exclusive = true } }))
      end)
      return { ok = "yes" }
    end)
    assert.equal("yes", seen.ok)
  end)

  it("keeps its mode if it exists", function()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/out", "x", "644")
      assert(noshell.run(both { stdout = { path = dir .. "/out", mode = "0600" } }))
      assert.equal("rw-r--r--", permissions(dir .. "/out"))
    end)
  end)
end)

describe("stdout as stderr", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("goes where stderr goes, in the order of writing", function()
      local process = assert(noshell.run_async { helper.probe, "--write", 1, "a", "--write", 2, "b",
        "--write", 1, "c", stdout = "stderr" })
      assert.equal(path, process.launch)
      local result = assert(process:wait())
      process:close()
      assert.equal("abc", result.stderr)
      assert.is_nil(result.stdout)
    end)
  end)

  it("goes to a file, a descriptor, a terminal", function()
    helper.with_tmpdir(function(dir)
      assert(noshell.run(both { stdout = "stderr", stderr = { path = dir .. "/log" } }))
      assert.equal("out\nerr\n", helper.read_file(dir .. "/log"))
    end)
    assert.equal("out\r\nerr\r\n", noshell.run(both { stdout = "stderr", pty = true }).stderr)
    local _, err = noshell.run { "sh", "-c", "echo out; exit 3", stdout = "stderr" }
    assert.equal("noshell: 'sh -c 'echo out; exit 3'' exited with status 3: out", helper.said(err))
  end)

  it("conflicts with stderr as stdout, and with output", function()
    local _, err = noshell.run { "true", stdout = "stderr", stderr = "stdout" }
    assert.equal("invalid noshell: invalid command 'true': set_stdout(\"stderr\") and "
      .. "set_stderr(\"stdout\") refer to each other: direct one of them elsewhere",
      err.code .. " " .. helper.said(err))
    _, err = noshell.output { "true", stdout = "stderr" }
    assert.equal("invalid", err.code)
  end)

  it("is visible in a dry run", function()
    local dry = noshell.dry_run(function() return { stdout = "out", stderr = "err" } end)
    local result = assert(noshell.run { "x", stdout = "stderr" })
    dry:stop()
    assert.equal("outerr", result.stderr)
    assert.is_nil(result.stdout)
    assert.equal("stderr", dry:calls()[1].stdout)
  end)
end)

describe("a list of targets", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("gets the output in the result, in files, descriptors and functions", function()
      helper.with_tmpdir(function(dir)
        helper.write_file(dir .. "/log", "before\n")
        local file = assert(io.open(dir .. "/file", "w"))
        file:write "Lua\n"
        local chunks, lines = {}, {}
        local process = assert(noshell.run_async(both {
          stdout = { "capture", { path = dir .. "/log", append = true }, file,
            function(data) chunks[#chunks + 1] = data end },
          stderr = { { path = dir .. "/err", mode = "600" },
            { function(line) lines[#lines + 1] = line end, by = "line" } } }))
        assert.equal(path, process.launch)
        local result = assert(process:wait())
        process:close()
        file:close()
        assert.equal("out\n", result.stdout)
        assert.is_nil(result.stderr)
        assert.equal("out\n", table.concat(chunks))
        assert.same({ "err" }, lines)
        assert.equal("before\nout\n", helper.read_file(dir .. "/log"))
        assert.equal("Lua\nout\n", helper.read_file(dir .. "/file"))
        assert.equal("err\n rw-------", helper.read_file(dir .. "/err") .. " "
          .. permissions(dir .. "/err"))
      end)
    end)
  end)

  it("inherits our streams in their order, also with system", function()
    local run = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      io.write "1 "
      print(noshell.run { "echo", "2", stdout = { "capture", "inherit" } }.stdout)
      assert(noshell.system { "sh", "-c", "echo 3; echo 4 >&2", stdout = { "inherit" },
        stderr = { "inherit" } })
    ]])
    assert.equal("1 2\n2\n\n3\n", run.out)
    assert.equal("4\n", run.err)
  end)

  it("ignores one of our streams that is closed", function()
    local run = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      io.stdout:close()
      io.stderr:write(noshell.run { "echo", "x", stdout = { "inherit", "capture" } }.stdout)
    ]])
    assert.equal("x\n", run.err)
  end)

  it("takes much output, also if a target is slow", function()
    local reader, writer = noshell.pipe()
    local go, going = sys.pipe()
    local slow = assert(noshell.run_async { "sh", "-c", "read -r go <&9; wc -c", stdin = reader,
      pass_fds = { [9] = go } })
    local size = 0
    local fast = assert(noshell.run_async { helper.probe, "--out", 3000000,
      stdout = { "capture", writer, function(data)
        if size < 1000000 and size + #data >= 1000000 then sys.write(going, "go\n") end
        size = size + #data
      end } })
    reader:close()
    writer:close()
    assert.equal(helper.pattern(3000000), assert(fast:wait()).stdout)
    assert.equal(3000000, size)
    assert.equal("3000000\n", assert(slow:wait()).stdout)
    fast:close()
    slow:close()
    sys.close(go)
    sys.close(going)
  end)

  it("does not change the flags of our descriptors", function()
    local reader, writer = noshell.pipe()
    assert(noshell.run { "echo", "x", stdout = { writer } })
    local report = helper.probe_report(noshell.output { helper.probe, "--report",
      pass_fds = { [9] = writer:fileno() } } .. "\n")
    assert.is_false(report.fd[9].nonblock)
    reader:close()
    writer:close()
  end)

  it("may be another user's pipe, which cannot be opened again", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    local seen = forked(function()
      local reader, writer = noshell.pipe()
      assert(sys.become(12345, 12345))
      local first = assert(noshell.run_async { "head", "-c", "500000", "/dev/zero",
        stdout = { writer } })
      writer:close()
      local size = noshell.output { "wc", "-c", stdin = reader }
      return { size = size, ended = first:wait() ~= nil }
    end)
    assert.equal("500000 true", seen.size .. " " .. tostring(seen.ended))
  end)

  it("may be a socket", function()
    local ends = { sys.socketpair() }
    local process = assert(noshell.run_async { "echo", "x", stdout = { ends[1] } })
    assert(process:wait())
    process:close()
    assert.equal("x\n", sys.read(ends[2], 10))
    sys.close(ends[1])
    sys.close(ends[2])
  end)

  it("ends the program by SIGPIPE if no target is left", function()
    local reader, writer = noshell.pipe()
    local process = assert(noshell.run_async { "yes", stdout = { writer } })
    reader:close()
    writer:close()
    local _, err = process:wait()
    assert.equal("signal PIPE", err.code .. " " .. err.result.signal)
    process:close()
    reader, writer = noshell.pipe()
    process = assert(noshell.run_async { helper.probe, "--out", 300000,
      stdout = { writer, "capture" } })
    reader:close()
    writer:close()
    assert.equal(300000, #assert(process:wait()).stdout)
    process:close()
  end)

  it("fails if a target cannot be written", function()
    local _, err = noshell.run { "echo", "x", stdout = { "capture", { path = "/dev/full" } } }
    assert.equal("io exchange", err.code .. " " .. err.stage)
    assert.equal("noshell: cannot write the output of 'echo x' to '/dev/full': No space "
      .. "left on device (ENOSPC)", helper.said(err))
    local process = assert(noshell.run_async { "sh", "-c", "echo x; exec sleep 60",
      stdout = { { path = "/dev/full" } } })
    assert.equal("io", select(2, process:wait()).code)
    assert.equal("io", select(2, process:wait(1)).code)
    assert.is_true(process:close())
  end)

  it("starts nothing if a target cannot be opened", function()
    helper.with_tmpdir(function(dir)
      assert(noshell.run("mkfifo", dir .. "/fifo"))
      local file = assert(io.open(dir .. "/file", "w"))
      file:close()
      for text, targets in pairs {
        ["set_stdout '/no/such/file': No such file or directory (ENOENT)"] =
          { "capture", { path = "/no/such/file" } },
        ["set_stdout '" .. dir .. "/fifo': no process reads this FIFO (ENXIO)"] =
          { { path = dir .. "/fifo" } },
        ["set_stdout 'descriptor 777': Bad file descriptor (EBADF)"] = { 777, "capture" },
      } do
        local _, err = noshell.run { "touch", dir .. "/ran", stdout = targets }
        assert.equal("spawn noshell: cannot start 'touch " .. dir .. "/ran': " .. text,
          err.code .. " " .. helper.said(err))
      end
      local _, err = noshell.run { "true", stdout = { file } }
      assert.equal("invalid", err.code)
      assert.is_nil(lfs.attributes(dir .. "/ran"))
    end)
  end)

  it("says how to write it", function()
    for text, spec in pairs {
      ['stdout = a table: is empty: write { path = ... }, or a list such as '
        .. '{ "capture", "inherit" }'] = { stdout = {} },
      ["stderr = a table: item 2 is a list in the list: write its items in the outer one, "
        .. "or { path = ... } for a file"] = { stderr = { "inherit", { "capture" } } },
      ['stderr = "stdout": item 2 cannot be in a list: set stdout to the list, and stderr = '
        .. '"stdout"'] = { stderr = { "capture", "stdout" } },
    } do
      spec[1] = "true"
      assert.equal("noshell: invalid command 'true': " .. text,
        helper.said(select(2, noshell.run(spec))))
    end
  end)

  it("tells a program that has exited from one that was ended", function()
    local reader, writer = noshell.pipe()
    local process = assert(noshell.run_async { helper.probe, "--out", 70000,
      stdout = { writer }, timeout = 0.5 })
    local _, err = process:wait()
    assert.equal("exited with status 0, but after 0.5 s, its output is not written",
      helper.said(err):match "' (exited.-):")
    process:close()
    reader:close()
    writer:close()
  end)

  it("notices that its file was closed meanwhile", function()
    local file = assert(io.open "/dev/null")
    local cmd = noshell.command("true"):set_stdout { file }
    file:close()
    local _, err = cmd:run()
    assert.equal("spawn set_stdout EBADF", ("%s %s %s"):format(err.code, err.stage, err.errname))
  end)

  it("ends at the timeout although a target accepts no more", function()
    local reader, writer = noshell.pipe()
    local why = ("its output is not written: 'descriptor %d' accepts no more"):format(
      writer:fileno())
    local _, err = noshell.run { "yes", stdout = { writer }, timeout = 0.5 }
    assert.equal("timeout " .. why, err.code .. " " .. err.reason)
    assert.is_true(err.result.output_incomplete)
    -- All is in the program's pipe, which is not read while the target is behind.
    _, err = noshell.run { helper.probe, "--out", 300000, stdout = { writer }, timeout = 0.3 }
    assert.is_nil(err.result.held)
    assert.equal(why, err.reason)
    local process = assert(noshell.run_async { "echo", "x", stdout = { writer } })
    repeat process:poll() until process:_behind()
    _, err = process:wait(0)
    assert.equal("timeout " .. why, err.code .. " " .. err.reason)
    process:close()
    reader:close()
    writer:close()
  end)

  it("is served in the background while another program is awaited", function()
    local reader, writer = noshell.pipe()
    local words = { helper.probe, "--out", 500000, stdout = { writer } }
    local first = assert(noshell.run_async(words))
    writer:close()
    assert.equal("500000", noshell.output { "wc", "-c", stdin = reader })
    reader:close()
    assert(first:wait())
    first:close()
  end)

  it("is kept up by a process that is detached", function()
    local reader, writer = noshell.pipe()
    local first = assert(noshell.run_async { helper.probe, "--out", 500000, stdout = { writer } })
    writer:close()
    first:detach()
    assert.equal("500000", noshell.output { "wc", "-c", stdin = reader })
    reader:close()
  end)

  it("captures to the limit, and to the tail", function()
    local chunks = {}
    local function add(data) chunks[#chunks + 1] = data end
    local _, err = noshell.run { helper.probe, "--out", 300000, max_output = 1000,
      stdout = { "capture", add } }
    assert.equal("output_limit 1000", err.code .. " " .. #err.result.stdout)
    chunks = {}
    local result = assert(noshell.run { helper.probe, "--out", 300000, tail = 10,
      stdout = { "capture", add, "capture" } })
    assert.equal(helper.pattern(300000), table.concat(chunks))
    assert.equal(helper.pattern(300000):sub(-10), result.stdout)
    chunks = {}
    result = assert(noshell.run { helper.probe, "--out", 300000, max_output = 100000,
      stdout = { add } })
    assert.equal(helper.pattern(300000), table.concat(chunks))
    assert.is_nil(result.stdout)
  end)

  it("goes together with on_stdout, several functions and captured", function()
    local seen = {}
    local function note(name)
      return function(piece) seen[#seen + 1] = name .. piece end
    end
    local process = assert(noshell.run_async { "printf", "a\nb\n", on_stdout = note "on ",
      stdout = { "capture", { note "line ", by = "line" }, note "data " } })
    assert.equal("a\nb\n", assert(process:wait()).stdout)
    table.sort(seen)
    assert.same({ "data a\nb\n", "line a", "line b", "on a", "on b" }, seen)
    assert.equal("a\nb\n", process:captured "stdout")
    process:close()
    process = assert(noshell.run_async { "true", stdout = { note "" } })
    local _, text = pcall(process.captured, process, "stdout")
    assert.matches("captured: the stdout of this process is not captured$", text)
    process:close()
    process = assert(noshell.run_async { "true", stdout = { "inherit" } })
    _, text = pcall(process.captured, process, "stdout")
    assert.matches("captured: the stdout of this process is not captured$", text)
    process:close()
  end)

  it("raises the error of a function, and ends the program", function()
    local ok, err = pcall(noshell.run, { "yes", stdout = { function() error("stop", 0) end } })
    assert.same({ false, "stop" }, { ok, err })
  end)

  it("is part of the last command of a pipeline, and of its options", function()
    helper.with_tmpdir(function(dir)
      local list = { "capture", { path = dir .. "/log" } }
      assert.equal("x", noshell.pipeline({ "echo", "x" }, { "cat", stdout = list }):output())
      assert.equal("x\n", helper.read_file(dir .. "/log"))
      assert.equal("y", noshell.pipeline { { "echo", "y" }, { "cat" }, stdout = list }:output())
      assert.equal("y\n", helper.read_file(dir .. "/log"))
      local _, err = noshell.pipeline({ "echo", "x", stdout = list }, { "cat" }):run()
      assert.equal("invalid", err.code)
      assert.truthy(helper.said(err):find("its stdout is the pipe to the next command", 1, true))
    end)
  end)

  it("is a clone's, too, and the last setting counts", function()
    local cmd = noshell.command("echo", "x"):set_stdout { { path = "/dev/full" } }
    assert.equal("io", select(2, cmd:clone():run()).code)
    assert.equal("x", cmd:set_stdout("capture"):output())
    assert.equal("x\n", cmd:set_stdout({ "capture" }):run().stdout)
    assert.equal("list", cmd:stdio(1))
  end)

  it("conflicts with functions that use stdout themselves, and with exec and daemons", function()
    local begin = "noshell: invalid command 'true': "
    local function refused(name, ...)
      local value, err = noshell[name](...)
      assert.is_nil(value)
      assert.equal("invalid", err.code)
      return helper.said(err):sub(#begin + 1)
    end
    assert.equal('set_stdout(list): output returns stdout: add "capture" to the list',
      refused("output", { "true", stdout = { "inherit" } }))
    assert.equal("set_stdout(capture): system returns no output: use run or output",
      refused("system", { "true", stdout = { "inherit", "capture" } }))
    assert.equal("set_stdout(list): popen uses stdout itself",
      refused("popen", { "true", stdout = { "inherit" } }))
    assert.equal("set_stdout: a list of targets cannot be used with exec: no parent remains at "
      .. "its other end", refused("exec", { "true", stdout = { "inherit" } }))
    assert.equal("set_stdout: a list of targets cannot be used with daemonize: the daemon has no "
      .. "parent at its other end", refused("run", { "true", stdout = { { path = "/dev/null" } },
        daemonize = true }))
    assert.equal('set_stdout(list): on_stdout needs stdout captured: add "capture" to the list, '
      .. "or the function itself", refused("run", { "true", stdout = { "inherit" },
        on_stdout = print }))
  end)

  it("is visible in a dry run, where its functions get the reply", function()
    local dry = noshell.dry_run(function() return "text\n" end)
    local seen = {}
    local function note(data) seen[#seen + 1] = data end
    local list = { note, { path = "/no/such/file" }, "inherit" }
    local result = assert(noshell.run { "x", stdout = list })
    assert.is_nil(result.stdout)
    list[1] = "capture"
    assert.equal("text\n", assert(noshell.run { "x", stdout = list }).stdout)
    dry:stop()
    assert.same({ "text\n" }, seen)
    assert.same(note, dry:calls()[1].stdout[1])
    assert.same({ "capture", { path = "/no/such/file" }, "inherit" }, dry:calls()[2].stdout)
    dry = noshell.dry_run()
    local file = { path = "/x", mode = "0600", exclusive = true, read = true, append = true }
    assert(noshell.run { "x", stdout = file, stderr = { path = "/y", mode = "640" } })
    dry:stop()
    assert.same(file, dry:calls()[1].stdout)
    assert.same({ path = "/y", mode = "0640" }, dry:calls()[1].stderr)
  end)
end)

describe("noshell.tee of a function", function()
  helper.leak_check()

  it("goes together with on_stdout, and with system", function()
    local seen, chunks = {}, {}
    local function note(data) seen[#seen + 1] = data end
    local tee = noshell.tee(note)
    tee:on_stdout { function(data) chunks[#chunks + 1] = data end, by = "chunk" }
    assert.equal("x", noshell.pipeline({ "echo", "x" }, tee):output())
    assert.equal("x\n x\n", table.concat(seen) .. " " .. table.concat(chunks))
    for target, expected in pairs { null = "nil", capture = "x\n" } do
      seen = {}
      local result = assert(noshell.pipeline { { "echo", "x" }, noshell.tee(note),
        stdout = target }:run())
      assert.equal("x\n " .. expected, table.concat(seen) .. " " .. tostring(result.stdout))
    end
    local run = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      local size = 0
      assert(noshell.system(noshell.pipeline({ "echo", "x" },
        noshell.tee(function(data) size = size + #data end))))
      print(size)
    ]])
    assert.equal("x\n2\n", run.out .. run.err)
  end)
end)
