--- Limits of the time that a stream's methods wait.

local core = require "noshell.core"
local failure = require "noshell.failure"
local misuse = require "noshell.misuse"
local state = require "noshell.state"
local wait = require "noshell.wait"

local limits = {}

--- The limit of one call.
---@class noshell.limit
---@field seconds number
---@field deadline number
---@field taken string[]  the bytes that the call has read: they are put back if it fails

local function timeouts_of(stream)
  local kept = state.of(stream:process())
  kept.timeouts = kept.timeouts or {}
  return kept.timeouts
end

local function check_seconds(seconds, method)
  if seconds ~= nil and not (type(seconds) == "number" and seconds >= 0) then
    misuse.raise("%s: a number of seconds, 0 or more, is needed, not %s", method,
      failure.shown(seconds))
  end
end

--- Sets the limit of a stream's calls. Nil or math.huge removes it.
---@param stream noshell.stream
---@param seconds? number
function limits.set(stream, seconds)
  check_seconds(seconds, "set_timeout")
  timeouts_of(stream)[stream] = seconds ~= math.huge and seconds or nil
end

--- Returns the limit of a call that begins now; nil if it has none. `seconds`, an argument
--- of the method, replaces the stream's limit.
---@param stream noshell.stream
---@param seconds? number
---@param method? string
---@return noshell.limit?
function limits.of(stream, seconds, method)
  if seconds == nil then
    local timeouts = state.of(stream:process()).timeouts
    seconds = timeouts and timeouts[stream]
  else
    check_seconds(seconds, method)
  end
  local deadline = wait.deadline(seconds, method or "read")
  return deadline and { seconds = seconds, deadline = deadline, taken = {} }
end

--- Returns true if the time is up.
---@param limit? noshell.limit
function limits.is_over(limit)
  return limit ~= nil and core.now() >= limit.deadline
end

--- Notes bytes that the call has read.
---@param limit? noshell.limit
---@param data? string
function limits.note(limit, data)
  if limit and data then limit.taken[#limit.taken + 1] = data end
end

--- Forgets the bytes noted last.
---@param limit? noshell.limit
function limits.forget(limit)
  if limit then limit.taken[#limit.taken] = nil end
end

--- Puts what a call has read back if it has timed out. Returns the error.
---@param limit? noshell.limit
---@param stream noshell.stream
---@param err noshell.error
---@return noshell.error
function limits.give_back(limit, stream, err)
  if limit and err.code == "timeout" and limit.taken[1] then
    stream:_push_back(table.concat(limit.taken))
  end
  return err
end

--- Returns the name of a stream, for messages.
---@param stream noshell.stream
---@return string
function limits.name_of(stream)
  local name = stream:_name()
  return name == "pty" and "the terminal" or name
end

--- Makes the failure of a call whose time is up.
---@param limit noshell.limit
---@param stream noshell.stream
---@param stage "read"|"write"
---@return noshell.failure
function limits.failure(limit, stream, stage)
  local text = stage == "write" and "%s accepted no more within %.3g s; the program runs on"
    or "%s had nothing complete to read after %.3g s; the program runs on"
  return { code = "timeout", seconds = limit.seconds, stage = stage,
    reason = text:format(limits.name_of(stream), limit.seconds) }
end

return limits
