-- A real Slurm of one node, which spec/check/slurm.sh starts.
local behaviour = require "spec.engines.behaviour"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local server = require "spec.support.server"

local text_of = behaviour.text_of

describe("a machine of Slurm", function()
  local machine, fresh = behaviour.with(noshell.machine.slurm)
  helper.leak_check()

  behaviour.declare(machine, { fresh = fresh, name = "slurm", engine = "slurm",
    is_here = true })

  it("releases its allocation when it is closed", function()
    local there = fresh { time = "10" }
    assert.equal("10:00", there:output("squeue", "--noheader", "--format=%l", "--job",
      there:output("sh", "-c", "echo $SLURM_JOB_ID")))
    local job = there.connections[1].job
    there:close()
    assert.is_true(server.eventually(function()
      local state = noshell.output("squeue", "--noheader", "--states=RUNNING", "--format=%i")
      return not state:find(job, 1, true)
    end))
  end)

  it("does not take a cancelled allocation for a success", function()
    local there = fresh()
    local process = assert(there:run_async { "sh", "-c", "echo $$; exec sleep 300",
      stdout = "pipe" })
    local pid = process.stdout:read()
    assert(noshell.run { "scancel", there.connections[1].job })
    local _, err = process:wait(30)
    -- Slurm sends TERM to the program as well.
    assert.truthy(err.code == "signal" or err.code == "lost", err.code)
    process:close()
    behaviour.expect_gone(machine(), { pid })
  end)

  it("quotes srun if there can be no allocation", function()
    local _, err = fresh { partition = "nowhere" }:run "true"
    assert.equal("spawn", err.code)
    assert.matches("^noshell: on slurm nowhere: cannot start 'true': connect 'slurm nowhere': "
      .. ".*[Ii]nvalid partition", text_of(err))
  end)

  it("reports a node that fails as lost", function()
    local there = fresh()
    local process = assert(there:run_async { "sh", "-c", "echo; exec sleep 300",
      stdout = "pipe" })
    process.stdout:read()
    local function update(state, check)
      assert(noshell.run { "scontrol", "update", "nodename=" .. there.connections[1].node,
        "state=" .. state, "reason=spec", check = check })
    end
    update "down"
    local _, err = process:wait(60)
    -- It may have come back by itself.
    update("resume", false)
    assert.equal("lost", err.code)
    process:close()
  end)
end)
