--- Hosts: the event loop in which Lua runs waits for descriptors for us.

local blocking = require "noshell.host.blocking"

--- What can be waited for: cqueues' protocol.
---@class noshell.pollable
---@field pollfd fun(self): integer?   the descriptor
---@field events fun(self): string?    "r", "w" or "rw"
---@field timeout fun(self): number?   seconds after which to look without an event

---@alias noshell.waiter fun(pollable: noshell.pollable, seconds?: number)

local host = {}

---@type noshell.waiter?
local chosen

--- Waits with `waiter` from now on: it returns when the pollable's descriptor
--- is ready, its timeout() or `seconds` have passed, or earlier. nil: back to
--- the host that is found by itself.
---@param waiter? noshell.waiter
---@return noshell.waiter? previous
function host.use(waiter)
  if waiter ~= nil and type(waiter) ~= "function" then
    error("noshell.host.use: a function or nil is needed, not a "
      .. type(waiter), 2)
  end
  local previous = chosen
  chosen = waiter
  return previous
end

--- Waits until the pollable may be ready. Returns early now and then: whoever
--- calls looks again.
---@param pollable noshell.pollable
---@param seconds? number  at most
function host.wait(pollable, seconds)
  (chosen or blocking.wait)(pollable, seconds)
end

return host
