-- The private parts of a sandbox, as root and as an ordinary user, who needs a user
-- namespace.
local cgroup = require "spec.support.cgroup"
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local sys = helper.sys
local able = noshell.features().sandbox
local is_root = sys.getuid() == 0
local ALL = { tmp = true, pid = true, network = true, hide = { "/usr/share/doc" } }

-- Programs that inherit the runtime of the sanitizers would write their reports, perhaps into
-- the new /tmp.
local options = os.getenv "NOSHELL_INSTRUMENTED" == "asan" and os.getenv "ASAN_OPTIONS"
if options then
  setup(function() sys.setenv("ASAN_OPTIONS", "detect_leaks=0:verify_asan_link_order=0") end)
  teardown(function() sys.setenv("ASAN_OPTIONS", options) end)
end

local function need_all()
  helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
    "Landlock (version 6) and libseccomp")
  local result, err = noshell.run { "true", sandbox = { private = ALL } }
  helper.require_or_pending("namespaces", result ~= nil, "namespaces: " .. tostring(err))
end

--- Runs words in a sandbox with these private parts; returns stdout, or raises the error.
local function output(private, words, more)
  words.sandbox = { private = private }
  for key, value in pairs(more or {}) do
    if key == "sandbox" then
      for name, part in pairs(value) do words.sandbox[name] = part end
    else
      words[key] = value
    end
  end
  return assert(noshell.run(words)).stdout
end

--- Declares a spec for root and one for an ordinary user; f returns what check(got) checks.
local function each_user(name, f, check)
  for _, user in ipairs { false, 12345 } do
    it(name .. (user and ", for an ordinary user" or ""), function()
      need_all()
      if user then helper.require_or_pending("root", is_root, "root") end
      local got = forked(function()
        if user then assert(sys.become(user, user)) end
        return { f() }
      end)
      assert.equal("", got.stderr)
      check(got["1"], got["2"], got["3"])
    end)
  end
end

local function is_gone(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  local stat = file and file:read "*a" or ""
  if file then file:close() end
  return stat == "" or stat:match "%) Z" ~= nil
end

--- Returns true if a process that is no zombie has the word in its command line.
local function is_running(word)
  for name in lfs.dir "/proc" do
    local file = name:find "^%d+$" and io.open("/proc/" .. name .. "/cmdline")
    local line = file and file:read "*a" or ""
    if file then file:close() end
    if line:find(word, 1, true) then return true end
  end
  return false
end

describe("a private /tmp", function()
  helper.leak_check()

  each_user("is empty, can be written to, and does not last", function()
    local script = "ls -A /tmp /var/tmp; echo x >/tmp/f; cat /tmp/f; echo y >/var/tmp/g; pwd"
    return output({ tmp = true }, { "sh", "-c", script }),
      output({ tmp = true }, { "sh", "-c", script }),
      output({ tmp = true }, { "sh", "-c", "echo y >/usr/x || echo no" })
  end, function(first, second, third)
    local here = lfs.currentdir()
    local where = here:find "^/tmp" and "/" or here
    assert.equal("/tmp:\n\n/var/tmp:\nx\n" .. where .. "\n", first)
    assert.equal(first, second)
    assert.equal("no\n", third)
  end)

  it("does not execute, unless `exec` allows it", function()
    need_all()
    local script = "cp /bin/true /tmp/t; /tmp/t && echo ran"
    local _, err = noshell.run { "sh", "-c", script, sandbox = { private = { tmp = true } } }
    assert.equal(126, err.result.exit_code)
    assert.equal("ran\n", output({ tmp = true }, { "sh", "-c", script },
      { sandbox = { exec = true } }))
  end)

  it("hides what the host has there, also below the working directory", function()
    need_all()
    helper.with_tmpdir(function(dir)
      if not dir:find "^/tmp/" then pending "the directory is not below /tmp" end
      helper.write_file(dir .. "/file", "secret")
      local open = { sandbox = { read = true, write = true } }
      assert.equal("secret",
        output({ hide = { "/usr/share/doc" } }, { "cat", dir .. "/file" }, open))
      local _, err = noshell.run { "cat", dir .. "/file",
        sandbox = { read = true, write = true, private = { tmp = true } } }
      assert.matches("No such file", err.result.stderr)
      local got = forked(function()
        assert(lfs.chdir(dir))
        return { out = output({ tmp = true }, { "sh", "-c", "pwd; cat file" },
          { sandbox = { read = true }, check = false }) }
      end)
      assert.equal("/\n", got.out)
      _, err = noshell.run { "true", cwd = dir, sandbox = { private = { tmp = true } } }
      assert.equal("set_working_directory ENOENT", err.stage .. " " .. err.errname)
    end)
  end)
end)

describe("a hidden path", function()
  helper.leak_check()

  each_user("is empty for the program, which cannot undo that", function()
    local hide = { "/usr/share/doc", "/etc/passwd", { "/none", optional = true } }
    return output({ hide = hide }, { "sh", "-c",
      "ls -A /usr/share/doc; cat /etc/passwd; umount /usr/share/doc || umount -l /etc/passwd || "
      .. "unshare -Urm umount /usr/share/doc || mount --bind /usr /mnt || echo held" }),
      output({ hide = hide }, { "sh", "-c", "touch /usr/share/doc/x || echo no" },
        { sandbox = { write = true } })
  end, function(out, written)
    assert.equal("held\n", out)
    assert.equal("no\n", written)
    assert.is_true(#helper.read_file "/etc/passwd" > 0)
  end)

  it("is resolved as the paths of `read` are", function()
    need_all()
    helper.with_tmpdir(function(dir)
      lfs.mkdir(dir .. "/sub")
      helper.write_file(dir .. "/sub/file", "secret")
      lfs.link(dir .. "/sub", dir .. "/link", true)
      local cat = { "sh", "-c", "cat link/file sub/file || echo hidden", cwd = dir }
      assert.equal("hidden\n", output({ hide = { "link" } }, cat, { sandbox = { read = true } }))
      for _, path in ipairs { "none", "/" } do
        local _, err = noshell.run { "true", cwd = dir,
          sandbox = { private = { hide = { path } } } }
        assert.equal("sandbox_private", err.stage)
        assert.equal(path == "/" and "/" or dir .. "/none", err.subject)
      end
    end)
  end)

  it("is held against an attacker who may read and write everything else", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local escape = helper.fixtures .. "/escape"
      local host = assert(noshell.run_async { escape, "--host", dir, stdin = "pipe",
        stdout = "pipe" })
      local words = { escape, dir }
      for word in host.stdout:read("l"):gmatch "%d+" do words[#words + 1] = word end
      words.sandbox = { read = true, write = true, private = { pid = true,
        hide = { dir .. "/out" } } }
      local out = assert(noshell.run(words)).stdout
      host.stdin:close()
      assert(host:wait())
      host:close()
      for name, held in pairs { uncover = true, ["read-file"] = true, ["host-visible"] = true,
        ["host-kill"] = true, ["host-root"] = true, ["host-memory"] = true, look = true,
        ["fork-bomb"] = false } do
        local outcome = out:match("\n" .. name:gsub("%-", "%%-") .. " (%S+)")
        assert.equal(held, outcome ~= "escaped", name .. ": " .. tostring(outcome))
      end
    end)
  end)
end)

describe("a private pid namespace", function()
  helper.leak_check()

  each_user("has the program's processes only", function()
    return output({ pid = true }, { "sh", "-c", "echo $$ /proc/[0-9]*" })
  end, function(out)
    assert.equal("2 /proc/1 /proc/2\n", out)
  end)

  each_user("ends with the program", function()
    local marker = "60.0" .. sys.getpid()
    output({ pid = true }, { "sh", "-c",
      "setsid sleep " .. marker .. " >/dev/null 2>&1 & echo started" })
    return is_running(marker)
  end, function(runs) assert.is_false(runs) end)

  it("leaves status, signals and pid of the program as they are", function()
    need_all()
    local sandbox = { private = { pid = true } }
    local _, err = noshell.run { "sh", "-c", "exit 7", sandbox = sandbox }
    assert.equal(7, err.result.exit_code)
    local process = assert(noshell.run_async { "sleep", "60", sandbox = sandbox })
    assert.equal("launcher", process.launch)
    assert.equal("sleep\0" .. "60\0",
      helper.read_file("/proc/" .. process.pid .. "/cmdline"))
    assert(process:kill "TERM")
    _, err = process:wait()
    assert.equal("signal TERM", err.code .. " " .. err.result.signal)
    _, err = noshell.run { "sleep", "60", timeout = 0.05, sandbox = sandbox }
    assert.equal("timeout TERM", err.code .. " " .. err.result.signal)
    process = assert(noshell.run_async { "sleep", "60", sandbox = sandbox })
    process:close()
    assert.is_true(is_gone(process.pid))
  end)

  it("reaps its orphans", function()
    need_all()
    assert.equal("none\n", output({ pid = true }, { "sh", "-c",
      "for i in 1 2 3; do (true & exit) & done; wait; "
      .. "while grep -qs 'State:.Z' /proc/[0-9]*/status; do :; done; echo none" },
      { timeout = 20 }))
  end)

  it("kills at a timeout what has left the session and ignores TERM", function()
    need_all()
    local process = assert(noshell.run_async { "sh", "-c",
      "setsid sh -c 'trap \"\" TERM; while :; do sleep 60; done' >/dev/null 2>&1 & "
      .. "echo started; exec sleep 60", timeout = 0.1, grace = 0.1,
      sandbox = { private = { pid = true } } })
    local _, err = process:wait()
    assert.equal("timeout", err.code)
    assert.is_nil(err.result.unreached)
    process:close()
  end)

  it("works with a session, a terminal, a group, a pipeline and streams", function()
    need_all()
    local ids = "cut -d ' ' -f 1,5,6 /proc/$$/stat"
    local pid = { pid = true }
    assert.equal("2 2 2\n", output(pid, { "sh", "-c", ids }, { new_session = true }))
    assert.equal("2 2 0\n", output(pid, { "sh", "-c", ids }, { new_process_group = true }))
    assert.matches("^2 2 2\r?\nhi\r?\n", noshell.run { "sh", "-c", ids .. "; echo hi >/dev/tty",
      pty = true, sandbox = { read = true, write = true, private = pid } }.stdout)
    assert.equal("a\nb\n", output(pid, { "sort" }, { input = "b\na\n" }))
    local sort = { "sort", "-u", sandbox = { private = pid } }
    local cat = { "cat", input = "b\nb\na\n", sandbox = { private = { pid = true, tmp = true } } }
    assert.equal("a\nb\n", assert(noshell.pipeline(cat, sort):run()).stdout)
  end)

  it("works with a daemon, whose pid file has its pid here", function()
    need_all()
    helper.with_tmpdir(function(dir)
      helper.run { "mkfifo", dir .. "/fifo" }
      local daemon = assert(noshell.run_async { "sh", "-c", "echo $$; read x <" .. dir .. "/fifo",
        daemonize = true, pid_file = dir .. "/pid", stdout = { path = dir .. "/out" },
        sandbox = { read = { "@system", dir }, private = { pid = true } } })
      assert.equal(daemon.pid .. "\n", helper.read_file(dir .. "/pid"))
      helper.write_file(dir .. "/fifo", "end\n")
      while not is_gone(daemon.pid) do noshell.sleep(0.005) end
      assert.equal("2\n", helper.read_file(dir .. "/out"))
      daemon:close()
    end)
  end)

  it("is a conflict with what needs a copy of this process", function()
    for key, value in pairs { pre_exec_hook = function() return true end,
      require_handshake = true, process_group = 1, run_among = sys.getpid() } do
      local _, err = noshell.run { "true", [key] = value, sandbox = { private = { pid = true } } }
      assert.equal("invalid", err.code, key)
      assert.matches("cannot be used with private%.pid", tostring(err))
    end
    local _, err = noshell.exec { "true", sandbox = { private = { tmp = true } } }
    assert.matches("a private sandbox cannot be used with exec", tostring(err))
  end)
end)

describe("a private network", function()
  helper.leak_check()

  each_user("has a loopback interface, and nothing else", function()
    return output({ network = true }, { "sh", "-c",
      "sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev" }, { sandbox = { network = true } }),
      output({ network = true }, { helper.lua.name, "-e", [[
        for line in io.lines "/proc/net/if_inet6" do
          if line:find " lo$" then print "up" end
        end]] }, { check = false, sandbox = { network = true } })
  end, function(names, up)
    assert.equal("lo\n", names)
    assert.equal("up\n", up)
  end)
end)

describe("private parts", function()
  helper.leak_check()

  for _, path in ipairs { "launcher", "own" } do
    it("work on the path " .. path .. ", and are reported", function()
      need_all()
      helper.with_path(path, function()
        local process = assert(noshell.run_async { "true",
          sandbox = { private = { tmp = true, hide = { "/usr/share/doc" }, network = true } } })
        assert.equal(path, process.launch)
        assert.equal("namespaces", assert(process:wait()).sandbox.private)
      end)
    end)
  end

  it("work with another user, capabilities, limits, system calls and a cgroup", function()
    need_all()
    helper.require_or_pending("root", is_root, "root")
    for _, more in ipairs { { uid = 12345, gid = 12345 }, { caps = {} },
      { limits = { nofile = 16 } }, { new_session = true } } do
      more[1], more[2], more[3] = "sh", "-c", "ls -A /tmp; cat /proc/self/status"
      more.sandbox = { syscalls = "default", private = ALL }
      local out = assert(noshell.run(more)).stdout
      assert.equal("2 1", out:match "Seccomp:%s*(%d)" .. " " .. out:match "NoNewPrivs:%s*(%d)")
      if more.uid then assert.matches("Uid:%s*12345", out) end
    end
    cgroup.with(function(place)
      local out = output(ALL, { "cat", "/proc/self/cgroup" }, { sandbox = { cgroup = place } })
      assert.matches("/noshell%-", cgroup.of(out))
      local result = assert(noshell.run { "sh", "-c", "setsid sleep 60 >/dev/null 2>&1 &",
        sandbox = { cgroup = place, private = ALL } })
      assert.is_nil(result.unreached)
      assert.same({}, cgroup.children(place))
    end)
  end)

  it("work after a hook", function()
    need_all()
    assert.equal("", output({ tmp = true }, { "ls", "-A", "/tmp" },
      { pre_exec_hook = function() return true end }))
  end)

  it("leave the host as it was", function()
    need_all()
    local got = forked(function()
      local function state()
        local links = {}
        for i, name in ipairs { "mnt", "pid", "pid_for_children", "net", "user" } do
          links[i] = lfs.symlinkattributes("/proc/self/ns/" .. name, "target")
        end
        return table.concat(links, " ") .. tostring(sys.dumpable())
          .. helper.read_file "/proc/self/mounts"
      end
      local before = state()
      output(ALL, { "true" })
      return { same = before == state() }
    end)
    assert.is_true(got.same)
  end)

  --- Runs in a new Lua, and returns its output.
  local function run_denied(rules, sandbox)
    local got = helper.run_lua(helper.lua, ([[
      local result, err = require "noshell".run { "true", sandbox = %s }
      print(err and err.stage, err and err.subject, err and tostring(err))
      print(result and tostring(result.sandbox.private), result and
        result.sandbox.unenforced and result.sandbox.unenforced.private)]]):format(sandbox),
      nil, { deny = rules })
    assert.equal("", got.err)
    return got.out
  end

  it("make the start fail if they are denied, or are reported", function()
    need_all()
    for _, case in ipairs {
      { "unshare:EPERM", "{ tmp = true }", "private", "denies namespaces or mounts" },
      { "unshare:EPERM", "{ pid = true }", "private", "denies namespaces or mounts" },
      { "mount:EPERM", "{ tmp = true }", "/tmp", "denies namespaces or mounts" },
      { "mount:EPERM", "{ pid = true }", "/proc", "denies namespaces or mounts" },
      { "execveat:ENOSYS", "{ pid = true }", "private", "needs the launcher" },
    } do
      local out = run_denied(case[1], "{ private = " .. case[2] .. " }")
      assert.matches("^sandbox_private\t", out, case[1])
      assert.matches(case[4], out, case[1])
      out = run_denied(case[1], "{ require = 'best', private = " .. case[2] .. " }")
      assert.matches("^nil\tnil\tnil\nfalse\t", out, case[1])
      assert.matches(case[4], out, case[1])
    end
  end)

  it("do not need pidfd_open", function()
    need_all()
    for _, how in ipairs { "EPERM", "ENOSYS", "KILL" } do
      local got = helper.run_lua(helper.lua, [[
        print(assert(require "noshell".run { "sh", "-c", "exec echo run",
          sandbox = { private = { pid = true } } }).stdout)]], nil,
        { deny = "pidfd_open:" .. how })
      assert.equal("run\n\n", got.out .. got.err, how)
    end
  end)

  it("leave nothing behind if descriptors run out", function()
    need_all()
    local got = forked(function()
      output(ALL, { "true" })
      assert(sys.limit("nofile", 64, 64))
      local held, runs, names = {}, 0, {}
      local fd = sys.dup(0)
      while fd do
        held[#held + 1] = fd
        fd = sys.dup(0)
      end
      for _ = 1, 24 do
        local result, err = noshell.run { "true", sandbox = { private = ALL } }
        if result then runs = runs + 1 else names[#names + 1] = err.errname end
        if #held > 0 then sys.close(table.remove(held)) end
      end
      return { runs = runs, zombies = #helper.zombies(),
        others = table.concat(names, " "):gsub("EMFILE ?", "") }
    end)
    assert.equal(0, got.zombies)
    assert.equal("", got.others)
    assert.is_true(got.runs > 0)
  end)

  it("say what an ordinary user lacks", function()
    need_all()
    helper.require_or_pending("root", is_root, "root")
    for errname, reason in pairs { ENOSPC = "user%.max_user_namespaces",
      EPERM = "may not make namespaces" } do
      local got = forked(function()
        assert(sys.become(12345, 12345))
        assert(sys.deny("unshare:" .. errname))
        local _, err = noshell.run { "true", sandbox = { private = { tmp = true } } }
        return { stage = err.stage, errname = err.errname, reason = err.reason }
      end)
      assert.equal("sandbox_private " .. errname, got.stage .. " " .. got.errname)
      assert.matches(reason, got.reason)
    end
  end)

  it("are in the calls of a dry run", function()
    local dry = noshell.dry_run()
    local _ = noshell.run { "true", sandbox = { private = { tmp = true, hide = "/srv" } } }
    dry:stop()
    assert.same({ private = { tmp = true, hide = "/srv" } }, dry:calls()[1].sandbox)
  end)
end)
