local backend = require "noshell.backend"
local core = require "noshell.core"
local dry = require "spec.support.dry"
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Returns the values of running a SPEC if the handler returns this reply.
local function run(reply, spec)
  return dry.with(dry.replies(reply), function() return noshell.run(spec or { "frob", "-x" }) end)
end

describe("a dry run", function()
  helper.leak_check()

  it("starts nothing until it is stopped", function()
    helper.with_tmpdir(function(dir)
      local path = dir .. "/made"
      dry.with(nil, function() assert(noshell.run("touch", path)) end)
      assert.is_nil(io.open(path))
      assert(noshell.run("touch", path))
      io.open(path):close()
    end)
  end)

  it("lists the command lines", function()
    dry.with(nil, function(run_)
      noshell.run("echo", "it's")
      noshell.run { "env", env = { A = "1" } }
      assert.same({ "echo 'it'\\''s'", "A=*** env" }, run_:commands())
    end)
  end)

  it("applies to commands that were built before, and is the backend", function()
    local cmd = noshell.command("nosuchprogram")
    dry.with(dry.replies "x\n", function()
      assert.equal("x", cmd:output())
      local process = backend.current.start(cmd)
      assert.equal("x\n", process:wait().stdout)
      process:close()
      assert.is_nil(backend.current.start_aside(cmd))
    end)
    assert.equal("spawn", select(2, cmd:run()).code)
  end)

  it("returns results and processes of the usual classes", function()
    local real = noshell.run("true")
    dry.with(nil, function()
      local process = noshell.run_async("true")
      assert.equal(core.metatables.process, getmetatable(process))
      local result = process:wait()
      assert.equal(getmetatable(real), getmetatable(result))
      for key, value in pairs(real) do assert.equal(type(value), type(result[key]), key) end
      for key, value in pairs(result) do assert.equal(type(real[key]), type(value), key) end
      assert.equal(0, result.duration)
      assert.equal("dry", process.launch)
      process:close()
    end)
  end)

  it("returns pids that no process has", function()
    dry.with(nil, function()
      local a, b = noshell.run("true").pid, noshell.run("true").pid
      assert.truthy(a > 2 ^ 22 and b == a + 1)
      local limit = tonumber(helper.read_file("/proc/sys/kernel/pid_max"):match("%d+"))
      assert.truthy(a > limit)
    end)
  end)

  it("reports a command's argument error without calling the handler", function()
    dry.with(error, function(run_)
      for _, spec in ipairs { { "true", nonsense = 1 }, { "true", cwd = 5 / 0 },
        { "true", daemonize = true, timeout = 5 },
        { "true", new_session = true, new_process_group = true } } do
        local _, err = noshell.run(spec)
        assert.equal("invalid", err.code)
      end
      local _, err = noshell.exec { "true", daemonize = true }
      assert.equal("invalid", err.code)
      assert.equal(0, #run_:commands())
    end)
  end)

  it("ends with the scope on Lua 5.4", function()
    local chunk = (loadstring or load)([[
      local noshell = ...
      do local dry <close> = noshell.dry_run() noshell.run("nosuchprogram") end
      return select(2, noshell.run("nosuchprogram")).code]])
    if not chunk then pending("needs Lua 5.4") end
    assert.equal("spawn", chunk(noshell))
  end)

  it("is not ended by garbage collection", function()
    local weak = setmetatable({ noshell.dry_run() }, { __mode = "v" })
    collectgarbage()
    collectgarbage()
    local result = noshell.run("nosuchprogram")
    weak[1]:stop()
    assert.is_true(result.ok)
  end)

  it("has a readable string", function()
    local one = noshell.dry_run()
    noshell.run("true")
    assert.equal("noshell.dry (1 commands, active)", tostring(one))
    one:stop()
    assert.equal("noshell.dry (1 commands, stopped)", tostring(one))
  end)

  it("raises an error for a value that is no handler", function()
    local _, err = pcall(function() noshell.dry_run(5) end)
    assert.matches("spec/dry_run_spec.lua:%d+: noshell.dry_run: the handler must be "
      .. "a function or a list, not 5$", err)
    assert.equal("hello\n", noshell.run("echo", "hello").stdout)
  end)

  it("reports features without a trial launch", function()
    local real = noshell.features()
    dry.with(nil, function()
      local found = noshell.features()
      assert.equal("dry", found.launch)
      assert.equal(real.close_range, found.close_range)
    end)
    assert.equal(real.launch, noshell.features().launch)
  end)
end)

describe("dry runs inside one another", function()
  helper.leak_check()

  it("are handled by the innermost", function()
    dry.with(dry.replies "outer", function(outer)
      assert.equal("outer", noshell.output("a"))
      dry.with(dry.replies "inner", function(inner)
        assert.equal("inner", noshell.output("b"))
        assert.same({ "b" }, inner:commands())
      end)
      assert.equal("outer", noshell.output("c"))
      assert.same({ "a", "c" }, outer:commands())
    end)
  end)

  it("stop in any order, and twice", function()
    local outer, inner = noshell.dry_run(dry.replies "outer"), noshell.dry_run(dry.replies "inner")
    assert.is_true(outer:stop())
    assert.equal("inner", noshell.output("a"))
    assert.is_true(outer:stop())
    inner:stop()
    inner:stop()
    assert.equal("real", noshell.output("echo", "real"))
    assert.same({}, outer:commands())
  end)
end)

describe("a reply", function()
  helper.leak_check()

  it("that is absent or true is a success that writes nothing", function()
    for _, reply in ipairs { true, {} } do
      local result = run(reply)
      assert.same({ true, 0, "", "" },
        { result.ok, result.exit_code, result.stdout, result.stderr })
    end
    assert.is_true(run(nil).ok)
  end)

  it("sets the output", function()
    assert.equal("out", run("out").stdout)
    local result = run { stdout = "out\n", stderr = 5 }
    assert.same({ "out\n", "5" }, { result.stdout, result.stderr })
  end)

  it("sets the exit code, which the command's rules evaluate", function()
    local _, err = run({ exit_code = 3, stderr = "disk is full\n" })
    assert.equal("noshell: 'frob -x' exited with status 3: disk is full", helper.said(err))
    assert.equal(3 * 256, err.result.raw_status)
    assert.equal(1, select(2, run(false)).result.exit_code)
    assert.equal(4, select(2, run(4)).result.exit_code)
    assert.is_true(run(3, { "frob", ok_codes = { 3 } }).ok)
    assert.is_true(run(3, { "frob", check = false }).ok)
    assert.equal("exit", select(2, run(3, { "frob", ok_codes = { 4 } })).code)
  end)

  it("sets the signal", function()
    local _, err = run { signal = "SEGV", core_dumped = true }
    assert.equal("noshell: 'frob -x' was killed by signal SEGV (core dumped)", helper.said(err))
    assert.same({ 11, 139 }, { err.result.signal_number, err.result.raw_status })
    local result = run({ signal = 9 }, { "frob", raw_status = true })
    assert.same({ true, "KILL" }, { result.ok, result.signal })
  end)

  it("sets a timeout, an exceeded output limit, or a lost status", function()
    local _, err = run({ timed_out = true, stdout = "some" }, { "frob", timeout = 5 })
    assert.same({ "timeout", "TERM", true, "some" },
      { err.code, err.result.signal, err.result.timed_out, err.result.stdout })
    _, err = run { output_limit = true }
    assert.equal("output_limit", err.code)
    _, err = run({ stdout = "12345" }, { "frob", max_output = 4 })
    assert.same({ "output_limit", "1234" }, { err.code, err.result.stdout })
    _, err = run { out_of_memory = true }
    assert.same({ "memory", "KILL", true },
      { err.code, err.result.signal, err.result.out_of_memory })
    _, err = run { lost = true }
    assert.equal("lost", err.code)
    assert.is_nil(err.result.exit_code)
  end)

  it("sets a failure to start", function()
    local _, err = run { error = "ENOENT" }
    assert.equal("noshell: cannot start 'frob -x': find_program 'frob': "
      .. "No such file or directory (ENOENT)", helper.said(err))
    assert.same({ "spawn", "find_program", 2 }, { err.code, err.stage, err.errno })
    _, err = run { error = { stage = "set_uid", errno = 1, subject = "65534" } }
    assert.equal("noshell: cannot start 'frob -x': set_uid '65534': "
      .. "Operation not permitted (EPERM)", helper.said(err))
    local process
    process, err = dry.with(dry.replies { error = "EACCES" },
      function() return noshell.run_async("frob") end)
    assert.is_nil(process)
    assert.equal("EACCES", err.errname)
  end)

  it("that is a function is called with the call", function()
    local result = run(function(call) return { stdout = call.input:upper() } end,
      { "tr", input = "abc" })
    assert.equal("ABC", result.stdout)
  end)

  for said, reply in pairs {
    ["exitcode: no such field, did you mean 'exit_code'?"] = { exitcode = 1 },
    ["stdout must be a string or number, not a table"] = { stdout = {} },
    ["exit_code must be an integer from 0 to 255, not 256"] = { exit_code = 256 },
    ['signal: no such signal, "FOO"'] = { signal = "FOO" },
    ['error: no such errno, "ENOWHERE"'] = { error = "ENOWHERE" },
    ["must be a table, a string, a number, a boolean or nil, not a userdata"] = io.stdout,
  } do
    it("cannot be wrong: " .. said, function()
      local ok, err = pcall(run, reply)
      assert.is_false(ok)
      assert.equal("noshell.dry_run: the reply to 'frob -x': " .. said, err)
    end)
  end
end)

describe("a handler", function()
  helper.leak_check()

  it("that raises an error raises it from the function that runs the command", function()
    local mine = {}
    dry.with(function() error(mine) end, function(run_)
      for _, f in ipairs { noshell.run, noshell.run_async, noshell.output, noshell.system,
        noshell.popen, noshell.exec, noshell.lines } do
        local ok, err = pcall(f, "frob")
        assert.is_false(ok)
        assert.equal(mine, err)
      end
      assert.equal(7, #run_:commands())
      assert.error(function() run_:verify() end)
    end)
    assert.equal("real", noshell.output("echo", "real"))
  end)

  it("can be called again after an error", function()
    local is_first = true
    dry.with(function()
      if is_first then is_first = false error("oops", 0) end
      return "fine"
    end, function()
      assert.error_matches(function() noshell.run("a") end, "^oops$")
      assert.equal("fine", noshell.output("a"))
    end)
  end)

  it("runs no command itself", function()
    dry.with(function() return noshell.output("inner") end, function(run_)
      assert.error_matches(function() noshell.run("outer") end,
        "the handler must not run commands, but ran 'inner'")
      assert.same({ "outer" }, run_:commands())
    end)
  end)

  it("may yield if this Lua permits it", function()
    local task = coroutine.create(function() return noshell.output "frob" end)
    dry.with(function()
      if not coroutine.running() or not pcall(coroutine.yield, "asked") then return "no yield" end
      return "answered"
    end, function(run_)
      local _, first = coroutine.resume(task)
      if first == "no yield" then return end
      assert.equal("asked", first)
      assert.same({ true, "answered" }, { coroutine.resume(task) })
      assert.same({ "frob" }, run_:commands())
    end)
  end)

  it("is called from any coroutine", function()
    dry.with(function(call) return call.args[1] end, function()
      local gave = {}
      local function task(word)
        return coroutine.create(function()
          for i = 1, 3 do
            gave[#gave + 1] = noshell.output("echo", word .. i)
            coroutine.yield()
          end
        end)
      end
      local a, b = task "a", task "b"
      for _ = 1, 3 do
        assert(coroutine.resume(a))
        assert(coroutine.resume(b))
      end
      assert.equal("a1 b1 a2 b2 a3 b3", table.concat(gave, " "))
    end)
  end)
end)
