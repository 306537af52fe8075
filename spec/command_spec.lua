local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local function argv_of(cmd)
  local report = probing.report(cmd)
  local words = {}
  for i = 1, tonumber(report.argc) - 1 do words[i] = report.argv[i] end
  return words, report
end

describe("a command's arguments", function()
  helper.leak_check()

  it("reach the program unchanged, in order", function()
    local all = {}
    for byte = 1, 255 do all[byte] = string.char(byte) end
    local words = { "a b", "", "*", "$HOME", "`id`", "\n", table.concat(all) }
    local cmd = probing.command("x")
    for _, word in ipairs(words) do cmd:add_arg(word) end
    assert.same({ "x", "a b", "", "*", "$HOME", "`id`", "\n", words[7] }, argv_of(cmd))
  end)

  it("may be numbers, which are converted exactly", function()
    local cmd = probing.command(1, -0.5, 2 ^ 53, 1e15, 3.0):add_arg(0.1)
    assert.same({ "1", "-0.5", "9007199254740992", "1000000000000000", "3", "0.1" },
      argv_of(cmd))
  end)

  it("are values or one list", function()
    local cmd = probing.command():add_args("a", 1):add_args { "b", 2 }:add_args()
    assert.same({ "a", "1", "b", "2" }, argv_of(cmd))
  end)

  it("may be a pair, name=value", function()
    assert.same({ "--size=10", "a b=c=d" },
      argv_of(probing.command():add_arg_pair("--size", 10):add_arg_pair("a b", "c=d")))
  end)

  it("are formatted as by string.format", function()
    local cmd = probing.command():add_arg_format("--size=%05d/%s", 42, "a b")
    assert.same({ "--size=00042/a b" }, argv_of(cmd))
    assert.same({ "x-***" }, argv_of(noshell.command(helper.probe)
      :add_arg_format("%s-%s", "x", noshell.secret "***")))
  end)

  it("begin with the program as given, or with arg0", function()
    local _, report = argv_of(probing.command("x"))
    assert.equal(helper.probe, report.argv0)
    _, report = argv_of(probing.command("x"):set_arg0("-other name"))
    assert.equal("-other name", report.argv0)
    assert.equal(helper.probe, report.exe)
  end)

  it("may be many, and long", function()
    local cmd = probing.command("--out", "3")
    for _ = 1, 3000 do cmd:add_arg_pair("--say", ("x"):rep(100)) end
    local result = noshell.command("printf", "%s"):add_arg(("y"):rep(100000)):run()
    assert.equal(("y"):rep(100000), result.stdout)
    assert.equal(3002, #cmd:args())
  end)

  it("are flattened from lists at any depth", function()
    local secret = noshell.secret "word"
    local deep = "x"
    for _ = 1, 49 do deep = { deep } end
    for _, cmd in ipairs {
      noshell.command { "echo", "a", { "b", { 1, {}, { secret } } }, {}, deep },
      noshell.command("echo", { "a", "b" }, 1, { secret, deep }),
      noshell.command("echo"):add_arg { "a", { "b", 1 } }:add_args({ secret }, deep),
      noshell.command { "echo", args = { "a", { "b", 1, secret }, deep } },
    } do
      assert.same({ "a", "b", "1", "word", "x" }, cmd:args())
      assert.equal("echo a b 1 *** x", cmd:to_string())
    end
    assert.same({}, noshell.command { "echo", {}, args = {} }:args())
  end)

  it("may not be followed by a table of options", function()
    local _, err = noshell.run("ls", "/", { cwd = "/" })
    assert.equal('argument 3 has the key "cwd": options go into the same table as the '
      .. 'program, as in { "ls", cwd = "/" }', err.reason)
  end)

  it("cannot come from a list that contains itself", function()
    local list = { "a" }
    list[2] = list
    local _, err = noshell.run { "echo", list }
    assert.equal("item 2 is nested too deeply, or contains itself", err.reason)
  end)
end)

describe("a command", function()
  helper.leak_check()

  it("owns copies of its arguments", function()
    local list = { "a", "b" }
    local cmd = probing.command():add_args(list)
    list[1], list[3] = "changed", "c"
    assert.same({ "a", "b" }, argv_of(cmd))
  end)

  it("returns itself from every setter but send_buffer", function()
    local cmd = probing.command()
    assert.equal(cmd, cmd:add_arg("x"):set_umask(0):clear_env())
    assert.equal(cmd, cmd:set_umask(9999))
    assert.equal(3, probing.command():send_buffer("x"))
  end)

  it("can be run many times, also simultaneously", function()
    local cmd = noshell.command { "cat", input = "data" }
    local a, b = assert(cmd:run_async()), assert(cmd:run_async())
    assert.equal("data", assert(a:wait()).stdout)
    assert.equal("data", assert(b:wait()).stdout)
    a:close()
    b:close()
    assert.equal("data", assert(cmd:run()).stdout)
  end)

  it("is cloned completely, and the clone is independent", function()
    helper.with_tmpdir(function(dir)
      local first = probing.command("a"):add_env_pair("A", "1"):set_umask(7)
        :set_working_directory(dir):set_limit("core", 0):set_nice(3)
        :set_arg0("zero"):allow_exit(3)
      local copy = first:clone():add_arg("b"):add_env_pair("A", "2"):set_umask "010"
      first:add_arg("c")
      local one, two = probing.report(first), probing.report(copy)
      assert.same({ "a", "c" }, first:args())
      assert.same({ "a", "b" }, copy:args())
      assert.equal("1 2", one.env.A .. " " .. two.env.A)
      assert.equal("0007 0010", one.umask .. " " .. two.umask)
      for _, report in ipairs { one, two } do
        assert.equal("zero " .. dir .. " 0:0 3", ("%s %s %s %s"):format(report.argv0,
          report.cwd, report["limit.core"], report.nice))
      end
    end)
  end)

  it("is cloned with its argument error", function()
    local cmd = noshell.command("true"):set_umask(512)
    local _, err = cmd:clone():run()
    assert.equal("set_umask", err.method)
    assert.equal(cmd:argument_error().where, err.where)
  end)

  it("remembers the first argument error only, and starts nothing", function()
    helper.with_tmpdir(function(dir)
      local cmd = noshell.command("touch", dir .. "/file"):set_umask(512)
        :set_nice(99):add_arg({})
      for _, method in ipairs { "run", "run_async", "output", "exec" } do
        local value, err = cmd[method](cmd)
        assert.is_nil(value)
        assert.equal("invalid", err.code)
        assert.equal("set_umask", err.method)
      end
      assert.has_error(function() cmd:lines() end)
      assert.is_nil(io.open(dir .. "/file"))
    end)
  end)

  it("shows its argument error before it runs", function()
    assert.is_nil(noshell.command("true"):argument_error())
    assert.is_nil(noshell.command("true"):mistake())
    local err = noshell.command("true"):set_nice(20):argument_error()
    assert.equal("invalid set_nice 20", ("%s %s %s"):format(err.code, err.method,
      err.value))
    assert.equal(err.value, noshell.command("true"):set_nice(20):mistake().value)
  end)

  it("needs a program", function()
    for _, program in ipairs { "", "a\0b", {}, true } do
      local _, err = noshell.command(program):run()
      assert.equal("invalid", err.code)
    end
  end)

  it("raises an error for a value that is no command", function()
    local cmd = noshell.command("true")
    assert.has_error(function() cmd.set_umask("true", 1) end)
    assert.has_error(function() cmd.run(io.stdout) end)
  end)

  it("runs, and returns the result", function()
    assert.equal("x\n", assert(noshell.command("echo", "x"):run()).stdout)
    assert.equal("x", noshell.command("echo", "x"):output())
    local process = assert(noshell.command("echo", "x"):run_async())
    assert.equal("x\n", assert(process:wait()).stdout)
    process:close()
    local lines = {}
    for line in noshell.command("printf", "a\nb\n"):lines() do lines[#lines + 1] = line end
    assert.same({ "a", "b" }, lines)
  end)

  it("returns how its streams are directed", function()
    local cmd = noshell.command("true")
    assert.equal("default", cmd:stdio(0))
    cmd:set_stdin("null"):set_stdout(1):set_stderr("stdout")
    assert.equal("null fd stdout", cmd:stdio(0) .. " " .. cmd:stdio(1) .. " " ..
      cmd:stdio(2))
    assert.equal("buffer", cmd:set_input_buffer("x"):stdio(0))
    assert.equal("path", cmd:set_stdout({ path = "/x" }):stdio(1))
    assert.has_error(function() cmd:stdio(3) end)
  end)

  it("returns the values that were set", function()
    local cmd = noshell.command("a/b", "c", 1)
    assert.same({ "c", "1" }, cmd:args())
    assert.same({ "a/b", "c", "1" }, cmd:argv())
    assert.is_nil(cmd:input())
    assert.is_nil(cmd:working_directory())
    cmd:set_input_buffer("a\0b"):set_working_directory("/srv")
    assert.equal("a\0b", cmd:input())
    assert.equal("/srv", cmd:working_directory())
  end)
end)

describe("a command's rules for success", function()
  helper.leak_check()

  local function ends_with(...)
    return noshell.command(helper.probe, ...)
  end

  it("is a failure for any exit but 0", function()
    assert(ends_with("--exit", 0):run())
    for _, code in ipairs { 1, 125, 126, 127, 255 } do
      local _, err = ends_with("--exit", code):run()
      assert.equal("exit", err.code)
      assert.equal(code, err.result.exit_code)
    end
  end)

  it("is success for the codes of allow_exit, besides 0", function()
    local cmd = ends_with("--exit", 3):allow_exit(2, 3)
    assert.equal(3, assert(cmd:run()).exit_code)
    assert.is_true(assert(cmd:run()).ok)
    assert(ends_with("--exit", 0):allow_exit(3):run())
    assert.is_nil((ends_with("--exit", 4):allow_exit(2, 3):run()))
  end)

  it("is success for any exit with allow_any_exit, but not for a signal", function()
    assert.equal(9, assert(ends_with("--exit", 9):allow_any_exit():run()).exit_code)
    local _, err = ends_with("--kill", "TERM"):allow_any_exit():run()
    assert.equal("signal TERM", err.code .. " " .. err.result.signal)
  end)

  it("is success for every end with raw_status", function()
    local result = assert(ends_with("--kill", "TERM"):raw_status():run())
    assert.equal(15, result.raw_status)
    assert.equal("TERM", result.signal)
    assert.equal(7 * 256, assert(ends_with("--exit", 7):raw_status():run()).raw_status)
  end)
end)
