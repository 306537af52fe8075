-- Random numbers that are the same on every Lua for the same seed, which
-- NOSHELL_SEED fixes: `local dice = require "spec.support.dice"`.

local Dice = {}
Dice.__index = Dice

--- Makes a die; report the seed with every failure.
function Dice.new(seed)
  seed = tonumber(seed or os.getenv "NOSHELL_SEED" or os.time())
  return setmetatable({ seed = seed, state = seed % 2147483646 + 1 }, Dice)
end

--- An integer from 1 to n. Lehmer's generator: doubles hold its products.
function Dice:roll(n)
  self.state = self.state * 16807 % 2147483647
  return math.floor(self.state / 2147483647 * n) + 1
end

function Dice:pick(list)
  return list[self:roll(#list)]
end

--- Returns true with a probability of one in n.
function Dice:once_in(n)
  return self:roll(n) == 1
end

--- So many pieces, each one of the list.
function Dice:text(pieces, count)
  local picked = {}
  for i = 1, count do picked[i] = self:pick(pieces) end
  return table.concat(picked)
end

--- Any bytes.
function Dice:bytes(count)
  local picked = {}
  for i = 1, count do picked[i] = string.char(self:roll(256) - 1) end
  return table.concat(picked)
end

--- Calls fn a number of times, each with a new die whose seed a failure reports.
function Dice.times(count, fn)
  local first = Dice.new()
  for i = 1, count do
    local die = Dice.new(first.seed + i - 1)
    local ok, err = pcall(fn, die)
    if not ok then
      if type(err) == "table" then err = err.message or tostring(err) end
      error(("with NOSHELL_SEED=%d: %s"):format(die.seed, tostring(err)), 0)
    end
  end
end

return Dice
