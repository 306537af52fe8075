-- The child's signals, ids, capabilities, limits, session, and daemons, as the probe
-- reports them, through noshell.h without Lua.
local helper = require "spec.support.helper"
local driver = require "spec.support.driver"
local sys = helper.sys

if not driver.is_wanted then return end

local probe = { helper.probe, "--to", "@C" }
local is_root = sys.getuid() == 0
local none = "0000000000000000"

local function child(words, options)
  local report = driver.clean(words, probe, options)
  assert.equal("1", report.ok, report.reason)
  assert.same({ 0, 1, 2 }, report.child.fds)
  return report.child, report
end

local function assert_fields(expected, report)
  for key, value in pairs(expected) do
    assert.equal(key .. "=" .. value, key .. "=" .. tostring(report[key]))
  end
end

--- Words of the five sets, from numbers of capabilities.
local function word(...)
  local digits = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
  for _, cap in ipairs { ... } do
    local at = 16 - math.floor(cap / 4)
    digits[at] = digits[at] + 2 ^ (cap % 4)
  end
  return (("%x"):rep(16)):format((table.unpack or unpack)(digits))
end

local bounding = helper.read_file("/proc/self/status"):match("CapBnd:%s*(%x+)")

describe("a child's signals", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("are default and unblocked even if the parent ignores or blocks them", function()
      for _, words in ipairs { { "stdin=null" }, { "ignore=0" }, { "block=0" },
        { "ignore=0", "block=0" }, { "block=34", "ignore=64" }, { "ignore=17", "hook=ok" },
        { "ignore=0", "block=0", "daemon" }, { "ignore=0", "block=0", "uid=7" } } do
        local seen = child(words, { path = path, check = function(dir)
          for _ = 1, 200 do
            if require("lfs").attributes(dir .. "/child", "size") then break end
            sys.sleep(0.005)
          end
        end })
        assert_fields({ sigmask = none, sigign = none, sigcgt = none }, seen)
      end
    end)
  end)
end)

describe("a child's attributes", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("are those that were set", function()
      local seen = child({ "umask=013", "cwd=/usr", "limit=nofile:100:200",
        "limit=core:0:0", "limit=stack:1048576:1048577", "nice=7", "session", "nnp",
        "death=10", "arg0=other" }, { path = path })
      assert_fields({ umask = "0013", cwd = "/usr", ["limit.nofile"] = "100:200",
        ["limit.core"] = "0:0", ["limit.stack"] = "1048576:1048577", nice = "7",
        no_new_privs = "1", pdeathsig = "10", argv0 = "other", sid = seen.pid,
        pgid = seen.pid }, seen)
      assert.equal("0000", child({ "umask=0" }, { path = path }).umask)
      seen = child({ "group" }, { path = path })
      assert.equal(seen.pid, seen.pgid)
      assert.are_not.equal(seen.pid, seen.sid)
    end)

    it("are the parent's by default", function()
      local own_nice = helper.read_file("/proc/self/stat"):match("^%d+ %b()"
        .. (" %S+"):rep(16) .. " (%S+)")
      local seen = child({ "stdin=null" }, { path = path, hostile = { UMASK = "071" } })
      assert_fields({ umask = "0071", nice = own_nice, no_new_privs = "0", pdeathsig = "0",
        cwd = require("lfs").currentdir() }, seen)
    end)
  end)
end)

describe("a child's identity", function()
  helper.leak_check()

  local ids = { ruid = "7", euid = "7", suid = "7", fsuid = "7", rgid = "8", egid = "8",
    sgid = "8", fsgid = "8", groups = "9,10" }
  local drop = { "uid=7", "gid=8", "groups=9,10" }

  local function dropped(words, expected)
    helper.require_or_pending("caps", is_root, "root")
    local all = {}
    for _, list in ipairs { drop, words } do
      for _, value in ipairs(list) do all[#all + 1] = value end
    end
    for _, path in ipairs { "own", "launcher" } do
      local seen, report = child(all, { path = path })
      assert.equal(path, report.launch)
      assert_fields(ids, seen)
      assert_fields(expected, seen)
    end
  end

  it("drops all capabilities", function()
    dropped({}, { CapInh = none, CapPrm = none, CapEff = none, CapAmb = none,
      CapBnd = bounding })
  end)

  it("drops and keeps a capability", function()
    local kept = word(13)
    dropped({ "cap=net_raw" }, { CapInh = kept, CapPrm = kept, CapEff = kept,
      CapAmb = kept, CapBnd = bounding })
    dropped({ "clear-caps", "cap=net_raw", "cap=CAP_CHOWN" }, { CapInh = word(13, 0),
      CapPrm = word(13, 0), CapEff = word(13, 0), CapAmb = word(13, 0),
      CapBnd = word(13, 0) })
  end)

  it("drops everything", function()
    dropped({ "clear-caps" }, { CapInh = none, CapPrm = none, CapEff = none,
      CapAmb = none, CapBnd = none })
  end)

  it("stays root without capabilities, or with one", function()
    helper.require_or_pending("caps", is_root, "root")
    local seen = child({ "clear-caps" })
    assert_fields({ euid = "0", CapInh = none, CapPrm = none, CapEff = none,
      CapAmb = none, CapBnd = none }, seen)
    local kept = word(13)
    seen = child({ "clear-caps", "cap=net_raw" })
    assert_fields({ euid = "0", CapPrm = kept, CapEff = kept, CapBnd = kept }, seen)
    seen = child({ "cap=net_raw" })
    assert_fields({ CapPrm = bounding, CapEff = bounding, CapBnd = bounding }, seen)
  end)

  it("is cleared without CAP_SETPCAP by setting no_new_privs", function()
    helper.require_or_pending("caps", is_root, "root")
    local without = { "only-caps=" .. word(7, 13) }
    for _, more in ipairs { "nnp", "clear-caps" } do
      local seen = child({ without[1], "clear-caps", more })
      assert_fields({ CapPrm = none, CapEff = none, no_new_privs = "1" }, seen)
    end
    local report = driver.clean({ without[1], "cap=chown" })
    assert.equal("capabilities EPERM", report.stage .. " " .. report.errno)
  end)

  it("cannot change without privilege", function()
    helper.require_or_pending("caps", is_root, "root")
    for word_, stage in pairs { ["uid=7"] = "set_uid", ["gid=7"] = "set_gid",
      ["groups=7"] = "set_groups", ["limit=core:0:99999999999"] = false,
      ["nice=-5"] = "set_nice" } do
      local report = driver.clean({ "be=12345", word_ })
      if stage then
        assert.equal("spawn", report.code)
        assert.equal(stage, report.stage)
      end
    end
  end)

  it("enters the directory as the target user", function()
    helper.require_or_pending("caps", is_root, "root")
    local report = driver.clean({ "uid=7", "gid=7", "cwd=@D/secret" }, nil,
      { setup = function(dir)
        require("lfs").mkdir(dir .. "/secret")
        sys.chmod(dir .. "/secret", tonumber("700", 8))
      end })
    assert.equal("set_working_directory EACCES", report.stage .. " " .. report.errno)
  end)

  it("keeps the parent-death signal", function()
    helper.require_or_pending("caps", is_root, "root")
    local seen = child({ "uid=7", "gid=7", "death=15", "cap=net_raw", "clear-caps" })
    assert.equal("15", seen.pdeathsig)
  end)

  it("is found for an account", function()
    helper.require_or_pending("caps", is_root, "root")
    local seen = child({ "user=nobody" })
    assert_fields({ ruid = "65534", rgid = "65534", groups = "65534" }, seen)
  end)
end)

describe("a daemon", function()
  helper.leak_check()

  local function pid_in(path)
    return tonumber((helper.read_file(path):match("^(%d+)\n$")))
  end

  it("has its own session, and / as its directory", function()
    for _, act in ipairs { "run", "ready" } do
      local words = { "daemon", "do=" .. act, act == "ready" and "handshake" or "stdin=null" }
      local report = driver.run(words, { helper.probe, "--to", "@C", "--report",
        "--sleep", "1000" }, { check = function(dir, report)
        for _ = 1, 400 do
          local file = io.open(dir .. "/child")
          local text = file and file:read("*a") or ""
          if file then file:close() end
          if text:find("limit.stack") then report.text = text break end
          sys.sleep(0.005)
        end
      end })
      assert.equal("1", report.ok, report.reason)
      assert.equal("", report.left)
      local seen = helper.probe_report(report.text)
      assert.equal(report.pid, seen.pid)
      assert.are_not.equal(seen.pid, seen.sid)
      assert.are_not.equal(seen.ppid, tostring(sys.getpid()))
      assert_fields({ cwd = "/", pgid = seen.sid }, seen)
      assert.same({ 0, 1, 2 }, seen.fds)
      os.execute("kill " .. report.pid)
    end
  end)

  it("holds its pid file, and a second one reports the holder", function()
    local words = { "daemon", "pid-file=@D/pid" }
    driver.run(words, { helper.probe, "--pause" }, { check = function(dir, first)
      assert.equal("1", first.ok, first.reason)
      assert.equal(tonumber(first.pid), pid_in(dir .. "/pid"))
      local second = driver.clean({ "daemon", "pid-file=" .. dir .. "/pid" })
      assert.equal("spawn set_pid_file EAGAIN " .. dir .. "/pid", ("%s %s %s %s"):format(
        second.code, second.stage, second.errno, second.subject))
      assert.equal("held by process " .. first.pid, second.reason)
      os.execute("kill " .. first.pid)
      for _ = 1, 400 do
        if not require("lfs").attributes("/proc/" .. first.pid) then break end
        sys.sleep(0.005)
      end
      local third = driver.clean({ "daemon", "pid-file=" .. dir .. "/pid" })
      assert.equal("1", third.ok, third.reason)
      assert.equal(tonumber(third.pid), pid_in(dir .. "/pid"))
    end })
  end)

  it("reports failures in the grandchild", function()
    local report = driver.clean({ "daemon", "cwd=/none" })
    assert.equal("set_working_directory ENOENT", report.stage .. " " .. report.errno)
    report = driver.clean({ "daemon", "hook=no" })
    assert.equal("set_pre_exec_hook no", report.stage .. " " .. report.reason)
    report = driver.clean({ "daemon" }, { "/none" })
    assert.equal("exec ENOENT", report.stage .. " " .. report.errno)
    report = driver.clean({ "daemon", "handshake", "do=ready", "cwd=/none" })
    assert.equal("-1 set_working_directory", report.ready .. " " .. report.stage)
    report = driver.clean({ "daemon", "handshake", "do=ready" }, { "/none" })
    assert.equal("-1 exec", report.notify .. " " .. report.stage)
  end)

  it("that is killed during its start is a failure that reports it", function()
    local report = driver.clean({ "daemon", "nice=1", "kill-on=141" })
    assert.equal("set_nice", report.stage)
    assert.truthy(report.signal ~= "0" or report.reason ~= "", "no word about why")
  end)
end)
