-- Measures one worker of nginx while commands run. Prints Markdown:
--
--   eval "$(make -s env LUA=luajit)" && make -s fixtures LUA=luajit
--   luajit spec/bench/nginx.lua [SECONDS]     (each row's; 5 unless given)
--
-- It needs nginx with its Lua module, wrk and luasocket. wrk, nginx and the
-- programs share the processors, which shows in the figures under load: so the
-- latencies are also measured beside programs that another process starts.

local nginx = require "spec.support.nginx"
local helper = require "spec.support.helper"
local sys = helper.sys

local SECONDS = tonumber(arg[1]) or 5
local GROWTH = 20000

--- nginx's own: a timer starts them one by one, without waiting for earlier ones.
--- Its clock has milliseconds.
local function inside(run)
  return ([[
    local rate, seconds = tonumber(ngx.var.arg_rate), tonumber(ngx.var.arg_seconds)
    ngx.timer.at(0, function()
      local start = ngx.now()
      for i = 1, seconds * rate do
        ngx.thread.spawn(function() %s end)
        ngx.sleep(math.max(0.001, start + i / rate - ngx.now()))
      end
    end)
  ]]):format(run)
end

local RUN = [[ assert(noshell.run { tiny, stdout = "null", stderr = "null" }) ]]
local EXECUTE = [[ os.execute(tiny) ]]

local LOCATIONS = {
  ["/run"] = RUN,
  ["/capture"] = [[ ngx.print(assert(noshell.output("echo", "hello"))) ]],
  ["/execute"] = EXECUTE,
  ["/sleep"] = [[ assert(noshell.run("sleep", "0.5")) ]],
  ["/inside/run"] = inside(RUN),
  ["/inside/execute"] = inside(EXECUTE),
}

local function wrk(server, path, connections, seconds)
  return io.popen(("exec wrk -t1 -c%d -d%ds --latency http://127.0.0.1:%d%s 2>&1")
    :format(connections, seconds, server.port, path))
end

local function milliseconds(text)
  local number, unit = text:match("([%d.]+)(%a+)")
  return tonumber(number) * ({ us = 0.001, ms = 1, s = 1000 })[unit]
end

local function reading(pipe)
  local text = pipe:read("*a")
  pipe:close()
  local median, last = text:match("\n%s+50%%%s+(%S+)"), text:match("\n%s+99%%%s+(%S+)")
  return { rate = tonumber(text:match("Requests/sec:%s+(%S+)")),
    median = milliseconds(median), p99 = milliseconds(last) }
end

local function show(...)
  io.write((...):format(select(2, ...)), "\n")
  io.flush()
end

local function rates(server)
  show("| requests, 20 connections | a second | p99, ms |\n|---|---:|---:|")
  for _, path in ipairs { "/static", "/run", "/capture", "/execute" } do
    local found = reading(wrk(server, path, 20, SECONDS))
    show("| %s | %.0f | %.2f |", path, found.rate, found.p99)
  end
end

--- A client that leaves the processors to others: a request, a pause, for so many
--- seconds; in milliseconds the median and the 99th percentile of its responses.
local function paced(server, seconds)
  local connection = assert(require("socket").connect("127.0.0.1", server.port))
  connection:setoption("tcp-nodelay", true)
  local times, finish = {}, sys.clock() + seconds
  while sys.clock() < finish do
    local start = sys.clock()
    assert(connection:send("GET /static HTTP/1.1\r\nHost: x\r\n\r\n"))
    repeat until assert(connection:receive("*l")) == ""
    assert(connection:receive(6) == "static")
    times[#times + 1] = (sys.clock() - start) * 1000
    sys.sleep(0.002)
  end
  connection:close()
  table.sort(times)
  return times[math.ceil(#times * 0.5)], times[math.ceil(#times * 0.99)]
end

--- Starts programs at that rate for a number of seconds outside of the server: shows the
--- cost of the same load for the client.
local OUTSIDE = [[
  local core, noshell = require "noshell.core", require "noshell"
  local tiny, rate, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])
  local start = core.now()
  for i = 1, rate * seconds do
    assert(noshell.run { tiny, stdout = "null", stderr = "null" })
    core.poll(-1, "r", math.max(0, start + i / rate - core.now()))
  end
]]

local function outside(rate, seconds)
  local pipe = io.popen("exec luajit - " .. helper.quoted { helper.tiny, rate, seconds }
    .. " >/dev/null", "w")
  pipe:write(OUTSIDE)
  pipe:flush()
  return pipe
end

local function latencies(server)
  show("\n| beside one client of /static | median, ms | p99, ms | of the first |")
  show("|---|---:|---:|---:|")
  paced(server, 1)
  local idle
  local function row(name)
    sys.sleep(0.3)
    local median, last = paced(server, SECONDS)
    idle = idle or last
    show("| %s | %.2f | %.2f | %.1f |", name, median, last, last / idle)
  end
  row "nothing"
  for _, rate in ipairs { 50, 100, 200, 500 } do
    for _, way in ipairs { "run", "execute" } do
      server:body(("/inside/%s?rate=%d&seconds=%d"):format(way, rate, SECONDS + 1))
      row(("%d programs a second by nginx, %s"):format(rate,
        way == "run" and "noshell.run" or "os.execute"))
      sys.sleep(1.5)
    end
    local pipe = outside(rate, SECONDS + 1)
    row(rate .. ", by another process")
    pipe:close()
  end
end

local function sleepers(server)
  local start = sys.clock()
  server:many(nginx.paths("/sleep", 200), 200)
  show("\n200 requests at once, `sleep 0.5` each: %.2f s", sys.clock() - start)
end

local function growth(server)
  local pid = server:workers()[1]
  show("\n| after | memory, kB | threads | descriptors |\n|---|---:|---:|---:|")
  for step = 0, 4 do
    if step > 0 then server:many(nginx.paths("/capture", GROWTH / 4), 50) end
    sys.sleep(0.2)
    local now = nginx.inventory(pid)
    show("| %d requests | %d | %d | %d |", step * GROWTH / 4, now.kilobytes, now.threads,
      now.fds)
  end
  show("\nchildren left: %d", #server:children(pid))
end

nginx.with({ locations = LOCATIONS, level = "error" }, growth)
local http = "keepalive_requests 1000000;"
nginx.with({ locations = LOCATIONS, level = "error", http = http }, function(server)
  print()
  rates(server)
  latencies(server)
  sleepers(server)
end)
