--- Parsers: pure functions from a string to a table. Malformed text returns nil,
--- err with code "parse"; only a wrong argument raises an error. All run in linear
--- time, except match, whose patterns may take longer.

local assignments = require "noshell.parse.assignments"
local columns = require "noshell.parse.columns"
local failure = require "noshell.failure"
local json = require "noshell.parse.json"
local misuse = require "noshell.misuse"
local keep = require "noshell.keep"
local text = require "noshell.parse.text"

local parse = {}

-- Arguments -----------------------------------------------------------------------

--- Raises an argument error at the line that called the parser.
local function reject(number, parser, reason)
  misuse.raise("noshell.parse.%s: argument %d: %s", parser, number, reason)
end

local function check_text(parser, data)
  if type(data) ~= "string" then
    reject(1, parser, "a string is needed, not " .. failure.shown(data))
  end
end

local function is_list(value)
  if type(value) ~= "table" then return false end
  for _, each in ipairs(value) do
    if type(each) ~= "string" then return false end
  end
  return true
end

--- Checks of option values, by kind.
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

--- Returns the given options, or an empty table; raises an error if a key is unknown
--- or a value has the wrong type.
local function checked(parser, number, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then
    reject(number, parser, "table expected, got " .. failure.shown(options))
  end
  for key, value in pairs(options) do
    local kind = kinds[known[key]]
    if not kind or not kind(value) then
      reject(number, parser, ("%s = %s: %s"):format(tostring(key), failure.shown(value),
        kind and "invalid value" or "no such option"))
    end
  end
  return options
end

-- Lines, words, records -----------------------------------------------------------

---@class noshell.lines_options
---@field crlf? boolean  lines may end with CR LF

local LINES = { crlf = "boolean" }

--- Splits the text into lines, without their line ends. Text after the last newline
--- is a line, too.
---@param data string
---@param options? noshell.lines_options
---@return string[]
function parse.lines(data, options)
  check_text("lines", data)
  return keep(text.lines(data, checked("lines", 2, options, LINES).crlf))
end

---@class noshell.words_options
---@field quoted? boolean  interpret quotes and backslashes as sh does

local WORDS = { quoted = "boolean" }

--- Splits the text at white space. With `quoted`, it reads back the text of noshell.quote;
--- an unterminated quote is an error.
---@param data string
---@param options? noshell.words_options
---@return string[]?
---@return noshell.error?
function parse.words(data, options)
  check_text("words", data)
  if checked("words", 2, options, WORDS).quoted then return keep(assignments.words(data)) end
  return keep(text.words(data))
end

--- Splits the text into records that end in NUL, as find -print0 writes them. Text
--- after the last NUL is a record, too. With n, returns rows of n records each; a
--- remainder is an error.
---@param data string
---@param n? integer
---@return string[]|string[][]|nil
---@return noshell.error?
function parse.nul(data, n)
  check_text("nul", data)
  if n ~= nil and not (kinds.count(n) and n > 0) then
    reject(2, "nul", "a whole number from 1 is needed, not " .. failure.shown(n))
  end
  return keep(text.nul(data, n))
end

---@class noshell.match_options
---@field names? string[]  names of the captures: rows become records
---@field prefix? string   removed from lines that begin with it
---@field crlf? boolean    lines may end with CR LF

local MATCH = { names = "names", prefix = "text", crlf = "boolean" }

--- Returns a row of captures for each line that matches a Lua pattern; without
--- captures, the whole match. Several patterns must all match the line, and their
--- captures are joined.
---
--- A malformed pattern is an error, at the first line for which Lua detects it.
--- Limit: a pattern with several of `-`, `*` and `+` can take more than linear time;
--- anchor it with ^, and prefer [^x]* to .*
---@param data string
---@param pattern string|string[]
---@param options? noshell.match_options
---@return any[][]|table<string, any>[]|nil
---@return noshell.error?
function parse.match(data, pattern, options)
  check_text("match", data)
  local patterns = type(pattern) == "string" and { pattern } or pattern
  if not kinds.names(patterns) then
    reject(2, "match", "a pattern or a list of patterns is needed")
  end
  return keep(text.match(data, patterns, checked("match", 3, options, MATCH)))
end

-- Tables --------------------------------------------------------------------------

--- The rows of a table, in order.
---@class noshell.rows
---@field [integer] table<string, string>  cells by column name; without names, a list
---@field columns string[]  the names of the columns, in order
---@field rest? string      the text after the blank line that ends the table

---@class noshell.columns_options
---@field names? string[]     names of the columns, replacing the header's
---@field header? false       no header: records by `names`, or lists of words
---@field headings? string[]  headings of several words, such as "CONTAINER ID"
---@field separator? string   separates the fields, as in the output of getent
---@field aligned? false      split at blanks; the last column gets the rest of the line
---@field skip? integer       number of lines before the header

local COLUMNS = { names = "names", header = "boolean", headings = "list",
  separator = "text", aligned = "boolean", skip = "count" }

--- Parses a table whose columns are aligned below a header, as df, ps, lsblk, ss,
--- systemctl and findmnt print it. Each row is a record with a field for each
--- heading, "" if the cell is empty. Cells may contain blanks. Prefer other output
--- formats if a program has them: NAME="value" (lsblk -P, findmnt -P), NAME=value
--- (systemctl show), or JSON.
---
--- Each word of the header is a heading. Headings of several words in these programs
--- ("Mounted on", "UNIT FILE", ss's addresses) are known; list others in `headings`.
--- A repeated heading gets a number: "Address_2". Cells to the left of the first
--- heading have the name "".
---
--- A blank line ends the table. Empty text has no rows. Rows with tabs between the
--- columns, and rows without a header, are split into words.
---
--- Limit: after a cell that is wider than its column, each word is a cell, and the
--- last column gets the rest of the line.
--- Limit: characters outside ASCII count with their width on a terminal; programs
--- written in Go count each as one column.
---@param data string
---@param options? noshell.columns_options
---@return noshell.rows?
---@return noshell.error?
function parse.columns(data, options)
  check_text("columns", data)
  return keep(columns.parse(data, checked("columns", 2, options, COLUMNS)))
end

-- Names and values ----------------------------------------------------------------

---@class noshell.key_value_options
---@field separator? string  "=" unless given
---@field quotes? false      keep values unchanged, with blanks and quotes
---@field all? boolean       a list of values for each name, for names that repeat
---@field records? boolean   a list of records, separated by blank lines
---@field crlf? boolean      lines may end with CR LF

local KEY_VALUE = { separator = "text", quotes = "boolean", all = "boolean",
  records = "boolean", crlf = "boolean" }

--- Parses lines of the form NAME=value, as in /etc/os-release or the output of
--- systemctl show. Blank lines and lines that begin with # are skipped. The last
--- value of a repeated name counts. A value that consists of one quoted word is
--- unquoted as by sh; any other is kept. Blanks around names and values are removed.
---@param data string
---@param options? noshell.key_value_options
---@return table<string, any>|table<string, any>[]|nil
---@return noshell.error?
function parse.key_value(data, options)
  check_text("key_value", data)
  return keep(assignments.key_value(data, checked("key_value", 2, options, KEY_VALUE)))
end

--- Parses lines of the form NAME="value" NAME="value", as lsblk -P and findmnt -P
--- print them: one record for each line. Quotes are interpreted as by sh, and \x24 as
--- the byte 0x24.
---@param data string
---@return noshell.rows?
---@return noshell.error?
function parse.pairs(data)
  check_text("pairs", data)
  return keep(assignments.pairs(data))
end

-- JSON ----------------------------------------------------------------------------

---@class noshell.json_options
---@field null? any  the value for null; default nil, so that the field is absent

local JSON = { null = "any" }

--- Decodes JSON with lua-cjson or dkjson, whichever is installed; if neither is, that
--- is an error. An array has holes in place of nulls. A number without a fraction is
--- an integer if Lua has integers; digits are lost from 2^53 on. dkjson also accepts
--- comments.
---@param data string
---@param options? noshell.json_options
---@return any
---@return noshell.error?
function parse.json(data, options)
  check_text("json", data)
  return keep(json.decode(data, checked("json", 2, options, JSON).null))
end

return parse
