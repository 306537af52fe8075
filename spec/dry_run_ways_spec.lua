-- Dry runs by every way that starts a program.
local dry = require "spec.support.dry"
local helper = require "spec.support.helper"
local noshell = require "noshell"

describe("in a dry run every way to start a program", function()
  helper.leak_check()

  local ways = {
    run = function() return noshell.run("frob", "x").stdout end,
    run_async = function()
      local process = noshell.run_async("frob", "x")
      local text = process:wait().stdout
      process:close()
      return text
    end,
    output = function() return noshell.output("frob", "x") .. "\n" end,
    lines = function()
      local text = {}
      for line in noshell.lines("frob", "x") do text[#text + 1] = line end
      return table.concat(text, "|") .. "\n"
    end,
    system = function()
      assert.same({ true, "exit", 0 }, { noshell.system("frob", "x") })
    end,
    popen = function()
      local file = noshell.popen("frob", "x")
      local text = file:read("a")
      assert.same({ true, "exit", 0 }, { file:close() })
      return text
    end,
    exec = function()
      local ok, err = pcall(noshell.exec, "frob", "x")
      assert.is_false(ok)
      assert.same({ "replaced", "frob x" }, { err.code, err.command })
      assert.equal("noshell: 'frob x' has replaced this process, in a dry run", helper.said(err))
    end,
    pipeline = function() return noshell.pipeline({ "frob", "x" }):run().stdout end,
    map = function()
      return noshell.map({ "x" }, function(word) return { "frob", word } end)[1].stdout
    end,
    retry = function() return noshell.retry({ "frob", "x" }).stdout end,
    ["command:run"] = function() return noshell.command("frob", "x"):run().stdout end,
    ["command:run_async"] = function()
      local process = noshell.command("frob", "x"):run_async()
      local text = process:wait(5).stdout
      process:close()
      return text
    end,
    ["command:output"] = function() return noshell.command("frob", "x"):output() .. "\n" end,
    ["command:lines"] = function() return noshell.command("frob", "x"):lines("L")() end,
    ["command:records"] = function()
      return noshell.command("frob", "x"):records("\n")() .. "\n"
    end,
    ["command:exec"] = function()
      assert.is_false((pcall(noshell.command("frob", "x").exec, noshell.command("frob", "x"))))
    end,
  }

  for name, way in pairs(ways) do
    it("calls the handler: " .. name, function()
      dry.with(dry.echo, function(run)
        assert.equal("x\n", way() or "x\n")
        assert.same({ "frob x" }, run:commands())
      end)
    end)
  end

  it("starts no process", function()
    local text = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      local _, err = noshell.run("true")
      assert(err.errname == "EPERM", tostring(err))
      local dry = noshell.dry_run()
      local spec = { "true" }
      local function each(process) process:wait() process:close() end
      assert(noshell.run(spec).ok and noshell.output(spec) and noshell.system(spec))
      each(noshell.run_async(spec))
      for _ in noshell.lines(spec) do error "a line" end
      assert(noshell.popen(spec):close() and noshell.popen(spec, "w"):close())
      assert(noshell.pipeline(spec, { "cat" }, noshell.tee("/nowhere/file")):run())
      each(noshell.pipeline(spec, { "cat" }):run_async())
      assert(noshell.map({ 1, 2 }, function() return spec end))
      assert(noshell.retry(spec))
      local a, b = noshell.run_async(spec), noshell.run_async(spec)
      assert(noshell.wait_any { a, b } == a and #noshell.wait_all { a, b } == 2)
      a:close() b:abort() b:close()
      each(noshell.run_async { "true", daemonize = true, pid_file = "/nowhere/pid" })
      assert(noshell.run { "true", pre_exec_hook = function() error "oops" end })
      assert(noshell.run { "true", uid = 65534, caps = {}, cwd = "/nowhere" })
      assert(not pcall(noshell.exec, spec))
      assert(noshell.which("sh") and noshell.features().launch == "dry")
      dry:stop()
      assert(not noshell.run("true"))
      io.write(#dry:commands())
      io.stdout:flush()
    ]], nil, { deny = "clone:EPERM,clone3:EPERM,fork:EPERM,vfork:EPERM,"
      .. "execve:EPERM,execveat:EPERM" })
    assert.equal("", text.err)
    assert.equal("21", text.out)
  end)

  it("does not change functions that run no program", function()
    dry.with(error, function()
      assert.truthy(noshell.which("sh"):find("/", 1, true))
      local _, err = noshell.which("nosuchprogram")
      assert.equal("ENOENT", err.errname)
      assert.equal("'a b'", noshell.quote("a b"))
    end)
  end)
end)

describe("a process of a dry run", function()
  helper.leak_check()

  it("has streams that read the reply", function()
    dry.with(dry.replies { stdout = "a\nb\nc", stderr = "e" }, function()
      local process = noshell.run_async { "frob", stdout = "pipe", stderr = "pipe" }
      assert.equal("a", process.stdout:read())
      assert.equal("b\n", process.stdout:read("L"))
      assert.equal("e", process.stderr:read("a"))
      assert.equal("c", process.stdout:read("a"))
      assert.is_nil(process.stdout:read())
      assert.is_nil(process:wait().stdout)
      process:close()
    end)
  end)

  it("has streams that are ready at once", function()
    local core = require "noshell.core"
    dry.with(dry.replies "x\n", function()
      local process = noshell.run_async { "frob", stdin = "pipe", stdout = "pipe" }
      for name, events in pairs { stdin = "w", stdout = "r" } do
        assert.is_true(core.poll(process[name]:pollfd(), process[name]:events(), 5))
        local set = assert(core.pollset())
        assert(set:watch { process[name]:fileno(), events })
        assert.is_true(core.poll(set:pollfd(), "r", 5))
        set:close()
      end
      assert.equal(0, process:timeout())
      assert.is_true(process:pump())
      assert.is_nil(process:timeout())
      process:close()
    end)
  end)

  it("keeps the data written to its stdin, and requests the reply afterwards", function()
    dry.with(dry.replies(dry.echo), function(run)
      local process = noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" }
      assert.is_nil(run:calls()[1].input)
      assert(process.stdin:write("first\n", 2, "\n"))
      process.stdin:close()
      assert.equal("first\n2\n", process.stdout:read("a"))
      process:close()
      assert.equal("first\n2\n", run:calls()[1].input)
    end)
  end)

  it("has its input even if its output is not read", function()
    dry.with(nil, function(run)
      local file = noshell.popen({ "lpr" }, "w")
      file:write("page ", 1)
      file:close()
      local process = noshell.run_async { "lpr", stdin = "pipe" }
      process.stdin:write("page 2")
      process:close()
      assert.same({ "page 1", "page 2" }, { run:calls()[1].input, run:calls()[2].input })
    end)
  end)

  it("raises errors of the reply's function when it is waited for", function()
    dry.with(dry.replies(function() error("oops", 0) end), function(run)
      local process = noshell.run_async { "cat", stdin = "pipe" }
      assert.error_matches(function() process:wait() end, "^oops$")
      process:close()
      assert.error(function() run:verify() end)
    end)
    dry.with(dry.replies(function() return { error = "ENOENT" } end), function()
      local process = noshell.run_async { "cat", stdin = "pipe" }
      assert.error_matches(function() process:wait() end, "but it has started already")
      process:close()
    end)
  end)

  it("passes lines on, keeps a tail, and chomps CR LF", function()
    dry.with(dry.replies { stdout = "a\r\nb\r\n", stderr = "x" }, function()
      local told = {}
      local function tell(line) told[#told + 1] = line end
      local result = noshell.run { "frob", on_stdout = tell, on_stderr = tell, crlf = true }
      assert.same({ "a", "b", "x" }, told)
      assert.equal("a\r\nb\r\n", result.stdout)
      result = noshell.run { "frob", tail = 3 }
      assert.same({ "b\r\n", 3 }, { result.stdout, result.stdout_dropped })
      assert.error_matches(function()
        noshell.run { "frob", on_stdout = function() error("oops", 0) end }
      end, "^oops$")
    end)
  end)

  it("reads everything from an input function, and raises its errors", function()
    dry.with(dry.echo, function()
      local i = 0
      local result = noshell.run { "cat", input = function()
        i = i + 1
        return i <= 3 and tostring(i) or nil
      end }
      assert.equal("123", result.stdout)
      assert.equal("ab", noshell.output { "cat", input = { "a", "b" } })
      local process = noshell.run_async { "cat", input = function() error("oops", 0) end }
      assert.error_matches(function() process:wait() end, "^oops$")
      process:close()
      -- A program that reads an endless input stops at some time.
      assert.truthy(#noshell.output { "head",
        input = function() return ("x"):rep(2 ^ 22) end } >= 2 ^ 22)
    end)
  end)

  it("reads and closes the stream of another process", function()
    dry.with(dry.echo, function(run)
      local first = noshell.run_async { "echo", "abc", stdout = "pipe" }
      assert.equal("abc", noshell.output { "cat", stdin = first.stdout })
      assert.is_true(first.stdout:closed())
      first:close()
      assert.equal("abc\n", run:calls()[2].input)
    end)
  end)

  it("writes both outputs to one target", function()
    local reply = dry.replies { stdout = "out\n", stderr = "err\n" }
    assert.equal("out\nerr\n", dry.with(reply, function()
      return noshell.run { "frob", stderr = "stdout" }.stdout
    end))
  end)

  it("touches no file, and runs no hook", function()
    helper.with_tmpdir(function(dir)
      local path = helper.write_file(dir .. "/kept", "before")
      dry.with(dry.replies "after", function(run)
        local result = assert(noshell.run { "frob", stdout = { path = path },
          stderr = { path = dir .. "/new", append = true }, stdin = { path = "/nowhere" },
          pre_exec_hook = function() error("the hook ran") end,
          cwd = "/nowhere", daemonize = true, pid_file = dir .. "/pid" })
        assert.is_nil(result.stdout)
        assert.same({ path = path }, run:calls()[1].stdout)
      end)
      assert.equal("before", helper.read_file(path))
      assert.is_nil(io.open(dir .. "/new"))
      assert.is_nil(io.open(dir .. "/pid"))
    end)
  end)

  it("closes descriptors passed with close_parent, as a start does", function()
    dry.with(nil, function(run)
      local kept, given = assert(io.tmpfile()), assert(io.tmpfile())
      assert(noshell.command("frob"):pass_fd(kept, { as = 7 })
        :pass_fd(given, { as = 8, close_parent = true }):run())
      assert.equal("file", io.type(kept))
      assert.equal("closed file", io.type(given))
      kept:close()
      assert.same({ true, true },
        { run:calls()[1].pass_fds[7] ~= nil, run:calls()[1].pass_fds[8] ~= nil })
    end)
  end)

  it("has a handshake in the usual order", function()
    dry.with(nil, function()
      local process = noshell.run_async { "frob", require_handshake = true }
      local _, err = process:handshake_notify()
      assert.equal("call handshake_wait first", err.reason)
      _, err = process:wait()
      assert.matches("handshake_notify was not called", err.reason)
      assert.is_true(process:handshake_wait(5))
      assert.is_true(process:handshake_wait())
      assert.is_true(process:handshake_notify())
      _, err = process:handshake_notify()
      assert.equal("the handshake is over already", err.reason)
      assert.is_true(process:wait().ok)
      process:close()
      process = noshell.run_async "frob"
      _, err = process:handshake_wait()
      assert.equal("require_handshake was not called", err.reason)
      process:close()
    end)
  end)

  it("runs until it is pumped, and records its signals", function()
    dry.with(nil, function(run)
      local process = noshell.run_async "server"
      assert.is_true(process:kill "HUP")
      assert.is_true(process:kill())
      assert.same({ 1, 15 }, run:calls()[1].signals)
      assert.is_true(process:poll().ok)
      local _, err = process:kill()
      assert.equal("ESRCH", err.errname)
      process:close()
      process = noshell.run_async "server"
      process:abort()
      assert.equal("TERM", select(2, process:wait()).result.signal)
      process:close()
      assert.is_true(process:closed())
    end)
  end)

  it("can be detached and forgotten", function()
    dry.with(nil, function()
      noshell.run_async({ "frob", stdin = "pipe", stdout = "pipe" }):detach()
      noshell.run_async { "frob", stdin = "pipe", stdout = "pipe" }
      noshell.run_async { "frob", daemonize = true }:close()
    end)
  end)

  it("can be used after the dry run", function()
    local process = dry.with(dry.replies "x\n", function()
      return noshell.run_async { "frob", stdout = "pipe" }
    end)
    assert.equal("x", process.stdout:read())
    assert.is_true(process:wait().ok)
    process:close()
  end)
end)
