-- labels.lua selinux|apparmor|none: labels from Lua, run by spec/vm in a
-- machine whose policy it knows. There is no busted there: a line for each
-- check, and the sum.

local noshell = require "noshell"

local target, probe = "/test/target", "/spec/probe"
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

--- Returns the child's label as the probe reports it; or nil and the failure.
local function label_of(spec)
  local result, err = noshell.run(spec)
  if not result then return nil, err end
  return result.stdout:match("\nlabel=([^\n]*)")
end

local function check_label(what, spec, want)
  local label, err = label_of(spec)
  check(what, label or tostring(err), want)
end

--- Asserts only that it starts: without descriptors the probe cannot report everything.
local function check_starts(what, spec)
  spec.check = false
  local result, err = noshell.run(spec)
  check(what, result and "started" or tostring(err), "started")
end

--- Returns the text of an error without the line of this script.
local function message(err)
  return (tostring(err):gsub(" %(/spec/labels%.lua:%d+%)$", ""))
end

local function check_refused(what, spec, stage, errname)
  local label, err = label_of(spec)
  if label then
    check(what, label, stage .. " " .. errname)
  else
    check(what, ("%s %s %s"):format(err.code, err.stage, err.errname),
      ("spawn %s %s"):format(stage, errname))
  end
  return err or {}
end

--- The launch path of a program that shares nothing with us.
local function path_of(spec)
  local process, err = noshell.run_async(spec)
  if not process then return tostring(err) end
  local path = process.launch
  process:wait()
  return path
end

--- Returns the label that this thread requests for its next exec; with SELinux, "\n" for
--- none.
local function request(label)
  local file = assert(io.open("/proc/thread-self/attr/exec", "w"))
  file:write(label)
  file:close()
end

local function context(kind)
  return "vm_u:vm_r:" .. kind .. ":s0"
end

--- A sandbox with all that this kernel has: its Landlock cannot forbid signals.
local function sandbox()
  local paths = { "@system", "/test", "/spec" }
  return { read = paths, exec = paths, syscalls = "default",
    private = { pid = true, tmp = true, hide = { "/spec/list" } },
    require = { "read", "exec", "write", "network", "syscalls", "private" } }
end

--- Checks a label in a sandbox, which sets no_new_privs.
local function check_sandboxed(spec, want)
  if not noshell.features().sandbox.seccomp then return end
  spec.sandbox = sandbox()
  check_label("a label in a sandbox", spec, want)
  local result = noshell.run(spec)
  check("its parts", result and result.sandbox.read .. ", " .. result.sandbox.private,
    "landlock 2, namespaces")
end

local function check_selinux()
  check("the launch path", path_of { target, selinux_label = context "b_t" }, "launcher")
  request(context "b_t")
  check_label("a label that the host has requested for its exec",
    { target, clear_caps = true }, context "b_t")
  check("its launch path", path_of { target, clear_caps = true }, "own")
  request "\n"
  check_label("no label", { target }, context "a_t")
  check_label("a label", { target, selinux_label = context "b_t" }, context "b_t")
  check_label("a label by setter",
    noshell.command(target):set_selinux_label(context "b_t"), context "b_t")
  check_starts("a label, and a limit that leaves no descriptor to write it",
    { target, max_files = 3, selinux_label = context "b_t" })
  check_label("if_enabled, and it is",
    { target, selinux_label = { context "b_t", if_enabled = true } },
    context "b_t")
  check_label("no_new_privs, and a rule for it",
    { target, selinux_label = context "n_t", no_new_privs = true },
    context "n_t")
  check_sandboxed({ target, selinux_label = context "n_t" }, context "n_t")
  check_refused("no_new_privs, and none",
    { target, selinux_label = context "b_t", no_new_privs = true }, "exec", "EPERM")
  local err = check_refused("a denied transition",
    { target, selinux_label = context "c_t" }, "exec", "EACCES")
  check("its message", message(err), "noshell: cannot start '/test/target': "
    .. "exec '/test/target': not permitted, with the label "
    .. "'vm_u:vm_r:c_t:s0' (EACCES)")
  check_refused("a program that is no entry point",
    { probe, selinux_label = context "b_t" }, "exec", "EACCES")
  err = check_refused("an invalid context",
    { target, selinux_label = context "nosuch_t" }, "set_selinux_label", "EINVAL")
  check("its message", message(err), "noshell: cannot start '/test/target': "
    .. "set_selinux_label 'vm_u:vm_r:nosuch_t:s0': "
    .. "not a valid context in the loaded policy (EINVAL)")
end

local function check_apparmor()
  check("the launch path", path_of { target, apparmor_profile = "vm_b" }, "launcher")
  check_label("no profile", { target }, "unconfined")
  check_label("a profile", { target, apparmor_profile = "vm_b" }, "vm_b (enforce)")
  check_label("a profile by setter",
    noshell.command(target):set_apparmor_profile("vm_b"), "vm_b (enforce)")
  check_label("with no_new_privs",
    { target, apparmor_profile = "vm_b", no_new_privs = true }, "vm_b (enforce)")
  check_sandboxed({ target, apparmor_profile = "vm_b" }, "vm_b (enforce)")
  check_starts("a profile, and a limit that leaves no descriptor to write it",
    { target, max_files = 3, apparmor_profile = "vm_b" })
  check_label("if_enabled, and it is",
    { target, apparmor_profile = { "vm_b", if_enabled = true } },
    "vm_b (enforce)")
  local err = check_refused("a profile that is not loaded",
    { target, apparmor_profile = "nosuch" }, "set_apparmor_profile", "ENOENT")
  check("its subject", err.subject, "nosuch")
  request "exec vm_b"
  check_label("a profile that the host has requested for its exec",
    { target, clear_caps = true }, "vm_b (enforce)")
  check("its launch path", path_of { target, clear_caps = true }, "own")
end

local function check_inactive(option, stage, module)
  local err = check_refused(option .. " where there is none",
    { probe, [option] = "some:label" }, stage, "EOPNOTSUPP")
  check("its message", message(err), ("noshell: cannot start '/spec/probe': "
    .. "%s 'some:label': %s is not enabled on this system (EOPNOTSUPP)"):format(
    stage, module))
  local result = noshell.run { probe,
    [option] = { "some:label", if_enabled = true } }
  check("if_enabled lets it pass", result and result.ok, true)
end

local mode = ...
local features = noshell.features()
check("features tell of SELinux", features.selinux_enabled, mode == "selinux")
check("features tell of AppArmor", features.apparmor_enabled, mode == "apparmor")
if mode == "selinux" then
  check_selinux()
else
  check_inactive("selinux_label", "set_selinux_label", "SELinux")
end
if mode == "apparmor" then
  check_apparmor()
else
  check_inactive("apparmor_profile", "set_apparmor_profile", "AppArmor")
end
print(("%d passed, %d failed, 0 skipped"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
