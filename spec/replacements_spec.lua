-- The replacements for os.execute and io.popen, and exec.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local function packed(...)
  return { n = select("#", ...), ... }
end

local LUA = helper.lua.name

--- Runs a script with this Lua; returns its output and its result.
local function script(text, ...)
  return noshell.run { LUA, "-e", text, ... , check = false }
end

describe("system", function()
  helper.leak_check()

  it("returns the values of Lua 5.4's os.execute on every Lua", function()
    assert.same({ n = 3, true, "exit", 0 }, packed(noshell.system "true"))
    assert.same({ n = 3, nil, "exit", 7 },
      packed(noshell.system("sh", "-c", "exit 7")))
    assert.same({ n = 3, nil, "signal", 15 },
      packed(noshell.system("sh", "-c", "kill $$")))
  end)

  it("returns nil and the error if the program does not start", function()
    local answers = packed(noshell.system "no-such-program")
    assert.equal(2, answers.n)
    assert.equal("spawn", answers[2].code)
    answers = packed(noshell.system { "true", umask = 999 })
    assert.equal("invalid", answers[2].code)
  end)

  it("returns nil and the error after a timeout", function()
    local ok, err = noshell.system { "sleep", 100, timeout = 0.05 }
    assert.is_nil(ok)
    assert.equal("timeout", err.code)
  end)

  it("passes our streams to the program, after flushing them", function()
    local result = assert(noshell.run { LUA, "-e", [[
      local noshell = require "noshell"
      io.stdout:setvbuf "full"
      io.write("before ")
      noshell.system("cat")
      noshell.system("sh", "-c", "echo err >&2")
      io.write("after")
    ]], input = "input " })
    assert.equal("before input after", result.stdout)
    assert.equal("err\n", result.stderr)
  end)

  it("directs streams on request", function()
    assert.same({ n = 3, true, "exit", 0 }, packed(noshell.system {
      "sh", "-c", "test $(cat) = x && echo swallowed", input = "x",
      stdout = "null" }))
  end)

  it("captures no output, which it would not return", function()
    for _, name in ipairs { "stdout", "stderr" } do
      local ok, err = noshell.system { "echo", "x", [name] = "capture" }
      assert.is_nil(ok)
      assert.equal("invalid", err.code)
      assert.matches("system returns no output: use run or output", tostring(err))
    end
  end)

  it("does not change a command", function()
    local cmd = noshell.command "true"
    noshell.system(cmd)
    assert.equal("default", cmd:stdio(1))
  end)
end)

describe("popen", function()
  helper.leak_check()

  it("reads what the program writes", function()
    local pipe = assert(noshell.popen("printf", "a\nb\nc\n"))
    assert.equal("a", pipe:read())
    assert.equal("b\n", pipe:read "L")
    local found = {}
    for line in pipe:lines() do found[#found + 1] = line end
    assert.same({ "c" }, found)
    assert.same({ n = 3, true, "exit", 0 }, packed(pipe:close()))
  end)

  it("writes what the program reads", function()
    local result = assert(noshell.run(LUA, "-e", [[
      local noshell = require "noshell"
      local pipe = assert(noshell.popen({ "cat" }, "w"))
      assert(pipe:write("a", 1, "\n") == pipe)
      pipe:flush()
      assert(pipe:close())
    ]]))
    assert.equal("a1\n", result.stdout)
  end)

  it("does both with rw", function()
    local pipe = assert(noshell.popen({ "cat" }, "rw"))
    pipe:write "a\n"
    assert.equal("a", pipe:read())
    pipe:write "b\n"
    pipe.stdin:close()
    assert.equal("b\n", pipe:read "a")
    assert.same({ n = 3, true, "exit", 0 }, packed(pipe:close()))
  end)

  it("accepts the mode after a program without arguments", function()
    local pipe = assert(noshell.popen("cat", "rw"))
    pipe:write "x"
    pipe.stdin:close()
    assert.equal("x", pipe:read "a")
    pipe:close()
    pipe = assert(noshell.popen(noshell.command("echo", "x"), "r"))
    assert.equal("x", pipe:read())
    pipe:close()
  end)

  it("returns the same values when it is closed again", function()
    local pipe = assert(noshell.popen("sh", "-c", "exit 5"))
    assert.same({ n = 3, nil, "exit", 5 }, packed(pipe:close()))
    assert.same({ n = 3, nil, "exit", 5 }, packed(pipe:close()))
    assert.has_error(function() pipe:read() end)
  end)

  it("causes SIGPIPE for a program that writes after close", function()
    local pipe = assert(noshell.popen "yes")
    assert.equal("y", pipe:read())
    assert.same({ n = 3, nil, "signal", core.signal_number "PIPE" },
      packed(pipe:close()))
  end)

  it("returns nil and the error if the program does not start", function()
    local pipe, err = noshell.popen "no-such-program"
    assert.is_nil(pipe)
    assert.equal("spawn", err.code)
  end)

  it("conflicts with streams that its mode uses", function()
    local pipe, err = noshell.popen({ "cat", input = "x" }, "w")
    assert.is_nil(pipe)
    assert.equal("noshell: invalid command 'cat': set_stdin(buffer): popen "
      .. "uses stdin itself", helper.said(err))
  end)

  it("rejects an unknown mode", function()
    assert.has_error(function() noshell.popen({ "cat" }, "a") end)
  end)

  it("rejects operations that its mode does not permit", function()
    local pipe = assert(noshell.popen "true")
    assert.has_error(function() pipe:write "x" end)
    pipe:close()
    pipe = assert(noshell.popen("cat", "w"))
    assert.has_error(function() pipe:read() end)
    pipe:close()
  end)

  it("lets its program run on to its end if it is collected",
    function()
      helper.with_tmpdir(function(dir)
        assert(noshell.popen({ "cp", "/dev/stdin", dir .. "/out" },
          "w")):write "x"
        collectgarbage()
        collectgarbage()
        repeat core.poll(-1, "r", 0.001) until core.reap() == 0
        assert.equal("x", helper.read_file(dir .. "/out"))
      end)
    end)

  it("causes SIGPIPE for a program that writes after it was collected", function()
    local from, to = helper.sys.pipe()
    local file = assert(noshell.popen { "sh", "-c", "yes; echo $? >&9", pass_fds = { [9] = to } })
    helper.sys.close(to)
    assert.equal("y", file:read())
    file = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal("141\n", helper.sys.read(from, 100))
    helper.sys.close(from)
    repeat core.poll(-1, "r", 0.001) until core.reap() == 0
  end)
end)

describe("exec", function()
  helper.leak_check()

  it("replaces the process after flushing its output", function()
    local result = assert(script [[
      io.stdout:setvbuf "full"
      io.write("before ")
      require "noshell".exec("sh", "-c", "echo $0 $1; exit 6", "a", "b c")
      io.write("never")
    ]])
    assert.equal("before a b c\n", result.stdout)
    assert.equal(6, result.exit_code)
  end)

  it("accepts nothing that needs a parent", function()
    for said, spec in pairs {
      ["set_timeout cannot be used with exec"] = { "true", timeout = 5 },
      ["on_stdout%(a function%): cannot be used with exec"] = { "true", on_stdout = print },
      ["on_stderr%(a function%): cannot be used with exec"] = { "true", on_stderr = print },
    } do
      local value, err = noshell.exec(spec)
      assert.is_nil(value)
      assert.equal("invalid", err.code)
      assert.matches(said, tostring(err))
    end
  end)

  it("returns nil and the error if it fails", function()
    local result = assert(script [[
      local ok, err = require "noshell".exec { "true", cwd = "/no/such" }
      io.write(tostring(ok), " ", err.code, " ", err.stage, " ", tostring(err))
    ]])
    assert.equal("nil spawn set_working_directory noshell: cannot start 'true': "
      .. "set_working_directory '/no/such': No such file or directory (ENOENT) "
      .. "((command line):1)", result.stdout)
  end)
end)
