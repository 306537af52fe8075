-- Programs in the foreground of our terminal. Each spec runs a script on a new terminal.
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Prints whether the shell leads its group, and whether its group has the terminal.
local STAT = [[read -r pid name state parent group session tty foreground rest </proc/$$/stat
echo $(( group == $$ )) $(( foreground == group ))]]

--- The words that run a script with this Lua. `run` in the script has STAT.
local function script(code)
  local prelude = ("package.path, package.cpath = %q, %q\nlocal STAT = %q\n"):format(
    package.path, package.cpath, STAT)
  return { helper.lua.name, "-e", prelude .. 'local noshell = require "noshell"\n'
    .. "io.stdout:setvbuf 'no'\n" .. code }
end

--- Starts a script on a terminal.
local function start(code, more)
  local spec = script(code)
  spec.pty, spec.timeout = { echo = false }, 60
  for key, value in pairs(more or {}) do spec[key] = value end
  return assert(noshell.run_async(spec))
end

--- Waits for the end of the script. Returns what it wrote.
local function finish(process)
  local text = process.pty:read "a"
  local result, err = process:wait()
  assert.equal(0, (result or err.result).exit_code, tostring(err) .. text)
  process:close()
  return (text:gsub("\r", ""))
end

local function await(process, text)
  local before, err = process.pty:read_until({ text, plain = true }, 30)
  assert(before, tostring(err))
  return before
end

describe("a program in the foreground", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("has the terminal, alone, while it runs", function()
      assert.equal(("1 1\n%s\n0 1\n"):format(path), finish(start [[
        local process = assert(noshell.run_async { "sh", "-c", STAT, foreground = true,
          stdout = "inherit", stdin = "inherit" })
        process:wait()
        print(process.launch)
        noshell.system("sh", "-c", STAT)
      ]]))
    end)
  end)

  it("has it under another user, too", function()
    helper.require_or_pending("caps", helper.sys.getuid() == 0, "root")
    assert.equal("1 1\n0 1\n", finish(start [[
      noshell.system { "sh", "-c", STAT, foreground = true, user = "nobody" }
      noshell.system("sh", "-c", STAT)
    ]]))
  end)

  it("gets Ctrl-C alone", function()
    local process = start [[
      local _, err = noshell.run { "sh", "-c", "echo ready >/dev/tty; exec sleep 60",
        foreground = true }
      print(err.code, err.result.signal)
    ]]
    await(process, "ready\r\n")
    process.pty:write "\3"
    assert.equal("signal\tINT\n", finish(process))
  end)

  it("leaves the terminal as it was, however it ends", function()
    assert.equal("0 1\n0 1\n0 1\n0 1\n", finish(start [[
      local function check(spec)
        spec.foreground, spec.stdin = true, "inherit"
        noshell.run(spec)
        local modes = noshell.output { "stty", "-a", stdin = "inherit" }:gsub("%s", " ")
        if not (modes:find " icanon" and modes:find " isig" and modes:find "%-echo ") then
          print(modes)
        end
        noshell.system("sh", "-c", STAT)
      end
      check { "sh", "-c", "stty raw -isig echo; kill -KILL $$" }
      check { "sh", "-c", "stty raw -isig echo" }
      check { "/no/such/program" }
      check { "sh", "-c", "stty raw -isig echo; exec sleep 60", timeout = 0.1 }
    ]]))
  end)

  --- Starts a script as a job of a shell on a terminal. The program that it runs writes a
  --- line, and reads one.
  local function start_job()
    local process = assert(noshell.run_async { "bash", "--norc", "-i", pty = { echo = false },
      timeout = 60, env = { PS1 = "ready$ ", HISTFILE = "", TERM = "dumb", JOB =
        -- A signal that arrives just before a read would wait for its end.
        '$| = 1; $SIG{CONT} = sub { $on = 1 }; print "one\\n"; '
        .. 'select undef, undef, undef, 0.01 until $on; print "on\\n"; '
        .. '$SIG{CONT} = sub { print "on\\n" }; $_ = <STDIN>; print "got $_"' } })
    local words = script [[
      local result = noshell.system { "perl", "-e", os.getenv "JOB", foreground = true }
      noshell.system("sh", "-c", STAT)
      print("end", result)
    ]]
    await(process, "ready$ ")
    process.pty:write("stty -echo; lua=", noshell.quote(words[3]):gsub("\n", "\r"), "; ")
    process.pty:write(words[1], " -e \"$lua\"\n")
    await(process, "one\r\n")
    process.pty:write "\26"
    await(process, "Stopped")
    await(process, "ready$ ")
    return process
  end

  local function end_job(process)
    process.pty:write "word\n"
    await(process, "got word\r\n0 1\r\nend\ttrue\r\n")
    await(process, "ready$ ")
    process.pty:write "exit\n"
    process.pty:read "a"
    assert(process:wait())
    process:close()
  end

  it("stops together with the script by Ctrl-Z, and goes on with it", function()
    local process = start_job()
    process.pty:write "jobs\n"
    await(process, "Stopped")
    await(process, "ready$ ")
    process.pty:write "fg\n"
    await(process, "on\r\n")
    end_job(process)
  end)

  it("goes on in the background, where it may not read", function()
    local process = start_job()
    process.pty:write "bg\n"
    await(process, "on\r\n")
    process.pty:write "wait\n"
    await(process, "Stopped")
    process.pty:write "fg\n"
    await(process, "on\r\n")
    end_job(process)
  end)

  it("goes on after Ctrl-Z if no shell could continue the script", function()
    local process = start [[
      local ok = noshell.system { "perl", "-e", '$| = 1; $SIG{CONT} = sub { $on = 1 };'
        .. 'print "one\n"; select undef, undef, undef, 0.01 until $on;'
        .. 'print "on\n"; $_ = <STDIN>; print "got $_"', foreground = true }
      print(ok)
    ]]
    await(process, "one\r\n")
    process.pty:write "\26"
    await(process, "on\r\n")
    process.pty:write "word\n"
    assert.equal("got word\ntrue\n", finish(process))
  end)

  it("only gets a group if there is no terminal", function()
    local words = script [[print((noshell.output { "sh", "-c", STAT, foreground = true }))]]
    words.new_session = true
    assert.equal("1 0", noshell.output(words))
  end)

  it("gives it back if it is given up in its handshake", function()
    assert.equal("0 1\n", finish(start [[
      local process = assert(noshell.run_async { "true", foreground = true,
        require_handshake = true })
      process:handshake_wait(10)
      process:close()
      noshell.system("sh", "-c", STAT)
    ]]))
  end)

  it("gives it back although the script does not wait for it", function()
    assert.equal("back\n", finish(start [[
      local process = assert(noshell.run_async { "true", foreground = true })
      process:detach()
      repeat noshell.sleep(0.002) until noshell.output("sh", "-c", STAT) == "0 1"
      print "back"
    ]]))
  end)

  it("may be the last one of a pipeline", function()
    assert.equal("1 1\n0 1\n", finish(start [[
      noshell.system(noshell.pipeline({ "echo", "x" }, { "sh", "-c", STAT .. "; cat >/dev/null",
        foreground = true }))
      noshell.system("sh", "-c", STAT)
    ]]))
  end)

  it("is refused by the kernel with its stage", function()
    assert.equal("spawn set_foreground EPERM\n0 1\n", finish(start([[
      local sys = require "testsys"
      assert(sys.deny "ioctl(TIOCSPGRP):EPERM")
      local _, err = noshell.run { "true", foreground = true }
      print(err.code .. " " .. err.stage .. " " .. err.errname)
      noshell.system("sh", "-c", STAT)
    ]])))
  end)
end)

describe("a second program in the foreground", function()
  helper.leak_check()

  it("does not start while the first has the terminal", function()
    local why = "spawn set_foreground EBUSY another program of this process has the terminal: "
      .. "only one can have it at a time\n"
    assert.equal(why .. why .. "true\texit\t0\n", finish(start [[
      local function report(_, err)
        print(err.code .. " " .. err.stage .. " " .. err.errname .. " " .. err.reason)
      end
      local first = assert(noshell.run_async { "cat", stdin = "pipe", foreground = true })
      report(noshell.run { "cat", stdin = "inherit", foreground = true })
      first:kill "KILL"
      -- It has the terminal until its end is collected.
      report(noshell.run { "true", foreground = true })
      first:wait()
      first:close()
      print(noshell.system { "true", foreground = true })
    ]]))
  end)
end)

describe("a program that its terminal has stopped", function()
  helper.leak_check()

  it("is reported at the timeout", function()
    local text = finish(start [[
      local function try(spec)
        spec.stdin, spec.process_group = "inherit", true
        local process = assert(noshell.run_async(spec))
        repeat noshell.sleep(0.002) until process:_stopped_by()
        print(select(2, process:wait(0)).reason)
        process:close()
      end
      try { "cat" }
      try { "stty", "-echo" }
      try { "sh", "-c", "kill -STOP $$" }
      local _, err = noshell.run { "cat", stdin = "inherit", process_group = true, timeout = 1 }
      print(err.result.stopped_by, (tostring(err):gsub("^.-; ", ""):gsub(" %(.*", "")))
    ]])
    local read = 'stopped by TTIN: it read from the terminal in the background; set stdin = '
      .. '"null" or foreground = true\n'
    assert.equal(read .. "stopped by TTOU: it wrote to the terminal, or changed "
      .. "its modes, in the background; direct its output elsewhere or set foreground = true\n"
      .. "stopped by STOP\nTTIN\t" .. read, text)
  end)
end)

describe("a foreground that makes no sense", function()
  helper.leak_check()

  it("is refused", function()
    local begin = "noshell: invalid command 'true': set_foreground cannot be used with "
    for text, spec in pairs {
      ["set_pty: the program has a terminal of its own then"] = { pty = true },
      ["daemonize or new_session: another session does not have our terminal"] =
        { daemonize = true },
      ["set_process_group: the program leads a process group then"] = { process_group = 1 },
    } do
      spec[1], spec.foreground = "true", true
      local _, err = noshell.run(spec)
      assert.equal("invalid " .. begin .. text, err.code .. " " .. helper.said(err))
    end
    local _, err = noshell.exec { "true", foreground = true }
    assert.equal(begin .. "exec: no parent remains that could take the terminal back",
      helper.said(err))
  end)

  it("is visible in a dry run", function()
    local dry = noshell.dry_run()
    assert(noshell.run { "vi", foreground = true })
    dry:stop()
    assert.is_true(dry:calls()[1].foreground)
  end)
end)
