-- The work that a parser has grows as the text does.
local driver = require "spec.support.driver"
local outputs = require "spec.support.outputs"
local parse = require "noshell.parse"
local work = require "spec.support.work"

-- The algorithms are the same on every Lua, and counting takes long.
if not driver.is_wanted then return end

--- A table of that size: the header once.
local function long_table(name, size)
  local header, rows = outputs.read(name):match "^([^\n]*\n)(.*)$"
  return header .. rows:rep(math.ceil(size / #rows))
end

local MEGA = 1024 * 1024
local options = { header = false, separator = ":" }

--- Each makes a text of that size and parses it.
local makers = {
  ["lines"] = function(size) return parse.lines, outputs.repeated("ps-eo", size) end,
  ["words"] = function(size) return parse.words, outputs.repeated("ps-eo", size) end,
  ["quoted words"] = function(size)
    return parse.words, ("a\\ 'b c' "):rep(math.floor(size / 9)), { quoted = true }
  end,
  ["columns"] = function(size) return parse.columns, long_table("ps-eo", size) end,
  ["columns of other letters"] = function(size)
    return parse.columns, "A    B  C\n" .. ("é    日 x\n"):rep(math.floor(size / 13))
  end,
  ["columns out of line"] = function(size)
    return parse.columns, "A B C D\n" .. ("aaaa b ccc dddd\n"):rep(math.floor(size / 16))
  end,
  ["one line of many columns"] = function(size)
    local count = math.floor(size / 8)
    return parse.columns, ("a "):rep(2 * count) .. "\n" .. ("bbb "):rep(count)
  end,
  ["headings that are all the same"] = function(size)
    return parse.columns, ("a  "):rep(math.floor(size / 3))
  end,
  ["fields"] = function(size)
    return parse.columns, outputs.repeated("getent-passwd", size), options
  end,
  ["names and values"] = function(size)
    return parse.key_value, outputs.repeated("systemctl-show-service", size), { all = true }
  end,
  ["pairs"] = function(size)
    return parse.pairs, outputs.read("findmnt-P"):rep(math.floor(size / 2200))
  end,
  ["NUL records"] = function(size) return parse.nul, outputs.repeated("find-print0", size) end,
  ["matches"] = function(size)
    return parse.match, outputs.repeated("stat-format", size), "^(%S+) (%d+)"
  end,
}

describe("a megabyte", function()
  setup(function() work.interpreted(true) end)
  teardown(function() work.interpreted(false) end)

  for name, make in pairs(makers) do
    it("of " .. name .. " takes about twice the work of half of it", function()
      local half = work.of(math.huge, make(MEGA / 2))
      local whole, answer, err = work.of(math.huge, make(MEGA))
      assert.is_table(answer, tostring(err))
      assert.truthy(half > 0 and whole < 2.3 * half + 100,
        ("%d and %d thousand instructions"):format(half, whole))
    end)
  end

  for name, text in pairs {
    ["blanks"] = (" "):rep(MEGA), ["newlines"] = ("\n"):rep(MEGA),
    ["zero bytes"] = ("\0"):rep(MEGA), ["quotes"] = ('"'):rep(MEGA),
    ["backslashes"] = '"' .. ("\\"):rep(MEGA), ["one word"] = ("x"):rep(MEGA),
    ["a word and blanks"] = "x" .. (" "):rep(MEGA) .. "x",
    ["short lines"] = ("x\n"):rep(MEGA / 2),
  } do
    it("of " .. name .. " is read, or refused, with bounded work", function()
      for _, parser in ipairs { parse.lines, parse.words, parse.columns,
        parse.key_value, parse.pairs, parse.nul } do
        local count, answer, err = work.of(math.huge, parser, text)
        assert.truthy(answer ~= nil or err.code == "parse")
        assert.truthy(count < 150000, count)
      end
      local count = work.of(math.huge, parse.words, text, { quoted = true })
      assert.truthy(count < 150000, count)
    end)
  end
end)
