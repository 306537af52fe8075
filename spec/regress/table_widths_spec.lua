-- A table was measured in bytes although its columns were aligned on the screen.
-- A word that happened to end where a heading does counted as much for bytes as
-- the words that begin there do for the screen.
local parse = require "noshell.parse"

describe("a table of one row", function()
  it("is measured by the side that its columns are aligned to", function()
    local rows = assert(parse.columns(
      "7b1                 b-abb72\n"
      .. "7éa\204\129é本 7日a\204\129 7日日   b 7日\204\129é本 b本\n"))
    assert.same({ ["7b1"] = "7éa\204\129é本 7日a\204\129 7日日",
      ["b-abb72"] = "b 7日\204\129é本 b本" }, rows[1])
  end)
end)
