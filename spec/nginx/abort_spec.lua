-- Requests and light threads that end while they wait: what they held is released
-- at once, without the garbage collector, which does not run in these workers.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"

local HTTP = [[
  lua_check_client_abort on;
  init_by_lua_block { collectgarbage "stop" }
]]

local RUN = [[
  local result, err = noshell.run { tiny }
  ngx.print(result and result.exit_code or tostring(err))
]]

--- Waits until the worker has exactly so many programs.
local function await_children(server, count)
  local worker, now = server:workers()[1], nil
  assert.truthy(nginx.eventually(function()
    now = #server:children(worker)
    return now == count
  end, 10), ("%s programs, not %d"):format(now, count))
end

local function await_descriptors(server, count)
  local worker, now = server:workers()[1], nil
  assert.truthy(nginx.eventually(function()
    now = nginx.inventory(worker).fds
    return now <= count
  end, 10), ("%s descriptors, not %d"):format(now, count))
end

nginx.describe("in nginx, an aborted request", function()
  it("leaves nothing: 192 disconnect at a limit of 1,024 descriptors, and the worker goes on",
    function()
    nginx.with({ http = HTTP, main = "worker_rlimit_nofile 1024;", alarms = true,
      locations = { ["/start"] = [[
        started = (started or 0) + 1
        local _, err = noshell.run(probe, "--pause")
        failed = tostring(err)
      ]], ["/started"] = [[ ngx.print(started) ]],
      ["/failed"] = [[ ngx.print(tostring(failed)) ]], ["/run"] = RUN } }, function(server)
      assert.equal("0", server:body("/run"))
      local before = nginx.inventory(server:workers()[1]).fds
      for round = 1, 8 do
        local sent = {}
        for i = 1, 24 do sent[i] = server:send("/start") end
        -- nginx does not notice a client that has gone before its request runs.
        assert.truthy(nginx.eventually(function()
          return tonumber(server:get("/started").body) == 24 * round
        end))
        for _, connection in ipairs(sent) do connection:close() end
      end
      local said
      assert.truthy(nginx.eventually(function()
        said = server:body("/run")
        return said == "0"
      end, 10), said)
      assert.equal("nil", server:body("/failed"))
      await_children(server, 0)
      await_descriptors(server, before)
    end)
  end)

  it("leaves a process usable that others share", function()
    nginx.with({ http = HTTP, locations = {
      ["/keep"] = [[
        waiting = 0
        kept = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
      ]],
      ["/wait"] = [[
        waiting = waiting + 1
        kept:wait()
      ]],
      ["/read"] = [[
        waiting = waiting + 1
        kept.stdout:read "l"
      ]],
      ["/waiting"] = [[ ngx.print(waiting) ]],
      ["/use"] = [[
        local a, b, c = {}, {}, { ngx.var.arg_n }
        assert(kept.stdin:write(c[1], "\n"))
        ngx.print(kept.stdout:read "l", #a, #b)
      ]],
      ["/end"] = [[
        kept.stdin:close()
        ngx.print(assert(kept:wait()).exit_code)
      ]],
    } }, function(server)
      server:body("/keep")
      local sent = {}
      for i = 1, 10 do sent[i] = server:send(i % 2 == 0 and "/wait" or "/read") end
      assert.truthy(nginx.eventually(function() return server:body("/waiting") == "10" end))
      for _, connection in ipairs(sent) do connection:close() end
      for n = 1, 20 do assert.equal(n .. "00", server:body("/use?n=" .. n)) end
      assert.equal("0", server:body("/end"))
    end)
  end)
end)

nginx.describe("in nginx, an aborted request", function()
  it("hands unattended processes that it served over to others", function()
    nginx.with({ http = HTTP, locations = { ["/keep"] = [[
      first = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
      last = assert(noshell.run_async { "cat", stdin = first.stdout })
    ]], ["/wait"] = [[ noshell.run(probe, "--pause") ]], ["/chain"] = [[
      first.stdin:write(("x"):rep(2000000))
      first.stdin:close()
      ngx.print(#assert(last:wait()).stdout)
      first:close()
      last:close()
    ]] } }, function(server)
      for _ = 1, 3 do
        server:body("/keep")
        local connection = server:send("/wait")
        await_children(server, 3)
        connection:close()
        await_children(server, 2)
        assert.equal("2000000", server:body("/chain"))
        await_children(server, 0)
      end
    end)
  end)
end)

-- Functions that run a program and wait for it. Each runs the same one or two programs.
local CALLS = {
  run = "noshell.run(probe, '--pause')",
  output = "noshell.output(probe, '--pause')",
  system = "noshell.system { probe, '--pause', stdin = 'null', stdout = 'null' }",
  lines = "for _ in noshell.lines(probe, '--say', 'x', '--pause') do end",
  records = "for _ in noshell.command(probe, '--pause'):records '\\0' do end",
  made_input = [[noshell.run { probe, '--pause', input = function()
    return ('x'):rep(65536) end }]],
  pipeline = "noshell.pipeline({ 'cat', stdin = 'null' }, { probe, '--pause' }):run()",
  pipeline_lines = [[for _ in noshell.pipeline({ probe, '--pause' }, { 'true' },
    { probe, '--pause' }):lines() do end]],
  map = "noshell.map({ 1 }, function() return { probe, '--pause' } end)",
}

--- Calls whose start waits for the other end of a FIFO, and how many children they
--- have then.
local STARTS = {
  run = { "noshell.run { 'cat', stdout = { path = '$dir/fifo' } }", 1 },
  descriptors = { [[
    local null = io.open "/dev/null"
    noshell.run { "cat", stdin = null, stderr = "inherit", pass_fds = { [9] = null },
      stdout = { path = '$dir/fifo' } }
  ]], 1 },
  pipeline = { [[noshell.pipeline({ "cat", stdin = "null" }, { probe, "--pause" },
    { "cat", stderr = { path = "$dir/fifo" } }, { "cat" }):run_async()]], 2 },
  lines = { "for _ in noshell.lines { 'cat', stderr = { path = '$dir/fifo' } } do end", 1 },
  map = { [[noshell.map({ 1, 2, 3 }, function(i)
    return i < 3 and { probe, '--pause' } or { 'cat', stdin = { path = '$dir/fifo' } }
  end)]], 3 },
}

nginx.describe("in nginx, what starts a program", function()
  for name, start in pairs(STARTS) do
    it("leaves nothing if it is aborted or killed in " .. name, function()
      nginx.with({ http = HTTP, locations = { ["/start"] = start[1], ["/kill"] = ([[
        local thread = ngx.thread.spawn(function() %s end)
        repeat ngx.sleep(0.01) until go
        ngx.thread.kill(thread)
      ]]):format(start[1]), ["/go"] = "go = true", ["/run"] = RUN } }, function(server)
        assert(os.execute("mkfifo " .. server.dir .. "/fifo"))
        assert.equal("0", server:body("/run"))
        local before = nginx.inventory(server:workers()[1]).fds
        for _, path in ipairs { "/start", "/kill" } do
          local connection = server:send(path)
          await_children(server, start[2])
          if path == "/kill" then server:body("/go") else connection:close() end
          await_children(server, 0)
          -- Served processes leave an epoll instance to the collector.
          await_descriptors(server, before + 2)
          connection:close()
        end
      end)
    end)
  end
end)

nginx.describe("in nginx, a killed light thread", function()
  for name, call in pairs(CALLS) do
    it("ends its program in " .. name, function()
      nginx.with({ http = HTTP, locations = { ["/start"] = ([[
        local thread = ngx.thread.spawn(function() %s end)
        repeat ngx.sleep(0.01) until go
        ngx.thread.kill(thread)
        repeat ngx.sleep(0.01) until over
      ]]):format(call), ["/go"] = "go = true", ["/over"] = "over = true",
        ["/run"] = RUN } }, function(server)
        assert.equal("0", server:body("/run"))
        local before = nginx.inventory(server:workers()[1]).fds
        local count = name == "pipeline_lines" and 2 or 1
        local connection = server:send("/start")
        await_children(server, count)
        server:body("/go")
        await_children(server, 0)
        -- The request itself goes on, with its connection.
        await_descriptors(server, before + 1)
        server:body("/over")
        connection:close()
      end)
    end)
  end

  it("leaves a program of run_async alone", function()
    nginx.with({ http = HTTP, locations = { ["/start"] = [[
      kept = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
      for _, read in ipairs { function() kept:wait() end,
        function() kept.stdout:read "a" end } do
        local thread = ngx.thread.spawn(read)
        ngx.sleep(0.001)
        ngx.thread.kill(thread)
      end
      kept.stdin:write "alive\n"
      ngx.print(kept.stdout:read "l")
      kept:close()
    ]] } }, function(server)
      assert.equal("alive", server:body("/start"))
    end)
  end)

  it("hands unattended processes that it served over to others", function()
    nginx.with({ http = HTTP, locations = { ["/chain"] = [[
      local first = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
      local last = assert(noshell.run_async { "cat", stdin = first.stdout })
      local threads = {}
      for i = 1, 5 do
        threads[i] = ngx.thread.spawn(function() noshell.run(probe, "--pause") end)
      end
      ngx.sleep(0.01)
      for _, thread in ipairs(threads) do ngx.thread.kill(thread) end
      first.stdin:write(("x"):rep(2000000))
      first.stdin:close()
      ngx.print(#assert(last:wait()).stdout)
      first:close()
      last:close()
    ]] } }, function(server)
      assert.equal("2000000", server:body("/chain"))
    end)
  end)

  it("does not serve processes that another waiter could serve", function()
    nginx.with({ http = HTTP, locations = { ["/start"] = [[
      local threads = {}
      for i = 1, 21 do
        threads[i] = ngx.thread.spawn(function() noshell.run(probe, "--pause") end)
      end
      ngx.sleep(0.05)
      for i = 1, 20 do ngx.thread.kill(threads[i]) end
      local process = assert(noshell.run_async { probe, "--out", 1000000 })
      local function is_running()
        local file = io.open("/proc/" .. process.pid .. "/stat")
        local state = file and file:read "*a":match "%) (%a)"
        if file then file:close() end
        return state ~= nil and state ~= "Z"
      end
      for _ = 1, 500 do
        if not is_running() then break end
        ngx.sleep(0.01)
      end
      ngx.print(tostring(is_running()))
      process:close()
      ngx.thread.kill(threads[21])
    ]] } }, function(server)
      assert.equal("false", server:body("/start"))
    end)
  end)

  it("that was reading keeps no pipe open that is closed later", function()
    nginx.with({ http = HTTP, locations = { ["/read"] = [[
      local process = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe",
        stderr = "null" })
      local thread = ngx.thread.spawn(function() process.stdout:read "l" end)
      ngx.sleep(0.001)
      ngx.thread.kill(thread)
      process.stdout:close()
      process.stdin:write "x"
      local _, err = process:wait(5)
      ngx.print(err and (err.signal or err.code) or "it wrote all")
      process.stdin:close()
      process:close()
    ]] } }, function(server)
      assert.equal("PIPE", server:body("/read"))
    end)
  end)

  it("that was writing keeps no pipe open that is closed later", function()
    nginx.with({ http = HTTP, locations = { ["/write"] = [[
      local process = assert(noshell.run_async { "sh", "-c", "kill -STOP $$; exec cat",
        stdin = "pipe", stdout = "null", stderr = "null" })
      local thread = ngx.thread.spawn(function()
        process.stdin:write(("x"):rep(200000))
      end)
      ngx.sleep(0.001)
      ngx.thread.kill(thread)
      process.stdin:close()
      repeat
        process:kill "CONT"
        local result, err = process:wait(0.01)
      until result or err.code ~= "timeout" or ngx.now() - ngx.req.start_time() > 5
      local result, err = process:wait(0)
      ngx.print(result and result.exit_code or err.code)
      process:close()
    ]] } }, function(server)
      assert.equal("0", server:body("/write"))
    end)
  end)
end)

-- Calls whose user callback runs while programs do; `leave` does not return.
local CALLBACKS = {
  on_stdout = "noshell.run { probe, '--say', 'x', '--pause', on_stdout = leave }",
  input = "noshell.run { probe, '--pause', input = leave }",
  tee = [[noshell.pipeline({ probe, "--say", "x", "--pause" }, noshell.tee(leave),
    { probe, "--pause" }):run()]],
  map = [[noshell.map({ 1, 2, 3 }, function(i)
    if i == 3 then leave() end
    return { probe, "--pause" }
  end)]],
  on_progress = [[noshell.map({ 1, 2, 3 }, function(i)
    return i < 3 and { probe, "--pause" } or { tiny }
  end, { on_progress = leave })]],
}

local LEAVES = { exit = "ngx.exit(403)", exec = "ngx.exec '/run'",
  redirect = "ngx.redirect '/run'", sleep = "ngx.sleep(60)" }

nginx.describe("in nginx, a user callback", function()
  for name, call in pairs(CALLBACKS) do
    it("that leaves, as by ngx.exit, leaves no program in " .. name, function()
      local locations = { ["/run"] = RUN, ["/left"] = "ngx.print(left or 0)" }
      for way, leave in pairs(LEAVES) do
        locations["/" .. way] = ([[
          local function leave()
            left = (left or 0) + 1
            %s
          end
          %s
        ]]):format(leave, call)
      end
      nginx.with({ http = HTTP, locations = locations }, function(server)
        assert.equal("0", server:body("/run"))
        for i, way in ipairs { "exit", "exec", "redirect", "sleep" } do
          local connection = server:send("/" .. way)
          assert.truthy(nginx.eventually(function()
            return tonumber(server:body("/left")) == i
          end, 10))
          connection:close()
          await_children(server, 0)
        end
      end)
    end)
  end

  it("may wait for programs, and replace ngx.ctx", function()
    nginx.with({ http = HTTP, locations = { ["/nested"] = [[
      local texts = {}
      assert(noshell.run { probe, "--say", "x", "--say", "y", on_stdout = function(line)
        ngx.ctx = {}
        texts[#texts + 1] = noshell.output("echo", line)
        ngx.sleep(0.01)
      end })
      ngx.print(table.concat(texts))
    ]] } }, function(server)
      for _ = 1, 3 do assert.equal("xy", server:body("/nested")) end
      await_children(server, 0)
    end)
  end)
end)

nginx.describe("in nginx, a run that waits", function()
  it("ends its program if the worker is terminated", function()
    local pid
    nginx.with({ locations = { ["/start"] = [[ noshell.run(probe, "--pause") ]] } },
      function(server)
      local connection = server:send("/start")
      await_children(server, 1)
      pid = server:children(server:workers()[1])[1]
      server.at_end = function()
        assert.truthy(nginx.eventually(function() return nginx.is_gone(pid) end))
        connection:close()
      end
    end)
  end)

  it("uses six descriptors", function()
    nginx.with({ locations = { ["/many"] = [[
      for _ = 1, 50 do
        ngx.thread.spawn(function() noshell.run(probe, "--pause") end)
      end
    ]], ["/run"] = RUN } }, function(server)
      assert.equal("0", server:body("/run"))
      local worker = server:workers()[1]
      local before = nginx.inventory(worker).fds
      local connection = server:send("/many")
      await_children(server, 50)
      await_descriptors(server, before + 1 + 6 * 50)
      for _, pid in ipairs(server:children(worker)) do helper.sys.kill(pid, "KILL") end
      connection:close()
    end)
  end)
end)
