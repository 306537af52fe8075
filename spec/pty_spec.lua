-- Programs on a new terminal. pty_programs_spec has real interactive ones.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local sys = helper.sys

--- Starts a program on a terminal that is ended if it takes too long.
local function start(spec)
  if spec.pty == nil then spec.pty = true end
  spec.timeout = spec.timeout or 60
  return assert(noshell.run_async(spec))
end

--- Asserts that the program ends like that, and closes the process.
local function ends(process, code)
  local result, err = process:wait()
  assert.equal(code or 0, (result or err.result).exit_code, tostring(err))
  process:close()
end

--- The fields of /proc/PID/stat from the process group on: group, session, terminal,
--- foreground group.
local STAT = [[read -r pid name state parent group session tty foreground rest </proc/$$/stat
echo $(( group == $$ )) $(( session == $$ )) $(( foreground == $$ )) $(( tty != 0 ))]]

describe("a terminal", function()
  helper.leak_check()

  it("belongs to a clone of the command, too", function()
    local cmd = noshell.command { "stty", "size", pty = { rows = 10, columns = 20 } }
    assert.equal("10 20", cmd:clone():output())
  end)

  helper.each_path(function(path)
    it("is the program's controlling terminal and standard streams", function()
      local process = start { "sh", "-c", STAT .. "; tty; test -t 1 && test -t 2 && tty <&2; "
        .. "stty size; echo x >/dev/tty" }
      assert.equal(path, process.launch)
      assert.equal("1 1 1 1", process.pty:read())
      local name = process.pty:read()
      assert.matches("^/dev/pts/%d+$", name)
      assert.equal(name .. "\r\n24 80\r\nx\r\n", process.pty:read "a")
      ends(process)
    end)

    it("is all that the program gets", function()
      local text = noshell.output { helper.probe, "--report", pty = { rows = 5, columns = 9 } }
      local report = helper.probe_report((text:gsub("\r", "")))
      assert.same({ 0, 1, 2 }, report.fds)
    end)

    it("belongs to the user that the program runs as", function()
      helper.require_or_pending("caps", sys.getuid() == 0, "root")
      local process = start { "sh", "-c", STAT .. '; stat -c %u "$(tty)"; echo x >"$(tty)"',
        user = "nobody" }
      assert.equal(helper.apart(), process.launch)
      assert.equal("1 1 1 1\r\n" .. noshell.output("id", "-u", "nobody") .. "\r\nx\r\n",
        process.pty:read "a")
      ends(process)
    end)
  end)

  it("echoes what is typed, unless echo is false", function()
    for _, case in ipairs { { true, "typed\r\n<typed>\r\n" },
      { { echo = true }, "typed\r\n<typed>\r\n" }, { { echo = false }, "<typed>\r\n" } } do
      local process = start { "sh", "-c", 'read -r word; echo "<$word>"', pty = case[1] }
      assert.equal(process.pty, process.pty:write "typed\n")
      assert.equal(case[2], process.pty:read "a")
      ends(process)
    end
  end)

  it("has the size that was set, and another one after resize", function()
    local process = start { "sh", "-c", "trap 'stty size; exit 7' WINCH; sleep 60 & "
      .. "stty size; wait", pty = { rows = 3, columns = 1000 } }
    assert.equal("3 1000", process.pty:read())
    assert.is_true(process:resize(65535, 1))
    assert.equal("65535 1\r\n", process.pty:read "a")
    ends(process, 7)
  end)

  it("ends with the program, even if a descendant has it open", function()
    local from, to = sys.pipe()
    local process = start { "sh", "-c", "trap '' HUP; sh -c 'read -r x <&9' & echo end",
      stdin = "null", pass_fds = { [9] = from } }
    assert.equal("end\r\n", process.pty:read "a")
    assert.is_nil(process.pty:read())
    local value, err = process.pty:write "x"
    assert.is_nil(value)
    assert.equal("EPIPE", err.errname)
    ends(process)
    sys.close(from)
    sys.close(to)
  end)

  it("does not end while no process has it open", function()
    local process = start { "sh", "-c", "read -r go; echo late >/dev/tty", stdin = "pipe",
      stdout = "null", stderr = "null" }
    assert.is_nil((process:wait(0)))
    process.stdin:write "go\n"
    assert.equal("late\r\n", process.pty:read "a")
    ends(process)
  end)

  it("takes and returns more than it holds", function()
    local line = ("x"):rep(99) .. "\n"
    local process = start { "cat", pty = { echo = false } }
    assert(process.pty:write(line:rep(3000)))
    assert(process.pty:write "\4")
    assert.equal((line:gsub("\n", "\r\n")):rep(3000), process.pty:read "a")
    ends(process)
  end)

  it("is hung up by close", function()
    for _, program in ipairs { "cat", "bash" } do
      local process = start { program, "-i", pty = true, env = { PS1 = "> " } }
      if program == "cat" then process = start { "cat" } end
      process.pty:close()
      local _, err = process:wait()
      assert.equal("signal HUP", err.code .. " " .. tostring(err.result.signal))
      process:close()
    end
  end)

  it("ends by lines without CR, and by CR and LF in the captured text", function()
    local words = { "sh", "-c", "echo one; echo two >&2; printf three", pty = true }
    local result = assert(noshell.run(words))
    assert.equal("one\r\ntwo\r\nthree", result.stdout)
    assert.is_nil(result.stderr)
    assert.equal("one\r\ntwo\r\nthree", noshell.output(words))
    assert.equal("x", noshell.output { "sh", "-c", "echo x; echo; echo", pty = true })
    local lines = {}
    for line in noshell.lines(words) do lines[#lines + 1] = line end
    assert.same({ "one", "two", "three" }, lines)
    lines = {}
    assert(noshell.command(words):on_stdout(function(line) lines[#lines + 1] = line end):run())
    assert.same({ "one", "two", "three" }, lines)
  end)

  it("leaves streams alone that are directed elsewhere", function()
    local script = "echo out; echo err >&2; echo tty >/dev/tty; cat"
    local result = assert(noshell.run { "sh", "-c", script, pty = true, stdout = "capture",
      input = "in\n" })
    assert.equal("out\nin\n", result.stdout)
    assert.equal("err\r\ntty\r\n", result.stderr)
    result = assert(noshell.run { "sh", "-c", script, pty = true, stdout = "capture",
      stderr = "stdout", stdin = "null" })
    assert.equal("out\nerr\n", result.stdout)
    result = assert(noshell.run { "sh", "-c", script, pty = true, stderr = "stdout",
      stdin = "null" })
    assert.equal("out\r\nerr\r\ntty\r\n", result.stdout)
    local process = start { "sh", "-c", "printf 'Name: ' >/dev/tty; read -r name </dev/tty; "
      .. 'echo "$name"', stdout = "capture", stderr = "null", stdin = "null" }
    assert.equal("Name: ", process.pty:read(6))
    process.pty:write "me\n"
    assert.equal("me\n", assert(process:wait()).stdout)
    process:close()
  end)

  it("gives a timeout HUP, which shells do not ignore, or the stop signal", function()
    for _, case in ipairs { { nil, "HUP" }, { "INT", "INT" } } do
      local _, err = noshell.run { "sleep", "60", pty = true, timeout = 0.05,
        stop_signal = case[1] }
      assert.equal("timeout " .. case[2], err.code .. " " .. err.result.signal)
    end
  end)

  it("is read to its end for a process that was forgotten", function()
    helper.with_tmpdir(function(dir)
      local process = start { "sh", "-c", "head -c 300000 /dev/zero; echo end >" .. dir .. "/end",
        timeout = 30 }
      process:detach()
      helper.run({ "sh", "-c", "until test -s end; do sleep 0.01; done" }, { cwd = dir })
      assert.equal("end\n", helper.read_file(dir .. "/end"))
    end)
  end)

  it("is not used by a forked copy of this process", function()
    local process = start { "cat" }
    local fd = process.pty:fileno()
    local got = forked(function()
      local _, err = process.pty:write "x"
      return { code = err.code, target = lfs.symlinkattributes("/proc/self/fd/" .. fd) }
    end)
    assert.same({ code = "closed" }, { code = got.code, target = got.target })
    process.pty:write "\4"
    assert.equal("", process.pty:read "a")
    ends(process)
  end)
end)

describe("resize", function()
  helper.leak_check()

  it("says why it cannot", function()
    local process = assert(noshell.run_async("true"))
    local _, err = process:resize(1, 1)
    assert.equal("noshell: cannot resize the terminal of 'true': it has no terminal: "
      .. "set pty = true (ENOTTY)", helper.said(err))
    process:close()
    process = start { "cat" }
    process.pty:close()
    _, err = process:resize(1, 1)
    assert.equal("noshell: cannot resize the terminal of 'cat': its terminal is closed (ENOTTY)",
      helper.said(err))
    for _, given in ipairs { 0, 65536, 1.5, "x" } do
      assert.has_error(function() process:resize(given, 1) end)
      local _, text = pcall(process.resize, process, 1, given)
      assert.matches("resize: two numbers from 1 to 65535 are needed, rows and columns, not ",
        tostring(text), 1, true)
    end
    assert.matches("rows and columns, not nil$", select(2, pcall(process.resize, process, 5)))
    process:close()
  end)
end)

describe("a terminal that makes no sense", function()
  helper.leak_check()

  local function refused(spec, method)
    spec[1], spec.pty = "true", true
    local value, err = noshell[method or "run"](spec)
    assert.is_nil(value)
    assert.equal("invalid", err.code)
    return helper.said(err)
  end

  it("is refused", function()
    local begin = "noshell: invalid command 'true': "
    assert.equal(begin .. "set_pty cannot be used with daemonize: a daemon has no terminal",
      refused { daemonize = true })
    assert.equal(begin .. "a process group cannot be set with set_pty: the program leads a "
      .. "session, and so a process group, already", refused { new_process_group = true })
    assert.equal(begin .. "set_pty cannot be used with exec: no parent remains at the "
      .. "terminal's other end", refused({}, "exec"))
    for _, method in ipairs { "system", "popen" } do
      assert.equal(("%sset_pty(true): %s uses our own streams: use run, output, lines or "
        .. "run_async"):format(begin, method), refused({}, method))
    end
    assert.equal(begin .. "on_stdout(a function): with run_async the terminal is a stream: "
      .. "read process.pty, or use run", refused({ on_stdout = print }, "run_async"))
    assert.equal(begin .. "on_stderr(a function): stderr is on the terminal: use on_stdout",
      refused { on_stderr = print })
  end)
end)

describe("a dry run of a terminal", function()
  helper.leak_check()

  it("shows it, and what was typed", function()
    local dry = noshell.dry_run(function(call)
      return function() return { stdout = "got " .. call.input, stderr = "!" } end
    end)
    local process = assert(noshell.run_async { "login", pty = { rows = 9, echo = false } })
    process.pty:write("me\n", "secret\n")
    assert.is_true(process:resize(1, 2))
    assert.equal("got me\nsecret\n!", process.pty:read "a")
    assert(process:wait())
    process:close()
    local call = dry:calls()[1]
    assert.same({ rows = 9, columns = 80, echo = false }, call.pty)
    assert.equal("pty pty pty", call.stdin .. " " .. call.stdout .. " " .. call.stderr)
    assert.equal("me\nsecret\n", call.input)
    dry:stop()
  end)

  it("captures its output, except that of other streams", function()
    local dry = noshell.dry_run(function() return { stdout = "out\n", stderr = "err\n" } end)
    local result = assert(noshell.run { "x", pty = true })
    assert.equal("out\nerr\n", result.stdout)
    assert.is_nil(result.stderr)
    result = assert(noshell.run { "x", pty = true, stdout = "capture" })
    assert.equal("out\n err\n", result.stdout .. " " .. result.stderr)
    assert.equal("pty", dry:calls()[2].stderr)
    assert.is_nil(noshell.run("x") and dry:calls()[3].pty)
    dry:stop()
  end)
end)
