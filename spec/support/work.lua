-- The work of a call, in instructions of the Lua machine: the same however busy
-- the processors are. LuaJIT calls no hook from what it has compiled: without
-- work.interpreted(true) there is nothing to count.

local work = {}

local jit = rawget(_G, "jit")

--- Switches LuaJIT's compiler off, or on again.
function work.interpreted(is_on)
  if not jit then return end
  if is_on then
    jit.off()
    jit.flush()
  else
    jit.on()
  end
end

--- Calls fn(...). Returns the number of instructions in thousands, and the first two values
--- of fn. Raises an error above `limit` thousand.
function work.of(limit, fn, ...)
  local thousands = 0
  debug.sethook(function()
    thousands = thousands + 1
    if thousands > limit then error("it takes too long", 0) end
  end, "", 1000)
  local ok, answer, err = pcall(fn, ...)
  debug.sethook()
  if not ok then error(answer, 0) end
  return thousands, answer, err
end

return work
