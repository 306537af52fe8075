-- The child that opens a daemon's FIFO is not the one that was cloned, which has ended by
-- then: to kill that one ended no wait, so a timeout of the pipeline had no effect. In
-- nginx such a start was the worker's own, which stood still.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"
local noshell = require "noshell"

local sys = helper.sys

--- Calls f with the path of a FIFO, whose other end is opened after 5 s at last.
local function with_fifo(f)
  helper.with_tmpdir(function(dir)
    local path = dir .. "/fifo"
    assert(sys.mkfifo(path))
    local rescue = assert(noshell.run_async { "sh", "-c", "sleep 5; : <>$0", path })
    f(path)
    rescue:close()
  end)
end

describe("a daemon that waits for the other end of a FIFO", function()
  helper.leak_check()

  it("is killed when the timeout of its pipeline passes", function()
    with_fifo(function(path)
      local said = forked(function()
        sys.subreaper(true)
        local _, err = noshell.pipeline { { helper.probe, daemonize = true,
          stdin = { path = path } }, timeout = 0.5 }:run()
        -- Its end is ours to wait for.
        while sys.waitpid(-1) do end
        return { err = err and ("%s %s %s"):format(err.code, err.errname, err.stage) }
      end)
      assert.equal("spawn ETIMEDOUT set_stdin", said.err)
    end)
  end)
end)

nginx.describe("in nginx, a daemon that waits for the other end of a FIFO", function()
  it("does not stop the worker, and is killed if its request is aborted", function()
    with_fifo(function(path)
      nginx.with({ http = "lua_check_client_abort on;", locations = { ["/start"] = ([[
        started = true
        noshell.run { probe, daemonize = true, stdin = { path = %q } }
        is_done = true
      ]]):format(path), ["/state"] = "ngx.print(tostring(started), ' ', tostring(is_done))" } },
        function(server)
          local connection = server:send("/start")
          local worker = server:workers()[1]
          -- nginx's own, that of the wake-up channels, that of the start.
          assert.truthy(nginx.eventually(function()
            return nginx.inventory(worker).threads == 3
          end))
          assert.equal("true nil", server:body("/state"))
          connection:close()
          assert.truthy(nginx.eventually(function()
            return nginx.inventory(worker).threads == 2
          end))
          assert.equal("true nil", server:body("/state"))
        end)
    end)
  end)
end)
