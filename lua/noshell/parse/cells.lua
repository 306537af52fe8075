--- A row's cells, by the cuts of its table. A cell that is too wide pushes what
--- follows it to the right: from there to the next cut at which the row agrees
--- with the header again, each word is a cell.

local text = require "noshell.parse.text"
local width = require "noshell.parse.width"

local cells = {}

local BLANK = 32

local function is_blank(mask, at)
  local byte = mask:byte(at)
  return byte == nil or byte == BLANK
end

--- Whether nothing stands across the cut. A cell may be too wide by the very
--- blank before it; and where two headings touch there is none.
local function is_clean(mask, cut)
  return is_blank(mask, cut - 1) or is_blank(mask, cut)
end

local function slice(line, from, to)
  return text.trimmed(width.slice(line, from, to))
end

--- The number of the cut, from `i` on, by which as many words have come since
--- `from` as there are columns, and which is clean; nil where there is none.
local function agreement(mask, cuts, from, i)
  local words, at = 0, from
  for j = i, #cuts do
    local last = cuts[j] - 1
    if last > #mask then return nil end
    while at <= last do
      local first, stop = mask:find("[^ ]+", at)
      if not first or first > last then break end
      words, at = words + 1, stop + 1
    end
    at = math.max(at, cuts[j])
    if words == j - i + 1 and at == cuts[j] and is_clean(mask, cuts[j]) then return j end
  end
end

--- One word a cell, from the column `from` on, up to the cell `last`; the rest
--- is a cell too where that is the table's last.
local function add_words(row, line, from, last, n)
  while #row < last do
    local first, stop = line.mask:find("[^ ]+", from)
    if not first then return end
    if #row + 1 == n then stop = nil end
    row[#row + 1] = slice(line, first, stop)
    if not stop then return end
    from = stop + 1
  end
end

--- The cell that is too wide, and where its last word ends.
local function overflowing(line, from, cut)
  local _, stop = line.mask:find("[^ ]+", cut)
  return slice(line, from, stop), stop
end

--- The texts of the cells; those that the row is too short for are absent.
---@param line noshell.laid_out
---@param cuts integer[]
---@return string[]
function cells.of(line, cuts)
  local row, mask, from, n = {}, line.mask, 1, #cuts + 1
  while #row < n and from <= #mask do
    local i = #row + 1
    local cut = cuts[i]
    if not cut or is_clean(mask, cut) then
      row[i] = slice(line, from, cut and cut - 1)
      from = cut or #mask + 1
    else
      row[i], from = overflowing(line, from, cut)
      from = from + 1
      local j = agreement(mask, cuts, from, i + 1)
      add_words(row, line, from, j or n, n)
      from = j and cuts[j] or #mask + 1
    end
  end
  return row
end

return cells
