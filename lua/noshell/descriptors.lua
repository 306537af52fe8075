--- Descriptors that only the garbage collector can release: those of objects that
--- the script dropped without closing them.

local core = require "noshell.core"

local descriptors = {}

local IS_SHORTAGE = { EMFILE = true, ENFILE = true }

--- Calls f(...) and, if that fails because no descriptor is left, collects garbage
--- and calls it once more. Limit: a full collection may stop a large Lua state for
--- tens of milliseconds; it happens only when f would have failed.
---@generic T
---@param f fun(...): T?, noshell.failure?, boolean?  the third result: do not retry
---@return T?
---@return noshell.failure?
function descriptors.retry(f, ...)
  local value, raw, is_final = f(...)
  if value or is_final or not raw or not IS_SHORTAGE[raw.errname] then
    return value, raw
  end
  -- Twice: the first one runs finalizers, which may drop the last reference to
  -- another object.
  collectgarbage()
  collectgarbage()
  core.reap()
  return f(...)
end

--- The failure with EMFILE or ENFILE if no descriptor is left; nil otherwise.
---@return noshell.failure?
function descriptors.shortage()
  local set, raw = core.pollset()
  if set then set:close() end
  return raw and IS_SHORTAGE[raw.errname] and raw or nil
end

return descriptors
