-- The handshake, with each way that it can go wrong.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

local function started(...)
  local process = assert(noshell.command(...):require_handshake():run_async())
  return process
end

--- Returns the message of a method that failed, without the library's name.
local function reason(value, err)
  assert.is_nil(value)
  return err.code .. ": " .. (err.reason or "")
end

describe("a handshake", function()
  helper.leak_check()

  helper.each_path(function()
    it("pauses the child between its setup and its exec", function()
      helper.with_tmpdir(function(dir)
        local process = started("cat", dir .. "/file")
        assert.is_true(process:handshake_wait(10))
        helper.write_file(dir .. "/file", "made in between")
        assert.is_true(process:handshake_notify())
        assert.equal("made in between", assert(process:wait()).stdout)
        assert.equal("own", process.launch)
        process:close()
      end)
    end)

    it("reports a child that failed before it, with the stage", function()
      local process = assert(noshell.command("true"):set_working_directory("/none")
        :require_handshake():run_async())
      local value, err = process:handshake_wait(10)
      assert.is_nil(value)
      assert.equal("spawn set_working_directory ENOENT /none",
        ("%s %s %s %s"):format(err.code, err.stage, err.errname, err.subject))
      process:close()
    end)

    it("reports an exec that fails after it from handshake_notify", function()
      helper.with_tmpdir(function(dir)
        local path = helper.write_file(dir .. "/script", "#!/none\n", "755")
        local process = started(path)
        assert(process:handshake_wait(10))
        local value, err = process:handshake_notify()
        assert.is_nil(value)
        assert.equal("spawn exec ENOENT", ("%s %s %s"):format(err.code, err.stage,
          err.errname))
        process:close()
      end)
    end)
  end)

  it("waits no longer than requested", function()
    local from, to = sys.pipe()
    local process = assert(noshell.run_async { "true", require_handshake = true,
      pass_fds = { from }, pre_exec_hook = function() sys.read(from, 1) end })
    local value, err = process:handshake_wait(0.02)
    assert.is_nil(value)
    assert.equal("timeout", err.code)
    assert.matches("is still running after 0.02 s", tostring(err))
    sys.write(to, "x")
    assert(process:handshake_wait(10))
    assert(process:handshake_notify())
    assert(process:wait())
    process:close()
    sys.close(from)
    sys.close(to)
  end)

  it("stays ready until the child continues", function()
    local process = started("true")
    assert.is_true(process:handshake_wait())
    assert.is_true(process:handshake_wait(0))
    assert.is_true(process:handshake_notify())
    assert.equal("invalid: the handshake is over already",
      reason(process:handshake_wait()))
    assert.equal("invalid: the handshake is over already",
      reason(process:handshake_notify()))
    assert(process:wait())
    process:close()
  end)

  it("can be notified only after it was waited for", function()
    local process = started("true")
    assert.equal("invalid: call handshake_wait first",
      reason(process:handshake_notify()))
    assert(process:handshake_wait())
    assert(process:handshake_notify())
    assert(process:wait())
    process:close()
  end)

  it("can be neither waited for nor notified if it is not required", function()
    local process = assert(noshell.run_async "true")
    assert.equal("invalid: require_handshake was not called",
      reason(process:handshake_wait()))
    assert.equal("invalid: require_handshake was not called",
      reason(process:handshake_notify()))
    assert(process:wait())
    process:close()
  end)

  it("prevents the exec if the process is released without notification", function()
    helper.with_tmpdir(function(dir)
      for _, ending in ipairs { "close", "abort", "detach" } do
        local process = started("touch", dir .. "/file")
        assert(process:handshake_wait(10))
        process[ending](process)
        process:close()
      end
      probing.reap()
      assert.is_nil(io.open(dir .. "/file"))
    end)
  end)

  it("prevents the exec if the parent has gone", function()
    helper.with_tmpdir(function(dir)
      local from, to = sys.pipe()
      local got = forked(function()
        local process = assert(noshell.command("touch", dir .. "/file")
          :pass_fd(to):require_handshake():run_async())
        assert(process:handshake_wait(10))
        return { pid = process.pid }
      end)
      assert.is_true(got.pid > 0)
      -- The child holds the other end until it is gone.
      sys.close(to)
      assert.equal("", sys.read(from, 1))
      sys.close(from)
      assert.is_nil(io.open(dir .. "/file"))
    end)
  end)

  it("is required before waiting for the program's end", function()
    local process = started("true")
    assert.equal("invalid: handshake_notify was not called: the child waits for it",
      reason(process:wait()))
    process:close()
  end)

  it("conflicts with run, which cannot notify", function()
    local value, err = noshell.command("true"):require_handshake():run()
    assert.is_nil(value)
    assert.equal("invalid", err.code)
    assert.matches("handshake", tostring(err))
  end)

  it("works with daemons: the pid is known afterwards", function()
    helper.with_tmpdir(function(dir)
      local path = dir .. "/report"
      assert(sys.mkfifo(path))
      local process = assert(noshell.command(helper.probe, "--to", path)
        :daemonize():require_handshake():run_async())
      assert(process:handshake_wait(10))
      assert(process:handshake_notify())
      local report = helper.probe_report(helper.read_file(path))
      assert.equal(tostring(process.pid), report.pid)
      process:close()
    end)
  end)
end)
