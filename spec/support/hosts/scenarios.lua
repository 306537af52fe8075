-- The scenarios that every host must pass, as { name, function(tasks) }; tasks is the
-- argument of a driver's main (see blocking.lua). They use plain assert, because they also
-- run without busted. `needs = "concurrent"` or `"ticker"`: only for hosts with that.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local server = require "spec.support.server"

local probe = helper.probe
local scenarios = {}

local function add(name, needs, f)
  scenarios[#scenarios + 1] = { name = name, needs = needs, run = f }
end

local function equal(expected, given)
  if expected ~= given then
    error(("expected %s, not %s"):format(tostring(expected), tostring(given)), 2)
  end
end

--- Runs f(1) … f(n) as tasks, and goes on when all have ended.
local function each(tasks, n, f)
  local done = 0
  for i = 1, n do
    tasks.spawn(function()
      f(i)
      done = done + 1
    end)
  end
  for _ = 1, 6000 do
    if done == n then return end
    tasks.sleep(0.005)
  end
  error(("%d of %d tasks have ended"):format(done, n), 2)
end

--- A program that runs until its stdin is closed.
local function start_held(options)
  local spec = { probe, "--block-on", "0", stdin = "pipe" }
  for key, value in pairs(options or {}) do spec[key] = value end
  return assert(noshell.run_async(spec))
end

local function run_one_of_many(tasks, i, barrier)
  local process = assert(noshell.run_async { probe, "--cat", "--exit", i % 5,
    stdin = "pipe", check = false })
  barrier.count = barrier.count + 1
  while tasks.concurrent and barrier.count < barrier.size do tasks.sleep(0.01) end
  assert(process.stdin:write("this is ", i, "\n"))
  process.stdin:close()
  local result = assert(process:wait(60))
  equal("this is " .. i .. "\n", result.stdout)
  equal(i % 5, result.exit_code)
  process:close()
end

add("runs 200 processes at once", nil, function(tasks)
  local barrier = { count = 0, size = 200 }
  each(tasks, 200, function(i) run_one_of_many(tasks, i, barrier) end)
end)

add("starts and runs 200 commands from 200 tasks", nil, function(tasks)
  each(tasks, 200, function(i)
    local result = assert(noshell.run { probe, "--out", i, "--err", 200 - i })
    equal(helper.pattern(i), result.stdout)
    equal(helper.pattern(200 - i), result.stderr)
  end)
end)

-- In 0.3 s a blocked loop counts nothing, a running one counts about 60.
local function undisturbed(tasks, wait)
  local ticker = tasks.ticker()
  wait()
  ticker.stop()
  assert(ticker.count >= 8, ticker.count .. " ticks")
end

add("does not disturb a ticker while it runs a command", "ticker", function(tasks)
  undisturbed(tasks, function()
    assert(noshell.run { probe, "--sleep", 300 })
  end)
end)

add("does not disturb a ticker while it reads and writes", "ticker", function(tasks)
  undisturbed(tasks, function()
    local reader = assert(noshell.run_async { probe, "--sleep", 150, "--say", "yes",
      stdout = "pipe" })
    equal("yes", reader.stdout:read("l"))
    assert(reader:wait())
    reader:close()
    local writer = assert(noshell.run_async { probe, "--sleep", 150, "--in",
      stdin = "pipe" })
    assert(writer.stdin:write(("x"):rep(1000000)))
    writer:close()
  end)
end)

add("reads lines as they come", nil, function(tasks)
  each(tasks, 3, function()
    local process = assert(noshell.run_async { probe, "--say", "one", "--say", "two",
      "--block-on", "0", "--say", "three", stdin = "pipe", stdout = "pipe" })
    equal("one", process.stdout:read("l"))
    equal("two", process.stdout:read("l"))
    process.stdin:close()
    equal("three", process.stdout:read("l"))
    equal(nil, (process.stdout:read("l")))
    assert(process:wait(60))
    process:close()
  end)
end)

add("iterates over lines", nil, function(tasks)
  each(tasks, 3, function()
    local lines = {}
    for line in noshell.lines { probe, "--say", "one", "--sleep", 20, "--say", "two" } do
      lines[#lines + 1] = line
    end
    equal("one two", table.concat(lines, " "))
  end)
end)

add("writes more than a pipe holds", nil, function(tasks)
  local data = helper.pattern(500000)
  each(tasks, 3, function()
    local process = assert(noshell.run_async { probe, "--sleep", 20, "--in",
      stdin = "pipe" })
    assert(process.stdin:write(data))
    process.stdin:close()
    local result = assert(process:wait(60))
    equal(helper.adler32(data), result.stdout:match("in.adler32=(%x+)"))
    process:close()
  end)
end)

add("sends input and captures output that pipes cannot hold", nil, function(tasks)
  local data = helper.pattern(500000)
  each(tasks, 3, function()
    equal(data, assert(noshell.run { probe, "--cat", input = data }).stdout)
  end)
end)

add("reads in one task what another writes", "concurrent", function(tasks)
  local data = helper.pattern(500000)
  local process = assert(noshell.run_async { probe, "--cat", stdin = "pipe",
    stdout = "pipe" })
  each(tasks, 2, function(i)
    if i == 1 then
      equal(data, process.stdout:read("a"))
    else
      assert(process.stdin:write(data))
      process.stdin:close()
    end
  end)
  assert(process:wait(60))
  process:close()
end)

add("ends a program whose time is up", nil, function(tasks)
  each(tasks, 3, function()
    local result, err = noshell.run { probe, "--sleep", 60000, timeout = 0.05 }
    equal(nil, result)
    equal("timeout", err.code)
  end)
end)

add("gives up waiting, and waits again", nil, function(tasks)
  each(tasks, 3, function()
    local process = start_held()
    local result, err = process:wait(0.02)
    equal(nil, result)
    equal("timeout", err.code)
    process.stdin:close()
    assert(process:wait(60))
    process:close()
  end)
end)

add("aborts", nil, function(tasks)
  each(tasks, 3, function()
    local process = start_held()
    assert(process:abort())
    local _, err = process:wait(60)
    equal("signal", err.code)
    process:close()
  end)
end)

add("gives every task that waits the same answer", "concurrent", function(tasks)
  local process, answers = start_held(), {}
  tasks.spawn(function()
    tasks.sleep(0.02)
    process.stdin:close()
  end)
  each(tasks, 3, function(i) answers[i] = assert(process:wait(60)) end)
  equal(answers[1], answers[2])
  equal(answers[1], answers[3])
  process:close()
end)

add("wakes who waits for what another task found ended", "concurrent", function(tasks)
  local process = start_held()
  tasks.spawn(function()
    process.stdin:close()
    while not process:poll() do helper.sys.sleep(0.001) end
  end)
  assert(process:wait(60))
  process:close()
end)

add("wakes who waits for what another task aborts", "concurrent", function(tasks)
  local process = start_held { stdout = "pipe" }
  each(tasks, 3, function(i)
    if i == 1 then
      equal("signal", select(2, process:wait(60)).code)
    elseif i == 2 then
      equal(nil, (process.stdout:read("l")))
    else
      tasks.sleep(0.02)
      assert(process:abort())
    end
  end)
  process:close()
end)

local is_end = { closed = true, signal = true }

add("wakes who waits for what another task closes", "concurrent", function(tasks)
  local process = start_held { stdout = "pipe" }
  each(tasks, 3, function(i)
    if i == 1 then
      local _, err = process:wait(60)
      assert(is_end[err.code], err)
    elseif i == 2 then
      local line, err = process.stdout:read("l")
      assert(line == nil and (not err or err.code == "closed"), err)
    else
      tasks.sleep(0.02)
      process:close()
    end
  end)
end)

add("wakes who reads a stream that another task closes", "concurrent", function(tasks)
  local process = start_held { stdout = "pipe" }
  each(tasks, 2, function(i)
    if i == 1 then
      local line, err = process.stdout:read("l")
      equal(nil, line)
      equal("closed", err.code)
    else
      tasks.sleep(0.02)
      process.stdout:close()
    end
  end)
  process:close()
end)

add("wakes who waits for what another task lets go", "concurrent", function(tasks)
  local process = start_held()
  each(tasks, 2, function(i)
    if i == 1 then
      local _, err = process:wait(60)
      equal("closed", err.code)
    else
      tasks.sleep(0.02)
      process:kill("KILL")
      process:detach()
    end
  end)
  while require("noshell.core").reap() > 0 do tasks.sleep(0.005) end
end)

add("raises errors where they can be caught", nil, function(tasks)
  each(tasks, 3, function()
    local ok, err = pcall(function()
      for _ in noshell.lines { probe, "--say", "one", "--exit", 3 } do
        error { code = "mine" }
      end
    end)
    equal(false, ok)
    equal("mine", err.code)
    ok, err = pcall(function()
      local lines = noshell.lines { probe, "--say", "one", "--exit", 3 }
      repeat until not lines()
    end)
    equal(false, ok)
    equal("exit", err.code)
  end)
  collectgarbage()
end)

add("waits in a coroutine of the program's own", nil, function(tasks)
  each(tasks, 3, function()
    local found = {}
    local generator = coroutine.wrap(function()
      for i = 1, 3 do
        coroutine.yield(noshell.output { probe, "--sleep", 10, "--say", i })
      end
    end)
    for text in generator do found[#found + 1] = text end
    equal("1 2 3", table.concat(found, " "))
  end)
end)

add("runs pipelines", nil, function(tasks)
  each(tasks, 10, function(i)
    local result = assert(noshell.pipeline({ probe, "--out", 100000 + i },
      { probe, "--cat" }, { probe, "--in" }):run())
    equal(tostring(100000 + i), result.stdout:match("in.count=(%d+)"))
  end)
end)

add("maps over a list", nil, function(tasks)
  each(tasks, 3, function()
    local results = assert(noshell.map({ 1, 2, 3, 4, 5 }, function(i)
      return { probe, "--sleep", 10 * (5 - i), "--say", i }
    end))
    for i = 1, 5 do equal(i .. "\n", results[i].stdout) end
  end)
end)

add("does not disturb a ticker with a pipeline", "ticker", function(tasks)
  undisturbed(tasks, function()
    assert(noshell.pipeline({ probe, "--sleep", 300, "--say", "one" },
      { probe, "--cat" }):run())
  end)
end)

--- Calls f with the path of a FIFO. If the library waits for its other end longer than f
--- requested, another process opens that eventually.
local function with_fifo(f)
  -- Without pcall, through which a task cannot yield on Lua 5.1.
  local dir = assert(noshell.output("mktemp", "-d"))
  local path = dir .. "/fifo"
  assert(noshell.run("mkfifo", path))
  local rescue = assert(noshell.run_async { "sh", "-c", "sleep 5; : <>$0", path })
  f(path, dir)
  rescue:close()
  assert(noshell.run("rm", "-r", dir))
end

add("bounds the starts of a pipeline's commands by its timeout", nil, function()
  with_fifo(function(path, dir)
    local waits = { "cat", stdout = { path = path } }
    local _, err = noshell.pipeline { { "sh", "-c", "echo $$ >$0/pid; exec sleep 60", dir },
      waits, timeout = 0.4 }:run()
    equal("io ETIMEDOUT set_stdout 2", table.concat({ err.code, err.errname or "-",
      err.stage or "-", err.index or "-" }, " "))
    assert(tostring(err):find("longer than the pipeline's timeout", 1, true), err)
    assert(server.is_gone(tonumber(helper.read_file(dir .. "/pid"))))
    for _, seconds in ipairs { 0.3, 0.6 } do
      _, err = noshell.pipeline({ { "cat", stdin = { path = path }, timeout = 0.9 - seconds },
        { "cat" }, timeout = seconds }):run_async()
      equal("spawn ETIMEDOUT set_stdin", ("%s %s %s"):format(err.code, err.errname, err.stage))
      assert(tostring(err):find(seconds < 0.5 and "the pipeline's" or "the command's", 1, true),
        err)
    end
  end)
end)

add("does not disturb a ticker while a FIFO has no other end", "ticker", function(tasks)
  with_fifo(function(path)
    local waits = { "cat", stdin = { path = path }, stderr = helper.sys.dup(2) }
    for _, it in ipairs { noshell.command(waits), noshell.pipeline { waits, { "cat" } } } do
      undisturbed(tasks, function()
        local _, err = it:set_timeout(0.3):run()
        equal("ETIMEDOUT", err.errname)
      end)
    end
    helper.sys.close(waits.stderr)
  end)
end)

-- More than the pipes between the programs hold.
local MUCH = ("x"):rep(600000)

local function start_chain()
  local first = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
  return first, function()
    return assert(noshell.run_async { "cat", stdin = first.stdout })
  end
end

local function check_chain(first, last)
  first.stdin:close()
  equal(#MUCH, #assert(last:wait()).stdout)
  assert(first:wait())
  first:close()
  last:close()
end

add("serves the end of a chain that was joined by hand", nil, function()
  local first, start_last = start_chain()
  local last = start_last()
  assert(first.stdin:write(MUCH))
  check_chain(first, last)
end)

add("serves several chains while something else is waited for", nil, function()
  local chains = {}
  for i = 1, 3 do
    local from, to = helper.sys.pipe()
    local last = assert(noshell.run_async { "cat", stdin = from })
    helper.sys.close(from)
    chains[i] = { last = last, to = to }
  end
  assert(noshell.run { "sh", "-c", "for i in 7 8 9; do head -c 600000 /dev/zero >&$i; done",
    pass_fds = { [7] = chains[1].to, [8] = chains[2].to, [9] = chains[3].to } })
  for _, chain in ipairs(chains) do
    helper.sys.close(chain.to)
    equal(600000, #assert(chain.last:wait()).stdout)
    chain.last:close()
  end
end)

add("serves a process that is started while a task waits", "concurrent", function(tasks)
  local first, start_last = start_chain()
  local last, is_written
  tasks.spawn(function()
    assert(first.stdin:write(MUCH))
    is_written = true
  end)
  tasks.sleep(0.05)
  last = start_last()
  while not is_written do tasks.sleep(0.005) end
  check_chain(first, last)
end)

add("serves a process that a task waited for and does no longer", "concurrent",
  function(tasks)
    local first, start_last = start_chain()
    local last, is_written = start_last(), false
    for _ = 1, 2 do
      tasks.spawn(function() assert(noshell.run { probe, "--sleep", 100 }) end)
    end
    tasks.spawn(function()
      assert(first.stdin:write(MUCH))
      is_written = true
    end)
    equal(nil, (last:wait(0)))
    equal(nil, (last:wait(0.01)))
    while not is_written do tasks.sleep(0.005) end
    check_chain(first, last)
  end)

--- A program that asks, and answers what it is told.
local DIALOGUE = [[while printf 'next> ' && read -r word; do echo "got $word"; done]]

local function talk(i)
  local process = assert(noshell.run_async { "sh", "-c", DIALOGUE, stdin = "pipe",
    stdout = "pipe" })
  process.stdout:set_timeout(60)
  for round = 1, 3 do
    equal("next> ", select(2, process.stdout:read_until { "none", "%a+> " }))
    local _, err = process.stdout:read_until("> ", 0.01)
    equal("timeout", err.code)
    assert(process.stdin:write(i, ".", round, "\n"))
    equal(("got %d.%d"):format(i, round), assert(process.stdout:read()))
  end
  equal("", (process.stdout:read_until { "next> ", plain = true }))
  process.stdin:close()
  equal(nil, process.stdout:read_some())
  assert(process:wait(60))
  process:close()
end

add("talks with programs", nil, function(tasks)
  each(tasks, 5, talk)
end)

add("exchanges data with programs on terminals", nil, function(tasks)
  each(tasks, 10, function(i)
    local process = assert(noshell.run_async { "sh", "-c", 'printf "name? "; read -r name; '
      .. 'echo "hello $name"', pty = { echo = false } })
    equal("name", (process.pty:read_until({ "? ", plain = true }, 60)))
    assert(process.pty:write(i, "\n"))
    equal(("hello %d\r\n"):format(i), process.pty:read "a")
    assert(process:wait())
    process:close()
    equal("/dev/pts/", noshell.output { "tty", pty = true }:match "^/dev/pts/")
  end)
end)

-- Targets and pipes ---------------------------------------------------------------------

add("copies output to several targets, of which one is slow", nil, function(tasks)
  each(tasks, 5, function()
    local reader, writer = noshell.pipe()
    local first = assert(noshell.run_async { probe, "--out", 400000,
      stdout = { "capture", writer } })
    writer:close()
    equal("400000", assert(noshell.output { "wc", "-c", stdin = reader }))
    reader:close()
    equal(helper.pattern(400000), assert(first:wait()).stdout)
    first:close()
  end)
end)

add("does not disturb a ticker while a target accepts no more", "ticker", function(tasks)
  local reader, writer = noshell.pipe()
  undisturbed(tasks, function()
    local _, err = noshell.run { probe, "--out", 1000000, stdout = { writer }, timeout = 0.3 }
    equal("timeout", err.code)
  end)
  reader:close()
  writer:close()
end)

add("talks through more pipes", nil, function(tasks)
  each(tasks, 20, function(i)
    local process = assert(noshell.run_async { "sh", "-c", "cat <&4 >&3; echo end",
      pipes = { [3] = "read", [4] = "write" } })
    assert(process.pipes[4]:write("this is ", i, "\n"))
    equal("this is " .. i, process.pipes[3]:read())
    assert(process.pipes[4]:write(("x"):rep(20000)))
    process.pipes[4]:close()
    equal(("x"):rep(20000), process.pipes[3]:read "a")
    equal("end\n", assert(process:wait(60)).stdout)
    process:close()
  end)
end)

return scenarios
