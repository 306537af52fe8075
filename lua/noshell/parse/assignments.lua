--- Parses NAME=value lines and NAME="value" pairs. Quotes are interpreted as by sh;
--- nothing is expanded.

local failure = require "noshell.failure"
local text = require "noshell.parse.text"

local assignments = {}

-- Words as sh reads them ----------------------------------------------------------

--- Reads an escape inside double quotes: returns the character, and the position
--- after it.
local function read_escape(data, at, has_hex)
  local char = data:sub(at + 1, at + 1)
  if char:find('["\\$`]') then return char, at + 2 end
  if char == "\n" then return "", at + 2 end
  local digits = has_hex and data:match("^x(%x%x)", at + 1)
  if digits then return string.char(tonumber(digits, 16)), at + 4 end
  return "\\", at + 1
end

--- Reads from the byte after the opening quote: returns the text, and the position
--- after the closing quote; nil if there is none.
local function read_double(data, from, has_hex)
  local pieces = {}
  while true do
    local at = data:find('["\\]', from)
    if not at then return nil end
    pieces[#pieces + 1] = data:sub(from, at - 1)
    if data:byte(at) == 34 then return table.concat(pieces), at + 1 end
    pieces[#pieces + 1], from = read_escape(data, at, has_hex)
  end
end

local function read_single(data, from)
  local at = data:find("'", from, true)
  if not at then return nil end
  return data:sub(from, at - 1), at + 1
end

--- Reads one piece of a word: quoted, escaped or plain.
local function read_piece(data, from, has_hex)
  local char = data:sub(from, from)
  if char == '"' then return read_double(data, from + 1, has_hex) end
  if char == "'" then return read_single(data, from + 1) end
  if char == "\\" then
    local escaped = data:sub(from + 1, from + 1)
    return escaped == "\n" and "" or escaped, from + 2
  end
  local _, last = data:find("^[^%s\"'\\]+", from)
  return data:sub(from, last), last + 1
end

--- Reads a word: returns it, and the position after it; nil if a quote is
--- unterminated.
local function read_word(data, from, has_hex)
  local pieces = {}
  while from <= #data and not data:find("^%s", from) do
    local piece, after = read_piece(data, from, has_hex)
    if not piece then return nil end
    pieces[#pieces + 1], from = piece, after
  end
  return table.concat(pieces), from
end

local UNCLOSED = "unterminated quote"

--- Splits the text into words; quotes and backslashes are interpreted as by sh.
---@param data string
---@return string[]?
---@return noshell.error?
function assignments.words(data)
  local words, from = {}, data:find("%S")
  while from do
    local word, after = read_word(data, from)
    if not word then return nil, failure.of_text("words", UNCLOSED) end
    words[#words + 1] = word
    from = data:find("%S", after)
  end
  return words
end

-- One a line ----------------------------------------------------------------------

--- Removes the quotes of a value that consists of one quoted word; returns any other
--- unchanged, and nil if the quote is unterminated.
local function unquoted(value)
  local char = value:sub(1, 1)
  if char ~= '"' and char ~= "'" then return value end
  local inner, after = read_piece(value, 1)
  if not inner then return nil end
  return after > #value and inner or value
end

--- Returns the name and the value of a line, or nil, reason.
local function read_line(line, options)
  local separator = options.separator or "="
  local first, last = line:find(separator, 1, true)
  if not first then return nil, ("missing '%s'"):format(separator) end
  local name, value = text.trimmed(line:sub(1, first - 1)), line:sub(last + 1)
  if name == "" then return nil, "missing name" end
  if options.quotes == false then return name, value end
  value = unquoted(text.trimmed(value))
  if not value then return nil, UNCLOSED end
  return name, value
end

local function add(record, name, value, is_list)
  if not is_list then
    record[name] = value
    return
  end
  local list = record[name] or {}
  record[name], list[#list + 1] = list, value
end

--- Returns the record of all lines; with options.records, one for each block between
--- blank lines.
---@param data string
---@param options noshell.key_value_options
---@return table<string, any>|table<string, any>[]|nil
---@return noshell.error?
function assignments.key_value(data, options)
  local records, record = {}, nil
  for number, line in ipairs(text.lines(data, options.crlf)) do
    local is_blank = not line:find("%S")
    if is_blank then
      if options.records then record = nil end
    elseif not line:find("^%s*#") then
      local name, value = read_line(line, options)
      if not name then return nil, failure.of_text("key_value", value, number, line) end
      if not record then
        record = {}
        records[#records + 1] = record
      end
      add(record, name, value, options.all)
    end
  end
  return options.records and records or records[1] or {}
end

-- Several a line ------------------------------------------------------------------

--- Reads a pair into the record: returns the position after it, or nil, reason.
local function read_pair(record, columns, line, from)
  local name, value_at = line:match("^([^%s=\"']+)=()", from)
  if not name then return nil, 'expected NAME="value"' end
  local value, after = read_word(line, value_at, true)
  if not value then return nil, UNCLOSED end
  if not columns[name] then
    columns[name] = true
    columns[#columns + 1] = name
  end
  record[name] = value
  return after
end

--- Returns the record of a line, or nil, reason.
local function read_pairs(line, columns)
  local record, from = {}, line:find("%S")
  while from do
    local after, reason = read_pair(record, columns, line, from)
    if not after then return nil, reason end
    from = line:find("%S", after)
  end
  return record
end

--- Returns a record for each line that is not blank, and the names in `columns`.
---@param data string
---@return noshell.rows?
---@return noshell.error?
function assignments.pairs(data)
  local rows, columns = {}, {}
  for number, line in ipairs(text.lines(data)) do
    local record, reason = read_pairs(line, columns)
    if not record then return nil, failure.of_text("pairs", reason, number, line) end
    if next(record) then rows[#rows + 1] = record end
  end
  rows.columns = {}
  for i, name in ipairs(columns) do rows.columns[i] = name end
  return rows
end

return assignments
