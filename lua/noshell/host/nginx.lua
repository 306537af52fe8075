--- The host of nginx's Lua module, stock or OpenResty's, in the phases that can
--- yield. nginx waits for its own sockets alone, so what is waited for wakes a
--- cosocket that is connected to this very worker: see the wake-up channels in
--- c/noshell.h. One who waits holds one of nginx's worker_connections.

local core = require "noshell.core"
local coroutines = require "noshell.host.coroutines"
local descriptors = require "noshell.descriptors"

--- A worker that is stopped for each start answers nobody meanwhile.
local nginx = { name = "nginx", starts_aside = true, entrusts = true }

--- What ngx.get_phase says where a cosocket works. Elsewhere (init, init_worker,
--- set, header_filter, body_filter, log, balancer, exit_worker, …) nginx lets
--- nothing yield; and in ssl_client_hello and ssl_session_fetch one that lacks
--- OpenResty's patches breaks the handshake off where Lua yields.
local YIELDABLE = {
  rewrite = true, server_rewrite = true, access = true, precontent = true,
  content = true, timer = true, preread = true, ssl_cert = true,
  proxy_ssl_cert = true, proxy_ssl_verify = true,
}

--- Also in those phases Lua may be inside a C function that cannot yield, such
--- as require. nginx has replaced the table that had coroutine.isyieldable.
---@return boolean
function nginx.is_here()
  local ngx = package.loaded.ngx
  -- A thread of ngx.run_worker_thread has another one.
  if not ngx or not ngx.get_phase or not ngx.socket then return false end
  local ok, phase = pcall(ngx.get_phase)
  return ok and YIELDABLE[phase] and core.can_yield() ~= false
    and coroutines.yieldable() ~= nil
end

--- In milliseconds: the longest that nginx takes. Our own timers wake earlier,
--- because nginx logs an error for each cosocket that times out.
local LONGEST = 2 ^ 31 - 1

---@class noshell.wake_channel
---@field socket table     a cosocket
---@field number integer   the core's name for it

---@return noshell.wake_channel?
---@return table? failure
local function connect()
  local path, raw = core.wake_path()
  if not path then return nil, raw end
  local socket = package.loaded.ngx.socket.tcp()
  socket:settimeout(LONGEST)
  local ok, why = socket:connect("unix:" .. path)
  if not ok then
    return nil, descriptors.shortage() or { reason = "nginx did not connect a "
      .. "cosocket: " .. tostring(why) .. " (worker_connections may be exhausted)" }
  end
  local number
  number, raw = core.wake_accept()
  if number then return { socket = socket, number = number } end
  socket:close()
  return nil, raw
end

--- The channels that none of a request's light threads is using, by its context:
--- a cosocket lives and dies with the request that made it. A context can be
--- that of another request too, whose channels are then of no use.
---@type table<table, noshell.wake_channel[]>
local idle = setmetatable({}, { __mode = "k" })

local function take()
  local channels = idle[package.loaded.ngx.ctx]
  return channels and table.remove(channels)
end

local function give(channel)
  local context = package.loaded.ngx.ctx
  local channels = idle[context] or {}
  idle[context] = channels
  channels[#channels + 1] = channel
end

--- Of all waiters: nginx uses the stack of an aborted request's coroutine again,
--- and a closure that outlived it would find another request's values there.
---@param awaited noshell.awaited
local function wake(awaited)
  core.wake_arm(awaited.channel, -1, "r", 0)
end

--- Of all waiters: whether the request, the light thread or the timer has ended. A
--- coroutine does not tell: nginx uses that of a request again.
---@param awaited noshell.awaited
local function is_lost(awaited)
  return not core.wake_is_open(awaited.channel)
end

local NOTHING = {}

--- Waits with this channel: true, or nil and why it is of no use. The request,
--- the light thread or the timer may end meanwhile; nginx closes the cosocket
--- then, and the channel releases what it owns.
local function wait_with(channel, awaited, seconds)
  local number, held = channel.number, awaited.held or NOTHING
  local armed, raw = core.wake_arm(number, awaited:pollfd(), awaited:events(), seconds)
  if not armed then return nil, raw end
  awaited.channel, awaited.wake, awaited.is_lost = number, wake, is_lost
  for i = 1, #held do held[i]:_entrust(number) end
  -- It raises where the cosocket is another request's.
  local ok, byte, why = pcall(channel.socket.receive, channel.socket, 1)
  awaited.wake = nil
  core.wake_disarm(number)
  -- Each is taken back when it is asked anything.
  for i = 1, #held do held[i]:closed() end
  if ok and (byte or why == "timeout") then return true end
  return nil, { reason = "the wake-up channel: " .. tostring(why or byte) }
end

--- It holds a connection and a descriptor until then. Another request's raises.
local function drop(channel)
  pcall(channel.socket.close, channel.socket)
end

local function wait_somehow(awaited, seconds)
  for channel in take do
    if wait_with(channel, awaited, seconds) then return channel end
    drop(channel)
  end
  local channel, raw = descriptors.retry(connect)
  if not channel then return nil, raw end
  local ok
  ok, raw = wait_with(channel, awaited, seconds)
  if ok then return channel end
  drop(channel)
  return nil, raw
end

--- Connects the channel that the first wait needs before the program starts: were
--- the request aborted while nginx connects, no channel would own the program.
--- A failure is reported by that wait.
function nginx.prepare()
  local channels = idle[package.loaded.ngx.ctx]
  if channels and channels[1] then return end
  local channel = descriptors.retry(connect)
  if channel then give(channel) end
end

---@type noshell.waiter
function nginx.wait(awaited, seconds)
  if not awaited:pollfd() then
    package.loaded.ngx.sleep(math.max(seconds or 0, 0.001))
    return true
  end
  local channel, raw = wait_somehow(awaited, seconds)
  if not channel then return nil, raw end
  give(channel)
  return true
end

return nginx
