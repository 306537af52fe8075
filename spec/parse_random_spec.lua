-- What is written and read again is what it was, whatever it was.
local helper = require "spec.support.helper"
local Dice = require "spec.support.dice"
local noshell = require "noshell"

local parse = noshell.parse

local HEADINGS = { "NAME", "SIZE", "USED", "STATE", "OWNER", "PORT", "AGE" }
local CELLS = { "a", "42", "running", "/dev/sda1", "3.5G", "é", "x=y", "100%" }

--- A table of cells without blanks, printed as printf's %-Ns and %Ns do; the
--- last column may have blanks in it.
local function random_table(die)
  local count, rows, lines = 1 + die:roll(6), {}, {}
  for i = 1, 1 + die:roll(20) do
    rows[i] = {}
    for c = 1, count do rows[i][c] = die:pick(CELLS):rep(die:roll(3)) end
    if die:once_in(2) then rows[i][count] = die:pick(CELLS) .. "  " .. die:pick(CELLS) end
  end
  for c = 1, count do
    local width, right = #HEADINGS[c], c < count and die:once_in(2)
    local function length(cell) return select(2, cell:gsub("[^\128-\191]", "")) end
    for _, row in ipairs(rows) do width = math.max(width, length(row[c])) end
    for i = 0, #rows do
      local cell = i == 0 and HEADINGS[c] or rows[i][c]
      local blanks = (" "):rep(width - length(cell))
      local last = c == count and "" or " "
      lines[i] = (lines[i] or "") .. (right and blanks .. cell or cell .. blanks) .. last
    end
  end
  return rows, table.concat(lines, "\n", 0) .. "\n", count
end

describe("parsers of random text", function()
  helper.leak_check()

  it("give lines that joined are the text", function()
    Dice.times(500, function(die)
      local data = die:text({ "\n", "\r", "a", "", " ", "\0", "xyz" }, die:roll(60))
      local joined = table.concat(parse.lines(data), "\n")
      assert.equal(data, data:sub(-1) == "\n" and joined .. "\n" or joined)
    end)
  end)

  it("give records that joined are the text", function()
    Dice.times(500, function(die)
      local data = die:text({ "\0", "\n", "a", " " }, die:roll(60)) .. "\0"
      assert.equal(data, table.concat(parse.nul(data), "\0") .. "\0")
    end)
  end)

  it("give the words that noshell.quote was given", function()
    Dice.times(300, function(die)
      local words = {}
      for i = 1, die:roll(6) do
        words[i] = die:bytes(die:roll(12)):gsub("%z", "x")
      end
      assert.same(words, parse.words(noshell.quote((table.unpack or unpack)(words)),
        { quoted = true }))
    end)
  end)

  it("give the values that were written with quotes", function()
    Dice.times(300, function(die)
      local value = die:text({ "a", " ", "$x", '"', "\\", "`", "=", "é" }, die:roll(20))
      local data = ('NAME="%s"\n'):format(value:gsub('[\\"$`]', "\\%0"))
      assert.same({ NAME = value }, parse.key_value(data))
    end)
  end)

  it("give the cells of an aligned table, wherever they are aligned", function()
    Dice.times(500, function(die)
      local rows, data, count = random_table(die)
      local found = assert(parse.columns(data))
      assert.equal(#rows, #found)
      for i, row in ipairs(rows) do
        for c = 1, count do
          assert(found[i][HEADINGS[c]] == row[c], ("row %d, %s: %q is %q in\n%s"):format(
            i, HEADINGS[c], row[c], tostring(found[i][HEADINGS[c]]), data))
        end
      end
    end)
  end)
end)
