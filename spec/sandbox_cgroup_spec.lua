-- The cgroup of a sandbox: birth in it, the end of all that is in it, its removal. The limits
-- need controllers, which spec/vm/sandbox.lua has.
local cgroup = require "spec.support.cgroup"
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local sys = helper.sys
local able = noshell.features().sandbox

local function need_all()
  helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
    "Landlock (version 6) and libseccomp")
end

--- Calls fn with the place, and checks that nothing is left in it.
local function with_place(fn)
  need_all()
  cgroup.with(function(place)
    fn(place)
    local left
    for _ = 1, 100 do
      collectgarbage()
      left = cgroup.children(place)
      if #left == 0 then break end
      noshell.sleep(0.01)
    end
    assert.same({}, left)
  end)
end

--- Returns true if the process is gone, or a zombie.
local function is_gone(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  local stat = file and file:read "*a" or ""
  if file then file:close() end
  return stat == "" or stat:match "%) Z" ~= nil
end

--- A command whose descendant leaves the session and all pipes; prints its pid. `rest`: what
--- the program does then.
local function leaver(place, rest, descendant)
  return { "sh", "-c", ("setsid sh -c %s </dev/null >/dev/null 2>&1 & echo $!; %s"):format(
    helper.quoted { descendant or "exec sleep 60" }, rest),
    sandbox = { cgroup = place } }
end

describe("the cgroup of a sandbox", function()
  helper.leak_check()

  helper.each_path(function()
    it("has the program from its birth, and is removed", function()
      with_place(function(place)
        for _, more in ipairs { {}, { uid = sys.getuid() }, { new_session = true },
          { pre_exec_hook = function() return true end } } do
          more[1], more[2], more.sandbox = "cat", "/proc/self/cgroup", { cgroup = place }
          local result = assert(noshell.run(more))
          assert.matches("/spec%-[%d-]+/noshell%-%d+%-%d+$", cgroup.of(result.stdout))
          assert.equal("cgroup", result.sandbox.cgroup)
          assert.is_nil(result.out_of_memory)
          assert.same({}, cgroup.children(place))
        end
      end)
    end)
  end)

  it("has a daemon, which keeps it until the next start", function()
    with_place(function(place)
      helper.with_tmpdir(function(dir)
        helper.run { "mkfifo", dir .. "/fifo" }
        local daemon = assert(noshell.run_async { "sh", "-c", "cat /proc/self/cgroup; read x <" ..
          dir .. "/fifo", daemonize = true, stdout = { path = dir .. "/out" },
          sandbox = { cgroup = place, read = { "@system", dir } } })
        daemon:close()
        local name = cgroup.children(place)[1]
        helper.write_file(dir .. "/fifo", "end\n")
        while not is_gone(daemon.pid) do noshell.sleep(0.005) end
        assert.equal(name, cgroup.of(helper.read_file(dir .. "/out")):match "[^/]*$")
        assert(noshell.run { "true", sandbox = { cgroup = place } })
      end)
    end)
  end)

  it("has a program after a handshake", function()
    with_place(function(place)
      local process = assert(noshell.command("cat", "/proc/self/cgroup"):require_handshake()
        :set_sandbox { cgroup = place }:run_async())
      assert(process:handshake_wait(10))
      assert(process:handshake_notify())
      assert.matches("/noshell%-", cgroup.of(assert(process:wait()).stdout))
      assert.same({}, cgroup.children(place))
      process = assert(noshell.command("true"):require_handshake()
        :set_sandbox { cgroup = place }:run_async())
      process:close()
    end)
  end)

  it("is joined by the child if the kernel cannot clone into it", function()
    with_place(function(place)
      for _, deny in ipairs { "clone3", "clone3:EPERM", "clone3:EINVAL", "clone3:KILL" } do
        for _, path in ipairs { "shared", "launcher" } do
          local got = helper.run_lua(helper.lua, ([[
            local result = assert(require "noshell".run { "cat", "/proc/self/cgroup",
              sandbox = { cgroup = "%s" } })
            print(result.stdout, result.sandbox.cgroup)]]):format(place),
            { NOSHELL_LAUNCH = path }, { deny = deny })
          assert.equal("", got.err, deny)
          assert.matches("/noshell%-%d+%-%d+\n\tcgroup", got.out, deny)
        end
      end
    end)
  end)

  it("belongs to each command of a pipeline", function()
    with_place(function(place)
      local cat = { "cat", "/proc/self/cgroup", "-", sandbox = { cgroup = place } }
      local out = assert(noshell.pipeline(cat, cat):run()).stdout
      local names = {}
      for name in out:gmatch "noshell[%d-]+" do names[name] = true end
      assert.is_true(next(names) ~= nil and next(names, (next(names))) ~= nil)
    end)
  end)

  it("is removed after a failed start, and by close, detach and garbage collection", function()
    with_place(function(place)
      local sleep = { "sleep", "60", sandbox = { cgroup = place } }
      local _, err = noshell.run { "/none", sandbox = { cgroup = place } }
      assert.equal("exec", err.stage)
      _, err = noshell.run { "true", cwd = "/none", sandbox = { cgroup = place } }
      assert.equal("set_working_directory", err.stage)
      assert.same({}, cgroup.children(place))
      assert(noshell.run_async(sleep)):close()
      assert.same({}, cgroup.children(place))
      assert(noshell.run_async { "true", sandbox = { cgroup = place } }):detach()
      local process = assert(noshell.run_async(sleep))
      local pid = process.pid
      assert(process:kill "KILL")
      process = nil -- luacheck: ignore
      collectgarbage()
      while not is_gone(pid) do noshell.sleep(0.005) end
    end)
  end)

  it("is left alone by a fork of this process", function()
    with_place(function(place)
      local process = assert(noshell.run_async { "cat", stdin = "pipe",
        sandbox = { cgroup = place } })
      forked(function()
        process:close()
        collectgarbage()
        return {}
      end)
      assert.equal(1, #cgroup.children(place))
      process.stdin:close()
      assert(process:wait())
    end)
  end)
end)

describe("what a program leaves behind in its cgroup", function()
  helper.leak_check()

  it("is killed when it has ended", function()
    with_place(function(place)
      local result = assert(noshell.run(leaver(place, "true")))
      assert.is_true(is_gone(result.stdout:match "%d+"))
      assert.is_nil(result.unreached)
      assert.same({}, cgroup.children(place))
    end)
  end)

  it("is killed also if nobody waits", function()
    with_place(function(place)
      local cmd = leaver(place, "true")
      helper.with_tmpdir(function(dir)
        cmd.stdout = { path = dir .. "/out" }
        local process = assert(noshell.run_async(cmd))
        local pid = process.pid
        process:detach()
        while not is_gone(pid) do noshell.sleep(0.005) end
        local left = helper.read_file(dir .. "/out"):match "%d+"
        while not is_gone(left) do noshell.sleep(0.005) end
      end)
    end)
  end)

  it("keeps us waiting while it holds the output", function()
    with_place(function(place)
      local result = assert(noshell.run { "sh", "-c", "(sleep 0.05; echo late) & echo early",
        sandbox = { cgroup = place } })
      assert.equal("early\nlate\n", result.stdout)
    end)
  end)

  for what, descendant in pairs { ["a daemon"] = "exec sleep 60",
    ["a stopped one"] = "kill -STOP $$; exec sleep 60",
    ["one that ignores TERM"] = "trap '' TERM; sleep 60; sleep 60" } do
    it("is ended by a timeout: " .. what, function()
      with_place(function(place)
        local cmd = leaver(place, "exec sleep 60", descendant)
        cmd.timeout, cmd.grace = 0.1, 0.1
        local _, err = noshell.run(cmd)
        assert.equal("timeout", err.code)
        assert.is_true(is_gone(err.result.stdout:match "%d+"))
        assert.is_nil(err.result.unreached)
      end)
    end)
  end

  --- Returns the pid of the sleep with that argument; nil if there is none.
  local function sleeper(argument)
    for name in lfs.dir "/proc" do
      local file = name:find "^%d+$" and io.open("/proc/" .. name .. "/cmdline")
      local line = file and file:read "*a" or ""
      if file then file:close() end
      if line == "sleep\0" .. argument .. "\0" then return tonumber(name) end
    end
  end

  local sleeps = 0

  --- Ends a program whose daemon has left session, pipes and parent; returns the argument of
  --- the daemon's sleep.
  local function abort_daemonised(sandbox)
    sleeps = sleeps + 1
    local argument = ("61.%d%02d"):format(sys.getpid(), sleeps)
    local process = assert(noshell.run_async { "sh", "-c", "(setsid sleep " .. argument
      .. " >/dev/null 2>&1 &); echo ready; exec sleep 60", stdout = "pipe", sandbox = sandbox })
    assert.equal("ready", process.stdout:read "l")
    process:close()
    return argument
  end

  it("is reached by an abort only with a cgroup or a pid namespace: a daemonised one", function()
    with_place(function(place)
      assert.is_nil(sleeper(abort_daemonised { cgroup = place }))
      if noshell.run { "true", sandbox = { private = { pid = true } } } then
        assert.is_nil(sleeper(abort_daemonised { private = { pid = true } }))
      end
      local left = abort_daemonised {}
      local pid = sleeper(left)
      for _ = 1, 1000 do
        if pid then break end
        noshell.sleep(0.005)
        pid = sleeper(left)
      end
      assert.is_true(sys.kill(assert(pid), "KILL"))
    end)
  end)

  it("gets the signals of kill(…, 'tree')", function()
    with_place(function(place)
      helper.with_tmpdir(function(dir)
        local cmd = leaver(place, "trap '' USR1; echo set; exec sleep 60",
          ("trap 'echo got >>%s/got; exit' USR1; sleep 60 & echo >%s/ready; wait"):format(dir, dir))
        cmd.sandbox.write = dir
        cmd.stdout = "pipe"
        local process = assert(noshell.run_async(cmd))
        local left = process.stdout:read "l"
        assert.equal("set", process.stdout:read "l")
        while not lfs.attributes(dir .. "/ready") do noshell.sleep(0.005) end
        assert(process:kill("USR1", "tree"))
        while not is_gone(left) do noshell.sleep(0.005) end
        -- A child of the shell that has not executed sleep yet has the trap, too.
        assert.matches("^got\n", helper.read_file(dir .. "/got"))
        process:close()
      end)
    end)
  end)
end)

describe("the place of a cgroup", function()
  helper.leak_check()

  local function failure(sandbox)
    local result, err = noshell.run { "true", sandbox = sandbox }
    assert.is_nil(result)
    assert.equal("spawn sandbox_cgroup", err.code .. " " .. err.stage)
    return err
  end

  it("must be a cgroup, with the controllers", function()
    need_all()
    assert.matches("/none: ENOENT", tostring(failure { cgroup = "/none" }))
    local err = failure { cgroup = "/tmp", pids = 5 }
    assert.matches("'pids': /tmp is not the directory of a cgroup", tostring(err))
    assert.matches('; require = "best" does without', tostring(err))
    local result = assert(noshell.run { "true", sandbox = { cgroup = "/tmp", memory = "64M",
      require = "best" } })
    assert.equal("false false", tostring(result.sandbox.cgroup) .. " "
      .. tostring(result.sandbox.memory))
    assert.matches("^/tmp is not", result.sandbox.unenforced.memory)
  end)

  it("may lack a controller, which is reported", function()
    with_place(function(place)
      if helper.read_file(place .. "/cgroup.controllers"):find "memory" then
        pending "needs a place without controllers"
      end
      assert.matches("'memory': the controller 'memory' is not available in " ..
        place:gsub("%p", "%%%0"), tostring(failure { cgroup = place, memory = 1e8 }))
      local result = assert(noshell.run { "true", sandbox = { cgroup = place, cpu = 1,
        require = { "cgroup" } } })
      assert.equal("cgroup false", result.sandbox.cgroup .. " " .. tostring(result.sandbox.cpu))
      assert.matches("controller 'cpu'", result.sandbox.unenforced.cpu)
    end)
  end)

  --- Runs f in a child of this process that is in the cgroup.
  local function inside(place, f)
    return forked(function()
      helper.write_file(place .. "/cgroup.procs", tostring(sys.getpid()))
      return f()
    end)
  end

  it("is one that was delegated to us: the parent of our own", function()
    with_place(function(place)
      local root = place:match "^(.*)/"
      if root ~= "/sys/fs/cgroup" and root ~= "/sys/fs/cgroup/unified" then pending "no root" end
      lfs.mkdir(place .. "/main")
      local function report()
        local result, err = noshell.run { "cat", "/proc/self/cgroup", sandbox = { pids = 9 } }
        return { able = noshell.features().sandbox.cgroup, text = tostring(err),
          out = result and result.stdout }
      end
      local got = inside(place .. "/main", report)
      assert.is_false(got.able)
      assert.matches("no cgroup was delegated to this process", got.text)
      assert.matches("systemd%-run .*Delegate=yes", got.text)
      assert(sys.setxattr(place, "user.delegate", "1"))
      got = inside(place .. "/main", report)
      assert.is_true(got.able)
      assert.is_true(got.text:find "the controller 'pids' is not available in " ~= nil
        or got.out:find "/noshell%-" ~= nil)
      got = inside(place, report)
      assert.is_false(got.able)
      assert.matches("limits nothing below a cgroup that has processes", got.text)
      lfs.rmdir(place .. "/main")
    end)
  end)

  it("may be delegated to an ordinary user", function()
    with_place(function(place)
      helper.require_or_pending("root", sys.getuid() == 0, "root")
      lfs.mkdir(place .. "/main")
      for _, file in ipairs { "", "/cgroup.procs", "/cgroup.subtree_control" } do
        assert(sys.chown(place .. file, 12345, 12345))
      end
      local cmd = leaver(place, "cat /proc/self/cgroup")
      local got = inside(place .. "/main", function()
        assert(sys.become(12345, 12345))
        local result, err = noshell.run(cmd)
        return { text = tostring(err), out = result and result.stdout,
          left = #cgroup.children(place) }
      end)
      assert.equal("nil", got.text)
      assert.matches("/noshell%-", cgroup.of(got.out))
      assert.is_true(is_gone(got.out:match "^%d+"))
      assert.equal(1, got.left)
      got = forked(function()
        assert(sys.become(12345, 12345))
        local _, err = noshell.run { "true", sandbox = { cgroup = place } }
        return { stage = err and err.stage, errname = err and err.errname, text = tostring(err) }
      end)
      assert.equal("sandbox_cgroup EACCES", tostring(got.stage) .. " " .. tostring(got.errname))
      assert.matches("no delegated cgroup contains both it and this process",
        got.text)
      lfs.rmdir(place .. "/main")
    end)
  end)

  it("is swept of what killed hosts have left, and of nothing in use", function()
    with_place(function(place)
      lfs.mkdir(place .. "/noshell-1-1")
      lfs.mkdir(place .. "/others")
      local process = assert(noshell.run_async { "sleep", "60", sandbox = { cgroup = place } })
      assert(noshell.run { "true", sandbox = { cgroup = place } })
      local names = cgroup.children(place)
      assert.equal(2, #names)
      process:close()
      assert.same({ "others" }, cgroup.children(place))
      lfs.rmdir(place .. "/others")
    end)
  end)
end)

describe("a limit of a sandbox", function()
  it("cannot be used with exec", function()
    local _, err = noshell.exec { "true", sandbox = { memory = "64M" } }
    assert.equal("invalid", err.code)
    assert.matches("cannot be used with exec: no parent remains to remove the cgroup",
      tostring(err))
  end)

  it("is in the calls of a dry run, whose reply may exceed it", function()
    local dry = noshell.dry_run(function() return { out_of_memory = true, stderr = "big" } end)
    local _, err = noshell.run { "parse", sandbox = { memory = "256M", pids = 3, cpu = 0.5 } }
    dry:stop()
    assert.same({ memory = "256M", pids = 3, cpu = 0.5 }, dry:calls()[1].sandbox)
    assert.equal("memory 256M KILL", err.code .. " " .. err.subject .. " " .. err.result.signal)
    assert.equal("noshell: 'parse' was ended by the kernel: it used more than the 256M of "
      .. "memory that its sandbox allows: big", helper.said(err))
  end)
end)
