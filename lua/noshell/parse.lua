--- Parsers: pure functions from a string to a table. Text that is not what the
--- parser reads gives nil, err with code "parse"; only a wrong argument raises.
--- The time each takes grows as the text does, but for a pattern's.

local assignments = require "noshell.parse.assignments"
local columns = require "noshell.parse.columns"
local failure = require "noshell.failure"
local json = require "noshell.parse.json"
local text = require "noshell.parse.text"

local parse = {}

-- Arguments -----------------------------------------------------------------------

--- Raises a mistake as that of the caller of the parser.
local function mistake(number, parser, reason)
  error(("bad argument #%d to '%s' (%s)"):format(number, parser, reason), 4)
end

local function check_text(parser, data)
  if type(data) ~= "string" then
    mistake(1, parser, "string expected, got " .. failure.shown(data))
  end
end

local function is_list(value)
  if type(value) ~= "table" then return false end
  for _, each in ipairs(value) do
    if type(each) ~= "string" then return false end
  end
  return true
end

--- What an option must be, by the word in its parser's list.
local kinds = {
  boolean = function(value) return type(value) == "boolean" end,
  text = function(value) return type(value) == "string" and value ~= "" end,
  count = function(value)
    return type(value) == "number" and value >= 0 and value < math.huge and value % 1 == 0
  end,
  list = is_list,
  names = function(value) return is_list(value) and value[1] ~= nil end,
  any = function() return true end,
}

--- The options that were given, or none; raises where one is not known or not
--- what it must be.
local function checked(parser, number, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then
    mistake(number, parser, "table expected, got " .. failure.shown(options))
  end
  for key, value in pairs(options) do
    local kind = kinds[known[key]]
    if not kind or not kind(value) then
      mistake(number, parser, ("%s = %s: %s"):format(tostring(key), failure.shown(value),
        kind and "invalid value" or "no such option"))
    end
  end
  return options
end

-- Lines, words, records -----------------------------------------------------------

---@class noshell.lines_options
---@field crlf? boolean  lines may end with CR LF

local LINES = { crlf = "boolean" }

--- The lines, without their ends. What follows the last newline is a line too,
--- unless there is nothing.
---@param data string
---@param options? noshell.lines_options
---@return string[]
function parse.lines(data, options)
  check_text("lines", data)
  return text.lines(data, checked("lines", 2, options, LINES).crlf)
end

---@class noshell.words_options
---@field quoted? boolean  quotes and backslashes are read as sh reads them

local WORDS = { quoted = "boolean" }

--- What stands between blanks and newlines. With `quoted`, what noshell.quote
--- gives is read back; a quote that is not closed is an error.
---@param data string
---@param options? noshell.words_options
---@return string[]?
---@return noshell.error?
function parse.words(data, options)
  check_text("words", data)
  if checked("words", 2, options, WORDS).quoted then return assignments.words(data) end
  return text.words(data)
end

--- The records that a NUL ends, as find -print0 writes them; what follows the
--- last NUL is one too, unless there is nothing. With n, rows of n records: it is
--- an error where some are left over.
---@param data string
---@param n? integer
---@return string[]|string[][]|nil
---@return noshell.error?
function parse.nul(data, n)
  check_text("nul", data)
  if n ~= nil and not (kinds.count(n) and n > 0) then
    error(("bad argument #2 to 'nul' (integer of at least 1 expected, got %s)")
      :format(failure.shown(n)), 2)
  end
  return text.nul(data, n)
end

---@class noshell.match_options
---@field names? string[]  what the captures are called: rows become records
---@field prefix? string   taken away from the lines that begin with it
---@field crlf? boolean    lines may end with CR LF

local MATCH = { names = "names", prefix = "text", crlf = "boolean" }

--- The captures of a Lua pattern, or the whole match where it has none: a row
--- for each line that matches. Of several patterns all must match the line, and
--- the row has the captures of all.
---
--- A pattern that Lua refuses is an error, found at the first line that leads
--- to the fault. Limit: a pattern with many of `-`, `*`, `+` can take time that
--- no length of text bounds well; anchor it with ^, and prefer [^x]* to .*
---@param data string
---@param pattern string|string[]
---@param options? noshell.match_options
---@return any[][]|table<string, any>[]|nil
---@return noshell.error?
function parse.match(data, pattern, options)
  check_text("match", data)
  local patterns = type(pattern) == "string" and { pattern } or pattern
  if not kinds.names(patterns) then
    error("bad argument #2 to 'match' (pattern or list of patterns expected)", 2)
  end
  return text.match(data, patterns, checked("match", 3, options, MATCH))
end

-- Tables --------------------------------------------------------------------------

--- The rows of a table, in order.
---@class noshell.rows
---@field [integer] table<string, string>  by column; without names, a list of cells
---@field columns string[]  the columns, in order
---@field rest? string      what follows the blank line that ends the table

---@class noshell.columns_options
---@field names? string[]     instead of the header's
---@field header? false       the first line is a row: records by `names`, or lists of words
---@field headings? string[]  headings of several words, such as "CONTAINER ID"
---@field separator? string   fields with this between them, as getent prints
---@field aligned? false      words with blanks between them; the last column has the rest
---@field skip? integer       so many lines before the header are not of the table

local COLUMNS = { names = "names", header = "boolean", headings = "list",
  separator = "text", aligned = "boolean", skip = "count" }

--- The records of a table whose columns are aligned below a header, as df, ps,
--- lsblk, ss, systemctl and findmnt print it: a field for each heading, "" if a
--- cell is empty. Cells may hold blanks. Other forms of output are more reliable:
--- NAME="value" (lsblk -P, findmnt -P), NAME=value (systemctl show), and JSON.
---
--- A heading is a word. Those of several words in these programs ("Mounted on",
--- "UNIT FILE", ss's addresses) are known; name others in `headings`. A repeated
--- heading gets a number: "Address_2". Cells left of the first heading are in "".
---
--- A blank line ends the table. No text is no rows. Columns divided by tabs, and
--- rows without a header, are not aligned: they are read by words.
---
--- Limit: behind a cell that is too wide for its column, each word is a cell, and
--- the last column has the rest.
--- Limit: letters outside ASCII count as wide as a screen shows them; Go programs
--- count characters instead.
---@param data string
---@param options? noshell.columns_options
---@return noshell.rows?
---@return noshell.error?
function parse.columns(data, options)
  check_text("columns", data)
  return columns.parse(data, checked("columns", 2, options, COLUMNS))
end

-- Names and values ----------------------------------------------------------------

---@class noshell.key_value_options
---@field separator? string  "=" unless given
---@field quotes? false      values are kept as they stand, with blanks and quotes
---@field all? boolean       a list of values for each name: some come several times
---@field records? boolean   a list of records, with blank lines between them
---@field crlf? boolean      lines may end with CR LF

local KEY_VALUE = { separator = "text", quotes = "boolean", all = "boolean",
  records = "boolean", crlf = "boolean" }

--- The values by name of lines such as NAME=value: /etc/os-release, systemctl
--- show. Blank lines, and lines that begin with #, are passed over. Of a name
--- that comes again the last value counts. A value that is one quoted word from
--- end to end is read as sh reads it, any other as it stands; blanks around
--- names and values are not theirs.
---@param data string
---@param options? noshell.key_value_options
---@return table<string, any>|table<string, any>[]|nil
---@return noshell.error?
function parse.key_value(data, options)
  check_text("key_value", data)
  return assignments.key_value(data, checked("key_value", 2, options, KEY_VALUE))
end

--- A record of each line of NAME="value" NAME="value", as lsblk -P and findmnt
--- -P print them. Quotes are read as sh reads them; \x24 is the byte.
---@param data string
---@return noshell.rows?
---@return noshell.error?
function parse.pairs(data)
  check_text("pairs", data)
  return assignments.pairs(data)
end

-- JSON ----------------------------------------------------------------------------

---@class noshell.json_options
---@field null? any  what stands for null; unless given, nil: there is no field

local JSON = { null = "any" }

--- The value of a JSON text, through lua-cjson, else dkjson; an error where
--- neither is installed. An array may have holes where null stood. A number
--- without a fraction is an integer where Lua has them; from 2^53 on digits are
--- lost. dkjson takes comments too.
---@param data string
---@param options? noshell.json_options
---@return any
---@return noshell.error?
function parse.json(data, options)
  check_text("json", data)
  return json.decode(data, checked("json", 2, options, JSON).null)
end

return parse
