-- Slurm without any: a program that behaves as srun does takes its place.
-- spec/check/slurm.sh uses a real one.
local behaviour = require "spec.engines.behaviour"
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local slurm_time = require "noshell.machine.slurm_time"

local text_of = behaviour.text_of

--- Writes its options to a file, and runs the command here, in a session of its own.
local LOCAL = [[#!/bin/sh
: >"$0.options"
while test "$1" != --; do printf '%s\n' "$1" >>"$0.options"; shift; done
shift
SLURM_JOB_ID=77 SLURMD_NODENAME=n1; export SLURM_JOB_ID SLURMD_NODENAME
]]

local RUN = [[
kill -s 0 -- -$$ 2>/dev/null && exec "$@"
exec setsid "$@"
]]

--- The first step is the control session; what follows, for the others.
local LATER = LOCAL .. 'if ! test -e "$0.once"; then : >"$0.once"; exec "$@"; fi\n'

--- Returns the message of f's error, with the caller's line as HERE.
local function misuse(f)
  local ok, err = pcall(f)
  assert.is_false(ok)
  return (tostring(err):gsub("^[^ ]*machine_slurm_spec.lua:%d+", "HERE"))
end

describe("a machine of Slurm", function()
  local dir

  setup(function() dir = helper.tmpdir() end)
  teardown(function() helper.remove_tree(dir) end)

  local machine, fresh = behaviour.with(function(options, text)
    options = options or {}
    os.remove(dir .. "/srun.once")
    options.program = helper.write_file(dir .. "/srun", text or LOCAL .. RUN, "755")
    return noshell.machine.slurm(options)
  end)
  helper.leak_check()

  local function options_of_last()
    local list = {}
    for line in helper.read_file(dir .. "/srun.options"):gmatch "[^\n]+" do list[line] = true end
    return list
  end

  -- machine_container_spec does it on all Luas.
  if driver.is_wanted then
    behaviour.declare(machine, { fresh = fresh, name = "slurm", engine = "slurm",
      is_local = true })
  end

  it("makes one allocation, and runs steps in it", function()
    local there = fresh { partition = "fast", account = "a1", time = 90,
      options = { mem = "1G", ["cpus-per-task"] = 2, requeue = true } }
    assert(there:check())
    local list = options_of_last()
    for _, option in ipairs { "--partition=fast", "--account=a1", "--time=1:30", "--mem=1G",
      "--cpus-per-task=2", "--requeue", "--overlap" } do
      assert.is_true(list[option], option)
    end
    assert(there:run "true")
    list = options_of_last()
    assert.is_true(list["--jobid=77"])
    assert.is_true(list["--nodelist=n1"])
    assert.is_true(list["--overlap"])
    assert.is_nil(list["--partition=fast"])
    assert.equal("slurm fast", tostring(there))
  end)

  it("makes as many allocations as it may have nodes", function()
    local there = fresh { nodes = 2, sessions = 1 }
    assert(noshell.map({ 1, 2, 3 }, function()
      return { "true", machine = there }
    end, { concurrency = 3 }))
    assert.is_true(#there.connections <= 2)
  end)

  it("begins in our directory or its own", function()
    assert.equal(noshell.output("pwd", "-P"), machine():output "pwd")
    local there = fresh { workdir = "/usr" }
    assert.equal("/usr/lib", there:output { "pwd", cwd = "lib" })
    local _, err = fresh { workdir = "/no/such" }:run "true"
    assert.equal("noshell: on slurm: cannot start 'true': set_working_directory '/no/such': No "
      .. "such file or directory (ENOENT)", text_of(err))
  end)

  it("refuses a timeout that the allocation cannot keep", function()
    local there = fresh { time = "0:30" }
    local _, err = there:run { "true", timeout = 60 }
    assert.equal("invalid", err.code)
    assert.matches("timeout = 60: the allocation ends in %d+ s: raise time of the machine",
      text_of(err))
    assert(there:run { "true", timeout = 10 })
  end)

  it("does not trust exit status 0", function()
    local there = fresh({}, LATER .. "exit 0")
    local _, err = there:run "true"
    assert.equal("spawn", err.code)
    there = fresh({}, LATER .. 'setsid -w "$@"\nexit 1')
    assert.equal(7, there:run { "sh", "-c", "exit 7", check = false }.exit_code)
  end)

  it("reports that the memory was exhausted", function()
    local there = fresh({}, LATER .. 'setsid -w "$@"\nexit 253')
    local _, err = there:run { "sh", "-c", "kill -KILL $$" }
    assert.equal("memory", err.code)
    assert.equal("KILL", err.result.signal)
    -- Its own status.
    assert.equal(253, there:run { "sh", "-c", "exit 253", check = false }.exit_code)
  end)

  it("quotes srun", function()
    local _, err = fresh({}, "#!/bin/sh\necho srun: error: invalid partition specified: x >&2\n"
      .. "exit 1\n"):run "true"
    assert.equal("noshell: on slurm: cannot start 'true': connect 'slurm': invalid partition "
      .. "specified: x", text_of(err))
  end)

  it("reports wrong options", function()
    local slurm = noshell.machine.slurm
    assert.equal('HERE: noshell.machine.slurm: time = "soon": seconds, or a text as for srun '
      .. 'such as "1-00:00:00"', misuse(function() slurm { time = "soon" } end))
    assert.equal("HERE: noshell.machine.slurm: options.nodes: noshell sets it: set nodes",
      misuse(function() slurm { options = { nodes = 2 } } end))
    assert.equal("HERE: noshell.machine.slurm: options: the names are the long options of srun, "
      .. "such as mem", misuse(function() slurm { options = { "-v" } } end))
    assert.equal('HERE: noshell.machine.slurm: workdir = "x": an absolute path is needed',
      misuse(function() slurm { workdir = "x" } end))
  end)
end)

describe("the time limit of Slurm", function()
  it("is read as srun reads it", function()
    for text, seconds in pairs { ["5"] = 300, ["5:06"] = 306, ["1:02:03"] = 3723,
      ["1-2"] = 93600, ["1-2:03"] = 93780, ["1-2:03:04"] = 93784 } do
      assert.equal(seconds, slurm_time.seconds(text))
      assert.equal(text, slurm_time.text(text))
    end
    assert.equal("1:30", slurm_time.text(89.5))
    assert.equal("0:01", slurm_time.text(1))
    for _, value in ipairs { "", "x", "1:2:3:4", "-5", -5, 0 } do
      assert.is_nil(slurm_time.seconds(value))
    end
  end)
end)
