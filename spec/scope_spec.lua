-- An error that passes through a call ends the programs that this call started,
-- and is raised again as it is.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

--- A program with a child, both of which ignore TERM and hold `fd` open.
local function stubborn(fd, spec)
  spec = spec or {}
  for i, word in ipairs { helper.probe, "--ignore", "TERM", "--fork", "--pause", "--end",
    "--pause" } do
    spec[i] = word
  end
  spec.pass_fds = { [9] = fd }
  return spec
end

--- Calls start(fd). Returns its values, and whether every process that holds fd, the
--- pipe's other end, has ended by then.
local function watch(start)
  local from, to = sys.pipe()
  local ok, err = start(to)
  sys.close(to)
  local has_ended = sys.poll(from, "r", 0)
  sys.close(from)
  return ok, err, has_ended
end

--- Waits with `waiter` while f runs.
local function with_host(waiter, f, ...)
  local before = noshell.host.use(waiter)
  local answer = { pcall(f, ...) }
  noshell.host.use(before)
  return answer[1], answer[2]
end

local function next_of(iterator) return iterator() end

--- A process of run_async that ignores TERM by now, as stubborn.
local function start_stubborn(fd)
  local from, to = sys.pipe()
  local process = assert(noshell.run_async { helper.probe, "--ignore", "TERM", "--fork",
    "--pause", "--end", "--write", 8, "x", "--pause", pass_fds = { [8] = to, [9] = fd } })
  sys.close(to)
  assert.equal("x", sys.read(from, 1))
  sys.close(from)
  return process
end

--- The functions that start a program and wait for it in one call, by name.
local ways = {
  run = function(fd) return noshell.run(stubborn(fd)) end,
  ["run of a command"] = function(fd) return noshell.command(stubborn(fd)):run() end,
  output = function(fd) return noshell.output(stubborn(fd)) end,
  system = function(fd) return noshell.system(stubborn(fd)) end,
  retry = function(fd) return noshell.retry(stubborn(fd)) end,
  lines = function(fd) return next_of(noshell.lines(stubborn(fd))) end,
  records = function(fd)
    return next_of(noshell.command(stubborn(fd)):records "\0")
  end,
  ["a pipeline's run"] = function(fd)
    return noshell.pipeline(stubborn(fd), stubborn(fd), { "cat" }):run()
  end,
  ["a pipeline's lines"] = function(fd)
    return next_of(noshell.pipeline(stubborn(fd), { "cat" }):lines())
  end,
  map = function(fd)
    return noshell.map({ 1, 2, 3 }, function(i)
      return i < 3 and stubborn(fd) or noshell.pipeline(stubborn(fd), { "cat" })
    end)
  end,
  ["closing what popen gave"] = function(fd)
    return noshell.popen(stubborn(fd), "r"):close()
  end,
  ["closing a process"] = function(fd)
    return start_stubborn(fd):close()
  end,
}

describe("an error of the host", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  for name, way in pairs(ways) do
    it("ends the programs started by " .. name, function()
      local what = {}
      local ok, err, has_ended = watch(function(fd)
        return with_host(function() error(what) end, way, fd)
      end)
      assert.is_false(ok)
      assert.equal(what, err)
      assert.is_true(has_ended)
    end)
  end

  helper.each_path(function()
    it("ends it on every launch path", function()
      local ok, err, has_ended = watch(function(fd)
        return with_host(function() error("cancelled", 0) end, ways.run, fd)
      end)
      assert.is_false(ok)
      assert.equal("cancelled", err)
      assert.is_true(has_ended)
    end)
  end)

  it("ends no program of run_async that is waited for", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local other = assert(noshell.run_async { "cat", stdin = "pipe" })
    for _, wait in ipairs {
      function() return process:wait() end,
      function() return process.stdin:write(("x"):rep(1000000)) end,
      function() return noshell.wait_any { process, other } end,
      function() return noshell.wait_all { process, other } end,
      function() return noshell.run("sleep", "60") end,
    } do
      local ok, err = with_host(function() error("oops", 0) end, wait)
      assert.is_false(ok)
      assert.equal("oops", err)
    end
    for _, each in ipairs { process, other } do
      each.stdin:close()
      assert.is_true(assert(each:wait(60)).ok)
      each:close()
    end
  end)

  it("leaves an aborted process ended, but not closed", function()
    local process = start_stubborn(1)
    local ok = with_host(function() error "oops" end, process.abort, process)
    assert.is_false(ok)
    local _, err = process:wait(0)
    assert.equal("signal", err.code)
    process:close()
  end)

  it("closes a process nevertheless", function()
    local process = start_stubborn(1)
    assert.is_false((with_host(function() error "oops" end, process.close, process)))
    assert.is_true(process:closed())
  end)

  it("reports to the tracer that the program exited", function()
    local events = {}
    noshell.trace(function(event) events[#events + 1] = event.event end)
    with_host(function() error "oops" end, noshell.run, "sleep", "60")
    noshell.trace(nil)
    assert.same({ "started", "exited" }, events)
  end)

  it("permits callbacks and tracers to raise errors while the program is ended", function()
    local ok, err, has_ended = watch(function(fd)
      noshell.trace(function() error "tracer" end)
      local waits = 0
      return with_host(function()
        waits = waits + 1
        if waits > 1 then error("host", 0) end
      end, noshell.run, stubborn(fd, { on_stdout = function() error "callback" end,
        input = function() return "x" end }))
    end)
    noshell.trace(nil)
    assert.is_false(ok)
    assert.equal("host", err)
    assert.is_true(has_ended)
  end)
end)

describe("an error of a host that starts in another thread", function()
  it("ends a program that another thread has started", function()
    local host = { name = "cancelled", starts_aside = true }
    function host.wait() error("cancelled", 0) end
    local ok, err, has_ended = watch(function(fd)
      -- Descriptors that are passed would keep the start here.
      return with_host(host, noshell.run, { helper.probe, "--pause",
        stdout = { path = "/proc/self/fd/" .. fd, append = true } })
    end)
    assert.is_false(ok)
    assert.equal("cancelled", err)
    assert.is_true(has_ended)
  end)
end)

describe("an error in a coroutine that waited", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  local function raise_late() coroutine.yield() error("late", 0) end

  for name, way in pairs(ways) do
    -- Lua 5.1 cannot yield in a loop's iterator, nor here.
    it("ends the programs started by " .. name, function()
      local ok, err, has_ended = watch(function(fd)
        local task = coroutine.create(function() return way(fd) end)
        local before = noshell.host.use(raise_late)
        assert(coroutine.resume(task))
        assert.equal("suspended", coroutine.status(task))
        local ok, err = coroutine.resume(task)
        noshell.host.use(before)
        -- Lua 5.1 finds the coroutine dead when something else is run.
        assert(noshell.run("true"))
        return ok, err
      end)
      assert.is_false(ok)
      assert.equal("late", err)
      assert.is_true(has_ended)
    end)
  end

  it("is detected when another one's wait returns", function()
    local from, to = sys.pipe()
    local task = coroutine.create(function() return ways.run(to) end)
    local other = coroutine.create(function() return noshell.run("sleep", "0.01") end)
    noshell.host.use(function(awaited)
      coroutine.yield()
      if coroutine.running() == task then error "late" end
      sys.poll(awaited:pollfd(), "r", 10000)
    end)
    assert(coroutine.resume(task))
    assert(coroutine.resume(other))
    assert.is_false((coroutine.resume(task)))
    while coroutine.status(other) ~= "dead" do assert(coroutine.resume(other)) end
    noshell.host.use(nil)
    sys.close(to)
    assert.is_true(sys.poll(from, "r", 0))
    sys.close(from)
  end)

  it("does not end programs of other coroutines", function()
    local task = coroutine.create(function() return noshell.run("sleep", "60") end)
    local result
    local other = coroutine.create(function()
      result = noshell.run { "sleep", "0.05", timeout = 60 }
    end)
    noshell.host.use(function(awaited)
      coroutine.yield()
      if coroutine.running() == task then error "late" end
      sys.poll(awaited:pollfd(), "r", 10000)
    end)
    assert(coroutine.resume(other))
    assert(coroutine.resume(task))
    assert.is_false((coroutine.resume(task)))
    while coroutine.status(other) ~= "dead" do assert(coroutine.resume(other)) end
    noshell.host.use(nil)
    assert.is_true(result.ok)
  end)

  it("includes closing the coroutine, if Lua can close one", function()
    helper.require_or_pending("lua54", rawget(coroutine, "close"), "coroutine.close")
    for _, name in ipairs { "run", "map", "a pipeline's run" } do
      local _, _, has_ended = watch(function(fd)
        local task = coroutine.create(function() return ways[name](fd) end)
        noshell.host.use(function() coroutine.yield() end)
        assert(coroutine.resume(task))
        noshell.host.use(nil)
        assert.is_true((coroutine.close(task))) -- luacheck: ignore 143
      end)
      assert.is_true(has_ended, name)
    end
  end)
end)

describe("an error of a user callback", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  local function check(way)
    local what = {}
    local ok, err, has_ended = watch(function(fd)
      return pcall(way, fd, function() error(what) end)
    end)
    assert.is_false(ok)
    assert.equal(what, err)
    assert.is_true(has_ended)
  end

  --- It writes a line and waits for a child; both hold fd.
  local function talking(fd, spec)
    spec[1], spec[2], spec[3] = "sh", "-c", "echo ready; trap '' TERM; sleep 60 & wait"
    spec.pass_fds = { [9] = fd }
    return spec
  end

  it("ends the program and its children", function()
    check(function(fd, raise) noshell.run(talking(fd, { on_stdout = raise })) end)
    check(function(fd, raise) noshell.output(stubborn(fd, { input = raise })) end)
    check(function(fd, raise)
      noshell.pipeline(talking(fd, { on_stderr = raise }), { "sh", "-c", "cat >&2",
        on_stderr = raise, pass_fds = { [9] = fd } }):run()
    end)
    check(function(fd, raise)
      noshell.map({ 1, 2 }, function(i) return i == 1 and stubborn(fd) or raise() end)
    end)
    check(function(fd, raise)
      noshell.map({ 1, 2 }, function(i) return i == 1 and stubborn(fd) or "true" end,
        { on_progress = raise })
    end)
    check(function(fd, raise)
      for _ in noshell.lines(stubborn(fd, { input = raise })) do end
    end)
  end)

  it("in a loop over lines ends the program on Lua 5.4", function()
    local has_close = false
    local closing = setmetatable({}, { __close = function() has_close = true end })
    for _ in function() return true end, nil, nil, closing do break end -- luacheck: ignore 512
    helper.require_or_pending("lua54", has_close, "closing values")
    check(function(fd, raise)
      for _ in noshell.lines(talking(fd, {})) do raise() end
    end)
  end)
end)

describe("an error at any instruction", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  local function is_in_noshell()
    local level = 3
    repeat
      local info = debug.getinfo(level, "S")
      if info and info.source:find("/lua/noshell/", 1, true) then return true end
      level = level + 1
    until not info
    return false
  end

  --- Raises an error after so many instructions of this coroutine.
  local function raise_after(count, what)
    debug.sethook(function()
      debug.sethook()
      if is_in_noshell() then error(what, 0) end
    end, "", count)
  end

  --- The function that raises: `what` after `count` instructions, or in the wait.
  local function raising(what, count, way, fd)
    noshell.host.use(function() error(what, 0) end)
    raise_after(count, what)
    way(fd)
  end

  local function check(call, way, count)
    local what = {}
    local ok, err, has_ended = watch(function(fd)
      local ok, err = call(raising, what, count, way, fd)
      debug.sethook()
      noshell.host.use(nil)
      -- Lua 5.1 finds a coroutine dead when something else is run.
      if call ~= pcall then assert(noshell.run("true")) end
      return ok, err
    end)
    assert.is_false(ok)
    assert.equal(what, err)
    assert.is_true(has_ended, ("after %d instructions"):format(count))
  end

  local function in_coroutine(f, ...)
    return coroutine.resume(coroutine.create(f), ...)
  end

  local function plain(fd)
    return { helper.probe, "--pause", pass_fds = { [9] = fd } }
  end

  -- Compiled code calls no hooks.
  local jit = rawget(_G, "jit")
  before_each(function() if jit then jit.off() end end)
  after_each(function() if jit then jit.on() end end)

  local function run(fd) noshell.run(plain(fd)) end

  it("ends the program of run", function()
    for count = 1, 700, 3 do check(pcall, run, count) end
  end)

  it("ends the program of run in a coroutine", function()
    for count = 1, 700, 7 do check(in_coroutine, run, count) end
  end)

  it("ends the programs of a pipeline", function()
    for count = 1, 1500, 13 do
      check(pcall, function(fd) noshell.pipeline(plain(fd), plain(fd)):run() end, count)
    end
  end)

  it("ends the programs of map", function()
    for count = 1, 1500, 13 do
      check(pcall, function(fd)
        noshell.map({ 1, 2 }, function() return plain(fd) end)
      end, count)
    end
  end)

  it("loses no program while map removes those that have ended", function()
    local scope = require "noshell.scope"
    local open = { assert(noshell.run_async(plain(1))), assert(noshell.run_async(plain(1))) }
    local ended = assert(noshell.run_async "true")
    ended:close()
    local interrupted = 0
    for count = 1, 200 do
      local calls = scope.new(ended, open[1], ended, ended, open[2])
      local ok = pcall(function()
        raise_after(count, "oops")
        scope.prune(calls)
        debug.sethook()
      end)
      debug.sethook()
      interrupted = interrupted + (ok and 0 or 1)
      local found, last = {}, 0
      for i = 1, 5 do
        if calls[i] ~= nil then found[calls[i]], last = true, i end
      end
      assert.is_true(found[open[1]] and found[open[2]])
      assert.equal(last, #calls)
    end
    assert.is_true(interrupted > 20)
    for _, each in ipairs(open) do each:close() end
  end)
end)

describe("Ctrl-C", function()
  helper.leak_check()
  after_each(function() noshell.host.use(nil) end)

  local SCRIPT = [[
    local noshell, sys = require "noshell", require "testsys"
    io.stdout:setvbuf "no"
    local program = { PROBE, "--ignore", "TERM", "--ignore", "INT", "--fork", "--pause",
      "--end", "--to-fd", "8", "--say", "ready", "--pause", pass_fds = { 8, 9 } }
    local ok, err = pcall(function() CALL end)
    sys.close(9)
    print(ok, err)
    io.read()
  ]]

  --- Runs the call in another Lua, which gets SIGINT once its program writes "ready".
  --- Returns the result of its pcall, and whether the program has ended then.
  local function interrupt(call)
    local from, to = sys.pipe()
    local said_from, said_to = sys.pipe()
    local process = assert(noshell.run_async { helper.lua.name, "-e",
      (SCRIPT:gsub("PROBE", ("%q"):format(helper.probe)):gsub("CALL", call)),
      env = { LUA_PATH = package.path, LUA_CPATH = package.cpath }, timeout = 60,
      stdin = "pipe", stdout = "pipe", pass_fds = { [8] = said_to, [9] = to } })
    sys.close(to)
    sys.close(said_to)
    assert.equal("ready\n", sys.read(said_from, 6))
    -- Not before it waits: between two lines no call is active.
    repeat
      sys.sleep(0.001)
    until helper.read_file("/proc/" .. process.pid .. "/stat"):match "%) S "
    assert(process:kill("INT"))
    local said = process.stdout:read()
    local has_ended = sys.poll(from, "r", 0)
    process:close()
    sys.close(from)
    sys.close(said_from)
    return said, has_ended
  end

  for name, call in pairs {
    run = "noshell.run(program)",
    ["a pipeline"] = "noshell.pipeline(program, { 'cat' }):run()",
    map = "noshell.map({ 1, 2 }, function() return program end)",
    lines = "for _ in noshell.lines(program) do end",
    popen = "noshell.popen(program):close()",
  } do
    it("in " .. name .. " ends the program, and passes", function()
      local said, has_ended = interrupt(call)
      assert.matches("^false\t.*interrupted!$", said)
      assert.is_true(has_ended)
    end)
  end
end)
