-- Failures to start, stage by stage, and ends of commands, through noshell.h without
-- Lua.
local helper = require "spec.support.helper"
local driver = require "spec.support.driver"
local sys = helper.sys

if not driver.is_wanted then return end

local is_root = sys.getuid() == 0

--- Words, denied system calls, and: code stage errno subject. Each is provoked on every
--- launch path.
local failures = {
  { "cwd=@D/none", "spawn set_working_directory ENOENT @D/none" },
  { "cwd=@D/report", "spawn set_working_directory ENOTDIR @D/report" },
  { "cwd=/", deny = "chdir:EIO", "spawn set_working_directory EIO /" },
  { "stdin=path:@D/none", "spawn set_stdin ENOENT @D/none" },
  { "stdout=path:@D/none/x", "spawn set_stdout ENOENT @D/none/x" },
  { "stderr=append:@D", "spawn set_stderr EISDIR @D" },
  { "stdout=fd:77", "spawn set_stdout EBADF descriptor 77" },
  { "limit=nofile:100:99999999999", "spawn set_limit EPERM nofile" },
  { "limit=locks:0:0", deny = "prlimit64(10):EPERM", "spawn set_limit EPERM locks" },
  { "umask=022", deny = "umask:EPERM", "spawn set_umask EPERM " },
  { "session", deny = "setsid:EPERM", "spawn new_session EPERM " },
  { "group", deny = "setpgid:EACCES", "spawn new_process_group EACCES " },
  { "nice=5", deny = "setpriority:EACCES", "spawn set_nice EACCES 5" },
  { "nnp", deny = "prctl(PR_SET_NO_NEW_PRIVS):EINVAL", "spawn set_no_new_privs EINVAL " },
  { "death=9", deny = "prctl(PR_SET_PDEATHSIG):EINVAL",
    "spawn set_parent_death_signal EINVAL " },
  { "alone", deny = "prctl(PR_SCHED_CORE):EINVAL", "spawn core_scheduling EINVAL 0" },
  { "among=1", deny = "prctl(PR_SCHED_CORE):ESRCH", "spawn core_scheduling ESRCH 1" },
  { "stdin=null", deny = "rt_sigaction(20):EPERM", "spawn signals EPERM " },
  { "input=x", deny = "dup3(0):EMFILE", "spawn set_stdin EMFILE pipe" },
  { "stdout=capture", deny = "dup3(1):EBUSY", "spawn set_stdout EBUSY pipe" },
  { "open=9:@D/f", "pass=9:9", deny = "dup3(9):EMFILE", "spawn pass_fd EMFILE descriptor 9" },
  { "send=x", deny = "dup3(3):EMFILE", "spawn send_buffer EMFILE descriptor 3" },
  { "input=x", deny = "pipe2:EMFILE", "spawn set_stdin EMFILE pipe" },
  { "send=x", deny = "pipe2:EMFILE", "spawn set_stdout EMFILE pipe" },
  { "stdout=null", "stderr=null", "send=x", deny = "pipe2:ENFILE",
    "spawn send_buffer ENFILE pipe" },
  { "pid-file=@D/none/x", "spawn set_pid_file ENOENT @D/none/x" },
  { "stdin=null", deny = "execve:EACCES", "spawn exec EACCES " .. helper.tiny },
  { "stdin=null", deny = "execve:ENOMEM", "spawn exec ENOMEM " .. helper.tiny },
  { "stdin=null", deny = "clone(CLONE_PIDFD):EAGAIN", "spawn clone EAGAIN " },
  { "hook=it is full", "spawn set_pre_exec_hook ECANCELED " },
  { "hook=ok", deny = "socketpair:EMFILE", "spawn clone EMFILE socketpair" },
  { "hook=ok", deny = "pidfd_open", "spawn clone ENOSYS " },
  { "handshake", deny = "socketpair:EMFILE", "spawn clone EMFILE socketpair" },
  { "do=start", "daemon", "stdin=pipe", "invalid set_stdin EINVAL " },
  { "stdin=pipe", "invalid   " },
  { "stdout=pipe", "invalid   " },
  { "daemon", "timeout=1:1", "invalid   " },
  { "pass=444:4", "invalid  EINVAL pass_fd" },
  { "umask=01000", "invalid  EINVAL set_umask" },
  { "limit=nofile:5:4", "invalid  EINVAL set_limit" },
  { "uid=nobody-at-all", "invalid  EINVAL set_uid" },
  { "cap=cap_fly", "invalid  EINVAL allow_cap" },
  { "selinux=a:b:c:s0", "spawn set_selinux_label EOPNOTSUPP a:b:c:s0" },
  { "apparmor=x", "spawn set_apparmor_profile EOPNOTSUPP x" },
  { "groups=7", deny = "setgroups:EPERM", "spawn set_groups EPERM " },
  { "gid=7", deny = "setresgid:EPERM", "spawn set_gid EPERM 7" },
  { "uid=7", deny = "setresuid:EAGAIN", "spawn set_uid EAGAIN 7" },
  { "clear-caps", deny = "prctl(PR_CAPBSET_DROP):EPERM", root = true,
    "spawn capabilities EPERM " },
  { "clear-caps", deny = "capset:EPERM", root = true, "spawn capabilities EPERM " },
  { "uid=7", "cap=chown", deny = "prctl(PR_SET_KEEPCAPS):EPERM", root = true,
    "spawn capabilities EPERM " },
  { "uid=7", "cap=chown", deny = "prctl(PR_CAP_AMBIENT):EINVAL", root = true,
    "spawn capabilities EINVAL " },
}

local function described(report)
  return ("%s %s %s %s"):format(report.code, report.stage, report.errno, report.subject)
end

local function words_of(case)
  local words = {}
  for i = 1, #case - 1 do words[i] = case[i] end
  return words, case[#case]
end

describe("a start that fails", function()
  helper.leak_check()

  for _, case in ipairs(failures) do
    local words, expected = words_of(case)
    it("names its stage: " .. expected:gsub("%s+$", ""):gsub("/%S*/", ""), function()
      if case.root then helper.require_or_pending("caps", is_root, "root") end
      for _, path in ipairs(helper.paths) do
        driver.clean(words, nil, { deny = case.deny, path = path,
          check = function(dir, report)
            assert.equal((expected:gsub("@D", dir)), described(report))
          end })
      end
    end)
  end

  it("reports the hook's message", function()
    local report = driver.clean({ "hook=it is full" })
    assert.equal("it is full", report.reason)
  end)

  it("reports the signal that killed the child, and the stage", function()
    for _, word in ipairs { "hook=die", "handshake", "nice=3" } do
      local report = driver.clean({ word, "kill-on=141" })
      local expected = word == "hook=die" and "spawn set_pre_exec_hook 9"
        or word == "nice=3" and "spawn set_nice 31" or nil
      if expected then
        assert.equal(expected, ("%s %s %s"):format(report.code, report.stage,
          report.signal))
      end
    end
  end)

  it("is still reported after a hook that succeeded", function()
    for _, path in ipairs(helper.paths) do
      local report = driver.clean({ "hook=ok", "cwd=/none" }, nil, { path = path })
      assert.equal("spawn set_working_directory ENOENT /none", described(report))
    end
  end)

  it("explains that there are too many processes", function()
    helper.require_or_pending("root", is_root, "root")
    local report = driver.clean({ "be=12345", "processes=0" })
    assert.equal("spawn clone EAGAIN ", described(report))
    assert.truthy(report.reason:find("RLIMIT_NPROC", 1, true))
  end)

  it("reports that the kernel has no core scheduling", function()
    local report = driver.clean({ "alone" })
    if report.ok == "1" then pending("this kernel has core scheduling") end
    assert.equal("core_scheduling", report.stage)
  end)

  it("changes nothing if descriptors run out", function()
    for room = 0, 8 do
      local words = { "open=4:@D/f", "pass=4:5", "input=x", "send=y" }
      for i = 1, 8 - room do words[#words + 1] = "open=" .. 10 + i .. ":@D/f" end
      words[#words + 1] = "files=12"
      local report = driver.clean(words)
      if report.ok ~= "1" then assert.equal("EMFILE", report.errno) end
    end
  end)

  it("leaves the table unchanged if it is too full even for the pidfd", function()
    for files = 1, 12 do
      driver.clean({ "close=0", "stdin=null", "stdout=null", "stderr=null",
        "files=" .. files })
      driver.clean({ "stdin=null", "stdout=null", "stderr=null", "files=" .. files })
    end
  end)
end)

describe("a program that cannot be executed", function()
  helper.leak_check()

  local function try(program, setup, options)
    options = options or {}
    options.setup = setup
    return driver.clean(options.words or { "stdin=null" }, { program }, options)
  end

  local function script(text, mode)
    return function(dir) helper.write_file(dir .. "/p", text, mode or "755") end
  end

  local path = { env = { PATH = "@D:/nowhere" } }

  it("is reported by errno and reason", function()
    local cases = {
      { "@D/p", script("#!/no/such/sh\n"), "ENOENT",
        "its interpreter '/no/such/sh' was not found" },
      { "@D/p", script("#!/no/such/sh\r\n"), "ENOENT", "carriage return" },
      { "@D/p", script("#!\n"), "ENOEXEC", nil },
      { "@D/p", script("echo hi\n"), "ENOEXEC", "no #! line" },
      { "@D/p", script(""), "ENOEXEC", "no #! line" },
      { "@D/p", script("#!/bin/sh\n", "644"), "EACCES", "not executable" },
      { "@D/p/x", script("#!/bin/sh\n"), "ENOTDIR", nil },
      { "@D", nil, "EACCES", "it is a directory" },
      { "@D/none", nil, "ENOENT", nil },
      { "@D/loop", function(dir) require("lfs").link("loop", dir .. "/loop", true) end,
        "ELOOP", nil },
    }
    for _, case in ipairs(cases) do
      local report = try(case[1], case[2])
      assert.equal("spawn exec " .. case[3], ("%s %s %s"):format(report.code,
        report.stage, report.errno))
      if case[4] then assert.truthy(report.reason:find(case[4], 1, true), report.reason) end
    end
  end)

  it("is looked for in PATH", function()
    local report = try("none-such", nil, path)
    assert.equal("spawn find_program ENOENT none-such", described(report))
    report = try("p", script("x", "644"), path)
    assert.equal("spawn find_program EACCES p", described(report))
    report = try("p", function(dir) assert(require("lfs").mkdir(dir .. "/p")) end, path)
    assert.equal("spawn find_program EACCES p", described(report))
    assert.truthy(report.reason:find("is a directory", 1, true))
    report = try("p", script("echo hi\n"), path)
    assert.equal("exec ENOEXEC", report.stage .. " " .. report.errno)
  end)

  it("may be too long for the kernel, or open for writing", function()
    local report = driver.clean({ "env-size=140000" })
    assert.equal("exec E2BIG", report.stage .. " " .. report.errno)
    report = driver.clean({ "write=@D/p" }, { "@D/p" },
      { setup = script(helper.read_file(helper.tiny)) })
    assert.equal("exec ETXTBSY", report.stage .. " " .. report.errno)
  end)

  it("is not confused with an exit status of 125, 126 or 127", function()
    for _, code in ipairs { 1, 125, 126, 127, 255 } do
      local report = driver.clean({ "stdin=null" }, { helper.probe, "--exit", code })
      assert.equal("exit " .. code, report.code .. " " .. report.exit)
      assert.equal("1", report.started)
      report = driver.clean({ "allow=" .. code }, { helper.probe, "--exit", code })
      assert.equal("1", report.ok)
    end
  end)
end)

describe("an end", function()
  helper.leak_check()

  it("by signal is a failure unless raw_status is set", function()
    local report = driver.clean({ "any" }, { helper.probe, "--kill", "TERM" })
    assert.equal("signal 15 TERM", ("%s %s %s"):format(report.code, report.signal,
      report.killed_by))
    assert.equal("1", driver.clean({ "raw" }, { helper.probe, "--kill", "RTMIN" }).ok)
  end)

  it("is known even if other code waits for children", function()
    for _, thief in ipairs { "ignore", "thief", "thread" } do
      for _, path in ipairs(helper.paths) do
        local report = driver.clean({ "repeat=5" }, { helper.probe, "--exit", "7" },
          { path = path, hostile = { SIGCHLD = thief } })
        assert.equal("exit 7", report.code .. " " .. report.exit)
        report = driver.clean({ "cwd=/none", "repeat=5" }, nil,
          { path = path, hostile = { SIGCHLD = thief } })
        assert.equal("spawn set_working_directory ENOENT /none", described(report))
      end
    end
  end)

  it("is the same under a timer of 1 ms", function()
    for _, path in ipairs(helper.paths) do
      for _, word in ipairs { "stdin=null", "hook=ok", "uid=7" } do
        local report = driver.clean({ word, "repeat=20", "input-size=200000" },
          { helper.probe, "--in", "--out", "300000", "--exit", "0" },
          { path = path, hostile = { TIMER = 1 } })
        assert.equal("1", report.ok, report.reason)
        assert.equal("300036", report["out.size"])
      end
    end
  end)
end)
