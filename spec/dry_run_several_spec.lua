-- Pipelines, map, retry and waiting for several in a dry run.
local dry = require "spec.support.dry"
local helper = require "spec.support.helper"
local noshell = require "noshell"

describe("several in a dry run", function()
  helper.leak_check()

  local function stages(call)
    if call.program == "cat" then return { stdout = (call.input or "none") .. "cat\n" } end
    return { stdout = "first\n", stderr = call.program .. " " .. tostring(call.stage) .. "\n" }
  end

  it("are the commands of a pipeline, each with its call", function()
    dry.with(stages, function(run)
      local result = assert(noshell.pipeline({ "a", input = "x" }, { "cat" },
        { "cat", "-u" }):run())
      assert.equal("first\ncat\ncat\n", result.stdout)
      assert.equal("a 1\n", result.stderr)
      assert.is_nil(result.commands[1].stdout)
      assert.same({ "a", "cat", "cat -u" }, run:commands())
      local calls = run:calls()
      assert.same({ "x", "first\n", "first\ncat\n" },
        { calls[1].input, calls[2].input, calls[3].input })
      assert.same({ 1, 2, 3 }, { calls[1].stage, calls[2].stage, calls[3].stage })
      assert.same({ "input", "pipeline", "capture" },
        { calls[1].stdin, calls[1].stdout, calls[3].stdout })
    end)
  end)

  it("are commands of a pipeline that wait for the input of the first", function()
    dry.with(dry.replies(function(call)
      return { stdout = call.input .. call.program .. "\n" }
    end), function()
      local process = noshell.pipeline({ "a", stdin = "pipe" }, { "b" },
        { "c", stdout = "pipe" }):run_async()
      process.stdin:write("in\n")
      process.stdin:close()
      assert.equal("in\na\nb\nc\n", process.stdout:read("a"))
      assert.is_true(process:wait().ok)
      process:close()
    end)
  end)

  it("fail as commands of a pipeline do", function()
    local pl = noshell.pipeline({ "a" }, { "b" })
    local _, err = dry.with(function(call)
      return call.program == "a" and { exit_code = 2, stderr = "oops" } or nil
    end, function() return pl:run() end)
    assert.equal("noshell: 'a | b': command 1: 'a' exited with status 2: oops", helper.said(err))
    local result = dry.with(function(call)
      return call.program == "a" and { signal = "PIPE" } or "x"
    end, function() return pl:run() end)
    assert.is_true(result.ok)
    _, err = dry.with(function(call)
      return call.program == "b" and { error = "ENOENT" } or nil
    end, function() return pl:run() end)
    assert.same({ "spawn", 2 }, { err.code, err.index })
  end)

  it("include a tee, which is a command like others", function()
    local told = {}
    local result = dry.with(dry.echo, function(run)
      local result = noshell.pipeline({ "a", "text" },
        noshell.tee(function(data) told[#told + 1] = data end), { "b" }):run()
      assert.same({ "a text", "tee /dev/fd/63", "b" }, run:commands())
      return result
    end)
    assert.equal("text\n", table.concat(told))
    assert.equal("text\n", result.stdout)
  end)

  it("are run by map", function()
    local results = dry.with(dry.echo, function()
      return noshell.map({ 1, 2, 3, 4, 5 }, function(i) return { "frob", i } end,
        { concurrency = 2 })
    end)
    for i = 1, 5 do assert.equal(i .. "\n", results[i].stdout) end
    local _, err = dry.with(function(call) return call.args[1] == "2" and 7 or nil end,
      function() return noshell.map({ 1, 2 }, function(i) return { "frob", i } end) end)
    assert.equal(7, err.errors[2].result.exit_code)
    assert.error_matches(function()
      dry.with(function(call) if call.args[1] == "2" then error("oops", 0) end end, function()
        noshell.map({ 1, 2 }, function(i) return { "frob", i } end)
      end)
    end, "^oops$")
  end)

  it("do not wait in the host", function()
    local waits = {}
    local previous = noshell.host.use(function(_, seconds) waits[#waits + 1] = seconds end)
    local ok, err = pcall(dry.with, dry.echo, function()
      assert.equal(5, #noshell.map({ 1, 2, 3, 4, 5 }, function(i) return { "frob", i } end))
      assert.equal("x", noshell.output("frob", "x"))
      noshell.retry({ "frob" }, { delay = 3600 })
    end)
    noshell.host.use(previous)
    assert.is_true(ok, err)
    for _, seconds in ipairs(waits) do assert.equal(0, seconds) end
  end)

  it("are retried without delay", function()
    local count, before = 0, helper.sys.clock()
    local result = dry.with(function(call)
      count = call.number
      return call.number < 4 and 1 or "done"
    end, function() return noshell.retry({ "frob" }, { attempts = 5, delay = 3600 }) end)
    assert.same({ "done", 4 }, { result.stdout, count })
    assert.truthy(helper.sys.clock() - before < 3600)
  end)

  it("are waited for together", function()
    dry.with(function(call) return { exit_code = #call.args } end, function()
      local a, b = noshell.run_async "x", noshell.run_async("x", "y")
      local ended, result = noshell.wait_any { b, a }
      assert.equal(b, ended)
      assert.is_nil(result)
      local results, err = noshell.wait_all { a, b }
      assert.is_nil(results)
      assert.equal(1, err.errors[2].result.exit_code)
      a:close()
      b:close()
    end)
  end)
end)
