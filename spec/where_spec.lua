-- Every error names the line of the script: err.where, and the end of its text.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local HERE = "where_spec%.lua:"

local function line_of(level)
  return debug.getinfo(level + 1, "l").currentline
end

--- Checks that an error's place is line `line` of this file, and not marked as hidden.
local function check(err, line, what)
  assert.is_table(err, what)
  assert.matches(HERE .. line .. "$", err.where, what)
  assert.is_nil(err.tail_call, what)
  assert.matches("%(%S*" .. HERE .. line .. "%)$", tostring(err), what)
end

--- The error that f raises.
local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("an error's place", function()
  helper.leak_check()

  it("is the line that calls a function", function()
    for name, more in pairs { run = {}, run_async = { "x" }, output = {}, exec = {}, popen = {},
      retry = {} } do
      local spec = { "/no/such/program", more[1] }
      local _, err = noshell[name](spec)
      check(err, line_of(1) - 1, name)
    end
    local _, err = noshell.system("/no/such/program")
    check(err, line_of(1) - 1, "system")
    _, err = noshell.which "no-such-program"
    check(err, line_of(1) - 1, "which")
    _, err = noshell.map({ 1 }, function() return "false" end)
    check(err, line_of(1) - 1, "map")
    _, err = noshell.wait_all { "false" }
    check(err, line_of(1) - 1, "wait_all")
    _, err = noshell.wait_any { "/no/such/program" }
    check(err, line_of(1) - 1, "wait_any")
  end)

  it("is the line that calls a method", function()
    local cmd, pl = noshell.command("/no/such"), noshell.pipeline({ "/no/such" }, { "cat" })
    for _, name in ipairs { "run", "run_async", "output" } do
      local _, err = cmd[name](cmd)
      check(err, line_of(1) - 1, "command " .. name)
      _, err = pl[name](pl)
      check(err, line_of(1) - 1, "pipeline " .. name)
    end
    local _, err = cmd:exec()
    check(err, line_of(1) - 1)
    _, err = noshell.command("true"):set_nice(70):run()
    check(err, line_of(1) - 1)
    err = noshell.command("true"):set_nice(70):argument_error()
    check(err, line_of(1) - 1)
    _, err = noshell.run("echo", "a"):key_value()
    check(err, line_of(1) - 1)
    _, err = noshell.parse.nul("a\0b\0", 3)
    check(err, line_of(1) - 1)
  end)

  it("is the line that uses a process, a pipeline, a stream or a file", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    for _, used in ipairs { process,
      assert(noshell.pipeline({ "cat", stdin = "pipe" }, { "cat" }):run_async()) } do
      local _, err = used:wait(0)
      check(err, line_of(1) - 1, "wait")
    end
    local _, err = process.stdin:read()
    check(err, line_of(1) - 1, "read")
    assert(process:abort())
    _, err = process:kill "TERM"
    check(err, line_of(1) - 1, "kill")
    _, err = process:poll()
    check(err, line_of(1) - 1, "poll")
    _, err = process.stdin:write "x"
    check(err, line_of(1) - 1, "write")
    _, err = process:handshake_wait()
    check(err, line_of(1) - 1, "handshake_wait")
    _, err = process:handshake_notify()
    check(err, line_of(1) - 1, "handshake_notify")
    process:close()
    collectgarbage()
  end)

  it("is the line of a loop whose program fails", function()
    local function lines_fail(items)
      for _ in items do assert.is_true(true) end
    end
    local line = line_of(1) - 2
    check(raised(lines_fail, noshell.lines("sh", "-c", "echo a; exit 3")), line)
    check(raised(lines_fail, noshell.command("false"):records "\0"), line)
    check(raised(lines_fail, noshell.pipeline({ "echo" }, { "false" }):lines()), line)
    check(raised(function() noshell.lines("/no/such") end), line_of(1))
  end)

  it("is the line of a call of a bound program", function()
    local bound = noshell.bind { "/no/such" }
    local _, err = bound("x")
    check(err, line_of(1) - 1)
    _, err = bound.output("x")
    check(err, line_of(1) - 1)
    _, err = bound.command(false):run()
    check(err, line_of(1) - 1)
  end)

  it("is that of an argument error in every setter", function()
    for _, name in ipairs { "set_cwd", "set_env", "set_limits", "set_input", "on_stdout",
      "set_tail", "set_crlf", "set_stdin", "set_umask", "add_arg", "pass_fd", "set_pass_fds",
      "set_groups", "allow_cap", "set_timeout" } do
      local cmd = noshell.command("true")
      local setter = cmd[name]
      setter(cmd, print, print, print, print)
      check(cmd:argument_error(), line_of(1) - 1, name)
    end
  end)

  it("is the line of a command in the callback of map", function()
    local line
    local _, err = noshell.map({ 1 }, function()
      line = line_of(1) + 1
      local cmd = noshell.command { "true", nice = 70 }
      return cmd
    end)
    check(err, line_of(1) - 5)
    check(err.errors[1], line)
    assert.truthy(tostring(err):find(("where_spec.lua:%d) ("):format(line), 1, true))
  end)

  it("is a line of the script in a coroutine", function()
    local err = coroutine.wrap(function()
      local _, err = noshell.run("false")
      return err
    end)()
    check(err, line_of(1) - 3)
  end)

  it("is a question mark if only C has called", function()
    local _, err = coroutine.wrap(noshell.run)("false")
    assert.equal("?", err.where)
    assert.equal("noshell: 'false' exited with status 1 (line unknown)", tostring(err))
  end)

  it("is the caller's caller's, and says so, after a tail call", function()
    local function in_tail(f, ...) return f(...) end
    local first = line_of(1) + 1
    local _, run_error = in_tail(noshell.run, "false")
    local _, setter_error = noshell.run(in_tail(noshell.command, "true"):set_cwd ""
      :set_nice(70))
    local argument_error = in_tail(noshell.command("true").on_stdout, noshell.command("true"), 5)
    local misuse = raised(function()
      local value = in_tail(noshell.map)
      return value
    end)
    for i, err in ipairs { run_error, argument_error:argument_error() } do
      assert.matches(HERE .. (i == 1 and first or first + 3) .. "$", err.where)
    end
    check(setter_error, setter_error.where:match "%d+$")
    -- LuaJIT does not record tail calls.
    if not jit then
      assert.is_true(run_error.tail_call)
      assert.equal(("noshell: 'false' exited with status 1 (called from %s; a tail call hides "
        .. "the line)"):format(run_error.where), tostring(run_error))
      assert.is_true(argument_error:argument_error().tail_call)
      assert.matches("^%S+" .. HERE .. first + 5 .. ": noshell.map: a list is needed, not nil "
        .. "%(in a function called there: a tail call hides the line%)$", misuse)
    end
  end)

  it("is looked up only after a failure", function()
    local where, count = core.where, 0
    core.where = function() -- luacheck: ignore 122
      count = count + 1
      return where()
    end
    local ok = noshell.run("true") and noshell.output("echo", "a")
      and noshell.pipeline({ "echo" }, { "cat" }):run() and noshell.run_async("true"):wait()
      and noshell.wait_all { "true", "true" }
    for _ in noshell.lines("echo", "a") do assert.is_true(true) end
    local before = count
    local _, err = noshell.run("false")
    core.where = where -- luacheck: ignore 122
    assert.is_truthy(ok)
    assert.equal(0, before)
    assert.equal(1, count)
    assert.equal("exit", err.code)
  end)
end)
