-- A change of uid empties the capability sets only if it leaves uid 0 and no
-- securebit forbids it, and noshell relied on that. A service with ambient
-- CAP_SETUID started a "nobody" that became root again.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

local KILL, SETGID, SETUID, SETPCAP = 2 ^ 5, 2 ^ 6, 2 ^ 7, 2 ^ 8
local NO_ROOT, NO_FIXUP, KEEP, LOCKED = 1, 4, 16, 2 + 8 + 32
local NONE, ONLY_KILL = ("0"):rep(16), ("%016x"):format(KILL)
local TARGET = 23456

--- As systemd's AmbientCapabilities= makes it.
local function service(set, securebits)
  local without = set >= SETPCAP and 0 or SETPCAP
  assert(sys.securebits(KEEP))
  assert(sys.become(12345, 12345))
  assert(sys.caps(set + without, set + without))
  assert(sys.securebits(securebits or 0))
  assert(sys.caps(set, set, set, set))
end

--- name, what makes this process that host, whether it has CAP_SETPCAP, and whether
--- an exec leaves it what it needs, so that it may use the launcher.
local hosts = {
  { "root", function() end, true, true },
  { "root with inheritable and ambient capabilities", function()
    local set = KILL + SETGID + SETUID + SETPCAP
    assert(sys.caps(set, set, set, set))
  end, true, true },
  { "a service with ambient capabilities", function()
    service(KILL + SETGID + SETUID + SETPCAP)
  end, true, true },
  { "a service that lowered its effective set", function()
    local set = KILL + SETGID + SETUID
    service(set + SETPCAP)
    assert(sys.caps(set + SETPCAP, set, 0, 0))
  end, true },
  { "a service without CAP_SETPCAP", function()
    service(KILL + SETGID + SETUID)
  end, false, true },
  { "a service with SECBIT_KEEP_CAPS locked", function()
    service(KILL + SETGID + SETUID, LOCKED)
  end, false },
  { "root with SECBIT_NO_SETUID_FIXUP", function()
    assert(sys.securebits(NO_FIXUP))
  end, true },
  { "root with SECBIT_KEEP_CAPS", function() assert(sys.securebits(KEEP)) end, true },
  { "root with SECBIT_NOROOT", function() assert(sys.securebits(NO_ROOT)) end, true },
  { "root with all securebits, locked", function()
    assert(sys.securebits(NO_ROOT + NO_FIXUP + KEEP + LOCKED))
  end, true },
  { "a set-user-ID program of root's", function()
    assert(sys.resuid(12345, 0, 0))
  end, true },
}

local function sets_of(cmd)
  local report, launch = probing.report(cmd)
  return { launch = launch, uids = table.concat({ report.ruid, report.euid, report.suid }, " "),
    sets = table.concat({ report.CapPrm, report.CapEff, report.CapInh, report.CapAmb }, " "),
    bounding = report.CapBnd, no_new_privs = report.no_new_privs }
end

local function in_host(host, change)
  return forked(function()
    host[2]()
    return sets_of(change(probing.command():set_uid(TARGET)))
  end)
end

local function four(set) return (set .. " "):rep(3) .. set end

describe("a program of another user", function()
  helper.leak_check()

  helper.each_apart(function()
    for _, host in ipairs(hosts) do
      it("has exactly the allowed capabilities if started by " .. host[1], function()
        helper.require_or_pending("caps", sys.getuid() == 0, "root")
        local got = in_host(host, function(cmd) return cmd end)
        assert.equal(four(NONE), got.sets)
        assert.equal(("%d %d %d"):format(TARGET, TARGET, TARGET), got.uids)
        assert.equal(host[4] and helper.apart() or "own", got.launch)
        assert.equal("0", got.no_new_privs)
        got = in_host(host, function(cmd) return cmd:allow_cap("kill") end)
        assert.equal(four(ONLY_KILL), got.sets)
      end)

      it("cannot regain one after clear_caps, if started by " .. host[1], function()
        helper.require_or_pending("caps", sys.getuid() == 0, "root")
        local got = in_host(host, function(cmd) return cmd:clear_caps() end)
        assert.equal(four(NONE), got.sets)
        if host[3] then
          assert.equal(NONE .. " 0", got.bounding .. " " .. got.no_new_privs)
        else
          assert.equal("1", got.no_new_privs)
        end
        got = in_host(host, function(cmd) return cmd:clear_caps():allow_cap("kill") end)
        assert.equal(four(ONLY_KILL), got.sets)
      end)
    end

    it("cannot become root if a service with ambient capabilities starts it", function()
      helper.require_or_pending("caps", sys.getuid() == 0, "root")
      local script = ("package.cpath = %q; print(require 'testsys'.become(0, 0))")
        :format(package.cpath)
      local got = forked(function()
        service(SETGID + SETUID)
        return { said = noshell.output { helper.lua.name, "-e", script, user = "nobody" } }
      end)
      assert.matches("^nil\tOperation not permitted", got.said)
    end)

    it("is not started without an allowed capability that the exec would clear", function()
      helper.require_or_pending("caps", sys.getuid() == 0, "root")
      local got = forked(function()
        assert(sys.resgid(0, 12345, 0))
        return probing.fields(noshell.run { "true", uid = TARGET, allow_cap = "kill" })
      end)
      assert.equal("spawn capabilities EPERM allow_cap", got.described)
      assert.matches("real and effective group IDs differ", got.reason)
      got = forked(function()
        assert(sys.resgid(0, 12345, 0))
        return sets_of(probing.command():set_uid(TARGET):set_gid(TARGET):allow_cap("kill"))
      end)
      assert.equal(four(ONLY_KILL), got.sets)
    end)
  end)
end)

describe("clear_caps", function()
  helper.leak_check()

  it("needs no privilege", function()
    local got = forked(function()
      if sys.getuid() == 0 then assert(sys.become(12345, 12345)) end
      return sets_of(probing.command():clear_caps())
    end)
    assert.equal(four(NONE) .. " 1", got.sets .. " " .. got.no_new_privs)
  end)

  it("leaves none to root if the bounding set cannot be reduced", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    local got = forked(function()
      assert(sys.caps(KILL, KILL, 0, 0))
      return sets_of(probing.command():clear_caps())
    end)
    assert.equal(four(NONE) .. " 1", got.sets .. " " .. got.no_new_privs)
  end)

  it("does not set no_new_privs if the bounding set is small enough", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    local cmd = noshell.command(helper.lua.name, "-e", ([[
      package.path, package.cpath = %q, %q
      io.write(require "noshell".output { %q, clear_caps = true }, "\n")
    ]]):format(package.path, package.cpath, helper.probe)):set_uid(TARGET):clear_caps()
    local report = helper.probe_report(assert(cmd:output()) .. "\n")
    assert.equal("0 " .. NONE, report.no_new_privs .. " " .. report.CapBnd)
  end)
end)

describe("allow_cap", function()
  helper.leak_check()

  it("gives root a capability that SECBIT_NOROOT would withhold", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    local got = forked(function()
      assert(sys.securebits(NO_ROOT))
      return sets_of(probing.command():allow_cap("kill"))
    end)
    assert.equal(four(ONLY_KILL), got.sets)
  end)
end)
