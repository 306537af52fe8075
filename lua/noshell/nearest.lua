--- Suggests a known word for an unknown one.

local nearest = {}

--- Returns the number of letters to add, remove, change, or swap with the next one, to
--- make one word of the other (Damerau-Levenshtein, of optimal string alignment).
local function distance(a, b)
  local before, row = nil, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local following = { [0] = i }
    for j = 1, #b do
      local change = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, following[j - 1] + 1, row[j - 1] + change)
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      following[j] = best
    end
    before, row = row, following
  end
  return row[#b]
end

--- Returns the nearest word of the list, the first one of several; nil if no word is
--- near. Words are cut to 40 letters: the time grows with the product of the lengths.
---@param word string
---@param list string[]
---@param most? integer  the number of letters that may differ; 2 unless given
---@return string?
function nearest.word(word, list, most)
  word = word:sub(1, 40)
  local found
  local best = math.min((most or 2) + 1, math.floor(#word / 2) + 1)
  for _, candidate in ipairs(list) do
    local d = distance(word, candidate)
    if d < best then found, best = candidate, d end
  end
  return found
end

return nearest
