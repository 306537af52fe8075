-- Measures residents in turns, in a new order each round, so that noise of the machine
-- affects all alike; computes medians.

local core = require "noshell.core"
local noshell = require "noshell"

local contest = {}

-- Residents -------------------------------------------------------------------

local residents = {}

--- Returns the resident that runs these words, started on first use; false if it is not
--- installed or has ended.
local function resident(spec)
  local key = table.concat(spec, "\0")
  if residents[key] == nil then
    spec.stdin, spec.stdout, spec.stderr = "pipe", "pipe", "inherit"
    residents[key] = noshell.run_async(spec) or false
  end
  return residents[key], key
end

--- Returns the nanoseconds of `count` times `job`; nil if the resident cannot do it.
local function ask(spec, job, count)
  local process, key = resident(spec)
  if not process then return nil end
  local line
  if process.stdin:write(job, " ", ("%d"):format(count), "\n") then
    line = process.stdout:read "l"
  end
  if not line then residents[key] = false end
  return tonumber(line)
end

--- Ends the resident that runs these words.
function contest.close_one(spec)
  local key = table.concat(spec, "\0")
  if residents[key] then residents[key]:close() end
  residents[key] = nil
end

--- Ends all residents. At the end of its stdin, a resident releases the processes that it
--- started.
function contest.close()
  for _, process in pairs(residents) do
    if process then
      process.stdin:close()
      process:wait(10)
      process:close()
    end
  end
  residents = {}
end

-- Numbers -----------------------------------------------------------------------

--- Returns the value below which `share` of the values lie.
function contest.quantile(values, share)
  local sorted = {}
  for i, value in ipairs(values) do sorted[i] = value end
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(#sorted * share))]
end

local function shuffled(rows)
  local order = {}
  for i, row in ipairs(rows) do
    local at = math.random(i)
    order[i] = order[at]
    order[at] = row
  end
  return order
end

-- Rounds ------------------------------------------------------------------------

--- Plays one round: one answer of each row. Leaves out a row that cannot answer from then on;
--- raises an error if the row is `needed`.
local function play(rows, count, samples)
  for _, row in ipairs(shuffled(rows)) do
    local own = samples[row]
    if own then
      local times = row.count or count
      local time = ask(row.resident, row.job, times)
      if not time and row.needed then error(row.name .. " cannot be measured") end
      if time then own[#own + 1] = time / times else samples[row] = nil end
    end
  end
end

--- Measures a group of rows { name, resident = words, job, needed, count = the group's } for
--- `seconds`, but at least three rounds, after one to warm up. Returns row -> list of
--- nanoseconds for each of the `count`, and the number of rounds.
function contest.measure(group, seconds)
  local samples = {}
  for _, row in ipairs(group.rows) do samples[row] = {} end
  play(group.rows, group.count, samples)
  for row in pairs(samples) do samples[row] = {} end
  local start, rounds = core.now(), 0
  repeat
    play(group.rows, group.count, samples)
    rounds = rounds + 1
  until rounds >= 3 and core.now() - start >= seconds
  return samples, rounds
end

--- The quotients of two rows, round by round.
function contest.quotients(samples, row, base)
  if not samples[row] or not samples[base] then return nil end
  local quotients = {}
  for i, time in ipairs(samples[row]) do
    quotients[i] = time / samples[base][i]
  end
  return quotients
end

return contest
