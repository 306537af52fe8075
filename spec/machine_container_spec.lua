-- Containers without any: a program that behaves as an engine does takes the place of podman.
-- spec/check/containers.sh uses real ones.
local behaviour = require "spec.engines.behaviour"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local text_of = behaviour.text_of

--- Runs the command here, after the words "exec -i [--user USER] NAME", in a session of its
--- own as runc does. With NSH_SAME, in the same as its parent, as crun does.
local LOCAL = [[#!/bin/sh
test "$1" = exec && test "$2" = -i || exit 125
shift 2
if test "$1" = --user; then NSH_USER=$2; export NSH_USER; shift 2; fi
test "$1" = app || { echo "Error: no container with name or ID \"$1\" found" >&2; exit 125; }
shift
if test -n "$NSH_SAME"; then unset NSH_SAME; "$@"; exit; fi
kill -s 0 -- -$$ 2>/dev/null && exec "$@"
exec setsid "$@"
]]

--- The same for the first session, the control session; what follows, for the others.
local LATER = [[#!/bin/sh
shift 3
if ! test -e "$0.once"; then : >"$0.once"; exec "$@"; fi
]]

--- Returns the message of f's error, with the caller's line as HERE.
local function misuse(f)
  local ok, err = pcall(f)
  assert.is_false(ok)
  return (tostring(err):gsub("^[^ ]*machine_container_spec.lua:%d+", "HERE"))
end

describe("a machine of a container", function()
  local dir

  setup(function() dir = helper.tmpdir() end)
  teardown(function() helper.remove_tree(dir) end)

  local function engine(text)
    return helper.write_file(os.tmpname(), text, "755")
  end

  local machine, fresh = behaviour.with(function(options, text)
    options = options or {}
    options[1] = options[1] or "app"
    options.program = options.program or helper.write_file(dir .. "/engine", text or LOCAL, "755")
    return noshell.machine.container(options)
  end)

  helper.leak_check()

  behaviour.declare(machine, { fresh = fresh, name = "app", engine = "container", is_local = true })

  it("makes a session if the runtime makes none", function()
    helper.sys.setenv("NSH_SAME", "1")
    local there = fresh()
    local _, err = there:run { "sh", "-c", "sleep 300 & echo $! $$; wait", timeout = 0.3 }
    assert.equal("TERM", err.result.signal)
    local child, parent = err.result.stdout:match "(%d+) (%d+)"
    behaviour.expect_gone(there, { child, parent })
    helper.sys.setenv("NSH_SAME")
  end)

  it("runs as the user that it has", function()
    local there = machine { user = "deploy:5" }
    assert.equal("deploy:5", there:output("sh", "-c", "echo $NSH_USER"))
    assert.equal("deploy:5@app", tostring(there))
  end)

  it("begins in its working directory", function()
    local there = machine { workdir = "/usr" }
    assert.equal("/usr", there:output "pwd")
    assert.equal("/usr/lib", there:output { "pwd", cwd = "lib" })
    assert.equal("/etc", there:output { "pwd", cwd = "/etc" })
    assert.truthy(there:run { "bin/true", cwd = "/etc" })
    local _, err = machine { workdir = "/no/such" }:run { "true", cwd = "x" }
    assert.equal("noshell: on app: cannot start 'true': set_working_directory '/no/such': No "
      .. "such file or directory (ENOENT)", text_of(err))
  end)

  it("quotes its engine if it cannot be reached", function()
    local function fails(there)
      local report, why = there:check()
      assert.is_nil(report)
      assert.equal("spawn", why.code)
      local _, err = there:run "true"
      assert.equal("spawn", err.code)
      return text_of(err)
    end
    assert.equal("noshell: on other: cannot start 'true': connect 'other': no container with "
      .. 'name or ID "other" found', fails(machine { "other" }))
    assert.matches("^noshell: on app: cannot start 'true': find_program 'no%-such%-podman': not "
      .. "found in PATH", fails(machine { program = "no-such-podman" }))
    assert.equal("noshell: on app: cannot start 'true': connect 'app': a POSIX sh is needed in "
      .. 'the container: exec: "sh": executable file not found in $PATH', fails(machine({},
        "#!/bin/sh\necho 'exec: \"sh\": executable file not found in $PATH' >&2\nexit 127\n")))
    assert.equal("noshell: on app: cannot start 'true': connect 'app': it is not running: can "
      .. "only create exec sessions on running containers", fails(machine({}, "#!/bin/sh\necho "
        .. "'Error: can only create exec sessions on running containers' >&2\nexit 255\n")))
    assert.equal("noshell: on app: cannot start 'true': connect 'app': container ended without "
      .. "a word", fails(machine({}, "#!/bin/sh\nexit 126\n")))
  end)

  it("does not take an end of the engine for one of the program", function()
    for _, status in ipairs { 0, 125, 126, 127, 137 } do
      os.remove(dir .. "/engine.once")
      local there = machine({}, LATER .. "echo 'Error: too many of them' >&2\nexit " .. status)
      local result, err = there:run "true"
      assert.is_nil(result)
      assert.equal("spawn", err.code)
      assert.equal("noshell: on app: cannot start 'true': session 'app': too many of them",
        text_of(err))
      _, err = there:run { "true", stderr = "null" }
      assert.equal(("noshell: on app: cannot start 'true': session 'app': container ended with "
        .. "status %d before it ran anything"):format(status), text_of(err))
    end
  end)

  it("keeps the program's status if the engine returns another", function()
    os.remove(dir .. "/engine.once")
    local there = machine({}, LATER .. 'setsid -w "$@"\nexit 0')
    assert.equal(7, there:run { "sh", "-c", "exit 7", check = false }.exit_code)
    os.remove(dir .. "/engine.once")
    there = machine({}, LATER .. 'setsid -w "$@"\nexit 125')
    assert.equal(0, there:run { "true" }.exit_code)
  end)

  it("takes a program with arguments as its engine", function()
    local path = engine("#!/bin/sh\nshift\n" .. LOCAL)
    local there = machine { program = { path, "--connection" } }
    assert.equal("x", there:output("echo", "x"))
    os.remove(path)
  end)

  it("refuses what it cannot do", function()
    local _, err = machine():run { "true", uid = 5 }
    assert.equal("noshell: on app: invalid command 'true': uid = 5: not supported by machines "
      .. "of the kind 'container': set user of the machine", text_of(err))
  end)

  it("reports wrong options", function()
    local container = noshell.machine.container
    assert.equal('HERE: noshell.machine.container: a container is needed: '
      .. 'noshell.machine.container { "name" }', misuse(function() container {} end))
    assert.equal('HERE: noshell.machine.container: "-v": not the name or id of a container',
      misuse(function() container "-v" end))
    assert.equal('HERE: noshell.machine.container: engine = "lxc": "podman" or "docker" is '
      .. "needed", misuse(function() container { "app", engine = "lxc" } end))
    assert.equal('HERE: noshell.machine.container: workdir = "x": an absolute path is needed',
      misuse(function() container { "app", workdir = "x" } end))
    assert.equal("HERE: noshell.machine.container: usr = \"me\": no such option, did you mean "
      .. "'user'?", misuse(function() container { "app", usr = "me" } end))
  end)

  it("starts nothing in a dry run", function()
    local dry = noshell.dry_run()
    machine { program = "no-such-podman" }:run { "nginx", "-t" }
    assert.equal("app", dry:calls()[1].machine)
    dry:stop()
  end)
end)
