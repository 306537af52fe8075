local failure = require "noshell.failure"
local helper = require "spec.support.helper"

--- The text without its place.
local function message(raw, command, result)
  return helper.said(failure.new(raw, command or "frob --all", result))
end

describe("an error's message", function()
  it("names the command, the stage, the subject and the errno", function()
    assert.equal("noshell: cannot start 'frob --all': set_working_directory "
      .. "'/srv/x': No such file or directory (ENOENT)",
      message { code = "spawn", stage = "set_working_directory", errno = 2,
        errname = "ENOENT", message = "No such file or directory",
        subject = "/srv/x" })
  end)

  it("gives the reason if there is one", function()
    assert.equal("noshell: cannot start 'frob --all': exec '/bin/frob': its "
      .. "interpreter '/no/such' was not found (ENOENT)",
      message { code = "spawn", stage = "exec", errno = 2, errname = "ENOENT",
        message = "No such file or directory", subject = "/bin/frob",
        reason = "its interpreter '/no/such' was not found" })
  end)

  it("contains a hook's message without an errno", function()
    assert.equal("noshell: cannot start 'frob --all': set_pre_exec_hook: no way",
      message { code = "spawn", stage = "set_pre_exec_hook",
        reason = "no way" })
  end)

  it("names the signal that killed the child in a stage", function()
    assert.equal("noshell: cannot start 'frob --all': set_pre_exec_hook: "
      .. "killed by signal KILL",
      message { code = "spawn", stage = "set_pre_exec_hook", signal = "KILL",
        signal_number = 9 })
  end)

  it("explains that a command line is no program", function()
    assert.equal("noshell: cannot start 'ls -l': find_program 'ls -l': No such "
      .. "file or directory (ENOENT); there is no shell: pass each argument "
      .. "separately",
      message({ code = "spawn", stage = "find_program", errno = 2,
        errname = "ENOENT", message = "No such file or directory",
        subject = "ls -l" }, "ls -l"))
  end)

  it("names an argument error's method, value, reason and place", function()
    assert.equal("noshell: invalid command 'frob': set_umask(999): not a mode "
      .. "between 0 and 0777 (script.lua:12)",
      tostring(failure.new({ code = "invalid", method = "set_umask", value = "999",
        reason = "not a mode between 0 and 0777", where = "script.lua:12" }, "frob")))
  end)

  it("names an argument error that no setter made", function()
    assert.equal("noshell: invalid command 'frob': call handshake_wait first",
      message({ code = "invalid", reason = "call handshake_wait first" },
        "frob"))
  end)

  it("contains the exit status and the program's stderr", function()
    assert.equal("noshell: 'iscsiadm --mode iface' exited with status 21: "
      .. "iscsiadm: No records found",
      message({ code = "exit" }, "iscsiadm --mode iface",
        { exit_code = 21, stderr = "iscsiadm: No records found\n" }))
  end)

  it("contains the exit status of a program that wrote nothing", function()
    local expected = "noshell: 'false' exited with status 1"
    assert.equal(expected,
      message({ code = "exit" }, "false", { exit_code = 1, stderr = " \n" }))
    assert.equal(expected,
      message({ code = "exit" }, "false", { exit_code = 1 }))
  end)

  it("names the signal that ended the program", function()
    assert.equal("noshell: 'sleep 9' was killed by signal TERM",
      message({ code = "signal" }, "sleep 9",
        { signal = "TERM", signal_number = 15 }))
    assert.equal("noshell: 'sleep 9' was killed by signal SEGV (core dumped)",
      message({ code = "signal" }, "sleep 9",
        { signal = "SEGV", signal_number = 11, core_dumped = true }))
    assert.equal("noshell: 'sleep 9' was killed by signal 99",
      message({ code = "signal" }, "sleep 9", { signal_number = 99 }))
  end)

  it("distinguishes a command's timeout from a wait's", function()
    assert.equal("noshell: 'sleep 9' timed out and was ended after 0.512 s: hm",
      message({ code = "timeout" }, "sleep 9",
        { duration = 0.5123, timed_out = true, stderr = "hm" }))
    assert.equal("noshell: 'sleep 9' is still running after 0.5 s",
      message({ code = "timeout", seconds = 0.5 }, "sleep 9"))
  end)

  it("names the stream that exceeded its cap, and the cap", function()
    assert.equal("noshell: 'yes' wrote more to stdout than the 2 bytes that "
      .. "max_output allows, and was ended: raise max_output, keep the end with tail, or read "
      .. "it with noshell.lines",
      message({ code = "output_limit", subject = "stdout" }, "yes",
        { stdout = "y\n", stderr = "" }))
    assert.equal("noshell: 'yes' wrote more to stderr than the 2 bytes that "
      .. "max_output allows, and was ended: raise max_output, keep the end with tail, or read "
      .. "it with noshell.lines",
      message({ code = "output_limit", subject = "stderr" }, "yes",
        { stdout = "xy", stderr = "y\n" }))
  end)

  it("says whose memory was exhausted", function()
    assert.equal("noshell: 'parse' was ended by the kernel: it used more than the 256M of "
      .. "memory that its sandbox allows: line 5",
      message({ code = "memory", subject = "256M" }, "parse", { stderr = "line 5\n" }))
    assert.equal("noshell: 'parse' was ended by the kernel: the memory of this machine, or of "
      .. "an enclosing cgroup, was exhausted", message({ code = "memory" }, "parse", {}))
  end)

  it("reports a lost status, and never guesses it", function()
    assert.equal("noshell: the status of 'true' (pid 7) is lost: other code "
      .. "in this process waited for it",
      message({ code = "lost" }, "true", { pid = 7 }))
  end)

  it("names the operation that failed if the other side has gone", function()
    assert.equal("noshell: cannot write to 'cat': Broken pipe (EPIPE)",
      message({ code = "io", stage = "write", errname = "EPIPE",
        message = "Broken pipe" }, "cat"))
    assert.equal("noshell: cannot kill 'cat': No such process (ESRCH)",
      message({ code = "io", stage = "kill", errname = "ESRCH",
        message = "No such process" }, "cat"))
    assert.equal("noshell: cannot use 'cat': it belongs to process 12",
      message({ code = "closed", reason = "it belongs to process 12" }, "cat"))
  end)

  it("is one line even if the command or the output has several", function()
    local text = message({ code = "exit" }, "printf 'a\nb\27[2J'",
      { exit_code = 1, stderr = "one\r\n\n\7two\0\n" })
    assert.equal("noshell: 'printf 'a\\nb\\x1b[2J'' exited with status 1: "
      .. "one; \\x07two\\x00", text)
    text = message({ code = "exit" }, "x", { exit_code = 1, stderr = "\194\15531mred" })
    assert.equal("noshell: 'x' exited with status 1: \\xc2\\x9b31mred", text)
  end)

  it("is short even if an argument is long", function()
    local long = ("x"):rep(100000)
    assert.is_true(#message({ code = "invalid", method = "set_cwd", value = long,
      reason = "no" }, long) < 1000)
    assert.is_true(#message({ code = "invalid", method = long, key = long,
      value = long, reason = "no" }, long) < 1000)
  end)

  it("keeps UTF-8 and shows other bytes as hexadecimal", function()
    local function said(stderr)
      return (message({ code = "exit" }, "x", { exit_code = 1,
        stderr = stderr }):gsub(".*: ", ""))
    end
    assert.equal("größe €", said "größe €")
    assert.equal("gr\\xf6\\xdfe", said "gr\246\223e")
  end)

  it("shortens a long command", function()
    local text = message({ code = "exit" }, ("x"):rep(1000), { exit_code = 1 })
    assert.equal("noshell: '" .. ("x"):rep(197) .. "...' exited with status 1",
      text)
  end)
end)

describe("an error", function()
  it("can be concatenated with text on either side", function()
    local err = failure.new({ code = "exit" }, "false", { exit_code = 1 })
    local text = "noshell: 'false' exited with status 1 (" .. err.where .. ")"
    assert.equal("backup: " .. text, "backup: " .. err)
    assert.equal(text .. "!", err .. "!")
  end)

  it("keeps its fields", function()
    local result = { exit_code = 1 }
    local err = failure.new({ code = "spawn", stage = "exec", errno = 13,
      errname = "EACCES", subject = "/x" }, "x", result)
    assert.equal("spawn", err.code)
    assert.equal("exec", err.stage)
    assert.equal(13, err.errno)
    assert.equal("EACCES", err.errname)
    assert.equal("/x", err.subject)
    assert.equal("x", err.command)
    assert.equal(result, err.result)
  end)
end)

describe("the excerpt of stderr", function()
  it("is the whole of a short one", function()
    assert.equal("a; b", failure.excerpt "a\nb\n")
  end)

  it("is the last complete lines of a long one", function()
    local lines = {}
    for i = 1, 1000 do lines[i] = ("line %04d"):format(i) end
    local text = failure.excerpt(table.concat(lines, "\n"))
    assert.truthy(text:find("^%.%.%.line 09%d%d; ") and #text < 350, text)
    assert.truthy(text:find("line 0999; line 1000$"), text)
  end)

  it("is the end of a line that is too long", function()
    assert.equal("..." .. ("x"):rep(296) .. " end",
      failure.excerpt(("x"):rep(100000) .. " end\n"))
  end)

  it("does not start in the middle of a character", function()
    local text = failure.excerpt(("€"):rep(200))
    assert.equal("..." .. ("€"):rep(100), text)
    text = failure.excerpt(("€"):rep(200) .. "x")
    assert.equal("..." .. ("€"):rep(99) .. "x", text)
  end)

  it("is empty if nothing was written", function()
    assert.equal("", failure.excerpt "")
    assert.equal("", failure.excerpt(("\n "):rep(100000)))
  end)

  it("takes little time for any size", function()
    local text = (" "):rep(32 * 1024 * 1024) .. "x"
    local before = os.clock()
    assert.equal("...", failure.excerpt(text):sub(1, 3))
    assert.truthy(os.clock() - before < 5)
  end)
end)
