--- How wide text is, in the columns of a terminal or of who aligned it.

local width = {}

--- A line laid out: `mask` has one byte for each column, blank or not;
--- `offset`, where bytes and columns differ, the byte that a column begins at.
---@class noshell.laid_out
---@field text string
---@field mask string
---@field offset? integer[]

--- The code points that take no column, and those that take two, as pairs.
--- Limit: what terminals disagree about, such as joined emoji, takes what its
--- code points take.
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

--- The code point that begins at a byte that is not ASCII, and how many bytes it
--- has; nil, 1 where that is not UTF-8.
local function code_point(text, at)
  local lead = text:byte(at)
  local more = lead >= 0xf0 and 3 or lead >= 0xe0 and 2 or 1
  if lead < 0xc2 or lead > 0xf4 then return nil, 1 end
  local code = lead % 2 ^ (6 - more)
  for i = at + 1, at + more do
    local byte = text:byte(i)
    if not byte or byte < 0x80 or byte > 0xbf then return nil, 1 end
    code = code * 64 + byte % 64
  end
  return code, more + 1
end

--- Each measure: how many columns what begins at that byte takes, and how many
--- bytes it has. libsmartcols and coreutils count what a screen shows, Go's
--- programs characters, and what runs in the C locale bytes.
local measures = {}

function measures.screen(text, at)
  local code, size = code_point(text, at)
  if not code then return 1, size end
  return is_in(TWO, code) and 2 or is_in(NONE, code) and 0 or 1, size
end

function measures.characters(text, at)
  local _, size = code_point(text, at)
  return 1, size
end

function measures.bytes()
  return 1, 1
end

width.measures = { "screen", "characters", "bytes" }

local TAB, STOP = 9, 8

--- Blanks for the tabs of a line that is ASCII.
local function expanded(text)
  local pieces, column, from = {}, 0, 1
  while true do
    local tab = text:find("\t", from, true)
    local piece = text:sub(from, tab and tab - 1)
    column = column + #piece
    pieces[#pieces + 1] = piece
    if not tab then return table.concat(pieces) end
    local blanks = STOP - column % STOP
    pieces[#pieces + 1] = (" "):rep(blanks)
    column, from = column + blanks, tab + 1
  end
end

--- A line without its end, laid out. In ASCII all measures agree.
---@param text string
---@param measure "screen"|"characters"|"bytes"
---@return noshell.laid_out
function width.lay_out(text, measure)
  if text:byte(-1) == 13 then text = text:sub(1, -2) end
  if not text:find("[\128-\255]") then
    if text:find("\t", 1, true) then text = expanded(text) end
    return { text = text, mask = text }
  end
  local mask, offset, column, at = {}, {}, 0, 1
  while at <= #text do
    local byte = text:byte(at)
    local columns, size = 1, 1
    if byte == TAB then
      columns = STOP - column % STOP
    elseif byte >= 0x80 then
      columns, size = measures[measure](text, at)
    end
    local is_blank = byte == TAB or byte == 32
    for i = 1, columns do
      column = column + 1
      mask[column] = is_blank and " " or "x"
      offset[column] = i == 1 and at or at + size
    end
    at = at + size
  end
  offset[column + 1] = #text + 1
  return { text = text, mask = table.concat(mask), offset = offset }
end

--- The column, not before `from`, that the byte belongs to or that follows it.
---@param line noshell.laid_out
---@param from integer
---@param byte integer
---@return integer
function width.column_of(line, from, byte)
  if not line.offset then return byte end
  while line.offset[from] and line.offset[from] < byte do from = from + 1 end
  return from
end

--- The text of the columns `from` to `to`; without `to`, to the end.
---@param line noshell.laid_out
---@param from integer
---@param to? integer
---@return string
function width.slice(line, from, to)
  local offset = line.offset
  if not offset then return line.text:sub(from, to) end
  local last = #line.mask
  if from > last then return "" end
  to = math.min(to or last, last)
  return line.text:sub(offset[from], offset[to + 1] - 1)
end

return width
