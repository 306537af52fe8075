-- Where programs are looked up, and PWD.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local function with_programs(fn)
  helper.with_tmpdir(function(dir)
    for _, name in ipairs { "a", "b" } do
      require("lfs").mkdir(dir .. "/" .. name)
      helper.write_file(dir .. "/" .. name .. "/tool", "#!/bin/sh\necho " .. name
        .. " $PATH\n", "755")
    end
    fn(dir .. "/a", dir .. "/b", dir)
  end)
end

describe("search_path", function()
  helper.leak_check()

  it("replaces PATH for the lookup of the program", function()
    with_programs(function(a, b)
      local path = os.getenv "PATH"
      assert.equal("a " .. path, noshell.output { "tool", search_path = { a, b } })
      assert.equal("b " .. path, noshell.output { "tool", search_path = { "/none", b, a } })
      assert.equal("b " .. path, noshell.output { "tool", search_path = b .. ":" .. a })
      assert.equal("a " .. path, noshell.command("tool"):set_search_path { a }:output())
      assert.equal("a " .. path, noshell.command("tool"):set_search_path { a }:clone():output())
      assert.equal("b", noshell.output { "tool", search_path = { b },
        env = { PATH = "" } })
    end)
  end)

  it("holds for all commands of a pipeline", function()
    with_programs(function(a)
      assert.matches("^a ", noshell.pipeline { { "tool" }, { "/bin/cat" }, search_path = { a } }
        :output())
    end)
  end)

  it("is named if the program is not found", function()
    local result, err = noshell.run { "tool", search_path = { "/none", "/nor" } }
    assert.is_nil(result)
    assert.equal("noshell: cannot start 'tool': find_program 'tool': not found in search_path "
      .. "(/none:/nor) (ENOENT)", helper.said(err))
  end)

  it("skips relative entries", function()
    local result, err = noshell.run { "sh", search_path = { "bin", "" } }
    assert.is_nil(result)
    assert.equal("find_program ENOENT", err.stage .. " " .. err.errname)
  end)

  it("is an argument error if it is no list of directories", function()
    for said, wrong in pairs {
      ["search_path = a table: must be a list of at least one directory"] = {},
      ['search_path = a table: has an unknown key, "a"'] = { a = "/" },
      ["search_path = true: must be "] = true,
      ["must be a string or a number"] = { "/bin", {} },
      ["contains a zero byte"] = { "/a\0b" } } do
      local result, err = noshell.run { "sh", search_path = wrong }
      assert.is_nil(result)
      assert.equal("invalid", err.code)
      assert.truthy(helper.said(err):find(said, 1, true), helper.said(err))
    end
  end)

  it("is shown by a dry run", function()
    local dry = noshell.dry_run(function() return "" end)
    noshell.run { "tool", search_path = { "/a", "/b" } }
    local call = dry:calls()[1]
    dry:stop()
    assert.equal("/a:/b", call.search_path)
  end)
end)

describe("which", function()
  it("searches a list of directories", function()
    with_programs(function(a, b)
      assert.equal(b .. "/tool", noshell.which("tool", { "/none", b, a }))
      assert.equal(a .. "/tool", noshell.which("tool", a .. ":" .. b))
      assert.equal("/bin/sh", noshell.which("/bin/sh", { a }))
    end)
  end)

  it("names the directories if it finds nothing", function()
    local path, err = noshell.which("gti", { "/none", "/nor" })
    assert.is_nil(path)
    assert.equal("noshell: cannot find 'gti': not found in search_path (/none:/nor) (ENOENT)",
      helper.said(err))
    err = select(2, noshell.which "gti")
    assert.equal(("noshell: cannot find 'gti': not found in PATH (%s) (ENOENT)"):format(
      os.getenv "PATH"), helper.said(err))
  end)

  it("raises an error for what is no list of directories", function()
    for said, wrong in pairs { ["argument 2: at least one directory is needed"] = {},
      ["argument 2: item 1 is nil"] = { nil, "/" },
      ["argument 2 must be a string or a number, not true"] = true,
      ["argument 2 contains a zero byte"] = { "a\0b" } } do
      assert.error_matches(function() noshell.which("sh", wrong) end, said)
    end
  end)
end)

describe("PWD", function()
  helper.leak_check()

  --- Prints PWD as the program gets it, in a shell that exports one.
  local function script(text)
    return helper.run({ "sh", "-c", 'cd / && PWD=/ && export PWD && exec "$0" -e "$1"',
      helper.lua.name, 'local noshell = require "noshell"; ' .. text },
      { env = { LUA_PATH = package.path, LUA_CPATH = package.cpath } })
  end

  local function printed(spec)
    local run = script(('print(noshell.output { "printenv", "PWD", check = false, %s })')
      :format(spec))
    assert.equal("", run.err)
    return run.out
  end

  it("follows cwd if it is inherited", function()
    helper.with_tmpdir(function(dir)
      require("lfs").mkdir(dir .. "/sub")
      assert.equal("/\n", printed "")
      assert.equal(dir .. "\n", printed(("cwd = %q"):format(dir)))
      assert.equal(dir .. "\n", printed(("cwd = %q"):format(dir:sub(2))))
      assert.equal(dir .. "\n", printed(("cwd = %q, env = { A = 1 }"):format(dir)))
      assert.equal(dir .. "\n", printed(("cwd = %q, inherit_env = true"):format(dir)))
    end)
  end)

  it("is as set by env, and absent if it is not inherited", function()
    assert.equal("/set\n", printed 'cwd = "/tmp", env = { PWD = "/set" }')
    assert.equal("\n", printed 'cwd = "/tmp", env = { PWD = false }')
    assert.equal("\n", printed 'cwd = "/tmp", clear_env = true')
    assert.equal("\n", printed 'cwd = "/tmp", pass_env = { "PATH" }')
  end)

  it("is the same in command:env", function()
    local run = script [[
      local cmd = noshell.command { "x", cwd = "/tmp" }
      io.write(cmd:env().PWD, " ", noshell.command { "x", cwd = "no/such" }:env().PWD or "none",
        " ", noshell.command { "x", daemonize = true }:env().PWD)
    ]]
    assert.equal("/tmp none /", run.out .. run.err)
  end)
end)

describe("an infinite timeout", function()
  helper.leak_check()

  it("is no timeout", function()
    assert.is_true(noshell.run { "true", timeout = math.huge }.ok)
    assert.is_true(noshell.command("true"):set_timeout(5):set_timeout(math.huge):run().ok)
    assert.is_true(noshell.pipeline { { "true" }, { "true" }, timeout = math.huge }:run().ok)
    local process = assert(noshell.run_async { "cat", stdin = "pipe", timeout = math.huge })
    assert.is_nil(process:timeout())
    process.stdin:close()
    assert.is_true(process:wait(math.huge).ok)
    process:close()
  end)
end)
