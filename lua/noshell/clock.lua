--- Times of waits.

local clock = {}

--- How often to look if there is no descriptor to wait for: this process has none left
--- (EMFILE), or the kernel watches no more.
clock.BLIND = 0.01

--- The sooner of two times, either of which may be nil: never.
---@param a? number
---@param b? number
---@return number?
function clock.sooner(a, b)
  return a and b and math.min(a, b) or a or b
end

return clock
