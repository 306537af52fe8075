--- The host for coroutines of a cqueues controller.

local coroutines = require "noshell.host.coroutines"
local blocking = require "noshell.host.blocking"

local cqueues = { name = "cqueues" }

local function is_patched(auxlib)
  return auxlib and (coroutine.resume == auxlib.resume
    or coroutine.wrap == auxlib.wrap)
end

--- Returns true in a coroutine that a controller resumed. In a coroutine nested inside
--- it, a yield reaches the controller only if cqueues.auxlib has replaced
--- coroutine.resume or wrap.
---@return boolean
function cqueues.is_here()
  local controller, is_own = package.loaded.cqueues.running()
  if not controller or not coroutines.yieldable() then return false end
  return is_own or is_patched(package.loaded["cqueues.auxlib"]) or false
end

---@type noshell.waiter
function cqueues.wait(awaited, seconds)
  local loop = require "cqueues"
  if not loop.running() or not coroutines.yieldable() then
    return blocking.wait(awaited, seconds)
  end
  local woken = require("cqueues.condition").new()
  function awaited.wake() woken:signal() end
  local fd = awaited:pollfd()
  if not fd then return loop.poll(woken, seconds) end
  loop.poll({ pollfd = fd, events = awaited:events() }, woken, seconds)
  -- A controller remembers descriptors: if one is closed without cancel, a later step
  -- fails with EBADF (wahern/cqueues issue 53).
  loop.cancel(fd)
end

return cqueues
