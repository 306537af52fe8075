--- Tables: a header and rows below it, as df, ps and lsblk print them, or fields
--- with a separator between them.

local cells = require "noshell.parse.cells"
local failure = require "noshell.failure"
local layout = require "noshell.parse.layout"
local text = require "noshell.parse.text"
local width = require "noshell.parse.width"

local columns = {}

local function fail(reason)
  return nil, failure.of_text("columns", reason)
end

-- Lines ---------------------------------------------------------------------------

--- The lines up to the first blank one, and what follows that; nil where
--- nothing does.
local function table_lines(data, skip)
  local lines, rest = text.lines(data), nil
  local first = skip + 1
  while lines[first] and not lines[first]:find("%S") do first = first + 1 end
  local last = first
  while lines[last] and lines[last]:find("%S") do last = last + 1 end
  if lines[last + 1] then rest = table.concat(lines, "\n", last + 1) end
  local found = {}
  for i = first, last - 1 do found[#found + 1] = lines[i] end
  return found, rest
end

-- Names ---------------------------------------------------------------------------

--- The names with a number after those that were there before: a record has
--- one field for each column.
local function distinct(names)
  local list, is_taken, count = {}, {}, {}
  for i, name in ipairs(names) do
    local each = name
    while is_taken[each] do
      count[name] = (count[name] or 1) + 1
      each = ("%s_%d"):format(name, count[name])
    end
    is_taken[each], list[i] = true, each
  end
  return list
end

--- The names that were given instead of those found; nil, reason where they
--- are not as many.
local function chosen(options, found)
  local names = options.names
  if not names then return distinct(found) end
  if #names ~= #found then
    return nil, ("the header has %d columns, but there are %d names"):format(#found, #names)
  end
  return names
end

-- Divided rows: each way gives a list of lists of cells, and the names ------------

--- Fields, or words: the header and the rows by the same rule.
local function divided(lines, options, divide)
  local names, first = options.names, 1
  if options.header ~= false and lines[1] then
    local reason
    names, reason = chosen(options, divide(lines[1], nil))
    if not names then return nil, reason end
    first = 2
  end
  local rows = {}
  for i = first, #lines do
    rows[#rows + 1] = divide(lines[i], names and #names)
  end
  return rows, names
end

local function by_separator(lines, options)
  return divided(lines, options, function(line, n)
    return text.fields(line, options.separator, n)
  end)
end

local function heading_names(line, more)
  local header, names = width.lay_out(line, "screen"), {}
  for i, each in ipairs(layout.headings(header, more)) do
    names[i] = width.slice(header, each.first, each.last)
  end
  return names
end

local function by_words(lines, options)
  return divided(lines, options, function(line, n)
    if n then return text.words_and_rest(line, n) end
    if options.header == false then return text.words(line) end
    return heading_names(line, options.headings)
  end)
end

local function laid_out(lines, measure)
  local list = {}
  for i, line in ipairs(lines) do list[i] = width.lay_out(line, measure) end
  return list
end

--- The columns, the rows laid out, and how well these agree.
local function planned(lines, options, measure)
  local rows = laid_out(lines, measure)
  if options.header == false then
    local census = layout.census(rows, math.huge)
    return layout.plan_without_header(census), rows, -layout.breadth(census)
  end
  local header = table.remove(rows, 1)
  local headings = layout.headings(header, options.headings)
  local last = headings[#headings]
  local census = layout.census(rows, last and last.last or 0)
  headings = layout.joined(headings, census)
  return layout.plan(header, headings, census), rows, layout.agreement(headings, census)
end

--- As planned, by the measure by which the rows agree best.
local function best_planned(lines, options)
  local plan, rows, most
  for _, measure in ipairs(width.measures) do
    local its_plan, its_rows, agreement = planned(lines, options, measure)
    if not most or agreement > most then
      plan, rows, most = its_plan, its_rows, agreement
    end
  end
  return plan, rows
end

local function is_ascii(lines)
  for _, line in ipairs(lines) do
    if line:find("[\128-\255]") then return false end
  end
  return true
end

--- The names of the columns; those without a header have numbers, or the names
--- given, of which the last has the rest of the line.
local function named(plan, options)
  if options.header ~= false then return chosen(options, plan.names) end
  local names = options.names
  if not names then return false end
  if #names > #plan.cuts + 1 then
    return nil, ("%d columns, but %d names"):format(#plan.cuts + 1, #names)
  end
  for i = #plan.cuts, #names, -1 do plan.cuts[i] = nil end
  return names
end

local function by_position(lines, options)
  local plan, laid
  if is_ascii(lines) then
    plan, laid = planned(lines, options, "screen")
  else
    plan, laid = best_planned(lines, options)
  end
  local names, reason = named(plan, options)
  if names == nil then return nil, reason end
  local rows = {}
  for i, line in ipairs(laid) do rows[i] = cells.of(line, plan.cuts) end
  return rows, names or nil, #plan.cuts + 1
end

-- Records -------------------------------------------------------------------------

--- A row has all cells although its line may be short: no more of them in all
--- than this, so that a wide header over many short lines cannot fill the
--- memory.
local function most_cells(data)
  return 100000 + 4 * #data
end

local function record_of(row, names)
  local record = {}
  for i, name in ipairs(names) do record[name] = row[i] or "" end
  return record
end

local function filled(row, n)
  for i = #row + 1, n do row[i] = "" end
  return row
end

---@param data string
---@param options noshell.columns_options
---@return noshell.rows?
---@return noshell.error?
function columns.parse(data, options)
  local lines, rest = table_lines(data, options.skip or 0)
  if not lines[1] then return { columns = options.names or {}, rest = rest } end
  local divide = options.separator and by_separator
    or options.aligned == false and by_words or by_position
  local rows, names, n = divide(lines, options)
  if not rows then return fail(names) end
  n = names and #names or n or 0
  if #rows * n > most_cells(data) then
    return fail(("%d rows of %d columns are more than the text holds"):format(#rows, n))
  end
  for i, row in ipairs(rows) do
    rows[i] = names and record_of(row, names) or filled(row, n)
  end
  rows.columns, rows.rest = names or {}, rest
  return rows
end

return columns
