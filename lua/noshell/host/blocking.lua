--- The default host: waits with poll(2), and nothing else happens meanwhile.

local core = require "noshell.core"

local blocking = { name = "blocking" }

--- How often to look where there is no descriptor to wait for: the process has
--- none left for its epoll instance (EMFILE).
local INTERVAL = 0.01

--- Whether C alone knows what to wait for.
local function is_single(pollable)
  return type(pollable) == "userdata" and pollable:_is_single()
end

--- Waits until processes that no function of Lua's serves have ended; C pumps them.
--- False if Lua has to look.
---@param pollable noshell.process|noshell.pipeline_process
---@param seconds? number
---@param other? integer  also returns when this one is readable
---@return boolean? finished
---@return noshell.failure?
function blocking.finish(pollable, seconds, other)
  local processes, own = pollable:_undriven()
  if own and (not seconds or own < seconds) then seconds = own end
  return core.await(processes, seconds, other)
end

---@param pollable noshell.pollable
---@param seconds? number
---@param other? integer  also returns when this one is readable
---@return true?
---@return noshell.failure?
function blocking.wait(pollable, seconds, other)
  local ready, raw
  if is_single(pollable) then
    ready, raw = pollable:_poll(seconds, other)
  else
    local fd, own = pollable:pollfd(), pollable:timeout()
    if own and (not seconds or own < seconds) then seconds = own end
    local wanted = pollable:events()
    if wanted and not fd then seconds = math.min(seconds or INTERVAL, INTERVAL) end
    ready, raw = core.poll(fd or -1, wanted or "r", seconds, other)
  end
  if ready ~= nil then return true end
  raw.stage = "wait"
  return nil, raw
end

return blocking
