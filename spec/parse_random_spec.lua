-- Random data that are written and parsed again are unchanged.
local helper = require "spec.support.helper"
local Dice = require "spec.support.dice"
local noshell = require "noshell"

local parse = noshell.parse

describe("parsers of random text", function()
  helper.leak_check()

  it("return lines that make up the text", function()
    Dice.times(500, function(die)
      local data = die:text({ "\n", "\r", "a", "", " ", "\0", "xyz" }, die:roll(60))
      local joined = table.concat(parse.lines(data), "\n")
      assert.equal(data, data:sub(-1) == "\n" and joined .. "\n" or joined)
    end)
  end)

  it("return records that make up the text", function()
    Dice.times(500, function(die)
      local data = die:text({ "\0", "\n", "a", " " }, die:roll(60)) .. "\0"
      assert.equal(data, table.concat(parse.nul(data), "\0") .. "\0")
    end)
  end)

  it("return the words that noshell.quote was given", function()
    Dice.times(300, function(die)
      local words = {}
      for i = 1, die:roll(6) do
        words[i] = die:bytes(die:roll(12)):gsub("%z", "x")
      end
      assert.same(words, parse.words(noshell.quote((table.unpack or unpack)(words)),
        { quoted = true }))
    end)
  end)

  it("return the values that were written with quotes", function()
    Dice.times(300, function(die)
      local value = die:text({ "a", " ", "$x", '"', "\\", "`", "=", "é" }, die:roll(20))
      local data = ('NAME="%s"\n'):format(value:gsub('[\\"$`]', "\\%0"))
      assert.same({ NAME = value }, parse.key_value(data))
    end)
  end)
end)
