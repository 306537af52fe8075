-- A timeout, an abort and the output's cap end a program with all that it
-- started. Whoever of the tree lives holds the writing end of a pipe.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

--- A command that holds `to` open in the tree that the words make.
local function tree(to, words)
  local cmd = noshell.command(helper.probe):add_args(words)
  return cmd:pass_fd(to):set_timeout(0.1, 0.05)
end

--- Asserts that the timeout ended everybody, within a short time.
local function assert_all_gone(words, change)
  local from, to = sys.pipe()
  local cmd = tree(to, words)
  if change then change(cmd) end
  local before = core.now()
  local value, err = cmd:run()
  sys.close(to)
  assert.is_nil(value)
  assert.equal("timeout", err.code)
  assert.is_true(err.result.timed_out)
  assert.is_true(sys.poll(from, "r", 0))
  assert.equal("", sys.read(from, 1))
  sys.close(from)
  assert.is_true(core.now() - before < 20)
  return err.result
end

local children = { "--fork", "--fork", "--pause", "--end", "--pause", "--end", "--fork",
  "--pause", "--end", "--pause" }

describe("a timeout", function()
  helper.leak_check()

  helper.each_path(function()
    it("ends children and grandchildren", function()
      assert_all_gone(children)
    end)

    it("ends those that ignore TERM, after the grace", function()
      local words = { "--ignore", "TERM" }
      for _, word in ipairs(children) do words[#words + 1] = word end
      assert.equal("KILL", assert_all_gone(words).signal)
    end)
  end)

  it("ends a tree in its own group or session", function()
    assert_all_gone(children, function(cmd) cmd:new_process_group() end)
    assert_all_gone(children, function(cmd) cmd:new_session() end)
  end)

  it("ends children that left the group or the session", function()
    local words = { "--fork", "--setpgid", "--pause", "--end", "--fork", "--setsid",
      "--pause", "--end", "--pause" }
    assert_all_gone(words)
    assert_all_gone(words, function(cmd) cmd:new_process_group() end)
  end)

  it("ends orphans of the command's own group", function()
    assert_all_gone({ "--fork", "--fork", "--pause", "--end", "--end", "--wait",
      "--pause" }, function(cmd) cmd:new_process_group() end)
  end)

  it("ends a process that holds the output after the program has ended", function()
    local result = assert_all_gone({ "--fork", "--pause", "--end" },
      function(cmd) cmd:new_process_group() end)
    assert.equal(0, result.exit_code)
  end)

  it("returns even if a process that cannot be found holds the output", function()
    local hold, release = sys.pipe()
    local before = core.now()
    local value, err = noshell.run { helper.probe, "--say", "first", "--fork", "--setsid",
      "--block-on", hold, "--end", timeout = 0.1, grace = 0.05, pass_fds = { hold } }
    assert.is_true(core.now() - before < 20)
    assert.is_nil(value)
    assert.equal("timeout", err.code)
    assert.is_true(err.result.output_incomplete)
    assert.equal("first\n", err.result.stdout)
    assert.equal(0, err.result.exit_code)
    sys.close(hold)
    sys.close(release)
  end)

  it("grants the grace period to a program that ends at TERM", function()
    local value, err = noshell.run { "sh", "-c",
      "trap 'echo bye; exit 7' TERM; echo hi; while :; do sleep 0.01; done",
      timeout = 0.2, grace = 10 }
    assert.is_nil(value)
    assert.equal("timeout 7 hi\nbye\n", ("%s %d %s"):format(err.code,
      err.result.exit_code, err.result.stdout))
  end)

  it("does not affect a program that ends in time", function()
    assert.is_false(assert(noshell.run { "true", timeout = 10 }).timed_out)
  end)
end)

describe("abort and close", function()
  helper.leak_check()

  for _, ending in ipairs { "abort", "close" } do
    it("end the tree: " .. ending, function()
      local from, to = sys.pipe()
      local words = { "--ignore", "TERM", "--say", "ready" }
      for _, word in ipairs(children) do words[#words + 1] = word end
      local process = assert(noshell.command(helper.probe):add_args(words):pass_fd(to)
        :set_stdout("pipe"):run_async())
      sys.close(to)
      assert.equal("ready", process.stdout:read())
      process[ending](process)
      assert.is_true(sys.poll(from, "r", 0))
      assert.equal("", sys.read(from, 1))
      sys.close(from)
      process:close()
    end)
  end
end)

--- Starts a program with so many children, and ends it in a process that has no
--- more than `limit` descriptors, all but `room` of them in use. Prints how that
--- ended, and whether all are gone.
local scarce_script = [[
  local noshell, sys = require "noshell", require "testsys"
  local children, limit, room = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3])
  local from, to = sys.pipe()
  -- Processes that are not ended go when this script ends.
  local hold = sys.pipe()
  local words = {}
  for _ = 1, children do
    for _, word in ipairs { "--fork", "--block-on", hold, "--end" } do
      words[#words + 1] = word
    end
  end
  local process = assert(noshell.command(os.getenv "PROBE"):add_args(words)
    :add_args { "--say", "ready", "--pause" }:pass_fd(to):pass_fd(hold):set_stdout "pipe"
    :set_timeout(arg[4] == "timeout" and 1.5 or 1000, 0.05):run_async())
  sys.close(to)
  assert(process.stdout:read() == "ready")
  local before = sys.limit("nofile", limit)
  local hogged, number = {}, nil
  repeat
    number = sys.dup(from)
    hogged[#hogged + 1] = number
  until not number
  for _ = 1, room do sys.close(table.remove(hogged)) end
  local ok, err
  if arg[4] == "timeout" then ok, err = process:wait() else ok, err = process:abort() end
  print(ok, err and err.code, err and err.result and err.result.unreached)
  sys.limit("nofile", before)
  print(sys.poll(from, "r", 0), process:wait() == nil)
]]

local function end_scarce(many, limit, room, how, deny)
  local run = helper.run_lua(helper.lua, scarce_script, { PROBE = helper.probe },
    { args = { many, limit, room, how or "abort" }, deny = deny })
  return run.out ~= "" and run.out or run.err
end

describe("a process whose descriptors are scarce", function()
  helper.leak_check()

  it("ends 1,500 children at a limit of 1,024 descriptors", function()
    assert.equal("true\tnil\tnil\ntrue\ttrue\n", end_scarce(1500, 1024, 1000))
  end)

  it("ends them at a limit of 24, with any number of free ones", function()
    for room = 0, 8 do
      assert.equal("true\tnil\tnil\ntrue\ttrue\n", end_scarce(100, 24, room))
    end
    assert.equal("true\tnil\tnil\ntrue\ttrue\n", end_scarce(1500, 24, 0))
    assert.equal("nil\ttimeout\tnil\ntrue\ttrue\n", end_scarce(100, 24, 0, "timeout"))
  end)

  it("needs close_range or unshare for that", function()
    assert.equal("true\tnil\tnil\ntrue\ttrue\n",
      end_scarce(100, 24, 0, nil, "close_range"))
    assert.equal("true\tnil\tnil\ntrue\ttrue\n",
      end_scarce(100, 24, 0, nil, "unshare:EPERM"))
  end)

  it("reports processes that it could not reach", function()
    local text = end_scarce(2, 24, 0, nil, "close_range,unshare:EPERM")
    assert.equal("nil\tio\tnil\nfalse\ttrue\n", text)
    assert.equal("nil\ttimeout\tnot all of its descendants were signalled: out of "
      .. "descriptors\nfalse\ttrue\n",
      end_scarce(2, 24, 0, "timeout", "close_range,unshare:EPERM"))
  end)
end)

describe("the output's cap", function()
  helper.leak_check()

  it("ends the tree that writes too much", function()
    local from, to = sys.pipe()
    local value, err = noshell.run { helper.probe, "--fork", "--pause", "--end", "--out",
      100000, "--pause", max_output = 1000, pass_fds = { to } }
    sys.close(to)
    assert.is_nil(value)
    assert.equal("output_limit", err.code)
    assert.is_true(sys.poll(from, "r", 0))
    sys.close(from)
  end)
end)

describe("no other process", function()
  helper.leak_check()

  it("is ended: the host's other children survive", function()
    local other = assert(noshell.run_async { "cat", stdin = "pipe" })
    noshell.run { helper.probe, "--pause", timeout = 0.05, grace = 0.05 }
    assert.is_nil(other:poll())
    other.stdin:close()
    assert(other:wait())
    other:close()
  end)
end)

describe("kill", function()
  helper.leak_check()

  --- Starts a tree whose members hold `to` open; each signals its start by a byte.
  local function start_tree(options)
    local from, to = sys.pipe()
    local script = "sh -c 'echo >&9; exec sleep 60' 9>&9 & echo >&9; wait"
    local spec = { "sh", "-c", script, pass_fds = { [9] = to } }
    for key, value in pairs(options or {}) do spec[key] = value end
    local process = assert(noshell.run_async(spec))
    sys.close(to)
    for _ = 1, 2 do assert.equal(1, #sys.read(from, 1)) end
    return process, from
  end

  local function state_of(pid)
    return helper.read_file("/proc/" .. pid .. "/stat"):match "%) (%a)"
  end

  local function child_of(process)
    return helper.read_file(("/proc/%d/task/%d/children"):format(process.pid, process.pid))
      :match "%d+"
  end

  --- Asserts that all members are gone, and the end of the program.
  local function assert_ended(process, from, signal)
    assert.equal("", sys.read(from, 1))
    sys.close(from)
    local _, err = process:wait()
    assert.equal(signal, err.result.signal)
    process:close()
  end

  helper.each_path(function()
    it("reaches the tree", function()
      local process, from = start_tree()
      assert.is_true(process:kill("HUP", "tree"))
      assert_ended(process, from, "HUP")
    end)
  end)

  it("reaches each member once", function()
    local counts = [[$| = 1; my $n = 0; $SIG{USR1} = sub { $n++ }; print "ready\n";
      my $x; until (defined($x = <STDIN>)) { exit 1 unless $!{EINTR} } print "$n\n"]]
    for _ = 1, 10 do
      local process = assert(noshell.run_async { "sh", "-c",
        'trap : USR1; perl -MErrno -e "$1"; exit 0', "sh", counts, process_group = true,
        stdin = "pipe", stdout = "pipe", timeout = 60 })
      assert.equal("ready", process.stdout:read())
      assert.is_true(process:kill("USR1", "tree"))
      assert(process.stdin:write "\n")
      assert.equal("1", process.stdout:read())
      assert(process:wait())
      process:close()
    end
  end)

  it("stops a tree and lets it continue", function()
    for _, signal in ipairs { "STOP", "TSTP" } do
      local process, from = start_tree()
      local child = child_of(process)
      assert.is_true(process:kill(signal, "tree"))
      helper.run { "sh", "-c", ("until grep -q 'State:.*T' /proc/%d/status && grep -q "
        .. "'State:.*T' /proc/%d/status; do sleep 0.01; done"):format(process.pid, child) }
      assert.equal("TT", state_of(process.pid) .. state_of(child))
      assert.is_true(process:kill("CONT", "tree"))
      assert.is_true(process:kill("TERM", "tree"))
      assert_ended(process, from, "TERM")
    end
  end)

  it("reaches the process group that the command made", function()
    for _, options in ipairs { { process_group = true }, { process_group = 0 },
      { new_process_group = true }, { new_session = true } } do
      local process, from = start_tree(options)
      assert.is_true(process:kill("INT", "group"))
      assert.is_true(process:kill("TERM", "group"))
      sys.read(from, 1)
      process:close()
      sys.close(from)
    end
  end)

  it("may join a process group", function()
    local leader = assert(noshell.run_async { "sleep", "60", process_group = true })
    local process, from = start_tree { process_group = leader.pid }
    local group = helper.read_file("/proc/" .. process.pid .. "/stat"):match "%) %a %d+ (%d+)"
    assert.equal(leader.pid, tonumber(group))
    assert.is_true(process:kill("TERM", "group"))
    assert_ended(process, from, "TERM")
    local _, err = leader:wait()
    assert.equal("TERM", err.result.signal)
    leader:close()
    _, err = noshell.run { "true", process_group = 1 }
    assert.equal("noshell: cannot start 'true': new_process_group '1': this session has no "
      .. "such process group (EPERM)", helper.said(err))
    _, err = noshell.run { "true", process_group = 1, new_session = true }
    assert.equal("noshell: invalid command 'true': set_process_group cannot be used with "
      .. "new_process_group, new_session or daemonize: the program leads a process group then",
      helper.said(err))
  end)

  it("reports what it does not reach", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local _, err = process:kill("TERM", "group")
    assert.equal("noshell: cannot kill 'cat': it has no process group of its own: set "
      .. "process_group = true (EINVAL)", helper.said(err))
    assert.has_error(function() process:kill("TERM", "all") end)
    process.stdin:close()
    assert(process:wait())
    for _, scope in ipairs { "tree", "group" } do
      _, err = process:kill("TERM", scope)
      assert.equal("noshell: cannot kill 'cat': No such process (ESRCH)", helper.said(err))
    end
    process:close()
  end)

  it("is noted in a dry run", function()
    local dry = noshell.dry_run()
    local process = assert(noshell.run_async { "x", process_group = 7 })
    assert.is_true(process:kill("HUP", "tree"))
    assert.is_true(process:kill("INT", "group"))
    assert(process:wait())
    process:close()
    assert.same({ 1, 2 }, dry:calls()[1].signals)
    assert.equal(7, dry:calls()[1].process_group)
    dry:stop()
  end)
end)
