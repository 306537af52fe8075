--- Suggests a known word for an unknown one.

local nearest = {}

--- Returns the Levenshtein distance of two words.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local change = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + change)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

--- Returns the nearest word of the list, the first one of several; nil if no word is
--- near. Words are cut to 40 letters: the time grows with the product of the lengths.
---@param word string
---@param list string[]
---@return string?
function nearest.word(word, list)
  word = word:sub(1, 40)
  local found
  local best = math.min(3, math.floor(#word / 2) + 1)
  for _, candidate in ipairs(list) do
    local d = distance(word, candidate)
    if d < best then found, best = candidate, d end
  end
  return found
end

return nearest
