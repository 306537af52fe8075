-- What one worker of nginx does while commands run. Prints Markdown:
--
--   eval "$(make -s env LUA=luajit)" && make -s fixtures LUA=luajit
--   luajit spec/bench/nginx.lua [SECONDS]     (each row's; 5 unless given)
--
-- It needs nginx with its Lua module, wrk and luasocket. wrk, nginx and the
-- programs share the processors, which shows in the figures under load.

local lfs = require "lfs"
local nginx = require "spec.support.nginx"
local helper = require "spec.support.helper"

local SECONDS = tonumber(arg[1]) or 5
local GROWTH = 20000

local LOCATIONS = {
  ["/run"] = [[ assert(noshell.run { tiny, stdout = "null", stderr = "null" }) ]],
  ["/capture"] = [[ ngx.print(assert(noshell.output("echo", "hello"))) ]],
  ["/execute"] = [[ os.execute(tiny) ]],
  ["/sleep"] = [[ assert(noshell.run("sleep", "0.5")) ]],
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

local LOADS = {
  { "nothing" }, { "10 connections to /sleep", "/sleep", 10 },
  { "50 connections to /sleep", "/sleep", 50 },
  { "1 connection to /run", "/run", 1 }, { "20 connections to /run", "/run", 20 },
}

local function latencies(server)
  show("\n| beside /static, 4 connections | its requests a second | median, ms | p99, ms |")
  show("|---|---:|---:|---:|")
  for _, load in ipairs(LOADS) do
    local other = load[2] and wrk(server, load[2], load[3], SECONDS + 1)
    helper.sys.sleep(0.5)
    local found = reading(wrk(server, "/static", 4, SECONDS))
    if other then reading(other) end
    show("| %s | %.0f | %.3f | %.2f |", load[1], found.rate, found.median, found.p99)
  end
end

local function paths_of(path, count)
  local paths = {}
  for i = 1, count do paths[i] = path end
  return paths
end

local function sleepers(server)
  local start = helper.sys.clock()
  server:many(paths_of("/sleep", 200), 200)
  show("\n200 requests at once, `sleep 0.5` each: %.2f s", helper.sys.clock() - start)
end

local function inventory(pid)
  local status = helper.read_file(("/proc/%d/status"):format(pid))
  local count = -2
  for _ in lfs.dir(("/proc/%d/fd"):format(pid)) do count = count + 1 end
  return status:match("VmRSS:%s+(%d+)"), status:match("Threads:%s+(%d+)"), count
end

local function growth(server)
  local pid = server:workers()[1]
  show("\n| after | memory, kB | threads | descriptors |\n|---|---:|---:|---:|")
  for step = 0, 4 do
    if step > 0 then server:many(paths_of("/capture", GROWTH / 4), 50) end
    helper.sys.sleep(0.2)
    show("| %d requests | %s | %s | %d |", step * GROWTH / 4, inventory(pid))
  end
  show("\nchildren left: %d", #server:children(pid))
end

nginx.with({ locations = LOCATIONS, level = "error" }, growth)
nginx.with({ locations = LOCATIONS, level = "error" }, function(server)
  print()
  rates(server)
  latencies(server)
  sleepers(server)
end)
