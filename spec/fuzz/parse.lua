-- Throws damaged output and any bytes at the parsers: lua spec/fuzz/parse.lua
-- [COUNT]. Each must return a value, or nil and an error with code "parse", with work
-- bounded by the size of the text. NOSHELL_SEED fixes the first seed; a failure reports
-- its seed.

local Dice = require "spec.support.dice"
local outputs = require "spec.support.outputs"
local parse = require "noshell.parse"
local work = require "spec.support.work"

work.interpreted(true)

local COUNT = tonumber(arg and arg[1]) or 2000

--- The calls of each parser.
local CALLS = {
  { "lines" }, { "lines", { crlf = true } }, { "words" }, { "words", { quoted = true } },
  { "nul" }, { "nul", 3 }, { "match", "^(%S+)%s" }, { "match", { "(%d+)", "^(.)" } },
  { "columns" }, { "columns", { header = false } }, { "columns", { separator = ":" } },
  { "columns", { names = { "a", "b", "c" } } }, { "columns", { aligned = false } },
  { "columns", { skip = 1, headings = { "A B" } } }, { "key_value" },
  { "key_value", { all = true, records = true } },
  { "key_value", { separator = ": ", quotes = false } }, { "pairs" }, { "json" },
}

--- Characters that parsers look for.
local PIECES = { " ", "  ", "\t", "\n", "\n\n", "\r\n", "\0", '"', "'", "\\", "=", ":",
  "#", "$", "\\x24", "{", "[", "]", "}", ",", "A", "NAME", "é", "日本", "\255", "\27[0m",
  "%", "^", "-", "1e999", "null", "Mounted on", ("x"):rep(70), (" "):rep(50) }

local function damaged(die)
  local text = outputs.read(die:pick(outputs.names)):sub(1, 4000)
  for _ = 1, die:roll(8) do
    local at, length = die:roll(#text + 1), die:roll(40) - 1
    local put = die:once_in(3) and die:bytes(die:roll(8)) or die:pick(PIECES)
    text = text:sub(1, at - 1) .. put .. text:sub(at + (die:once_in(2) and length or 0))
  end
  return text
end

local function any_text(die)
  if die:once_in(3) then return damaged(die) end
  if die:once_in(2) then return die:text(PIECES, die:roll(200)) end
  return die:bytes(die:roll(300))
end

local function try(call, text)
  local ok, count, value, err = pcall(work.of, 200 + 3 * #text, parse[call[1]], text, call[2])
  if not ok then error(("%s raised %s"):format(call[1], tostring(count)), 0) end
  if value == nil and err == nil then return call[1] == "json" end
  if value == nil then
    assert(err.code == "parse", call[1] .. ": another code: " .. tostring(err.code))
    local said = tostring(err)
    assert(#said < 1000 and not said:find "[%c]", call[1] .. ": not one short line")
  end
  return value ~= nil
end

--- Returns the factor by which twice the text is more work. The time of a Lua pattern
--- does not count.
local function check_growth(name)
  for _, call in ipairs(CALLS) do
    local once = work.of(math.huge, parse[call[1]], outputs.repeated(name, 20000), call[2])
    local twice = work.of(math.huge, parse[call[1]], outputs.repeated(name, 40000), call[2])
    assert(twice <= 3 * once + 200, ("%s of %s takes %d and %d thousand"):format(
      call[1], name, once, twice))
  end
end

local tried, read = 0, 0
Dice.times(COUNT, function(die)
  local text = any_text(die)
  for _, call in ipairs(CALLS) do
    tried = tried + 1
    if try(call, text) then read = read + 1 end
  end
end)
for _, name in ipairs(outputs.names) do check_growth(name) end
assert(read > tried / 10 and read < tried, "too few are right, or wrong, to show a thing")
print(("%d texts, %d of %d calls read; work grows as the text does"):format(COUNT, read, tried))
