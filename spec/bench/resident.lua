-- A process that measures on request, as resident.h is for C. It reads lines
-- "JOB COUNT" and answers with the nanoseconds that the job took, or "-".

local core = require "noshell.core"

local resident = {}

local PIECE = 2 ^ 20 - 64

--- Memory in pieces, as programs have it, which the kernel maps page by page.
local function touch(mebibytes)
  local pieces = {}
  for i = 1, mebibytes do pieces[i] = (string.char(i % 256)):rep(PIECE) end
  return pieces
end

local function open_many(count)
  local files = {}
  for i = 1, count do files[i] = assert(io.open("/dev/null")) end
  return files
end

local settle = { ["--touch"] = touch, ["--open"] = open_many }

--- The words after the options, and what the options made, which is to be kept.
local function prepare(words)
  local kept, at = {}, 1
  while settle[words[at]] do
    kept[at] = settle[words[at]](tonumber(words[at + 1]))
    at = at + 2
  end
  return { tiny = words[at], probe = words[at + 1] }, kept
end

local function answer(job, programs, count)
  local start = core.now()
  local ok, done = pcall(job, programs, count)
  local nanoseconds = (core.now() - start) * 1e9
  if ok and done ~= false then return ("%.0f"):format(nanoseconds) end
  if not ok then io.stderr:write(tostring(done), "\n") end
  return "-"
end

--- Serves jobs, { name = function(programs, count) }, to the end of stdin. A
--- job returns false if it cannot be done here.
function resident.serve(words, jobs)
  local programs, kept = prepare(words)
  for line in io.lines() do
    local name, count = line:match "^(%S+) (%d+)$"
    local job = jobs[name]
    io.write(job and answer(job, programs, tonumber(count)) or "-", "\n")
    io.flush()
  end
  return kept
end

return resident
