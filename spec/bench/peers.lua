-- The jobs with other libraries; resident.lua has the protocol. The answer is "-" if a
-- library is not installed.

local resident = require "spec.bench.resident"

local has_posix, posix = pcall(require, "posix")
local has_luv, uv = pcall(require, "luv")

local jobs = {}

function jobs.execute(programs, count)
  for _ = 1, count do os.execute(programs.tiny) end
end

function jobs.popen(programs, count)
  for _ = 1, count do io.popen(programs.tiny):close() end
end

function jobs.capture(programs, count)
  for _ = 1, count do
    local file = io.popen(programs.tiny)
    file:read "*a"
    file:close()
  end
end

function jobs.output(programs, count)
  local file = io.popen(programs.probe .. " --out " .. count)
  assert(#file:read "*a" == count)
  file:close()
end

function jobs.lines(programs, count)
  local file, left = io.popen(programs.probe .. " --lines " .. count), count
  for line in file:lines() do left = left - #line - 1 end
  file:close()
  assert(left == 0)
end

function jobs.read_line(programs, count)
  local file, left = io.popen(programs.probe .. " --lines " .. count), count
  local line = file:read "*l"
  while line do
    left = left - #line - 1
    line = file:read "*l"
  end
  file:close()
  assert(left == 0)
end

local function posix_child(program)
  posix.exec(program, {})
  posix._exit(127)
end

function jobs.posix(programs, count)
  if not has_posix then return false end
  for _ = 1, count do
    local pid = assert(posix.fork())
    if pid == 0 then posix_child(programs.tiny) end
    posix.wait(pid)
  end
end

function jobs.luv(programs, count)
  if not has_luv then return false end
  for _ = 1, count do
    local handle
    handle = assert(uv.spawn(programs.tiny, { args = {} }, function()
      handle:close()
    end))
    uv.run()
  end
end

resident.serve(arg, jobs)
