-- Failures to start, stage by stage: real ones if the machine permits, else by a filter
-- that denies the system call. Each is provoked on every launch path, in a new process;
-- after each there is no zombie, no new descriptor and nothing on stderr.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys
local is_root = sys.getuid() == 0
local features = noshell.features()

local STDIO = { stdin = { path = "/dev/null" }, stdout = { path = "/dev/null" },
  stderr = { path = "/dev/null" } }

--- All descriptors that a small process can have, for a rule.
local function each_low(call, errname)
  local rules = {}
  for fd = 3, 40 do rules[#rules + 1] = ("%s(%d):%s"):format(call, fd, errname) end
  return table.concat(rules, ",")
end

--- Runs without privileges; if we have none, there is nothing to give up.
local function as_user()
  if is_root then assert(sys.become(12345, 12345)) end
end

local function spec_of(more)
  local spec = {}
  for key, value in pairs(STDIO) do spec[key] = value end
  for key, value in pairs(more) do spec[key] = value end
  return spec
end

--- The setting, the obstacle (`deny`: a filter; `before`: a function), and "code stage
--- errno subject". "@" is replaced by a new directory.
local cases = {
  -- Finding the program, planning, cloning
  { { "no-such-program" }, "spawn find_program ENOENT no-such-program" },
  { { "dir" }, env = { PATH = "@" }, "spawn find_program EACCES dir" },
  { { "plain" }, env = { PATH = "@" }, "spawn find_program EACCES plain" },
  { { "true" }, "spawn clone EAGAIN -", before = function()
    as_user()
    sys.limit("nproc", 0, 0)
  end, root = true },
  { { "true" }, deny = "clone(CLONE_PIDFD):ENOMEM", "spawn clone ENOMEM -" },
  { { "true", pre_exec_hook = print }, deny = "socketpair:EMFILE",
    "spawn clone EMFILE socketpair" },
  -- Descriptors
  { { "true", stdin = { path = "@/none" } }, "spawn set_stdin ENOENT @/none" },
  { { "true", stdout = { path = "@/none/x" } }, "spawn set_stdout ENOENT @/none/x" },
  { { "true", stderr = { path = "@" } }, "spawn set_stderr EISDIR @" },
  { { "true", stdout = { path = "/dev/full/x" } },
    "spawn set_stdout ENOTDIR /dev/full/x" },
  { { "true", stdin = 777 }, "spawn set_stdin EBADF descriptor 777" },
  { { "true", stderr = 777 }, "spawn set_stderr EBADF descriptor 777" },
  { { "true", input = "x" }, deny = "pipe2:EMFILE", "spawn set_stdin EMFILE pipe" },
  { { "true" }, deny = "pipe2:ENFILE", "spawn set_stdout ENFILE pipe" },
  { { "true", stdout = "capture" }, deny = "dup3(1):EBUSY",
    "spawn set_stdout EBUSY pipe" },
  { { "true", pass_fds = { 0 } }, "invalid - EINVAL -" },
  { { "true", pass_fds = { [19] = 0 } }, deny = "dup3(19):EMFILE",
    "spawn pass_fd EMFILE descriptor 0" },
  { { "true", pass_fds = { [9] = 0 } }, "spawn pass_fd EBADF descriptor 0",
    before = function() sys.limit("nofile", 9, 9) end, stdio = true },
  { { "true" }, "spawn send_buffer ENFILE pipe", deny = "pipe2:ENFILE", stdio = true,
    change = function(cmd) cmd:send_buffer "x" end },
  { { "true", pipes = { [3] = "read" } }, "spawn set_pipes ENFILE pipe", deny = "pipe2:ENFILE",
    stdio = true },
  { { "true", pipes = { [19] = "write" } }, deny = "dup3(19):EMFILE", stdio = true,
    "spawn set_pipes EMFILE descriptor 19" },
  { { "true", require_handshake = true }, "spawn descriptors EMFILE -", stdio = true,
    deny = "fcntl(F_DUPFD_CLOEXEC):EMFILE" },
  -- Sessions, groups, pid files
  { { "true", daemonize = true }, deny = "setsid:EPERM", "spawn daemonize EPERM -" },
  { { "true", pty = true }, deny = "ioctl(TIOCSCTTY):EPERM", "spawn set_pty EPERM -" },
  { { "true", pty = true }, deny = "ioctl(TIOCGPTPEER):ENOSPC",
    "spawn set_pty ENOSPC /dev/ptmx" },
  { { "true", new_session = true }, deny = "setsid:EPERM", "spawn new_session EPERM -" },
  { { "true", process_group = 1 }, "spawn new_process_group EPERM 1" },
  { { "true", new_process_group = true }, deny = "setpgid:EACCES",
    "spawn new_process_group EACCES -" },
  { { "true", pid_file = "@/none/x" }, "spawn set_pid_file ENOENT @/none/x" },
  { { "true", pid_file = "@" }, "spawn set_pid_file EISDIR @" },
  -- Attributes
  { { "true", umask = "022" }, deny = "umask:EPERM", "spawn set_umask EPERM -" },
  { { "true", limits = { nofile = { 10, 99999999999 } } },
    "spawn set_limit EPERM nofile" },
  { { "true", limits = { core = { 0, "unlimited" } } }, "spawn set_limit EPERM core",
    before = function()
      sys.limit("core", 0, 0)
      as_user()
    end },
  { { "true", max_files = 99999999999 }, "spawn set_limit EPERM nofile" },
  { { "true", max_processes = 5 }, deny = "prlimit64:EPERM", "spawn set_limit EPERM nproc" },
  { { "true", max_mem_lock = 5 }, deny = "prlimit64:EPERM",
    "spawn set_limit EPERM memlock" },
  { { "true", max_core_size = 5 }, deny = "prlimit64:EINVAL", "spawn set_limit EINVAL core" },
  { { "true", nice = -5 }, "spawn set_nice EACCES -5", before = as_user },
  { { "true", nice = 5 }, deny = "setpriority:EPERM", "spawn set_nice EPERM 5" },
  { { "true", cpu_affinity = { 8191 } }, "spawn set_cpu_affinity EINVAL -" },
  { { "true", cpu_affinity = "all" }, deny = "sched_setaffinity:EPERM",
    "spawn set_cpu_affinity EPERM -" },
  { { "true", run_alone = true }, deny = "prctl(PR_SCHED_CORE):EINVAL",
    "spawn core_scheduling EINVAL 0" },
  { { "true", run_among = 1 }, deny = "prctl(PR_SCHED_CORE):ESRCH",
    "spawn core_scheduling ESRCH 1" },
  { { "true", no_new_privs = true }, deny = "prctl(PR_SET_NO_NEW_PRIVS):EINVAL",
    "spawn set_no_new_privs EINVAL -" },
  { { "true", parent_death_signal = "TERM" }, deny = "prctl(PR_SET_PDEATHSIG):EINVAL",
    "spawn set_parent_death_signal EINVAL -" },
  { { "true", cwd = "@/none" }, "spawn set_working_directory ENOENT @/none" },
  { { "true", cwd = "@/plain" }, "spawn set_working_directory ENOTDIR @/plain" },
  { { "true", cwd = "@/closed" }, "spawn set_working_directory EACCES @/closed",
    before = as_user },
  -- Hook, labels, identity
  { { "true", pre_exec_hook = function() return false, "no" end },
    "spawn set_pre_exec_hook ECANCELED -" },
  { { "true", selinux_label = "a:b:c:s0" }, unless = features.selinux_enabled,
    "spawn set_selinux_label EOPNOTSUPP a:b:c:s0" },
  { { "true", apparmor_profile = "x" }, unless = features.apparmor_enabled,
    "spawn set_apparmor_profile EOPNOTSUPP x" },
  { { "true", groups = { 7 } }, "spawn set_groups EPERM -", before = as_user },
  { { "true", gid = 7 }, "spawn set_gid EPERM 7", before = as_user },
  { { "true", uid = 7 }, "spawn set_uid EPERM 7", before = as_user },
  { { "true", user = "daemon" }, "spawn set_groups EPERM -", before = as_user },
  { { "true", uid = 7 }, deny = "setresuid:EAGAIN", "spawn set_uid EAGAIN 7" },
  { { "true", allow_cap = "net_raw" }, "spawn capabilities EPERM net_raw",
    before = as_user },
  { { "true", clear_caps = true }, deny = "prctl(PR_CAPBSET_DROP):EPERM", root = true,
    "spawn capabilities EPERM -" },
  { { "true", clear_caps = true }, deny = "capset:EPERM", root = true,
    "spawn capabilities EPERM -" },
  -- Sandbox
  { { "true", sandbox = { read = { "@/none" } } }, "spawn sandbox_files ENOENT @/none" },
  { { "true", sandbox = { network = true } }, deny = "landlock_restrict_self:EPERM",
    "spawn sandbox_files EPERM -" },
  { { "true", sandbox = { network = true } }, deny = "landlock_create_ruleset:ENOSYS",
    "spawn sandbox_files ENOSYS -" },
  { { "true", sandbox = {} }, deny = "seccomp(SECCOMP_SET_MODE_FILTER):EPERM",
    "spawn sandbox_network EPERM -" },
  { { "true", sandbox = { network = true, syscalls = "default" } },
    deny = "seccomp(SECCOMP_SET_MODE_FILTER):EPERM", "spawn sandbox_syscalls EPERM -" },
  { { "true", sandbox = { cgroup = "/none" } }, "spawn sandbox_cgroup EOPNOTSUPP cgroup" },
  { { "true", sandbox = { private = { tmp = true } } }, deny = "unshare:EPERM",
    "spawn sandbox_private EPERM private" },
  { { "true", sandbox = { private = { hide = { "@/none" } } } },
    "spawn sandbox_private ENOENT @/none" },
  -- Handshake, signals, exec
  { { "true", require_handshake = true }, deny = each_low("write", "EIO"),
    "spawn require_handshake EIO -" },
  { { "true" }, deny = "rt_sigaction(20):EPERM", "spawn signals EPERM -" },
  { { "@/none" }, "spawn exec ENOENT @/none" },
  { { "@/none", daemonize = true }, "spawn exec ENOENT @/none" },
  { { "@/plain" }, "spawn exec EACCES @/plain" },
  { { "@/script" }, "spawn exec ENOENT @/script" },
  { { "@" }, "spawn exec EACCES @" },
  { { "@/text" }, "spawn exec ENOEXEC @/text" },
  { { helper.tiny, ("x"):rep(200000) }, "spawn exec E2BIG " .. helper.tiny },
  -- After the start
  { { helper.probe, "--out", 10 }, deny = each_low("read", "EIO"),
    "io exchange EIO -" },
}

local function in_directory(value, dir)
  if type(value) == "string" then return (value:gsub("@", dir)) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, item in pairs(value) do copy[key] = in_directory(item, dir) end
  return copy
end

local function furnish(dir)
  local lfs = require "lfs"
  sys.chmod(dir, tonumber("755", 8))
  helper.write_file(dir .. "/plain", "x", "644")
  helper.write_file(dir .. "/script", "#!/no/such/interpreter\n", "755")
  helper.write_file(dir .. "/text", "echo text\n", "755")
  lfs.mkdir(dir .. "/dir")
  lfs.mkdir(dir .. "/closed")
  sys.chmod(dir .. "/closed", 0)
end

--- Handshakes and pipes are what run refuses; the failure of a handshake comes when it is
--- waited for.
local function attempt(cmd, spec)
  if not (spec.require_handshake or spec.pipes) then return cmd:run() end
  local process, err = cmd:run_async()
  if not process then return nil, err end
  local value
  value, err = process:handshake_wait(10)
  process:close()
  return value, err
end

local function provoke(case, dir)
  local spec = in_directory(case[1], dir)
  local cmd = noshell.command(case.stdio and spec_of(spec) or spec)
  if case.change then case.change(cmd) end
  for name, value in pairs(case.env or {}) do
    sys.setenv(name, in_directory(value, dir))
  end
  local before = helper.snapshot()
  if case.before then case.before() end
  if case.deny then assert(sys.deny(case.deny)) end
  local value, err = attempt(cmd, spec)
  local fields = probing.fields(value, err)
  -- The child whose record could not be read is still to be reaped.
  if case.deny ~= each_low("read", "EIO") then
    fields.leaks = probing.leaks(before)
  end
  return fields
end

describe("a start that fails", function()
  helper.leak_check()

  for _, case in ipairs(cases) do
    local expected = case[2]
    local cause = case.deny and " (denied)" or ""
    it("is reported: " .. expected:gsub("/%S*/", "") .. cause, function()
      if case.root then helper.require_or_pending("caps", is_root, "root") end
      if case.unless then pending("that module is enabled here") end
      for _, path in ipairs(helper.paths) do
        helper.with_tmpdir(function(dir)
          furnish(dir)
          local got = helper.with_path(path, forked, provoke, case, dir)
          assert.equal(in_directory(expected, dir), got.described, got.text)
          assert.equal("none", got.leaks or "none")
          assert.equal("", got.stderr)
        end)
      end
    end)
  end
end)

describe("the memory for a plan", function()
  helper.leak_check()

  it("may be short; then nothing is started", function()
    if os.getenv "NOSHELL_INSTRUMENTED" then
      pending "what is instrumented has its own idea of memory"
    end
    local got = forked(function()
      local cmd = noshell.command("cat"):set_input_buffer(("x"):rep(40 * 1024 * 1024))
      collectgarbage()
      local size = helper.read_file "/proc/self/status":match "VmSize:%s*(%d+)"
      sys.limit("as", (tonumber(size) + 20 * 1024) * 1024)
      local before = helper.snapshot()
      local fields = probing.fields(cmd:run())
      fields.leaks = probing.leaks(before)
      return fields
    end)
    assert.equal("spawn plan ENOMEM -", got.described)
    assert.equal("none", got.leaks)
  end)
end)

describe("an exec that fails", function()
  helper.leak_check()

  it("is reported as a failed start, stage by stage, and changes nothing", function()
    for _, case in ipairs {
      { { "no-such-program" }, "spawn find_program ENOENT no-such-program" },
      { { "/none" }, "spawn exec ENOENT /none" },
      { { "true", cwd = "/none" }, "spawn set_working_directory ENOENT /none" },
      { { "true", stdin = { path = "/none" } }, "spawn set_stdin ENOENT /none" },
      { { "true", umask = 0, cwd = "/", nice = 5, pid_file = "/none/x" },
        "spawn set_pid_file ENOENT /none/x" },
      { { "true", daemonize = true }, "invalid - - -" },
      { { "true", require_handshake = true }, "invalid - - -" },
    } do
      local got = forked(function()
        local before, mask = helper.snapshot(), sys.umask()
        local here = require("lfs").currentdir()
        local value, err = noshell.exec(case[1])
        local fields = probing.fields(value, err)
        fields.same = mask == sys.umask() and here == require("lfs").currentdir()
        fields.leaks = probing.leaks(before)
        return fields
      end)
      assert.equal(case[2], got.described)
      assert.equal("none", got.leaks)
      assert.equal("", got.stderr)
      assert.is_true(got.same)
    end
  end)
end)

describe("a host that cannot wait", function()
  helper.leak_check()

  it("is an error, and the program is reaped nevertheless", function()
    local got = forked(function()
      local from, to = sys.pipe()
      local cmd = noshell.command(helper.probe, "--block-on", from):pass_fd(from)
      assert(sys.deny "ppoll:EIO")
      local result, err = cmd:run()
      sys.close(from)
      sys.close(to)
      collectgarbage()
      collectgarbage()
      while require("noshell.core").reap() > 0 do sys.sleep(0.001) end
      return { ran = result ~= nil, err = helper.said(err), zombies = #helper.zombies() }
    end)
    assert.is_false(got.ran)
    assert.matches("^noshell: cannot wait for .*: wait: .*%(EIO%)$", got.err)
    assert.equal(0, got.zombies)
  end)
end)
