-- Jobs over one master of ssh, with noshell and with the plain client; resident.lua has the
-- protocol. The server is started here, on a loopback port.

local noshell = require "noshell"
local resident = require "spec.bench.resident"
local ssh_server = require "spec.support.ssh_server"

if ssh_server.lack() then os.exit(1) end
local server = ssh_server.start()
local machine = noshell.machine.ssh { "web1", config = server.config }
assert(machine:check())
local path = machine.connections[1].path

--- The words of the plain client for the same master.
local function plain(...)
  return { "ssh", "-F", "/dev/null", "-T", "-S", path, "-o", "ProxyCommand=false", "web1", ... }
end

local jobs = {}

function jobs.plain(_, count)
  for _ = 1, count do
    local spec = plain "true"
    spec.stdin, spec.stdout, spec.stderr = "null", "null", "null"
    assert(noshell.run(spec))
  end
end

function jobs.run(_, count)
  for _ = 1, count do
    assert(machine:run { "true", stdin = "null", stdout = "null", stderr = "null" })
  end
end

--- With a variable, which must not appear in a list of processes.
function jobs.env(_, count)
  for _ = 1, count do
    assert(machine:run { "true", env = { A = "1" }, stdin = "null", stdout = "null",
      stderr = "null" })
  end
end

function jobs.timeout(_, count)
  for _ = 1, count do
    assert(machine:run { "true", timeout = 60, stdin = "null", stdout = "null",
      stderr = "null" })
  end
end

local function check_size(result, count)
  assert(#result.stdout == count)
end

function jobs.plain_output(programs, count)
  local spec = plain(programs.probe, "--out", ("%d"):format(count))
  spec.max_output = math.huge
  check_size(assert(noshell.run(spec)), count)
end

function jobs.output(programs, count)
  check_size(assert(machine:run { programs.probe, "--out", count, max_output = math.huge }),
    count)
end

resident.serve(arg, jobs)
machine:close()
server:stop()
