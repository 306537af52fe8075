-- A program that lost its caller got TERM, and the thread that sends KILL 10 ms later
-- went with a host that exited meanwhile. A program that ignores TERM ran on.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"
local server = require "spec.support.server"

describe("an exit of the host", function()
  helper.leak_check()

  it("waits until a program that lost its caller has got KILL", function()
    local run = helper.run_lua(helper.lua, ([[
      local noshell = require "noshell"
      local process = assert(noshell.run_async { %q, "--ignore", "TERM", "--print-pids",
        "--pause", stdout = "pipe", stderr = "null" })
      io.write(process.stdout:read "l")
      process:_bind(true)
      process = nil
      collectgarbage()
      collectgarbage()]]):format(helper.probe), nil,
      -- LeakSanitizer cannot trace a process whose other thread ends meanwhile.
      { leaks = false })
    local pid = tonumber(run.out:match "^pid=(%d+)$")
    assert.truthy(pid, run.err)
    assert.is_true(server.eventually(function() return server.is_gone(pid) end, 5) or false)
  end)
end)

nginx.describe("in nginx, a worker that is terminated", function()
  for name, words in pairs { ["that ignores TERM"] = "'--ignore', 'TERM',", [""] = "" } do
    it("ends the program of each request " .. name, function()
      local pids
      nginx.with({ locations = { ["/start"] = ([[
        started = started or 0
        for line in noshell.lines(probe, %s '--say', 'x', '--pause') do
          started = started + 1
        end
      ]]):format(words), ["/started"] = "ngx.print(started or 0)" } }, function(running)
        local connections = {}
        for i = 1, 20 do connections[i] = running:send("/start") end
        assert.truthy(nginx.eventually(function() return running:body "/started" == "20" end))
        pids = running:children(running:workers()[1])
        assert.equal(20, #pids)
        running.at_end = function()
          for _, pid in ipairs(pids) do
            assert.is_true(nginx.eventually(function() return nginx.is_gone(pid) end, 5) or false)
          end
          for _, connection in ipairs(connections) do connection:close() end
        end
      end)
    end)
  end
end)
