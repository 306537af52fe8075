local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local function collector()
  local list = {}
  return list, function(line) list[#list + 1] = line end
end

--- The pieces that a callback gets of the text, which may be a list of chunks.
local function pieces_of(text, by)
  local list, add = collector()
  local input = type(text) == "table" and text or { text }
  local result = assert(noshell.run { "cat", input = input, on_stdout = { add, by = by } })
  assert.equal(table.concat(input), result.stdout)
  return list
end

describe("on_stdout with by", function()
  helper.leak_check()

  it("calls for each piece that a separator ends, and for the rest", function()
    assert.same({ "10%", "20%", "", "done\n" }, pieces_of("10%\r20%\r\rdone\n", "\r"))
    assert.same({ "a", "b" }, pieces_of("a, b, ", ", "))
    assert.same({ "a,b", ",c" }, pieces_of("a,b, ,c", ", "))
    assert.same({ "a", "b\r" }, pieces_of("a\nb\r", "line"))
    assert.same({}, pieces_of("", "\r"))
  end)

  it("takes a list of separators, and the longest that is there", function()
    assert.same({ "1", "2", "3", "4", "5" },
      pieces_of("1\r2\n3\r\n4\n5\r\n", { "\r", "\n", "\r\n" }))
    assert.same({ "1", "", "2" }, pieces_of("1\r\n2", { "\r", "\n" }))
    assert.same({ "1" }, pieces_of("1\r", { "\r", "\r\n" }))
    assert.same({ "a" }, pieces_of("aline", { "line" }))
  end)

  it("calls for chunks", function()
    assert.equal("a\r\nb\0", table.concat(pieces_of("a\r\nb\0", "chunk")))
  end)

  it("calls as soon as a separator has arrived, also within a longer text", function()
    local list, process = {}, nil
    process = assert(noshell.run_async { "sh", "-c",
      "printf '10%%\\r'; read -r a; printf '2'; read -r a; printf '0%%\\r-'; read -r a; :",
      stdin = "pipe", on_stdout = { function(piece)
        list[#list + 1] = piece
        if #list == 1 then process.stdin:write "\n\n" else process.stdin:close() end
      end, by = { "\r", "\n" } } })
    assert(process:wait(60))
    assert.same({ "10%", "20%", "-" }, list)
    process:close()
  end)

  it("gets pieces of any length, and many", function()
    local long = ("x"):rep(3000000)
    local list = pieces_of({ long, ", ", long, ",", " y" }, ", ")
    assert.same({ #long, #long, "y" }, { #list[1], #list[2], list[3] })
    list = pieces_of(("ab\r"):rep(200000), { "\r", "\n" })
    assert.equal(200000, #list)
  end)

  it("goes with tail and stderr", function()
    local count = 0
    local result = assert(noshell.run { "sh", "-c", "seq 200000 | tr '\\n' '\\r' >&2",
      tail = 7, on_stderr = { function() count = count + 1 end, by = "\r" } })
    assert.equal(200000, count)
    assert.equal("200000\r", result.stderr)
    result = assert(noshell.run { "echo", "x", tail = 0,
      on_stdout = { function() end, by = "chunk" } })
    assert.equal("", result.stdout)
  end)

  it("is an argument error if it is none", function()
    local f = function() end
    for text, given in pairs {
      ["must be a function, or { f, by = ... }"] = 5,
      ["must begin with a function"] = { by = "\r" },
      ['has the key "separator": write { f, by = ... }'] = { f, separator = "\r" },
      ["'by' is an empty list"] = { f, by = {} },
      ["'by' must be \"line\", \"chunk\", a separator or a list of them, not \"\""] =
        { f, by = "" },
      ["'by' is \"line\", not \"lines\"; for a separator, write { \"lines\" }"] =
        { f, by = "lines" },
      ["'by' must be \"line\", \"chunk\", a separator or a list of them, not 3"] =
        { f, by = { "a", 3 } },
    } do
      local _, err = noshell.run { "echo", on_stdout = given }
      assert.equal("invalid", err.code)
      assert.equal(text, err.reason)
    end
  end)
end)

describe("process:captured", function()
  helper.leak_check()

  it("returns what has arrived while the program runs", function()
    local process
    local seen = {}
    process = assert(noshell.run_async { "sh", "-c", "echo one; read -r a; echo two; echo e >&2",
      stdin = "pipe", on_stdout = function()
        seen[#seen + 1] = process:captured "stdout"
        if #seen == 1 then process.stdin:close() end
      end, check = false })
    assert.equal("", process:captured "stderr")
    assert(process:wait(60))
    assert.same({ "one\n", "one\ntwo\n" }, seen)
    assert.equal("e\n", process:captured "stderr")
    process:close()
  end)

  it("returns the kept bytes with tail", function()
    local process = assert(noshell.run_async { "seq", 1000, tail = 5 })
    assert(process:wait(60))
    assert.equal("1000\n", process:captured "stdout")
    process:close()
  end)

  it("reports misuse", function()
    local process = assert(noshell.run_async { "true", stderr = "null" })
    local _, text = pcall(function() process:captured "stderr" end)
    assert.matches("drive_spec.lua:%d+: captured: the stderr of this process is not captured$",
      text)
    _, text = pcall(function() process:captured(1) end)
    assert.matches('drive_spec.lua:%d+: captured: "stdout" or "stderr" is needed, not 1$', text)
    process:close()
  end)
end)

describe("on_stdout and on_stderr", function()
  helper.leak_check()

  it("are called for each line while everything is captured", function()
    local out, on_stdout = collector()
    local err, on_stderr = collector()
    local result = assert(noshell.run { "sh", "-c", "echo a; echo e >&2; echo; printf b",
      on_stdout = on_stdout, on_stderr = on_stderr })
    assert.same({ "a", "", "b" }, out)
    assert.same({ "e" }, err)
    assert.equal("a\n\nb", result.stdout)
    assert.equal("e\n", result.stderr)
  end)

  it("are called as lines arrive", function()
    -- The program ends only after the callback got the line.
    helper.with_tmpdir(function(dir)
      local result = assert(noshell.run {
        "sh", "-c", 'echo ready; while ! [ -e "$1" ]; do sleep 0.01; done; echo done',
        "sh", dir .. "/go", timeout = 10,
        on_stdout = function(line)
          if line == "ready" then helper.write_file(dir .. "/go", "") end
        end })
      assert.equal("ready\ndone\n", result.stdout)
    end)
  end)

  it("get stderr's lines if it is directed to stdout", function()
    local out, on_stdout = collector()
    assert(noshell.run { "sh", "-c", "echo a; echo b >&2; echo c", stderr = "stdout",
      on_stdout = on_stdout })
    assert.same({ "a", "b", "c" }, out)
  end)

  it("get lines of any length", function()
    local size = 5000000
    local told
    assert(noshell.run { "cat", input = { ("x"):rep(size), "\n", "y" },
      on_stdout = function(line) told = told or #line end })
    assert.equal(size, told)
  end)

  it("get many lines of both streams", function()
    local out, err = 0, 0
    assert(noshell.run { "sh", "-c", "seq 200000 >&2 & seq 200000; wait",
      on_stdout = function() out = out + 1 end,
      on_stderr = function() err = err + 1 end })
    assert.equal(200000, out)
    assert.equal(200000, err)
  end)

  it("get lines without their CR with crlf", function()
    local spec = { "printf", "a\\r\\nb\\n\\r\\nc\\r", crlf = true }
    local out, on_stdout = collector()
    spec.on_stdout = on_stdout
    assert(noshell.run(spec))
    assert.same({ "a", "b", "", "c\r" }, out)
    out, spec.on_stdout = collector()
    spec.crlf = nil
    assert(noshell.run(spec))
    assert.same({ "a\r", "b", "\r", "c\r" }, out)
  end)

  it("are kept by a clone, and by a second run", function()
    local out, on_stdout = collector()
    local cmd = noshell.command("echo", "x"):on_stdout(on_stdout)
    assert(cmd:run())
    assert(cmd:clone():run())
    assert.same({ "x", "x" }, out)
    assert(cmd:clone():on_stdout(function() out = {} end):run())
    assert.same({}, out)
    assert(cmd:run())
    assert.equal(0, #out)
  end)

  it("work while a process is waited for", function()
    local out, on_stdout = collector()
    local process = assert(noshell.run_async { "sh", "-c", "echo a; sleep 0.02; echo b",
      on_stdout = on_stdout })
    while not process:pump() do core.poll(process:pollfd(), "r", 10) end
    assert.same({ "a", "b" }, out)
    process:close()
  end)

  it("work while another stream is read", function()
    local err, on_stderr = collector()
    local process = assert(noshell.run_async {
      "sh", "-c", "seq 100000 >&2; echo x", stdout = "pipe", on_stderr = on_stderr })
    assert.equal("x", process.stdout:read())
    assert(process:wait())
    assert.equal(100000, #err)
    process:close()
  end)

  it("end the program if they raise an error, which is raised again", function()
    local what = {}
    local process
    local ok, err = pcall(noshell.run, { "yes", on_stdout = function() error(what) end })
    assert.is_false(ok)
    assert.equal(what, err)
    process = assert(noshell.run_async { "yes", on_stdout = function() error("oops", 0) end })
    assert.error_matches(function() process:wait(10) end, "^oops$")
    assert.error_matches(function() process:wait() end, "^oops$")
    assert.error_matches(function() process:poll() end, "^oops$")
    process:close()
  end)

  it("end the program's descendants if they raise an error", function()
    local before = core.now()
    local ok = pcall(noshell.run, { "sh", "-c", "echo x; sleep 50 & wait",
      on_stdout = function() error("oops") end })
    assert.is_false(ok)
    assert.truthy(core.now() - before < 20)
  end)

  it("raise their errors from lines and output, too", function()
    assert.error_matches(function()
      noshell.output { "echo", "x", on_stdout = function() error("oops", 0) end }
    end, "^oops$")
    assert.error_matches(function()
      local spec = { "sh", "-c", "echo e >&2; exec yes",
        on_stderr = function() error("oops", 0) end }
      for _ in noshell.lines(spec) do end
    end, "^oops$")
  end)

  it("may close their process", function()
    for _, way in ipairs { "pump", "wait" } do
      local process
      process = assert(noshell.run_async { "yes",
        on_stdout = function() process:close() end })
      while way == "pump" and not process:closed() do
        core.poll(process:pollfd(), "r", 10)
        process:pump()
      end
      if way == "wait" then assert.equal("closed", select(2, process:wait(10)).code) end
    end
  end)

  it("conflict with a stream that is not captured", function()
    for _, spec in ipairs { { "echo", on_stdout = print, stdout = "null" },
      { "echo", on_stderr = print, stderr = "stdout" } } do
      local _, err = noshell.run(spec)
      assert.equal("invalid", err.code)
      assert.truthy(tostring(err):find("captured", 1, true))
    end
    local _, err = noshell.run { "echo", on_stdout = 5 }
    assert.truthy(tostring(err):find("on_stdout = 5: must be a function, or", 1, true))
    assert.truthy(err.where:find("drive_spec.lua:", 1, true))
  end)

  it("are not called any more after abort", function()
    local count = 0
    local process = assert(noshell.run_async { "yes", on_stdout = function()
      count = count + 1
    end })
    while count == 0 do
      core.poll(process:pollfd(), "r", 10)
      process:pump()
    end
    local before = count
    process:abort()
    assert.equal(before, count)
    process:close()
  end)
end)

describe("input", function()
  helper.leak_check()

  it("may be a list of strings and numbers", function()
    assert.equal("ab12", noshell.output { "cat", input = { "a", "b", 1, 2 } })
    assert.equal("", noshell.output { "cat", input = {} })
    local cmd = noshell.command { "cat", input = { "x", "", "y" } }
    assert.equal("xy", cmd:output())
    assert.equal("xy", cmd:clone():output())
  end)

  it("may be a function that returns it as it is read", function()
    local left, most, pieces = 400, 0, 0
    local process = assert(noshell.run_async { "cat", stdout = "pipe", input = function()
      left = left - 1
      pieces = pieces + 1
      most = math.max(most, pieces)
      return left >= 0 and helper.pattern(10000) or nil
    end })
    local read = 0
    assert.truthy(most < 400)
    while true do
      local some = process.stdout:read(10000)
      if not some then break end
      assert.is_true(some == helper.pattern(10000))
      read = read + #some
    end
    assert.equal(4000000, read)
    assert(process:wait())
    process:close()
  end)

  it("of 100 MB is complete", function()
    local chunk, count = ("x"):rep(100000), 0
    assert.equal("100000000", noshell.output { "wc", "-c", input = function()
      count = count + 1
      return count <= 1000 and chunk or nil
    end })
  end)

  it("is not requested any more if the program stops reading", function()
    local calls = 0
    local result = assert(noshell.run { "head", "-c", "5", input = function()
      calls = calls + 1
      return "0123456789"
    end })
    assert.equal("01234", result.stdout)
    assert.truthy(calls < 1000000)
    assert(noshell.run { "true", input = function() return ("x"):rep(100000) end })
  end)

  it("works with output of the same size", function()
    local left = 100
    local result = assert(noshell.run { "cat", input = function()
      left = left - 1
      return left >= 0 and helper.pattern(50000) or nil
    end })
    assert.is_true(result.stdout == helper.pattern(50000):rep(100))
  end)

  it("may be an open file", function()
    helper.with_tmpdir(function(dir)
      local file = assert(io.open(helper.write_file(dir .. "/x", "one\ntwo\n")))
      assert.equal("one\ntwo", noshell.output { "cat", input = file })
      file:close()
    end)
  end)

  it("may be a secret", function()
    assert.equal("s3cret", noshell.output { "cat", input = noshell.secret "s3cret" })
    assert.equal("s3cret", noshell.command("cat"):set_input(noshell.secret "s3cret"):output())
  end)

  it("ends with the deadline of the program", function()
    local _, err = noshell.run { "cat", stdout = "null", timeout = 0.1,
      input = function() return ("x"):rep(65536) end }
    assert.equal("timeout", err.code)
  end)

  it("ends the program if it raises an error or returns no string", function()
    local what = {}
    local ok, err = pcall(noshell.run, { "cat", input = function() error(what) end })
    assert.is_false(ok)
    assert.equal(what, err)
    assert.error_matches(function()
      noshell.run { "cat", input = function() return {} end }
    end, "input: a string is needed, not a table")
  end)

  it("is that of the last call", function()
    local cmd = noshell.command("cat"):set_input { "list" }
    assert.equal("buffer", cmd:set_input_buffer("buffer"):output())
    assert.equal("list", cmd:set_input({ "list" }):output())
    assert.equal("", cmd:set_stdin("null"):output())
  end)

  it("of another kind is an argument error", function()
    local _, err = noshell.run { "cat", input = { "a", {} } }
    assert.truthy(tostring(err):find("input = a table: item 2 must be a string", 1, true))
    for _, wrong in ipairs { true, io.stdout.write and setmetatable({}, {}) } do
      local _, reason = noshell.run { "cat", input = wrong }
      assert.equal("invalid", reason.code)
    end
  end)

  it("conflicts with functions that use stdin, and with exec", function()
    local _, err = noshell.popen({ "cat", input = { "x" } }, "w")
    assert.equal("invalid", err.code)
    _, err = noshell.exec { "cat", input = { "x" } }
    assert.equal("invalid", err.code)
    assert.truthy(tostring(err):find("cannot be used with exec", 1, true))
  end)
end)

describe("tail", function()
  helper.leak_check()

  it("keeps the last bytes of each stream, and counts the others", function()
    local result = assert(noshell.run { "sh", "-c", "seq 100000; seq 7 >&2", tail = 12 })
    assert.equal("9999\n100000\n", result.stdout)
    assert.equal(588895 - 12, result.stdout_dropped)
    assert.equal("2\n3\n4\n5\n6\n7\n", result.stderr)
    assert.equal(2, result.stderr_dropped)
    result = assert(noshell.run { "echo", "x", capture = "tail" })
    assert.equal("x\n", result.stdout)
    assert.equal(0, result.stdout_dropped)
  end)

  it("keeps 64 KiB by default", function()
    local result = assert(noshell.run { "head", "-c", "200000000", "/dev/zero",
      capture = "tail" })
    assert.equal(65536, #result.stdout)
    assert.equal(200000000 - 65536, result.stdout_dropped)
  end)

  it("may be nothing", function()
    local result = assert(noshell.run { "seq", 1000, tail = 0 })
    assert.equal("", result.stdout)
    assert.equal(3893, result.stdout_dropped)
  end)

  it("loses no line for on_stdout", function()
    local sum, last = 0, nil
    local result = assert(noshell.run { "seq", 300000, tail = 7, on_stdout = function(line)
      sum, last = sum + 1, line
    end })
    assert.equal(300000, sum)
    assert.equal("300000", last)
    assert.equal("300000\n", result.stdout)
  end)

  it("shows in the error of a program that fails", function()
    local _, err = noshell.run { "sh", "-c", "seq 100000 >&2; echo why >&2; exit 1",
      tail = 4 }
    assert.equal("why\n", err.result.stderr)
    assert.truthy(tostring(err):find("exited with status 1: why", 1, true))
  end)

  it("is a number of bytes, and conflicts with a cap", function()
    for _, wrong in ipairs { -1, 1.5, "x" } do
      local _, err = noshell.run { "true", tail = wrong }
      assert.equal("invalid", err.code)
    end
    local _, err = noshell.run { "true", tail = 5, max_output = 10 }
    assert.truthy(tostring(err):find("conflicts with 'max_output'", 1, true))
    _, err = noshell.run { "true", capture = "head" }
    assert.truthy(tostring(err):find('capture = "head": must be "tail" or "all"', 1, true))
  end)
end)

describe("lines", function()
  helper.leak_check()

  it("lose their CR with crlf", function()
    local lines = {}
    for line in noshell.lines { "printf", "a\\r\\nb\\n", crlf = true } do
      lines[#lines + 1] = line
    end
    assert.same({ "a", "b" }, lines)
    local process = assert(noshell.run_async { "printf", "a\\r\\nb\\r\\n", crlf = true,
      stdout = "pipe" })
    assert.equal("a", process.stdout:read())
    assert.equal("b\r\n", process.stdout:read("L"))
    process:close()
  end)

  it("may be of any length", function()
    local size = 20000000
    local count = 0
    for line in noshell.pipeline({ "head", "-c", size, "/dev/zero" }, { "tr", "\\0", "x" })
      :lines() do
      count = count + 1
      assert.equal(size, #line)
    end
    assert.equal(1, count)
  end)

  it("end with the deadline of a program that writes continuously", function()
    local ok, err = pcall(function()
      for _ in noshell.lines { "yes", timeout = 0.1 } do end
    end)
    assert.is_false(ok)
    assert.equal("timeout", err.code)
    local process = assert(noshell.run_async { "yes", timeout = 0.1, stdout = "pipe" })
    assert.truthy(process.stdout:read("a"))
    process:close()
  end)

  it("may be records", function()
    local records = {}
    for record in noshell.command("printf", "a;b\\nc;"):records(";") do
      records[#records + 1] = record
    end
    assert.same({ "a", "b\nc" }, records)
    assert.error_matches(function() noshell.command("true"):records("") end,
      "a separator such as .* is needed")
    local ok, err = pcall(function()
      for _ in noshell.command("false"):records("\0") do end
    end)
    assert.is_false(ok)
    assert.equal("exit", err.code)
  end)
end)
