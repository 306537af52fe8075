-- Units of a real systemd: spec/check/systemd.sh runs this in a virtual machine.
local behaviour = require "spec.engines.behaviour"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local text_of = behaviour.text_of

describe("a machine of systemd", function()
  local machine, fresh = behaviour.with(noshell.machine.systemd)
  helper.leak_check()

  behaviour.declare(machine, { fresh = fresh, name = "systemd", engine = "systemd",
    is_slow = true, is_here = true, survives = true })

  it("sets user, groups, capabilities, limits and more as properties", function()
    local there = fresh()
    local result = assert(there:run { "sh", "-c",
      "ulimit -Sn; ulimit -Hn; ulimit -Sc; cut -d' ' -f 19 /proc/self/stat; "
        .. "cat /proc/self/status",
      caps = { "net_raw", "kill" }, limits = { nofile = { 64, 128 }, core = { 0, 0 } },
      nice = -5 })
    assert.matches("^64\n128\n0\n%-5\n", result.stdout)
    assert.matches("CapEff:\t0000000000002020\n", result.stdout)
    assert.matches("CapBnd:\t0000000000002020\n", result.stdout)
    result = assert(there:run { "cat", "/proc/self/status", "/proc/self/oom_score_adj",
      uid = 5, gid = 60, groups = { 7, 60 }, caps = { "net_raw" }, oom_score_adj = -7,
      no_new_privs = true, cpu_affinity = { 0 } })
    assert.matches("CapEff:\t0000000000002000\n", result.stdout)
    assert.matches("Uid:\t5\t5\t5\t5\nGid:\t60\t60\t60\t60\n", result.stdout)
    assert.matches("Groups:\t7 60 *\n", result.stdout)
    assert.matches("NoNewPrivs:\t1\n", result.stdout)
    assert.matches("\n%-7\n$", result.stdout)
  end)

  it("fails if the system ignores what it was asked for", function()
    local _, err = machine():run { "true", selinux_label = "a_u:a_r:a_t:s0" }
    assert.equal("spawn", err.code)
    assert.equal("set_selinux_label", err.stage)
    _, err = machine():run { "true", apparmor_profile = "unconfined" }
    assert.equal("spawn", err.code)
    assert.equal("set_apparmor_profile", err.stage)
  end)

  it("reports what systemd could not set up", function()
    local _, err = machine { properties = { NetworkNamespacePath = "/no/such" } }:run "true"
    assert.equal("spawn", err.code)
    assert.equal("noshell: on systemd: cannot start 'true': session 'systemd': systemd could not "
      .. "set up the unit: status 225, NETWORK", text_of(err))
    _, err = machine { properties = { MemoryMax = "much" } }:run "true"
    assert.equal("spawn", err.code)
    assert.matches("session 'systemd': Failed to parse MemoryMax", text_of(err))
  end)

  it("applies the properties of the machine", function()
    local there = machine { properties = { ProtectSystem = "strict", PrivateTmp = true,
      TasksMax = 5, Environment = { "A=1", "B=2" } } }
    local result = assert(there:run { "sh", "-c",
      "true 2>/dev/null >>/etc/passwd || echo read-only; ls /tmp; "
        .. "echo $A $B; cat /sys/fs/cgroup$(cut -d: -f3 </proc/self/cgroup)/pids.max" })
    assert.matches("^read%-only\nnoshell%-%x+\n1 2\n5\n$", result.stdout)
    assert.equal("5", machine { properties = { User = 5 } }:output("id", "-u"))
  end)

  it("ends what a program leaves behind in another session", function()
    local there = machine()
    local pid = assert(there:output("sh", "-c",
      "setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $!"))
    behaviour.expect_gone(there, { pid })
    local _, err = there:run { "sh", "-c",
      "setsid sleep 300 & echo $!; sleep 300", timeout = 0.5 }
    assert.equal("timeout", err.code)
    behaviour.expect_gone(there, { (err.result.stdout:match "%d+") })
  end)

  it("does not need the client of its connection", function()
    local there = fresh()
    assert(there:check())
    helper.sys.kill(there.connections[1].master.pid, 9)
    assert.equal("x", there:output("echo", "x"))
  end)

  it("ends the programs if its own unit is killed", function()
    local there, other = fresh(), machine()
    local process = assert(there:run_async { "sh", "-c", "echo $$; exec sleep 300",
      stdout = "pipe" })
    local pid = process.stdout:read()
    local unit = "noshell-" .. there.connections[1].nonce
    assert(noshell.run { "systemctl", "kill", "--signal=KILL", unit })
    local _, err = process:wait(30)
    assert.equal("lost", err.code)
    process:close()
    behaviour.expect_gone(other, { pid })
  end)

  it("reaches the machine that it names", function()
    assert.equal("x", machine { machine = ".host" }:output("echo", "x"))
    local _, err = machine { machine = "nowhere" }:run "true"
    assert.equal("spawn", err.code)
    assert.matches("^noshell: on nowhere: cannot start 'true': connect 'nowhere': Failed to ",
      text_of(err))
  end)

  it("leaves no unit behind", function()
    machine():run { "false" }
    assert.is_nil(noshell.output("systemctl", "list-units", "--all", "--plain", "--no-legend",
      "noshell-*"):find("failed", 1, true))
  end)
end)

describe("a sandbox's cgroup in a unit of systemd", function()
  local SCRIPT = [[
    local noshell = require "noshell"
    local sandbox = { memory = "32M", pids = 20, read = true, exec = true,
      require = { "memory", "pids" } }
    local result, err = noshell.run { "cat", "/proc/self/cgroup", sandbox = sandbox }
    print(noshell.features().sandbox.cgroup, result and result.stdout or err)]]

  local function run(property, shell)
    local result, err = noshell.run { "systemd-run", "--quiet", "--wait", "--pipe",
      property, "-E", "LUA_PATH", "-E", "LUA_CPATH", "sh", "-c", shell .. ' exec lua5.4 -e "$0"',
      SCRIPT }
    return (result or err.result).stdout
  end

  it("is made in the unit if it is delegated and the host is in a cgroup below it", function()
    assert.matches("^true\t0::/system%.slice/run%-.*%.service/noshell%-%d+%-%d+\n",
      run("-pDelegate=yes", "d=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); mkdir $d/main; "
        -- systemd-run replaces $$ by $.
        .. "echo $$$$ >$d/main/cgroup.procs;"))
  end)

  it("is not made otherwise", function()
    assert.matches("^false\t.*limits nothing below a cgroup that has processes",
      run("-pDelegate=yes", ""))
    assert.matches("^false\t.*no cgroup was delegated to this process", run("-pDelegate=no", ""))
  end)
end)
