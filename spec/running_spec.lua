-- Pipelines that run: deadlines, much data on all sides, readers, tee.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local sys = helper.sys

local function sh(script, ...)
  return { "sh", "-c", script, "sh", ... }
end

--- Returns true if there is a process that sleeps that long.
local function sleeps(seconds)
  for name in lfs.dir("/proc") do
    local file = name:find("^%d") and io.open("/proc/" .. name .. "/cmdline")
    local line = file and file:read("*a")
    if file then file:close() end
    if line == "sleep\0" .. seconds .. "\0" then return true end
  end
  return false
end

local compile = loadstring or load

describe("a pipeline's timeout", function()
  helper.leak_check()

  it("ends every command", function()
    local before = core.now()
    local result, err = noshell.pipeline { { "yes" }, { "cat" }, { "sort" },
      timeout = 0.1 }:run()
    assert.is_nil(result)
    assert.equal("timeout", err.code)
    assert.is_nil(err.index)
    assert.truthy(helper.said(err):find("^noshell: 'yes | cat | sort' timed out and was ended"))
    assert.is_true(err.result.timed_out)
    assert.equal(3, #err.result.commands)
    assert.truthy(core.now() - before < 20)
  end)

  it("sends KILL after the grace period", function()
    local before = core.now()
    local _, err = noshell.pipeline({ "yes" },
      sh "trap '' TERM; while :; do sleep 0.01; done"):set_timeout(0.05, 0.1):run()
    assert.equal("timeout", err.code)
    assert.equal("KILL", err.result.commands[2].signal)
    assert.truthy(core.now() - before < 20)
  end)

  it("is an argument error if it is no number", function()
    for _, wrong in ipairs { -1, "soon", 0 / 0 } do
      local _, err = noshell.pipeline { { "true" }, { "true" }, timeout = wrong }:run()
      assert.equal("invalid", err.code)
    end
    local _, err = noshell.pipeline { { "true" }, { "true" }, grace = 1 }:run()
    assert.truthy(helper.said(err):find("grace = 1: 'grace' requires 'timeout'", 1, true))
    _, err = noshell.pipeline { { "true" }, { "true" }, arg = "/" }:run()
    assert.truthy(helper.said(err):find("arg = \"/\": no such option of a pipeline", 1, true))
  end)

  it("is the shortest one of joined pipelines", function()
    local slow = noshell.pipeline { { "yes" }, timeout = 50 }
    local fast = noshell.pipeline { { "cat" }, timeout = 0.05 }
    local _, err = (slow .. fast .. { "sort" }):run()
    assert.equal("timeout", err.code)
  end)

  it("of one command ends all", function()
    local before = core.now()
    for index, stages in ipairs {
      { { "sleep", "50", timeout = 0.1 }, { "sleep", "51" } },
      { { "yes" }, { "sleep", "50", timeout = 0.1 } },
    } do
      local _, err = noshell.pipeline(stages):run()
      assert.equal("timeout", err.code)
      assert.equal(index, err.index)
      assert.is_true(err.result.timed_out)
      assert.is_nil(err.errors[3 - index])
    end
    assert.truthy(core.now() - before < 20)
  end)

  it("reaches descendants of the commands", function()
    local mark = "297" .. sys.getpid()
    noshell.pipeline { sh("sleep $1 & sleep $1", mark), sh("sleep $1; true", mark),
      timeout = 0.1, grace = 0.05 }:run()
    assert.is_false(sleeps(mark))
  end)

  it("ends a reader that always has something to read", function()
    local ok, err = pcall(function()
      for _ in noshell.pipeline { { "yes" }, { "cat" }, timeout = 0.1 }:lines() do end
    end)
    assert.is_false(ok)
    assert.equal("timeout", err.code)
    ok, err = pcall(function()
      for _ in noshell.pipeline({ "yes", timeout = 0.1 }, { "cat" }):lines() do end
    end)
    assert.is_false(ok)
    assert.equal(1, err.index)
  end)

  it("has precedence over an output that exceeded its cap", function()
    local _, err = noshell.pipeline({ "yes" }, { "cat", max_output = 1000 }):run()
    assert.equal("output_limit", err.code)
    assert.equal(2, err.index)
  end)
end)

describe("no deadlock", function()
  helper.leak_check()

  local noisy = "i=0; while [ $i -lt 300 ]; do printf '%01000d\\n' $i >&2; i=$((i+1)); done;"

  it("occurs with much stderr in all commands", function()
    local result = assert(noshell.pipeline(sh(noisy .. "seq 1000"), sh("cat;" .. noisy),
      sh(noisy .. "cat")):run())
    for i = 1, 3 do assert.equal(300 * 1001, #result.commands[i].stderr) end
    assert.truthy(result.stdout:find("1000\n$"))
  end)

  it("occurs with much stderr while the last command is read", function()
    local count = 0
    for _ in noshell.pipeline(sh(noisy .. "seq 10"), { "cat" }):lines() do
      count = count + 1
    end
    assert.equal(10, count)
  end)

  it("occurs with much stderr while the first command is written to", function()
    local process = assert(noshell.pipeline({ "sh", "-c", noisy .. "cat", stdin = "pipe" },
      { "wc", "-c" }):run_async())
    assert(process.stdin:write(("x"):rep(300000)))
    process.stdin:close()
    assert.equal("300000\n", assert(process:wait()).stdout)
    process:close()
  end)

  it("occurs with a command that never reads", function()
    assert.is_true(assert(noshell.pipeline({ "yes" }, { "sleep", "0.05" }):run()).ok)
    assert.is_true(assert(noshell.pipeline({ "cat", input = helper.pattern(2000000) },
      { "true" }):run()).ok)
  end)
end)

describe("a running pipeline", function()
  helper.leak_check()

  it("has streams at both ends, and pids", function()
    local process = assert(noshell.run_async(noshell.pipeline(
      { "cat", stdin = "pipe" }, { "tr", "a", "b", stdout = "pipe" })))
    assert.equal(2, #process.pids)
    assert(process.stdin:write("aXa"))
    process.stdin:close()
    assert.equal("bXb", process.stdout:read("a"))
    assert.is_true(assert(process:wait()).ok)
    assert.is_true(process:close())
    assert.is_true(process:closed())
    assert.is_true(process:close())
    assert.truthy(tostring(process):find("(cat | tr a b, closed)", 1, true))
  end)

  it("may be waited for in several steps", function()
    local process = assert(noshell.pipeline({ "cat", stdin = "pipe" }, { "cat" }):run_async())
    assert.is_nil(process:poll())
    local result, err = process:wait(0.02)
    assert.is_nil(result)
    assert.equal("timeout", err.code)
    assert.equal("noshell: 'cat | cat' is still running after 0.02 s; its stdin pipe "
      .. "is still open here: close it with process.stdin:close()", helper.said(err))
    process.stdin:close()
    result = assert(process:wait(10))
    assert.equal(result, process:poll())
    assert.equal(result, process:wait())
    process:close()
  end)

  it("is one pollable", function()
    local process = assert(noshell.pipeline({ "sleep", "0.05" }, { "cat" },
      { "cat" }):run_async())
    assert.equal("r", process:events())
    assert.is_nil(process:timeout())
    local waits = 0
    while not process:pump() do
      waits = waits + 1
      assert.is_true(core.poll(process:pollfd(), "r", 10))
    end
    assert.truthy(waits < 20, waits)
    process:close()
    assert.has_error(function() process:pump() end)
  end)

  it("gets signals in all commands", function()
    local process = assert(noshell.pipeline({ "sleep", "50" }, { "sleep", "51" }):run_async())
    assert.is_true(process:kill("USR1"))
    local _, err = process:wait()
    assert.equal("USR1", err.result.commands[1].signal)
    assert.equal("USR1", err.result.commands[2].signal)
    local ok, why = process:kill()
    assert.is_nil(ok)
    assert.equal("ESRCH", why.errname)
    process:close()
  end)

  it("ends as a whole when it is aborted or closed", function()
    local mark = "296" .. sys.getpid()
    for _, method in ipairs { "abort", "close" } do
      local process = assert(noshell.pipeline(sh("sleep $1; true", mark), { "sleep", mark },
        sh("sleep $1 & wait", mark)):run_async())
      local before = core.now()
      assert.is_true(process[method](process))
      assert.truthy(core.now() - before < 20)
      assert.is_false(sleeps(mark))
      process:close()
    end
  end)

  it("runs on after detach and after collection", function()
    helper.with_tmpdir(function(dir)
      local function start(name)
        return assert(noshell.pipeline({ "sleep", "0.1" },
          sh("cat; echo x >$1", dir .. "/" .. name)):run_async())
      end
      start("a"):detach()
      start("b")
      collectgarbage()
      collectgarbage()
      local deadline = core.now() + 5
      while core.reap() > 0 and core.now() < deadline do core.poll(-1, "r", 0.01) end
      for _, name in ipairs { "a", "b" } do
        assert.equal("x\n", helper.read_file(dir .. "/" .. name))
      end
    end)
  end)

  it("closes when its scope ends, on Lua 5.4", function()
    local chunk = compile([[
      local noshell = ...
      local process <close> = assert(noshell.pipeline({ "sleep", "50" },
        { "cat" }):run_async())
      return process
    ]])
    if not chunk then return end
    assert.is_true(chunk(noshell):closed())
  end)

  it("returns no stream from run", function()
    for index, stages in ipairs { { { "cat", stdin = "pipe" }, { "cat" } },
      { { "cat" }, { "cat", stdout = "pipe" } } } do
      local _, err = noshell.pipeline(stages):run()
      assert.equal("invalid", err.code)
      assert.equal(index, err.index)
    end
  end)
end)

describe("a pipeline's lines", function()
  helper.leak_check()

  it("arrive as they are written", function()
    local lines = {}
    for line in noshell.lines(noshell.pipeline({ "printf", "a\\nb" }, { "cat" })) do
      lines[#lines + 1] = line
    end
    assert.same({ "a", "b" }, lines)
  end)

  it("may be records", function()
    local records = {}
    for record in noshell.pipeline({ "printf", "a\\0b\\0" }, { "cat" }):records("\0") do
      records[#records + 1] = record
    end
    assert.same({ "a", "b" }, records)
  end)

  it("raise the error of the command that fails", function()
    local seen = 0
    local ok, err = pcall(function()
      for _ in noshell.pipeline(sh "echo x; exit 4", { "cat" }):lines() do
        seen = seen + 1
      end
    end)
    assert.is_false(ok)
    assert.equal(1, seen)
    assert.equal(1, err.index)
    assert.equal(4, err.result.exit_code)
  end)

  it("raise an error if it does not start", function()
    for _, pl in ipairs { noshell.pipeline({ "seq", 1 }, { "nosuch" }), noshell.pipeline(),
      noshell.pipeline({ "seq", 1 }, { "cat", stdout = "null" }) } do
      local ok, err = pcall(function() return pl:lines() end)
      assert.is_false(ok)
      assert.truthy(err.code)
    end
  end)

  it("may be left early", function()
    local iterator, _, _, process = noshell.pipeline({ "yes" }, { "cat" }):lines()
    assert.equal("y", iterator())
    process:close()
  end)
end)

describe("tee", function()
  it("to a function leaves low descriptors to the caller", function()
    helper.with_tmpdir(function(dir)
      local file, told = assert(io.open(dir .. "/copy", "w")), {}
      local copier = noshell.tee(function(data) told[#told + 1] = data end)
      copier:add_arg("/dev/fd/3"):pass_fd(file, { as = 3 })
      assert.equal("text", noshell.pipeline({ "echo", "text" }, copier, { "cat" }):output())
      file:close()
      assert.equal("text\n", helper.read_file(dir .. "/copy"))
      assert.equal("text\n", table.concat(told))
    end)
  end)

  helper.leak_check()

  it("copies to a file", function()
    helper.with_tmpdir(function(dir)
      local path = dir .. "/-copy"
      assert.equal("3", noshell.pipeline({ "seq", 3 }, noshell.tee(path),
        { "wc", "-l" }):output())
      assert.equal("1\n2\n3\n", helper.read_file(path))
      assert.equal("4", noshell.pipeline({ "seq", 4 }, noshell.tee(path, { append = true }),
        { "wc", "-l" }):output())
      assert.equal("1\n2\n3\n1\n2\n3\n4\n", helper.read_file(path))
    end)
  end)

  it("copies the data to a function", function()
    local size = 5000000
    local pieces = {}
    local result = assert(noshell.pipeline({ "cat", input = helper.pattern(size) },
      noshell.tee(function(data) pieces[#pieces + 1] = data end), { "wc", "-c" }):run())
    assert.equal(size .. "\n", result.stdout)
    assert.is_true(table.concat(pieces) == helper.pattern(size))
    assert.truthy(#pieces > 1)
    assert.is_nil(result.commands[2].stdout)
  end)

  it("may be used several times, and as the last command", function()
    local a, b = 0, 0
    local result = assert(noshell.pipeline({ "seq", 1000 },
      noshell.tee(function(data) a = a + #data end),
      noshell.tee(function(data) b = b + #data end)):run())
    assert.equal(3893, a)
    assert.equal(3893, b)
    assert.equal(3893, #result.stdout)
  end)

  it("passes SIGPIPE on", function()
    local result = assert(noshell.pipeline({ "yes" }, noshell.tee(function() end),
      { "head", "-n1" }):run())
    assert.equal("y\n", result.stdout)
  end)

  it("ends all if its function raises an error", function()
    local what = {}
    local ok, err = pcall(function()
      noshell.pipeline({ "yes" }, noshell.tee(function() error(what) end),
        { "cat", stdout = "null" }):run()
    end)
    assert.is_false(ok)
    assert.equal(what, err)
  end)

  it("works while the last command is read", function()
    local count, size = 0, 0
    for _ in noshell.pipeline({ "seq", 50000 },
      noshell.tee(function(data) size = size + #data end), { "cat" }):lines() do
      count = count + 1
    end
    assert.equal(50000, count)
    assert.equal(288894, size)
  end)
end)
