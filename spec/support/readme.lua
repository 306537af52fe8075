-- The README as its specs read it.
local helper = require "spec.support.helper"

local readme = { text = helper.read_file(helper.root .. "/README.md") }

--- Returns the expected output of a block: the text after "-->" in its lines.
function readme.expected(block)
  local lines = {}
  for line in block:gmatch "[^\n]+" do
    lines[#lines + 1] = line:match "%-%->%s?(.*)$"
  end
  return lines
end

return readme
