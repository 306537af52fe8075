-- The C part and the Lua part define methods in the same tables, and no name twice.
local helper = require "spec.support.helper"

--- Records what noshell.core defines, loads the Lua layer, runs CHANGE, and prints
--- the names of the core's entries that have become others.
local SCRIPT = [[
  local core = require "noshell.core"
  local tables = { core = core, command = core.methods.command,
    process = core.methods.process, stream = core.methods.stream,
    ["command's metatable"] = core.metatables.command,
    ["process's metatable"] = core.metatables.process,
    ["stream's metatable"] = core.metatables.stream }
  local before, count = {}, 0
  for name, t in pairs(tables) do
    before[name] = {}
    for key, value in pairs(t) do before[name][key], count = value, count + 1 end
  end
  local noshell = require "noshell"
  require "noshell.host.nginx"
  require "noshell.host.neovim"
  CHANGE
  for name, t in pairs(tables) do
    for key, value in pairs(before[name]) do
      if t[key] ~= value then io.write(name, ".", key, " ") end
    end
  end
  io.write(count > 150 and "compared" or "only " .. count)
]]

local function changed(change)
  local run = helper.run_lua(helper.lua, (SCRIPT:gsub("CHANGE", change)))
  assert.equal("", run.err)
  return run.out
end

describe("a method of the C module", function()
  it("is not replaced by the Lua layer", function()
    assert.equal("compared", changed "")
  end)

  it("is not replaced during a dry run", function()
    assert.equal("compared", changed [[
      local dry = noshell.dry_run()
      assert(noshell.run("/no/such/program"))
      noshell.features()
      assert(dry:commands()[1] == "/no/such/program")
    ]])
  end)

  it("is reported by this spec if it is replaced", function()
    assert.equal("process._pump compared", changed "core.methods.process._pump = print")
  end)
end)
