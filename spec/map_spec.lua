local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

local function echo(item) return "echo", item end

describe("map", function()
  helper.leak_check()

  it("returns the results in the order of the list", function()
    local results = assert(noshell.map({ 0.1, 0.05, 0 }, function(seconds)
      return { "sh", "-c", "sleep $0; echo $0", seconds }
    end))
    assert.equal(3, #results)
    assert.equal("0.1\n", results[1].stdout)
    assert.equal("0.05\n", results[2].stdout)
    assert.equal("0\n", results[3].stdout)
  end)

  it("accepts every kind of SPEC, and false", function()
    local specs = { { "echo", "table" }, noshell.command("echo", "command"),
      noshell.pipeline({ "echo", "pipeline" }, { "cat" }), false, "true" }
    local results = assert(noshell.map(specs, function(spec) return spec end))
    assert.equal("table\n", results[1].stdout)
    assert.equal("command\n", results[2].stdout)
    assert.equal("pipeline\n", results[3].stdout)
    assert.is_false(results[4])
    assert.equal("", results[5].stdout)
    assert.same({}, noshell.map({}, echo))
  end)

  it("runs as many at once as requested", function()
    helper.with_tmpdir(function(dir)
      -- Each makes its own directory and counts the existing ones.
      local script = 'mkdir "$0/$1"; sleep 0.02; ls "$0" | wc -l; rmdir "$0/$1"'
      for _, at_once in ipairs { 1, 2, 3 } do
        local results = assert(noshell.map(numbers(9), function(i)
          return "sh", "-c", script, dir, i
        end, { concurrency = at_once }))
        for _, result in ipairs(results) do
          assert.truthy(tonumber(result.stdout) <= at_once)
        end
      end
    end)
  end)

  it("runs hundreds of programs", function()
    local results = assert(noshell.map(numbers(400), echo, { concurrency = 50 }))
    for i = 1, 400 do assert.equal(i .. "\n", results[i].stdout) end
  end)

  it("reports every failure, and the results of the others", function()
    local results, err = noshell.map({ 0, 3, 0, 4 }, function(status)
      return "sh", "-c", "exit " .. status
    end)
    assert.is_nil(results)
    assert.equal("several", err.code)
    assert.equal(4, err.count)
    assert.equal(3, err.errors[2].result.exit_code)
    assert.equal(4, err.errors[4].result.exit_code)
    assert.is_nil(err.errors[1])
    assert.is_true(err.results[1].ok)
    assert.is_nil(err.results[2])
    assert.is_true(err.results[3].ok)
    assert.equal("noshell: 2 of 4 failed: 'sh -c 'exit 3'' exited with status 3; "
      .. "'sh -c 'exit 4'' exited with status 4", helper.said(err))
  end)

  it("reports programs that do not start", function()
    local _, err = noshell.map({ "true", "nosuchprogram", { "true", x = 1 } },
      function(spec) return spec end)
    assert.equal("spawn", err.errors[2].code)
    assert.equal("invalid", err.errors[3].code)
    assert.is_true(err.results[1].ok)
  end)

  it("shows only some of many failures", function()
    local _, err = noshell.map(numbers(5), function() return "false" end)
    assert.equal("noshell: 5 of 5 failed: 'false' exited with status 1; 'false' exited "
      .. "with status 1; 'false' exited with status 1; ...", helper.said(err))
  end)

  it("ends all at the first failure with fail_fast", function()
    local before, started = core.now(), 0
    local _, err = noshell.map(numbers(20), function(i)
      started = started + 1
      if i == 2 then return "false" end
      return "sleep", 50
    end, { fail_fast = true, concurrency = 3 })
    assert.truthy(core.now() - before < 20)
    assert.equal("exit", err.errors[2].code)
    assert.is_nil(err.errors[1])
    assert.is_nil(err.results[1])
    assert.equal(3, started)
  end)

  it("reports progress", function()
    local told = {}
    assert.is_nil(noshell.map({ "true", "false", false }, function(word) return word end, {
      concurrency = 1,
      on_progress = function(done, total, item, result, err)
        told[#told + 1] = { done, total, item, result and result.exit_code, err and err.code }
      end }))
    assert.same({ { 1, 3, "true", 0 }, { 2, 3, "false", nil, "exit" },
      { 3, 3, false, false } }, told)
  end)

  it("ends all if f or on_progress raises an error, and re-raises it", function()
    local what = {}
    for _, case in ipairs {
      { function(i)
          if i == 3 then error(what) end
          return "sleep", 50
        end },
      { function(i) return "sleep", i == 1 and 0 or 50 end,
        { on_progress = function() error(what) end } },
      { function(i) return { "sh", "-c", "echo x; exec sleep 50",
          on_stdout = i == 2 and function() error(what) end or nil } end },
    } do
      local before = core.now()
      local ok, err = pcall(noshell.map, numbers(4), case[1], case[2])
      assert.is_false(ok)
      assert.equal(what, err)
      assert.truthy(core.now() - before < 20)
    end
    assert.has_error(function() noshell.map({ 1 }, function() error() end) end)
  end)

  it("rejects unknown options", function()
    for _, case in ipairs {
      { 5, echo }, { {}, "echo" }, { {}, echo, { concurency = 1 } },
      { {}, echo, { concurrency = 0 } }, { {}, echo, { concurrency = 1.5 } },
      { {}, echo, { fail_fast = 1 } },
    } do
      assert.error_matches(function() noshell.map(case[1], case[2], case[3]) end,
        "noshell.map: ")
    end
  end)
end)

describe("wait_any", function()
  helper.leak_check()

  it("returns the first one that ends, and its result", function()
    local slow = assert(noshell.run_async("sleep", 50))
    local fast = assert(noshell.run_async("echo", "x"))
    local ended, result, err = noshell.wait_any { slow, fast }
    assert.equal(fast, ended)
    assert.equal("x\n", result.stdout)
    assert.is_nil(err)
    slow:close()
    fast:close()
  end)

  it("returns the error of one that failed", function()
    local bad = assert(noshell.pipeline({ "true" }, { "false" }):run_async())
    local ended, result, err = noshell.wait_any { bad }
    assert.equal(bad, ended)
    assert.is_nil(result)
    assert.equal(2, err.index)
    bad:close()
  end)

  it("returns after its timeout", function()
    local process = assert(noshell.run_async("sleep", 50))
    local ended, err = noshell.wait_any({ process }, 0.02)
    assert.is_nil(ended)
    assert.equal("timeout", err.code)
    assert.equal("noshell: 'sleep 50' is still running after 0.02 s", helper.said(err))
    assert.is_nil(process:poll())
    process:close()
  end)

  it("serves the others meanwhile", function()
    helper.with_tmpdir(function(dir)
      -- A program that writes more than a pipe holds ends only if it is read.
      local noisy = assert(noshell.run_async("sh", "-c", "seq 100000; echo >$0", dir .. "/x"))
      local waiter = assert(noshell.run_async("sh", "-c",
        "while ! [ -e $0 ]; do sleep 0.01; done", dir .. "/x"))
      local seen = {}
      local list = { waiter, noisy }
      while #list > 0 do
        local ended, result = noshell.wait_any(list, 10)
        assert.truthy(result)
        seen[ended] = true
        for i = #list, 1, -1 do
          if list[i] == ended then table.remove(list, i) end
        end
      end
      assert.is_true(seen[waiter] and seen[noisy])
      waiter:close()
      noisy:close()
    end)
  end)

  it("reports one that is closed meanwhile", function()
    for _, wait in ipairs { noshell.wait_any, noshell.wait_all } do
      local slow = assert(noshell.run_async("sleep", 50))
      local fatal = assert(noshell.run_async { "sh", "-c", "echo x; exec sleep 50",
        on_stdout = function() slow:close() end })
      local ended, err = wait { fatal, slow }
      assert.is_nil(ended)
      assert.equal("closed", err.code)
      assert.equal("sleep 50", err.command)
      fatal:close()
    end
  end)

  it("reports one that is closed after it was served", function()
    for _, wait in ipairs { noshell.wait_any, noshell.wait_all } do
      local slow = assert(noshell.run_async("sleep", 50))
      local fatal = assert(noshell.run_async { "sh", "-c", "echo x; exec sleep 50",
        on_stdout = function() slow:close() end })
      local ended, err = wait { slow, fatal }
      assert.is_nil(ended)
      assert.equal("closed sleep 50", err.code .. " " .. err.command)
      fatal:close()
    end
  end)

  it("starts items that are no processes, and ends the others that it started", function()
    local ended, result = noshell.wait_any {
      { helper.probe, "--pause" }, noshell.command("echo", "x"),
      noshell.pipeline({ helper.probe, "--pause" }, { "cat" }),
    }
    assert.equal("echo x", ended.command)
    assert.equal("x\n", result.stdout)
    ended:close()
  end)

  it("does not end processes of the caller", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local ended = noshell.wait_any { process, "true" }
    assert.equal("true", ended.command)
    ended:close()
    assert.is_nil(process:poll())
    process:close()
  end)

  it("reports one that did not start", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    for _, list in ipairs { { process, "no-such-program" },
      { process, noshell.run_async "no-such-program" }, { noshell.run_async "no-such-program" } } do
      local ended, err = noshell.wait_any(list)
      assert.is_nil(ended)
      assert.equal("spawn ENOENT", err.code .. " " .. err.errname)
    end
    process:close()
  end)

  it("ends the programs that it started after its timeout", function()
    local ended, err = noshell.wait_any({ { helper.probe, "--pause" } }, 0.02)
    assert.is_nil(ended)
    assert.equal("timeout", err.code)
  end)

  it("requires open processes", function()
    assert.error_matches(function() noshell.wait_any {} end, "list of processes")
    local process = assert(noshell.run_async("true"))
    process:close()
    assert.error_matches(function() noshell.wait_any { process } end, "1 is closed")
    assert.error_matches(function() noshell.wait_all { process } end, "1 is closed")
  end)
end)

describe("wait_all", function()
  helper.leak_check()

  local function start(...)
    local list = {}
    for i, spec in ipairs { ... } do list[i] = assert(noshell.run_async(spec)) end
    return list
  end

  local function close(list)
    for _, process in ipairs(list) do process:close() end
  end

  it("returns all results in order", function()
    local list = start({ "sh", "-c", "sleep 0.05; echo a" }, { "echo", "b" },
      noshell.pipeline({ "seq", 100000 }, { "tail", "-n1" }))
    local results = assert(noshell.wait_all(list))
    assert.equal("a\n", results[1].stdout)
    assert.equal("b\n", results[2].stdout)
    assert.equal("100000\n", results[3].stdout)
    close(list)
  end)

  it("returns all errors, and the other results", function()
    local list = start("false", "true", { "sh", "-c", "exit 7" })
    local results, err = noshell.wait_all(list)
    assert.is_nil(results)
    assert.equal("several", err.code)
    assert.equal(7, err.errors[3].result.exit_code)
    assert.is_true(err.results[2].ok)
    assert.truthy(helper.said(err):find("^noshell: 2 of 3 failed: 'false' exited"))
    close(list)
  end)

  it("returns after its timeout, and can be called again", function()
    local list = start("true", { "cat", stdin = "pipe" })
    assert(list[1]:wait())
    local results, err = noshell.wait_all(list, 0.02)
    assert.is_nil(results)
    assert.equal("timeout", err.code)
    assert.equal("cat", err.command)
    list[2].stdin:close()
    assert.truthy(noshell.wait_all(list, 10))
    close(list)
  end)

  it("starts items that are no processes", function()
    local results = assert(noshell.wait_all { "true", { "echo", "x" },
      noshell.command("echo", "y"), noshell.pipeline({ "echo", "z" }, { "cat" }) })
    assert.equal("x\ny\nz\n", results[2].stdout .. results[3].stdout .. results[4].stdout)
  end)

  it("ends the programs that it started after its timeout", function()
    local results, err = noshell.wait_all({ "true", { helper.probe, "--pause" } }, 0.02)
    assert.is_nil(results)
    assert.equal("timeout", err.code)
  end)

  it("reports those that did not start, by their numbers", function()
    local results, err = noshell.wait_all { "true", "no-such-program", { "sh", "-c", "exit 7" } }
    assert.is_nil(results)
    assert.equal("several", err.code)
    assert.equal("spawn exit", err.errors[2].code .. " " .. err.errors[3].code)
    assert.is_true(err.results[1].ok)
    assert.is_nil(err.results[2])
  end)

  it("reports an error that run_async returned as the last item", function()
    local list = { noshell.run_async "true", noshell.run_async "no-such-program" }
    local results, err = noshell.wait_all(list)
    assert.is_nil(results)
    assert.matches("^noshell: 1 of 2 failed: cannot start 'no%-such%-program'", helper.said(err))
    list[1]:close()
    results, err = noshell.wait_all { noshell.run_async "no-such-program" }
    assert.is_nil(results)
    assert.equal("ENOENT", err.errors[1].errname)
  end)

  it("raises an error with the caller's line and advice for other items", function()
    local process = assert(noshell.run_async "true")
    for said, list in pairs {
      ["item 1 is nil: the list has a hole %(a program that did not start leaves one, "
        .. "and its error is lost: pass the command itself%)"] = { nil, process },
      ["item 2 is 1: a process, a command, a SPEC table or a program"] = { process, 1 },
      ["item 1 is false:"] = { false }, ["item 1 is a noshell.result:"] = { process:wait() },
      ['noshell.wait_all { "./a", "./b" }'] = process, ["must be a list"] = { process, x = 1 },
    } do
      local ok, err = pcall(function() noshell.wait_all(list) end)
      assert.is_false(ok)
      assert.matches("^[^ ]*map_spec.lua:%d+: noshell.wait_all: .*" .. said, err)
    end
    process:close()
  end)

  it("ends the programs that it started if a user callback raises an error", function()
    assert.error_matches(function()
      noshell.wait_all { { helper.probe, "--pause" },
        { "echo", "x", on_stdout = function() error("oops", 0) end } }
    end, "^oops$")
  end)

  it("re-raises an error thrown by a user callback", function()
    local list = start({ "echo", "x", on_stdout = function() error("oops", 0) end }, "true")
    assert.error_matches(function() noshell.wait_all(list) end, "^oops$")
    close(list)
  end)
end)
