--- Splits text into lines, words, records and captures. Pure functions that scan each
--- line once.

local failure = require "noshell.failure"

local text = {}

--- Splits the text into lines, without their ends. An unterminated last line counts.
---@param data string
---@param has_crlf? boolean  a CR before the LF belongs to the end
---@return string[]
function text.lines(data, has_crlf)
  local lines, count, from = {}, 0, 1
  while from <= #data do
    local newline = data:find("\n", from, true) or #data + 1
    local last = newline - 1
    if has_crlf and newline <= #data and data:byte(last) == 13 and last >= from then
      last = last - 1
    end
    count = count + 1
    lines[count] = data:sub(from, last)
    from = newline + 1
  end
  return lines
end

--- Removes white space at both ends. "^%s*(.-)%s*$" would take quadratic time if there
--- are many blanks inside.
---@param data string
---@return string
function text.trimmed(data)
  local from = data:find("%S")
  return from and data:match(".*%S", from) or ""
end

---@param data string
---@return string[]
function text.words(data)
  local words, count = {}, 0
  for word in data:gmatch("%S+") do
    count = count + 1
    words[count] = word
  end
  return words
end

--- Returns the first n - 1 words, and the rest of the text as the nth.
---@param data string
---@param n integer
---@return string[]
function text.words_and_rest(data, n)
  local words, from = {}, 1
  for i = 1, n - 1 do
    local first, last = data:find("%S+", from)
    if not first then return words end
    words[i], from = data:sub(first, last), last + 1
  end
  local rest = text.trimmed(data:sub(from))
  if rest ~= "" then words[n] = rest end
  return words
end

--- Splits the text at separators; with n, the nth field gets the rest.
---@param data string
---@param separator string
---@param n? integer
---@return string[]
function text.fields(data, separator, n)
  local fields, count, from = {}, 0, 1
  repeat
    local first, last
    if count + 1 ~= n then first, last = data:find(separator, from, true) end
    count = count + 1
    fields[count] = data:sub(from, first and first - 1)
    from = last and last + 1
  until not from
  return fields
end

--- Splits the text into records that end in NUL; with n, into rows of n records.
---@param data string
---@param n? integer
---@return string[]|string[][]|nil
---@return noshell.error?
function text.nul(data, n)
  local records = data == "" and {} or text.fields(data, "\0")
  if data:sub(-1) == "\0" then records[#records] = nil end
  if not n then return records end
  if #records % n ~= 0 then
    return nil, failure.of_text("nul",
      ("%d records cannot be divided into rows of %d"):format(#records, n))
  end
  local rows = {}
  for i, record in ipairs(records) do
    local number = math.floor((i - 1) / n) + 1
    local row = rows[number] or {}
    rows[number], row[#row + 1] = row, record
  end
  return rows
end

-- Patterns ------------------------------------------------------------------------

--- Appends the captures to `row`. Returns false if the line does not match; nil,
--- reason if the pattern is malformed.
local function append_captures(row, line, pattern)
  local found = { pcall(string.match, line, pattern) }
  if not found[1] then
    return nil, (tostring(found[2]):gsub("^[^:]*:%d+: ", ""))
  end
  if found[2] == nil then return false end
  for i = 2, #found do row[#row + 1] = found[i] end
  return true
end

local function named(row, names)
  if #row ~= #names then
    return nil, ("%d captures, but %d names"):format(#row, #names)
  end
  local record = {}
  for i, name in ipairs(names) do record[name] = row[i] end
  return record
end

--- Returns the captures of all patterns in a line; false if one does not match.
local function match_line(line, patterns, names)
  local row = {}
  for _, pattern in ipairs(patterns) do
    local is_match, reason = append_captures(row, line, pattern)
    if not is_match then return is_match, reason end
  end
  if names then return named(row, names) end
  return row
end

--- Returns the captures of each line that matches all patterns.
---@param data string
---@param patterns string[]
---@param options noshell.match_options
---@return any[][]|table<string, any>[]|nil
---@return noshell.error?
function text.match(data, patterns, options)
  local rows, prefix = {}, options.prefix or ""
  for number, line in ipairs(text.lines(data, options.crlf)) do
    if line:sub(1, #prefix) == prefix then line = line:sub(#prefix + 1) end
    local row, reason = match_line(line, patterns, options.names)
    if row == nil then return nil, failure.of_text("match", reason, number, line) end
    if row then rows[#rows + 1] = row end
  end
  return rows
end

return text
