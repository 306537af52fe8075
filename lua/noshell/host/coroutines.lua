--- The running coroutine: its identity, and whether it can yield.

local coroutines = {}

--- Returns true if the coroutine can yield. PUC Lua 5.1 has no function for that; it
--- cannot yield across pcall, other C functions, or the iterator of a generic `for`.
local function is_free_in_51()
  local level = 2
  repeat
    local frame = debug.getinfo(level, "Sn")
    if frame and (frame.what == "C" or frame.name == "(for generator)") then
      return false
    end
    level = level + 1
  until not frame
  return true
end

local is_51 = rawget(_G, "setfenv") ~= nil and not rawget(_G, "jit")

--- True on PUC Lua 5.1.
coroutines.is_51 = is_51

local is_free = rawget(coroutine, "isyieldable")
  or (is_51 and is_free_in_51)
  or function() return true end

--- Returns the running coroutine; nil for the main one, which cannot be resumed.
---@return thread?
function coroutines.current()
  local current, is_main = coroutine.running()
  if is_main then return nil end
  return current
end

local MAIN = {}

--- Returns a table key for the running coroutine, including the main one.
---@return thread|table
function coroutines.key()
  return coroutine.running() or MAIN
end

--- Returns the running coroutine if it can yield from here.
---@return thread?
function coroutines.yieldable()
  local current = coroutines.current()
  if current and is_free() then return current end
  return nil
end

return coroutines
