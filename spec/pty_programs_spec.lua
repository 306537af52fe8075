-- Interactive programs on a terminal: interpreters, shells, prompts for passwords,
-- full-screen programs, and a program that buffers its output elsewhere.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

--- Starts a program on a terminal that is ended if it takes too long.
local function start(spec)
  spec.pty = spec.pty or true
  spec.timeout = 60
  spec.env = spec.env or {}
  spec.env.TERM = spec.env.TERM or "vt100"
  return assert(noshell.run_async(spec))
end

--- Reads until the text has arrived. Returns everything that was read.
local function await(process, text)
  return assert(process.pty:read_until { text, plain = true }) .. text
end

--- Asserts that the program ends like that. Returns the rest of its output.
local function ends(process, code)
  local rest = process.pty:read "a"
  local result, err = process:wait()
  assert.equal(code or 0, (result or err.result).exit_code, tostring(err) .. rest)
  process:close()
  return rest
end

local function need(program)
  helper.require_or_pending(program, noshell.which(program), program)
end

describe("on a terminal", function()
  helper.leak_check()

  it("python3 evaluates what is typed, until ^D", function()
    need "python3"
    local process = start { "python3", "-i", env = { TERM = "dumb" } }
    await(process, ">>> ")
    process.pty:write "6 * 7\n"
    assert.equal("6 * 7\r\n42\r\n>>> ", await(process, "42\r\n>>> "))
    process.pty:write "\4"
    ends(process)
  end)

  it("bash controls jobs: ^Z stops one, ^C ends another", function()
    -- bash writes the job's name before it gives it the terminal; the job answers after.
    local process = start { "bash", "--norc", "-i", env = { PS1 = "ready$ ", HISTFILE = "",
      JOB = '$| = 1; $SIG{CONT} = sub { print "on" }; print "one job"; '
        .. 'select undef, undef, undef, 0.05 while 1' } }
    await(process, "ready$ ")
    process.pty:write 'perl -e "$JOB"\n'
    await(process, "one job")
    process.pty:write "\26"
    await(process, "Stopped")
    await(process, "ready$ ")
    process.pty:write "fg\n"
    await(process, 'perl -e "$JOB"\r\non')
    process.pty:write "\3"
    await(process, "ready$ ")
    process.pty:write "exit $?\n"
    ends(process, 130)
  end)

  it("a program asks for a password without echo", function()
    local process = start { "bash", "-c",
      [[read -rs -p 'Password: ' word; echo; test "$word" = secret && echo granted]] }
    await(process, "Password: ")
    process.pty:write "secret\n"
    assert.equal("\r\ngranted\r\n", ends(process))
  end)

  it("less shows a page, and more of it in a larger window", function()
    need "less"
    helper.with_tmpdir(function(dir)
      local text = {}
      for i = 1, 100 do text[i] = "line " .. i end
      helper.write_file(dir .. "/text", table.concat(text, "\n") .. "\n")
      local process = start { "less", dir .. "/text", pty = { rows = 5, columns = 300 },
        env = { LESS = "", LESSOPEN = false } }
      local page = await(process, "/text")
      assert.matches("line 4", page)
      assert.not_matches("line 5", page)
      assert.is_true(process:resize(20, 300))
      assert.matches("line 19", await(process, "line 19"))
      process.pty:write "G"
      await(process, "line 100")
      process.pty:write "q"
      ends(process)
    end)
  end)

  it("vim edits a file", function()
    need "vim"
    helper.with_tmpdir(function(dir)
      local process = start { "vim", "-u", "NONE", "-i", "NONE", "-n", dir .. "/text" }
      await(process, "/text")
      process.pty:write "ifrom a script\27:wq\r"
      ends(process)
      assert.equal("from a script\n", helper.read_file(dir .. "/text"))
    end)
  end)

  it("a program writes its lines at once that it buffers elsewhere", function()
    need "python3"
    local script = "import sys; print('tick'); sys.stderr.write('!'); sys.stderr.flush(); "
      .. "sys.stdin.read()"
    local env = { PYTHONUNBUFFERED = false }
    local process = assert(noshell.run_async { "python3", "-c", script, stdin = "pipe",
      stdout = "pipe", stderr = "pipe", env = env })
    assert.equal("!", process.stderr:read(1))
    assert.is_false(sys.poll(process.stdout:fileno(), "r", 0))
    process.stdin:close()
    assert.equal("tick", process.stdout:read())
    assert(process:wait())
    process:close()
    process = start { "python3", "-c", script, stdin = "pipe", stderr = "pipe",
      env = env }
    assert.equal("tick", process.pty:read())
    process.stdin:close()
    ends(process)
  end)
end)

-- ssh ------------------------------------------------------------------------------

--- Lets `f(words)` run ssh with these words against an sshd that ssh itself starts, and
--- that knows the password "secret" of this user. Only that sshd sees the file with the
--- password, because it is mounted in a namespace of its own.
local function with_sshd(f)
  need "ssh"
  need "sshd"
  need "perl"
  helper.require_or_pending("caps", sys.getuid() == 0
    and noshell.run { "unshare", "--mount", "true" }, "root, with CAP_SYS_ADMIN")
  helper.with_tmpdir(function(dir)
    assert(noshell.run { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir .. "/host" })
    helper.write_file(dir .. "/config", ("HostKey %s/host\nUsePAM no\nStrictModes no\n"
      .. "PermitRootLogin yes\nPasswordAuthentication yes\nPrintMotd no\nPrintLastLog no\n"
      .. "AuthorizedKeysFile none\nPidFile none\n"):format(dir))
    local hash = noshell.output { "perl", "-e", 'print crypt("secret", "\\$6\\$salt\\$")' }
    helper.write_file(dir .. "/shadow", "root:" .. hash .. ":19000:0:99999:7:::\n", "600")
    helper.write_file(dir .. "/server", ("#!/bin/sh\nmkdir -p /run/sshd\nexec unshare --mount "
      .. "sh -c 'mount --bind %s/shadow /etc/shadow && exec %s -i -e -f %s/config'\n"):format(dir,
      noshell.which "sshd", dir), "755")
    f { "-F", "none", "-l", "root", "-o", "ProxyCommand=" .. dir .. "/server 2>/dev/null",
      "-o", "UserKnownHostsFile=" .. dir .. "/known", "-o", "StrictHostKeyChecking=ask",
      "-o", "PubkeyAuthentication=no" }
  end)
end

describe("ssh", function()
  helper.leak_check()

  it("asks on the terminal, and its output is not mixed with that", function()
    with_sshd(function(words)
      local process = start { "ssh", words, "here.example", "echo out; echo err >&2; exit 3",
        stdin = "null", stdout = "capture", stderr = "capture" }
      await(process, "(yes/no/[fingerprint])? ")
      process.pty:write "yes\n"
      await(process, "password: ")
      process.pty:write "wrong\n"
      await(process, "password: ")
      process.pty:write "secret\n"
      local _, err = process:wait()
      assert.equal(3, err.result.exit_code)
      assert.equal("out\n", err.result.stdout)
      assert.matches("Permission denied, please try again.", err.result.stderr, 1, true)
      assert.matches("err\n$", err.result.stderr)
      process:close()
    end)
  end)
end)
