-- Containers of a real engine; spec/check/containers.sh starts them, and sets
--   NSHBOX_ENGINE   podman or docker
--   NSHBOX_PROGRAM  the words of its client
-- The container "box" has busybox, and probe as /bin/probe; "bare" has no sh; "stopped" does
-- not run; "loop" is run, and killed, by a spec.
local behaviour = require "spec.engines.behaviour"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local engine, program = os.getenv "NSHBOX_ENGINE", {}
for word in (os.getenv "NSHBOX_PROGRAM"):gmatch "%S+" do program[#program + 1] = word end

local text_of = behaviour.text_of

local function fails(there)
  local _, err = there:run "true"
  assert.equal("spawn", err.code)
  return text_of(err)
end

describe("a container of " .. engine, function()
  local machine, fresh = behaviour.with(function(options)
    options = options or {}
    options[1], options.engine = options[1] or "box", engine
    options.program = options.program or program
    return noshell.machine.container(options)
  end)
  helper.leak_check()

  behaviour.declare(machine, { fresh = fresh, name = "box", engine = "container",
    probe = "/bin/probe" })

  it("runs as a user of the container, in a directory of it", function()
    local there = machine { user = "nobody", workdir = "/etc" }
    assert.equal("65534 /etc", there:output("sh", "-c", "echo $(id -u) $PWD"))
  end)

  it("reports a container that is missing, does not run, or has no sh", function()
    assert.matches("^noshell: on none: cannot start 'true': connect 'none': .*[Nn]o such "
      .. "container", fails(machine { "none" }))
    assert.matches("running", fails(machine { "stopped" }))
    assert.matches("^noshell: on bare: cannot start 'true': connect 'bare': a POSIX sh is needed "
      .. "in the container: ", fails(machine { "bare" }))
    assert.matches("^noshell: on nobody@none: cannot start 'true': connect 'nobody@none': ",
      fails(machine { "none", user = "nobody" }))
  end)

  it("reports the programs of a container that ends as lost", function()
    local function tell(...)
      local words = { ... }
      for i = #program, 1, -1 do table.insert(words, 1, program[i]) end
      assert(noshell.run(words))
    end
    tell("start", "loop")
    local process = assert(machine { "loop" }:run_async { "sh", "-c", "echo; exec sleep 300",
      stdout = "pipe" })
    process.stdout:read()
    tell("kill", "loop")
    local _, err = process:wait(30)
    assert.equal("lost", err.code)
    process:close()
  end)
end)
