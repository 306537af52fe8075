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

--- Runs a block, whose chunk has that name, and returns what it prints.
function readme.output_of(block, name)
  local printed = {}
  local env = setmetatable({ print = function(...)
    local words = {}
    for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
    printed[#printed + 1] = table.concat(words, "\t")
  end }, { __index = _G })
  local loader = rawget(_G, "loadstring") or load
  local chunk
  if rawget(_G, "setfenv") then
    chunk = assert(loader(block, name))
    rawget(_G, "setfenv")(chunk, env)
  else
    chunk = assert(load(block, name, "t", env))
  end
  chunk()
  return table.concat(printed, "\n")
end

return readme
