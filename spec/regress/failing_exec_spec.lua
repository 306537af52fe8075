-- An exec in place reset ignored signals in the host until it had failed: meanwhile
-- SIGPIPE in another thread ended the host. It also delivered pending signals, and a
-- change of user left the host not dumpable.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

local function furnish(dir)
  helper.write_file(dir .. "/text", "echo text\n", "755")
  helper.write_file(dir .. "/plain", "x", "644")
  helper.write_file(dir .. "/script", "#! /no/such/interpreter -x\n", "755")
end

local function in_directory(fn)
  helper.with_tmpdir(function(dir)
    sys.chmod(dir, tonumber("755", 8))
    furnish(dir)
    fn(dir)
  end)
end

local function dispositions()
  local status = helper.read_file "/proc/self/status"
  return status:match "SigIgn:%s*(%x+)" .. status:match "SigCgt:%s*(%x+)"
    .. status:match "SigBlk:%s*(%x+)"
end

local function is_pending(number)
  local status = helper.read_file "/proc/self/status"
  return helper.mask_has(status:match "ShdPnd:%s*(%x+)", number)
end

describe("an exec in place that fails", function()
  helper.leak_check()

  it("leaves SIGPIPE ignored for other threads all the time", function()
    in_directory(function(dir)
      local got = forked(function()
        for _, signal in ipairs { "PIPE", "CHLD", "HUP" } do
          sys.signal(signal, "ignore")
        end
        assert(sys.write_broken())
        local before, failed = dispositions(), 0
        -- The thread must exist, and run during every kind of failure.
        repeat until sys.broken_writes() > 1000
        local goal = sys.broken_writes() + 20000
        repeat
          local _, err = noshell.exec(dir .. "/text")
          if err.errname == "ENOEXEC" then failed = failed + 1 end
        until failed >= 500 and sys.broken_writes() > goal
        return { same = before == dispositions() }
      end)
      assert.equal("exit 0", got.status)
      assert.is_true(got.same)
    end)
  end)

  it("delivers no pending signal if the failure can be foreseen",
    function()
      in_directory(function(dir)
        for _, case in ipairs {
          { { dir .. "/none" }, "spawn exec ENOENT " .. dir .. "/none" },
          { { dir .. "/plain" }, "spawn exec EACCES " .. dir .. "/plain" },
          { { dir }, "spawn exec EACCES " .. dir },
          { { dir .. "/script" }, "spawn exec ENOENT " .. dir .. "/script" },
        } do
          local got = forked(function()
            sys.block("USR1", true)
            sys.kill(sys.getpid(), "USR1")
            local fields = probing.fields(noshell.exec(case[1]))
            fields.pending = is_pending(10)
            return fields
          end)
          assert.equal("exit 0", got.status)
          assert.equal(case[2], got.described)
          assert.is_true(got.pending)
        end
      end)
    end)

  it("leaves the host dumpable", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    in_directory(function(dir)
      for _, case in ipairs { { dir .. "/text", uid = 12345 },
        { "true", uid = 12345, cwd = "/none" }, { "true", gid = 7, cwd = "/none" } } do
        local got = forked(function()
          local fields = probing.fields(noshell.exec(case))
          fields.dumpable = sys.dumpable()
          return fields
        end)
        assert.is_false(got.started)
        assert.is_true(got.dumpable)
      end
    end)
  end)

  it("leaves a host that is not dumpable unchanged", function()
    local got = forked(function()
      sys.dumpable(false)
      noshell.exec "/none"
      return { dumpable = sys.dumpable() }
    end)
    assert.is_false(got.dumpable)
  end)
end)

describe("an exec in place", function()
  helper.leak_check()

  it("does not pass ignored signals on to the program", function()
    local got = forked(function()
      for number = 1, 64 do
        if number ~= 9 and number ~= 19 and (number < 32 or number > 33) then
          sys.signal(tostring(number), number % 2 == 0 and "ignore" or "catch")
        end
      end
      local from, to = sys.pipe()
      if sys.fork() == 0 then
        noshell.exec { helper.probe, stdout = to }
        sys.exit(1)
      end
      sys.close(to)
      local text = {}
      repeat
        text[#text + 1] = sys.read(from, 65536)
      until text[#text] == ""
      local report = helper.probe_report(table.concat(text))
      return { ignored = report.sigign, caught = report.sigcgt }
    end)
    local none = ("0"):rep(16)
    assert.equal(none .. none, got.ignored .. got.caught)
  end)
end)
