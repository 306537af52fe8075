--- Where the columns of an aligned table are. Its parts: headings are what the
--- header names, gaps are the blanks between two of them, and a cut is the
--- screen column at which the next one's cells begin.
---
--- Who prints an aligned table leaves a blank between two columns in every line,
--- and a header is as wide as its column at most. So each gap has a place that
--- is blank in every row, unless a cell was too wide. Two words of a header with
--- one blank between them are one heading where the rows stand across it.

local width = require "noshell.parse.width"

local layout = {}

---@class noshell.heading
---@field name string
---@field first integer  screen columns
---@field last integer

--- Headings of several words that short cells below do not give away. Longest
--- first where one begins another.
local KNOWN = {
  "Local Address:Port", "Peer Address:Port", "Local Address", "Foreign Address",
  "PID/Program name", "Mounted on", "UNIT FILE",
  "CONTAINER ID", "IMAGE ID", "NETWORK ID", "VOLUME NAME", "CPU %",
  "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O",
  "NOMINATED NODE", "READINESS GATES",
}

--- How often a row has text at a place, and begins or ends a word there.
---@class noshell.census
---@field rows integer
---@field cover integer[]
---@field start integer[]
---@field stop integer[]
---@field widest integer

--- What the rows have, up to the column `limit`.
---@param rows noshell.laid_out[]
---@param limit number
---@return noshell.census
function layout.census(rows, limit)
  local cover, start, stop, widest = {}, {}, {}, 0
  local function count(list, at, by) list[at] = (list[at] or 0) + by end
  for _, row in ipairs(rows) do
    local from, to = row.mask:find("[^ ]+")
    while from and from <= limit do
      count(cover, from, 1)
      count(cover, to + 1, -1)
      count(start, from, 1)
      count(stop, to, 1)
      widest = math.max(widest, math.min(to, limit))
      from, to = row.mask:find("[^ ]+", to + 1)
    end
  end
  local depth = 0
  for at = 1, widest do
    depth = depth + (cover[at] or 0)
    cover[at] = depth
  end
  return { rows = #rows, cover = cover, start = start, stop = stop, widest = widest }
end

local function covered(census, at)
  return at <= census.widest and census.cover[at] or 0
end

local function sum(list, first, last)
  local total = 0
  for at = first, last do total = total + (list[at] or 0) end
  return total
end

local function most_covered(census, first, last)
  local most = 0
  for at = first, last do most = math.max(most, covered(census, at)) end
  return most
end

-- Headings ------------------------------------------------------------------------

--- The phrase that begins at that screen column, and its last one.
local function phrase_at(header, first, phrases)
  local byte = header.offset and header.offset[first] or first
  for _, phrase in ipairs(phrases) do
    if header.text:sub(byte, byte + #phrase - 1) == phrase then
      return width.column_of(header, first, byte + #phrase) - 1
    end
  end
end

--- The words of the header, but known phrases whole. ss prints no blank after
--- "Peer Address:Port": what touches a phrase is a heading of its own.
---@param header noshell.laid_out
---@param more? string[]
---@return noshell.heading[]
function layout.headings(header, more)
  local phrases, list = {}, {}
  for _, phrase in ipairs(more or {}) do phrases[#phrases + 1] = phrase end
  for _, phrase in ipairs(KNOWN) do phrases[#phrases + 1] = phrase end
  local first, last = header.mask:find("[^ ]+")
  while first do
    last = phrase_at(header, first, phrases) or last
    list[#list + 1] = { first = first, last = last }
    first, last = header.mask:find("[^ ]+", last + 1)
  end
  return list
end

--- How many rows, at most, have a cell of its own on each side of the blank
--- between two words.
local function divided(census, left, right)
  return math.min(sum(census.stop, left.first, left.last),
    sum(census.start, right.first, right.last))
end

--- Whether two words with one blank between them are one heading.
local function is_one(census, left, right, is_roomy)
  local across = covered(census, left.last + 1)
  local apart = divided(census, left, right)
  if across == 0 and apart == 0 then return is_roomy end
  return across > apart
end

--- Whether columns are set apart by two blanks or more everywhere: then one
--- blank divides words.
local function is_roomy(census, headings)
  local count = 0
  for i = 1, #headings - 1 do
    local run, best = 0, 0
    local first, last = headings[i].last + 1, headings[i + 1].first - 1
    for at = first, last do
      run = covered(census, at) == 0 and run + 1 or 0
      best = math.max(best, run)
    end
    if last > first then
      if best < 2 then return false end
      count = count + 1
    end
  end
  return count > 0 and census.rows > 0
end

--- The headings with those that are one joined.
---@param headings noshell.heading[]
---@param census noshell.census
---@return noshell.heading[]
function layout.joined(headings, census)
  local list, roomy = {}, is_roomy(census, headings)
  for i, heading in ipairs(headings) do
    local before = headings[i - 1]
    local is_near = before and heading.first - before.last == 2
    if is_near and is_one(census, before, heading, roomy) then
      list[#list].last = heading.last
    else
      list[#list + 1] = { first = heading.first, last = heading.last }
    end
  end
  return list
end

-- Agreement -----------------------------------------------------------------------

--- How many cells begin or end where their heading does, whichever more do: a
--- column is aligned to one side, and what meets the other does so by chance.
---@param headings noshell.heading[]
---@param census noshell.census
function layout.agreement(headings, census)
  local total = 0
  for _, heading in ipairs(headings) do
    total = total + math.max(census.start[heading.first] or 0, census.stop[heading.last] or 0)
  end
  return total
end

--- How many places have text in some row.
---@param census noshell.census
function layout.breadth(census)
  local total = 0
  for at = 1, census.widest do
    if covered(census, at) > 0 then total = total + 1 end
  end
  return total
end

-- Cuts ----------------------------------------------------------------------------

--- The runs between two places that the fewest rows cover, in order.
local function quiet_runs(census, first, last)
  local least, runs = math.huge, {}
  for at = first, last do least = math.min(least, covered(census, at)) end
  for at = first, last do
    local run = runs[#runs]
    if covered(census, at) == least then
      if run and run.last == at - 1 then
        run.last = at
      else
        runs[#runs + 1] = { first = at, last = at }
      end
    end
  end
  return runs, least
end

local function starts_there(census, heading)
  return (census.start[heading.first] or 0) * 2
    > most_covered(census, heading.first, heading.last)
end

local function stops_there(census, heading)
  return (census.stop[heading.last] or 0) * 2
    > most_covered(census, heading.first, heading.last)
end

local function widest_of(runs)
  local best = runs[1]
  for _, run in ipairs(runs) do
    if run.last - run.first >= best.last - best.first then best = run end
  end
  return best
end

--- The run at which two columns part. Where text stands between two runs, it
--- belongs to the column that is not aligned to its side of the gap: "2 hours
--- ago" under CREATED, a whole date under STARTED. Where a column is as wide as
--- its heading everywhere, and so is aligned to both sides, dates are told from
--- other text by their being in every row.
local function chosen(census, runs, left, right)
  local first, last = runs[1], runs[#runs]
  if #runs == 1 then return first end
  if last.last == right.first - 1 and starts_there(census, right) then return last end
  local is_beside = first.first == left.last + 1 and stops_there(census, left)
  local is_full = most_covered(census, first.last, last.first) == census.rows
  if is_beside and (is_full or not starts_there(census, left)) then return first end
  return widest_of(runs)
end

--- Where a column without a heading, left of the first one, ends; nil where
--- there is none.
local function unnamed_end(census, first)
  local runs, least = quiet_runs(census, 1, first.first - 1)
  local run = runs[#runs]
  if not run or least > 0 or sum(census.start, 1, run.first - 1) == 0 then return nil end
  local is_beside = run.last == first.first - 1 and starts_there(census, first)
  return (is_beside or run.last > run.first) and run.last or nil
end

--- The columns of a table.
---@class noshell.plan
---@field names string[]
---@field cuts integer[]  of each but the last: where the next one's cells begin

--- The columns that the headings and the rows come to.
---@param header noshell.laid_out
---@param headings noshell.heading[]
---@param census noshell.census
---@return noshell.plan
function layout.plan(header, headings, census)
  local names, cuts = {}, {}
  local unnamed = headings[1] and unnamed_end(census, headings[1])
  if unnamed then names[1], cuts[1] = "", unnamed + 1 end
  for i, heading in ipairs(headings) do
    names[#names + 1] = width.slice(header, heading.first, heading.last)
    local right = headings[i + 1]
    if right then
      local runs = quiet_runs(census, heading.last + 1, right.first - 1)
      local run = runs[1] and chosen(census, runs, heading, right)
      cuts[#cuts + 1] = run and run.last + 1 or right.first
    end
  end
  return { names = names, cuts = cuts }
end

--- The columns of a table without a header: what is blank in every row divides.
---@param census noshell.census
---@return noshell.plan
function layout.plan_without_header(census)
  local cuts, is_inside, count = {}, false, 0
  for at = 1, census.widest do
    local is_text = covered(census, at) > 0
    if is_text and not is_inside then
      count = count + 1
      if count > 1 then cuts[count - 1] = at end
    end
    is_inside = is_text
  end
  return { names = {}, cuts = cuts }
end

return layout
