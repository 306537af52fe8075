-- Limits and the other attributes of the child. What the kernel refuses is in
-- stages_spec.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

local function limits_of(cmd, ...)
  local report, limits = probing.report(cmd), {}
  for i, name in ipairs { ... } do limits[i] = report["limit." .. name] end
  return table.concat(limits, " ")
end

describe("limits", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("are exact, soft and hard", function()
      local report, launch = probing.report(probing.command():set_max_files(64)
        :set_max_core_size(4096):set_max_mem_lock(0):set_max_processes(12345)
        :set_limit("fsize", 1000001, 2000003))
      assert.equal(path, launch)
      assert.equal("64:64 4096:4096 0:0 12345:12345 1000001:2000003",
        ("%s %s %s %s %s"):format(report["limit.nofile"], report["limit.core"],
          report["limit.memlock"], report["limit.nproc"], report["limit.fsize"]))
    end)
  end)

  it("include all RLIMITs by name", function()
    local names = { "as", "core", "cpu", "data", "fsize", "locks", "memlock",
      "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
      "sigpending", "stack" }
    local before = probing.report(probing.command())
    for _, name in ipairs(names) do
      local soft, hard = before["limit." .. name]:match "^(.-):(.*)$"
      local value = math.min(tonumber(hard) or 2 ^ 40, tonumber(soft) or 2 ^ 40) - 1
      if value >= 0 then
        local text = ("%.0f"):format(value)
        assert.equal(text .. ":" .. hard, limits_of(probing.command():set_limit(name,
          value, tonumber(hard) or hard), name))
      else
        assert.equal("0:0", limits_of(probing.command():set_limit(name, 0), name))
      end
    end
  end)

  it("may be unlimited, by a word or math.huge", function()
    local hard = probing.report(probing.command())["limit.as"]:match ":(.*)$"
    helper.require_or_pending("limits", hard == "unlimited", "an unlimited RLIMIT_AS")
    assert.equal("unlimited:unlimited unlimited:unlimited 1099511627776:unlimited",
      limits_of(probing.command():set_limit("as", "unlimited"):set_limit("data",
        math.huge):set_limit("fsize", 2 ^ 40, "unlimited"), "as", "data", "fsize"))
  end)

  it("replace an earlier one of the same name", function()
    assert.equal("5:6", limits_of(probing.command():set_limit("core", 1)
      :set_limit("core", 5, 6), "core"))
  end)

  it("do not affect others", function()
    local before = probing.report(probing.command())
    assert.equal(before["limit.stack"], limits_of(probing.command():set_limit("core", 0),
      "stack"))
  end)

  it("apply to the program, not to the hook", function()
    assert(noshell.run { helper.tiny, max_files = 3,
      pre_exec_hook = function() return sys.open "/dev/null" end })
    assert.equal("4:4", limits_of(probing.command():set_max_files(4)
      :set_pre_exec_hook(function() return sys.limit("nofile", 5, 5) end), "nofile"))
  end)

  it("do not affect the start, even if no file may be open", function()
    assert.equal(0, assert(noshell.run { helper.tiny, max_files = 0 }).exit_code)
  end)
end)

describe("the umask", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("is the one set, even 0, or inherited", function()
      local report, launch = probing.report(probing.command():set_umask(0))
      assert.equal(path, launch)
      assert.equal("0000", report.umask)
      assert.equal("0777", probing.report(probing.command():set_umask "777").umask)
      assert.equal("0027", probing.report(probing.command():set_umask("027")).umask)
      assert.equal(("%04o"):format(sys.umask()),
        probing.report(probing.command()).umask)
    end)
  end)

  it("does not apply to files that the child creates before its exec", function()
    helper.with_tmpdir(function(dir)
      local before = sys.umask(tonumber("022", 8))
      assert(noshell.run { "true", umask = "777", stdout = { path = dir .. "/out" } })
      sys.umask(before)
      assert.equal("rw-r--r--", require("lfs").attributes(dir .. "/out", "permissions"))
    end)
  end)
end)

describe("the working directory", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("is the one set, relative to ours, or inherited", function()
      local here = require("lfs").currentdir()
      local report, launch = probing.report(probing.command():set_working_directory("/usr"))
      assert.equal(path, launch)
      assert.equal("/usr", report.cwd)
      assert.equal(here .. "/spec", probing.report(probing.command()
        :set_working_directory("spec")).cwd)
      assert.equal(here, probing.report(probing.command()).cwd)
    end)
  end)

  it("does not affect the search for the program", function()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/tool", "#!/bin/sh\npwd\n", "755")
      local here = require("lfs").currentdir()
      require("lfs").chdir(dir)
      local out = noshell.command("./tool"):set_working_directory("/usr"):output()
      require("lfs").chdir(here)
      assert.equal("/usr", out)
    end)
  end)
end)

--- Those that programs may use here, and the first of them.
local function processors()
  local all = probing.report(probing.command():set_cpu_affinity "all").cpus
  return all, tonumber(all:match "^%d+")
end

describe("attributes", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("are those that were set", function()
      local report, launch = probing.report(probing.command():set_nice(5)
        :new_session():set_no_new_privs():set_parent_death_signal("USR1"))
      assert.equal(path, launch)
      assert.equal("5 1 10", ("%s %s %s"):format(report.nice, report.no_new_privs,
        report.pdeathsig))
      assert.equal(report.pid, report.sid)
      assert.equal(report.pid, report.pgid)
    end)

    it("are inherited by default", function()
      local report, launch = probing.report(probing.command())
      assert.equal(path, launch)
      assert.equal("0 0", report.no_new_privs .. " " .. report.pdeathsig)
      assert.are_not.equal(report.pid, report.sid)
      assert.are_not.equal(report.pid, report.pgid)
      assert.equal(tostring(sys.getpid()), report.ppid)
    end)

    it("include a new process group in our session", function()
      local report = probing.report(probing.command():new_process_group())
      assert.equal(report.pid, report.pgid)
      assert.are_not.equal(report.pid, report.sid)
    end)
  end)

  it("include a nice value below 0 with privilege", function()
    helper.require_or_pending("caps", noshell.run { "true", nice = -5 }, "CAP_SYS_NICE")
    assert.equal("-5", probing.report(probing.command():set_nice(-5)).nice)
  end)

  it("include a parent-death signal that survives a change of user", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    local report = probing.report(probing.command():set_parent_death_signal(15)
      :set_uid(12345):set_gid(12345))
    assert.equal("15 12345", report.pdeathsig .. " " .. report.euid)
  end)

  it("accept signals by name and by number", function()
    for _, signal in ipairs { "TERM", "SIGTERM", 15 } do
      assert.equal("15", probing.report(probing.command()
        :set_parent_death_signal(signal)).pdeathsig)
    end
  end)

  it("end the child with its parent", function()
    local from, to = sys.pipe()
    forked(function()
      -- A process that holds `to` is alive.
      assert(noshell.run_async { helper.probe, "--pause",
        parent_death_signal = "KILL", pass_fds = { to } })
    end)
    sys.close(to)
    assert.is_true(sys.poll(from, "r", 10000))
    assert.equal("", sys.read(from, 1))
    sys.close(from)
  end)

  helper.each_path(function(path)
    it("include the processors that were set, or all", function()
      local all, first = processors()
      local report, launch = probing.report(probing.command():set_cpu_affinity { first })
      assert.equal(path .. " " .. first, launch .. " " .. report.cpus)
      assert.equal(all, probing.report(probing.command():set_cpu_affinity { first }
        :set_cpu_affinity("all")).cpus)
      assert.equal(tostring(first), probing.report(probing.command()
        :set_cpu_affinity { first }:clone()).cpus)
    end)
  end)

  it("permit a host that is bound to one processor to start programs on all", function()
    local all, first = processors()
    local script = ([[
      package.path, package.cpath = %q, %q
      local noshell = require "noshell"
      for _, affinity in ipairs { false, "all" } do
        print(noshell.output { %q, cpu_affinity = affinity or nil }
          :match "\ncpus=([^\n]*)")
      end
    ]]):format(package.path, package.cpath, helper.probe)
    assert.equal(first .. "\n" .. all, noshell.output { helper.lua.name, "-e", script,
      cpu_affinity = { first } })
  end)

  it("report that no such processor may be used", function()
    local _, err = noshell.run { "true", cpu_affinity = { 8191 } }
    assert.matches("set_cpu_affinity: none of these processors may be used here %(EINVAL%)",
      helper.said(err))
  end)

  it("include a core scheduling cookie, or fail if the kernel has none", function()
    local alone = probing.command():run_alone()
    if noshell.features().core_scheduling then
      assert(alone:run())
      assert(probing.command():run_among(sys.getpid()):run())
      return
    end
    for _, cmd in ipairs { alone, probing.command():run_among(sys.getpid()) } do
      local _, err = cmd:run()
      assert.equal("spawn core_scheduling", err.code .. " " .. err.stage)
    end
    helper.require_or_pending("core_scheduling", false, "a kernel with core scheduling")
  end)
end)
