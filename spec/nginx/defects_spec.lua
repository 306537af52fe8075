-- Defects that users of ngx.pipe, resty.shell, os.execute and io.popen in nginx reported,
-- with the issue; "reproduced" marks those found by trying.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"

--- Runs Lua in the content phase of a server; what it prints.
local function answer(code, options)
  local body
  options = options or {}
  options.locations = { ["/answer"] = code }
  nginx.with(options, function(server) body = server:body("/answer") end)
  return body
end

nginx.describe("without the defects of ngx.pipe: a program", function()
  it("that cannot be executed is an error with its errno (reproduced; Kong/kong#7481, Kong/go-plugins#20)",
    function()
    assert.equal("nil spawn find_program ENOENT", answer [[
      local process, err = noshell.run_async("no-such-program-anywhere")
      ngx.print(tostring(process), " ", err.code, " ", err.stage, " ", err.errname)
    ]])
  end)

  it("sees the end of its input even if another was started since (reproduced)",
    function()
    assert.equal("hello", answer [[
      local spec = { "cat", stdin = "pipe", stdout = "pipe" }
      local first = assert(noshell.run_async(spec))
      local second = assert(noshell.run_async(spec))
      first.stdin:write("hello")
      first.stdin:close()
      ngx.print(first.stdout:read("a"))
      assert(first:wait(5))
      first:close()
      second:close()
    ]])
  end)

  it("lives on when its request or timer ends (reproduced)", function()
    nginx.with({ locations = { ["/start"] = [[
      local function start(name)
        _G[name] = assert(noshell.run_async { "cat", stdin = "pipe" })
      end
      start("of_request")
      ngx.timer.at(0, function() start("of_timer") end)
    ]], ["/finish"] = [[
      if not of_timer then return end
      for _, process in ipairs { of_request, of_timer } do
        process.stdin:write("alive ")
        process.stdin:close()
        ngx.print(assert(process:wait()).stdout)
        process:close()
      end
    ]] } }, function(server)
      server:body("/start")
      assert.equal("alive alive ", nginx.eventually(function()
        local body = server:body("/finish")
        return body ~= "" and body
      end))
    end)
  end)

  it("has no more descriptors than were passed (lua-nginx-module#1830, #1990, lua-resty-shell#17)",
    function()
    local report = helper.probe_report(answer [[
      ngx.print(assert(noshell.run(probe)).stdout)
    ]])
    assert.same({ 0, 1, 2 }, report.fds)
    assert.equal("pipe", report.fd[1].kind)
  end)

  it("does not inherit nginx's signal dispositions", function()
    local report = helper.probe_report(answer [[
      ngx.print(assert(noshell.run(probe)).stdout)
    ]])
    for _, number in ipairs { 13, 17, 31 } do
      assert.is_false(helper.mask_has(report.sigign, number))
      assert.is_false(helper.mask_has(report.sigmask, number))
    end
  end)

  -- The thread that starts it is of another one: see proc(5), field 41.
  it("has the scheduling policy of nginx", function()
    assert.equal("0", answer [[
      local fields = {}
      for field in assert(noshell.output("cat", "/proc/self/stat")):gmatch("%S+") do
        fields[#fields + 1] = field
      end
      ngx.print(fields[41])
    ]])
  end)

  it("may leave a daemon that keeps its output open: a deadline wins (lua-nginx-module#1990)",
    function()
    assert.equal("timeout true pid=", answer [[
      local _, err = noshell.run { probe, "--print-pids", "--fork", "--setsid",
        "--sleep", "2000", "--end", timeout = 0.3, grace = 0.1 }
      ngx.print(err.code, " ", tostring(err.result.output_incomplete), " ",
        err.result.stdout:sub(1, 4))
    ]])
  end)

  it("needs no connection of nginx's while nothing waits (lua-nginx-module#2055)",
    function()
    assert.equal("100", answer([[
      local kept = {}
      for i = 1, 100 do kept[i] = assert(noshell.run_async { "cat", stdin = "pipe" }) end
      local count = 0
      for _, process in ipairs(kept) do
        process.stdin:close()
        if process:wait() then count = count + 1 end
        process:close()
      end
      ngx.print(count)
    ]], { connections = 16 }))
  end)

  it("has no time limit by default (lua-resty-shell#21, lua-resty-core#244)",
    function()
    assert.equal("nil true", answer [[
      local process = assert(noshell.run_async { "cat", stdin = "pipe" })
      local limited = assert(noshell.run_async { "cat", stdin = "pipe", timeout = 5 })
      ngx.print(tostring(process:timeout()), " ", tostring(limited:timeout() > 4))
      process:close()
      limited:close()
    ]])
  end)

  it("that writes much causes no endless loop (openresty/openresty#539)", function()
    local used = tonumber((answer [[
      local before = os.clock()
      local process = assert(noshell.run_async { probe, "--sleep", "700", "--out",
        "8000000", "--sleep", "700", stdout = "pipe" })
      local size = 0
      while true do
        local data = process.stdout:read(65536)
        if not data then break end
        size = size + #data
      end
      assert(size == 8000000 and process:wait())
      process:close()
      ngx.print(os.clock() - before)
    ]]))
    assert.is_true(used < 0.9)
  end)

  it("whose output a loop reads does not delay an exiting worker (Kong/kong#6968)",
    function()
    nginx.with({ main = "worker_shutdown_timeout 1s;", locations = { ["/read"] = [[
      local process = assert(noshell.run_async { "cat", stdin = "pipe",
        stdout = "pipe" })
      reading = true
      ngx.timer.at(0, function() process.stdout:read("a") end)
      process.stdout:read("l")
    ]], ["/reading"] = [[ ngx.print(tostring(reading)) ]],
      ["/pid"] = [[ ngx.print(ngx.worker.pid()) ]] } }, function(server)
      local connection = server:send("/read")
      nginx.eventually(function() return server:body("/reading") == "true" end)
      local old = tonumber(server:body("/pid"))
      server:signal("HUP")
      assert.truthy(nginx.eventually(function() return nginx.is_gone(old) end))
      connection:close()
    end)
  end)

  it("that was killed is reported so, and can be started again (Kong/kong#8293)", function()
    assert.equal("signal KILL; second", answer [[
      local server = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
      server:kill "KILL"
      local _, err = server:wait()
      server:close()
      server = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
      server.stdin:write "second\n"
      ngx.print(err.code, " ", err.result.signal, "; ", server.stdout:read "l")
      server:close()
    ]])
  end)

  it("ends with a killed worker on request (apache/apisix#5306)",
    function()
    nginx.with({ alarms = true, locations = { ["/start"] = [[
      kept = assert(noshell.run_async { probe, "--pause", stdout = "null",
        stderr = "null", parent_death_signal = "KILL" })
      ngx.print(kept.pid)
    ]] } }, function(server)
      local pid = tonumber(server:body("/start"))
      assert.is_false(nginx.is_gone(pid))
      helper.sys.kill(server:workers()[1], "KILL")
      assert.is_true(nginx.eventually(function() return nginx.is_gone(pid) end))
    end)
  end)

  it("starts even if nginx logs to syslog (lua-nginx-module#1491)", function()
    assert.equal("nil ENOENT hello", answer([[
      local process, err = noshell.run_async "no-such-program-anywhere"
      ngx.print(tostring(process), " ", err.errname, " ", noshell.output("echo", "hello"))
    ]], { http = "error_log syslog:server=127.0.0.1:9;" }))
  end)

  it("that fails is reported with its stderr (openresty/openresty#532)", function()
    local said = answer [[
      local _, err = noshell.run("ls", "/no/such/directory")
      ngx.print(tostring(err))
    ]]
    assert.truthy(said:match("^noshell: 'ls /no/such/directory' exited with status 2: ls: "))
  end)
end)

nginx.describe("without the defects of resty.shell: a program", function()
  it("accepts input of any size (reproduced: 400 KB were too much)", function()
    assert.equal("1000000", answer [[
      local result = assert(noshell.run { "cat", input = ("x"):rep(1000000) })
      ngx.print(#result.stdout)
    ]])
  end)

  it("that writes too much is ended at once, and reported (lua-resty-shell#3)",
    function()
    assert.equal("output_limit 1000 true", answer [[
      local start = ngx.now()
      local _, err = noshell.run { probe, "--out", "1000000", "--pause",
        max_output = 1000 }
      ngx.update_time()
      ngx.print(err.code, " ", #err.result.stdout, " ",
        tostring(ngx.now() - start < 20))
    ]])
  end)

  it("is ended with its descendants (lua-resty-shell#5, #6, lua-nginx-module#1855, Kong/kong#6849)",
    function()
    helper.with_tmpdir(function(dir)
      local said = answer(([[
        local _, err = noshell.run { "sh", "-c", "sleep 60 & echo $! >%s/pid; wait",
          timeout = 0.2 }
        ngx.print(err.code)
      ]]):format(dir))
      assert.equal("timeout", said)
      local pid = tonumber((helper.read_file(dir .. "/pid")))
      assert.truthy(nginx.eventually(function() return nginx.is_gone(pid) end))
    end)
  end)

  it("returns its output before the timeout, for many at once (lua-resty-shell#19)",
    function()
    nginx.with({ locations = { ["/slow"] = [[
      local n = ngx.var.arg_n
      local _, err = noshell.run { probe, "--say", n, "--pause", timeout = 0.2 }
      ngx.print(err.code, " ", err.result.stdout)
    ]] } }, function(server)
      local paths = {}
      for n = 1, 50 do paths[n] = "/slow?n=" .. n end
      for n, response in ipairs(server:many(paths, 50)) do
        assert.equal(("timeout %d\n"):format(n), response.body)
      end
    end)
  end)

  it("can be read line by line (lua-resty-shell#22)", function()
    assert.equal("one,two,", answer [[
      for line in noshell.lines("printf", "one\ntwo\n") do ngx.print(line, ",") end
    ]])
  end)

  it("can run in the background (lua-resty-shell#14)", function()
    helper.with_tmpdir(function(dir)
      answer(([[
        local process = assert(noshell.run_async { probe, "--sleep", "100", "--to",
          "%s/done", "--say", "done", stdout = "null", stderr = "null" })
        process:detach()
      ]]):format(dir))
      assert.equal("done\n", nginx.eventually(function()
        local file = io.open(dir .. "/done")
        local text = file and file:read("*a")
        if file then file:close() end
        return text ~= "" and text
      end))
    end)
  end)

  it("has separate stdout and stderr (jprjr/lua-resty-exec#4, sockexec#7)", function()
    assert.equal("100000 50000", answer [[
      local result = assert(noshell.run { probe, "--out", 50000, "--err", 50000,
        "--out", 50000 })
      ngx.print(#result.stdout, " ", #result.stderr)
    ]])
  end)

  it("gets its arguments unchanged (lua-resty-auto-ssl#175)", function()
    assert.equal([[it's "a" $(word); `x` | *]], answer [==[
      ngx.print(noshell.output("printf", "%s", [[it's "a" $(word); `x` | *]]))
    ]==])
  end)
end)

nginx.describe("without the defects of os.execute and io.popen: nginx", function()
  it("returns the status of a program (lua-nginx-module#512, #779)", function()
    assert.equal("nil exit 4; nil exit 5; nil signal 9", answer [[
      local popen = assert(noshell.popen({ probe, "--say", "x", "--exit", 5 }))
      popen:read("a")
      ngx.sleep(0.05)
      local ok, kind, number = popen:close()
      local function said(...)
        local a, b, c = ...
        return ("%s %s %s"):format(tostring(a), tostring(b), tostring(c))
      end
      ngx.print(said(noshell.system(probe, "--exit", 4)), "; ",
        said(ok, kind, number), "; ", said(noshell.system(probe, "--kill", "KILL")))
    ]])
  end)

  it("interrupts no read by a signal (lua-nginx-module#1346, resty-cli#35, LuaJIT#831, luacov#60)",
    function()
    nginx.with({ http = [[
      log_by_lua_block {
        if ngx.var.uri == "/blocking" then
          local noshell = require "noshell"
          local text = noshell.output("sh", "-c", "for i in 1 2 3 4 5 6; do true | true; done; echo end")
          said = (said or "") .. tostring(text) .. " "
        end
      }]], locations = { ["/others"] = [[
        for i = 1, 20 do noshell.run_async(tiny):detach() end
      ]], ["/blocking"] = "", ["/said"] = [[ ngx.print(said) ]] } },
      function(server)
      for _ = 1, 5 do
        server:body("/others")
        server:body("/blocking")
      end
      assert.equal(("end "):rep(5), server:body("/said"))
    end)
  end)

  it("runs programs while a module is loaded (torch/sys#12, torch/xlua#21)", function()
    assert.equal("loaded", answer([[ ngx.print(require "at_load") ]], { files = {
      ["at_load.lua"] = [[ return (require("noshell").output("echo", "loaded")) ]] } }))
  end)

  it("serves requests meanwhile (magiclen/nginx-cache-purge#2, lua-nginx-module#450, #1860)",
    function()
    nginx.with({ locations = { ["/wait"] = [[
      kept = assert(noshell.run_async { "cat", stdin = "pipe" })
      ngx.print(assert(kept:wait()).exit_code)
    ]], ["/end"] = [[
      if kept then kept.stdin:close() end
      ngx.print(tostring(kept ~= nil))
    ]] } }, function(server)
      -- If the worker were blocked, nothing could end the program.
      local connection = server:send("/wait")
      assert.truthy(nginx.eventually(function()
        return server:body("/end") == "true"
      end))
      assert.equal("0", connection:receive("*a"):sub(-1))
      connection:close()
    end)
  end)
end)
