-- Machines that are reached by ssh: real servers, and accounts with other login shells.
-- That takes a minute, so it runs on two Luas: the newest, and the one whose coroutines
-- cannot yield across pcall. machine_spec runs on all.
local driver = require "spec.support.driver"
if not driver.is_wanted and (_VERSION ~= "Lua 5.1" or rawget(_G, "jit")) then return end

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

--- Returns an error's text without the line of the script.
local function text_of(err)
  return (tostring(err):gsub(" %([^()]*machine_ssh_spec.lua:%d+[^()]*%)$", ""))
end

local every_byte = {}
for byte = 1, 255 do every_byte[byte] = string.char(byte) end
every_byte = table.concat(every_byte)

local WORDS = { "", "a\n", "\n\n", "-n", "!!", "*", "$(id)", "`id`", "it's \"so\"", "\\0101",
  " a  b ", "~", every_byte }

--- Starts a server for the specs of a block. Returns a function that makes machines.
local function with_server(how)
  local server, made = nil, {}
  setup(function() server = ssh_server.start(how) end)
  teardown(function() if server then server:stop() end end)
  after_each(function()
    for _, one in ipairs(made) do one:close() end
    made = {}
  end)
  return function(options)
    options = options or {}
    options[1], options.config = options[1] or "web1", options.config or server.config
    made[#made + 1] = noshell.machine.ssh(options)
    return made[#made]
  end, function() return server end
end

--- Returns true if no process of that group is left, as /proc shows it.
local function is_group_gone(pid)
  return ssh_server.eventually(function() return ssh_server.is_gone(pid) end)
end

describe("a machine of ssh", function()
  local machine, server = with_server()
  helper.leak_check()

  for name in pairs(ssh_server.SHELLS) do
    it("passes exact words, variables and directories through the login shell " .. name,
      function()
        local there = machine { user = "n" .. name }
        local directory = server().dir .. "/\167 it's !\n"
        os.execute("mkdir -p " .. helper.quoted { directory })
        local spec = { helper.probe, WORDS, cwd = directory, umask = "077",
          env = { NSH_SPEC = every_byte:gsub("=", "") }, limits = { nofile = { 64, 128 } } }
        local report = helper.probe_report(assert(there:run(spec)).stdout)
        for i, word in ipairs(WORDS) do assert.equal(word, report.argv[i]) end
        assert.equal(directory, report.cwd)
        assert.equal((every_byte:gsub("=", "")), report.env.NSH_SPEC)
        assert.equal("077", report.umask:match("%d%d%d$"))
        assert.same({ 0, 1, 2 }, report.fds)
      end)

    it("reports exact ends through the login shell " .. name, function()
      local there = machine { user = "n" .. name }
      for _, code in ipairs { 0, 1, 97, 126, 127, 143, 255 } do
        local result = there:run { "sh", "-c", "exit " .. code, check = false }
        assert.equal(code, result.exit_code)
      end
      for _, signal in ipairs { "TERM", "KILL", "SEGV", "USR1" } do
        local _, err = there:run { "sh", "-c", "kill -" .. signal .. " $$" }
        assert.equal(signal, err.result.signal)
      end
    end)
  end

  it("moves binary input and output of any size", function()
    local data = helper.pattern(3000000)
    local result = assert(machine():run { "cat", input = data })
    assert.is_true(data == result.stdout)
    assert.equal("", result.stderr)
  end)

  it("feeds a program, and reads lines as they arrive", function()
    local there = machine()
    local process = assert(there:run_async { "cat", stdin = "pipe", stdout = "pipe" })
    for i = 1, 3 do
      process.stdin:write("line ", i, "\n")
      assert.equal("line " .. i, process.stdout:read())
    end
    process.stdin:close()
    assert.is_true(process:wait().ok)
    process:close()
    local lines = {}
    for line in there:lines { "printf", "a\nb\n" } do lines[#lines + 1] = line end
    assert.same({ "a", "b" }, lines)
    local got = {}
    there:run { "printf", "x\ny\n", on_stdout = function(line) got[#got + 1] = line end }
    assert.same({ "x", "y" }, got)
  end)

  it("copies output to several targets here, and to files with a mode", function()
    helper.with_tmpdir(function(dir)
      local got = {}
      local result = assert(machine():run { "sh", "-c", "echo out; echo err >&2",
        stdout = { "capture", { path = dir .. "/log", mode = "0600" },
          function(data) got[#got + 1] = data end }, stderr = "stdout" })
      table.sort(got)
      assert.matches("out\n", result.stdout)
      assert.matches("err\n", result.stdout)
      assert.equal(8, #table.concat(got))
      assert.equal(8, #helper.read_file(dir .. "/log"))
      assert.equal("out\n", assert(machine():run { "echo", "out", stdout = "stderr" }).stderr)
    end)
  end)

  it("joins programs of several machines by pipes", function()
    local one, two = machine(), machine { user = "nbash" }
    local result = assert(noshell.pipeline({ "printf", "b\na\n", machine = one },
      { "sort", machine = two }, { "cat" }):run())
    assert.equal("a\nb\n", result.stdout)
    local _, err = noshell.pipeline({ "echo" }, { "false", machine = one }):run()
    assert.equal("noshell: 'echo | false': command 2: on web1: 'false' exited with status 1",
      text_of(err))
  end)

  it("reports why a program did not start, with its stage", function()
    local there = machine()
    local function fails(spec)
      local process, err = there:run_async(spec)
      assert.is_nil(process)
      assert.equal("spawn", err.code)
      return text_of(err)
    end
    assert.equal("noshell: on web1: cannot start 'no-such-program': find_program "
      .. "'no-such-program': No such file or directory (ENOENT)", fails { "no-such-program" })
    assert.equal("noshell: on web1: cannot start '/etc/passwd': find_program '/etc/passwd': "
      .. "Permission denied (EACCES)", fails { "/etc/passwd" })
    assert.equal("noshell: on web1: cannot start 'true': set_working_directory '/no/such': No "
      .. "such file or directory (ENOENT)", fails { "true", cwd = "/no/such" })
    assert.equal("noshell: on web1: cannot start 'true': set_working_directory '/etc/passwd': "
      .. "Not a directory (ENOTDIR)", fails { "true", cwd = "/etc/passwd" })
    assert.equal("noshell: on web1: cannot start 'true': set_limit: Operation not permitted "
      .. "(EPERM)", fails { "true", limits = { nofile = 2 ^ 30 } })
    assert.equal("noshell: on web1: cannot start 'true': set_nice: Operation not permitted "
      .. "(EPERM)", fails { "true", nice = -5 })
    assert.equal("noshell: on web1: invalid command 'A-B=*** true': env = A-B: sh cannot set a "
      .. "variable of this name", text_of(select(2, there:run { "true",
        env = { ["A-B"] = "1" } })))
  end)

  it("passes only what clear_env leaves", function()
    local result = assert(machine():run { "env", clear_env = true, env = { A = "1\n2" } })
    assert.equal("A=1\n2\n", result.stdout)
  end)

  it("shows no secret and no variable in a list of processes", function()
    local there = machine()
    local result = assert(there:run { "sh", "-c",
      "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; echo; echo $TOKEN",
      env = { TOKEN = "hush-hush" } })
    local _, count = result.stdout:gsub("hush%-hush", "")
    assert.equal(1, count)
    result = assert(there:run { "sh", "-c", "cat /proc/$PPID/cmdline | tr '\\0' ' '", "sh",
      noshell.secret "hush-hush" })
    assert.is_nil(result.stdout:find("hush", 1, true))
  end)

  it("carries commands that are too long for one word", function()
    local long = ("it's \255"):rep(18000)
    local result = assert(machine():run { "printf", "%s", long })
    assert.is_true(long == result.stdout)
  end)

  it("ends the whole tree there at a timeout", function()
    local there = machine()
    local _, err = there:run { "sh", "-c", "sleep 300 & echo $! $$; wait", timeout = 1,
      grace = 1 }
    assert.equal("timeout", err.code)
    assert.is_true(err.result.timed_out)
    assert.equal("TERM", err.result.signal)
    for pid in err.result.stdout:gmatch "%d+" do assert.is_true(is_group_gone(tonumber(pid))) end
    _, err = there:run { "sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done",
      timeout = 1, grace = 0.1 }
    assert.equal("timeout", err.code)
    assert.equal("KILL", err.result.signal)
    assert.is_true(is_group_gone(tonumber(err.result.stdout)))
  end)

  it("does not wait for the timeout of a program that has ended", function()
    local there = machine()
    -- A number that no other spec uses.
    local seconds = 1000 + sys.getpid()
    for i = 1, 40 do
      assert.equal(i % 5, there:run { "sh", "-c", "exit " .. i % 5, timeout = seconds,
        check = false }.exit_code)
    end
    -- No watch is left of these, and no sleep.
    assert.truthy(ssh_server.eventually(function()
      return there:output("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | "
        .. "grep -c \"slee[p] $1\"; :", "sh", seconds) == "0"
    end))
  end)

  it("ends the whole tree there by kill, abort, close and an error", function()
    local there = machine()
    local function start()
      local process = assert(there:run_async { "sh", "-c", "sleep 300 & echo $!; wait",
        stdout = "pipe" })
      return process, tonumber(process.stdout:read())
    end
    local process, pid = start()
    assert(process:kill "TERM")
    assert.equal("TERM", select(2, process:wait()).result.signal)
    assert.is_true(is_group_gone(pid))
    process:close()
    process, pid = start()
    assert(process:abort())
    assert.is_true(is_group_gone(pid))
    process:close()
    process, pid = start()
    assert(process:close())
    assert.is_true(is_group_gone(pid))
    local ok = pcall(noshell.run, { "sh", "-c", "sleep 300 & echo $!; wait", machine = there,
      on_stdout = function(line)
        pid = tonumber(line)
        error "enough"
      end })
    assert.is_false(ok)
    assert.is_true(is_group_gone(pid))
  end)

  it("opens further connections if the server refuses sessions", function()
    local there = machine { sessions = 4 }
    local list = {}
    for i = 1, 10 do list[i] = i end
    local results = assert(noshell.map(list, function(i)
      return { "sh", "-c", "sleep 0.2; exit " .. i, machine = there, check = false }
    end, { concurrency = 10 }))
    for i = 1, 10 do assert.equal(i, results[i].exit_code) end
    -- The real limit of the server is 10, ours is wrong here.
    local greedy = machine { sessions = 30 }
    results = assert(noshell.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 }, function(i)
      return { "sh", "-c", "sleep 1; exit " .. i, machine = greedy, check = false }
    end, { concurrency = 13 }))
    for i = 1, 13 do assert.equal(i, results[i].exit_code) end
  end)

  it("waits for a session if it may not connect again", function()
    local there = machine { sessions = 2, connections = 1 }
    local results = assert(noshell.map({ 1, 2, 3 }, function(i)
      return { "sh", "-c", "exit " .. i, machine = there, check = false }
    end))
    for i = 1, 3 do assert.equal(i, results[i].exit_code) end
  end)

  it("reports a host that it cannot reach, quoting ssh", function()
    local function fails(options)
      local there = machine(options)
      local report, why = there:check()
      assert.is_nil(report)
      assert.equal("spawn", why.code)
      local _, err = there:run "true"
      assert.equal("spawn", err.code)
      return text_of(err)
    end
    assert.truthy(fails { port = 1 }:find("^noshell: on web1:1: cannot start 'true': connect "
      .. "'web1:1': ssh: connect to host 127.0.0.1 port 1: Connection refused"))
    assert.truthy(fails { options = { UserKnownHostsFile = "/dev/null" } }:find(
      "Host key verification failed", 1, true))
    assert.truthy(fails { user = "nobody" }:find("connect 'nobody@web1'", 1, true))
    assert.truthy(fails { options = { IdentityFile = "/dev/null" }, identity = "/dev/null",
      config = helper.write_file(server().dir .. "/other",
        (helper.read_file(server().config):gsub("IdentityFile[^\n]*", ""))) }
      :find("Permission denied (publickey)", 1, true))
  end)

  it("reports a lost connection as lost, and ends the programs there", function()
    local there = machine { alive = 3 }
    local process = assert(there:run_async { "sh", "-c", "echo $$; exec sleep 300",
      stdout = "pipe" })
    local pid = tonumber(process.stdout:read())
    for _, session in ipairs(server():sessions()) do sys.kill(session, 9) end
    local result, err = process:wait()
    assert.is_nil(result)
    assert.equal("lost", err.code)
    assert.truthy(text_of(err):find("^noshell: on web1: the status of 'sh .*' is lost: "))
    assert.is_true(is_group_gone(pid))
    process:close()
    -- The next command connects again.
    assert.equal("again", there:output("echo", "again"))
  end)

  it("ends the programs there when it is closed", function()
    local there = machine()
    local process = assert(there:run_async { "sh", "-c", "echo $$; exec sleep 300",
      stdout = "pipe" })
    local pid = tonumber(process.stdout:read())
    there:close()
    assert.equal("lost", select(2, process:wait()).code)
    assert.is_true(is_group_gone(pid))
    process:close()
  end)

  it("reports itself", function()
    local report = assert(machine():check())
    assert.same({ name = "web1", engine = "ssh", signals = true }, report)
  end)

  it("says that sh does not tell death by INT from an exit status", function()
    local result = machine():run { "sh", "-c", "kill -INT $$", check = false }
    assert.equal(130, result.exit_code)
    assert.equal("sh on web1 does not tell exit status 130 from death by INT", result.doubt)
  end)
end)

describe("a server with a forced command", function()
  local machine = with_server { config = "ForceCommand echo no commands here" }
  helper.leak_check()

  it("is refused with what it says", function()
    local _, err = machine():run "true"
    assert.equal("noshell: on web1: cannot start 'true': connect 'web1': web1 does not run the "
      .. "commands that it is sent (is there a forced command?): it answered 'no commands "
      .. "here'", text_of(err))
  end)
end)

describe("a server of dropbear", function()
  local machine, server = with_server { is_dropbear = true }
  helper.leak_check()

  before_each(function()
    helper.require_or_pending("dropbear", ssh_server.has_dropbear, "dropbear")
  end)

  it("runs commands, also long ones", function()
    local there = machine()
    assert.equal("it's", there:output("echo", "it's"))
    local long = ("x"):rep(50000)
    assert.is_true(long == there:output("printf", "%s", long))
    assert.equal(143, there:run { "sh", "-c", "exit 143", check = false }.exit_code)
    assert.equal("web1", server() and there:check().name)
  end)

  it("ends the whole tree at a timeout", function()
    local _, err = machine():run { "sh", "-c", "sleep 300 & echo $! $$; wait", timeout = 1 }
    assert.equal("timeout", err.code)
    for pid in err.result.stdout:gmatch "%d+" do assert.is_true(is_group_gone(tonumber(pid))) end
  end)
end)
