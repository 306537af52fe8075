local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local unpack = table.unpack or unpack

local LUA = helper.lua.name

--- Runs a script with this Lua; returns its output and its result.
local function script(text, ...)
  return noshell.run { LUA, "-e", text, ... , check = false }
end

describe("pipe", function()
  helper.leak_check()

  it("connects two programs in both directions", function()
    local questions, asker = noshell.pipe()
    local answers, answerer = noshell.pipe()
    local server = assert(noshell.run_async { "sh", "-c",
      "while read -r word; do echo \"got $word\"; done", stdin = questions, stdout = answerer })
    local client = assert(noshell.run_async { "sh", "-c",
      "for i in 1 2; do echo $i; read -r answer; echo \"$answer\" >&2; done",
      stdin = answers, stdout = asker })
    for _, each in ipairs { questions, asker, answers, answerer } do each:close() end
    assert.equal("got 1\ngot 2\n", assert(client:wait(60)).stderr)
    assert(server:wait(60))
    server:close()
    client:close()
  end)

  it("is reported if no descriptor is left", function()
    local result = noshell.run { LUA, "-e", [[
      local noshell, files = require "noshell", {}
      local file
      repeat
        file = io.open "/dev/null"
        files[#files + 1] = file
      until not file
      local reader, err = noshell.pipe()
      io.write(tostring(reader), " ", err.code, " ", tostring(err):match "^.-%(EMFILE%)")
    ]], limits = { nofile = 32 } }
    assert.equal("nil io noshell: cannot call 'noshell.pipe()': Too many open files (EMFILE)",
      result.stdout)
  end)
end)

describe("run", function()
  helper.leak_check()

  it("captures stdout and stderr", function()
    local result = assert(noshell.run("sh", "-c", "echo out; echo err >&2"))
    assert.is_true(result.ok)
    assert.equal(0, result.exit_code)
    assert.equal("out\n", result.stdout)
    assert.equal("err\n", result.stderr)
    assert.truthy(result.pid > 0 and result.duration >= 0)
    assert.truthy(tostring(result):find("^exited with status 0 after "))
  end)

  it("returns nil and the error for a failure, with the result", function()
    local result, err = noshell.run("sh", "-c", "echo so >&2; exit 3")
    assert.is_nil(result)
    assert.equal("exit", err.code)
    assert.equal(3, err.result.exit_code)
    assert.is_false(err.result.ok)
    assert.equal("so\n", err.result.stderr)
    assert.equal("sh -c 'echo so >&2; exit 3'", err.command)
    assert.equal("noshell: 'sh -c 'echo so >&2; exit 3'' exited with status 3: so",
      helper.said(err))
  end)

  it("quotes the last lines of stdout if stderr goes there", function()
    local script_text = "echo working; echo broken >&2; exit 3"
    local _, err = noshell.run { "sh", "-c", script_text, stderr = "stdout" }
    assert.equal(("noshell: 'sh -c '%s'' exited with status 3: working; broken")
      :format(script_text), helper.said(err))
    _, err = noshell.run { "sh", "-c", script_text, stderr = "null" }
    assert.equal(("noshell: 'sh -c '%s'' exited with status 3"):format(script_text),
      helper.said(err))
    _, err = noshell.pipeline({ "sh", "-c", script_text, stderr = "stdout" }):run()
    assert.matches("exited with status 3: working; broken$", helper.said(err))
  end)

  it("accepts any exit with check = false, and those of ok_codes", function()
    assert.equal(3, assert(noshell.run { "sh", "-c", "exit 3",
      check = false }).exit_code)
    assert.equal(3, assert(noshell.run { "sh", "-c", "exit 3",
      ok_codes = { 3, 4 } }).exit_code)
    assert.is_nil((noshell.run { "sh", "-c", "exit 5", ok_codes = { 3, 4 } }))
  end)

  it("names the stage that failed", function()
    local result, err = noshell.run { "true", cwd = "/no/such" }
    assert.is_nil(result)
    assert.equal("spawn", err.code)
    assert.equal("set_working_directory", err.stage)
    assert.equal("ENOENT", err.errname)
    assert.equal("/no/such", err.subject)
    assert.is_nil(err.result)
    assert.equal("noshell: cannot start 'true': set_working_directory "
      .. "'/no/such': No such file or directory (ENOENT)", helper.said(err))
  end)

  it("reports that a program was not found", function()
    local _, err = noshell.run("no-such-program", "-x")
    assert.equal("find_program", err.stage)
    assert.equal("noshell: cannot start 'no-such-program -x': find_program "
      .. "'no-such-program': not found in PATH (" .. os.getenv "PATH" .. ") (ENOENT)",
      helper.said(err))
    _, err = noshell.run "ls -l"
    assert.truthy(helper.said(err):find("there is no shell", 1, true))
    _, err = noshell.run "ls -l /etc"
    assert.truthy(helper.said(err):find("there is no shell", 1, true))
  end)

  it("reports that a program is a directory", function()
    local _, err = noshell.run "/tmp"
    assert.equal("noshell: cannot start '/tmp': exec '/tmp': it is a directory "
      .. "(EACCES)", helper.said(err))
  end)

  it("names the caller's line for an argument error", function()
    local _, err = noshell.run { "true", umask = 999 }
    assert.equal("invalid", err.code)
    assert.equal("set_umask", err.method)
    assert.equal("999", err.value)
    assert.truthy(err.where:find("face_spec.lua:%d+$"), err.where)
    local _, other = noshell.command("true"):set_umask(999):run()
    assert.truthy(other.where:find("face_spec.lua:%d+$"), other.where)
  end)

  it("ends a program that takes too long", function()
    local before = core.now()
    local _, err = noshell.run { "sleep", 100, timeout = 0.05 }
    assert.truthy(core.now() - before < 20)
    assert.equal("timeout", err.code)
    assert.is_true(err.result.timed_out)
    assert.equal("TERM", err.result.signal)
    assert.truthy(helper.said(err):find(
      "^noshell: 'sleep 100' timed out and was ended after 0"))
  end)

  it("ends a program that writes too much", function()
    local _, err = noshell.run { "yes", max_output = 1000 }
    assert.equal("output_limit", err.code)
    assert.equal("noshell: 'yes' wrote more to stdout than the 1000 bytes that "
      .. "max_output allows, and was ended: raise max_output, keep the end with tail, or read "
      .. "it with noshell.lines", helper.said(err))
    assert.equal(("y\n"):rep(500), err.result.stdout)
  end)

  it("returns no streams, and names functions that do", function()
    local _, err = noshell.run { "cat", stdin = "pipe" }
    assert.equal("invalid", err.code)
    assert.equal("noshell: invalid command 'cat': set_stdin(pipe): run returns no "
      .. "streams: use run_async, lines or popen", helper.said(err))
  end)

  it("runs a command again", function()
    local cmd = noshell.command { "cat", input = "x" }
    for _ = 1, 3 do assert.equal("x", assert(cmd:run()).stdout) end
  end)
end)

describe("output", function()
  helper.leak_check()

  it("is stdout without its final newlines", function()
    assert.equal("a\n\nb", noshell.output("printf", "a\n\nb\n\n\n"))
    assert.equal("", noshell.output("printf", "\n\n"))
    assert.equal("", noshell.output "true")
    assert.equal("a\r\n \0", noshell.output { "cat", input = "a\r\n \0\n" })
  end)

  it("includes stderr on request", function()
    assert.equal("a\nb", noshell.output { "sh", "-c", "echo a >&2; echo b",
      stderr = "stdout" })
  end)

  it("returns nil and the error", function()
    local text, err = noshell.output("sh", "-c", "echo x; exit 1")
    assert.is_nil(text)
    assert.equal("x\n", err.result.stdout)
  end)

  it("conflicts with a stdout that is directed elsewhere", function()
    local _, err = noshell.output { "true", stdout = "null" }
    assert.equal("noshell: invalid command 'true': set_stdout(null): output "
      .. "uses stdout itself", helper.said(err))
    assert.equal("x", noshell.output { "echo", "x", stdout = "capture" })
  end)
end)

describe("lines", function()
  helper.leak_check()

  it("returns lines as they arrive", function()
    local found = {}
    for line in noshell.lines("printf", "a\n\nb") do found[#found + 1] = line end
    assert.same({ "a", "", "b" }, found)
  end)

  it("keeps the ends of lines on request", function()
    local found = {}
    for line in noshell.command("printf", "a\nb"):lines "L" do
      found[#found + 1] = line
    end
    assert.same({ "a\n", "b" }, found)
  end)

  it("does not change the command", function()
    local cmd = noshell.command("printf", "a\nb")
    for _ = 1, 2 do
      local count = 0
      for _ in cmd:lines() do count = count + 1 end
      assert.equal(2, count)
    end
    assert.equal("a\nb", assert(cmd:run()).stdout)
  end)

  it("raises the error if the program does not start", function()
    local ok, err = pcall(noshell.lines, "no-such-program")
    assert.is_false(ok)
    assert.equal("find_program", err.stage)
  end)

  it("raises the error after the lines if the program fails", function()
    local found = {}
    local ok, err = pcall(function()
      for line in noshell.lines("sh", "-c", "echo a; echo why >&2; exit 4") do
        found[#found + 1] = line
      end
    end)
    assert.is_false(ok)
    assert.same({ "a" }, found)
    assert.equal("exit", err.code)
    assert.equal("why\n", err.result.stderr)
  end)

  it("raises the error if the deadline passes", function()
    local ok, err = pcall(function()
      for _ in noshell.lines { "sh", "-c", "echo a; sleep 100",
        timeout = 0.05 } do end
    end)
    assert.is_false(ok)
    assert.equal("timeout", err.code)
  end)

  -- Only Lua 5.4 and newer close an iterator whose loop is left.
  if _VERSION:find "5.4" then
    it("ends the program if the loop is left early", function()
      local pid
      for line in noshell.lines("sh", "-c", "echo $$; exec sleep 100") do
        pid = line
        if pid then break end
      end
      assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
    end)
  end

  it("conflicts with a stdout that is directed elsewhere", function()
    local ok, err = pcall(noshell.lines, { "true", stdout = "null" })
    assert.is_false(ok)
    assert.equal("invalid", err.code)
  end)
end)

describe("quote", function()
  helper.leak_check()

  it("quotes words so that sh reads them back", function()
    local words = { "a", "b c", "", "it's", "$x", "\n", "*", "~", "\\", "a=b" }
    local text = noshell.quote(unpack(words))
    local said = noshell.output("sh", "-c", "printf '%s\\0' " .. text)
    assert.equal(table.concat(words, "\0") .. "\0", said)
  end)

  it("accepts numbers, and no arguments at all", function()
    assert.equal("kill -9 17", noshell.quote("kill", -9, 17))
    assert.equal("", noshell.quote())
    assert.error_matches(function() noshell.quote("a", nil) end,
      "^noshell.quote: argument 2 must be a string or a number, not nil$")
    assert.has_error(function() noshell.quote("a\0b") end)
  end)
end)

describe("quote of lists and commands", function()
  it("quotes each word of them", function()
    assert.equal("a 'b c' d ls 'x y'", noshell.quote("a", { "b c", { "d" }, {} },
      noshell.command("ls", "x y")))
    assert.error_matches(function() noshell.quote { "a", nil, "b" } end,
      "^noshell.quote: argument 1: item 2 is nil: the list has a hole$")
  end)
end)

describe("sleep", function()
  helper.leak_check()

  it("waits through the host", function()
    local waited
    local previous = noshell.host.use(function(pollable, seconds)
      waited = seconds
      require("noshell.host.blocking").wait(pollable, seconds)
    end)
    assert.is_true(noshell.sleep(0.02))
    noshell.host.use(previous)
    assert.is_true(waited > 0 and waited <= 0.02)
    assert.is_true(noshell.sleep(0))
  end)

  it("takes no time in a dry run", function()
    local dry = noshell.dry_run(function() end)
    local slept = noshell.sleep(1e9)
    dry:stop()
    assert.is_true(slept)
  end)

  it("needs a number of seconds", function()
    for _, seconds in ipairs { -1, 0 / 0, math.huge, "1", false } do
      assert.error_matches(function() noshell.sleep(seconds) end,
        "^noshell.sleep: a finite number of seconds, 0 or more, is needed, not ")
    end
  end)
end)

describe("a bound program", function()
  helper.leak_check()

  it("has functions, not methods", function()
    local echo = noshell.bind "echo"
    local ok, err = pcall(function() return (echo:output("x")) end)
    assert.is_false(ok)
    assert.matches("face_spec.lua:%d+: noshell: the functions of a bound program are called "
      .. "with a dot, not a colon$", err)
  end)

  it("takes further arguments, in every way to run", function()
    local probe = noshell.bind { "printf", "<%s>", "first", env = { LC_ALL = "C" } }
    assert.equal("<first><a><b><c>", probe("a", { "b", { "c" } }).stdout)
    assert.equal("<first><a>", probe.run("a").stdout)
    assert.equal("<first>", probe.output())
    assert.equal("<first><a>", probe.lines("a")())
    local process = probe.run_async("a")
    assert.equal("<first><a>", process:wait().stdout)
    process:close()
    assert.equal("C", probe.command("a"):clone():env().LC_ALL)
    assert.same({ true, "exit", 0 }, { noshell.bind("test").system("-d", "/") })
  end)

  it("keeps its own copy of the SPEC", function()
    local cmd = noshell.command("echo", "a")
    local echo = noshell.bind(cmd)
    cmd:add_arg("b")
    assert.equal("a x", echo.output("x"))
    assert.equal("a y", echo.output("y"))
    assert.equal("noshell.bound (echo a)", tostring(echo))
  end)

  it("reports argument errors as other commands do", function()
    local result, err = noshell.bind { "echo", umsk = 1 } "x"
    assert.is_nil(result)
    assert.equal("umsk", err.key)
    result, err = noshell.bind "echo" { cwd = "/" }
    assert.is_nil(result)
    assert.truthy(err.reason:find("options go into the same table", 1, true))
  end)
end)

describe("which", function()
  helper.leak_check()

  it("returns the path of a program", function()
    assert.truthy(noshell.which("sh"):find("^/.*/sh$"))
    assert.equal("/bin/sh", noshell.which "/bin/sh")
  end)

  it("returns nil and the error if there is none", function()
    local path, err = noshell.which "no-such-program"
    assert.is_nil(path)
    assert.equal("ENOENT", err.errname)
  end)
end)

describe("secret", function()
  helper.leak_check()

  it("is passed, but not shown anywhere", function()
    local secret = noshell.secret "hunter2"
    assert.equal("***", tostring(secret))
    local cmd = noshell.command { "sh", "-c", "echo $0 >&2; exit 1", secret }
    assert.is_nil(tostring(cmd):find("hunter2", 1, true))
    local _, err = cmd:run()
    assert.equal("hunter2\n", err.result.stderr)
    assert.is_nil(err.command:find("hunter2", 1, true))
  end)
end)

describe("features", function()
  helper.leak_check()

  it("reports the launch path in use", function()
    assert.equal("string", type(noshell.features().launch))
  end)
end)

describe("loading", function()
  helper.leak_check()

  it("creates no globals", function()
    local result = assert(script [[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      require "noshell"
      for name in pairs(_G) do
        if not before[name] then io.write(name, " ") end
      end
    ]])
    assert.equal("", result.stdout)
    assert.equal("", result.stderr)
  end)
end)
