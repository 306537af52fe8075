-- Sandboxes in nginx, whose programs start in another thread.
local noshell = require "noshell"
local cgroup = require "spec.support.cgroup"
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"

local able = noshell.features().sandbox
local sys = helper.sys

nginx.describe("a sandbox in nginx", function()
  it("confines the program and not the worker", function()
    helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
      "Landlock (version 6) and libseccomp")
    nginx.with({ server = [[
      location = /run {
        content_by_lua_block {
          local noshell = require "noshell"
          local result = assert(noshell.run { "cat", "/proc/self/status",
            sandbox = { syscalls = "default" } })
          local worker = assert(noshell.run("cat", "/proc/self/status"))
          ngx.say(result.stdout:match "Seccomp:%s*(%d)", " ", result.sandbox.network, " ",
            worker.stdout:match "Seccomp:%s*(%d)")
        }
      }]] }, function(server)
      assert.equal("2 seccomp 0\n", server:body "/run")
      assert.equal("2 seccomp 0\n", server:body "/run")
    end)
  end)

  it("limits the program, and gives it private parts", function()
    helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
      "Landlock (version 6) and libseccomp")
    cgroup.with(function(place)
      sys.chmod(place, tonumber("777", 8))
      nginx.with({ server = ([[
        location = /run {
          content_by_lua_block {
            local noshell = require "noshell"
            local result, err = noshell.run { "sh", "-c",
              "echo $$; grep -o noshell- /proc/self/cgroup; setsid sleep 60 >/dev/null 2>&1 &",
              sandbox = { cgroup = "%s", private = { pid = true, tmp = true } } }
            ngx.print(result and result.stdout or tostring(err))
          }
        }]]):format(place) }, function(server)
        assert.equal("2\nnoshell-\n", server:body "/run")
        assert.equal("2\nnoshell-\n", server:body "/run")
        assert.same({}, cgroup.children(place))
      end)
    end)
  end)
end)
