local core = require "noshell.core"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local sys = helper.sys
local PIPE = core.signal_number("PIPE")

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

describe("a pipeline", function()
  helper.leak_check()

  it("returns the output of the last command", function()
    local result = assert(noshell.pipeline(
      { "printf", "b\\na\\nb\\n" }, { "sort" }, { "uniq", "-c" }):run())
    assert.equal("      1 a\n      2 b\n", result.stdout)
    assert.is_true(result.ok)
    assert.equal(3, #result.commands)
    assert.equal(result.commands, result.stages)
    assert.is_nil(result.commands[1].stdout)
    assert.equal(result.stdout, result.commands[3].stdout)
  end)

  it("has the output of $(a | b)", function()
    assert.equal("3", noshell.pipeline({ "seq", "3" }, { "wc", "-l" }):output())
    assert.equal("3", noshell.output(noshell.pipeline({ "seq", 3 }, { "wc", "-l" })))
  end)

  it("may have one command; without any it is an argument error", function()
    assert.equal("x", noshell.pipeline({ "echo", "x" }):output())
    assert.equal("x", noshell.pipeline("pwd", { "sed", "s/.*/x/" }):output())
    local result, err = noshell.pipeline():run()
    assert.is_nil(result)
    assert.equal("invalid", err.code)
    assert.truthy(helper.said(err):find("at least one command is required", 1, true))
    assert.truthy(err.where:find("pipeline_spec.lua:", 1, true))
  end)

  it("has the command lines as its string", function()
    local pl = noshell.pipeline({ "/bin/ls", "a b" }, { "sort", "-r" })
    assert.equal("/bin/ls 'a b' | sort -r", tostring(pl))
    assert.equal("ls 'a b' | sort -r", pl:to_string { strip_path = true })
  end)

  it("reads its input in the first command", function()
    assert.equal("cba", noshell.pipeline({ "cat", input = "abc" }, { "rev" }):output())
    local parts = { "a", "b", nil }
    local i = 0
    assert.equal("ba", noshell.pipeline({ "cat", input = function()
      i = i + 1
      return parts[i]
    end }, { "rev" }):output())
  end)

  it("may be run again, and does not change its commands", function()
    local cmd = noshell.command("seq", 2)
    local pl = cmd .. { "sort", "-r" }
    assert.equal("2\n1", pl:output())
    assert.equal("2\n1", pl:output())
    assert.equal("default", cmd:stdio(1))
    assert.equal("1\n2", cmd:output())
  end)

  it("moves 100 MB through three commands", function()
    assert.equal("100000000", noshell.pipeline({ "head", "-c", "100000000", "/dev/zero" },
      { "cat" }, { "wc", "-c" }):output())
  end)

  it("directs stdout and stderr of its commands to files", function()
    helper.with_tmpdir(function(dir)
      local result = assert(noshell.pipeline(
        { "sh", "-c", "echo x; echo e >&2", stderr = { path = dir .. "/err" } },
        { "cat", stdin = nil, stdout = { path = dir .. "/out" } }):run())
      assert.is_nil(result.stdout)
      assert.equal("x\n", helper.read_file(dir .. "/out"))
      assert.equal("e\n", helper.read_file(dir .. "/err"))
    end)
  end)

  it("directs stderr into the pipe on request", function()
    assert.equal("2", noshell.pipeline(
      { "sh", "-c", "echo x; echo e >&2", stderr = "stdout" },
      { "wc", "-l" }):output())
  end)

  it("keeps the stderr of every command separately, and joined in their order", function()
    local result = assert(noshell.pipeline(sh "echo one >&2", sh "echo two >&2",
      sh "cat; echo three >&2"):run())
    assert.equal("one\n", result.commands[1].stderr)
    assert.equal("two\n", result.commands[2].stderr)
    assert.equal("one\ntwo\nthree\n", result.stderr)
  end)

  it("sums up the resources of its commands", function()
    local result = assert(noshell.pipeline({ "seq", "300000" }, { "sort", "-r" }):run())
    local a, b = result.commands[1], result.commands[2]
    assert.equal(a.user_time + b.user_time, result.user_time)
    assert.equal(math.max(a.duration, b.duration), result.duration)
    assert.equal(math.max(a.max_rss, b.max_rss), result.max_rss)
    assert.equal(b.pid, result.pid)
  end)

  helper.each_path(function()
    it("works", function()
      assert.equal("y\ny", noshell.pipeline({ "yes" }, { "cat" },
        { "head", "-n2" }):output())
    end)
  end)
end)

describe("the operator ..", function()
  helper.leak_check()

  local function two() return noshell.command "seq" : add_arg(2) end

  it("joins commands, SPEC tables and pipelines", function()
    local rev = { "sort", "-r" }
    assert.equal("2\n1", (two() .. rev):output())
    assert.equal("2", (two() .. noshell.command("sort", "-r") .. { "head", "-n1" }):output())
    assert.equal("1", ({ "seq", 2 } .. noshell.command("head", "-n1")):output())
    local left = two() .. rev
    local right = noshell.command("head", "-n1") .. { "tr", "2", "x" }
    assert.equal("x", (left .. right):output())
    assert.equal("seq 2 | sort -r | head -n1 | tr 2 x", tostring(left .. right))
    assert.equal("seq 2 | sort -r", tostring(left))
    assert.equal("seq 2 | sort -r | cat", tostring(noshell.pipeline(left, { "cat" })))
  end)

  it("rejects other values", function()
    for _, other in ipairs { "sort", 5, true } do
      assert.error_matches(function() return two() .. other end, "made of commands")
      assert.error_matches(function() return other .. two() end, "made of commands")
    end
    assert.error_matches(function() return two() .. noshell.secret "x" end,
      "made of commands")
  end)

  local bor = compile("return function(a, b) return a | b end")
  it("is also |, if Lua has it", function()
    if not bor then return end
    assert.equal("2", bor()(bor()(two(), { "sort", "-r" }), { "head", "-n1" }):output())
  end)
end)

describe("a command of a pipeline that fails", function()
  helper.leak_check()

  local function err_of(...)
    local result, err = noshell.pipeline(...):run()
    assert.is_nil(result)
    return err
  end

  it("is named by the error", function()
    local err = err_of({ "seq", "3" }, sh "cat >/dev/null; echo bad >&2; exit 3",
      { "cat" })
    assert.equal("exit", err.code)
    assert.equal(2, err.index)
    assert.equal("seq 3 | sh -c 'cat >/dev/null; echo bad >&2; exit 3' sh | cat",
      err.pipeline)
    assert.equal("noshell: '" .. err.pipeline .. "': command 2: '" .. err.command
      .. "' exited with status 3: bad", helper.said(err))
    assert.equal(3, err.result.exit_code)
    assert.is_false(err.result.ok)
    assert.is_true(err.result.commands[1].ok)
    assert.is_false(err.result.commands[2].ok)
    assert.is_true(err.result.commands[3].ok)
  end)

  it("is the last one of several, and the others are reported", function()
    local err = err_of(sh "exit 1", sh "cat; exit 2", { "cat" })
    assert.equal(2, err.index)
    assert.equal(1, err.errors[1].result.exit_code)
    assert.equal(2, err.errors[2].result.exit_code)
    assert.is_nil(err.errors[3])
    assert.truthy(helper.said(err):find(
      "exited with status 2; command 1: 'sh -c 'exit 1' sh' exited with status 1", 1, true))
  end)

  it("does not fail the pipeline if its own rules allow its end", function()
    local grep = { "grep", "x", ok_codes = 1 }
    assert.is_true(assert(noshell.pipeline({ "seq", 3 }, grep, { "cat" }):run()).ok)
    assert.truthy(noshell.pipeline({ "false", check = false }, { "cat" }):run())
  end)

  it("may be killed by a signal", function()
    local err = err_of(sh "kill -KILL $$", { "cat" })
    assert.equal("signal", err.code)
    assert.equal(1, err.index)
    assert.equal("KILL", err.result.signal)
  end)

  it("is none that SIGPIPE kills because a later one stopped reading", function()
    local result = assert(noshell.pipeline({ "yes" }, { "head", "-n1" }):run())
    assert.equal(PIPE, result.commands[1].signal_number)
    assert.is_true(result.commands[1].ok)
    assert.is_true(result.ok)
    assert.equal(0, result.exit_code)
    assert.is_true(assert(noshell.pipeline({ "yes" }, { "cat" }, { "true" }):run()).ok)
  end)

  it("may be the last one, killed by SIGPIPE", function()
    local err = err_of({ "seq", 3 }, sh "kill -PIPE $$")
    assert.equal(2, err.index)
    assert.equal("PIPE", err.result.signal)
  end)

  it("is the one that failed, not the one that got SIGPIPE in consequence", function()
    local err = err_of({ "yes" }, { "false" })
    assert.equal(2, err.index)
    assert.is_nil(err.errors[1])
  end)
end)

describe("a command of a pipeline that cannot start", function()
  helper.leak_check()

  it("is named by the error, and the rest is ended", function()
    local mark = "298" .. sys.getpid()
    local result, err = noshell.pipeline({ "sleep", mark }, { "nosuchprogram" },
      { "cat" }):run()
    assert.is_nil(result)
    assert.equal("spawn", err.code)
    assert.equal("find_program", err.stage)
    assert.equal(2, err.index)
    assert.equal(("noshell: 'sleep %s | nosuchprogram | cat': command 2: cannot start "
      .. "'nosuchprogram': find_program 'nosuchprogram': not found in PATH (%s) (ENOENT)")
      :format(mark, os.getenv "PATH"), helper.said(err))
    assert.is_false(sleeps(mark))
  end)

  it("may be the first or the last", function()
    for index, stages in ipairs { { { "nosuch" }, { "cat" } }, { { "yes" }, { "nosuch" } } } do
      local _, err = noshell.pipeline(stages):run()
      assert.equal(index, err.index)
    end
  end)

  it("prevents all from starting if it has an argument error", function()
    helper.with_tmpdir(function(dir)
      local _, err = noshell.pipeline({ "touch", dir .. "/x" },
        { "cat", tiemout = 5 }):run()
      assert.equal("invalid", err.code)
      assert.equal(2, err.index)
      assert.truthy(helper.said(err):find("did you mean 'timeout'", 1, true))
      assert.truthy(err.where:find("pipeline_spec.lua:", 1, true))
      assert.is_nil(io.open(dir .. "/x"))
    end)
  end)

  it("is one that conflicts with the pipeline's pipes", function()
    for _, case in ipairs {
      { 2, { "seq", 1 }, { "cat", input = "x" } },
      { 2, { "seq", 1 }, { "cat", stdin = "inherit" } },
      { 2, { "seq", 1 }, { "cat", input = function() end } },
      { 1, { "seq", 1, stdout = "null" }, { "cat" } },
      { 1, { "seq", 1, stdout = "capture" }, { "cat" } },
      { 1, { "seq", 1, on_stdout = print }, { "cat" } },
    } do
      local _, err = noshell.pipeline(case[2], case[3]):run()
      assert.equal("invalid", err.code)
      assert.equal(case[1], err.index)
    end
  end)

  it("is one for which no pipe can be made", function()
    local run = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      local _, err = noshell.pipeline({ "true" }, { "true" }, { "true" }):run()
      io.write(err.code, " ", err.stage, " ", err.errname, " ", err.index)
    ]], nil, { deny = "pipe2:EMFILE" })
    assert.equal("spawn descriptors EMFILE 1", run.out, run.err)
  end)
end)
