-- The parent of a program: this process, or a supervisor if the status would be lost.
local helper = require "spec.support.helper"

-- A kernel before 6.15.
local FORGETFUL = "ioctl(PIDFD_GET_INFO):ENOTTY"

local STATUSES = [[
  local noshell, sys = require "noshell", require "testsys"
  local probe = os.getenv "PROBE"
  for i = 1, 20 do
    local process = assert(noshell.run_async { probe, "--exit", i, check = false })
    local result = assert(process:wait())
    assert(result.exit_code == i, tostring(result.exit_code))
    process:close()
  end
  local killed = assert(noshell.run { probe, "--kill", "USR1", raw_status = true })
  local _, err = noshell.run { "true", cwd = "/none" }
  local parent = assert(noshell.output(probe)):match "ppid=(%d+)"
  print(killed.signal, err.errname, tonumber(parent) == sys.getpid() and "we"
    or "a supervisor")
  print(noshell.features().supervisor)]]

local function statuses(path, thief, deny)
  local run = helper.run_lua(helper.lua, STATUSES,
    { NOSHELL_LAUNCH = path, PROBE = helper.probe },
    { hostile = thief and { SIGCHLD = thief }, deny = deny })
  assert.equal("", run.err)
  return run.out
end

local RIGHT = "USR1\tENOENT\t%s\n%s\n"
local KEEPS = helper.run_lua(helper.lua, [[
  io.write(tostring(require("noshell").features().pidfd_info))]]).out == "true"

describe("a status that the kernel does not keep", function()
  helper.leak_check()

  helper.each_path(function(path)
    for _, thief in ipairs { "thief", "thread", "ignore" } do
      it("is correct even if the host's SIGCHLD goes to " .. thief, function()
        assert.equal(RIGHT:format("a supervisor", "true"),
          statuses(path, thief, FORGETFUL))
      end)
    end
  end)
end)

describe("the supervisor", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("is not used if no other code waits", function()
      local plain = RIGHT:format("we", "false")
      assert.equal(plain, statuses(path))
      assert.equal(plain, statuses(path, nil, FORGETFUL))
    end)

    it("is not used if the kernel keeps a status, even if other code waits", function()
      helper.require_or_pending("kernel", KEEPS, "Linux 6.15")
      for _, thief in ipairs { "thief", "thread", "ignore" } do
        assert.equal(RIGHT:format("we", "false"), statuses(path, thief))
      end
    end)
  end)
end)
