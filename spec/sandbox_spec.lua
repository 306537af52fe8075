-- What a sandboxed program may touch, on every launch path. spec/sandbox_escape_spec.lua
-- attacks it; stages_spec has the failures.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys
local able = noshell.features().sandbox

local function need_all()
  helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
    "Landlock (version 6) and libseccomp")
end

--- The state of a process that a sandbox of its child must not change.
local function own_state()
  local status = helper.read_file "/proc/thread-self/status"
  return status:match "NoNewPrivs:%s*(%d+)" .. status:match "Seccomp:%s*(%d+)"
    .. tostring(sys.dumpable())
end

describe("a sandboxed program", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("reads the system's directories, and nothing else", function()
      need_all()
      helper.with_tmpdir(function(dir)
        helper.write_file(dir .. "/file", "text")
        assert(noshell.run { "cat", "/etc/passwd", sandbox = true })
        local result, err = noshell.run { "cat", dir .. "/file", sandbox = {} }
        assert.is_nil(result)
        assert.matches("Permission denied", err.result.stderr)
        assert(noshell.run { "cat", dir .. "/file", sandbox = { read = { "@system", dir } } })
      end)
    end)

    it("writes to the paths of `write` only", function()
      need_all()
      helper.with_tmpdir(function(dir)
        local function touch(sandbox)
          return noshell.run { "touch", dir .. "/new", sandbox = sandbox }
        end
        assert.is_nil((touch {}))
        assert.is_nil((touch { read = { "@system", dir } }))
        assert(touch { write = { dir } })
        assert(noshell.run { "rm", dir .. "/new", sandbox = { write = dir } })
      end)
    end)

    it("is started with the host's state unchanged", function()
      need_all()
      local got = forked(function()
        local before = own_state()
        local result = assert(noshell.run { "cat", "/proc/self/status",
          sandbox = { syscalls = "default" } })
        return { before = before, after = own_state(),
          theirs = result.stdout:match "NoNewPrivs:%s*(%d+)"
            .. result.stdout:match "Seccomp:%s*(%d+)" }
      end)
      assert.equal(got.before, got.after)
      assert.equal("12", got.theirs)
    end)

    it("is reported with the means of each part", function()
      need_all()
      local process = assert(noshell.run_async { "true", sandbox = { syscalls = "default" } })
      local landlock = "landlock " .. able.landlock
      local expected = { read = landlock, exec = landlock, write = landlock,
        signals = landlock, network = "seccomp", unix = "seccomp", syscalls = "seccomp" }
      assert.same(expected, process.sandbox)
      assert.same(expected, assert(process:wait()).sandbox)
      assert.equal(path == "launcher" and "launcher" or path, process.launch)
      process:close()
      assert.same(expected, process.sandbox)
      assert.is_nil(assert(noshell.run "true").sandbox)
    end)
  end)
end)

describe("the paths of a sandbox", function()
  helper.leak_check()

  local function read(path, sandbox, cwd)
    return noshell.run { "cat", path, sandbox = sandbox, cwd = cwd }
  end

  it("are relative to cwd, and may be optional", function()
    need_all()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/file", "text")
      assert(read("file", { read = { "@system", "file" } }, dir))
      assert(read("file", { read = { "@system", "." } }, dir))
      assert(read("file", { read = { "@system", { "none", optional = true }, "file" } }, dir))
      local result, err = read("file", { read = { "@system", "none" } }, dir)
      assert.is_nil(result)
      assert.equal(dir .. "/none", err.subject)
      assert.equal("spawn sandbox_files ENOENT", err.code .. " " .. err.stage .. " "
        .. err.errname)
    end)
  end)

  it("name files, not names: another file at the same path needs another ruleset", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local sandbox = { read = { "@system", dir .. "/file" } }
      for i = 1, 3 do
        helper.write_file(dir .. "/new", "text " .. i)
        os.rename(dir .. "/new", dir .. "/file")
        assert.equal("text " .. i, assert(read(dir .. "/file", sandbox)).stdout)
      end
    end)
  end)

  it("lift the restriction if they are true", function()
    need_all()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/file", "text")
      local result = assert(read(dir .. "/file", { read = true }))
      assert.is_nil(result.sandbox.read)
      assert.is_nil((read(dir .. "/file", { write = true })))
      assert(noshell.run { "mv", dir .. "/file", dir .. "/other",
        sandbox = { write = true, read = true } })
    end)
  end)

  it("always include the program, its interpreters and its loader", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local nothing = { read = {}, exec = {} }
      local copy = helper.write_file(dir .. "/copy", helper.read_file(helper.probe), "755")
      assert(noshell.run { copy, "--exit", 0, sandbox = nothing })
      local inner = helper.write_file(dir .. "/inner", "#!" .. copy .. " --exit 0\n", "755")
      local outer = helper.write_file(dir .. "/outer", "#!" .. inner .. "\n", "755")
      assert(noshell.run { outer, sandbox = nothing, check = false })
      -- The loader is executed; the libraries are not allowed.
      local result, err = noshell.run { "true", sandbox = nothing }
      assert.is_nil(result)
      assert.equal("exit 127", err.code .. " " .. err.result.exit_code)
      assert.matches("error while loading shared libraries", err.result.stderr)
    end)
  end)

  it("do not include the interpreter of another script", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local copy = helper.write_file(dir .. "/copy", helper.read_file(helper.probe), "755")
      require("lfs").mkdir(dir .. "/bin")
      local script = helper.write_file(dir .. "/bin/script", "#!" .. copy .. " --exit 0\n",
        "755")
      local sandbox = { exec = { "@system", dir .. "/bin" } }
      local result, err = noshell.run { "env", script, sandbox = sandbox }
      assert.is_nil(result)
      assert.matches("Permission denied", err.result.stderr)
      sandbox.exec[3] = copy
      assert(noshell.run { "env", script, sandbox = sandbox })
    end)
  end)
end)

describe("a sandbox", function()
  helper.leak_check()

  local STATUS = { "cat", "/proc/self/status" }

  local function is_confined(status)
    return status:match "Seccomp:%s*(%d)" == "2" and status:match "NoNewPrivs:%s*(%d)" == "1"
  end

  it("belongs to each command of a pipeline", function()
    need_all()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/file", "text")
      local free, confined = { "cat", dir .. "/file" }, { "cat", "-", dir .. "/file",
        sandbox = true, check = false }
      local result = assert(noshell.pipeline(free, confined):run())
      assert.equal("text", result.stdout)
      assert.is_nil(result.stages[1].sandbox)
      assert.equal("seccomp", result.stages[2].sandbox.network)
    end)
  end)

  it("is that of a daemon, and of a program after a handshake", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local daemon = assert(noshell.run_async { "cat", "/proc/self/status", daemonize = true,
        stdout = { path = dir .. "/out" }, sandbox = {}, pid_file = dir .. "/pid" })
      assert.equal("seccomp", daemon.sandbox.network)
      daemon:close()
      local cmd = noshell.command(STATUS[1], STATUS[2]):require_handshake():set_sandbox {}
      local process = assert(cmd:run_async())
      assert(process:handshake_wait(10))
      assert.is_nil(process.sandbox)
      assert(process:handshake_notify())
      local result = assert(process:wait())
      assert.is_true(is_confined(result.stdout))
      assert.equal("seccomp", result.sandbox.network)
    end)
  end)

  it("works with another user, capabilities, limits and a hook", function()
    need_all()
    helper.require_or_pending("root", sys.getuid() == 0, "root")
    for _, more in ipairs { { uid = 12345, gid = 12345 }, { caps = {} }, { caps = { "kill" } },
      { limits = { nofile = 20 } }, { pre_exec_hook = function() return true end } } do
      more[1], more[2] = STATUS[1], STATUS[2]
      more.sandbox = { syscalls = "default" }
      local result = assert(noshell.run(more))
      assert.is_true(is_confined(result.stdout))
      if more.uid then assert.matches("Uid:%s*12345", result.stdout) end
    end
  end)

  it("is that of a program that replaces this one; a failed exec leaves no trace", function()
    need_all()
    local got = forked(function()
      local before = own_state()
      local _, err = noshell.command { "/none", sandbox = {} }:exec()
      return { before = before, after = own_state(), stage = err.stage }
    end)
    assert.equal("exec", got.stage)
    assert.equal(got.before, got.after)
    local replaced = helper.run_lua(helper.lua, [[
      require "noshell".exec { "cat", "/proc/self/status", sandbox = {} }]])
    assert.is_true(is_confined(replaced.out))
  end)

  it("holds a program on a terminal, which may use it", function()
    need_all()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/file", "text")
      local process = assert(noshell.run_async { "sh", "-c",
        "read -r word; echo got $word; cat " .. dir .. "/file; test -t 0 && tty",
        pty = { echo = false }, sandbox = { syscalls = "default" }, check = false })
      process.pty:write "hello\n"
      assert.equal("got hello", process.pty:read "l")
      assert.matches("Permission denied", process.pty:read "l")
      assert.matches("^/dev/pts/%d+$", process.pty:read "l")
      assert.equal(true, assert(process:wait()).ok)
      process:close()
    end)
  end)

  it("is in the calls of a dry run, as it was given", function()
    local given = { write = { "/srv" }, network = { connect = { 443 } } }
    local dry = noshell.dry_run()
    local _ = noshell.run { "true", sandbox = given }
    given.write[1] = "/"
    local _ = noshell.run { "true", sandbox = true }
    dry:stop()
    assert.same({ write = { "/srv" }, network = { connect = { 443 } } }, dry:calls()[1].sandbox)
    assert.same({}, dry:calls()[2].sandbox)
  end)

  it("is copied with the command, and replaced by another one", function()
    need_all()
    local cmd = noshell.command("true"):set_sandbox { network = true }
    local copy = cmd:clone()
    cmd:set_sandbox(true)
    assert.equal("seccomp", assert(cmd:run()).sandbox.network)
    assert.is_nil(assert(copy:run()).sandbox.network)
  end)
end)

describe("the kept rulesets", function()
  helper.leak_check()

  local function rulesets()
    local lfs, found = require "lfs", {}
    for name in lfs.dir "/proc/self/fd" do
      local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
      if target == "anon_inode:[landlock-ruleset]" then found[#found + 1] = tonumber(name) end
    end
    return found
  end

  it("are eight at most", function()
    need_all()
    helper.with_tmpdir(function(dir)
      for i = 1, 20 do
        local path = helper.write_file(dir .. "/" .. i, "text " .. i)
        local out = assert(noshell.run { "cat", path, sandbox = { read = { "@system", path } } })
        assert.equal("text " .. i, out.stdout)
      end
      assert.is_true(#rulesets() <= 8)
    end)
  end)

  it("are not used if the host has closed them and reused their numbers", function()
    need_all()
    local got = forked(function()
      assert(noshell.run { "true", sandbox = true })
      local numbers = rulesets()
      for _, fd in ipairs(numbers) do sys.close(fd) end
      local file = assert(io.open "/dev/null")
      local result, err = noshell.run { "ls", "/root", sandbox = true }
      local text = err and err.result and err.result.stderr or tostring(err or result)
      local still = file:read(0) == nil
      return { count = #numbers, text = text, still = still }
    end)
    assert.is_true(got.count > 0)
    assert.matches("Permission denied", got.text)
    assert.is_true(got.still)
  end)
end)

describe("README.md", function()
  it("lists the groups of system calls", function()
    local core = require "noshell.core"
    local text = helper.read_file(helper.root .. "/README.md")
    for _, group in ipairs(core.sandbox_groups()) do
      local calls = {}
      for i, name in ipairs(group) do calls[i] = "`" .. name .. "`" end
      local row = ("| `%s` | %s: %s |"):format(group.name, group.description,
        table.concat(calls, ", "))
      assert.truthy(text:find(row, 1, true), row)
    end
  end)
end)

describe("the recipes", function()
  helper.leak_check()
  local sandboxed = require "spec.examples.sandboxed"

  it("convert an image, and hold a converter that does more", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local lfs = require "lfs"
      lfs.mkdir(dir .. "/bin")
      lfs.mkdir(dir .. "/job")
      helper.write_file(dir .. "/upload", "image")
      helper.write_file(dir .. "/bin/convert", '#!/bin/sh\necho x >"$1"\ncat "$1" >"$2"\n',
        "755")
      local path = os.getenv "PATH"
      sys.setenv("PATH", dir .. "/bin:" .. path)
      local result = assert(sandboxed.convert(dir .. "/upload", dir .. "/job"))
      sys.setenv("PATH", path)
      assert.matches("Permission denied", result.stderr)
      assert.equal("image", helper.read_file(dir .. "/upload"))
      assert.equal("image", helper.read_file(dir .. "/job/image.jpg"))
    end)
  end)

  it("build in a tree", function()
    need_all()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/Makefile", "all:\n\techo made >made\n\t./tool\n")
      helper.write_file(dir .. "/tool", "#!/bin/sh\nexec true\n", "755")
      assert(sandboxed.build(dir))
      assert.equal("made\n", helper.read_file(dir .. "/made"))
    end)
  end)

  it("parse a log, or say that no cgroup was delegated", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local path = helper.write_file(dir .. "/log", "1.1.1.1 a\n2.2.2.2 b\n1.1.1.1 c\n")
      local result, err = sandboxed.parse(path)
      if able.cgroup then
        assert.matches("2 1%.1%.1%.1", result.stdout)
      else
        assert.equal("sandbox_cgroup memory", err.stage .. " " .. err.subject)
        assert.matches("delegated to this process", tostring(err))
      end
    end)
  end)

  it("run a script that may not write", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local path = helper.write_file(dir .. "/script.lua",
        'print(io.read "l", io.open("/tmp/x", "w"), os.getenv "HOME")\n')
      assert.matches("^in\tnil\tnil", assert(sandboxed.script(path, "in\n")))
    end)
  end)
end)
