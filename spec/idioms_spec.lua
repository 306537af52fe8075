-- The README's table of sh idioms: both cells of every row are run unchanged, and must
-- have the same effect.
local helper = require "spec.support.helper"
local readme = require "spec.support.readme"
local scripts = require "spec.support.scripts"

--- Returns the pieces of code in a cell, one per line.
local function code_of(cell)
  local lines = {}
  for line in cell:gmatch "`([^`]*)`" do lines[#lines + 1] = line:gsub("\\|", "|") end
  return table.concat(lines, "\n")
end

local function rows()
  local list = {}
  local table_text = readme.text:match "\n| In sh | with noshell |\n|%-%-%-|%-%-%-|\n(.-)\n\n"
  for line in ((table_text or "") .. "\n"):gmatch "([^\n]*)\n" do
    local sh, lua = line:match "^| (`.*`) | (`.*`) |$"
    assert(sh, "no row of two cells: " .. line)
    list[#list + 1] = { sh = code_of(sh), lua = code_of(lua) }
  end
  return list
end

local function program(text)
  return { "#!/bin/sh\n" .. text .. "\n", "755" }
end

local FIFO = {}

--- The code around a row, by the row's sh cell: `sh` and `lua` follow the cell and show
--- its effect, sh_before and lua_before precede it. It is run with each of `given`, a set
--- of files. The standard output, the files and, with `status`, the exit status are
--- compared.
local CASES = {
  ["name=$(uname -n)"] = { sh = 'echo "$name"', lua = "print(name)" },
  ["sort -u names | head -n 2"] = { given = { { names = "b\na\nb\nc\n" } } },
  ["mkdir new && touch new/file"] = { given = { {}, { new = "in the way" } } },
  ["cp this that || exit 3"] = { status = true, given = { {}, { this = "x" } },
    sh = "echo on", lua = "print 'on'" },
  ["ls >list"] = { given = { { a = "", ["b c"] = "" }, { list = "longer than what comes" } } },
  ["make >>log 2>&1"] = { given = { { log = "before\n",
    Makefile = "all:\n\t@echo out; echo err >&2; echo out; exit 1\n" } } },
  ["sort <names"] = { given = { { names = "b\na\n" } } },
  ["cat a b 2>/dev/null"] = { given = { { a = "a" }, { a = "a", b = "b" } } },
  ["cat <<END\nDear $name\nEND"] = { sh_before = "name='A $b `c`'",
    lua_before = "local name = 'A $b `c`'" },
  ["set -euo pipefail\nfalse | cat\necho on"] = { shell = "bash", status = true },
  ["trap 'rm -f part' EXIT\nwork"] = { status = true, given = { {}, { input = "x" } },
    sh_before = "work() { touch part && cat input; }",
    lua_before = "local function work() assert(noshell.run('touch', 'part')) "
      .. "assert(noshell.system { 'cat', 'input' }) end" },
  -- Neither comes to its end without the other.
  ["./a & ./b & wait"] = { given = { { a = program "echo hello >pipe; read word <back",
    b = program "cat pipe >said; echo >back", pipe = FIFO, back = FIFO } } },
  ["printf '%s\\0' \"$@\" | xargs -0 -n 1 -P 4 gzip"] = { args = { "a", "b c", "d\ne", "*" },
    given = { { a = "a", ["b c"] = "b", ["d\ne"] = "d", ["*"] = "e", f = "f" } } },
  ["timeout 0.2 sleep 60 || echo late"] = {},
  -- Reading the pipe waits for the job.
  ["nohup ./job >log 2>&1 &"] = { sh = "cat done",
    lua = "print((io.open 'done':read '*l'))",
    given = { { job = program "echo out; echo err >&2; echo finished >done", done = FIFO } } },
  ["TZ=UTC0 date -d @0"] = { env = { TZ = "EST5", LC_ALL = "C" } },
  ["(cd new && ls)"] = { given = { { ["new/a"] = "", ["new/b"] = "" } } },
  ["grep -q x file; echo $?"] = { given = { { file = "x\n" }, { file = "y\n" }, {} } },
  ["getent passwd | while read -r line; do echo \"$line\"; done"] = {},
  ["command -v tar"] = {},
}

local function prepare(dir, files)
  for name, what in pairs(files) do
    local path = dir .. "/" .. name
    local parent = path:match "^(.*)/"
    assert(helper.run({ "mkdir", "-p", parent }).status == 0)
    if what == FIFO then
      assert(helper.run({ "mkfifo", path }).status == 0)
    elseif type(what) == "table" then
      helper.write_file(path, what[1], what[2])
    else
      helper.write_file(path, what)
    end
  end
  scripts.age(dir)
end

local function text_of(...)
  local lines = {}
  for i = 1, select("#", ...) do lines[#lines + 1] = (select(i, ...)) end
  return table.concat(lines, "\n") .. "\n"
end

local function run_sh(row, case, dir)
  local text = text_of(case.sh_before or ":", row.sh, case.sh)
  local words = { case.shell or "sh", "-c", text, "sh" }
  for _, arg in ipairs(case.args or {}) do words[#words + 1] = arg end
  return helper.run(words, { cwd = dir, env = case.env })
end

local function run_lua(row, case, dir)
  local text = text_of('local noshell = require "noshell"', case.lua_before or "", row.lua,
    case.lua)
  return helper.run_lua(helper.lua, text, case.env, { cwd = dir, args = case.args })
end

local function is_same(a, b)
  for path, what in pairs(a) do
    if b[path] ~= what then return false end
  end
  for path in pairs(b) do
    if not a[path] then return false end
  end
  return true
end

--- Runs it with these files. Returns the effects, and whether there were any.
local function effect(run, row, case, files)
  local seen, before
  helper.with_tmpdir(function(dir)
    prepare(dir, files)
    before = scripts.tree(dir)
    local done = run(row, case, dir)
    seen = { out = done.out, tree = scripts.tree(dir), status = case.status and done.status }
    -- A message about a failed command comes from the command, which sh starts as well.
    if run == run_lua and done.status == 0 then
      assert.is_nil(done.err:find("noshell", 1, true), done.err)
    end
  end)
  return seen, seen.out ~= "" or not is_same(seen.tree, before)
end

describe("an idiom of sh with noshell", function()
  helper.leak_check()

  local found = {}

  for _, row in ipairs(rows()) do
    found[row.sh] = true
    it((row.sh:gsub("\n", "; ")), function()
      local case = assert(CASES[row.sh], "the row has no case here")
      local does_something = case.status
      for _, files in ipairs(case.given or { {} }) do
        local theirs, did = effect(run_sh, row, case, files)
        assert.same(theirs, (effect(run_lua, row, case, files)))
        does_something = does_something or did
      end
      assert.is_true(does_something)
    end)
  end

  it("has 20 short rows, and no case without a row", function()
    assert.equal(20, #rows())
    for sh in pairs(CASES) do assert.is_true(found[sh], sh) end
    for _, row in ipairs(rows()) do
      for line in (row.sh .. "\n" .. row.lua):gmatch "[^\n]+" do
        assert.is_true(#line <= 100, line)
      end
    end
  end)
end)
