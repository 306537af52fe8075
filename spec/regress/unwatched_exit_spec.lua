-- The kernel may refuse to watch one more descriptor (max_user_watches, memory).
-- That it did was ignored for a pidfd and for the process of a stream, and the
-- wait did not end; now the clock wakes it.
local helper = require "spec.support.helper"

local function run(script, path)
  return helper.run_lua(helper.lua, [[
    local noshell, sys, core = require "noshell", require "testsys", require "noshell.core"
  ]] .. script, { PROBE = helper.probe, NOSHELL_LAUNCH = path },
    { wrap = { "timeout", "10" } })
end

describe("a wait whose epoll_ctl fails", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("detects the exit of a program that closed its output", function()
      local result = run([[
        local process = assert(noshell.run_async { "sh", "-c",
          "exec >&- 2>&-; read line; exec sleep 0.3", stdin = "pipe" })
        sys.deny(("epoll_ctl_fd(%d):ENOSPC"):format(process:pidfd()))
        process:pollfd()
        process.stdin:write "go\n"
        local result, err = process:wait()
        print(result and result.exit_code, err)
      ]], path)
      assert.equal("0\tnil\n", result.out, result.err)
    end)
  end)

  it("serves the process of a stream that is read", function()
    local result = run [[
      local process = assert(noshell.run_async { "sh", "-c",
        "head -c 300000 /dev/zero >&2; echo done", stdout = "pipe" })
      sys.deny "epoll_ctl(1):ENOSPC"
      print(process.stdout:read(), #assert(process:wait()).stderr)
    ]]
    assert.equal("done\t300000\n", result.out, result.err)
  end)

  it("looks every 10 ms, even in a loop that waits for pollfd itself", function()
    local result = run [[
      local process = assert(noshell.run_async { "sh", "-c",
        "head -c 300000 /dev/zero >&2; echo done", stdout = "pipe" })
      sys.deny "epoll_ctl(1):ENOSPC"
      print(process:pollfd(), process:timeout() < 0.02)
      print(process.stdout:pollfd() == process.stdout:fileno(),
        process.stdout:timeout() < 0.02)
      process:close()
      local pipeline = assert(noshell.pipeline({ "cat" }, { "cat" }):run_async())
      pipeline:pollfd()
      print(pipeline:timeout() < 0.02)
      pipeline:close()
    ]]
    assert.equal("nil\ttrue\ntrue\ttrue\ntrue\n", result.out, result.err)
  end)

  it("ends a tree whose members cannot be watched", function()
    local result = run [[
      local process = assert(noshell.run_async { os.getenv "PROBE", "--ignore", "TERM",
        "--fork", "--pause", "--end", "--say", "ready", "--pause", stdout = "pipe" })
      process.stdout:read()
      sys.deny "epoll_ctl(1):ENOMEM"
      print(process:abort())
    ]]
    assert.equal("true\n", result.out, result.err)
  end)
end)
