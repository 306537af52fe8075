local dry = require "spec.support.dry"
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Returns the error that f raises, as text.
local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return tostring(err)
end

describe("an expectation", function()
  helper.leak_check()

  it("matches a program's name in any directory, or its path", function()
    dry.with({
      { match = "git", reply = "by name" }, { match = "/opt/bin/make", reply = "by path" },
    }, function()
      assert.equal("by name", noshell.output("git", "status"))
      assert.equal("by name", noshell.output("/usr/bin/git"))
      assert.equal("by path", noshell.output("/opt/bin/make"))
      raised(noshell.run, "make")
      raised(noshell.run, "digit")
    end)
  end)

  it("matches the program and its first arguments", function()
    dry.with({
      { match = { "git", "commit", "-m" }, reply = "commit" },
      { match = { "git" }, reply = "git" }, { match = { "sleep", 5 }, reply = "slept" },
    }, function()
      assert.equal("commit", noshell.output("/usr/bin/git", "commit", "-m", "text"))
      assert.equal("git", noshell.output("git", "commit"))
      assert.equal("slept", noshell.output("sleep", 5))
      raised(noshell.run, "sleep", 6)
    end)
  end)

  it("matches by a function, or everything", function()
    dry.with({
      { match = function(call) return call.cwd == "/srv" end, reply = "there" },
      { match = true, reply = "anywhere" },
    }, function()
      assert.equal("there", noshell.output { "ls", cwd = "/srv" })
      assert.equal("anywhere", noshell.output "ls")
    end)
  end)

  it("has a reply of any kind", function()
    dry.with({
      { match = "a", reply = { exit_code = 3 } }, { match = "b" }, { match = "c", reply = false },
      { match = "d", reply = function(call) return call.args[1] end },
    }, function()
      assert.equal(3, select(2, noshell.run("a")).result.exit_code)
      assert.is_true(noshell.run("b").ok)
      assert.equal(1, select(2, noshell.run("c")).result.exit_code)
      assert.equal("x", noshell.output("d", "x"))
    end)
  end)

  it("that is missing is an error, never a real run", function()
    dry.with({ { match = "git", reply = "x" } }, function(run)
      local line = debug.getinfo(1, "l").currentline + 1
      local err = raised(function() noshell.run("touch", "/nowhere/x") end)
      assert.equal(("spec/dry_run_expect_spec.lua:%d: noshell.dry_run: "):format(line)
        .. "unexpected command 'touch /nowhere/x': no expectation matches it",
        (err:gsub("^%./", "")))
      assert.same({ "touch /nowhere/x" }, run:commands())
    end)
    assert.matches("unexpected command", raised(dry.with, {}, function() noshell.output "ls" end))
  end)

  it("is used as often as required", function()
    dry.with({ { match = "a", times = 2, reply = "first" },
      { match = "a", times = 1, reply = "then" } }, function()
      assert.same({ "first", "first", "then" },
        { noshell.output "a", noshell.output "a", noshell.output "a" })
      assert.matches("command 'a': expectation 1, 'a', has already been run 2 of 2 times$",
        raised(noshell.run, "a"))
    end)
    assert.matches("expectation 1, 'rm', has already been run 0 of 0 times$", raised(dry.with,
      { { match = "rm", times = 0 } }, function() noshell.run "rm" end))
  end)

  it("that was not run is pending, and verify raises an error", function()
    dry.with({
      { match = { "git", "push", "a b" } }, { match = "make", times = 2 },
      { match = "ls", times = "any" }, { match = "rm", times = 0 },
      { match = function() end },
    }, function(run)
      noshell.run "make"
      local pending = run:pending()
      assert.equal("'git push 'a b''", pending[1])
      assert.equal("'make' (1 of 2 times)", pending[2])
      assert.matches("^a match by the function at .*dry_run_expect_spec%.lua:%d+$", pending[3])
      assert.equal(3, #pending)
      assert.matches("dry_run_expect_spec%.lua:%d+: noshell%.dry_run: not run: 'git push 'a b'', "
        .. "'make' %(1 of 2 times%), a match", raised(function() run:verify() end))
    end)
    dry.with({ { match = "a" } }, function(run)
      noshell.run "a"
      noshell.run "a"
      assert.same({}, run:pending())
      assert.is_true(run:verify())
    end)
    dry.with(nil, function(run) assert.is_true(run:verify()) end)
  end)

  it("that was missing is reported by verify even if the script caught the error", function()
    dry.with({ { match = true, times = "any" , reply = function(call)
      if call.program == "b" then error("oops", 0) end
    end } }, function(run)
      pcall(noshell.run, "b")
      assert.matches("noshell.dry_run: oops$", raised(run.verify, run))
    end)
    dry.with({}, function(run)
      pcall(noshell.run, "a")
      assert.matches("unexpected command 'a': no expectation matches it$", raised(run.verify, run))
    end)
  end)
end)

describe("expectations in order", function()
  helper.leak_check()

  local function steps()
    return { ordered = true, { match = "a" }, { match = "b", times = 2 },
      { match = "c", times = "any" }, { match = "d", reply = "end" } }
  end

  it("are met in order", function()
    for _, script in ipairs { "a b b d", "a b b c d", "a b b c c d" } do
      dry.with(steps(), function(run)
        for word in script:gmatch "%a" do noshell.run(word) end
        assert.is_true(run:verify())
      end)
    end
  end)

  it("name the next command", function()
    for script, said in pairs {
      ["b"] = "unexpected command 'b': expected next: 'a' %(expectation 1%)$",
      ["a b d"] = "unexpected command 'd': expected next: 'b' %(expectation 2%)$",
      ["a b b c x"] = "unexpected command 'x': expected next: 'd' %(expectation 4%)$",
      ["a b b d d"] = "unexpected command 'd': no further command is expected$",
      ["a a"] = "unexpected command 'a': expected next: 'b' %(expectation 2%)$",
      ["a b b c d c"] = "unexpected command 'c': no further command is expected$",
    } do
      dry.with(steps(), function()
        local err = raised(function()
          for word in script:gmatch "%a" do noshell.run(word) end
        end)
        assert.matches(said, err)
      end)
    end
  end)

  it("that were not reached are pending", function()
    dry.with(steps(), function(run)
      noshell.run "a"
      assert.same({ "'b' (0 of 2 times)", "'d'" }, run:pending())
    end)
  end)

  it("are met by the commands of a pipeline", function()
    dry.with({ ordered = true, { match = "sort", reply = "1\n2\n" },
      { match = { "wc", "-l" }, reply = function(call)
        return tostring(select(2, call.input:gsub("\n", "")))
      end } }, function(run)
      assert.equal("2", noshell.pipeline({ "sort", "x" }, { "wc", "-l" }):output())
      run:verify()
    end)
  end)
end)

describe("a wrong expectation", function()
  helper.leak_check()

  for said, list in pairs {
    ["expectation 1: must be a table { match = ..., reply = ... }, not \"git\""] = { "git" },
    ["expectation 1: match must be a program, a list, a function or true, not nil"] =
      { { reply = "x" } },
    ["expectation 2: match = 'git push': a string names a program only; "
      .. "with arguments, use a list"] =
      { { match = "a" }, { match = "git push" } },
    ["expectation 1: match = {}: an empty list matches no command"] = { { match = {} } },
    ["expectation 1: no such field: replies"] = { { match = "a", replies = 1 } },
    ['expectation 1: times must be a number or "any", not -1'] = { { match = "a", times = -1 } },
    ["no such option: orderd"] = { orderd = true },
  } do
    it("is an error at its line: " .. said, function()
      local err = raised(function() noshell.dry_run(list) end)
      local plain = said:gsub("%p", "%%%0")
      assert.matches("spec/dry_run_expect_spec.lua:%d+: noshell%.dry_run: " .. plain .. "$", err)
      assert.equal("real", noshell.output("echo", "real"))
    end)
  end
end)
