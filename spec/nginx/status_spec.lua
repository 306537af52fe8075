-- nginx waits for every child (waitpid(-1), in its handler of SIGCHLD) and discards
-- unknown statuses. noshell gets each status nevertheless: from the kernel, or from a
-- supervisor if the kernel does not keep it.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"

local FORGETFUL = { helper.deny, "ioctl(PIDFD_GET_INFO):ENOTTY", "--" }

-- Every eighth dies of a signal. `late` looks only when nginx has long reaped.
local LOCATIONS = {
  ["/status"] = [[
    local n = tonumber(ngx.var.arg_n)
    local how = n % 8 == 0 and { "--kill", "KILL" } or { "--exit", tostring(n % 256) }
    local process = assert(noshell.run_async { probe, how[1], how[2],
      raw_status = true })
    if ngx.var.arg_late then ngx.sleep(0.05) end
    local result, err = process:wait()
    process:close()
    ngx.print(result and (result.signal or result.exit_code) or tostring(err))
  ]],
  ["/features"] = [[
    local features = noshell.features()
    ngx.print(tostring(features.pidfd_info), " ", tostring(features.supervisor))
  ]],
}

local function expect_all(server, query, count)
  local paths = {}
  for n = 1, count do paths[n] = ("/status?n=%d%s"):format(n, query) end
  for n, response in ipairs(server:many(paths, 100)) do
    assert.equal(n % 8 == 0 and "KILL" or tostring(n % 256), response.body)
  end
end

local KERNEL_KEEPS = helper.run_lua(helper.lua, [[
  print(require("noshell").features().pidfd_info)]]).out == "true\n"

nginx.describe("a status in nginx", function()
  it("is correct in 2,000 concurrent requests", function()
    nginx.with({ locations = LOCATIONS }, function(server)
      expect_all(server, "", 2000)
    end)
  end)

  it("is correct if nginx has reaped the program long before", function()
    nginx.with({ locations = LOCATIONS }, function(server)
      expect_all(server, "&late=1", 500)
    end)
  end)

  it("is correct through the supervisor, in 2,000 concurrent requests", function()
    nginx.with({ locations = LOCATIONS, wrap = FORGETFUL }, function(server)
      assert.equal("false true", server:body("/features"))
      expect_all(server, "", 2000)
      expect_all(server, "&late=1", 500)
      assert.same({}, server:children(server:workers()[1]))
    end)
  end)

  it("is correct in a thread of ngx.run_worker_thread", function()
    nginx.with({ main = "thread_pool pool threads=4;", files = {
      ["in_thread.lua"] = [[
        return { run = function(n, probe)
          local noshell = require "noshell"
          local result, err = noshell.run { probe, "--exit", n % 256, check = false }
          return result and result.exit_code or tostring(err)
        end }
      ]] }, locations = { ["/thread"] = [[
        if not ngx.run_worker_thread then return ngx.print "none" end
        local n = tonumber(ngx.var.arg_n)
        local ok, code = ngx.run_worker_thread("pool", "in_thread", "run", n, probe)
        ngx.print(tostring(ok), " ", tostring(code))
      ]] } }, function(server)
      helper.require_or_pending("nginx", server:body("/thread?n=0") ~= "none",
        "an nginx with ngx.run_worker_thread")
      local paths = {}
      for n = 1, 300 do paths[n] = "/thread?n=" .. n end
      for n, response in ipairs(server:many(paths, 20)) do
        assert.equal("true " .. n % 256, response.body)
      end
    end)
  end)
end)

nginx.describe("the supervisor", function()
  it("is not used if the kernel keeps a status", function()
    nginx.with({ locations = LOCATIONS }, function(server)
      local expected = KERNEL_KEEPS and "true false" or "false true"
      assert.equal(expected, server:body("/features"))
    end)
  end)

  it("is not used if no other code waits", function()
    local result = helper.run_lua(helper.lua, [[
      local features = require("noshell").features()
      print(features.pidfd_info, features.supervisor)
    ]], nil, { deny = FORGETFUL[2] })
    assert.equal("false\tfalse\n", result.out, result.err)
  end)
end)
