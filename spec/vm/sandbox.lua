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

print(("%d passed, %d failed, 0 skipped"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
