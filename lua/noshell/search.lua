--- Searches bytes that arrive piece by piece. A search looks at few bytes twice: if each
--- arrival started it again from the first byte, a long output would take quadratic time.

local failure = require "noshell.failure"
local misuse = require "noshell.misuse"

local search = {}

--- A search for the first match of any of several patterns.
---@class noshell.search
---@field patterns string[]
---@field is_plain boolean[]     it is text, not a pattern
---@field is_anchored boolean[]  it begins with "^"
---@field window integer         the searched bytes in which a match may begin that ends later
---@field seen integer           the number of bytes that were searched
---@field is_partial? boolean    the search of a pattern did not begin at the first byte
local methods = {}
local metatable = { __index = methods }

--- The window of patterns. Limit: a longer match is found only if it arrives at once, and
--- otherwise when the stream ends or the time is up.
local WINDOW = 8192
--- The number of bytes that are searched first; it is doubled until they are all.
local FIRST = 256

local function is_text(pattern)
  return not pattern:find "[%^%$%*%+%?%.%(%)%[%]%%%-]"
end

--- Returns why it is no pattern; nil if it is one.
local function find_fault(pattern, is_plain)
  if type(pattern) ~= "string" then
    return ("a pattern must be a string, not %s"):format(failure.shown(pattern))
  elseif pattern == "" then
    return "a pattern is empty"
  end
  local ok, message = pcall(string.find, pattern, pattern, 1, is_plain)
  return not ok and ("%s: %s"):format(failure.shown(pattern), message) or nil
end

--- Adds a pattern; returns a reason if it is none.
local function add(self, pattern, all_plain)
  local is_plain = all_plain or (type(pattern) == "string" and is_text(pattern))
  local reason = find_fault(pattern, is_plain)
  if reason then return reason end
  local i = #self.patterns + 1
  self.patterns[i], self.is_plain[i] = pattern, is_plain
  self.is_anchored[i] = not is_plain and pattern:sub(1, 1) == "^"
  self.window = math.max(self.window, is_plain and #pattern - 1 or WINDOW)
end

--- Makes a search for a pattern, or for a list of patterns; with plain = true in the list,
--- for texts. Returns nil and the reason if there is none.
---@param given string|table
---@return noshell.search?
---@return string? reason
function search.new(given)
  local list = type(given) == "table" and given or { given }
  local self = setmetatable({ patterns = {}, is_plain = {}, is_anchored = {}, window = 0,
    seen = 0 }, metatable)
  for i = 1, #list do
    local reason = add(self, list[i], list.plain == true)
    if reason then return nil, reason end
  end
  for key in pairs(list) do
    if key ~= "plain" and not self.patterns[key] then
      return nil, ("%s: the list has patterns, and perhaps plain = true"):format(
        failure.shown(key))
    end
  end
  if not self.patterns[1] then return nil, "a pattern is needed" end
  return self
end

--- Finds a pattern in the text. Raises an error if the pattern is malformed behind the point
--- that the check of find_fault has reached.
local function find_one(text, pattern, is_plain)
  local ok, from, to = pcall(text.find, text, pattern, 1, is_plain)
  if not ok then misuse.raise("read_until: %s: %s", failure.shown(pattern), from) end
  return from, to
end

--- Returns the first match in the text: its first and last byte, and the pattern's number.
--- Of several that begin at the same byte, the first in the list counts.
local function find(self, text, is_start)
  local from, to, index
  for i = 1, #self.patterns do
    if is_start or not self.is_anchored[i] then
      local a, b = find_one(text, self.patterns[i], self.is_plain[i])
      if a and (not from or a < from) then from, to, index = a, b, i end
    end
  end
  return from, to, index
end

--- Repeats a search that has found a match, from the first byte, where a match may begin
--- earlier; and with more bytes if the match reaches the last one, and may be longer.
local function confirm(self, peek, to, size)
  local from, last, index
  while true do
    from, last, index = find(self, peek(0, to), true)
    if not from or last < to or to == size then return from, last, index end
    to = math.min(size, 2 * to)
  end
end

--- Searches the bytes from `base` to `to`, and confirms a match if needed.
local function find_in(self, peek, base, to, size)
  local from, last, index = find(self, peek(base, to), base == 0)
  local is_certain = base == 0 and (to == size or last ~= to)
  if not from or is_certain then return from, last, index end
  return confirm(self, peek, to, size)
end

--- Searches the bytes that have arrived: `size` bytes, which peek(from, to) returns. Returns
--- the numbers of the first and last byte of a match, and the number of its pattern.
---@param peek fun(from: integer, to: integer): string
---@param size integer
---@return integer? first
---@return integer? last
---@return integer? index
function methods:look(peek, size)
  while self.seen < size do
    local to = math.min(size, math.max(FIRST, 2 * self.seen))
    local base = math.max(0, self.seen - self.window)
    if base > 0 then self.is_partial = true end
    local from, last, index = find_in(self, peek, base, to, size)
    if from then return from, last, index end
    self.seen = to
  end
end

--- The same when no more bytes arrive: also finds matches that look may have missed.
function methods:finish(peek, size)
  local from, last, index = self:look(peek, size)
  if from or not self.is_partial then return from, last, index end
  self.is_partial = nil
  return find(self, peek(0, size), true)
end

--- Returns the patterns, for a message.
function methods:shown()
  local texts = {}
  for i = 1, #self.patterns do texts[i] = failure.shown(self.patterns[i]) end
  return table.concat(texts, " or ")
end

return search
