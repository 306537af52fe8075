-- Test cases derived from the rows of setters.def: a value that each setter accepts, and
-- its argument errors.
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

local argument_errors = {}

function argument_errors.flag(_, rejects)
  return { rejects("1", "argument 1 is one too many", 1) }
end

function argument_errors.integer(row, rejects)
  local range = ("argument 1 must be from %d to %d"):format(row.minimum, row.maximum)
  return {
    rejects(tostring(row.maximum + 1), range, row.maximum + 1),
    rejects(tostring(row.minimum - 1), range, row.minimum - 1),
    rejects('"5"', "must be an integer", "5"),
    rejects("", "argument 1 is missing"),
  }
end

function argument_errors.mask(row, rejects)
  local decimal = "argument 1 is a decimal number: write the octal digits as a string"
  local octal = ("must be an octal mask from 0 to %o"):format(row.maximum)
  return {
    rejects("8", decimal, 8),
    rejects("-1", "argument 1 must be from 0 to 7", -1),
    rejects(('"%o"'):format(row.maximum + 1), octal, ("%o"):format(row.maximum + 1)),
    rejects('"088"', octal, "088"),
    rejects('""', octal, ""),
    rejects("1.5", "must be an integer", 1.5),
  }
end

function argument_errors.signal(_, rejects)
  return {
    rejects('"NONE"', "argument 1 must be the name or number of a signal", "NONE"),
    rejects("0", "argument 1 must be from 1 to 64", 0),
    rejects("65", "argument 1 must be from 1 to 64", 65),
    rejects("true", "must be ", true),
  }
end

function argument_errors.limit(row, rejects)
  return {
    rejects("-1", "argument 1 must be an integer of at least 0", -1),
    rejects("1.5", "argument 1 must be an integer", 1.5),
    rejects('"many"', "must be an integer of at least 0, math.huge or \"unlimited\"", "many"),
    rejects("", "argument 1 is missing"),
    rejects("5", "argument 2 is one too many: " .. row.name .. " takes 1", 1, 5),
  }
end

function argument_errors.text(_, rejects)
  return {
    rejects('""', "the path is empty", ""),
    rejects("a table", "must be ", {}),
    rejects('"/a\\0"', "contains a zero byte", "/a\0"),
  }
end

--- The rows of spec/support/builder.lua: `works` names the specs of those that
--- have them elsewhere, { topic, sentence } by the setter's name.
function setter_rows.add_to(builder, rejects, works)
  for _, row in ipairs(core.setters()) do
    builder[row.name] = {
      works = works[row.name] or { "setters", row.name .. " reaches the program" },
      argument_errors = argument_errors[row.kind](row, rejects),
      stage = row.stage or false,
    }
  end
end

return setter_rows
