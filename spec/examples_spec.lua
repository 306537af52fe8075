-- The examples in Lua, run as a reader would, with programs of the
-- names that they run.
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Runs an example with this PATH.
local function example(name, path, ...)
  local result = helper.run_lua(helper.lua,
    helper.read_file(("%s/spec/examples/%s.lua"):format(helper.root, name)),
    { PATH = path, LC_ALL = "C" }, { args = { ... } })
  return result.status, result.out, (result.err:gsub("%(%S+script%.lua:(%d+)%)", "(HERE:%1)"))
end

local function with_program(name, text, fn)
  helper.with_tmpdir(function(dir)
    helper.write_file(dir .. "/" .. name, "#!/bin/sh\n" .. text, "755")
    fn(dir, dir .. ":" .. os.getenv "PATH")
  end)
end

describe("the example login", function()
  helper.leak_check()

  local SSH = [[
test "$3" = device || exit 9
printf "admin@device's password: " >/dev/tty
read -r word </dev/tty
test "$word" = secret || { echo 'Permission denied' >&2; exit 255; }
exec sh -c "$4"]]

  local function login(password)
    local got
    with_program("ssh", SSH, function(_, path)
      local text = helper.read_file(helper.root .. "/spec/examples/login.lua")
      got = helper.run_lua(helper.lua, text, { PATH = path, DEVICE_PASSWORD = password },
        { args = { "device", "echo up 3 days" } })
    end)
    return got
  end

  it("types the password, and prints what the command writes", function()
    local got = login "secret"
    assert.equal("up 3 days\n", got.out .. got.err)
    assert.equal(0, got.status)
  end)

  it("reports that the password is wrong", function()
    local got = login "guess"
    assert.equal("1 ", got.status .. " " .. got.out)
    assert.matches("^login: noshell: 'ssh .*' exited with status 255: Permission denied "
      .. "%(.*:15%)\n$", got.err)
  end)
end)

describe("the example rtcwake", function()
  helper.leak_check()

  it("sets the alarm", function()
    with_program("rtcwake", 'echo "$*" >"$0.said"', function(dir, path)
      assert.same({ 0, "", "" }, { example("rtcwake", path, 5400) })
      assert.equal("-m no -s 5400\n", helper.read_file(dir .. "/rtcwake.said"))
    end)
  end)

  it("reports the failure", function()
    with_program("rtcwake", "echo 'no RTC here' >&2; exit 1", function(_, path)
      assert.same({ 1, "", "no wake-up alarm: noshell: 'rtcwake -m no -s 60' exited with "
        .. "status 1: no RTC here (HERE:10)\n" }, { example("rtcwake", path, 60) })
    end)
  end)

  it("reports that there is no such program", function()
    helper.with_tmpdir(function(dir)
      require("lfs").link(noshell.which(helper.lua.name), dir .. "/" .. helper.lua.name, true)
      local status, out, err = example("rtcwake", dir .. ":/none", 60)
      assert.equal("1 ", status .. " " .. out)
      assert.matches("find_program 'rtcwake': not found in PATH %(.*%) %(ENOENT%) %(HERE:10%)\n$",
        err)
    end)
  end)

  it("works with the real program, which has no clock here", function()
    local lfs = require "lfs"
    helper.require_or_pending("rtcwake", noshell.which "rtcwake", "rtcwake")
    -- No spec sets the alarm of a machine that has one.
    if lfs.attributes "/dev/rtc0" or lfs.attributes "/dev/rtc" then
      pending("this machine has a clock, which would be set")
    end
    local status, _, err = example("rtcwake", os.getenv "PATH", 60)
    assert.equal(1, status)
    assert.matches("^no wake%-up alarm: noshell: 'rtcwake %-m no %-s 60' exited", err)
    assert.matches("unable to find device", err)
  end)
end)

describe("the example iscsiadm", function()
  helper.leak_check()

  local LINES = "echo default tcp,empty,empty,empty,empty\n"
    .. "echo eth1 tcp,00:11,10.0.0.1,eth1,iqn.2001-04.com.example\n"
    .. "echo eth2 tcp,00:12,10.0.0.2,eth2,iqn.2001-04.com.example\n"

  it("finds the interface, line by line", function()
    with_program("iscsiadm", 'test "$*" = "--mode iface" || exit 7\n' .. LINES,
      function(_, path)
        assert.same({ 0, "eth1\n", "" },
          { example("iscsiadm", path, "iqn.2001-04.com.example") })
        assert.same({ 0, "none\n", "" }, { example("iscsiadm", path, "iqn.other") })
      end)
  end)

  it("reports the failure after some lines", function()
    with_program("iscsiadm", LINES .. "echo 'iscsiadm: No records found' >&2; exit 21",
      function(_, path)
        assert.same({ 1, "", "cannot ask iscsiadm: noshell: 'iscsiadm --mode iface' exited "
          .. "with status 21: iscsiadm: No records found (HERE:19)\n" },
          { example("iscsiadm", path, "iqn.2001-04.com.example") })
      end)
  end)

  it("works with the real program", function()
    helper.require_or_pending("iscsiadm", noshell.which "iscsiadm", "iscsiadm")
    local status, out, err = example("iscsiadm", os.getenv "PATH", "iqn.none")
    assert.truthy((status == 0 and out == "none\n")
      or (status == 1 and err:match "^cannot ask iscsiadm: noshell: 'iscsiadm"), err)
  end)
end)
