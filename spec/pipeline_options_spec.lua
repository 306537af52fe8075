-- The options of a pipeline, and pipelines in noshell.system.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local function calls_of(pl, ...)
  local dry = noshell.dry_run(function() return "" end)
  local ok, err = pl:run(...)
  local calls = dry:calls()
  dry:stop()
  assert(ok, err)
  return calls
end

local function said(spec)
  local result, err = noshell.pipeline(spec):run()
  assert.is_nil(result)
  assert.equal("invalid", err.code)
  return (helper.said(err):gsub("^noshell: ", ""))
end

describe("the options of a pipeline", function()
  helper.leak_check()

  it("hold for all its commands", function()
    local calls = calls_of(noshell.pipeline { { "a" }, "b", noshell.command("c"),
      cwd = "/tmp", umask = "077", stderr = "null", nice = 3, limits = { nofile = 20 },
      env = { LEVEL = "1" }, no_new_privs = true, groups = { 1 }, uid = 2, gid = 3 })
    assert.equal(3, #calls)
    for _, call in ipairs(calls) do
      assert.same({ "/tmp", "077", "null", 3, { nofile = { 20, 20 } }, "1", true, { 1 }, 2, 3 },
        { call.cwd, call.umask, call.stderr, call.nice, call.limits, call.env.LEVEL,
          call.no_new_privs, call.groups, call.uid, call.gid })
    end
  end)

  it("take effect", function()
    assert.equal("/\n/\n20", noshell.pipeline { { "pwd" }, { "sh", "-c",
      "cat; pwd; ulimit -n" }, cwd = "/", limits = { nofile = 20 } }:output())
  end)

  it("give way to a command's own", function()
    local own = noshell.command("c"):set_cwd("/own"):set_stderr("capture")
      :set_limit("nofile", 5):add_env_pair("A", "own"):inherit_env()
    local calls = calls_of(noshell.pipeline {
      { "a", cwd = "/own", stderr = "capture", limits = { nofile = 5 }, env = { A = "own" } },
      { "b", working_directory = "/own", stderr = "capture", limits = { nofile = 5 },
        env = { A = "own" } }, own,
      cwd = "/tmp", stderr = "null", limits = { nofile = 20, core = 0 },
      env = { A = "1", B = "2" } })
    for _, call in ipairs(calls) do
      assert.same({ "/own", "capture", { 5, 5 }, { 0, 0 }, "own", "2" }, { call.cwd,
        call.stderr, call.limits.nofile, call.limits.core, call.env.A, call.env.B })
    end
  end)

  it("include a sandbox and a machine, which a command may replace", function()
    local web1 = noshell.machine.ssh "web1"
    local calls = calls_of(noshell.pipeline { { "a" }, noshell.command("b"),
      { "c", sandbox = false }, { "d", sandbox = { write = "/tmp" } },
      sandbox = { network = true } })
    assert.same({ { network = true }, { network = true }, "none", { write = "/tmp" } },
      { calls[1].sandbox, calls[2].sandbox, calls[3].sandbox or "none", calls[4].sandbox })
    calls = calls_of(noshell.pipeline { { "a" }, noshell.command("b"),
      noshell.command("c"):set_machine(noshell.machine.ssh "web2"), machine = web1 })
    assert.same({ "web1", "web1", "web2" },
      { calls[1].machine, calls[2].machine, calls[3].machine })
    web1:close()
  end)

  it("leave a given command as it was", function()
    local cmd = noshell.command("pwd")
    assert.equal("/", noshell.pipeline { cmd, { "cat" }, cwd = "/" }:output())
    assert.is_nil(cmd:working_directory())
  end)

  it("direct the input of the first command and the output of the last", function()
    helper.with_tmpdir(function(dir)
      local file = dir .. "/out"
      assert(noshell.pipeline { { "cat" }, { "tr", "a", "b" }, input = "aaa\n",
        stdout = { path = file } }:run())
      assert.equal("bbb\n", helper.read_file(file))
      assert.equal("BBB", noshell.pipeline { { "cat" }, { "tr", "b", "B" },
        stdin = { path = file } }:output())
      local lines = {}
      assert(noshell.pipeline { { "cat", input = "own\n" }, { "cat" }, input = "other\n",
        on_stdout = function(line) lines[#lines + 1] = line end }:run())
      assert.same({ "own" }, lines)
    end)
  end)

  it("hold for the commands of a pipeline in it, and keep its timeout", function()
    local pl = noshell.pipeline { noshell.pipeline { { "echo", "x" }, { "cat" }, timeout = 7 },
      { "sh", "-c", "cat; pwd" }, cwd = "/", timeout = 9 }
    assert.equal("x\n/", pl:output())
    assert.equal(7, pl.seconds)
  end)

  it("include check and ok_codes", function()
    assert.is_nil((noshell.pipeline({ "false" }, { "cat" }):run()))
    assert.is_true(noshell.pipeline { { "false" }, { "cat" }, check = false }:run().ok)
    assert.is_true(noshell.pipeline { { "sh", "-c", "exit 3" }, { "cat" }, ok_codes = { 3 } }
      :run().ok)
  end)

  it("are reported if they make no sense for a pipeline", function()
    for text, spec in pairs {
      ["invalid command 'a | b': arg = \"x\": no such option of a pipeline; set it on a command"] =
        { { "a" }, { "b" }, arg = "x" },
      ["invalid command 'a | b': umsk = ***: no such option, did you mean 'umask'?"] =
        { { "a" }, { "b" }, umsk = "022" },
      ["invalid command 'a | b': dir = ***: no such option: write cwd"] =
        { { "a" }, { "b" }, dir = "/" },
      ["invalid command 'a | b': xyzzy = 1: no such option of a pipeline; the README lists them"] =
        { { "a" }, { "b" }, xyzzy = 1 },
      ["'a | b': command 1: invalid command 'a': cwd = \"\": the path is empty"] =
        { { "a" }, { "b" }, cwd = "" },
      ["'a | b': command 2: invalid command 'b': clear_env = true: the pipeline cannot set it "
        .. "for a command that exists: set it on the command, or write a SPEC table"] =
        { { "a" }, noshell.command("b"), clear_env = true },
    } do
      assert.equal(text, said(spec))
    end
  end)

  it("go into the pipeline's table", function()
    local result, err = noshell.pipeline({ "a" }, { "b" }, { timeout = 3 }):run()
    assert.is_nil(result)
    assert.equal("noshell: invalid command 'a | b': argument 3 has options, but no command: "
      .. "write noshell.pipeline { a, b, timeout = 5 }", helper.said(err))
  end)
end)

describe("noshell.system of a pipeline", function()
  helper.leak_check()

  --- Runs a script whose standard streams are our pipes.
  local function script(text, input)
    return helper.run_lua(helper.lua, 'local noshell = require "noshell"\n' .. text,
      nil, { stdin = input })
  end

  it("inherits our standard streams", function()
    local run = script [[
      io.write "before "
      print(noshell.system(noshell.pipeline({ "sh", "-c", "echo out; echo err >&2" },
        { "sh", "-c", "cat; echo err >&2" })))
    ]]
    assert.equal("before out\ntrue\texit\t0\n", run.out)
    assert.equal("err\nerr\n", run.err)
  end)

  it("returns the values of os.execute", function()
    local pl = noshell.pipeline({ "true" }, { "sh", "-c", "exit 3" })
    assert.same({ nil, "exit", 3 }, { noshell.system(pl) })
    assert.same({ nil, "signal", 15 }, { noshell.system(noshell.pipeline({ "true" },
      { "sh", "-c", "kill $$" })) })
    local ok, err = noshell.system(noshell.pipeline({ "true" }, { "/no/such" }))
    assert.is_nil(ok)
    assert.equal("exec", err.stage)
  end)

  it("rejects captured output", function()
    local ok, err = noshell.system(noshell.pipeline({ "true" }, { "cat", stdout = "capture" }))
    assert.is_nil(ok)
    assert.equal("noshell: 'true | cat': command 2: invalid command 'cat': set_stdout(capture): "
      .. "system returns no output: use run or output", helper.said(err))
    err = select(2, noshell.system(noshell.pipeline({ "true", stderr = "capture" }, { "cat" })))
    assert.equal(1, err.index)
  end)

  it("leaves the pipeline as it was", function()
    local pl = noshell.pipeline({ "echo", "x" }, { "cat", stdout = "null" })
    assert.is_true((noshell.system(pl)))
    assert.equal("default", pl.commands[1]:stdio(2))
  end)
end)
