-- The reference that make doc writes, against the running module: every public
-- name has a place in it, and words.
local core = require "noshell.core"
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local options = require "noshell.options"
local sorted_keys = require "spec.support.sorted_keys"

-- The reference is the same for every Lua.
if not driver.is_wanted then return end

local function without_tags(html)
  return (html:gsub("<[^>]*>", ""):gsub("^%s+", ""):gsub("%s+$", ""))
end

--- A page: functions and fields, name → description.
local function page_of(directory, name)
  local html
  for _, kind in ipairs { "modules", "classes" } do
    local path = ("%s/%s/%s.html"):format(directory, kind, name)
    if require("lfs").attributes(path) then html = helper.read_file(path) end
  end
  assert(html, "no page " .. name)
  local page = { functions = {}, fields = {} }
  for anchor, text in html:gmatch '<a name = "([^"]*)"></a>%s*<strong>.-<dd>(.-)</dd>' do
    local says = without_tags(text:match "^(.-)<h3>" or text)
    local last = anchor:match "[%w_]+$"
    if last ~= "fields" then page.functions[last] = says end
  end
  for field, text in html:gmatch '<li><span class="parameter">([^<]*)</span>(.-)</li>' do
    page.fields[field] = without_tags((text:gsub("%(<code>.-</code>[^)]*%)", "", 1)))
  end
  return page
end

local directory, said

--- Makes the reference once for all specs here.
local function reference()
  helper.require_or_pending("ldoc", helper.which "ldoc" ~= nil, "ldoc")
  if directory then return directory end
  directory = helper.tmpdir()
  local made = helper.run({ helper.lua.name, "spec/support/doc.lua", directory },
    { cwd = helper.root })
  assert(made.status == 0, made.err)
  said = made.err
  return directory
end

local function public_functions(set)
  local names = {}
  for name, value in pairs(set) do
    names[name] = type(value) == "function" and not name:match "^_" or nil
  end
  return sorted_keys(names)
end

local function assert_words(words, name)
  assert.is_true(words ~= nil, name .. " is missing")
  assert.is_true(#words > 2, name .. " has no description")
end

--- Asserts that a page has exactly the functions of a table.
local function assert_functions(name, set)
  local page = page_of(reference(), name)
  local names = public_functions(set)
  assert.same(names, sorted_keys(page.functions))
  for _, each in ipairs(names) do assert_words(page.functions[each], name .. "." .. each) end
end

local function assert_fields(name, names)
  local page = page_of(reference(), name)
  for _, each in ipairs(names) do
    if not each:match "^_" then assert_words(page.fields[each], name .. "." .. each) end
  end
end

--- Errors of all kinds, and results.
local function outcomes()
  local errors, results = {}, {}
  local function run(spec, how)
    local result, err = noshell.retry(spec, how or { attempts = 1 })
    errors[#errors + 1], results[#results + 1] = err, result or err.result
  end
  run { "true" }
  run { "false" }
  run({ "false" }, { attempts = 2, delay = 0 })
  run { "true", cwd = "/no/such/directory" }
  run { "true", umsk = 0 }
  run { "sh", "-c", "kill -TERM $$" }
  run { "sh", "-c", "yes | head -c 5000", tail = 10 }
  run { "sleep", 60, timeout = 0.05 }
  run { "head", "-c", 5000, "/dev/zero", max_output = 10 }
  run(noshell.pipeline({ "false" }, { "false" }))
  errors[#errors + 1] = select(2, noshell.map({ 1, 2 }, function() return { "false" } end))
  local process = noshell.run_async "cat /dev/null"
  assert.is_nil(process)
  process = assert(noshell.run_async { "cat", stdin = "pipe" })
  errors[#errors + 1] = select(2, process:wait(0))
  process:close()
  return errors, results
end

local function assert_outcomes(name, list)
  assert.is_true(#list >= 5)
  for _, one in ipairs(list) do assert_fields(name, sorted_keys(one)) end
end

describe("the reference", function()
  helper.leak_check()

  teardown(function()
    if directory then helper.remove_tree(directory) end
  end)

  it("has the functions of the module and of the tables in it", function()
    assert_functions("noshell", noshell)
    for name, value in pairs(noshell) do
      if type(value) == "table" then assert_functions("noshell." .. name, value) end
    end
  end)

  for _, class in ipairs { "command", "process", "stream" } do
    it("has the methods of a " .. class, function()
      assert_functions("noshell." .. class, core.methods[class])
    end)
  end

  it("has the methods of pipelines, running pipelines, and popen's files", function()
    local pipeline = noshell.pipeline { "true" }
    assert_functions("noshell.pipeline", getmetatable(pipeline).__index)
    local running = assert(pipeline:run_async())
    assert_functions("noshell.pipeline_process", getmetatable(running).__index)
    running:close()
    local file = assert(noshell.popen "true")
    assert_functions("noshell.popen", getmetatable(file).__index)
    file:close()
  end)

  it("has the methods of a result", function()
    local methods = (getmetatable(noshell.run "true") or {}).__index
    local page = page_of(reference(), "noshell.result")
    for _, name in ipairs(type(methods) == "table" and public_functions(methods) or {}) do
      assert_words(page.functions[name] or page.fields[name], "noshell.result:" .. name)
    end
  end)

  it("has the keys of a SPEC", function()
    assert_fields("noshell.spec", options.KEYS)
  end)

  it("has the fields of results and errors", function()
    local errors, results = outcomes()
    assert_outcomes("noshell.error", errors)
    assert_outcomes("noshell.result", results)
  end)

  it("has the fields of features", function()
    assert_fields("noshell.features", sorted_keys(noshell.features()))
  end)

  it("has no annotations that ldoc does not understand", function()
    reference()
    assert.equal("", said)
  end)
end)

local function lines_of(list) return table.concat(list, "\n") end

describe("doc/design.md", function()
  --- A setter of one number may be described by its row of setters.def only, if the place
  --- of its step needs no further reason.
  local integers = {}
  for _, row in ipairs(core.setters()) do
    if row.kind == "integer" then integers[row.name] = true end
  end

  it("lists the child's steps as child.c has them", function()
    local source = helper.read_file(helper.root .. "/c/core/launch/child.c")
    local document = helper.read_file(helper.root .. "/doc/design.md")
    local expected, found = {}, {}
    local rows = source:match "\n} steps%[%] = {\n(.-)\n};"
    for stage, step in rows:gmatch "{ NSH_STAGE_([%u_]+), ([%l_]+) }" do
      local is_optional = integers[step] and not document:find("\n| `" .. step .. "`", 1, true)
      if not is_optional then expected[#expected + 1] = step .. " " .. stage end
    end
    for step, stage, why in document:gmatch "\n| `([%l_]+)` | `([%u_]+)` | ([^\n]+) |" do
      found[#found + 1] = step .. " " .. stage
      assert.is_true(#why > 7, step)
    end
    assert.is_true(#expected >= 20)
    assert.equal(lines_of(expected), lines_of(found))
  end)

  it("lists the launch paths", function()
    local document = helper.read_file(helper.root .. "/doc/design.md")
    local section = document:match "\n## Launch paths\n(.-)\n## "
    local found = {}
    for path in section:gmatch "\n| `(%l+)` |" do found[#found + 1] = path end
    assert.same({ "shared", "prefix", "copied", "launcher", "own" }, found)
  end)
end)

describe("CONTRIBUTING.md", function()
  it("lists the checks", function()
    local document = helper.read_file(helper.root .. "/CONTRIBUTING.md")
    local table_text = document:match "\n| check | what it does |\n(.-)\n\n"
    local found, expected = {}, {}
    for names in table_text:gmatch "\n| ([^|]+) |" do
      for name in names:gmatch "`([%l]+)`" do found[name] = true end
    end
    for file in require("lfs").dir(helper.root .. "/spec/check") do
      expected[file:match "^(%l+)%.sh$" or 0] = true
    end
    expected[0] = nil
    assert.same(sorted_keys(expected), sorted_keys(found))
  end)
end)

for path, least in pairs { ["README.md"] = 10, ["CONTRIBUTING.md"] = 1,
  ["SECURITY.md"] = 1, ["doc/design.md"] = 3, ["doc/machines.md"] = 2 } do
  describe(path, function()
    it("has links to existing targets", function()
      local text = helper.read_file(helper.root .. "/" .. path)
      local folder = helper.root .. "/" .. (path:match "^.*/" or "")
      local count = 0
      for target in text:gmatch "%]%(([^)#]+)[^)]*%)" do
        if not target:match "^%a+:" then
          count = count + 1
          assert.truthy(require("lfs").attributes(folder .. target), target)
        end
      end
      assert.is_true(count >= least)
    end)
  end)
end

describe("README.md", function()
  local readme = helper.read_file(helper.root .. "/README.md")

  it("links each of its terms", function()
    local words = readme:match "\n| word | meaning |\n|%-%-%-|%-%-%-|\n(.-)\n\n"
    for line in (words .. "\n"):gmatch "([^\n]*)\n" do
      assert.matches("^| %[[%a ]+%]%([%w/_.]+%) | ", line)
    end
  end)
end)
