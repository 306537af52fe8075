-- A FIFO is opened for the program before the exec; open(2) blocks until its other end is
-- opened.
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"
local server = require "spec.support.server"

local sys = helper.sys

--- Calls f with the path of a FIFO.
local function with_fifo(f)
  helper.with_tmpdir(function(dir)
    local path = dir .. "/fifo"
    assert(noshell.run("mkfifo", path))
    f(path)
  end)
end

describe("a FIFO as a standard stream", function()
  helper.leak_check()

  it("is read by the program once it has a writer", function()
    with_fifo(function(path)
      local writer = assert(noshell.run_async("sh", "-c", "sleep 0.1; echo hello >$0", path))
      assert.equal("hello", noshell.output { "cat", stdin = { path = path }, timeout = 10 })
      writer:close()
    end)
  end)

  it("is abandoned when the command's timeout passes", function()
    with_fifo(function(path)
      for key, stage in pairs { stdin = "set_stdin", stdout = "set_stdout" } do
        local result, err = noshell.run { "cat", [key] = { path = path }, timeout = 0.05 }
        assert.is_nil(result)
        assert.equal("ETIMEDOUT " .. stage, err.errname .. " " .. err.stage)
        assert.equal(("noshell: cannot start 'cat': %s '%s': it took longer than the "
          .. "command's timeout (ETIMEDOUT)"):format(stage, path), helper.said(err))
      end
    end)
  end)

  helper.each_path(function()
    it("keeps no other descriptors open meanwhile", function()
      with_fifo(function(path)
        local from, to = sys.pipe()
        local script = ("require 'noshell'.run { 'cat', stdin = { path = %q } }"):format(path)
        local process = assert(noshell.run_async { helper.lua.name, "-e", script,
          pass_fds = { [9] = to } })
        sys.close(to)
        assert.truthy(server.eventually(function()
          local child = server.children(process.pid)[1]
          return child and not lfs.symlinkattributes(("/proc/%d/fd/9"):format(child), "target")
        end, 5), "fd 9 is open")
        assert.is_nil(process:poll())
        process:close()
        sys.close(from)
      end)
    end)
  end)

  it("does not block signals of the waiting thread", function()
    with_fifo(function(path)
      local script = ("require 'noshell'.run { 'cat', stdin = { path = %q } }"):format(path)
      local _, err = noshell.run { helper.lua.name, "-e", script, timeout = 0.3, grace = 20 }
      assert.equal("timeout TERM", err.code .. " " .. err.result.signal)
      assert.is_true(err.result.duration < 10)
    end)
  end)
end)

describe("a FIFO as a standard stream", function()
  helper.leak_check()

  it("is given up if the host cannot wait for its other end", function()
    with_fifo(function(path)
      -- Opened eventually if the start is not abandoned.
      local rescue = assert(noshell.run_async("sh", "-c", "sleep 0.5; : <>$0", path))
      for _, waiter in ipairs { function() return nil, "no" end, function() error "no" end } do
        noshell.host.use(waiter)
        local ok, result, err = pcall(noshell.run, { "cat", stdin = { path = path } })
        noshell.host.use(nil)
        if ok then
          assert.is_nil(result)
          assert.equal("noshell: cannot start 'cat': wait: no", helper.said(err))
          assert.equal("spawn", err.code)
        else
          assert.matches("no$", result)
        end
      end
      assert.is_nil(rescue:poll())
      rescue:close()
    end)
  end)
end)

describe("a hook that does not end", function()
  helper.leak_check()

  it("is abandoned when the command's timeout passes", function()
    local _, err = noshell.run { "true", pre_exec_hook = function() while true do end end,
      timeout = 0.05 }
    assert.equal("ETIMEDOUT set_pre_exec_hook", err.errname .. " " .. err.stage)
  end)
end)
