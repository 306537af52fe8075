-- The calls of a dry run: descriptions of commands that would have been run.
local dry = require "spec.support.dry"
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- The call that running a SPEC is.
local function call_of(spec)
  return dry.with(nil, function(run)
    noshell.run(spec)
    return run:calls()[1]
  end)
end

describe("a call", function()
  helper.leak_check()

  it("has the program, its words and its number", function()
    dry.with(nil, function(run)
      noshell.run("/bin/echo", "a b", 1)
      noshell.run("true")
      local first, second = run:calls()[1], run:calls()[2]
      assert.equal("/bin/echo", first.program)
      assert.same({ "a b", "1" }, first.args)
      assert.same({ "/bin/echo", "a b", "1" }, first.argv)
      assert.equal("/bin/echo 'a b' 1", first.command)
      assert.same({ 1, 2 }, { first.number, second.number })
    end)
  end)

  it("has the environment that the program would get", function()
    local call = call_of { "frob", env = { A = "1", HOME = false } }
    assert.equal("1", call.env.A)
    assert.is_nil(call.env.HOME)
    assert.equal(os.getenv "PATH", call.env.PATH)
    assert.same({ B = "2" }, call_of { "frob", clear_env = true, env = { B = "2" } }.env)
  end)

  it("has the input", function()
    assert.equal("a\0b", call_of { "frob", input = "a\0b" }.input)
    assert.equal("ab", call_of { "frob", input = { "a", "b" } }.input)
    assert.is_nil(call_of { "frob" }.input)
  end)

  it("describes how the standard streams are directed", function()
    local call = call_of { "frob" }
    assert.same({ "null", "capture", "capture" }, { call.stdin, call.stdout, call.stderr })
    call = call_of { "frob", input = "x", stdout = { path = "/x", append = true },
      stderr = "stdout" }
    assert.same({ "input", { path = "/x", append = true }, "stdout" },
      { call.stdin, call.stdout, call.stderr })
    local file = assert(io.tmpfile())
    call = call_of { "frob", stdin = "inherit", stdout = file, stderr = 2 }
    assert.same({ "inherit", file, 2 }, { call.stdin, call.stdout, call.stderr })
    file:close()
    dry.with(nil, function(run)
      noshell.system("frob")
      pcall(noshell.exec, "frob")
      for i = 1, 2 do
        call = run:calls()[i]
        assert.same({ "inherit", "inherit", "inherit" }, { call.stdin, call.stdout, call.stderr })
      end
      assert.is_true(call.exec)
      assert.is_nil(run:calls()[1].exec)
    end)
  end)

  it("has the other settings of the command, by the keys of a SPEC", function()
    local said = { cwd = "/srv", umask = "022", nice = 5, uid = 1000, gid = 100,
      groups = { 100, 200 }, new_session = true, no_new_privs = true, timeout = 5, grace = 1,
      parent_death_signal = "TERM", arg0 = "-sh", run_among = 1, pid_file = "/run/x.pid",
      selinux_label = "a:b:c", apparmor_profile = "p", require_handshake = true,
      clear_caps = true, allow_cap = { 13 }, cpu_affinity = { 0, 3 },
      limits = { nofile = { 64, 128 }, core = { 0, "unlimited" } } }
    local spec = { "frob", pre_exec_hook = function() end }
    for key, value in pairs(said) do spec[key] = value end
    local call = call_of(spec)
    for key, value in pairs(said) do assert.same(value, call[key], key) end
    assert.equal("64", tostring(call.limits.nofile[1]))
    assert.is_true(call.pre_exec_hook)
    assert.is_true(call_of { "frob", daemonize = true }.daemonize)
    assert.is_true(call_of { "frob", run_alone = true }.run_alone)
    assert.is_true(call_of { "frob", new_process_group = true }.new_process_group)
    assert.equal("all", call_of { "frob", cpu_affinity = "all" }.cpu_affinity)
    local plain = call_of { "frob" }
    for key in pairs(said) do assert.is_nil(plain[key], key) end
    for _, key in ipairs { "pre_exec_hook", "pass_fds", "send_buffers", "daemonize" } do
      assert.is_nil(plain[key], key)
    end
  end)

  it("has the descriptors that are passed", function()
    local cmd = noshell.command("frob"):pass_fd(2, { as = 5 })
    local fd = cmd:send_buffer("key")
    local call = call_of(cmd)
    assert.same({ [5] = 2 }, call.pass_fds)
    assert.same({ [fd] = "***" }, call.send_buffers)
  end)

  it("does not change the command's own log and strings", function()
    helper.with_tmpdir(function(dir)
      dry.with(nil, function(run)
        local cmd = noshell.command("frob", "a b")
        cmd:run()
        local log = assert(io.open(dir .. "/log", "w"))
        assert(run:calls()[1].cmd:write_arg_log(log))
        log:close()
        assert.equal("frob a b\n", helper.read_file(dir .. "/log"))
        assert.equal(cmd, run:calls()[1].cmd)
      end)
    end)
  end)
end)

describe("a secret in a dry run", function()
  helper.leak_check()

  local SECRET = "hunter2hunter2"

  --- Every text in a call but those of the command itself.
  local function texts_of(value, found)
    if type(value) == "string" then
      found[#found + 1] = value
    elseif type(value) == "table" then
      for key, each in pairs(value) do
        texts_of(key, found)
        texts_of(each, found)
      end
    end
    return found
  end

  it("is hidden in commands, calls, errors and messages", function()
    local secret = noshell.secret(SECRET)
    local seen = {}
    dry.with(function(call) seen[#seen + 1] = call return call.input end, function(run)
      local cmd = noshell.command("frob", secret, "x"):set_input_buffer(secret)
      cmd:add_arg_pair("--key", secret):send_buffer(SECRET)
      assert.equal("***", cmd:output())
      noshell.pipeline(cmd, { "cat" }):run()
      noshell.retry { "frob", secret, input = secret }
      pcall(noshell.exec, "frob", secret)
      for _, text in ipairs(texts_of({ seen, run:commands(), run:calls() }, {})) do
        assert.is_nil(text:find(SECRET, 1, true), text)
      end
      assert.same({ "***", "x", "***" }, run:calls()[1].args)
      assert.equal("***", run:calls()[1].input)
      assert.same({ SECRET, "x", "--key=" .. SECRET }, run:calls()[1].cmd:args())
      assert.equal(SECRET, run:calls()[1].cmd:input())
    end)
    dry.with({}, function(run)
      local _, err = pcall(noshell.run, "frob", secret)
      assert.is_nil(err:find(SECRET, 1, true))
      _, err = pcall(run.verify, run)
      assert.is_nil(err:find(SECRET, 1, true))
    end)
  end)

  it("is no longer hidden if the input is set again", function()
    local cmd = noshell.command("frob"):set_input_buffer(noshell.secret(SECRET))
    assert.equal("***", call_of(cmd).input)
    assert.equal("***", call_of(cmd:clone()).input)
    assert.equal("open", call_of(cmd:set_input_buffer "open").input)
    assert.is_nil(call_of(noshell.command("frob"):set_input(noshell.secret "x")
      :set_stdin("null")).input)
  end)
end)

describe("a transcript", function()
  helper.leak_check()

  --- A script as people write them.
  local function script(dir)
    local where = noshell.output("printf", "%s", dir)
    noshell.run { "mkdir", "-p", where .. "/a dir", env = { LC_ALL = "C" } }
    noshell.run { "tee", where .. "/a dir/it's", input = "text\n", stdout = "null" }
    for line in noshell.lines("ls", where .. "/a dir") do noshell.run("test", "-n", line) end
    noshell.system("true")
    noshell.popen({ "cat" }, "r"):close()
    noshell.pipeline({ "cat", where .. "/a dir/it's" }, noshell.tee(function() end),
      { "wc", "-l" }):run()
    noshell.map({ 1, 2 }, function(i) return { "echo", i } end, { concurrency = 1 })
    noshell.retry({ "true" })
    noshell.run("true", noshell.secret "hidden")
    return (noshell.run_async({ "false" }):wait())
  end

  it("of a dry run equals that of a real run", function()
    helper.with_tmpdir(function(dir)
      local started, dry_events = {}, {}
      local previous = noshell.trace(function(event)
        if event.event == "started" then
          started[#started + 1] = event.command
          assert.is_nil(event.dry)
        end
      end)
      local ok, err = pcall(script, dir)
      noshell.trace(function(event) dry_events[#dry_events + 1] = event end)
      local commands = dry.with(function(call)
        if call.program == "printf" then return dir end
        if call.program == "ls" then return "it's\n" end
        return call.program ~= "false"
      end, function(run)
        script(dir)
        return run:commands()
      end)
      noshell.trace(previous)
      assert.is_true(ok, err)
      assert.same(started, commands)
      assert.equal(15, #commands)
      local count = 0
      for _, event in ipairs(dry_events) do
        assert.is_true(event.dry)
        if event.event == "started" then
          count = count + 1
          assert.equal(commands[count], event.command)
        end
      end
      assert.equal(#commands, count)
    end)
  end)
end)
