-- The README as its specs read it.
local helper = require "spec.support.helper"

local readme = { text = helper.read_file(helper.root .. "/README.md") }

--- What a block says that it prints: the lines behind "-->".
function readme.expected(block)
  local lines = {}
  for line in block:gmatch "[^\n]+" do
    lines[#lines + 1] = line:match "%-%->%s?(.*)$"
  end
  return lines
end

return readme
