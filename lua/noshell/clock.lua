--- Times of waits.

local clock = {}

--- The seconds between two checks if there is no descriptor to wait for: this process has
--- none left (EMFILE), or the kernel refuses to watch more.
clock.BLIND = 0.01

--- Returns the earlier of two times; nil means never.
---@param a? number
---@param b? number
---@return number?
function clock.sooner(a, b)
  return a and b and math.min(a, b) or a or b
end

return clock
