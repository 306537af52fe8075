-- What the specs derive from the rows of setters.def: a value that each setter
-- takes, and the argument errors that it makes.
local core = require "noshell.core"

local setter_rows = {}

--- A value for the key of a SPEC.
function setter_rows.sample(row)
  local samples = { flag = true, integer = row.maximum, mask = 18, signal = "TERM",
    limit = 9, text = "/x" }
  return samples[row.kind]
end

--- The setter's call that `key = sample` amounts to.
function setter_rows.call(row)
  if row.kind == "flag" then return { row.name } end
  return { row.name, setter_rows.sample(row) }
end

local mistakes = {}

function mistakes.flag(_, mistake)
  return { mistake("1", "argument 1 is one too many", 1) }
end

function mistakes.integer(row, mistake)
  local range = ("argument 1 must be from %d to %d"):format(row.minimum, row.maximum)
  return {
    mistake(tostring(row.maximum + 1), range, row.maximum + 1),
    mistake(tostring(row.minimum - 1), range, row.minimum - 1),
    mistake('"5"', "must be an integer", "5"),
    mistake("", "argument 1 is missing"),
  }
end

function mistakes.mask(row, mistake)
  local range = ("argument 1 must be from 0 to %d"):format(row.maximum)
  local octal = ("must be an octal mask from 0 to %o"):format(row.maximum)
  return {
    mistake(tostring(row.maximum + 1), range, row.maximum + 1),
    mistake("-1", range, -1),
    mistake('"088"', octal, "088"),
    mistake('""', octal, ""),
    mistake("1.5", "must be an integer", 1.5),
  }
end

function mistakes.signal(_, mistake)
  return {
    mistake('"NONE"', "argument 1 must be the name or number of a signal", "NONE"),
    mistake("0", "argument 1 must be from 1 to 64", 0),
    mistake("65", "argument 1 must be from 1 to 64", 65),
    mistake("true", "must be ", true),
  }
end

function mistakes.limit(row, mistake)
  return {
    mistake("-1", "argument 1 must be an integer of at least 0", -1),
    mistake("1.5", "argument 1 must be an integer", 1.5),
    mistake('"many"', "must be an integer of at least 0, math.huge or \"unlimited\"", "many"),
    mistake("", "argument 1 is missing"),
    mistake("5", "argument 2 is one too many: " .. row.name .. " takes 1", 1, 5),
  }
end

function mistakes.text(_, mistake)
  return {
    mistake('""', "the path is empty", ""),
    mistake("a table", "must be ", {}),
    mistake('"/a\\0"', "contains a zero byte", "/a\0"),
  }
end

--- The rows of spec/support/builder.lua: `works` names the specs of those that
--- have them elsewhere, { topic, sentence } by the setter's name.
function setter_rows.add_to(builder, mistake, works)
  for _, row in ipairs(core.setters()) do
    builder[row.name] = {
      works = works[row.name] or { "setters", row.name .. " reaches the program" },
      mistakes = mistakes[row.kind](row, mistake),
      stage = row.stage or false,
    }
  end
end

return setter_rows
