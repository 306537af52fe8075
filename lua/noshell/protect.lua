--- Calls a function, and cleans up if an error passes through it.
---
--- The error is then raised again unchanged. Everything is protected twice, because
--- Ctrl-C can raise an error anywhere, even in a clean-up. The method depends on the Lua:
---   5.4 and newer  a closing value, which keeps the traceback complete and also
---                  detects coroutine.close. The closing values of a coroutine that
---                  dies of an error are not closed, so in coroutines there is a
---                  pcall as well.
---   5.2, 5.3, LuaJIT  pcall, across which a coroutine can yield.
---   5.1            pcall if the function cannot yield anyway: in the main coroutine,
---                  below a C function, and with the blocking host. Elsewhere a pcall
---                  would prevent yielding. But there the coroutine's stack has no
---                  pcall either, so the error kills the coroutine: the next call, or
---                  the next wait that returns, finds it dead and cleans up.

local coroutines = require "noshell.host.coroutines"

local protect = {}

--- A region of code. It is entered by one coroutine at a time.
---@class noshell.frame
---@field fail fun(self: noshell.frame)  cleans up, and does not yield; if an error
---  stops it, it is called again
---@field is_inside? boolean
local frames = {}

---@private
function frames.__close(frame)
  if not frame.is_inside then return end
  frame:fail()
  frame.is_inside = false
end

--- Makes a frame whose function `fail` is called if an error passes through it.
---@param fail fun(self: noshell.frame)
---@return noshell.frame
function protect.frame(fail)
  -- The fields have their places from the beginning: tables that grow cost a run more.
  return setmetatable({ nil, fail = fail, is_inside = false }, frames)
end

local function leave(frame, ...)
  frame.is_inside = false
  return ...
end

-- With pcall ----------------------------------------------------------------------

local function settle(frame, ok, ...)
  if ok then return ... end
  frame:fail()
  error((...), 0)
end

local function once_more(frame, f, ...)
  return settle(frame, pcall(f, ...))
end

local function with_pcall(frame, f, ...)
  return settle(frame, pcall(once_more, frame, f, ...))
end

-- With a closing value ------------------------------------------------------------

local function once() return true end

--- The fourth value of a generic for is closed when the loop is left; before
--- Lua 5.4 it is ignored.
local function close_once(frame, f, ...)
  for _ in once, nil, nil, frame do -- luacheck: ignore 512
    frame.is_inside = true
    return leave(frame, f(...))
  end
end

local function with_close(frame, f, ...)
  local _, is_main = coroutine.running()
  if not is_main then return close_once(frame, with_pcall, frame, f, ...) end
  for _ in once, nil, nil, frame do -- luacheck: ignore 512
    return close_once(frame, f, ...)
  end
end

local has_close = false
do
  local probe = setmetatable({}, { __close = function() has_close = true end })
  for _ in once, nil, nil, probe do break end -- luacheck: ignore 512
end

-- On Lua 5.1 ----------------------------------------------------------------------

--- The frames of coroutines that cannot use pcall; innermost last. The references are
--- weak: the coroutine's stack keeps the frames alive.
---@type table<thread, noshell.frame[]>
local watched = setmetatable({}, { __mode = "k" })
local WEAK = { __mode = "v" }

local function fail_all(list)
  for i = #list, 1, -1 do
    list[i]:fail()
    list[i] = nil
  end
end

--- Cleans up for the coroutines that died of an error.
local function sweep()
  local dead
  for thread in pairs(watched) do
    if coroutine.status(thread) == "dead" then
      dead = dead or {}
      dead[#dead + 1] = thread
    end
  end
  for _, thread in ipairs(dead or {}) do
    fail_all(watched[thread] or {})
    watched[thread] = nil
  end
end

local function unwatch(thread, ...)
  local list = watched[thread]
  list[#list] = nil
  if not list[1] then watched[thread] = nil end
  return ...
end

local function with_watch(frame, f, ...)
  local thread = coroutine.running()
  local list = watched[thread] or setmetatable({}, WEAK)
  watched[thread] = list
  list[#list + 1] = frame
  return unwatch(thread, f(...))
end

local function unhide(thread, list, ok, ...)
  watched[thread] = list
  if ok then return ... end
  error((...), 0)
end

--- Hides the outer frames: an error that this pcall catches does not pass through them
--- unless it is raised again.
local function hidden(frame, f, ...)
  local thread = coroutine.running()
  local list = thread and watched[thread]
  if not list then return with_pcall(frame, f, ...) end
  watched[thread] = nil
  return unhide(thread, list, pcall(with_pcall, frame, f, ...))
end

local function in_51(frame, f, ...)
  if next(watched) then sweep() end
  if coroutines.yieldable() then return with_watch(frame, f, ...) end
  return hidden(frame, f, ...)
end

local function in_place_51(frame, f, ...)
  if next(watched) then sweep() end
  return hidden(frame, f, ...)
end

local function settle_piece(thread, list, ok, ...)
  watched[thread] = list
  if ok then return ... end
  fail_all(list)
  error((...), 0)
end

local function piece_51(f, argument)
  local thread = next(watched) and coroutine.running()
  local list = thread and watched[thread]
  if not list then return f(argument) end
  watched[thread] = nil
  return settle_piece(thread, list, pcall(f, argument))
end

-- Public functions ----------------------------------------------------------------

--- Calls f(...), and frame:fail() if an error passes through it.
---@type fun(frame: noshell.frame, f: function, ...: any): ...
protect.run = has_close and with_close or coroutines.is_51 and in_51 or with_pcall

--- The same for a function that does not yield, even if it could.
---@type fun(frame: noshell.frame, f: function, ...: any): ...
protect.run_in_place = coroutines.is_51 and in_place_51 or protect.run

--- Calls f(argument), which does not yield, inside of frames. On Lua 5.1, an error is
--- then detected at once, not when the coroutine is found dead.
---@type fun(f: function, argument: any): ...
protect.piece = coroutines.is_51 and piece_51 or function(f, argument)
  return f(argument)
end

--- Cleans up for coroutines that have died (Lua 5.1): see above.
function protect.sweep()
  if next(watched) then sweep() end
end

--- The __close metamethod of frames.
protect.close = frames.__close

return protect
