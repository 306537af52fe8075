-- Requests, workers and programs begin and end without regard to each other.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"
local sys = helper.sys

local function is_alive(pid)
  return not nginx.is_gone(pid)
end

local function eventually_gone(pid)
  return nginx.eventually(function() return nginx.is_gone(pid) end)
end

local KEEP = [[
  kept = assert(noshell.run_async { probe, "--block-on", "0", "--exit", "5",
    stdin = "pipe", check = false })
  ngx.print(kept.pid)
]]

local RUN = [[
  local result = assert(noshell.run { tiny })
  ngx.print(result.exit_code)
]]

nginx.describe("in nginx, a process", function()
  it("outlives its request, and is waited for from another", function()
    nginx.with({ locations = { ["/keep"] = KEEP, ["/wait"] = [[
      kept.stdin:close()
      local result = assert(kept:wait())
      kept:close()
      ngx.print(result.exit_code)
    ]] } }, function(server)
      local pid = tonumber(server:body("/keep"))
      assert.is_true(is_alive(pid))
      assert.equal("5", server:body("/wait"))
      assert.is_true(eventually_gone(pid))
    end)
  end)

  it("is waited for by many requests at once", function()
    nginx.with({ locations = { ["/keep"] = KEEP, ["/wait"] = [[
      ngx.print(assert(kept:wait()).exit_code)
    ]], ["/end"] = [[ kept.stdin:close() ]] } }, function(server)
      server:body("/keep")
      local waiting = {}
      for i = 1, 20 do waiting[i] = server:send("/wait") end
      server:body("/end")
      for _, connection in ipairs(waiting) do
        assert.equal("5", connection:receive("*a"):sub(-1))
        connection:close()
      end
    end)
  end)

  it("runs on if the client disconnects, and is reaped", function()
    nginx.with({ http = "lua_check_client_abort on;", locations = {
      ["/start"] = [[
        pid = nil
        local process = assert(noshell.run_async { probe, "--sleep", "300" })
        pid = process.pid
        process:wait()
      ]],
      ["/pid"] = [[ ngx.print(pid or "") ]], ["/run"] = RUN,
    } }, function(server)
      local connection = server:send("/start")
      local pid = nginx.eventually(function()
        return tonumber(server:body("/pid"))
      end)
      connection:close()
      assert.is_true(is_alive(pid))
      assert.is_true(eventually_gone(pid))
      assert.equal("0", server:body("/run"))
    end)
  end)

  it("is ended if the client disconnects and ngx.on_abort closes it", function()
    nginx.with({ http = "lua_check_client_abort on;", locations = {
      ["/start"] = [[
        kept = assert(noshell.run_async { probe, "--pause" })
        ngx.on_abort(function()
          kept:close()
          ngx.exit(499)
        end)
        kept:wait()
      ]], ["/pid"] = [[ ngx.print(kept and kept.pid or "") ]],
    } }, function(server)
      local connection = server:send("/start")
      local pid = nginx.eventually(function() return tonumber(server:body("/pid")) end)
      connection:close()
      assert.is_true(eventually_gone(pid))
    end)
  end)

  local COLLECT = [[
    collectgarbage()
    collectgarbage()
    require("noshell.core").reap()
  ]]

  --- Whatever `disturb` does, the worker has nothing more afterwards, and runs
  --- commands as before.
  local function leaves_nothing(server, disturb)
    local worker = server:workers()[1]
    server:body("/run")
    local before = nginx.inventory(worker)
    disturb()
    local now
    assert.truthy(nginx.eventually(function()
      server:body("/collect")
      now = nginx.inventory(worker)
      -- The thread of a start may still be ending, now or before.
      return now.fds <= before.fds and now.threads <= before.threads
        and #server:children(worker) == 0
    end), ("descriptors: %d, then %d; threads: %d, then %d"):format(before.fds, now.fds,
      before.threads, now.threads))
    for _, response in ipairs(server:many(nginx.paths("/run", 20), 3)) do
      assert.equal("0", response.body)
    end
  end

  it("leaves nothing behind if 200 clients disconnect", function()
    nginx.with({ http = "lua_check_client_abort on;", locations = {
      ["/start"] = [[ noshell.run(probe, "--sleep", "20") ]],
      ["/run"] = RUN, ["/collect"] = COLLECT,
    } }, function(server)
      leaves_nothing(server, function()
        for _ = 1, 10 do
          local sent = {}
          for i = 1, 20 do sent[i] = server:send("/start") end
          for _, connection in ipairs(sent) do connection:close() end
        end
      end)
    end)
  end)

  it("leaves nothing behind if waiting threads are killed at any time", function()
    local THREADS = [[
      local threads = {}
      for i = 1, 5 do
        threads[i] = ngx.thread.spawn(function()
          local words = { probe, "--say", "x", "--sleep", "20" }
          if i > 2 then return noshell.run(words) end
          for line in noshell.lines(words) do assert(line == "x") end
        end)
      end
      ngx.sleep(tonumber(ngx.var.arg_n) / 1000)
    ]]
    nginx.with({ locations = {
      ["/kill"] = THREADS .. "for i = 1, 5 do ngx.thread.kill(threads[i]) end",
      ["/exit"] = THREADS .. "ngx.exit(200)",
      ["/exec"] = THREADS .. "ngx.exec('/run')",
      ["/raise"] = THREADS .. "error 'as it may'",
      ["/run"] = RUN, ["/collect"] = COLLECT,
    }, alarms = true }, function(server)
      leaves_nothing(server, function()
        local paths = {}
        for n = 0, 9 do
          for _, path in ipairs { "/kill", "/exit", "/exec", "/raise" } do
            paths[#paths + 1] = path .. "?n=" .. n
          end
        end
        server:many(paths, 10)
      end)
    end)
  end)

  it("leaves nothing behind if descriptors run out, and reports it", function()
    nginx.with({ main = "worker_rlimit_nofile 60;", alarms = true, locations = {
      ["/many"] = [[
        for _ = 1, 50 do
          ngx.thread.spawn(function()
            local result, err = noshell.run(probe, "--sleep", "50", "--say", "done")
            ngx.print(result and result.stdout or tostring(err) .. "\n")
          end)
        end
      ]], ["/run"] = RUN, ["/collect"] = COLLECT,
    } }, function(server)
      leaves_nothing(server, function()
        local told, done = 0, 0
        for line in server:body("/many"):gmatch("[^\n]+") do
          if line == "done" then done = done + 1 end
          if line:match("^noshell: cannot .*%(EMFILE%)")
            or line:match("^noshell: cannot .*nginx did not connect") then
            told = told + 1
          end
        end
        assert.equal(50, told + done)
        assert.is_true(told > 0)
      end)
    end)
  end)
end)

nginx.describe("a worker of nginx", function()
  it("is the same after 2,000 requests", function()
    nginx.with({ locations = { ["/run"] = RUN, ["/collect"] = [[
      collectgarbage()
      collectgarbage()
    ]] } }, function(server)
      local worker = server:workers()[1]
      local function run(count)
        server:many(nginx.paths("/run", count), 50)
        server:body("/collect")
        local found
        nginx.eventually(function()
          local last = found
          found = nginx.inventory(worker)
          -- nginx's own thread, and that of the wake-up channels.
          return last and last.fds == found.fds and found.threads == 2
        end)
        return found
      end
      run(500)
      local before, after = run(500), run(2000)
      assert.equal(before.threads, after.threads)
      assert.is_true(after.fds <= before.fds)
      assert.is_true(after.kilobytes - before.kilobytes < 2048)
      assert.same({}, server:children(worker))
    end)
  end)

  it("finishes running programs when nginx reloads", function()
    nginx.with({ locations = { ["/slow"] = [[
      local result = assert(noshell.run(probe, "--sleep", "500", "--say", "done"))
      ngx.print(result.stdout)
    ]], ["/pid"] = [[ ngx.print(ngx.worker.pid()) ]] } }, function(server)
      local old = tonumber(server:body("/pid"))
      local connection = server:send("/slow")
      server:body("/pid")
      server:signal("HUP")
      assert.truthy(nginx.eventually(function()
        return tonumber(server:body("/pid")) ~= old
      end))
      assert.truthy(connection:receive("*a"):match("done\n$"))
      connection:close()
      assert.is_true(eventually_gone(old))
    end)
  end)

  it("exits while programs run, which run on", function()
    local pid
    nginx.with({ locations = { ["/keep"] = [[
      kept = assert(noshell.run_async { probe, "--sleep", "60000", stdout = "null",
        stderr = "null" })
      ngx.print(kept.pid)
    ]] } }, function(server)
      pid = tonumber(server:body("/keep"))
      server.at_end = function() assert.is_true(is_alive(pid)) end
    end)
    assert.truthy(sys.kill(pid, "KILL"))
    assert.is_true(eventually_gone(pid))
  end)

  it("exits while a request waits for a program", function()
    local pid
    nginx.with({ locations = { ["/wait"] = [[
      kept = assert(noshell.run_async { probe, "--sleep", "60000" })
      kept:wait()
    ]], ["/pid"] = [[ ngx.print(kept and kept.pid or "") ]] } }, function(server)
      local connection = server:send("/wait")
      pid = nginx.eventually(function() return tonumber(server:body("/pid")) end)
      connection:close()
      -- nginx.with checks that it ends.
      server.at_end = function() assert.is_true(is_alive(pid)) end
    end)
    assert.truthy(sys.kill(pid, "KILL"))
    assert.is_true(eventually_gone(pid))
  end)

  it("reports exhausted worker_connections, and ends the program", function()
    nginx.with({ connections = 16, alarms = true, locations = { ["/run"] = [[
      for _ = 1, tonumber(ngx.var.arg_n) do
        ngx.thread.spawn(function()
          local result, err = noshell.run(probe, "--sleep", "300", "--say", "done")
          ngx.print(result and result.stdout or tostring(err) .. "\n")
        end)
      end
    ]] } }, function(server)
      local counts = { done = 0, told = 0 }
      for line in server:body("/run?n=30"):gmatch("[^\n]+") do
        local told = line:match("^noshell: cannot wait for '.-probe .-': wait: .*"
          .. "worker_connections") and "told"
        local kind = line == "done" and "done" or told
        assert.truthy(kind, line)
        counts[kind] = counts[kind] + 1
      end
      assert.equal(30, counts.done + counts.told)
      assert.is_true(counts.done > 0 and counts.told > 0)
      assert.same({}, server:children(server:workers()[1]))
      assert.equal("done\n", server:body("/run?n=1"))
    end)
  end)

  it("may close its Lua state after every request (lua_code_cache off)", function()
    nginx.with({ http = "lua_code_cache off;", alarms = true, locations = {
      ["/run"] = RUN, ["/forget"] = [[
        noshell.run_async { probe, "--sleep", "30" }
        ngx.print(assert(noshell.output("echo", "hello")))
      ]] } }, function(server)
      local worker = server:workers()[1]
      for _, response in ipairs(server:many(nginx.paths("/run", 200), 20)) do
        assert.equal("0", response.body)
      end
      local before = nginx.inventory(worker)
      for _, response in ipairs(server:many(nginx.paths("/forget", 100), 20)) do
        assert.equal("hello", response.body)
      end
      assert.truthy(nginx.eventually(function()
        server:body("/run")
        local now = nginx.inventory(worker)
        return now.fds <= before.fds and now.threads <= before.threads
          and #server:children(worker) == 0
      end))
    end)
  end)

  it("need not be root, nor have a place for temporary files", function()
    helper.require_or_pending("root", sys.getuid() == 0, "root, to become nobody")
    local readable = helper.run { "su", "nobody", "-s", "/bin/sh", "-c",
      "test -r '" .. helper.root .. "/lua/noshell/init.lua'" }
    helper.require_or_pending("readable", readable.status == 0,
      "a tree that nobody may read")
    nginx.with({ user = "user nobody nogroup;", main = "env TMPDIR=/no/such/directory;",
      locations = { ["/run"] = [[
        ngx.print(noshell.host.name(), " ", noshell.output("id", "-un"))
      ]] } }, function(server)
      assert.equal("nginx nobody", server:body("/run"))
    end)
  end)
end)
