-- Runs the scenarios inside Neovim, with the driver that $DRIVER names: prints a line
-- "NAME: passed" or "NAME: reason" for each. Leaving something behind is a failure.
local helper = require "spec.support.helper"
local scenarios = require "spec.support.hosts.scenarios"
local driver = require("spec.support.hosts." .. os.getenv("DRIVER"))

local function left_behind(before)
  local said
  for _ = 1, 10 do
    collectgarbage()
    collectgarbage()
    said = helper.leaks_since(before)
    if not said then return nil end
    vim.wait(50)
  end
  return said
end

local function can(scenario)
  local needs, can_it = scenario.needs, false
  driver.run(function(tasks) can_it = not needs or tasks[needs] end)
  return can_it
end

assert(driver.is_here())
vim.wait(10)
for _, scenario in ipairs(scenarios) do
  if can(scenario) then
    local before = helper.snapshot()
    local ok, err = pcall(driver.run, scenario.run)
    if ok then err = left_behind(before) end
    io.stdout:write(scenario.name, ": ", tostring(err or "passed"), "\n")
  end
end
