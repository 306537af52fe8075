-- What a sandboxed program may touch, on every launch path. spec/sandbox_escape_spec.lua
-- attacks it; stages_spec has the failures.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys
local able = noshell.features().sandbox

local function need_all()
  helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
    "Landlock (version 6) and libseccomp")
end

--- The state of a process that a sandbox of its child must not change.
local function own_state()
  local status = helper.read_file "/proc/thread-self/status"
  return status:match "NoNewPrivs:%s*(%d+)" .. status:match "Seccomp:%s*(%d+)"
    .. tostring(sys.dumpable())
end

describe("a sandboxed program", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("reads the system's directories, and nothing else", function()
      need_all()
      helper.with_tmpdir(function(dir)
        helper.write_file(dir .. "/file", "text")
        assert(noshell.run { "cat", "/etc/passwd", sandbox = true })
        local result, err = noshell.run { "cat", dir .. "/file", sandbox = {} }
        assert.is_nil(result)
        assert.matches("Permission denied", err.result.stderr)
        assert(noshell.run { "cat", dir .. "/file", sandbox = { read = { "@system", dir } } })
      end)
    end)

    it("writes to the paths of `write` only", function()
      need_all()
      helper.with_tmpdir(function(dir)
        local function touch(sandbox)
          return noshell.run { "touch", dir .. "/new", sandbox = sandbox }
        end
        assert.is_nil((touch {}))
        assert.is_nil((touch { read = { "@system", dir } }))
        assert(touch { write = { dir } })
        assert(noshell.run { "rm", dir .. "/new", sandbox = { write = dir } })
      end)
    end)

    it("is started with the host's state unchanged", function()
      need_all()
      local got = forked(function()
        local before = own_state()
        local result = assert(noshell.run { "cat", "/proc/self/status",
          sandbox = { syscalls = "default" } })
        return { before = before, after = own_state(),
          theirs = result.stdout:match "NoNewPrivs:%s*(%d+)"
            .. result.stdout:match "Seccomp:%s*(%d+)" }
      end)
      assert.equal(got.before, got.after)
      assert.equal("12", got.theirs)
    end)

    it("is reported with the means of each part", function()
      need_all()
      local process = assert(noshell.run_async { "true", sandbox = { syscalls = "default" } })
      local landlock = "landlock " .. able.landlock
      local expected = { read = landlock, exec = landlock, write = landlock,
        signals = landlock, network = "seccomp", unix = "seccomp", syscalls = "seccomp" }
      assert.same(expected, process.sandbox)
      assert.same(expected, assert(process:wait()).sandbox)
      assert.equal(path == "launcher" and "launcher" or path, process.launch)
      process:close()
      assert.same(expected, process.sandbox)
      assert.is_nil(assert(noshell.run "true").sandbox)
    end)
  end)
end)
