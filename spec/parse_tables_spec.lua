-- Random tables, rendered and read back: empty cells, cells with blanks, letters
-- of any width. NOSHELL_SEED fixes what is tried.
local Dice = require "spec.support.dice"
local parse = require "noshell.parse"

--- The columns that a table's text is made of: names and cells are text, with
--- how wide the writer thinks they are.
local ALPHABETS = {
  { "a", "b", "x", "7", "-" },
  { "a", "b", "é", "ß", "7" },
  { "a", "日", "é", "本", "\204\129" },
}

local measures = {
  function(text) return #text end,
  function(text) return select(2, text:gsub("[^\128-\191]", "")) end,
}

--- As a screen shows the characters of ALPHABETS.
function measures.screen(text)
  local wide = select(2, text:gsub("[\228-\233][\128-\191][\128-\191]", ""))
  local none = select(2, text:gsub("\204\129", ""))
  return measures[2](text) + wide - none
end

local function word(die, alphabet, longest)
  -- A combining mark, which has no width, follows a letter.
  return die:pick { "a", "b", "7" } .. die:text(alphabet, die:roll(longest) - 1)
end

--- Contains blanks only if the next column's text shows where this one ends.
local function cell(die, column, alphabet)
  if column.may_be_empty and die:once_in(4) then return "" end
  local text = word(die, alphabet, 12)
  if column.has_blanks then
    for _ = 2, die:roll(3) do
      -- In the last column nothing else can follow two blanks.
      local blanks = column.is_last and die:once_in(2) and "  " or " "
      text = text .. blanks .. word(die, alphabet, 6)
    end
  end
  return text
end

local function random_columns(die)
  local columns = {}
  for i = 1, die:roll(6) do
    columns[i] = { name = ("%s%d"):format(word(die, ALPHABETS[1], 8), i),
      is_right = die:once_in(2), may_be_empty = die:once_in(3) }
  end
  for i, column in ipairs(columns) do
    local right = columns[i + 1]
    column.is_last = not right
    column.has_blanks = not column.is_right
      and (not right or not right.is_right and not right.may_be_empty)
      and die:once_in(2)
  end
  return columns
end

local function padded(text, column, measure)
  local blanks = (" "):rep(column.width - measure(text))
  return column.is_right and blanks .. text or text .. blanks
end

local function rendered(die, columns, rows, measure)
  local lines, gap = {}, (" "):rep(die:roll(3))
  local header = {}
  for j, column in ipairs(columns) do
    column.width, header[j] = measure(column.name), column.name
    for _, row in ipairs(rows) do column.width = math.max(column.width, measure(row[j])) end
  end
  for i = 0, #rows do
    local texts = {}
    for j, column in ipairs(columns) do
      texts[j] = padded((rows[i] or header)[j], column, measure)
    end
    lines[#lines + 1] = table.concat(texts, gap)
    if die:once_in(2) then lines[#lines] = lines[#lines]:gsub(" +$", "") end
  end
  return table.concat(lines, "\n") .. "\n"
end

--- A row of nothing but empty cells would be a blank line.
local function random_rows(die, columns, alphabet)
  local rows = {}
  for i = 1, die:roll(20) do
    rows[i] = {}
    for j, column in ipairs(columns) do rows[i][j] = cell(die, column, alphabet) end
    if table.concat(rows[i]) == "" then rows[i][1] = "x" end
  end
  return rows
end

local function expect_read_back(die, alphabet, measure)
  local columns = random_columns(die)
  local rows = random_rows(die, columns, alphabet)
  local text = rendered(die, columns, rows, measure)
  local found = assert(parse.columns(text))
  assert.equal(#rows, #found, text)
  for i, row in ipairs(rows) do
    for j, column in ipairs(columns) do
      assert.equal(row[j], found[i][column.name], ("row %d of\n%s"):format(i, text))
    end
  end
end

describe("any aligned table", function()
  it("is read back", function()
    Dice.times(500, function(die) expect_read_back(die, ALPHABETS[1], measures[1]) end)
  end)

  it("is read back even if letters have several bytes", function()
    Dice.times(200, function(die) expect_read_back(die, ALPHABETS[2], measures[2]) end)
  end)

  it("is read back even if letters have several widths", function()
    Dice.times(200, function(die) expect_read_back(die, ALPHABETS[3], measures.screen) end)
  end)
end)

describe("any fields", function()
  it("make up the line when they are joined", function()
    Dice.times(300, function(die)
      local text = "x" .. die:text({ "a", ":", " ", "::", "é" }, die:roll(40))
      local rows = assert(parse.columns(text, { separator = ":", header = false }))
      assert.equal(text, table.concat(rows[1], ":"))
    end)
  end)

  it("are read back by pairs from quotes", function()
    Dice.times(500, function(die)
      local value = die:text({ "a", " ", "=", '"', "'", "\\", "$", "`", "#", "\t" },
        die:roll(30) - 1)
      local quoted = '"' .. value:gsub('["\\$`]', "\\%0") .. '"'
      assert.same({ A = value, B = "" }, parse.pairs("A=" .. quoted .. ' B=""')[1])
    end)
  end)
end)
