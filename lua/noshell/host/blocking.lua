--- The default host: waits with poll(2), and nothing else happens meanwhile.

local core = require "noshell.core"

local blocking = { name = "blocking" }

--- How often to look where there is no descriptor to wait for: the process has
--- none left for its epoll instance (EMFILE).
local INTERVAL = 0.01

---@param pollable noshell.pollable
---@param seconds? number
---@param other? integer  also returns when this one is readable
---@return true?
---@return noshell.failure?
function blocking.wait(pollable, seconds, other)
  local fd, own = pollable:pollfd(), pollable:timeout()
  if own and (not seconds or own < seconds) then seconds = own end
  local wanted = pollable:events()
  if wanted and not fd then seconds = math.min(seconds or INTERVAL, INTERVAL) end
  local ready, raw = core.poll(fd or -1, wanted or "r", seconds, other)
  if ready ~= nil then return true end
  raw.stage = "wait"
  return nil, raw
end

return blocking
