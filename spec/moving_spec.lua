-- The README's table "Moving from": each of our lines is run unchanged.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local readme = require "spec.support.readme"

local function rows()
  local list, from = {}, nil
  local text = readme.text:match "\n| from | their line | ours |\n|[-|]+|\n(.-)\n\n"
  for line in ((text or "") .. "\n"):gmatch "([^\n]*)\n" do
    local first, theirs, ours = line:match "^| (.-) ?| `(.-)` | `(.-)`[^`|]*|$"
    assert(first, "no row of three cells: " .. line)
    from = first ~= "" and first or from
    list[#list + 1] = { from = from, theirs = theirs, ours = ours }
  end
  return list
end

--- The variables of the lines, in a directory with a file.
local function variables(dir, printed)
  return setmetatable({ noshell = noshell, dir = dir, file = dir .. "/file", data = "b\na\n",
    print = function(text) printed[#printed + 1] = text end }, { __index = _G })
end

local function loaded(text, env)
  local setfenv = rawget(_G, "setfenv")
  if not setfenv then return assert(load(text, "=row", "t", env)) end
  return setfenv(assert(rawget(_G, "loadstring")(text, "=row")), env)
end

describe("a line of the README's table", function()
  helper.leak_check()

  for i, row in ipairs(rows()) do
    it(("%d works: %s"):format(i, row.ours), function()
      helper.with_tmpdir(function(dir)
        helper.write_file(dir .. "/file", "x")
        -- system would write to the spec's own stdout; cp needs another directory.
        require("lfs").mkdir(dir .. "/to")
        local text = row.ours:gsub("file, dir", 'file, dir .. "/to"')
          :gsub('input = data }', 'input = data, stdout = "null" }')
        local name = text:match "^local ([%w_]+)"
        text = name and text .. " return " .. name or text
        local printed = {}
        local env = variables(dir, printed)
        local answer = loaded(text:find "^noshell" and "return " .. text or text, env)()
        if row.ours:find "lines" then
          assert.matches("file$", printed[#printed - 1])
        else
          assert.is_truthy(answer)
        end
        if type(answer) == "userdata" then assert.is_true(answer:wait().ok) answer:close() end
      end)
    end)
  end

  it("is there for each library", function()
    local found = {}
    for _, row in ipairs(rows()) do found[row.from] = true end
    for _, name in ipairs { "`io.popen`", "`os.execute`", "luaposix", "luv", "`ngx.pipe`",
      "`resty.shell`", "`vim.system`" } do
      assert.is_true(found[name], name)
    end
  end)
end)
