-- The README's Gotchas, each under its own words.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys
local unpack = table.unpack or unpack

describe("noshell", function()
  helper.leak_check()

  it("no shell reads the words", function()
    local out = noshell.run("printf", "%s\n", "*.txt", "$HOME", "|", ">", "a b",
      "'", "`id`")
    assert.equal("*.txt\n$HOME\n|\n>\na b\n'\n`id`\n", out.stdout)
  end)

  it("a list between other values keeps all its items", function()
    local files = { "a", "b" }
    assert.equal("a b c", noshell.output { "echo", files, "c", cwd = "/" })
    assert.equal("a c", noshell.output { "echo", unpack(files), "c", cwd = "/" })
  end)

  it("the program is looked up in our PATH", function()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/only-here", "#!/bin/sh\n", "755")
      local result, err = noshell.run { "only-here", env = { PATH = dir } }
      assert.is_nil(result)
      assert.equal("find_program", err.stage)
      local found = noshell.run { "spec/../README.md", cwd = dir }
      assert.is_nil(found)
    end)
  end)

  it("the first variable that a setter names drops the others", function()
    local only = noshell.command("env"):add_env_pair("A", "1")
    assert.equal("A=1", only:output())
    local kept = noshell.command("env"):add_env_pair("A", "1"):inherit_env()
    assert.truthy(kept:output():find "PATH=")
    local spec = noshell.output { "env", env = { A = "1" } }
    assert.truthy(spec:find "PATH=" and spec:find "A=1")
  end)

  it("a grandchild that keeps the pipe keeps us waiting", function()
    local r, w = sys.pipe()
    local result, err = noshell.run { helper.probe, "--say", "done",
      "--spawn-grandchild", r, pass_fds = { r }, timeout = 0.2, grace = 0.1 }
    assert.is_nil(result)
    assert.equal("timeout", err.code)
    assert.is_true(err.result.output_incomplete)
    assert.equal("done\n", err.result.stdout)
    sys.close(r)
    sys.close(w)
  end)

  it("a timeout ends the descendants that can be found", function()
    local r, w = sys.pipe()
    sys.cloexec(w, false)
    local _, err = noshell.run { "sh", "-c", "(sleep 30 & sleep 30); sleep 30",
      timeout = 0.2, grace = 0.2, pass_fds = { w } }
    assert.equal("timeout", err.code)
    _, err = noshell.run { "sh", "-c", "(sleep 30 &) ; exit 0", timeout = 0.2,
      grace = 0.2, pass_fds = { w }, new_process_group = true }
    assert.equal("timeout", err.code)
    sys.close(w)
    -- Everybody who had the other end is gone.
    assert.equal("", sys.read(r, 1))
    sys.close(r)
  end)

  it("a call that never returns ends its program", function()
    local core = require "noshell.core"
    local reader, writer = core.pipe()
    local previous = noshell.host.use(function() coroutine.yield() end)
    coroutine.wrap(function() noshell.run { helper.probe, "--pause", stdout = writer } end)()
    noshell.host.use(previous)
    writer:close()
    -- A trace that LuaJIT has recorded just then would keep the coroutine alive.
    if jit then jit.flush() end
    collectgarbage()
    collectgarbage()
    assert.is_true(core.poll(reader:fileno(), "r", 10))
    reader:close()
  end)

  it("a forgotten process runs on", function()
    local r, w = sys.pipe()
    local process = noshell.run_async { helper.probe, "--block-on", r,
      pass_fds = { r } }
    local pid = process.pid
    process = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.truthy(sys.kill(pid, 0))
    sys.close(r)
    sys.close(w)
    for _ = 1, 5000 do
      if not sys.kill(pid, 0) then break end
      sys.sleep(0.001)
    end
    assert.is_nil((sys.kill(pid, 0)))
  end)

  it("a fork of this process has no processes", function()
    local process = noshell.run_async { "cat", stdin = "pipe" }
    local got = forked(function()
      local _, err = process:wait()
      return { code = err.code, out = noshell.output("echo", "x") }
    end)
    assert.equal("closed x", got.code .. " " .. got.out)
    process:close()
  end)

  it("a program that waits for our stdin pipe waits until it is closed", function()
    local process = noshell.run_async { "cat", stdin = "pipe" }
    local _, err = process:wait(0.05)
    assert.equal("timeout", err.code)
    process.stdin:close()
    assert.is_true(process:wait().ok)
    process:close()
    process = noshell.run_async { helper.probe, "--out", 1000000, stdout = "pipe" }
    _, err = process:wait(0.05)
    assert.equal("timeout", err.code)
    assert.equal(1000000, #process.stdout:read "a")
    assert.is_true(process:wait().ok)
    process:close()
  end)

  it("captured output has a cap", function()
    local _, err = noshell.run { "yes", max_output = 1000 }
    assert.equal("output_limit", err.code)
    assert.equal(1000, #err.result.stdout)
    local all = noshell.run { helper.probe, "--out", 70 * 1024 * 1024,
      max_output = math.huge }
    assert.equal(70 * 1024 * 1024, #all.stdout)
  end)

  it("an error that is raised ends what the call started", function()
    local from, to = sys.pipe()
    local before = noshell.host.use(function() error("cancelled", 0) end)
    local ok, err = pcall(noshell.run, { helper.probe, "--fork", "--pause", "--end",
      "--pause", pass_fds = { to } })
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local _, raised = pcall(process.wait, process)
    noshell.host.use(before)
    assert.is_false(ok)
    assert.equal("cancelled cancelled", err .. " " .. raised)
    sys.close(to)
    assert.is_true(sys.poll(from, "r", 0))
    sys.close(from)
    process.stdin:close()
    assert.is_true(process:wait(60).ok)
    process:close()
  end)

  local able = noshell.features().sandbox
  local function need_sandbox()
    helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
      "Landlock (version 6) and libseccomp")
  end

  it("a sandboxed program has no temporary directory", function()
    need_sandbox()
    -- The leak check, which cannot run in a sandbox, changes the exit status of mktemp.
    if os.getenv "NOSHELL_INSTRUMENTED" == "asan" then pending "needs no sanitizer" end
    local _, err = noshell.run { "mktemp", sandbox = true }
    assert.matches("Permission denied", err.result.stderr)
    helper.with_tmpdir(function(dir)
      assert(noshell.run { "mktemp", env = { TMPDIR = dir }, sandbox = { write = dir } })
    end)
    _, err = noshell.run { "touch", "/dev/shm/x", sandbox = true }
    assert.matches("Permission denied", err.result.stderr)
    assert(noshell.run { "dd", "if=/dev/urandom", "of=/dev/null", "count=1", sandbox = true })
  end)

  it("a list of paths hides the libraries", function()
    need_sandbox()
    local _, err = noshell.run { "true", sandbox = { read = { "/srv" }, exec = {} } }
    assert.equal(127, err.result.exit_code)
    assert(noshell.run { "true", sandbox = { read = { "@system", "/srv" } } })
  end)

  it("names are not resolved through single ports", function()
    need_sandbox()
    local _, err = noshell.run { "getent", "ahosts", "example.invalid",
      sandbox = { network = { connect = { 443 } } } }
    assert.equal(2, err.result.exit_code)
    assert(noshell.run { "cat", "/etc/resolv.conf", sandbox = { network = true } })
  end)

  it("an older kernel cannot enforce all of a sandbox", function()
    need_sandbox()
    local got = forked(function()
      sys.setenv("NOSHELL_LANDLOCK", 2)
      local _, err = noshell.run { "true", sandbox = true }
      local result = assert(noshell.run { "true",
        sandbox = { require = { "read", "write", "exec", "network" } } })
      return { stage = err.stage, signals = tostring(result.sandbox.signals) }
    end)
    assert.equal("sandbox_files false", got.stage .. " " .. got.signals)
  end)

  it("a private /tmp hides the program's files there", function()
    need_sandbox()
    helper.with_tmpdir(function(dir)
      if not dir:find "^/tmp/" then pending "the directory is not below /tmp" end
      local path = helper.write_file(dir .. "/script", "#!/bin/sh\necho run\n", "755")
      local private = { tmp = true }
      local _, err = noshell.run { "true", sandbox = { private = private } }
      helper.require_or_pending("namespaces", err == nil, tostring(err))
      _, err = noshell.run { path, sandbox = { private = private } }
      assert.equal("exec ENOENT", err.stage .. " " .. err.errname)
      _, err = noshell.run { "true", cwd = dir, sandbox = { private = private } }
      assert.equal("set_working_directory ENOENT", err.stage .. " " .. err.errname)
      assert.equal("run\n", assert(noshell.run { "sh", input = "echo run",
        sandbox = { private = private } }).stdout)
    end)
  end)

  it("a closed standard stream is inherited as /dev/null", function()
    local saved = sys.dup(0)
    sys.close(0)
    local result = noshell.run { helper.probe, stdin = "inherit" }
    sys.dup2(saved, 0)
    sys.close(saved)
    assert.equal("/dev/null", helper.probe_report(result.stdout).fd[0].target)
  end)

  it("another user brings its own groups", function()
    helper.require_or_pending("root", sys.getuid() == 0, "root")
    assert.equal("1", noshell.output { "id", "-G", uid = 1, gid = 1 })
    assert.equal("1 7", noshell.output { "id", "-G", uid = 1, gid = 1, groups = { 7 } })
    assert.equal(noshell.output("id", "-G", "nobody"),
      noshell.output { "id", "-G", user = "nobody" })
  end)

  it("a hook runs in a copy of this process", function()
    local touched = "here"
    assert(noshell.run { "true", pre_exec_hook = function()
      touched = "there"
    end })
    assert.equal("here", touched)
  end)

  it("max_rss includes our own peak", function()
    local result = noshell.run(helper.tiny)
    local own = helper.read_file("/proc/self/status"):match "VmHWM:%s*(%d+)"
    assert.is_true(result.max_rss > 0)
    -- Ours is tens of times what a static program that does nothing has.
    assert.is_true(tonumber(own) * 1024 > 500 * 1024)
  end)

  it("assert shows no error object on Lua 5.1", function()
    local ok, err = pcall(assert, noshell.run("no-such-program"))
    assert.is_false(ok)
    assert.truthy(tostring(err))
  end)
end)
