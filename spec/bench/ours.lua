-- The jobs of floor.c, through noshell; resident.lua has the protocol.

local noshell = require "noshell"
local resident = require "spec.bench.resident"

local jobs = {}

function jobs.run(programs, count)
  for _ = 1, count do
    assert(noshell.run { programs.tiny, stdin = "null", stdout = "null",
      stderr = "null" })
  end
end

--- The same command again and again.
function jobs.again(programs, count)
  local cmd = noshell.command { programs.tiny, stdin = "null", stdout = "null",
    stderr = "null" }
  for _ = 1, count do assert(cmd:run()) end
end

--- As another user, with the groups that are given: looking them up is not part of
--- the start.
function jobs.other_user(programs, count)
  for _ = 1, count do
    local result, err = noshell.run { programs.tiny, stdin = "null", stdout = "null",
      stderr = "null", uid = 65534, gid = 65534, groups = {} }
    if not result then return err.errname ~= "EPERM" and error(err) end
  end
end

--- In a sandbox of this kind.
local function sandboxed(sandbox)
  return function(programs, count)
    for _ = 1, count do
      assert(noshell.run { programs.tiny, stdin = "null", stdout = "null", stderr = "null",
        sandbox = sandbox })
    end
  end
end

jobs.sandbox_files = sandboxed { network = true }
jobs.sandbox_network = sandboxed {}
jobs.sandbox_syscalls = sandboxed { syscalls = "default" }

function jobs.daemon(programs, count)
  for _ = 1, count do
    assert(noshell.run { programs.tiny, daemonize = true })
  end
end

function jobs.capture(programs, count)
  for _ = 1, count do assert(noshell.run(programs.tiny)) end
end

function jobs.output(programs, count)
  local result = assert(noshell.run { programs.probe, "--out", count,
    max_output = math.huge })
  assert(#result.stdout == count)
end

function jobs.stream(programs, count)
  local process = assert(noshell.run_async { programs.probe, "--out", count,
    stdout = "pipe" })
  local left = count
  for piece in process.stdout:lines(65536) do left = left - #piece end
  assert(process:wait())
  process:close()
  assert(left == 0)
end

local function lines_of(programs, count)
  return { programs.probe, "--lines", count, stdout = "pipe" }
end

function jobs.lines(programs, count)
  local left = count
  for line in noshell.lines { programs.probe, "--lines", count } do
    left = left - #line - 1
  end
  assert(left == 0)
end

function jobs.stream_lines(programs, count)
  local process, left = assert(noshell.run_async(lines_of(programs, count))), count
  for line in process.stdout:lines() do left = left - #line - 1 end
  process:close()
  assert(left == 0)
end

function jobs.records(programs, count)
  local process, left = assert(noshell.run_async(lines_of(programs, count))), count
  for line in process.stdout:records "\n" do left = left - #line - 1 end
  process:close()
  assert(left == 0)
end

function jobs.read_line(programs, count)
  local process, left = assert(noshell.run_async(lines_of(programs, count))), count
  local stdout = process.stdout
  local line = stdout:read "l"
  while line do
    left = left - #line - 1
    line = stdout:read "l"
  end
  process:close()
  assert(left == 0)
end

function jobs.on_line(programs, count)
  local left = count
  assert(noshell.run { programs.probe, "--lines", count, max_output = math.huge,
    on_stdout = function(line) left = left - #line - 1 end })
  assert(left == 0)
end

local input

function jobs.exchange(programs, count)
  input = input or ("x"):rep(count)
  local result = assert(noshell.run { programs.probe, "--cat", input = input,
    max_output = math.huge })
  assert(#result.stdout == count)
end

--- Copies what one program writes to another one, through this process.
function jobs.relay(programs, count)
  local from = assert(noshell.run_async { programs.probe, "--out", count, stdout = "pipe" })
  local to = assert(noshell.run_async { programs.probe, "--cat", stdin = "pipe",
    stdout = "null" })
  local piece = from.stdout:read(65536)
  while piece do
    assert(to.stdin:write(piece))
    piece = from.stdout:read(65536)
  end
  to.stdin:close()
  assert(noshell.wait_all { from, to })
end

function jobs.pipeline(programs, count)
  local cat = { programs.probe, "--cat" }
  for _ = 1, count do
    assert(noshell.pipeline({ programs.tiny, stdin = "null" }, cat, cat):run())
  end
end

--- The bytes pass through four programs, and do not enter this process.
function jobs.pipeline_data(programs, count)
  local cat = { programs.probe, "--cat" }
  assert(noshell.pipeline({ programs.probe, "--out", count }, cat, cat,
    { programs.probe, "--cat", stdout = "null" }):run())
end

--- Eight at a time.
function jobs.map(programs, count)
  local words = {}
  for i = 1, count do words[i] = i end
  assert(noshell.map(words, function()
    return { programs.tiny, stdin = "null", stdout = "null", stderr = "null" }
  end, { concurrency = 8 }))
end

--- Processes without streams to us, which exist at the same time.
function jobs.crowd(programs, count)
  local reader, writer = noshell.pipe()
  local processes = {}
  for i = 1, count do
    processes[i] = assert(noshell.run_async { programs.probe, "--block-on", 0,
      stdin = reader:fileno(), stdout = "null", stderr = "null" })
  end
  reader:close()
  writer:close()
  for _, process in ipairs(processes) do
    assert(process:wait())
    process:close()
  end
end

function jobs.many(programs, count)
  local processes = {}
  for i = 1, count do
    processes[i] = assert(noshell.run_async { programs.probe, "--block-on", 0,
      stdin = "pipe", stdout = "null", stderr = "null" })
  end
  for _, process in ipairs(processes) do process.stdin:close() end
  for _, process in ipairs(processes) do
    assert(process:wait())
    process:close()
  end
end

resident.serve(arg, jobs)
