-- Misuse of functions and methods: the error has the caller's line, and advice.
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- The text of what a call raises.
local function raised(call)
  local ok, err = pcall(call)
  assert.is_false(ok)
  assert.is_string(err)
  return (err:gsub("^%S*misuse_spec.lua:%d+: ", "HERE: "))
end

describe("a method that is called with a dot", function()
  helper.leak_check()

  it("of a command is reported", function()
    local cmd = noshell.command("true")
    for _, name in ipairs { "run", "run_async", "output", "lines", "records", "exec",
      "argument_error", "add_arg", "set_timeout", "set_cwd", "set_input" } do
      for _, self in ipairs { {}, { "x" }, { noshell } } do
        assert.equal(("HERE: %s is a method of a noshell.command: call it with a colon, "
          .. "object:%s(...)"):format(name, name), raised(function()
            local value = cmd[name](self[1])
            return value
          end))
      end
    end
  end)

  it("of a process or a stream is reported, and writes nothing", function()
    local cat = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
    for _, name in ipairs { "wait", "poll", "pump", "abort", "close", "kill", "detach",
      "handshake_wait", "handshake_notify" } do
      assert.equal(("HERE: %s is a method of a noshell.process: call it with a colon, "
        .. "object:%s(...)"):format(name, name), raised(function()
          local value = cat[name]()
          return value
        end))
    end
    assert.equal("HERE: pidfd is a method of a noshell.process: call it with a colon, "
      .. "object:pidfd(...)", raised(function()
        local value = cat.pidfd()
        return value
      end))
    for _, name in ipairs { "read", "lines", "records", "write", "flush", "close" } do
      assert.equal(("HERE: %s is a method of a noshell.stream: call it with a colon, "
        .. "object:%s(...)"):format(name, name), raised(function()
          local value = cat.stdin[name] "x"
          return value
        end))
    end
    cat.stdin:close()
    assert.equal("", cat.stdout:read "a")
    cat:close()
  end)

  it("of a pipeline or of popen's file is reported", function()
    local pl = noshell.pipeline({ "true" }, { "true" })
    local file = assert(noshell.popen("true"))
    for object, names in pairs {
      [pl] = { "run", "run_async", "output", "lines", "records", "set_timeout" },
      [file] = { "read", "lines", "records", "write", "close" },
    } do
      for _, name in ipairs(names) do
        assert.matches("^HERE: " .. name .. " is a method of a noshell.p%a+:", raised(function()
          local value = object[name]()
          return value
        end))
      end
    end
    file:close()
  end)
end)

describe("a function of noshell that is called with a colon", function()
  it("is reported", function()
    for _, name in ipairs { "run", "run_async", "output", "system", "lines", "popen",
      "command" } do
      assert.equal("HERE: noshell.run and the others are functions: call them with a dot, not a "
        .. "colon", raised(function()
          local value = noshell[name](noshell, "true")
          return value
        end))
    end
  end)
end)

describe("a method that takes no arguments", function()
  it("rejects arguments", function()
    for _, object in ipairs { noshell.command("true"), noshell.pipeline({ "true" }) } do
      for _, name in ipairs { "run", "run_async", "output" } do
        assert.matches("^HERE: " .. name .. " takes no arguments: ", raised(function()
          local value = object[name](object, { timeout = 5 })
          return value
        end))
      end
    end
  end)
end)

describe("a name that does not exist", function()
  helper.leak_check()

  it("is reported with the nearest one", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    for expected, call in pairs {
      ["noshell has no 'ouput', did you mean 'output'?"] = function() noshell.ouput("x") end,
      ["a command has no 'add_agr', did you mean 'add_arg'?"] = function()
        noshell.command("x"):add_agr(1)
      end,
      ["a process has no 'wiat', did you mean 'wait'?"] = function() process:wiat() end,
      ["a stream has no 'wirte', did you mean 'write'?"] = function() process.stdin:wirte() end,
    } do
      assert.equal("HERE: " .. expected, raised(call))
    end
    process:close()
  end)

  it("is nil if none is near", function()
    local process = assert(noshell.run_async("true"))
    for _, object in ipairs { noshell, noshell.command("x"), process } do
      for _, name in ipairs { "nothing", "id", "pids", "processes", "_x" } do
        assert.is_nil(object[name])
      end
      assert.is_nil(object[1])
    end
    process:close()
  end)
end)

describe("an argument of a program", function()
  local function said(...)
    local result, err = noshell.run(...)
    assert.is_nil(result)
    assert.equal("invalid", err.code)
    return (tostring(err):gsub("^noshell: invalid command ", ""):gsub("%(%S+:%d+%)$", "HERE"))
  end

  it("has the same number in a table and without", function()
    for wrong, text in pairs { [false] = "false" } do
      assert.equal("'echo a': argument 3 must be a string or a number, not " .. text .. " HERE",
        said("echo", "a", wrong, "b"))
      assert.equal(said("echo", "a", wrong, "b"), said { "echo", "a", wrong, "b" })
    end
    assert.equal("'echo': argument 2 must be a string or a number, not nil HERE",
      said("echo", nil, "b"))
    assert.equal(said("echo", nil, "b"), said { "echo", nil, "b" })
  end)

  it("is reported if it is missing", function()
    for _, text in ipairs { said(), said(nil), said {}, said "" } do
      assert.equal("'': a program name is required, as the first item: "
        .. '{ "ls", "-l" } HERE', text)
    end
  end)

  it("may not be a table of options", function()
    assert.equal([['echo a': argument 3 has the key "timeout": options go into the same table ]]
      .. [[as the program, as in { "ls", cwd = "/" } HERE]], said("echo", "a", { timeout = 5 }))
  end)
end)

describe("an argument of a function", function()
  helper.leak_check()

  it("is reported with the caller's line", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    for expected, call in pairs {
      ['kill: no signal "TREM", did you mean "TERM"?'] = function() process:kill "TREM" end,
      ['kill: no signal "SIGTREM", did you mean "TERM"?'] = function() process:kill "SIGTREM" end,
      ['kill: no signal 65: write a name such as "TERM" or "INT"'] = function()
        process:kill(65)
      end,
      ['kill: no signal a table: write a name such as "TERM" or "INT"'] = function()
        process:kill {}
      end,
      ["noshell.which: argument 1 must be a string or a number, not nil"] = function()
        noshell.which()
      end,
      ["noshell.which: argument 1 contains a zero byte"] = function() noshell.which "a\0b" end,
      ["noshell.quote: argument 2 must be a string or a number, not nil"] = function()
        noshell.quote("a", nil)
      end,
      ["noshell.secret: argument 1 must be a string or a number, not a table"] = function()
        noshell.secret {}
      end,
      ['noshell.retry: the options must be a table, not "x": the program and its arguments go '
        .. 'into one table, noshell.retry({ "make", "test" }, { attempts = 3 })'] = function()
        noshell.retry("false", "x")
      end,
      ["noshell.retry: atempts = 2: no such option, did you mean 'attempts'?"] = function()
        noshell.retry({ "false" }, { atempts = 2 })
      end,
      ["noshell.map: concurency = 2: no such option, did you mean 'concurrency'?"] = function()
        noshell.map({ 1 }, function() end, { concurency = 2 })
      end,
      ["noshell.map: a list is needed, not nil"] = function() noshell.map() end,
      ['wait: a number of seconds is needed, not "x"'] = function() process:wait "x" end,
    } do
      assert.equal("HERE: " .. expected, raised(call))
    end
    assert.is_true(process:kill(0))
    assert.matches("^HERE: noshell.retry: the options must be a table", raised(function()
      noshell.retry({ attempts = 3 }, "false")
    end))
    process:close()
  end)
end)

describe("a field of a command", function()
  it("cannot be set", function()
    assert.equal("HERE: a command has no field 'timeout': its options are set by methods, "
      .. "as in cmd:set_timeout(5)", raised(function()
        noshell.command("true").timeout = 5
      end))
  end)
end)

describe("a function that takes a command", function()
  it("rejects a pipeline", function()
    for _, name in ipairs { "exec", "popen", "command", "bind" } do
      assert.matches("^HERE: noshell: a command is needed here; a pipeline has run, ",
        raised(function()
          local value = noshell[name](noshell.pipeline({ "true" }, { "true" }))
          return value
        end))
    end
  end)
end)

describe("a documented field", function()
  helper.leak_check()

  --- The names of the @field lines of a class.
  local function fields(file, class)
    local text = helper.read_file(("%s/lua/noshell/%s"):format(helper.root, file))
    local list = {}
    for block in ("\n" .. text):gmatch("\n%-%-%-@class " .. class:gsub("%.", "%%.")
      .. "[^%w_.][^\n]*(.-)\n[^%-]") do
      for name in block:gmatch "%-%-%-@field ([%w_]+)" do list[#list + 1] = name end
    end
    assert(#list > 5, class)
    return list
  end

  -- A script that forgets to ask for a pipe is told so.
  local raises = { stdin = true, stdout = true, stderr = true }

  it("can be tested for, whether the object has it or not", function()
    local process = assert(noshell.run_async "true")
    local result = assert(process:wait())
    local _, err = noshell.run "false"
    local dry = noshell.dry_run()
    assert(noshell.run "x")
    dry:stop()
    for _, case in ipairs { { "result.lua", "noshell.result", result },
      { "failure.lua", "noshell.error", err }, { "core.d.lua", "noshell.process", process },
      { "dry_run/call.lua", "noshell.dry_call", dry:calls()[1] },
      { "init.lua", "noshell.spec", dry:calls()[1] } } do
      for _, name in ipairs(fields(case[1], case[2])) do
        local is_stream = case[3] == process and raises[name]
        if not is_stream then assert.has_no.errors(function() return case[3][name] end) end
      end
    end
    process:close()
  end)
end)
