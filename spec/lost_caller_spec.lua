-- A program whose caller never runs again: a coroutine that waits for it is dropped.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local probe = helper.probe

local jit = rawget(_G, "jit")

local function collect()
  -- A compiled trace holds the closures that it was recorded with.
  if jit then jit.flush() end
  collectgarbage()
  collectgarbage()
end

--- Calls f in a coroutine that is not resumed once it waits; f's programs inherit
--- `writer`, so that `reader` is at its end when they have ended.
local function drop(f)
  local reader, writer = core.pipe()
  local previous = noshell.host.use(function() coroutine.yield() end)
  local ok, err = coroutine.resume(coroutine.create(f), writer)
  noshell.host.use(previous)
  writer:close()
  assert(ok, err)
  return reader
end

--- Returns true if the programs end within the seconds.
local function end_in(reader, seconds)
  local is_over = core.poll(reader:fileno(), "r", seconds)
  reader:close()
  return is_over
end

local CALLS = {
  run = function(writer) noshell.run { probe, "--pause", stdout = writer } end,
  output = function(writer) noshell.output { probe, "--pause", stderr = writer } end,
  system = function(writer)
    noshell.system { probe, "--pause", stdin = "null", stdout = writer, stderr = "null" }
  end,
  -- On Lua 5.1 the iterator of a generic `for` cannot yield.
  lines = function(writer)
    local read = noshell.lines { probe, "--say", "x", "--pause", stderr = writer }
    repeat local line = read() until not line
  end,
  pipeline = function(writer)
    noshell.pipeline({ probe, "--pause", stderr = writer },
      { probe, "--pause", stderr = writer }):run()
  end,
  map = function(writer)
    noshell.map({ 1, 2 }, function() return { probe, "--pause", stdout = writer } end)
  end,
}

describe("a program whose caller never runs again", function()
  helper.leak_check()

  for name, call in pairs(CALLS) do
    it("is ended when the caller of " .. name .. " is collected", function()
      local reader = drop(call)
      collect()
      assert.is_true(end_in(reader, 10))
    end)
  end

  it("is killed if it ignores TERM", function()
    local reader = drop(function(writer)
      noshell.run { probe, "--ignore", "TERM", "--say", "ready", "--pause",
        stdout = writer }
    end)
    assert.equal("ready\n", helper.sys.read(reader:fileno(), 6))
    collect()
    assert.is_true(end_in(reader, 10))
  end)

  it("runs on if run_async started it", function()
    local pid
    local reader = drop(function(writer)
      local process = assert(noshell.run_async { probe, "--pause", stdout = writer,
        stderr = "null" })
      pid = process.pid
      process:wait()
    end)
    collect()
    assert.is_false(core.poll(reader:fileno(), "r", 0))
    helper.sys.kill(pid, "KILL")
    assert.is_true(end_in(reader, 10))
  end)

  it("runs on if a loop over its lines was left, until it writes", function()
    local reader, writer = core.pipe()
    local read, _, _, process = noshell.lines { probe, "--say", "x", "--pause",
      stderr = writer }
    writer:close()
    assert.equal("x", read())
    local pid = process.pid
    read, process = nil, nil -- luacheck: ignore
    collect()
    assert.is_false(core.poll(reader:fileno(), "r", 0))
    helper.sys.kill(pid, "KILL")
    assert.is_true(end_in(reader, 10))
  end)
end)

describe("a start without a free descriptor", function()
  it("collects garbage and is tried once more", function()
    local result = helper.run_lua(helper.lua, [[
      collectgarbage "stop"
      local noshell = require "noshell"
      local spec = { "true", stdin = "pipe", stdout = "pipe" }
      for i = 1, 100 do
        local process, err = noshell.run_async(spec)
        if not process then error(i .. ": " .. tostring(err)) end
        assert(process:wait())
      end
      print(assert(noshell.pipeline({ "echo", "x" }, { "cat" }):output()))
    ]], nil, { wrap = { "prlimit", "--nofile=64" } })
    assert.equal("x\n", result.out, result.err)
  end)
end)
