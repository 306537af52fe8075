--- What the hosts ask about the coroutine that runs.

local coroutines = {}

--- PUC Lua 5.1 yields neither through pcall and other C functions nor through
--- the iterator of a generic `for`, and has no function that tells.
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

--- Whether this is PUC Lua 5.1.
coroutines.is_51 = is_51

local is_free = rawget(coroutine, "isyieldable")
  or (is_51 and is_free_in_51)
  or function() return true end

--- The coroutine that runs; nil in the main one, which nobody resumes.
---@return thread?
function coroutines.current()
  local current, is_main = coroutine.running()
  if is_main then return nil end
  return current
end

local MAIN = {}

--- The coroutine that runs as a key, also the main one.
---@return thread|table
function coroutines.key()
  return coroutine.running() or MAIN
end

--- The coroutine that runs, where Lua lets it yield from here.
---@return thread?
function coroutines.yieldable()
  local current = coroutines.current()
  if current and is_free() then return current end
  return nil
end

return coroutines
