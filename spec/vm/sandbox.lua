-- sandbox.lua: sandboxes on Linux 6.1, whose Landlock has version 2: what it cannot enforce
-- makes a start fail or is reported. Run by spec/vm; a line for each check, and the sum.

local noshell = require "noshell"

local escape, directory = "/spec/escape", os.tmpname() .. ".d"
local passed, failed = 0, 0

local function check(what, got, want)
  if got == want then
    passed = passed + 1
    print("ok      " .. what)
  else
    failed = failed + 1
    print(("not ok  %s: '%s', not '%s'"):format(what, tostring(got), tostring(want)))
  end
end

check("the version of Landlock", noshell.features().sandbox.landlock, 2)
check("seccomp", noshell.features().sandbox.seccomp, true)

local _, err = noshell.run { "/spec/probe", "--exit", 0, sandbox = true }
check("the default fails", err and err.stage .. " " .. err.subject, "sandbox_files signals")
_, err = noshell.run { "/spec/probe", sandbox = { network = { connect = { 80 } },
  require = { "network" } } }
check("ports fail", err and err.stage .. " " .. err.subject, "sandbox_network network")

os.execute("busybox mkdir -p " .. directory)
local host = assert(noshell.run_async { escape, "--host", directory, stdin = "pipe",
  stdout = "pipe" })
local words = { escape, directory }
for word in host.stdout:read("l"):gmatch "%d+" do words[#words + 1] = word end
words.sandbox = { write = directory .. "/in", require = "best" }
local result = assert(noshell.run(words))
local outcomes = {}
for name, outcome in result.stdout:gmatch "(%S+) (%S+)\n" do outcomes[name] = outcome end
for _, name in ipairs { "write-absolute", "write-proc-root", "write-proc-fd", "write-openat2",
  "write-symlink-race", "truncate", "truncate-by-open", "create", "rename-in", "link-in",
  "read-file", "execute", "host-trace", "tcp-connect", "udp-send", "unix-abstract",
  "io-uring" } do
  check(name .. " is held", outcomes[name] ~= nil and outcomes[name] ~= "escaped", true)
end
check("a signal is not held", outcomes["host-kill"], "escaped")
check("signals are reported", result.sandbox.signals, false)
check("writing is enforced", result.sandbox.write, "landlock 2, seccomp")
host.stdin:close()
host:wait()

-- Limits. This is the root cgroup, which may have processes.

local cgroups = "/sys/fs/cgroup"
os.execute("busybox mount -t cgroup2 cgroup2 " .. cgroups)

local function children(path)
  return noshell.output { "busybox", "find", path, "-mindepth", "1", "-type", "d" }
end

--- A sandbox with these limits, whose other parts this kernel cannot all enforce.
local function limited(limits)
  limits.require = { "memory", "pids", "cpu", "cgroup" }
  limits.cgroup = limits.cgroup or cgroups
  limits.read, limits.write, limits.exec, limits.network = true, true, true, true
  return limits
end

_, err = noshell.run { "/spec/probe", sandbox = { pids = 5, require = { "pids" } } }
check("nothing is delegated", err and err.stage .. " " .. err.subject, "sandbox_cgroup pids")

result = assert(noshell.run { "busybox", "sh", "-c",
  "cd /sys/fs/cgroup$(busybox cut -d: -f3 /proc/self/cgroup); "
  .. "busybox cat memory.max pids.max cpu.max memory.oom.group",
  sandbox = limited { memory = "48M", pids = 64, cpu = 0.5 } })
check("limits", result.stdout:gsub("\n", " "), "50331648 64 50000 100000 1 ")
check("memory is reported", result.sandbox.memory, "cgroup")
check("pids are reported", result.sandbox.pids, "cgroup")
check("cpu is reported", result.sandbox.cpu, "cgroup")
check("there is a peak", result.memory_peak > 0 and result.memory_peak < 48 * 2 ^ 20, true)
check("the cgroup is removed", children(cgroups), "")

local attacks = 0

--- Runs the attacker; returns its outcomes, and the error.
local function attack(sandbox)
  attacks = attacks + 1
  local place = directory .. attacks
  os.execute("busybox mkdir " .. place)
  local host_ = assert(noshell.run_async { escape, "--host", place, stdin = "pipe",
    stdout = "pipe" })
  local attacker = { escape, place, sandbox = sandbox }
  for word in host_.stdout:read("l"):gmatch "%d+" do attacker[#attacker + 1] = word end
  local outcome, failure = noshell.run(attacker)
  host_.stdin:close()
  host_:wait()
  local got = {}
  for name, text in (outcome or failure.result).stdout:gmatch "(%S+) (%S+)\n" do
    got[name] = text
  end
  return got, failure
end

local got
got, err = attack(limited {})
check("a fork bomb is not held", got["fork-bomb"], "escaped")
check("a memory bomb is not held", got["memory-bomb"], "escaped")
check("both are no error", err, nil)
got, err = attack(limited { pids = 64, memory = "48M" })
check("a fork bomb is held", got["fork-bomb"], "EAGAIN")
check("a memory bomb is held", got["memory-bomb"], nil)
check("a memory bomb is an error", err and err.code .. " " .. err.subject, "memory 48M")
check("... that says so", tostring(err):match "it used more than the 48M of memory",
  "it used more than the 48M of memory")
check("... with the peak", err and err.result.memory_peak <= 48 * 2 ^ 20, true)
check("the cgroup is removed again", children(cgroups), "")

_, err = noshell.run { "busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1",
  sandbox = limited { memory = "16M" } }
check("a program that uses too much", err and err.code, "memory")
result = noshell.run { "busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1",
  raw_status = true, sandbox = limited { memory = "16M" } }
check("... is a success with raw_status", result and result.out_of_memory, true)
for name, more in pairs { ["a program"] = {}, ["another user's"] = { uid = 1 },
  ["one with a hook"] = { pre_exec_hook = function() return true end } } do
  more[1], more[2], more[3], more[4] = "busybox", "dd", "if=/dev/zero", "of=/dev/null"
  more.args, more.sandbox = { "bs=1M", "count=1" }, limited { memory = "16M" }
  check("enough memory for " .. name, noshell.run(more) ~= nil, true)
end

-- A cgroup with processes has no limits below it.
os.execute("busybox mkdir " .. cgroups .. "/full")
local sleeper = assert(noshell.run_async { "busybox", "sleep", "60" })
local procs = assert(io.open(cgroups .. "/full/cgroup.procs", "w"))
procs:write(sleeper.pid)
procs:close()
_, err = noshell.run { "/spec/probe", sandbox = limited { pids = 5, cgroup = cgroups .. "/full" } }
check("a cgroup with processes", tostring(err):match "because it has processes of its own",
  "because it has processes of its own")
check("... is unchanged", noshell.output("busybox", "cat", cgroups .. "/full/cgroup.type"),
  "domain")
sleeper:close()
os.execute("busybox rmdir " .. cgroups .. "/full")

-- What a deadline reaches.
_, err = noshell.run { "busybox", "sh", "-c", "busybox setsid busybox sleep 60 >/dev/null 2>&1 & "
  .. "busybox setsid busybox sh -c 'kill -STOP $$' >/dev/null 2>&1 & busybox sleep 60",
  timeout = 0.2, grace = 0.1, sandbox = limited {} }
check("the deadline", err and err.code, "timeout")
check("... reaches all", err and err.result.unreached, nil)
check("... and the cgroup is removed", children(cgroups), "")

-- Private parts.
result = assert(noshell.run { "busybox", "sh", "-c",
  "busybox ls -A /tmp; echo $$; busybox ls /spec; busybox umount /tmp && echo no",
  check = false,
  sandbox = { read = true, exec = true, require = { "private" }, memory = "16M", cgroup = cgroups,
    private = { tmp = true, pid = true, network = true, hide = { "/spec" } } } })
check("private parts", result.stdout, "2\n")
check("... are reported", result.sandbox.private, "namespaces")

print(("%d passed, %d failed, 0 skipped"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
