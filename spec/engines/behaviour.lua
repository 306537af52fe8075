-- What every machine does, with any engine. The specs of an engine call
-- behaviour.declare in a describe block.
local assert = require "luassert"
local busted = require "busted"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local server = require "spec.support.server"

local behaviour = {}

local every_byte = {}
for byte = 1, 255 do every_byte[byte] = string.char(byte) end
every_byte = table.concat(every_byte)

local WORDS = { "", "a\n", "\n\n", "-n", "!!", "*", "$(id)", "`id`", "it's \"so\"", "\\0101",
  " a  b ", "~", "%h", "$$", "${HOME}", every_byte }

--- Returns an error's text without the line of the script.
function behaviour.text_of(err)
  return (tostring(err):gsub(" %([^()]*%.lua:%d+[^()]*%)$", ""))
end

local text_of = behaviour.text_of

--- Waits until no process has one of these pids there. A zombie counts as gone, because a
--- container may have no init that reaps orphans.
function behaviour.expect_gone(there, pids)
  local words = { "cat", check = false }
  for _, pid in ipairs(pids) do words[#words + 1] = ("/proc/%d/stat"):format(pid) end
  assert.is_true(server.eventually(function()
    local text = there:run(words).stdout
    return not text:find "%) [^ZX] "
  end))
end

local expect_gone = behaviour.expect_gone

--- Starts a small tree, and returns the process and the pids.
local function start_tree(there, spec)
  spec = spec or {}
  spec[1], spec[2], spec[3] = "sh", "-c", "sleep 300 & echo $! $$; wait"
  spec.stdout = "pipe"
  local process = assert(there:run_async(spec))
  local child, parent = process.stdout:read():match "(%d+) (%d+)"
  return process, { tonumber(child), tonumber(parent) }
end

local function declare_exactness(machine, how)
  busted.it("passes exact words, variables, directory, umask and limits", function()
    local there = machine()
    local directory = ("/tmp/noshell-%d-\167 it's !\n"):format(helper.sys.getpid())
    local make = how.is_here and noshell.run or function(words) return there:run(words) end
    assert(make { "mkdir", "-p", directory })
    local spec = { how.probe or helper.probe, WORDS, cwd = directory, umask = "077",
      env = { NSH_SPEC = every_byte:gsub("=", "") } }
    if not how.is_unlimited then spec.limits = { nofile = { 64, 128 } } end
    local report = helper.probe_report(assert(there:run(spec)).stdout)
    for i, word in ipairs(WORDS) do assert.equal(word, report.argv[i]) end
    assert.equal(directory, report.cwd)
    assert.equal((every_byte:gsub("=", "")), report.env.NSH_SPEC)
    assert.equal("077", report.umask:match("%d%d%d$"))
    assert.same({ 0, 1, 2 }, report.fds)
    assert(make { "rmdir", directory })
  end)

  busted.it("shows no secret and no variable in a list of processes", function()
    -- The same spec may run on another Lua at this moment.
    local there, hush = machine(), "hush-" .. helper.sys.getpid() .. "-hush"
    local result = assert(there:run { "sh", "-c",
      "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; echo; echo $TOKEN",
      env = { TOKEN = hush } })
    local _, count = result.stdout:gsub((hush:gsub("%-", "%%-")), "")
    assert.equal(1, count)
    result = assert(there:run { "sh", "-c", "cat /proc/$PPID/cmdline | tr '\\0' ' '", "sh",
      noshell.secret(hush) })
    assert.is_nil(result.stdout:find("hush", 1, true))
  end)

  if how.is_slow then return end
  -- Limit: with the preloaded runtime of a sanitizer, env writes nothing.
  if os.getenv "NOSHELL_INSTRUMENTED" ~= "asan" then
    busted.it("passes only what clear_env leaves", function()
      local result = assert(machine():run { "env", clear_env = true, env = { A = "1\n2" } })
      assert.equal("A=1\n2\n", result.stdout)
    end)
  end

  busted.it("carries commands that are too long for one word", function()
    local long = ("it's \255"):rep(18000)
    assert.is_true(long == machine():output("printf", "%s", long))
  end)
end

local function declare_streams(machine, how)
  busted.it("moves binary input and output of any size", function()
    local data = helper.pattern(3000000)
    local result = assert(machine():run { "cat", input = data })
    assert.is_true(data == result.stdout)
    assert.equal("", result.stderr)
  end)

  busted.it("keeps the output of a program that dies right after writing", function()
    local _, err = machine():run { "sh", "-c", "echo out; echo err >&2; kill -KILL $$" }
    assert.equal("out\n", err.result.stdout)
    assert.equal("err\n", err.result.stderr)
    assert.equal("KILL", err.result.signal)
  end)

  if how.is_slow then return end
  busted.it("feeds a program, and reads lines as they arrive", function()
    local there = machine()
    local process = assert(there:run_async { "cat", stdin = "pipe", stdout = "pipe" })
    for i = 1, 3 do
      process.stdin:write("line ", i, "\n")
      assert.equal("line " .. i, process.stdout:read())
    end
    process.stdin:close()
    assert.is_true(process:wait().ok)
    process:close()
    local lines = {}
    for line in there:lines { "printf", "a\nb\n" } do lines[#lines + 1] = line end
    assert.same({ "a", "b" }, lines)
    local got = {}
    there:run { "sh", "-c", "printf 'x\ny\n'; echo z >&2",
      on_stdout = function(line) got[#got + 1] = line end,
      on_stderr = function(line) got[#got + 1] = "err " .. line end }
    table.sort(got)
    assert.same({ "err z", "x", "y" }, got)
  end)

  busted.it("is part of a pipeline", function()
    local there = machine()
    assert.equal("b\na\n", noshell.pipeline({ "printf", "a\nb\n" },
      { "sort", "-r", machine = there }, { "cat" }):run().stdout)
  end)
end

local function declare_ends(machine, how)
  busted.it("reports exact ends", function()
    local there = machine()
    local codes = how.is_slow and { 0, 143, 255 }
      or { 0, 1, 97, 125, 126, 127, 137, 143, 253, 255 }
    local results = assert(noshell.map(codes, function(code)
      return { "sh", "-c", "exit " .. code, check = false, machine = there }
    end, { concurrency = 4 }))
    for i, code in ipairs(codes) do assert.equal(code, results[i].exit_code) end
    for _, signal in ipairs { "TERM", not how.is_slow and "KILL" or nil } do
      local _, err = there:run { "sh", "-c", "kill -" .. signal .. " $$" }
      assert.equal("signal", err.code)
      assert.equal(signal, err.result.signal)
    end
  end)

  busted.it("reports why a program did not start, with its stage", function()
    local there = machine()
    local function fails(spec)
      local process, err = there:run_async(spec)
      assert.is_nil(process)
      assert.equal("spawn", err.code)
      return (text_of(err):gsub("^noshell: on [^ ]+: cannot start '[^']*': ", ""))
    end
    assert.equal("find_program 'no-such-program': No such file or directory (ENOENT)",
      fails { "no-such-program" })
    assert.equal("find_program '/etc/passwd': Permission denied (EACCES)",
      fails { "/etc/passwd" })
    assert.equal("set_working_directory '/no/such': No such file or directory (ENOENT)",
      fails { "true", cwd = "/no/such" })
    assert.equal("set_working_directory '/etc/passwd': Not a directory (ENOTDIR)",
      fails { "true", cwd = "/etc/passwd" })
  end)

  busted.it("ends the whole tree there at a timeout", function()
    local there = machine()
    local _, err = there:run { "sh", "-c", "sleep 300 & echo $! $$; wait", timeout = 0.3,
      grace = 1 }
    assert.equal("timeout", err.code)
    assert.is_true(err.result.timed_out)
    assert.equal("TERM", err.result.signal)
    local pids = {}
    for pid in err.result.stdout:gmatch "%d+" do pids[#pids + 1] = tonumber(pid) end
    _, err = there:run { "sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done",
      timeout = 0.3, grace = 0.1 }
    assert.equal("timeout", err.code)
    assert.equal("KILL", err.result.signal)
    pids[#pids + 1] = tonumber(err.result.stdout)
    assert.equal(3, #pids)
    expect_gone(there, pids)
  end)

  busted.it("ends the whole tree there by kill, abort, close and an error", function()
    local there, all = machine(), {}
    local function start()
      local process, pids = start_tree(there)
      for _, pid in ipairs(pids) do all[#all + 1] = pid end
      return process
    end
    local process = start()
    assert(process:kill "TERM")
    assert.equal("TERM", select(2, process:wait()).result.signal)
    process:close()
    process = start()
    assert(process:abort())
    process:close()
    assert(start():close())
    local ok = pcall(noshell.run, { "sh", "-c", "sleep 300 & echo $!; wait", machine = there,
      on_stdout = function(line)
        all[#all + 1] = tonumber(line)
        error "enough"
      end })
    assert.is_false(ok)
    assert.equal(7, #all)
    expect_gone(there, all)
  end)

  busted.it("ends the programs there when it is closed", function()
    local there, other = how.fresh(), machine()
    local process, pids = start_tree(there)
    there:close()
    assert.equal("lost", select(2, process:wait()).code)
    process:close()
    expect_gone(other, pids)
  end)

  busted.it("reports itself", function()
    assert.same({ name = how.name, engine = how.engine, signals = true }, machine():check())
  end)
end

local function declare_loss(machine, how)
  busted.it("ends the program there if its carrier is killed", function()
    local there = machine()
    local process, pids = start_tree(there)
    helper.sys.kill(process.pid, 9)
    local result, err = process:wait(30)
    assert.is_nil(result)
    assert.truthy(err.code == "signal" or err.code == "lost", err.code)
    process:close()
    expect_gone(there, pids)
  end)

  if how.survives then return end
  busted.it("reports the programs of a lost connection as lost, and ends them", function()
    local there, other = how.fresh(), machine()
    local process, pids = start_tree(there)
    helper.sys.kill(there.connections[1].master.pid, 9)
    local result, err = process:wait(30)
    assert.is_nil(result)
    assert.equal("lost", err.code)
    assert.truthy(text_of(err):find("the status of 'sh .*' is lost: "))
    process:close()
    expect_gone(other, pids)
    -- The next command connects again.
    assert.equal("again", there:output("echo", "again"))
  end)
end

--- Declares the specs. machine() returns a machine that stays open. `how` has name and engine,
--- as in the report, and
---   fresh()       returns a machine that may be closed
---   probe         the path of probe there
---   is_slow       fewer specs
---   is_here       it has our files
---   is_local      no client can be killed without the control session itself
---   is_unlimited  it sets no limits
---   survives      the connection does not need its client
function behaviour.declare(machine, how)
  declare_exactness(machine, how)
  declare_streams(machine, how)
  declare_ends(machine, how)
  if not how.is_local then declare_loss(machine, how) end
end

--- Returns two functions. The first returns a machine that stays open for all specs of the
--- block; with arguments, and the second always, a new one, which is closed after the spec.
function behaviour.with(make)
  local shared, made = nil, {}
  local function fresh(...)
    made[#made + 1] = make(...)
    return made[#made]
  end
  busted.setup(function()
    shared = make()
    -- A wait that lasts makes what serves the control session, which stays.
    shared:run { "sleep", 0.2 }
  end)
  busted.teardown(function() shared:close() end)
  busted.after_each(function()
    for _, one in ipairs(made) do one:close() end
    made = {}
  end)
  return function(...)
    if select("#", ...) > 0 then return fresh(...) end
    return shared
  end, fresh
end

return behaviour
