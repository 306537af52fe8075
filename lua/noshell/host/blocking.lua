--- The default host: waits with poll(2). Nothing else runs meanwhile.

local clock = require "noshell.clock"
local core = require "noshell.core"

local blocking = { name = "blocking" }

--- Waits until processes without a driver have ended; C pumps them. Returns false if
--- Lua has to act.
---@param pollable noshell.process|noshell.pipeline_process
---@param seconds? number
---@param other? integer  also returns when this one is readable
---@return boolean? finished
---@return noshell.failure?
function blocking.finish(pollable, seconds, other)
  local processes, own = pollable:_undriven()
  return core.await(processes, clock.sooner(seconds, own), other)
end

--- Polls once. The descriptors of a group are passed to poll(2) directly: a pollset is not
--- worth making for one wait.
local function poll(pollable, seconds, other)
  local several = pollable._group and pollable:_group()
  if several then
    local list = several:collect()
    return core.poll_several(list, clock.sooner(seconds, (pollable:timeout())), other)
  end
  if pollable._poll then return pollable:_poll(seconds, other) end
  local fd, wanted = pollable:pollfd(), pollable:events()
  seconds = clock.sooner(seconds, (pollable:timeout()))
  if wanted and not fd then seconds = clock.sooner(seconds, clock.BLIND) end
  return core.poll(fd or -1, wanted or "r", seconds, other)
end

---@param pollable noshell.pollable
---@param seconds? number
---@param other? integer  also returns when this one is readable
---@return true?
---@return noshell.failure?
function blocking.wait(pollable, seconds, other)
  local ready, raw = poll(pollable, seconds, other)
  if ready ~= nil then return true end
  raw.stage = "wait"
  return nil, raw
end

return blocking
