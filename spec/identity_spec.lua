-- The child's ids, groups and five capability sets, from its /proc/self/status.
-- stages_spec has the failures.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys
local is_root = sys.getuid() == 0

local NET_RAW, KILL = 13, 5

--- A capability set as status has it, of these numbers.
local function set_of(...)
  local high, low = 0, 0
  for i = 1, select("#", ...) do
    local number = select(i, ...)
    if number < 32 then low = low + 2 ^ number else high = high + 2 ^ (number - 32) end
  end
  return ("%08x%08x"):format(high, low)
end

local NONE = set_of()

--- This process's own capabilities.
local own = {}
for name, value in helper.read_file("/proc/self/status"):gmatch "(Cap%a+):%s*(%x+)" do
  own[name] = value
end

local function ids_of(report)
  return ("%s,%s,%s,%s %s,%s,%s,%s"):format(report.ruid, report.euid, report.suid,
    report.fsuid, report.rgid, report.egid, report.sgid, report.fsgid)
end

local function caps_of(report)
  return { inheritable = report.CapInh, permitted = report.CapPrm,
    effective = report.CapEff, bounding = report.CapBnd, ambient = report.CapAmb }
end

--- Returns the report of a child of this command, which has its own memory.
local function child(cmd)
  helper.require_or_pending("caps", is_root and own.CapEff:match "[^0]", "root")
  local report, launch = probing.report(cmd)
  assert.equal(helper.apart(), launch)
  return report
end

--- The gid and the groups of an account, as the system has them.
local function account(name)
  local function ask(flag) return assert(noshell.output("id", flag, name)) end
  local groups = {}
  for group in ask("-G"):gmatch "%d+" do groups[#groups + 1] = tonumber(group) end
  table.sort(groups)
  return tonumber(ask "-u"), tonumber(ask "-g"), table.concat(groups, ",")
end

describe("the child's ids", function()
  helper.leak_check()

  helper.each_apart(function()
    it("are real, effective, saved and of the file system", function()
      local report = child(probing.command():set_uid(12345):set_gid(23456):set_groups {})
      assert.equal("12345,12345,12345,12345 23456,23456,23456,23456", ids_of(report))
      assert.equal("", report.groups)
    end)

    it("can be changed one by one", function()
      assert.equal("0,0,0,0 23456,23456,23456,23456",
        ids_of(child(probing.command():set_gid(23456))))
      assert.equal("12345,12345,12345,12345 0,0,0,0",
        ids_of(child(probing.command():set_uid(12345))))
    end)

    it("may be as large as the kernel permits", function()
      assert.equal(("4294967294,"):rep(4):sub(1, -2), (ids_of(child(probing.command()
        :set_uid(4294967294))):match "^%S+":gsub("%-2", "4294967294")))
    end)

    it("come from names, or from numbers as text", function()
      local uid, gid = account "nobody"
      local report = child(probing.command():set_uid("nobody"):set_gid("nogroup"))
      assert.equal(("%d %d"):format(uid, gid), report.euid .. " " .. report.egid)
      report = child(probing.command():set_uid("12345"):set_gid("23456"))
      assert.equal("12345 23456", report.euid .. " " .. report.egid)
    end)

    it("are those of an account, with its groups, after set_user", function()
      local uid, gid, groups = account "daemon"
      local report = child(probing.command():set_user("daemon"))
      assert.equal(("%d %d %s"):format(uid, gid, groups),
        ("%s %s %s"):format(report.ruid, report.sgid, report.groups))
    end)

    it("include the groups of their account, not ours, by default", function()
      local uid, gid, groups = account "daemon"
      assert.equal(groups, child(probing.command():set_uid(uid):set_gid(gid)).groups)
      assert.equal("23456", child(probing.command():set_uid(12345):set_gid(23456)).groups)
      assert.equal("23456", child(probing.command():set_gid(23456)).groups)
      assert.equal("", child(probing.command():set_uid(12345)).groups)
    end)

    it("include exactly the groups of set_groups", function()
      assert.equal("7,70000,4294967294", (child(probing.command()
        :set_groups { 70000, 7, 4294967294 }).groups:gsub("%-2", "4294967294")))
      assert.equal("", child(probing.command():set_groups {}).groups)
      local name, number = noshell.output("getent", "group", "tty"):match "^(%w+):[^:]*:(%d+)"
      assert.equal("0," .. number, child(probing.command():set_groups { name, "0" }).groups)
      local many = {}
      for i = 1, 1000 do many[i] = i end
      assert.matches("^1,2,3,", child(probing.command():set_groups(many)).groups)
    end)

    it("may be our own without privilege", function()
      local got = forked(function()
        if is_root then assert(sys.become(12345, 23456)) end
        local before = probing.report(probing.command())
        return { before = ids_of(before), ids = ids_of(probing.report(probing.command()
          :set_uid(tonumber(before.ruid)):set_gid(tonumber(before.rgid)))) }
      end)
      assert.equal(got.before, got.ids)
    end)

    it("change before the working directory is entered, which is the target's", function()
      helper.with_tmpdir(function(dir)
        sys.chmod(dir, tonumber("700", 8))
        local cmd = noshell.command("true"):set_working_directory(dir):set_uid(12345)
        helper.require_or_pending("caps", is_root, "root")
        local _, err = cmd:run()
        assert.equal("spawn set_working_directory EACCES " .. dir, probing.described(err))
        sys.chown(dir, 12345, 0)
        assert(cmd:run())
      end)
    end)

    it("decide which program of PATH can be executed", function()
      helper.require_or_pending("caps", is_root, "root")
      helper.with_tmpdir(function(dir)
        local lfs = require "lfs"
        sys.chmod(dir, tonumber("755", 8))
        for _, name in ipairs { "closed", "open" } do
          lfs.mkdir(dir .. "/" .. name)
          helper.write_file(dir .. "/" .. name .. "/tool",
            "#!/bin/sh\necho " .. name .. "\n", "755")
        end
        sys.chmod(dir .. "/closed", tonumber("700", 8))
        local before = os.getenv "PATH"
        sys.setenv("PATH", dir .. "/closed:" .. dir .. "/open")
        local ours = noshell.output("tool")
        local theirs = noshell.output { "tool", uid = 12345 }
        sys.setenv("PATH", before)
        assert.equal("closed open", ours .. " " .. theirs)
      end)
    end)
  end)
end)

describe("the child's capabilities", function()
  helper.leak_check()

  helper.each_apart(function()
    it("are lost after a change of user", function()
      local report = child(probing.command():set_uid(12345))
      assert.same({ inheritable = NONE, permitted = NONE, effective = NONE,
        bounding = own.CapBnd, ambient = NONE }, caps_of(report))
    end)

    it("are the allowed ones, kept and ambient, after a change of user", function()
      local report = child(probing.command():set_uid(12345)
        :allow_cap("net_raw", "CAP_KILL"))
      local set = set_of(NET_RAW, KILL)
      assert.same({ inheritable = set, permitted = set, effective = set,
        bounding = own.CapBnd, ambient = set }, caps_of(report))
      assert.equal("12345,12345,12345,12345 0,0,0,0", ids_of(report))
    end)

    it("are exactly the allowed ones in all five sets with clear_caps and another user", function()
      local set = set_of(NET_RAW)
      assert.same({ inheritable = set, permitted = set, effective = set, bounding = set,
        ambient = set }, caps_of(child(probing.command():set_uid(12345):set_gid(12345)
        :clear_caps():allow_cap(NET_RAW))))
    end)

    it("are none with clear_caps, even for root", function()
      for _, cmd in ipairs { probing.command(), probing.command():set_uid(12345) } do
        assert.same({ inheritable = NONE, permitted = NONE, effective = NONE,
          bounding = NONE, ambient = NONE }, caps_of(child(cmd:clear_caps())))
      end
    end)

    it("are the allowed ones for root after clear_caps, and bounded by them", function()
      local set = set_of(NET_RAW)
      assert.same({ inheritable = set, permitted = set, effective = set, bounding = set,
        ambient = NONE }, caps_of(child(probing.command():clear_caps()
        :allow_cap("net_raw"))))
    end)

    it("are root's own if one is allowed and nothing is cleared", function()
      local caps = caps_of(child(probing.command():allow_cap("net_raw")))
      assert.equal(own.CapPrm, caps.permitted)
      assert.equal(own.CapEff, caps.effective)
      assert.equal(own.CapBnd, caps.bounding)
      assert.equal(set_of(NET_RAW), caps.inheritable)
    end)

    it("may be dropped by a user who has some, with no_new_privs", function()
      helper.require_or_pending("caps", is_root, "root")
      local cmd = noshell.command(helper.lua.name, "-e", ([[
        package.path, package.cpath = %q, %q
        local noshell = require "noshell"
        print(noshell.output { %q, clear_caps = true })
      ]]):format(package.path, package.cpath, helper.probe))
      local report = helper.probe_report(assert(cmd:set_uid(12345):allow_cap("net_raw")
        :output()) .. "\n")
      assert.same({ inheritable = NONE, permitted = NONE, effective = NONE,
        bounding = own.CapBnd, ambient = NONE }, caps_of(report))
      assert.equal("1", report.no_new_privs)
    end)

    it("that we do not hold cannot be allowed", function()
      local got = forked(function()
        if is_root then assert(sys.become(12345, 12345)) end
        return probing.fields(noshell.run { "true", allow_cap = "net_raw" })
      end)
      assert.equal("spawn capabilities EPERM net_raw", got.described)
      assert.equal("this process does not have this capability", got.reason)
    end)

    it("do not affect no_new_privs, securebits or other attributes", function()
      local report = child(probing.command():set_uid(12345):allow_cap("net_raw"))
      assert.equal("0 0", report.no_new_privs .. " " .. report.securebits)
    end)
  end)
end)

describe("the parent of a child with another user", function()
  helper.leak_check()

  local function own_state()
    local status = helper.read_file "/proc/self/status"
    return table.concat({ status:match "Uid:[^\n]*", status:match "Gid:[^\n]*",
      status:match "Groups:[^\n]*", status:match "CapEff:[^\n]*",
      status:match "CapPrm:[^\n]*", status:match "Umask:[^\n]*",
      status:match "NoNewPrivs:[^\n]*", status:match "SigIgn:[^\n]*",
      status:match "SigCgt:[^\n]*", status:match "SigBlk:[^\n]*",
      tostring(sys.dumpable()), require("lfs").currentdir(),
      helper.read_file "/proc/self/limits" }, "\n")
  end

  helper.each_path(function()
    it("keeps its ids, its dumpable flag and its directory", function()
      helper.require_or_pending("caps", is_root, "root")
      local before = own_state()
      local specs = {
        { "true", uid = 12345, gid = 12345, groups = {}, clear_caps = true },
        { "true", uid = 12345, allow_cap = "net_raw", umask = 7, cwd = "/" },
        { "true", umask = 63, cwd = "/", no_new_privs = true, limits = { core = 0 } },
        { "true", user = "nobody", pre_exec_hook = function() return true end },
        { "true", uid = 12345, cwd = "/none" },
        { "true", uid = 12345, daemonize = true },
      }
      for _, spec in ipairs(specs) do
        noshell.run(spec)
        assert.equal(before, own_state())
      end
    end)
  end)
end)
