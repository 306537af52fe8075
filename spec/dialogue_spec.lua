local helper = require "spec.support.helper"
local noshell = require "noshell"
local search = require "noshell.search"

local function started(spec)
  return assert(noshell.run_async(spec))
end

--- A process that returns what is written to it.
local function echo()
  return started { "cat", stdin = "pipe", stdout = "pipe" }
end

--- A process that has written `text`, which has arrived, and keeps its stdout open.
local function writer(text)
  local process = echo()
  if text ~= "" then
    process.stdin:write(text)
    assert.equal(text, process.stdout:read(#text))
    process.stdout:_push_back(text)
  end
  return process.stdout, process
end

--- The message of an error that f raises at a line of this file.
local function raised(f, ...)
  local _, text = pcall(f, ...)
  return (text:gsub("^.-dialogue_spec.lua:%d+: ", "<here> "))
end

describe("stream:read_until", function()
  helper.leak_check()

  it("returns the text before the match, the match and the pattern's number", function()
    local stdout, process = writer "log in: name\nPassword 17: rest"
    assert.same({ "log in", ": ", 1 }, { stdout:read_until ": " })
    assert.same({ "name\n", "Password 17", 2 },
      { stdout:read_until { "%d+ files", "Password %d+", "name%-" } })
    assert.equal(":", stdout:read(1))
    assert.equal(" r", stdout:read_some(2))
    process.stdin:close()
    assert.equal("est", stdout:read "a")
    process:close()
  end)

  it("takes the match that begins first, and of several the first pattern", function()
    local stdout, process = writer "b a ab ab "
    assert.same({ "", "b", 2 }, { stdout:read_until { "a", "b" } })
    assert.same({ " ", "a ", 1 }, { stdout:read_until { "a ", "a" } })
    assert.same({ "", "ab", 2 }, { stdout:read_until { "b ", "ab" } })
    process:close()
  end)

  it("searches texts with plain = true", function()
    local stdout, process = writer "(gdb) x\0y%d"
    assert.same({ "", "(gdb) ", 2 }, { stdout:read_until { "%d", "(gdb) ", plain = true } })
    assert.same({ "x", "\0", 1 }, { stdout:read_until { "\0", plain = true } })
    assert.same({ "y", "%d", 1 }, { stdout:read_until { "%d", plain = true } })
    process:close()
  end)

  it("finds a match that arrives in pieces", function()
    local process = echo()
    process.stdin:write "some te"
    assert.equal("some te", process.stdout:read_some())
    process.stdin:write "xt, then EN"
    local _, err = process.stdout:read_until("END", 0)
    assert.equal("timeout", err.code)
    process.stdin:write "D."
    assert.same({ "xt, then ", "END", 1 }, { process.stdout:read_until "END" })
    process:close()
  end)

  it("matches the end of what has arrived with $, and its beginning with ^", function()
    local stdout, process = writer "a$ b$ "
    assert.same({ "a$ b", "$ ", 2 }, { stdout:read_until { "^b", "%$ $" } })
    process:close()
  end)

  it("leaves the text for the next read after a timeout, and the program runs", function()
    local stdout, process = writer "one\ntwo"
    local before, err = stdout:read_until({ "three", "fo+r" }, 0.01)
    assert.is_nil(before)
    assert.equal("timeout", err.code)
    assert.equal('noshell: cannot read from \'cat\': "three" or "fo+r" did not arrive on '
      .. 'stdout within 0.01 s; unread: "one; two"', helper.said(err))
    assert.is_nil(process:poll())
    assert.equal("one", stdout:read())
    process.stdin:write "\n"
    assert.equal("two", stdout:read())
    err = select(2, stdout:read_until("x", 0))
    assert.matches("unread: nothing", tostring(err))
    process:close()
  end)

  it("fails at the end of the stream, and leaves the rest", function()
    local stdout, process = writer "the rest"
    process.stdin:close()
    local _, err = stdout:read_until "> "
    assert.equal("io", err.code)
    assert.is_true(err.ended)
    assert.equal('noshell: cannot read from \'cat\': "> " did not arrive before the end of '
      .. 'stdout; unread: "the rest"', helper.said(err))
    assert.equal("the rest", stdout:read "a")
    assert.is_nil(stdout:read_some())
    process:close()
  end)

  it("finds matches in a long output, however it arrives", function()
    local process = started { "seq", 200000, stdout = "pipe" }
    assert.equal("1\n2\n3", (process.stdout:read_until "\n4\n"))
    local before, match = process.stdout:read_until "1234%d6\n"
    assert.equal("123406\n", match)
    assert.equal("5\n6\n", before:sub(1, 4))
    assert.equal("123405\n", before:sub(-7))
    -- Longer than the bytes that are searched again.
    before, match = process.stdout:read_until "^123407\n.*\n199999\n"
    assert.equal("", before)
    assert.equal("\n199999\n", match:sub(-8))
    assert.equal("200000\n", process.stdout:read "a")
    process:close()
  end)

  it("does not search all bytes again if few arrive", function()
    local searched, text = 0, ("y"):rep(300000)
    local function peek(from, to)
      searched = searched + to - from
      return text:sub(from + 1, to)
    end
    local searching = search.new "%d"
    for size = 1000, #text, 1000 do assert.is_nil(searching:look(peek, size)) end
    assert.is_true(searched < 12 * #text, searched)
    searching, searched = search.new "some words", 0
    for size = 1000, #text, 1000 do assert.is_nil(searching:look(peek, size)) end
    assert.is_true(searched < 2 * #text, searched)
    -- A match at the beginning does not look at everything that has arrived.
    searched = 0
    assert.same({ 1, 2, 1 }, { search.new("yy"):look(peek, #text) })
    assert.is_true(searched < 5000, searched)
  end)

  it("finds a match longer than what is searched again when nothing else arrives", function()
    local process = echo()
    process.stdin:write "{"
    assert.matches("did not arrive", tostring(select(2, process.stdout:read_until("}", 0))))
    local searching, text = search.new "%b{}", "{" .. ("x"):rep(20000) .. "}"
    local function peek(from, to) return text:sub(from + 1, to) end
    for size = 1000, 20000, 1000 do assert.is_nil(searching:look(peek, size)) end
    assert.is_nil(searching:look(peek, #text))
    assert.same({ 1, 20002, 1 }, { searching:finish(peek, #text) })
    process:close()
  end)

  it("rejects what is no pattern at the caller's line", function()
    local stdout, process = writer ""
    local function message(...)
      return raised(function(...) stdout:read_until(...) end, ...)
    end
    assert.equal("<here> read_until: a pattern is needed", message {})
    assert.equal("<here> read_until: a pattern is needed", message())
    assert.equal("<here> read_until: a pattern must be a string, not 3", message { "a", 3 })
    assert.equal("<here> read_until: a pattern is empty", message "")
    assert.matches('^<here> read_until: "%%" ?: ?malformed pattern', message "%")
    assert.equal('<here> read_until: "palin": the list has patterns, and perhaps '
      .. 'plain = true', message { "a", palin = true })
    assert.equal('<here> read_until: a number of seconds, 0 or more, is needed, not "soon"',
      message("a", "soon"))
    process:close()
  end)

  it("reports a pattern whose fault is found only in what arrives", function()
    local stdout, process = writer "ab12"
    local function message(...)
      return raised(function(...) stdout:read_until(...) end, ...)
    end
    assert.matches('^<here> read_until: "%%d%+%[": malformed pattern', message("%d+[", 5))
    assert.equal('<here> read_until: "^ab(": unfinished capture', message("^ab(", 5))
    assert.equal("ab12", stdout:read(4))
    process:close()
  end)
end)

describe("stream:read_some", function()
  helper.leak_check()

  it("reads what has arrived, and nil at the end", function()
    local stdout, process = writer "abc"
    assert.equal("a", stdout:read_some(1))
    assert.equal("bc", stdout:read_some())
    process.stdin:write "\n"
    process.stdin:close()
    assert.equal("\n", stdout:read_some(math.huge))
    assert.is_nil(stdout:read_some())
    process:close()
  end)

  it("rejects sizes that are none", function()
    local stdout, process = writer "abc"
    for _, size in ipairs { 0, -1, 1.5, "x" } do
      assert.matches("^<here> read_some: a number of bytes is needed, not ",
        raised(function() stdout:read_some(size) end))
    end
    process:close()
  end)
end)

describe("stream:set_timeout", function()
  helper.leak_check()

  it("limits reads, which lose nothing", function()
    local stdout, process = writer "one\ntwo\nthr"
    assert.equal(stdout, stdout:set_timeout(0.01))
    local value, err = stdout:read("l", 2, "l", "l")
    assert.is_nil(value)
    assert.equal("noshell: cannot read from 'cat': stdout had nothing complete to read "
      .. "after 0.01 s; the program runs on", helper.said(err))
    assert.same({ "timeout", 0.01 }, { err.code, err.seconds })
    assert.is_nil((stdout:read "a"))
    assert.same({ "one", "", "tw" }, { stdout:read("l", 0, 2) })
    assert.is_nil((stdout:read("l", 0, 10)))
    assert.equal("o\nthr", stdout:read_some())
    assert.equal("timeout", select(2, stdout:read_some()).code)
    assert.equal("timeout", select(2, stdout:read_until "x").code)
    process.stdin:write "ee\n"
    stdout:set_timeout(nil)
    assert.equal("ee", stdout:read())
    process:close()
  end)

  it("gives back a long line and a record", function()
    local process = echo()
    process.stdout:set_timeout(0.01)
    local sent = ("x"):rep(60000)
    for _ = 1, 3 do
      process.stdin:write(sent)
      assert.equal("timeout", select(2, process.stdout:read()).code)
    end
    local ok, err = pcall(process.stdout:records "; ")
    assert.is_false(ok)
    assert.equal("timeout", err.code)
    process.stdin:write "; "
    process.stdout:set_timeout(math.huge)
    assert.equal(sent:rep(3), process.stdout:records "; "())
    process:close()
  end)

  it("limits writes, and reports how much was written", function()
    local process = started { "sleep", 60, stdin = "pipe" }
    process.stdin:set_timeout(0.01)
    local ok, err = process.stdin:write("abc", ("x"):rep(1000000))
    assert.is_nil(ok)
    assert.equal("timeout", err.code)
    assert.is_true(err.written >= 4096 and err.written < 1000003)
    assert.equal("noshell: cannot write to 'sleep 60': stdin accepted no more within "
      .. "0.01 s; the program runs on", helper.said(err))
    process:close()
  end)

  it("rejects what is no time at the caller's line", function()
    local stdout, process = writer ""
    for _, seconds in ipairs { -1, 0 / 0, "1" } do
      assert.matches("^<here> set_timeout: a number of seconds, 0 or more, is needed, not ",
        raised(function() stdout:set_timeout(seconds) end))
      assert.matches("^<here> read_until: a number of seconds, 0 or more, is needed, not ",
        raised(function() stdout:read_until("x", seconds) end))
    end
    process:close()
  end)
end)
