-- The supervisor: what it holds of the host's, and how long it lives.
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"

local sys = helper.sys

-- A kernel before 6.15.
local FORGETFUL = "ioctl(PIDFD_GET_INFO):ENOTTY"

--- A host that starts a program and ends, while that waits for the end of file
--- at descriptor 8. What else the host has, 7, is not the program's.
local HOST = [[
  local noshell = require "noshell"
  local process = assert(noshell.run_async { os.getenv "PROBE", "--block-on", "8",
    pass_fds = { [8] = 8 } })
  assert(noshell.features().supervisor)
  print(process.launch)
  io.stdout:flush()
  os.exit(0, false)]]

local function run_host(path, denied)
  local held, hold = sys.pipe()
  local block, unblock = sys.pipe()
  local pid = assert(sys.fork())
  if pid == 0 then
    sys.close(held)
    sys.close(unblock)
    local run = { err = "not run" }
    pcall(function()
      assert(sys.dup2(hold, 7) and sys.dup2(block, 8))
      if hold ~= 7 then sys.close(hold) end
      if block ~= 8 then sys.close(block) end
      run = helper.run_lua(helper.lua, HOST,
        { NOSHELL_LAUNCH = path, PROBE = helper.probe },
        { deny = FORGETFUL .. "," .. denied, hostile = { SIGCHLD = "ignore" } })
    end)
    io.stderr:write(run.err)
    sys.exit(run.err == "" and 0 or 1)
  end
  sys.close(hold)
  sys.close(block)
  local _, _, code = sys.waitpid(pid)
  local at_end = sys.poll(held, "r", 5000) and sys.read(held, 1) == ""
  sys.close(unblock)
  if not at_end then sys.read(held, 1) end
  sys.close(held)
  return code, at_end
end

describe("the supervisor", function()
  helper.leak_check()

  helper.each_path(function(path)
    for _, denied in ipairs { "setns", "close_range", "unshare:EPERM",
      "close_range,unshare:EPERM", "close_range:EPERM,unshare:EPERM,openat(O_DIRECTORY)",
      "close_range:KILL,unshare:KILL" } do
      it("keeps no descriptor of the host's if there is no " .. denied, function()
        local code, at_end = run_host(path, denied)
        assert.equal(0, code)
        assert.is_true(at_end, "it holds the host's descriptors")
      end)
    end
  end)

  if not driver.is_wanted then return end

  local function traced(what)
    local result = helper.run { helper.deny, FORGETFUL, "--",
      helper.build .. "/c/traced", what, helper.probe }
    assert.equal("", result.err)
    return result.out
  end

  it("starts nothing for a host that dies before it is armed", function()
    assert.equal("nothing\n", traced "orphan")
  end)

  it("is chosen by a probing child that an interrupted wait reaps, too", function()
    helper.require_or_pending("x86_64", helper.run({ "uname", "-m" }).out == "x86_64\n")
    assert.equal("none\n", traced "interrupted")
  end)
end)
