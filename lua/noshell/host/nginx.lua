--- The host for nginx's Lua module, stock or OpenResty's, in the phases that can yield.
--- nginx can only wait for its own sockets, so each wait uses a cosocket connected to
--- this worker itself: see the wake-up channels in c/noshell.h. Each wait occupies one
--- of nginx's worker_connections.

local core = require "noshell.core"
local coroutines = require "noshell.host.coroutines"
local descriptors = require "noshell.descriptors"

--- starts_aside: a start would suspend the worker, and with it all its requests.
local nginx = { name = "nginx", starts_aside = true, entrusts = true }

--- The phases (of ngx.get_phase) in which a cosocket works. In others (init,
--- init_worker, set, header_filter, body_filter, log, balancer, exit_worker, …) Lua
--- cannot yield. In ssl_client_hello and ssl_session_fetch, an nginx without
--- OpenResty's patches aborts the handshake if Lua yields.
local YIELDABLE = {
  rewrite = true, server_rewrite = true, access = true, precontent = true,
  content = true, timer = true, preread = true, ssl_cert = true,
  proxy_ssl_cert = true, proxy_ssl_verify = true,
}

--- Even in those phases Lua may be inside a C function that cannot yield, such as
--- require. core.can_yield reports that; nginx replaces the coroutine table, and with
--- it coroutine.isyieldable.
---@return boolean
function nginx.is_here()
  local ngx = package.loaded.ngx
  -- In a thread of ngx.run_worker_thread, `ngx` lacks these fields.
  if not ngx or not ngx.get_phase or not ngx.socket then return false end
  local ok, phase = pcall(ngx.get_phase)
  return ok and YIELDABLE[phase] and core.can_yield() ~= false
    and coroutines.yieldable() ~= nil
end

--- The longest timeout that nginx accepts, in milliseconds. The core's timer wakes
--- earlier: nginx logs an error for each cosocket that times out.
local LONGEST = 2 ^ 31 - 1

---@class noshell.wake_channel
---@field socket table     a cosocket
---@field number integer   the channel's number in the core

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

--- The idle channels of each request, by ngx.ctx: a cosocket belongs to the request that
--- made it. Requests may share a context, so a channel can turn out to be useless.
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

--- The awaited.wake of all waiters. It is no closure: nginx reuses the stack of an
--- aborted request's coroutine, and a closure that outlived the coroutine would find
--- another request's values there.
---@param awaited noshell.awaited
local function wake(awaited)
  core.wake_arm(awaited.channel, -1, "r", 0)
end

--- The awaited.is_lost of all waiters: true if the request, the light thread or the
--- timer has ended. The coroutine's status does not show it: nginx reuses coroutines.
---@param awaited noshell.awaited
local function is_lost(awaited)
  return not core.wake_is_open(awaited.channel)
end

local NOTHING = {}

--- Waits with this channel. Returns true, or nil and the failure. If the request, the
--- light thread or the timer ends meanwhile, nginx closes the cosocket, and the channel
--- releases the objects that it owns.
local function wait_with(channel, awaited, seconds)
  local number, held = channel.number, awaited.held or NOTHING
  local armed, raw = core.wake_arm(number, awaited:pollfd(), awaited:events(), seconds)
  if not armed then return nil, raw end
  awaited.channel, awaited.wake, awaited.is_lost = number, wake, is_lost
  for i = 1, #held do held[i]:_entrust(number) end
  -- receive raises an error if the cosocket belongs to another request.
  local ok, byte, why = pcall(channel.socket.receive, channel.socket, 1)
  awaited.wake = nil
  core.wake_disarm(number)
  -- Any method takes an object back from the channel.
  for i = 1, #held do held[i]:closed() end
  if ok and (byte or why == "timeout") then return true end
  return nil, { reason = "the wake-up channel: " .. tostring(why or byte) }
end

--- Closes the cosocket, which holds a connection and a descriptor. If it belongs to
--- another request, close raises an error.
local function drop(channel)
  pcall(channel.socket.close, channel.socket)
end

--- Returns true if the channel belongs to this request and is open. A cosocket of another
--- request raises an error.
local function is_usable(channel)
  local ok, times = pcall(channel.socket.getreusedtimes, channel.socket)
  return ok and times ~= nil
end

--- Gives these objects to an idle channel while other code runs that may yield or end the
--- request. Returns the channel, for release; nil if none is idle.
---@param held noshell.held[]
---@return noshell.wake_channel?
function nginx.hold(held)
  for channel in take do
    if is_usable(channel) then
      for i = 1, #held do held[i]:_entrust(channel.number) end
      return channel
    end
    drop(channel)
  end
end

---@param channel noshell.wake_channel
---@param held noshell.held[]
function nginx.release(channel, held)
  -- Any method takes an object back from the channel.
  for i = 1, #held do held[i]:closed() end
  give(channel)
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

--- Connects the channel for the first wait before the program starts: if nginx connected
--- later and the request were aborted meanwhile, no channel would own the running program.
--- A failure is ignored here; the wait reports it.
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
