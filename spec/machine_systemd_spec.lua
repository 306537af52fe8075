-- Units of systemd without any: a program that behaves as systemd-run does takes its place.
-- spec/check/systemd.sh uses a real one.
local behaviour = require "spec.engines.behaviour"
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local text_of = behaviour.text_of

--- Writes its options to a file, and runs the command here, in a session of its own.
local LOCAL = [[#!/bin/sh
: >"$0.options"
while test "$1" != --; do printf '%s\n' "$1" >>"$0.options"; shift; done
shift
kill -s 0 -- -$$ 2>/dev/null && exec "$@"
exec setsid "$@"
]]

--- Returns the message of f's error, with the caller's line as HERE.
local function misuse(f)
  local ok, err = pcall(f)
  assert.is_false(ok)
  return (tostring(err):gsub("^[^ ]*machine_systemd_spec.lua:%d+", "HERE"))
end

describe("a machine of systemd", function()
  local dir

  setup(function() dir = helper.tmpdir() end)
  teardown(function() helper.remove_tree(dir) end)

  local machine, fresh = behaviour.with(function(options, text)
    options = options or {}
    options.program = helper.write_file(dir .. "/run", text or LOCAL, "755")
    return noshell.machine.systemd(options)
  end)
  helper.leak_check()

  --- Returns the options of systemd-run for a command that was run last.
  local function options_of(there, spec)
    spec[1] = "true"
    there:run(spec)
    local list = {}
    for line in helper.read_file(dir .. "/run.options"):gmatch "[^\n]+" do
      list[#list + 1] = line
      list[line] = true
    end
    return list
  end

  -- machine_container_spec does it on all Luas.
  if driver.is_wanted then
    behaviour.declare(machine, { fresh = fresh, name = "systemd", engine = "systemd",
      is_local = true, is_unlimited = true })
  end

  it("gives each command a unit that ends with its connection", function()
    local there = fresh()
    local list = options_of(there, {})
    for i, word in ipairs { "--quiet", "--collect", "--pipe", "--wait" } do
      assert.equal(word, list[i])
    end
    assert.matches("^%-%-unit=noshell%-%x+$", list[5])
    local control = "noshell-" .. there.connections[1].nonce .. ".service"
    assert.is_true(list["--property=BindsTo=" .. control])
    assert.is_true(list["--property=After=" .. control])
    assert.is_true(list["--property=IgnoreSIGPIPE=no"])
    list = options_of(fresh { machine = "m1", user = true }, {})
    assert.is_true(list["--machine=m1"])
    assert.is_true(list["--user"])
  end)

  it("turns keys into properties", function()
    local list = options_of(machine(), { limits = { nofile = { 64, 128 },
      stack = { 8388608, "unlimited" } }, nice = -5, oom_score_adj = 7, no_new_privs = true,
      cpu_affinity = { 0, 1 } })
    for _, property in ipairs { "LimitNOFILE=64:128", "LimitSTACK=8388608:infinity", "Nice=-5",
      "OOMScoreAdjust=7", "NoNewPrivileges=yes", "CPUAffinity=0 1" } do
      assert.is_true(list["--property=" .. property], property)
    end
  end)

  it("passes the properties of the machine", function()
    local there = fresh { properties = { MemoryMax = "512M", TasksMax = 5, PrivateTmp = true,
      Environment = { "A=1", "B=2" } } }
    local list = options_of(there, {})
    for _, property in ipairs { "MemoryMax=512M", "TasksMax=5", "PrivateTmp=yes",
      "Environment=A=1", "Environment=B=2",
      "BindPaths=" .. there.connections[1].directory } do
      assert.is_true(list["--property=" .. property], property)
    end
  end)

  it("checks whether systemd has applied them", function()
    local there = fresh()
    local function stage(spec)
      spec[1] = "true"
      local _, err = there:run(spec)
      assert.equal("spawn", err.code)
      assert.equal("EPERM", err.errname)
      return err.stage
    end
    -- The stand-in ignores all properties.
    assert.equal("set_uid", stage { uid = 5 })
    assert.equal("set_gid", stage { gid = 5 })
    local gid = tonumber(noshell.output("id", "-g"))
    assert.equal("set_groups", stage { gid = gid, groups = { 54321 } })
    assert.equal("set_caps", stage { caps = { "wake_alarm" } })
    assert.equal("set_selinux_label", stage { selinux_label = "a_u:a_r:a_t:s0" })
    assert.equal("set_apparmor_profile", stage { apparmor_profile = "some-profile" })
  end)

  it("explains why systemd set up no unit", function()
    local _, err = fresh({}, "#!/bin/sh\nexit 226\n"):run "true"
    assert.equal("noshell: on systemd: cannot start 'true': connect 'systemd': systemd could not "
      .. "set up the unit: status 226, NAMESPACE", text_of(err))
    _, err = fresh({}, "#!/bin/sh\necho Failed to connect to bus: Host is down >&2; exit 1\n")
      :run "true"
    assert.equal("noshell: on systemd: cannot start 'true': connect 'systemd': Failed to connect "
      .. "to bus: Host is down", text_of(err))
  end)

  it("refuses what no property does", function()
    local function fails(there, spec)
      spec[1] = "true"
      local _, err = there:run(spec)
      assert.equal("invalid", err.code)
      return text_of(err):gsub("^noshell: on [^ ]+: invalid command 'true': ", "")
    end
    assert.equal("cpu_affinity = \"all\": a unit needs a list of processors",
      (fails(machine(), { cpu_affinity = "all" })))
    assert.equal("allow_cap = a table: needs clear_caps in a unit",
      (fails(machine(), { allow_cap = "kill" })))
    assert.equal("uid = 5: accounts are looked up here, not on the machine: set User in its "
      .. "properties", (fails(fresh { machine = "m1" }, { uid = 5 })))
    assert.matches("^sandbox = .*: not supported by machines of the kind 'systemd': set "
      .. "properties", (fails(machine(), { sandbox = {} })))
  end)

  it("reports wrong options", function()
    local systemd = noshell.machine.systemd
    assert.equal("HERE: noshell.machine.systemd: properties: the names are those of "
      .. "systemd.exec(5) and others, such as MemoryMax",
      misuse(function() systemd { properties = { "-v" } } end))
    assert.equal("HERE: noshell.machine.systemd: properties.MemoryMax: a text, a number, true, "
      .. "false or a list is needed",
      misuse(function() systemd { properties = { MemoryMax = print } } end))
    assert.equal("HERE: noshell.machine.systemd: properties.RootDirectory: the script would find "
      .. "neither sh nor its connection",
      misuse(function() systemd { properties = { RootDirectory = "/srv" } } end))
    assert.equal('HERE: noshell.machine.systemd: machine = "-x": not the name of a machine',
      misuse(function() systemd { machine = "-x" } end))
  end)
end)
