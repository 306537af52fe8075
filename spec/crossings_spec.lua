-- Counts calls from Lua into C: the cost of a run besides the program.
local helper = require "spec.support.helper"

--- Prints how many of the core's functions EXAMPLE calls, its second time.
local SCRIPT = [[
  local noshell = require "noshell"
  local known = {}
  local function note(t)
    if known[t] then return end
    known[t] = true
    for _, value in pairs(t) do
      if type(value) == "table" then note(value) end
      if type(value) == "function" then known[value] = true end
    end
  end
  for _, name in ipairs { "string", "table", "math", "io", "os", "debug", "coroutine" } do
    note(_G[name])
  end
  for _, value in pairs(_G) do
    if type(value) == "function" then known[value] = true end
  end
  local function example() EXAMPLE end
  example()
  local count = 0
  collectgarbage "stop"
  debug.sethook(function()
    local frame = debug.getinfo(2, "Sf")
    if frame.what == "C" and not known[frame.func] then count = count + 1 end
  end, "c")
  example()
  debug.sethook()
  io.write(count)
]]

--- Returns the fewest of several runs: a program that is slow to end, or to write,
--- costs another round of waiting.
local function crossings(example, enough)
  local fewest = math.huge
  for _ = 1, 20 do
    local run = helper.run_lua(helper.lua, (SCRIPT:gsub("EXAMPLE",
      function() return example end)), nil, { leaks = false })
    assert.equal("", run.err)
    fewest = math.min(fewest, (assert(tonumber(run.out), run.out)))
    if fewest <= enough then break end
  end
  return fewest
end

describe("Ctrl-C", function()
  local NOISY = [[{ "sh", "-c", "kill -INT $PPID; while printf x; do :; done" }]]

  for name, call in pairs { ["a run"] = "noshell.run " .. NOISY,
    ["a pipeline"] = ("noshell.pipeline({ %s, { 'cat' } }):run()"):format(NOISY) } do
    it("is detected in " .. name .. " though the program never pauses", function()
      local run = helper.run_lua(helper.lua, ([[
        local noshell = require "noshell"
        print(pcall(function() return %s end))
      ]]):format(call))
      assert.matches("^false\t.*interrupted!\n$", run.out, 1, run.err)
    end)
  end
end)

-- LuaJIT calls no hook in compiled code, and none for its fast functions.
if jit then return end

describe("calls from Lua into C", function()
  it("are at most 24 for a run", function()
    assert.is_true(crossings([[assert(noshell.run("true"))]], 24) <= 24)
  end)

  it("do not increase if the program writes a lot", function()
    assert.is_true(crossings([[
      assert(#noshell.run("head", "-c", 10000000, "/dev/zero").stdout == 10000000)
    ]], 24) <= 24)
  end)

  it("are at most 107 for a pipeline of two", function()
    assert.is_true(crossings([[
      assert(noshell.pipeline({ "echo", "hi" }, { "cat" }):run())
    ]], 107) <= 107)
  end)

  it("are at most 56 for lines", function()
    assert.is_true(crossings([[for _ in noshell.lines("echo", "hi") do end]], 56)
      <= 56)
  end)
end)
