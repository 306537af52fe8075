--- Returns its arguments. Public functions write `return keep(f(x))` instead of
--- `return f(x)`: a tail call would remove their frame, and an error could not tell that
--- from a tail call of the script, which hides the script's line (c/bind/where.c).
---@generic T
---@param ... T
---@return T ...
local function keep(...)
  return ...
end

return keep
