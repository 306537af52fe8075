local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local function started(spec)
  return assert(noshell.run_async(spec))
end

--- The stdout of a program that writes `text`, and its process.
local function writer(text)
  local process = started { "cat", input = text, stdout = "pipe" }
  return process.stdout, process
end

--- A process that is closed or out of time must be reached.
local function needs_signals()
  helper.require_or_pending("signals",
    os.getenv "NOSHELL_INSTRUMENTED" ~= "valgrind",
    "pidfd_send_signal, which valgrind does not know")
end

describe("a stream", function()
  helper.leak_check()

  it("reads lines without and with their ends", function()
    local stdout, process = writer "a\n\nb\r\nlast"
    assert.equal("a", stdout:read())
    assert.equal("", stdout:read "l")
    assert.equal("b\r\n", stdout:read "L")
    assert.equal("last", stdout:read "L")
    assert.is_nil(stdout:read "L")
    assert.is_nil(stdout:read "l")
    process:close()
  end)

  it("reads with the formats of 5.1", function()
    local stdout, process = writer "a\nb\nc\nd"
    assert.equal("a", stdout:read "*l")
    assert.equal("b\n", stdout:read "*L")
    assert.equal("c\nd", stdout:read "*a")
    process:close()
  end)

  it("reads the rest, which may be empty", function()
    local stdout, process = writer "a\nb\n"
    assert.equal("a", stdout:read())
    assert.equal("b\n", stdout:read "a")
    assert.equal("", stdout:read "a")
    process:close()
  end)

  it("reads a number of bytes, and fewer before the end", function()
    local stdout, process = writer "abc\0def"
    assert.equal("abc\0", stdout:read(4))
    assert.equal("def", stdout:read(10))
    assert.is_nil(stdout:read(10))
    process:close()
  end)

  it("reads an empty string for no bytes, and nil at the end", function()
    local stdout, process = writer "a\n\nbc"
    assert.equal("", stdout:read(0))
    assert.equal("", stdout:read(0))
    assert.equal("a", stdout:read())
    assert.equal("", stdout:read(0))
    assert.equal("", stdout:read())
    assert.equal("", stdout:read(0))
    assert.equal("b", stdout:read(1))
    assert.equal("", stdout:read(0))
    assert.equal("c", stdout:read "a")
    assert.is_nil(stdout:read(0))
    process:close()
  end)

  it("reads several formats at once, up to the first that fails",
    function()
      local stdout, process = writer "a\nbcd\ne"
      assert.same({ "a", "bc" }, { stdout:read("l", 2) })
      local answers = { n = select("#", stdout:read("l", "a", "l", "a")) }
      assert.equal(3, answers.n)
      process:close()
    end)

  it("rejects unknown formats before it reads", function()
    local stdout, process = writer "1\n"
    for _, format in ipairs { "x", "", "*", -1, 1.5, {}, true } do
      assert.has_error(function() stdout:read("l", format) end)
    end
    local _, message = pcall(stdout.read, stdout, "n")
    assert.truthy(message:find("bad argument #1 to 'read' (numbers are not "
      .. "parsed: read a line)", 1, true), message)
    assert.equal("1", stdout:read())
    process:close()
  end)

  it("that does not exist is reported with what to write", function()
    local process = assert(noshell.run_async { "true" })
    local function message(name)
      local _, text = pcall(function() return process[name]:read() end)
      return (text:gsub("^%S*stream_spec.lua:%d+: ", "<here> "))
    end
    for _, name in ipairs { "stdin", "stdout", "stderr" } do
      assert.equal(('<here> the %s of this process is not a pipe: start it with %s = "pipe"')
        :format(name, name), message(name))
    end
    assert(process:wait())
    process:close()
    assert.equal("<here> the process is closed", message "stdout")
    process = assert(noshell.run_async { "cat", input = function() end })
    assert.equal("<here> the stdin of this process is written by noshell, which calls its "
      .. "'input'", message "stdin")
    process:close()
  end)

  it("reports which streams can be read and written", function()
    local process = started { "cat", stdin = "pipe", stdout = "pipe" }
    local _, err = process.stdin:read()
    assert.equal("noshell: cannot read from 'cat': stdin is for writing: read from "
      .. "process.stdout (EBADF)", helper.said(err))
    _, err = process.stdout:write "x"
    assert.equal("noshell: cannot write to 'cat': this stream is for reading: write to "
      .. "process.stdin (EBADF)", helper.said(err))
    process:close()
  end)

  it("names the caller's line if a format is rejected", function()
    local stdout, process = writer ""
    local _, message = pcall(function() stdout:read "x" end)
    assert.truthy(message:find("stream_spec.lua:%d+: bad argument"), message)
    _, message = pcall(function() stdout:lines "x" end)
    assert.truthy(message:find("stream_spec.lua:%d+: bad argument #1 to 'lines'"),
      message)
    process:close()
  end)

  it("returns lines as they arrive", function()
    local process = started { "cat", stdin = "pipe", stdout = "pipe" }
    local lines = process.stdout:lines()
    for _, text in ipairs { "one", "", "three" } do
      process.stdin:write(text, "\n")
      assert.equal(text, lines())
    end
    process.stdin:close()
    assert.is_nil(lines())
    assert.is_nil(lines())
    assert(process:wait())
    process:close()
  end)

  it("returns lines in other formats", function()
    local stdout, process = writer "a\nb"
    local found = {}
    for line in stdout:lines "L" do found[#found + 1] = line end
    assert.same({ "a\n", "b" }, found)
    process:close()

    stdout, process = writer "abcde"
    found = {}
    for two, one in stdout:lines(2, 1) do
      found[#found + 1] = two .. "," .. tostring(one)
    end
    assert.same({ "ab,c", "de,nil" }, found)
    process:close()
  end)

  it("returns records that end with any separator", function()
    for _, separator in ipairs { "\0", ";", "\r\n", "--", "aab" } do
      local stdout, process = writer("x" .. separator .. separator .. "a-\r;y")
      if separator == ";" then
        local found = {}
        for record in stdout:records ";" do found[#found + 1] = record end
        assert.same({ "x", "", "a-\r", "y" }, found)
      else
        local found = {}
        for record in stdout:records(separator) do found[#found + 1] = record end
        assert.same({ "x", "", "a-\r;y" }, found)
      end
      process:close()
    end
  end)

  it("returns no empty record after the last separator", function()
    local stdout, process = writer "a\0b\0"
    local found = {}
    for record in stdout:records "\0" do found[#found + 1] = record end
    assert.same({ "a", "b" }, found)
    process:close()
  end)

  it("rejects a wrong separator", function()
    local stdout, process = writer ""
    assert.has_error(function() stdout:records() end)
    assert.has_error(function() stdout:records "" end)
    process:close()
  end)

  it("reads a line of any length", function()
    local long = ("x"):rep(3000000)
    local stdout, process = writer(long .. "\nshort\n")
    assert.is_true(long == stdout:read())
    assert.equal("short", stdout:read())
    process:close()
  end)

  it("writes strings and numbers, and returns itself", function()
    local process = started { "cat", stdin = "pipe" }
    assert.equal(process.stdin, process.stdin:write("a", 1, "\0b"))
    assert.equal(process.stdin, process.stdin:write())
    assert.equal(process.stdin, process.stdin:flush())
    process.stdin:close()
    assert.equal("a1\0b", assert(process:wait()).stdout)
    process:close()
  end)

  it("writes any amount while the output is captured", function()
    local data = ("0123456789abcdef"):rep(400000)
    local process = started { "cat", stdin = "pipe" }
    assert(process.stdin:write(data))
    process.stdin:close()
    assert.is_true(data == assert(process:wait()).stdout)
    process:close()
  end)

  it("reads while more than a pipe holds is captured of stderr", function()
    local process = started { "sh", "-c",
      "head -c 300000 /dev/zero >&2; echo done", stdout = "pipe" }
    assert.equal("done", process.stdout:read())
    assert.equal(300000, #assert(process:wait()).stderr)
    process:close()
  end)

  it("reads while more than a pipe holds goes to stdin", function()
    local process = started { "sh", "-c", "cat >/dev/null; echo done",
      input = ("x"):rep(300000), stdout = "pipe" }
    assert.equal("done", process.stdout:read())
    assert(process:wait())
    process:close()
  end)

  it("rejects values that are no text", function()
    local process = started { "cat", stdin = "pipe" }
    assert.has_error(function() process.stdin:write("a", {}) end)
    assert.has_error(function() process.stdin:write(nil) end)
    process.stdin:close()
    assert.equal("", assert(process:wait()).stdout:gsub("a", ""))
    process:close()
  end)

  it("reports that the program does not read its input", function()
    needs_signals()
    local process = started { "sh", "-c", "exec <&-; echo closed; sleep 100",
      stdin = "pipe", stdout = "pipe" }
    assert.equal("closed", process.stdout:read())
    local ok, err = process.stdin:write "x"
    assert.is_nil(ok)
    assert.equal("io", err.code)
    assert.equal("EPIPE", err.errname)
    assert.truthy(helper.said(err):find("noshell: cannot write to 'sh -c ", 1, true))
    assert.truthy(helper.said(err):find(": Broken pipe (EPIPE)", 1, true))
    process:close()
  end)

  it("ends with its process if a deadline has passed", function()
    needs_signals()
    local process = started { "sh", "-c",
      "echo first; exec sleep 100", stdout = "pipe", timeout = 0.5 }
    assert.equal("first", process.stdout:read())
    local before = core.now()
    assert.is_nil(process.stdout:read())
    assert.truthy(core.now() - before < 20)
    local _, err = process:wait()
    assert.equal("timeout", err.code)
    process:close()
  end)

  it("waits for its end without a busy loop after the process has ended", function()
    local process = started { "sh", "-c", "sleep 0.3 2>/dev/null & exit 0",
      stdout = "pipe" }
    local waits = 0
    local previous = noshell.host.use(function(pollable, seconds)
      waits = waits + 1
      core.poll(pollable:pollfd() or -1, pollable:events(),
        pollable:timeout() or seconds)
    end)
    local text = process.stdout:read "a"
    noshell.host.use(previous)
    assert.equal("", text)
    assert.truthy(waits < 10, waits)
    assert(process:wait())
    process:close()
  end)

  it("may be closed early, and twice", function()
    local process = started { "yes", stdout = "pipe" }
    assert.equal("y", process.stdout:read())
    assert.is_true(process.stdout:close())
    assert.is_true(process.stdout:close())
    local _, err = process:wait()
    assert.equal("PIPE", err.result.signal)
    assert.has_error(function() process.stdout:read() end)
    process:close()
  end)

  it("raises the error if a line cannot be read", function()
    local stdout, process = writer "a\n"
    local lines = stdout:lines()
    assert.equal("a", lines())
    process:close()
    assert.has_error(lines)
  end)
end)
