--- The host for luv and Neovim's vim.uv. A coroutine yields and is resumed by the loop.
--- The main coroutine blocks or, in Neovim, waits as host/neovim.lua does.

local blocking = require "noshell.host.blocking"
local clock = require "noshell.clock"
local coroutines = require "noshell.host.coroutines"

local luv = { name = "luv" }

--- In luvit the module is called "uv".
local function find_loop()
  local editor = rawget(_G, "vim")
  if editor then return editor.uv or editor.loop end
  return package.loaded.luv or package.loaded.uv or require "luv"
end

--- Converts seconds to milliseconds, rounding up.
---@param seconds number
---@return integer
function luv.milliseconds(seconds)
  return math.ceil(math.min(math.max(seconds, 0), 1e6) * 1000)
end

local function close(handle)
  if handle and not handle:is_closing() then handle:close() end
end

--- Makes the loop call `ready`, once or more often: when the descriptor is ready, when
--- `seconds` have passed, and when the awaited is woken.
---@param awaited noshell.awaited
---@param seconds? number
---@param ready fun()
---@return fun() stop
function luv.watch(awaited, seconds, ready)
  local loop = find_loop()
  local fd, timer = awaited:pollfd(), loop.new_timer()
  local poll = fd and loop.new_poll(fd) or nil
  if poll then
    poll:start(awaited:events(), ready)
  elseif fd then  -- the loop cannot watch it
    seconds = clock.sooner(seconds, clock.BLIND)
  end
  if seconds then timer:start(luv.milliseconds(seconds), 0, ready) end
  -- Through the loop: the code that wakes must not be interrupted.
  function awaited.wake() timer:start(0, 0, ready) end
  return function()
    awaited.wake = nil
    close(poll)
    close(timer)
  end
end

local function resume(thread)
  if coroutine.status(thread) ~= "suspended" then return end
  local ok, err = coroutine.resume(thread)
  if not ok then error(debug.traceback(thread, tostring(err)), 0) end
end

--- Yields until the loop resumes the coroutine. If other code resumes it, the wait ends
--- early, and the loop must not call anything afterwards.
local function yield(awaited, seconds, thread)
  local stop
  stop = luv.watch(awaited, seconds, function()
    if not awaited.wake then return end
    stop()
    resume(thread)
  end)
  coroutine.yield()
  stop()
end

---@type noshell.waiter
function luv.wait(awaited, seconds)
  local thread = coroutines.yieldable()
  if thread then return yield(awaited, seconds, thread) end
  if rawget(_G, "vim") then
    return require("noshell.host.neovim").wait(awaited, seconds)
  end
  return blocking.wait(awaited, seconds)
end

return luv
