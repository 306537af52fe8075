local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Returns the traces of the programs that f runs.
local function traced(f)
  local events = {}
  local previous = noshell.trace(function(event) events[#events + 1] = event end)
  local ok, err = pcall(f)
  noshell.trace(previous)
  if not ok then error(err, 0) end
  return events
end

local function names(events)
  local list = {}
  for i, event in ipairs(events) do list[i] = event.event .. " " .. event.command end
  return list
end

describe("trace", function()
  helper.leak_check()

  it("reports programs that start and exit", function()
    local events = traced(function() noshell.run("true") end)
    assert.same({ "started true", "exited true" }, names(events))
    assert.truthy(events[1].pid > 0)
    assert.equal(events[1].pid, events[2].pid)
    assert.is_true(events[2].ok)
    assert.equal(0, events[2].status)
    assert.truthy(events[2].duration >= 0)
  end)

  it("reports failures", function()
    local events = traced(function()
      noshell.run("false")
      noshell.run("sh", "-c", "kill -KILL $$")
      noshell.run { "sleep", 50, timeout = 0.02 }
    end)
    assert.is_false(events[2].ok)
    assert.equal(1, events[2].status)
    assert.equal("exit", events[2].error.code)
    assert.equal("KILL", events[4].signal)
    assert.is_nil(events[4].status)
    assert.equal("timeout", events[6].error.code)
  end)

  it("reports programs that do not start", function()
    local events = traced(function()
      noshell.run("nosuchprogram", "x")
      noshell.run { "true", nonsense = 1 }
      noshell.run { "cat", stdin = "pipe" }
      noshell.pipeline({ "true", nonsense = 1 }, { "true" }):run()
    end)
    assert.same({ "failed nosuchprogram x", "failed true", "failed cat", "failed true" },
      names(events))
    assert.equal("spawn", events[1].error.code)
    assert.equal("invalid", events[2].error.code)
  end)

  it("reports each exit once, in every way to wait", function()
    local events = traced(function()
      local process = assert(noshell.run_async("true"))
      process:wait()
      process:wait()
      process:poll()
      process:close()
      process = assert(noshell.run_async("sleep", 50))
      process:close()
    end)
    assert.same({ "started true", "exited true", "started sleep 50", "exited sleep 50" },
      names(events))
    assert.equal("TERM", events[4].signal)
  end)

  it("reports the commands of a pipeline", function()
    local events = traced(function()
      assert(noshell.pipeline({ "echo", "a" }, { "cat" }):run())
    end)
    assert.same({ "started echo a", "started cat", "exited echo a", "exited cat" },
      names(events))
  end)

  it("returns the previous function, and ends with nil", function()
    local f, g = function() end, function() end
    assert.is_nil(noshell.trace(f))
    assert.equal(f, noshell.trace(g))
    assert.equal(g, noshell.trace(nil))
    assert.is_nil(noshell.trace(nil))
    assert.error_matches(function() noshell.trace(5) end, "a function or nil is needed, not 5")
  end)

  it("stops nothing if it raises an error, and is not called for its own programs", function()
    local count = 0
    local previous = noshell.trace(function()
      count = count + 1
      noshell.run("true")
      error("oops")
    end)
    local result = noshell.run("echo", "x")
    noshell.trace(previous)
    assert.equal("x\n", result.stdout)
    assert.equal(2, count)
  end)

  it("continues in other coroutines while it waits in one, even for ever", function()
    local probe = coroutine.create(function() pcall(coroutine.yield) end)
    coroutine.resume(probe)
    if coroutine.status(probe) == "dead" then
      pending("Lua 5.1 yields through no pcall")
    end
    local commands = {}
    local previous = noshell.trace(function(event)
      commands[#commands + 1] = event.command
      if event.command == "echo wait" then coroutine.yield() end
    end)
    local waiting = coroutine.create(function() noshell.run("echo", "wait") end)
    local ok = coroutine.resume(waiting)
    noshell.run("echo", "other")
    noshell.trace(previous)
    assert.is_true(ok)
    assert.same({ "echo wait", "echo other", "echo other" }, commands)
    assert.is_true(coroutine.resume(waiting))
  end)
end)

describe("a secret", function()
  helper.leak_check()

  local SECRET = "hunter2hunter2"

  --- Every text that a value holds, with those of what it refers to.
  local function texts_of(value, found, seen)
    found, seen = found or {}, seen or {}
    if type(value) == "string" then
      found[#found + 1] = value
    elseif type(value) == "table" and not seen[value] then
      seen[value] = true
      found[#found + 1] = tostring(value)
      for key, each in pairs(value) do
        texts_of(key, found, seen)
        texts_of(each, found, seen)
      end
    end
    return found
  end

  local function assert_hidden(...)
    for _, text in ipairs(texts_of { ... }) do
      assert.is_nil(text:find(SECRET, 1, true), text)
    end
  end

  it("is hidden in strings, logs, errors and traces", function()
    helper.with_tmpdir(function(dir)
      local secret = noshell.secret(SECRET)
      local spec = { "sh", "-c", "cat >/dev/null; exit 3", secret, input = secret }
      local events = traced(function()
        local cmd = noshell.command(spec)
        cmd:send_buffer(SECRET)
        assert_hidden(cmd:to_string(), tostring(cmd), tostring(secret))
        assert.truthy(tostring(cmd):find("***", 1, true))
        local log = assert(io.open(dir .. "/log", "w"))
        assert(cmd:write_arg_log(log))
        log:close()
        assert_hidden(helper.read_file(dir .. "/log"))
        assert_hidden(select(2, cmd:run()))
        assert_hidden(select(2, noshell.pipeline(cmd, { "cat" }):run()))
        assert_hidden(select(2, noshell.map({ 1 }, function() return spec end)))
        assert_hidden(select(2, noshell.run { "nosuchprogram", secret, input = SECRET }))
        local process = assert(noshell.run_async(spec))
        assert_hidden(process.command, tostring(process))
        assert_hidden(select(2, process:wait()))
        process:close()
      end)
      assert.truthy(#events > 5)
      assert_hidden(events)
    end)
  end)

  it("is hidden in argument errors, too", function()
    for _, spec in ipairs {
      { "true", noshell.secret(SECRET), nonsense = noshell.secret(SECRET) },
      { "true", cwd = noshell.secret(SECRET) },
      { "true", on_stdout = noshell.secret(SECRET) },
      { "true", tail = noshell.secret(SECRET) },
      { "true", input = { noshell.secret(SECRET) } },
    } do
      local _, err = noshell.run(spec)
      assert.equal("invalid", err.code)
      assert_hidden(err)
    end
  end)
end)
