-- Machines of ssh in a worker of nginx: requests share the connection, and none blocks.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"
local ssh_server = require "spec.support.ssh_server"

local lack = ssh_server.lack()

nginx.describe("a machine of ssh in nginx", function()
  local there
  setup(function() if not lack then there = ssh_server.start() end end)
  teardown(function() if there then there:stop() end end)

  --- Calls fn with a server whose locations have the machines a and b.
  local function with(locations, http, fn)
    helper.require_or_pending("sshd", not lack, lack)
    for path, code in pairs(locations) do
      locations[path] = "local a, b, none = machines()\n" .. code
    end
    nginx.with({ locations = locations, http = http .. ([[
      init_worker_by_lua_block {
        local noshell, made = require "noshell", nil
        function machines()
          made = made or { noshell.machine.ssh { "a", config = "%s" },
            noshell.machine.ssh { "b", config = "%s" },
            noshell.machine.ssh { "none", config = "%s", port = 1 } }
          return made[1], made[2], made[3]
        end
      }]]):format(there.config, there.config, there.config) }, fn)
  end

  local RUN = [[
    local n = ngx.var.arg_n
    local result, err = a:run { "sh", "-c", 'cat; exit "$1"', "sh", n, input = "x" .. n,
      check = false }
    ngx.print(result and result.exit_code .. result.stdout or tostring(err))
  ]]

  it("serves several requests, and maps over machines", function()
    with({ ["/run"] = RUN, ["/count"] = "ngx.print(#a.connections)", ["/map"] = [[
      local noshell = require "noshell"
      local results, err = noshell.map({ 1, 2, 3, 4, 5, 6 }, function(i)
        return "echo", i
      end, { machines = { none, a, b }, concurrency = 2 })
      if not results then return ngx.print(tostring(err)) end
      for i = 1, 6 do ngx.print((results[i].stdout:gsub("\n", ""))) end
      ngx.print(results.machines[2].done + results.machines[3].done,
        results.machines[1].lost.code)
    ]] }, "", function(server)
      local paths = {}
      for n = 1, 6 do paths[n] = "/run?n=" .. n end
      for n, response in ipairs(server:many(paths, 6)) do
        assert.equal(n .. "x" .. n, response.body)
      end
      assert.equal("1", server:body("/count"))
      for _, response in ipairs(server:many({ "/map", "/map", "/run?n=7", "/static" }, 4)) do
        assert.truthy(({ ["1234566spawn"] = true, ["7x7"] = true,
          static = true })[response.body], response.body)
      end
    end)
  end)

  it("ends the programs there if their request is aborted", function()
    with({ ["/run"] = RUN, ["/pid"] = "ngx.print(tostring(pid))", ["/pause"] = [[
      a:run { "sh", "-c", "echo $$; exec sleep 300",
        on_stdout = function(line) pid = line end }
    ]], ["/map"] = [[
      require("noshell").map({ 1 }, function()
        return { "sh", "-c", "echo $$; exec sleep 300", on_stdout = function(line) pid = line end }
      end, { machines = { b } })
    ]], ["/use"] = 'ngx.print(a:output("echo", 1), b:output("echo", 2))' },
    "lua_check_client_abort on;", function(server)
      local pid
      for _, path in ipairs { "/pause", "/map" } do
        local request, last = server:send(path), pid
        assert.truthy(nginx.eventually(function()
          pid = tonumber(server:body("/pid"))
          return pid ~= last
        end))
        request:close()
        -- The next use of the machine notices the abandoned program.
        assert.truthy(nginx.eventually(function()
          assert.equal("12", server:body("/use"))
          return ssh_server.is_gone(pid)
        end, 20), path)
      end
    end)
  end)
end)
