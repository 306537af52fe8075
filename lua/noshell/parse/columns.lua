--- Parses tables: aligned columns below a header, fields with a separator, or words.

local aligned = require "noshell.parse.aligned"
local failure = require "noshell.failure"
local text = require "noshell.parse.text"

local columns = {}

local function fail(reason)
  return nil, failure.of_text("columns", reason)
end

--- Returns the lines of the table, and the text after the blank line that ends it.
local function table_lines(data, skip)
  local lines, rest = text.lines(data), nil
  local first = skip + 1
  while lines[first] and not lines[first]:find "%S" do first = first + 1 end
  local last = first
  while lines[last] and lines[last]:find "%S" do last = last + 1 end
  if lines[last + 1] then rest = table.concat(lines, "\n", last + 1) end
  local found = {}
  for i = first, last - 1 do found[#found + 1] = lines[i] end
  return found, rest
end

--- Numbers repeated names, so that a record has one field for each column.
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

--- Returns the caller's names, or else the header's; nil, reason if their numbers
--- differ.
local function chosen(options, found)
  local names = options.names
  if not names then return distinct(found) end
  if #names ~= #found then
    return nil, ("the header has %d columns, but there are %d names"):format(#found, #names)
  end
  return names
end

local function header_of(line, options)
  if options.separator then return text.fields(line, options.separator) end
  return aligned.names((line:gsub("\t", " ")), options.headings)
end

--- Splits a line into fields or words; with n, the nth gets the rest of the line.
local function cells_of(line, separator, n)
  if separator then return text.fields(line, separator, n) end
  return n and text.words_and_rest(line, n) or text.words(line)
end

--- Splits the lines into fields or words: returns the rows and the names. The last
--- named column gets the rest of the line.
local function divided(lines, options)
  local names, first = options.names, 1
  if options.header ~= false then
    local reason
    names, reason = chosen(options, header_of(lines[1], options))
    if not names then return nil, reason end
    first = 2
  end
  local rows = {}
  for i = first, #lines do
    rows[#rows + 1] = cells_of(lines[i], options.separator, names and #names)
  end
  return rows, names
end

local function by_position(lines, options)
  local rows, found = aligned.rows(lines, options.headings)
  local names, reason = chosen(options, found)
  if not names then return nil, reason end
  return rows, names
end

--- Limits the cells for a text. Every row gets all cells even if its line is short, so
--- a wide header above many short lines could exhaust the memory.
local function most_cells(data)
  return 100000 + 4 * #data
end

local function widest_of(rows)
  local n = 0
  for _, row in ipairs(rows) do n = math.max(n, #row) end
  return n
end

--- Turns the rows into records, or, without names, into lists of equal length.
local function complete(rows, names, n)
  for i, row in ipairs(rows) do
    local record = {}
    for j = 1, n do record[names and names[j] or j] = row[j] or "" end
    rows[i] = record
  end
  return rows
end

---@param data string
---@param options noshell.columns_options
---@return noshell.rows?
---@return noshell.error?
function columns.parse(data, options)
  local lines, rest = table_lines(data, options.skip or 0)
  if not lines[1] then return { columns = options.names or {}, rest = rest } end
  local is_aligned = not options.separator and options.aligned ~= false
    and options.header ~= false
  local rows, names = (is_aligned and by_position or divided)(lines, options)
  if not rows then return fail(names) end
  local n = names and #names or widest_of(rows)
  if #rows * n > most_cells(data) then
    return fail(("%d rows of %d columns are too many cells for a text of this size")
      :format(#rows, n))
  end
  rows = complete(rows, names, n)
  rows.columns, rows.rest = names or {}, rest
  return rows
end

return columns
