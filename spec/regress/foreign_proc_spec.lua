-- The pids in a /proc of another pid namespace were used in our own, where they name
-- other processes: ending a tree killed those. Such a /proc is not used any more, and
-- descendants that were not signalled are reported.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

--- Returns true if `unshare FLAGS` works here.
local function needs_unshare(flags)
  helper.require_or_pending("caps", helper.run({ "unshare", flags, "true" }).status == 0,
    "unshare " .. flags)
end

--- Runs a script in new namespaces, after a command of sh.
local function run_apart(flags, setup, script, ...)
  local words = { "unshare", flags, "sh", "-c", setup .. ' && exec "$@"', "sh" }
  local options = { wrap = words, args = { ... } }
  return helper.run_lua(helper.lua, script, { PROBE = helper.probe }, options)
end

--- Returns the result of abort for a program with a child, without a usable /proc. The
--- child ends with its pipe.
local abort_script = [[
  local noshell, sys = require "noshell", require "testsys"
  local probe = os.getenv "PROBE"
  local from, to = sys.pipe()
  local hold, release = sys.pipe()
  local grouped = arg[1] == "group"
  local process = assert(noshell.run_async { probe, "--fork", "--block-on", hold, "--end",
    "--say", "ready", "--pause", stdout = "pipe", pass_fds = { hold, to },
    new_process_group = grouped })
  sys.close(to)
  assert(process.stdout:read() == "ready")
  local ok, err = process:abort()
  local _, why = process:wait()
  print(ok, err.code, err.stage, err.errname)
  print(err)
  print(why.result.unreached)
  print("child gone", sys.poll(from, "r", grouped and 5000 or 0))
  sys.close(release)
  sys.poll(from, "r", 5000)
  _, err = noshell.run { probe, "--pause", timeout = 0.05, grace = 0.05 }
  print(err)
  process = assert(noshell.run_async { probe, "--pause" })
  print(process:close(), process:closed())
]]

local function lines_of(result)
  local lines = {}
  for line in result.out:gmatch "[^\n]+" do lines[#lines + 1] = line end
  assert(#lines > 0, result.err)
  return lines
end

describe("without a /proc", function()
  helper.leak_check()

  local reason = "its descendants were not signalled: /proc cannot be read"

  it("ending a program reports that its descendants were not reached", function()
    needs_unshare "-m"
    local lines = lines_of(run_apart("-m", "mount -t tmpfs none /proc", abort_script))
    assert.equal("nil\tio\tabort\tENOENT", lines[1])
    assert.matches("^noshell: cannot abort all of '.*': " .. reason .. " %(ENOENT%) %(.*:%d+%)$",
      lines[2])
    assert.equal(reason, lines[3])
    assert.equal("child gone\tfalse", lines[4])
    assert.matches("timed out and was ended after %S+ s; " .. reason, lines[5])
    assert.equal("nil\ttrue", lines[6])
  end)

  it("its process group is ended nevertheless", function()
    needs_unshare "-m"
    local lines = lines_of(run_apart("-m", "mount -t tmpfs none /proc", abort_script,
      "group"))
    assert.equal("nil\tio\tabort\tENOENT", lines[1])
    assert.equal("child gone\ttrue", lines[4])
  end)
end)

describe("with the /proc of another pid namespace", function()
  helper.leak_check()

  it("ending a program kills no other process, and reports that descendants were not reached",
    function()
      needs_unshare "-pf"
      -- Out here: a parent and its child. In there the program and the victim get
      -- these numbers.
      local family = assert(noshell.run_async { helper.probe, "--print-pids", "--fork",
        "--pause", "--end", "--pause", stdout = "pipe" })
      local parent, child = family.pid, nil
      repeat
        local number = tonumber(family.stdout:read():match "=(%d+)$")
        if number ~= parent then child = number end
      until child
      local result = run_apart("-pf", "true", [[
        local noshell, sys = require "noshell", require "testsys"
        local function start_as(pid)
          local file = assert(io.open("/proc/sys/kernel/ns_last_pid", "w"))
          file:write(pid - 1)
          assert(file:close())
          local process = assert(noshell.run_async { os.getenv "PROBE", "--say", "ready",
            "--pause", stdout = "pipe" })
          assert(process.stdout:read() == "ready")
          return process
        end
        assert(noshell.run "true")
        local victim, program = start_as(arg[2]), start_as(arg[1])
        print(program.pid == tonumber(arg[1]), victim.pid == tonumber(arg[2]))
        local ok, err = program:abort()
        print(ok, err and err.code, err and err.reason)
        print(victim:poll(), program:kill(0))
        victim:close()
      ]], parent, child)
      family:close()
      local lines = lines_of(result)
      assert.equal("true\ttrue", lines[1], result.err)
      assert.equal("nil\tio\tits descendants were not signalled: /proc belongs to "
        .. "another pid namespace", lines[2])
      assert.matches("^nil\tnil\t", lines[3])
    end)

  it("a tree of a pid namespace that has its own /proc is ended", function()
    needs_unshare "-pf"
    local lines = lines_of(run_apart("-pfm", "mount -t proc proc /proc", [[
      local noshell, sys = require "noshell", require "testsys"
      local from, to = sys.pipe()
      local process = assert(noshell.run_async { os.getenv "PROBE", "--fork", "--pause",
        "--end", "--say", "ready", "--pause", stdout = "pipe", pass_fds = { to } })
      sys.close(to)
      assert(process.stdout:read() == "ready")
      print(process:abort(), sys.poll(from, "r", 0))
    ]]))
    assert.equal("true\ttrue", lines[1])
  end)
end)

describe("a process of another user", function()
  helper.leak_check()

  it("that may not be signalled is reported", function()
    helper.require_or_pending("root", sys.getuid() == 0, "root")
    local result = helper.run_lua(helper.lua, [[
      local noshell, sys = require "noshell", require "testsys"
      local hold, release = sys.pipe()
      local process = assert(noshell.run_async { os.getenv "PROBE", "--say", "ready",
        "--block-on", hold, stdout = "pipe", pass_fds = { hold } })
      assert(process.stdout:read() == "ready")
      sys.close(hold)
      assert(sys.become(12345, 12345))
      local ok, err = process:abort()
      print(ok, err.code, err.stage, err.errname)
      print(err.reason == ("process %d may not be signalled"):format(process.pid))
      sys.close(release)
    ]], { PROBE = helper.probe })
    assert.equal("nil\tio\tabort\tEPERM\ntrue\n", result.out, result.err)
  end)
end)
