-- The values of environment variables are often secrets: texts that get into logs show
-- their names only.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local VALUE = "hunter2"

local function hidden(text)
  assert.is_nil(text:find(VALUE, 1, true), text)
  assert.is_nil(text:find("hun", 1, true), text)
  return text
end

--- Looks at the error, at all of its texts, and at those of its results.
local function hidden_in(value, seen)
  seen = seen or {}
  if type(value) == "string" then hidden(value) end
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  hidden(tostring(value))
  for key, field in pairs(value) do
    hidden_in(key, seen)
    hidden_in(field, seen)
  end
end

describe("the values of variables", function()
  helper.leak_check()

  it("are in no error of a program", function()
    local env = { DB_PASSWORD = VALUE }
    for _, spec in ipairs {
      { "false", env = env }, { "no-such-program", env = env },
      { "true", cwd = "/none", env = env }, { "true", umask = 512, env = env },
      { helper.probe, "--pause", timeout = 0.01, env = env },
      { "yes", max_output = 10, env = env }, { helper.probe, "--kill", "TERM", env = env },
      { "true", env = { DB_PASSWORD = VALUE:rep(100000) } },
    } do
      local value, err = noshell.run(spec)
      assert.is_nil(value)
      assert.truthy(err.command:find("DB_PASSWORD=*** ", 1, true), err.command)
      hidden_in(err)
      hidden_in(select(2, noshell.pipeline(spec, { "cat", env = env }):run()))
      hidden_in(select(2, noshell.map({ 1 }, function() return spec end)))
    end
    local process = assert(noshell.run_async { "cat", stdin = "pipe", env = env })
    assert.equal("DB_PASSWORD=*** cat", process.command)
    hidden_in(select(2, process:wait(0)))
    process:close()
  end)

  it("are in no argument error", function()
    for _, spec in ipairs {
      { env = { DB = "hun\0ter2" } }, { env_pair = { "A=" .. VALUE, "x" } },
      { env_pair = { "A", "hun\0ter2" } }, { env_pair = { "A", "x", VALUE } },
      { env_string = VALUE }, { env_string = "=" .. VALUE }, { env_string = "A=hun\0ter2" },
      { env_format = { "hunter%d", 2 } }, { env_format = { "A=hunter2%d", "x" } },
      { env = { ["A=" .. VALUE] = "x" } }, { pass_env = "A=" .. VALUE },
      { unset_env = "A=" .. VALUE }, { pass_env_block_suid = { "A", "hun\0ter2" } },
    } do
      spec[1] = "true"
      local value, err = noshell.run(spec)
      assert.is_nil(value)
      assert.equal("invalid", err.code)
      hidden_in(err)
    end
    for _, name in ipairs { "set_env", "set_input", "set_input_buffer", "send_buffer" } do
      local cmd = noshell.command("true")
      cmd[name](cmd, "x", VALUE)
      hidden_in(cmd:argument_error())
    end
    for _, key in ipairs { "inptu", "env_sting", "enviroment", "password" } do
      hidden_in(select(2, noshell.run { "true", [key] = VALUE }))
    end
    local _, err = noshell.run { "true", env_pair = { "A=B", "x" } }
    assert.truthy(tostring(err):find('"A=***"', 1, true), tostring(err))
    _, err = noshell.run { "true", env_pair = { "A", {} } }
    assert.truthy(tostring(err):find("a table", 1, true), tostring(err))
  end)

  it("are passed to a tracer on request only", function()
    local said = {}
    local function note(event) said[#said + 1] = event.event .. " " .. event.command end
    local function run()
      said = {}
      noshell.run { "true", env = { A = VALUE } }
      noshell.run { "no-such-program", env = { A = VALUE } }
      noshell.pipeline({ "true", env = { A = VALUE } }, { "no-such-program" }):run()
      return said
    end
    noshell.trace(note)
    assert.same({ "started A=*** true", "exited A=*** true", "failed A=*** no-such-program",
      "failed no-such-program" }, run())
    local previous, how = noshell.trace(note, { env_values = true })
    assert.equal(note, previous)
    assert.same({}, how)
    assert.same({ "started A=hunter2 true", "exited A=hunter2 true",
      "failed A=hunter2 no-such-program", "failed no-such-program" }, run())
    previous, how = noshell.trace(nil)
    assert.same({ env_values = true }, how)
    assert.equal(note, previous)
    assert.error_matches(function() noshell.trace(note, { values = true }) end, "values = true")
  end)

  it("are in a dry run's transcript on request only", function()
    local dry = noshell.dry_run()
    local cmd = noshell.command { "true", env = { A = VALUE } }
    assert(cmd:run())
    cmd:add_arg("later")
    assert.same({ "A=*** true" }, dry:commands())
    assert.same({ "A=hunter2 true" }, dry:commands { env_values = true })
    assert.equal(VALUE, dry:calls()[1].env.A)
    dry:stop()
    dry = noshell.dry_run {}
    local _, err = pcall(noshell.run, { "true", env = { A = VALUE } })
    hidden(tostring(err))
    dry:stop()
  end)

  it("reach the program, and the log", function()
    local env = { A = VALUE }
    assert.equal(VALUE, noshell.output { "printenv", "A", env = env })
    local from, to = helper.sys.pipe()
    assert(noshell.command({ "true", env = env }):write_arg_log(to))
    helper.sys.close(to)
    assert.equal("A=hunter2 true\n", helper.sys.read(from, 100))
    helper.sys.close(from)
  end)
end)
