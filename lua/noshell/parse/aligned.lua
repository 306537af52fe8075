--- Parses tables with aligned columns below a header, as df, ps, lsblk, ss,
--- systemctl and findmnt print them. Every line has a blank between two columns,
--- unless a cell is wider than its column; no heading is wider than its column.
---
--- Positions are screen columns, from 1. A cut is the position at which the cells of
--- the next column begin.

local text = require "noshell.parse.text"

local aligned = {}

-- Lines on a screen ---------------------------------------------------------------

--- A line by screen columns. `mask` has one byte for each column: blank or not. If
--- the line is not ASCII, bytes and columns differ, and `offset` has the byte at which
--- each column begins.
---@class noshell.screen_line
---@field text string
---@field mask string
---@field offset? integer[]

--- Ranges of code points that take no column, and of those that take two.
--- Limit: joined emoji take the columns of their parts; terminals disagree on them.
local NONE = { 0x0300, 0x036f, 0x200b, 0x200f, 0x20d0, 0x20ff, 0xfe00, 0xfe0f,
  0xfeff, 0xfeff }
local TWO = { 0x1100, 0x115f, 0x2e80, 0x303e, 0x3041, 0x4dbf, 0x4e00, 0xa4cf,
  0xa960, 0xa97f, 0xac00, 0xd7a3, 0xf900, 0xfaff, 0xfe30, 0xfe6f, 0xff01, 0xff60,
  0xffe0, 0xffe6, 0x1f300, 0x1f64f, 0x1f680, 0x1f6ff, 0x1f900, 0x1f9ff,
  0x20000, 0x3fffd }

local function is_in(ranges, code)
  for i = 1, #ranges, 2 do
    if code < ranges[i] then return false end
    if code <= ranges[i + 1] then return true end
  end
  return false
end

--- Returns the width of a character outside ASCII, and its length in bytes. A byte
--- that is not valid UTF-8 takes one column.
local function character_at(line, at)
  local lead = line:byte(at)
  local more = lead >= 0xf0 and 3 or lead >= 0xe0 and 2 or 1
  if lead < 0xc2 or lead > 0xf4 then return 1, 1 end
  local code = lead % 2 ^ (6 - more)
  for i = at + 1, at + more do
    local byte = line:byte(i)
    if not byte or byte < 0x80 or byte > 0xbf then return 1, 1 end
    code = code * 64 + byte % 64
  end
  return is_in(TWO, code) and 2 or is_in(NONE, code) and 0 or 1, more + 1
end

---@param line string
---@return noshell.screen_line
local function on_screen(line)
  if line:byte(-1) == 13 then line = line:sub(1, -2) end
  if not line:find "[\128-\255]" then return { text = line, mask = line } end
  local mask, offset, at = {}, {}, 1
  while at <= #line do
    local byte, columns, size = line:byte(at), 1, 1
    if byte >= 0x80 then columns, size = character_at(line, at) end
    for i = 1, columns do
      mask[#mask + 1] = byte == 32 and " " or "x"
      offset[#mask] = i == 1 and at or at + size
    end
    at = at + size
  end
  offset[#mask + 1] = #line + 1
  return { text = line, mask = table.concat(mask), offset = offset }
end

--- Returns the text of the columns `from` to `to`, or to the end.
local function slice(line, from, to)
  local offset = line.offset
  if offset then
    local last = #line.mask
    if from > last then return "" end
    from, to = offset[from], offset[math.min(to or last, last) + 1] - 1
  end
  return text.trimmed(line.text:sub(from, to))
end

-- Headings ------------------------------------------------------------------------

---@class noshell.heading
---@field first integer
---@field last integer

--- The headings of several words that these six programs print.
local KNOWN = { "Local Address:Port", "Peer Address:Port", "Mounted on", "UNIT FILE" }

--- Returns the last column of the phrase that begins at the column `first`.
local function end_of_phrase(header, first, phrases)
  local byte = header.offset and header.offset[first] or first
  for _, phrase in ipairs(phrases) do
    if header.text:sub(byte, byte + #phrase - 1) == phrase then
      return first + #on_screen(phrase).mask - 1
    end
  end
end

--- Splits the header into headings: words and phrases. ss prints no blank after
--- "Peer Address:Port"; the next heading begins right there.
---@param header noshell.screen_line
---@param more? string[]
---@return noshell.heading[]
local function headings_of(header, more)
  local phrases, list = {}, {}
  for _, phrase in ipairs(more or {}) do phrases[#phrases + 1] = phrase end
  for _, phrase in ipairs(KNOWN) do phrases[#phrases + 1] = phrase end
  local first, last = header.mask:find "[^ ]+"
  while first do
    last = end_of_phrase(header, first, phrases) or last
    list[#list + 1] = { first = first, last = last }
    first, last = header.mask:find("[^ ]+", last + 1)
  end
  return list
end

--- Returns the names in a header.
---@param line string
---@param more? string[]  headings of several words
---@return string[]
function aligned.names(line, more)
  local header, names = on_screen(line), {}
  for i, heading in ipairs(headings_of(header, more)) do
    names[i] = slice(header, heading.first, heading.last)
  end
  return names
end

-- Cuts ----------------------------------------------------------------------------

--- The number of rows in which a word covers, begins at, and ends at each column.
---@class noshell.census
---@field rows integer
---@field cover integer[]
---@field start integer[]
---@field stop integer[]

--- Counts the words of the rows up to the column `limit`.
---@param rows noshell.screen_line[]
---@param limit integer
---@return noshell.census
local function census_of(rows, limit)
  local cover, start, stop = {}, {}, {}
  for at = 1, limit + 1 do cover[at], start[at], stop[at] = 0, 0, 0 end
  for _, row in ipairs(rows) do
    local from, to = row.mask:find "[^ ]+"
    while from and from <= limit do
      local past = math.min(to, limit) + 1
      cover[from], cover[past] = cover[from] + 1, cover[past] - 1
      start[from] = start[from] + 1
      if to <= limit then stop[to] = stop[to] + 1 end
      from, to = row.mask:find("[^ ]+", to + 1)
    end
  end
  for at = 2, limit do cover[at] = cover[at] + cover[at - 1] end
  return { rows = #rows, cover = cover, start = start, stop = stop }
end

local function most_covered(census, first, last)
  local most = 0
  for at = first, last do most = math.max(most, census.cover[at]) end
  return most
end

--- Returns the runs of columns from `first` to `last` that the fewest rows cover.
local function quiet_runs(census, first, last)
  local least, runs = math.huge, {}
  for at = first, last do least = math.min(least, census.cover[at]) end
  for at = first, last do
    local run = runs[#runs]
    if census.cover[at] == least then
      if run and run.last == at - 1 then
        run.last = at
      else
        runs[#runs + 1] = { first = at, last = at }
      end
    end
  end
  return runs, least
end

local function is_left_aligned(census, heading)
  return census.start[heading.first] * 2 > most_covered(census, heading.first, heading.last)
end

local function is_right_aligned(census, heading)
  return census.stop[heading.last] * 2 > most_covered(census, heading.first, heading.last)
end

local function widest_of(runs)
  local best = runs[1]
  for _, run in ipairs(runs) do
    if run.last - run.first >= best.last - best.first then best = run end
  end
  return best
end

--- Chooses the run that separates two columns. There may be text between two runs, such
--- as a date that begins to the left of STARTED. The text does not belong to a column that
--- is aligned to its side of the gap. Process ids that are as wide as their heading in
--- every row are aligned to both sides; text after them in every row is a date.
local function dividing_run(census, runs, left, right)
  local first, last = runs[1], runs[#runs]
  if #runs == 1 then return first end
  if last.last == right.first - 1 and is_left_aligned(census, right) then return last end
  local is_beside = first.first == left.last + 1 and is_right_aligned(census, left)
  local is_full = most_covered(census, first.last, last.first) == census.rows
  if is_beside and (is_full or not is_left_aligned(census, right)) then return first end
  return widest_of(runs)
end

--- Returns the last screen column of unnamed cells to the left of the first heading,
--- if there are any: systemctl marks failed units there.
local function unnamed_end(census, first)
  local runs, least = quiet_runs(census, 1, first.first - 1)
  local run = runs[#runs]
  if not run or least > 0 or most_covered(census, 1, run.first - 1) == 0 then return nil end
  local is_beside = run.last == first.first - 1 and is_left_aligned(census, first)
  return (is_beside or run.last > run.first) and run.last or nil
end

--- Returns the names of the columns, and the cuts between them.
local function layout_of(header, rows, more)
  local headings, names, cuts = headings_of(header, more), {}, {}
  local census = census_of(rows, headings[#headings].last)
  local unnamed = unnamed_end(census, headings[1])
  if unnamed then names[1], cuts[1] = "", unnamed + 1 end
  for i, heading in ipairs(headings) do
    names[#names + 1] = slice(header, heading.first, heading.last)
    local right = headings[i + 1]
    if right then
      local runs = quiet_runs(census, heading.last + 1, right.first - 1)
      cuts[#cuts + 1] = runs[1] and dividing_run(census, runs, heading, right).last + 1
        or right.first
    end
  end
  return names, cuts
end

-- Cells ---------------------------------------------------------------------------

local function is_blank(mask, at)
  return at > #mask or mask:byte(at) == 32
end

--- Splits a row into cells. A short row lacks the last ones. ps shifts the text after
--- a cell that is too wide to the right; each word there is a cell, and the last cell
--- gets the rest.
local function cells_of(line, cuts)
  local row, mask, from = {}, line.mask, 1
  for i = 1, #cuts + 1 do
    local cut = cuts[i]
    if from > #mask then break end
    if cut and not is_blank(mask, cut - 1) and not is_blank(mask, cut) then
      local _, stop = mask:find("[^ ]+", cut)
      row[i] = slice(line, from, stop)
      for _, word in ipairs(text.words_and_rest(slice(line, stop + 1), #cuts + 1 - i)) do
        row[#row + 1] = word
      end
      break
    end
    row[i] = slice(line, from, cut and cut - 1)
    from = cut or from
  end
  return row
end

--- Returns the rows below the header as lists of cells, and the names of the columns.
---@param lines string[]   the first is the header
---@param more? string[]  headings of several words
---@return string[][] rows
---@return string[] names
function aligned.rows(lines, more)
  local rows = {}
  for i, line in ipairs(lines) do rows[i] = on_screen(line) end
  local names, cuts = layout_of(table.remove(rows, 1), rows, more)
  for i, row in ipairs(rows) do rows[i] = cells_of(row, cuts) end
  return rows, names
end

return aligned
