--- The host for copas. It passes copas.receive an object that socket.select accepts as
--- a socket; all versions of copas support that. Old versions have no timers, so a
--- timeout is also waited for through a descriptor.

local blocking = require "noshell.host.blocking"
local clock = require "noshell.clock"
local coroutines = require "noshell.host.coroutines"
local core = require "noshell.core"

local copas = { name = "copas" }

--- Limit: select(2) accepts only descriptors below 1024.
local MOST = 1024

local methods = {}
local metatable = { __index = methods }

function methods:getfd()
  return self.fd
end

--- Called before each select: returns true if data are already buffered.
function methods:dirty()
  return self.is_woken
end

--- Returns "timeout" first, so that copas waits; after the wait, any value will do.
function methods:receive()
  if self.is_asked then return "" end
  self.is_asked = true
  return nil, "timeout"
end

--- copas calls these methods of sockets; they have no effect here.
function methods:settimeout() -- luacheck: ignore self
  return 1
end
methods.close = methods.settimeout

--- Returns a descriptor that is readable when the awaited is ready or the time is up,
--- and a function that releases it.
local function readable(awaited, seconds)
  local fd = awaited:pollfd()
  if fd and not seconds and awaited:events() == "r" then
    return fd, function() end
  end
  local timer, set = seconds and core.timer(seconds), core.pollset()
  local list = {}
  if fd then list[1], list[2] = fd, awaited:events() end
  if timer then list[#list + 1], list[#list + 2] = timer:fileno(), "r" end
  local is_complete = set and (timer or not seconds) and set:watch(list)
  return is_complete and set:pollfd(), function()
    if timer then timer:close() end
    if set then set:close() end
  end
end

---@type noshell.waiter
function copas.wait(awaited, seconds)
  if not coroutines.yieldable() then return blocking.wait(awaited, seconds) end
  local fd, release = readable(awaited, seconds)
  if fd and fd < MOST then
    local socket = setmetatable({ fd = fd }, metatable)
    function awaited.wake() socket.is_woken = true end
    require("copas").receive(socket, 1)
    release()
  else
    release()
    return blocking.wait(awaited, clock.sooner(seconds, clock.BLIND))
  end
  return true
end

return copas
