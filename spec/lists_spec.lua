-- A list with a hole, or a table in place of a list, is an argument error: otherwise data
-- would be ignored.
local helper = require "spec.support.helper"
local noshell = require "noshell"

describe("a list of a SPEC", function()
  helper.leak_check()

  local KEYS = { "args", "arg_pair", "arg_format", "pass_env", "pass_env_allow_suid",
    "pass_env_block_suid", "env_pair", "env_string", "unset_env", "env_format", "input",
    "limit", "groups", "caps", "allow_cap", "pre_exec_hook", "ok_codes", "allow_exit",
    "cpu_affinity" }

  for _, key in ipairs(KEYS) do
    it(key .. " has neither a hole nor a key", function()
      for wrong, said in pairs {
        [{ 1, nil, 2 }] = "item 2 is nil", [{ nil, 2 }] = "item 1 is nil",
        [{ x = 1 }] = '"x"', [{ 1, x = 1 }] = '"x"',
      } do
        local result, err = noshell.run { "true", [key] = wrong }
        assert.is_nil(result)
        assert.equal("invalid", err.code)
        assert.truthy(tostring(err):find(said, 1, true), tostring(err))
        assert.truthy(err.where:find("lists_spec.lua:", 1, true))
      end
    end)
  end

  it("that is passed as arguments has a bounded length", function()
    local many = {}
    for i = 1, 300 do many[i] = "a" end
    for _, key in ipairs { "pass_env_block_suid", "env_pair", "arg_format", "limit" } do
      local _, err = noshell.run { "true", [key] = many }
      assert.equal("invalid", err.code)
      assert.matches(key .. " = a table: has more than 200 items", tostring(err))
    end
  end)

  it("limits has lists without holes, and names", function()
    for wrong, said in pairs { [{ nofile = { 1, nil, 3 } }] = "item 2 is nil",
      [{ nofile = { x = 1 } }] = '"x"', [{ 7 }] = "1 is not a string" } do
      local _, err = noshell.run { "true", limits = wrong }
      assert.equal("invalid", err.code)
      assert.truthy(tostring(err):find(said, 1, true), tostring(err))
    end
  end)

  it("has the same rules for the setter of input", function()
    local cmd = noshell.command("cat"):set_input { "a", nil, "c" }
    assert.truthy(tostring(cmd:argument_error()):find("set_input(a table): item 2 is nil", 1, true))
    cmd = noshell.command("cat"):set_input { x = 1 }
    assert.truthy(tostring(cmd:argument_error()):find('has the key "x"', 1, true))
    assert.equal("", noshell.output { "cat", input = {} })
  end)
end)

describe("a list of processes or items", function()
  helper.leak_check()

  it("has no hole, and no keys if it is one of processes", function()
    local process = assert(noshell.run_async "true")
    for _, wait in ipairs { noshell.wait_any, noshell.wait_all } do
      assert.error_matches(function() wait { process, nil, process } end, "item 2 is nil")
      assert.error_matches(function() wait { process, x = process } end, 'the key "x"')
    end
    process:close()
    local function echo(item) return { "echo", item } end
    assert.error_matches(function() noshell.map({ "a", nil, "c" }, echo) end, "item 2 is nil")
    assert.error_matches(function() noshell.map({ x = "a" }, echo) end, 'the key "x"')
  end)

  it("of map may be arg, or parsed rows", function()
    local arguments = { [-1] = "lua", [0] = "script", "a", "b" }
    local results = assert(noshell.map(arguments, function(item) return { "echo", item } end))
    assert.equal("a\nb\n", results[1].stdout .. results[2].stdout)
    local rows = assert(noshell.parse.columns("NAME\none\ntwo\n"))
    assert.equal(2, #assert(noshell.map(rows, function(row) return { "echo", row.NAME } end)))
  end)

  it("has no hole in a pipeline: a missing command is reported", function()
    for _, pl in ipairs { noshell.pipeline({ "true" }, nil, { "true" }),
      noshell.pipeline { { "true" }, [3] = { "true" } } } do
      local _, err = pl:run()
      assert.equal("invalid", err.code)
      assert.equal(2, err.index)
    end
  end)

  it("has existing codes for retry", function()
    for wrong, said in pairs { [{ "spawn", nil, "exit" }] = "item 2 is nil",
      [{ exit = true }] = 'the key "exit"',
      [{ "exti" }] = 'item 1, "exti", is not a code of errors, '
        .. 'did you mean "exit"?' } do
      assert.error_matches(function()
        noshell.retry("false", { on = wrong, delay = 0 })
      end, said)
    end
  end)

  it("has no hole as expectations of a dry run", function()
    assert.error_matches(function()
      noshell.dry_run { { match = "a" }, nil, { match = "b" } }
    end, "item 2 is nil")
    assert.error_matches(function()
      noshell.dry_run { { match = { "a", nil, "b" } } }
    end, "item 2 is nil")
  end)
end)

describe("output of a daemon", function()
  helper.leak_check()

  it("is an argument error, and nothing is started", function()
    helper.with_tmpdir(function(dir)
      local spec = { "touch", dir .. "/x", daemonize = true }
      for _, output in ipairs {
        function() return noshell.output(spec) end,
        function() return noshell.command(spec):output() end,
        function() return noshell.pipeline({ "echo" }, spec):output() end,
        function() return noshell.output(noshell.pipeline({ "echo" }, spec)) end,
        function() return noshell.run { "echo", daemonize = true, on_stdout = print } end,
      } do
        local text, err = output()
        assert.is_nil(text)
        assert.equal("invalid", err.code)
        assert.truthy(tostring(err):find("cannot be used with daemonize", 1, true))
      end
      assert.is_nil(io.open(dir .. "/x"))
    end)
    assert.equal("x", noshell.pipeline({ "echo", "x", daemonize = true }, { "cat" }):output())
  end)
end)
