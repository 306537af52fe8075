-- Machines without any: options, dry runs, and what is refused before a start. The engines
-- have specs of their own.
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Runs f and returns the message of its error, with the caller's line as HERE.
local function misuse(f)
  local ok, err = pcall(f)
  assert.is_false(ok)
  return (tostring(err):gsub("^[^ ]*machine_spec.lua:%d+", "HERE"))
end

--- Returns an error's text without the line of the script.
local function text_of(err)
  return (tostring(err):gsub(" %([^()]*machine_spec.lua:%d+[^()]*%)$", ""))
end

describe("a machine", function()
  helper.leak_check()

  local web1 = noshell.machine.ssh { "web1", user = "admin" }
  local dry

  before_each(function() dry = noshell.dry_run() end)
  after_each(function() dry:stop() end)

  it("is a key, a method, or the object whose method runs the command", function()
    noshell.run { "nginx", "-t", machine = web1 }
    noshell.command("nginx"):add_arg("-t"):set_machine(web1):run()
    web1:run { "nginx", "-t" }
    web1:run_async("nginx", "-t"):close()
    web1:output("nginx", "-t")
    assert.is_nil(web1:lines({ "nginx", "-t" })())
    web1:command("nginx", "-t"):clone():run()
    noshell.run("nginx", "-t")
    local names = {}
    for i, call in ipairs(dry:calls()) do
      assert.equal("nginx -t", call.command)
      names[i] = call.machine or "here"
    end
    local there = "admin@web1"
    assert.same({ there, there, there, there, there, there, there, "here" }, names)
  end)

  it("is part of a pipeline's commands", function()
    noshell.pipeline({ "cat", machine = web1 }, { "sort" }):run()
    assert.equal("admin@web1", dry:calls()[1].machine)
    assert.is_nil(dry:calls()[2].machine)
  end)

  it("is named in errors and traces", function()
    dry:stop()
    dry = noshell.dry_run(function() return { exit_code = 1, stderr = "[emerg] no" } end)
    local events = {}
    local previous = noshell.trace(function(event) events[#events + 1] = event end)
    local result, err = web1:run("nginx", "-t")
    noshell.trace(previous)
    assert.is_nil(result)
    assert.equal("admin@web1", err.machine)
    assert.equal("noshell: on admin@web1: 'nginx -t' exited with status 1: [emerg] no",
      text_of(err))
    assert.equal("admin@web1 admin@web1", events[1].machine .. " " .. events[2].machine)
  end)

  it("refuses what it cannot do, and names key and engine", function()
    for key, value in pairs { uid = 5, pass_fds = { [5] = 1 }, arg0 = "x", no_new_privs = true,
      sandbox = {},
      daemonize = true, caps = { "net_raw" }, parent_death_signal = "USR1", pty = true,
      foreground = true, pipes = { [3] = "read" } } do
      local result, err = web1:run_async { "true", [key] = value }
      assert.is_nil(result)
      assert.equal("invalid", err.code)
      assert.truthy(tostring(err):find(
        "noshell: on admin@web1: invalid command 'true': [%w_]+ = .*: not supported by "
          .. "machines of the kind 'ssh'"), tostring(err))
    end
    assert.same({}, dry:commands())
    local _, err = web1:run { "true", uid = 5 }
    assert.equal("noshell: on admin@web1: invalid command 'true': uid = 5: not supported by "
      .. "machines of the kind 'ssh': the machine's user runs the program", text_of(err))
  end)

  it("cannot be combined with exec", function()
    local _, err = noshell.exec { "true", machine = web1 }
    assert.truthy(tostring(err):find("this process cannot become a program elsewhere", 1, true))
  end)

  it("has its name as text, and is closed once", function()
    assert.equal("web2:22", tostring(noshell.machine.ssh { "web2", port = 22 }))
    local web3 = noshell.machine.ssh "web3"
    assert.is_false(web3:closed())
    assert.is_true(web3:close())
    assert.is_true(web3:close())
    assert.is_true(web3:closed())
    assert.equal("HERE: the machine web3 is closed",
      misuse(function() web3:run "true" end))
    local _, err = noshell.run { "true", machine = web3 }
    assert.equal("closed", err.code)
  end)

  it("reports wrong options", function()
    assert.equal('HERE: noshell.machine.ssh: a host is needed: noshell.machine.ssh { "web1" }',
      misuse(function() noshell.machine.ssh {} end))
    assert.equal("HERE: noshell.machine.ssh: usr = \"me\": no such option, did you mean 'user'?",
      misuse(function() noshell.machine.ssh { "web1", usr = "me" } end))
    assert.equal('HERE: noshell.machine.ssh: port = "x": a whole number from 1 to 65535 is '
      .. "needed",
      misuse(function() noshell.machine.ssh { "web1", port = "x" } end))
    for _, port in ipairs { 0, 65536, math.huge, 1.5 } do
      assert.matches("port = .+: a whole number from 1 to 65535 is needed",
        misuse(function() noshell.machine.ssh { "web1", port = port } end))
    end
    assert.equal('HERE: noshell.machine.ssh: the host is the first item: '
      .. 'noshell.machine.ssh { "web1" }',
      misuse(function() noshell.machine.ssh { host = "web1" } end))
    assert.equal("HERE: noshell.machine has no 'shh', did you mean 'ssh'?",
      misuse(function() noshell.machine.shh { "web1" } end))
    assert.equal("HERE: noshell.machine.ssh: options: the names are those of ssh_config(5), "
      .. "such as ProxyJump",
      misuse(function() noshell.machine.ssh { "web1", options = { "-v" } } end))
  end)
end)
