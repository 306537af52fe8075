-- Every method of a command has its specs: one that shows it at work, its argument
-- errors, and its stage if the kernel can refuse it.
local builder = require "spec.support.builder"
local core = require "noshell.core"
local helper = require "spec.support.helper"
local keys = require "noshell.keys"
local noshell = require "noshell"
local sorted_keys = require "spec.support.sorted_keys"

local unpack = table.unpack or unpack

--- Names that begin with "_" are private to the Lua layer; options_spec has the methods
--- named after the keys of a SPEC.
local function public_methods()
  local public = {}
  for name in pairs(core.methods.command) do
    if name:sub(1, 1) ~= "_" and not keys.methods[name] then public[name] = true end
  end
  return sorted_keys(public)
end

local function spec_text(topic)
  return helper.read_file(("%s/spec/%s_spec.lua"):format(helper.root, topic))
end

--- The arguments of an argument error: a secret can only be made here.
local function arguments_of(case)
  local arguments = {}
  for i = 1, case.n do
    arguments[i] = case[i] == "SECRET" and noshell.secret "x" or case[i]
  end
  return unpack(arguments, 1, case.n)
end

local function line_here()
  return debug.getinfo(2, "l").currentline
end

describe("the table of methods", function()
  it("lists exactly the methods of a command", function()
    assert.same(public_methods(), sorted_keys(builder))
  end)

  it("refers to existing specs", function()
    for name, entry in pairs(builder) do
      local topic, sentence = entry.works[1], entry.works[2]
      assert.truthy(spec_text(topic):find('it("' .. sentence .. '"', 1, true),
        ("%s: no '%s' in %s_spec"):format(name, sentence, topic))
    end
  end)

  it("lists stages that stages_spec, setters_spec or foreground_spec makes fail", function()
    local text = spec_text "stages" .. spec_text "setters" .. spec_text "foreground"
    for name, entry in pairs(builder) do
      if entry.argument_errors then
        assert.is_not_nil(entry.stage, name)
        assert.truthy(not entry.stage or text:find('"spawn ' .. entry.stage .. " E", 1, true),
          name .. ": " .. tostring(entry.stage))
      end
    end
  end)

  it("has argument errors for each setter", function()
    for name, entry in pairs(builder) do
      if name:match "^set_" or name:match "^add_" then
        assert.truthy(entry.argument_errors and entry.argument_errors[1], name)
      end
    end
  end)
end)

describe("an argument error", function()
  helper.leak_check()

  for _, name in ipairs(sorted_keys(builder)) do
    for _, case in ipairs(builder[name].argument_errors or {}) do
      it(("of %s is kept: %s: %s"):format(name, case.value, case.reason), function()
        local cmd = noshell.command("true")
        cmd[name](cmd, arguments_of(case)) local line = line_here()
        local value, err = cmd:run()
        assert.is_nil(value)
        assert.equal("invalid", err.code)
        assert.equal(name, err.method)
        assert.equal(case.value, err.value or "")
        assert.truthy(err.reason:find(case.reason, 1, true), err.reason)
        assert.matches("builder_complete_spec%.lua:" .. line .. "$", err.where)
        local text = tostring(err)
        for _, part in ipairs { name .. "(" .. case.value .. ")", err.reason, err.where } do
          assert.truthy(text:find(part, 1, true), text)
        end
      end)
    end
  end
end)
