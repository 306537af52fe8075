-- One worker goes on serving while commands run, and each request gets what is
-- its own.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"
local noshell = require "noshell"
local sys = helper.sys

--- The paths "/run?n=1" to "/run?n=count".
local function numbered(path, count)
  local paths = {}
  for i = 1, count do paths[i] = path .. "?n=" .. i end
  return paths
end

local ECHO = [[
  local n = tonumber(ngx.var.arg_n)
  local result, err = noshell.run { probe, "--cat", "--exit", n % 256,
    input = ("%d."):format(n):rep(n % 50), check = false }
  if result then
    ngx.print(result.exit_code, " ", result.stdout)
  else
    ngx.print(tostring(err))
  end
]]

local function expected_echo(n)
  return ("%d %s"):format(n % 256, (n .. "."):rep(n % 50))
end

nginx.describe("a worker of nginx", function()
  it("returns its own status and output to each of 2,000 concurrent requests", function()
    nginx.with({ locations = { ["/run"] = ECHO } }, function(server)
      for n, response in ipairs(server:many(numbered("/run", 2000), 200)) do
        assert.equal(200, response.status)
        assert.equal(expected_echo(n), response.body)
      end
    end)
  end)

  it("does so with two workers", function()
    nginx.with({ locations = { ["/run"] = ECHO }, workers = 2 }, function(server)
      assert.equal(2, #server:workers(2))
      for n, response in ipairs(server:many(numbered("/run", 1000), 100)) do
        assert.equal(expected_echo(n), response.body)
      end
    end)
  end)

  it("keeps the callbacks of a command in different requests apart", function()
    nginx.with({ locations = { ["/shared"] = [[
      local n, i, heard = ngx.var.arg_n, 0, {}
      COMMAND = COMMAND or noshell.command "cat"
      COMMAND:set_input(function()
        i = i + 1
        return i <= 2 and n .. i .. "\n" or nil
      end)
      COMMAND:on_stdout(function(line) heard[#heard + 1] = line end)
      local result = assert(COMMAND:run())
      ngx.print(result.stdout:gsub("\n", " "), table.concat(heard, ","))
    ]] } }, function(server)
      for n, response in ipairs(server:many(numbered("/shared", 30), 10)) do
        assert.equal(("%d1 %d2 %d1,%d2"):format(n, n, n, n), response.body)
      end
    end)
  end)

  it("starts others while a start waits for a FIFO", function()
    helper.with_tmpdir(function(dir)
      assert(noshell.run("mkfifo", dir .. "/fifo"))
      nginx.with({ locations = {
        ["/fifo"] = ([[
          local result, err = noshell.run { "cat", stdin = { path = "%s/fifo" },
            timeout = tonumber(ngx.var.arg_seconds) }
          ngx.print(err and err.errname or result.stdout)
        ]]):format(dir),
        ["/run"] = [[ ngx.print(assert(noshell.output("echo", ngx.var.arg_n))) ]],
      } }, function(server)
        assert.equal("ETIMEDOUT", server:body("/fifo?seconds=0.1"))
        local paths = numbered("/run", 20)
        for _ = 1, 3 do table.insert(paths, 1, "/fifo?seconds=0.5") end
        for i, response in ipairs(server:many(paths, 23)) do
          assert.equal(i <= 3 and "ETIMEDOUT" or tostring(i - 3), response.body)
        end
        local writer = assert(noshell.run_async("sh", "-c",
          "sleep 0.2; echo hello >$0", dir .. "/fifo"))
        assert.equal("hello\n", server:body("/fifo"))
        writer:close()
      end)
    end)
  end)

  it("runs 200 commands at once, each of which sleeps", function()
    nginx.with({ locations = { ["/sleep"] = [[
      assert(noshell.run("sleep", "0.5"))
      ngx.print(ngx.var.arg_n)
    ]] } }, function(server)
      local start = sys.clock()
      for n, response in ipairs(server:many(numbered("/sleep", 200), 200)) do
        assert.equal(tostring(n), response.body)
      end
      -- One after the other they would take 100 s.
      assert.is_true(sys.clock() - start < 10)
    end)
  end)

  it("serves others while commands start, run and end", function()
    nginx.with({ locations = { ["/run"] = [[
      assert(noshell.run(probe, "--sleep", "50"))
    ]] } }, function(server)
      local sent = {}
      for i = 1, 100 do sent[i] = server:send("/run") end
      local slowest = 0
      for _ = 1, 50 do
        local start = sys.clock()
        assert.equal("static", server:body("/static"))
        slowest = math.max(slowest, sys.clock() - start)
      end
      for _, connection in ipairs(sent) do
        assert.truthy(connection:receive("*a"):match("^HTTP/1.1 200"))
        connection:close()
      end
      assert.is_true(slowest < 2)
    end)
  end)

  it("passes lines on as they arrive", function()
    nginx.with({ http = "lua_http10_buffering off;", locations = { ["/lines"] = [[
      local process = assert(noshell.run_async { probe, "--say", "one",
        "--block-on", "0", "--say", "two", stdin = "pipe", stdout = "pipe" })
      kept = process
      for line in process.stdout:lines() do
        ngx.say(line)
        ngx.flush(true)
      end
      process:close()
    ]], ["/go"] = [[ kept.stdin:close() ]] } }, function(server)
      local connection = server:send("/lines")
      repeat local line = assert(connection:receive("*l")) until line == ""
      assert.equal("one", connection:receive("*l"))
      assert.equal("", server:body("/go"))
      assert.equal("two", connection:receive("*l"))
      connection:close()
    end)
  end)

  it("sends input while it reads output, more than pipes hold", function()
    nginx.with({ server = "client_max_body_size 8m; client_body_buffer_size 8m;",
      locations = { ["/cat"] = [[
        ngx.req.read_body()
        ngx.print(assert(noshell.run { "cat", input = ngx.req.get_body_data() }).stdout)
      ]] } }, function(server)
      local data = helper.pattern(4000000)
      assert.is_true(server:body("/cat", data) == data)
    end)
  end)

  it("reads two streams of one process in two light threads", function()
    nginx.with({ locations = { ["/both"] = [[
      local process = assert(noshell.run_async { probe, "--out", 200000, "--err",
        100000, "--out", 200000, stdout = "pipe", stderr = "pipe" })
      local function read(name) return #process[name]:read("a") end
      local out = ngx.thread.spawn(read, "stdout")
      local err = ngx.thread.spawn(read, "stderr")
      local _, out_size = ngx.thread.wait(out)
      local _, err_size = ngx.thread.wait(err)
      local result = assert(process:wait())
      process:close()
      ngx.print(out_size, " ", err_size, " ", result.exit_code)
    ]] } }, function(server)
      assert.equal("400000 100000 0", server:body("/both"))
    end)
  end)

  it("runs commands in a timer", function()
    nginx.with({ locations = { ["/start"] = [[
      ngx.timer.at(0, function()
        said = noshell.host.name() .. " " .. assert(noshell.output("echo", "hello"))
      end)
    ]], ["/said"] = [[ ngx.print(said or "") ]] } }, function(server)
      server:body("/start")
      assert.equal("nginx hello", nginx.eventually(function()
        local said = server:body("/said")
        return said ~= "" and said
      end))
    end)
  end)

  it("runs pipelines, and several at once", function()
    nginx.with({ locations = { ["/pipe"] = [[
      ngx.print(assert(noshell.pipeline({ probe, "--out", 300000 }, { "cat" },
        { "wc", "-c" }):output()))
    ]] } }, function(server)
      for _, response in ipairs(server:many(numbered("/pipe", 50), 50)) do
        assert.equal("300000", response.body)
      end
    end)
  end)

  it("ends the whole tree of a command after its timeout", function()
    helper.with_tmpdir(function(dir)
      nginx.with({ locations = { ["/slow"] = ([[
        local _, err = noshell.run { probe, "--to", "%s/pids", "--print-pids",
          "--fork", "--pause", "--end", "--pause", timeout = 0.2 }
        ngx.print(err.code, " ", tostring(err.result.timed_out))
      ]]):format(dir) } }, function(server)
        assert.equal("timeout true", server:body("/slow"))
        local text = helper.read_file(dir .. "/pids")
        local pid, grandchild = text:match("pid=(%d+).*grandchild=(%d+)")
        assert.is_nil(sys.kill(tonumber(pid), 0))
        assert.truthy(nginx.eventually(function()
          return nginx.is_gone(tonumber(grandchild))
        end))
      end)
    end)
  end)

  it("reports a program that does not start, and one that fails", function()
    nginx.with({ locations = { ["/bad"] = [[
      local _, missing = noshell.run("no-such-program-anywhere")
      local _, cwd = noshell.run { "true", cwd = "/no/such/directory" }
      local _, failed = noshell.run(probe, "--exit", "3")
      ngx.print(missing.errname, " ", missing.stage, " ", cwd.stage, " ",
        failed.code, " ", failed.result.exit_code)
    ]] } }, function(server)
      assert.equal("ENOENT find_program set_working_directory exit 3",
        server:body("/bad"))
    end)
  end)
end)
