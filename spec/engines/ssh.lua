-- Machines of ssh whose server fails, and many commands at once. spec/check/ssh.sh runs it:
-- a dead connection is noticed only after seconds.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local ssh_server = require "spec.support.ssh_server"
local sys = helper.sys

local lack = ssh_server.lack()
if lack then
  describe("a machine of ssh", function()
    it("needs a server", function() helper.require_or_pending("sshd", false, lack) end)
  end)
  return
end

describe("a machine of ssh whose server fails", function()
  local server, there
  before_each(function()
    server = ssh_server.start()
    there = noshell.machine.ssh { "web1", config = server.config, alive = 3, connect_timeout = 5 }
  end)
  after_each(function()
    if there then there:close() end
    if server then server:stop() end
    there, server = nil, nil
  end)
  -- After the clean-up.
  helper.leak_check()

  local function signal_all(signal)
    for _, pid in ipairs(server:sessions()) do sys.kill(pid, signal) end
  end

  --- A program that says its pid and runs on.
  local function start()
    local process = assert(there:run_async { "sh", "-c", "echo $$; exec sleep 300",
      stdout = "pipe" })
    return process, tonumber(process.stdout:read())
  end

  local function is_gone(pid)
    return ssh_server.eventually(function() return ssh_server.is_gone(pid) end)
  end

  it("does not hang if the server is stopped before it connects", function()
    sys.kill(server.pid, "STOP")
    local _, err = there:run "true"
    sys.kill(server.pid, "CONT")
    assert.equal("spawn connect", err.code .. " " .. err.stage)
  end)

  it("does not hang if the server is stopped before a start, and connects again", function()
    assert(there:check())
    signal_all "STOP"
    local _, err = there:run "true"
    assert.truthy(err.code == "lost" or err.code == "spawn", err.code)
    signal_all "CONT"
    assert.equal("again", there:output("echo", "again"))
  end)

  it("reports a program as lost if the server is stopped while it runs", function()
    local process, pid = start()
    signal_all "STOP"
    local _, err = process:wait()
    assert.equal("lost", err.code)
    process:close()
    signal_all "CONT"
    assert.is_true(is_gone(pid))
  end)

  it("reports a program as lost if the server is killed in the middle of its output", function()
    local seen = 0
    local _, err = there:run { "sh", "-c", "while :; do echo x; done", on_stdout = function()
      seen = seen + 1
      if seen == 1000 then signal_all "KILL" end
    end, max_output = math.huge }
    assert.equal("lost", err.code)
    assert.truthy(seen >= 1000)
    assert.equal("again", there:output("echo", "again"))
  end)

  it("never reports a wrong end if the server is killed at the end of a program", function()
    for _ = 1, 15 do
      local process, raw = there:run_async { "sh", "-c", "read x; exit 7", stdin = "pipe",
        check = false }
      -- The end of the last connection may be noticed only now.
      if not process then assert.equal("lost", raw.code) end
      if process then process.stdin:close() end
      signal_all "KILL"
      local result, err
      if process then result, err = process:wait() end
      -- It may have ended before.
      if result then assert.equal(7, result.exit_code) end
      if err then assert.equal("lost", err.code) end
      if process then process:close() end
    end
  end)

  it("gives up a timeout that it cannot enforce, and says so", function()
    local process = assert(there:run_async { "sleep", "300", timeout = 1, grace = 0.1 })
    signal_all "STOP"
    local _, err = process:wait()
    assert.truthy(err.code == "timeout" or err.code == "lost", err.code)
    if err.code == "timeout" then assert.matches("did not answer", err.result.unreached) end
    process:close()
    signal_all "CONT"
  end)

  it("gives the items of a stopped server to another one", function()
    local other = noshell.machine.ssh { "web2", config = helper.write_file(server.dir .. "/two",
      helper.read_file(server.config)) }
    assert(there:check())
    assert(other:check())
    local first = there.connections[1].master.pid
    -- The client does not answer, as if the network were gone.
    sys.kill(first, "KILL")
    local results = assert(noshell.map({ 1, 2, 3, 4, 5, 6 }, function(i) return "echo", i end,
      { machines = { there, other }, again = "lost" }))
    for i = 1, 6 do assert.equal(i .. "\n", results[i].stdout) end
    other:close()
  end)
end)

describe("a machine of ssh without space for files", function()
  local server, there
  before_each(function()
    server = ssh_server.start { has_small_disk = true }
    there = noshell.machine.ssh { "web1", config = server.config }
  end)
  after_each(function()
    if there then there:close() end
    if server then server:stop() end
    there, server = nil, nil
  end)
  -- After the clean-up.
  helper.leak_check()

  it("runs nothing, says so, and works again when there is space", function()
    assert.matches("/small$", assert(there:output("sh", "-c", "echo $TMPDIR")))
    local process = assert(there:run_async { "sh", "-c", "cat /dev/zero >$TMPDIR/fill; "
      .. "echo full; read x; rm $TMPDIR/fill", stdin = "pipe", stdout = "pipe" })
    assert.equal("full", process.stdout:read())
    for _, spec in ipairs { { "true" }, { "true", env = { A = "1" } },
      { "printf", "%s", ("x"):rep(200000) } } do
      local result, err = there:run(spec)
      assert.is_nil(result)
      assert.equal("spawn web1", err.code .. " " .. err.machine)
    end
    process.stdin:close()
    -- Its own end is exact, although no file could be written.
    local result, err = process:wait()
    assert.is_true(result ~= nil, tostring(err))
    process:close()
    assert.equal("again", there:output("echo", "again"))
  end)
end)

describe("200 programs on one machine of ssh", function()
  helper.leak_check()

  it("run at the same time", function()
    local server = ssh_server.start()
    local there = noshell.machine.ssh { "web1", config = server.config }
    local list = {}
    for i = 1, 200 do
      list[i] = assert(there:run_async { "sh", "-c", 'read x; echo "$1$x"; exit $(($1 % 7))',
        "sh", i, stdin = "pipe", check = false })
    end
    for i = 1, 200 do
      assert(list[i].stdin:write("x\n"))
      list[i].stdin:close()
    end
    local results = assert(noshell.wait_all(list))
    for i = 1, 200 do
      assert.equal(i .. "x\n", results[i].stdout)
      assert.equal(i % 7, results[i].exit_code)
      list[i]:close()
    end
    there:close()
    server:stop()
  end)
end)

--- Set by spec/check/ssh.sh in a network namespace of its own.
local is_alone = os.getenv "NSH_OWN_NETWORK" ~= nil
if not is_alone then
  describe("a machine of ssh on a bad network", function()
    it("needs a network namespace with iptables and tc", function()
      helper.require_or_pending("network", false, "a network namespace, iptables and tc")
    end)
  end)
  return
end

describe("a machine of ssh on a bad network", function()
  local server, there
  before_each(function()
    server = ssh_server.start()
    there = noshell.machine.ssh { "web1", config = server.config, alive = 3, connect_timeout = 5 }
  end)
  after_each(function()
    os.execute "iptables -F INPUT; tc qdisc del dev lo root 2>/dev/null"
    if there then there:close() end
    if server then server:stop() end
    there, server = nil, nil
  end)
  helper.leak_check()

  local function cut()
    for _, which in ipairs { "--dport", "--sport" } do
      assert(noshell.run { "iptables", "-A", "INPUT", "-p", "tcp", which, server.port, "-j",
        "DROP" })
    end
  end

  it("reports a cut connection as lost, and connects again later", function()
    local process = assert(there:run_async { "sleep", "300" })
    cut()
    local _, err = process:wait()
    assert.equal("lost", err.code)
    process:close()
    _, err = there:run "true"
    assert.equal("spawn connect", err.code .. " " .. err.stage)
    os.execute "iptables -F INPUT"
    assert.equal("again", there:output("echo", "again"))
  end)

  it("does not delay the items of other machines", function()
    local cut_off = noshell.machine.ssh { "cut", config = server.config, connect_timeout = 5,
      options = { HostName = "127.0.0.2" } }
    assert(noshell.run { "iptables", "-A", "INPUT", "-d", "127.0.0.2", "-j", "DROP" })
    local results = assert(noshell.map({ 1, 2, 3, 4 }, function(i) return "echo", i end,
      { machines = { cut_off, there } }))
    assert.equal(4, results.machines[2].done)
    -- The call has ended before the connection failed.
    assert.is_nil(results.machines[1].lost)
    cut_off:close()
  end)

  it("moves everything over a slow link", function()
    os.execute("ip link set lo mtu 1500; tc qdisc add dev lo root tbf rate 2mbit burst 4k "
      .. "latency 1s")
    local data = helper.pattern(300000)
    local result = assert(there:run { "sh", "-c", "cat; exit 0", input = data, timeout = 60 })
    assert.is_true(data == result.stdout)
  end)
end)
