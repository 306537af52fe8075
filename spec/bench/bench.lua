-- make bench: the cost of noshell, as quotients of the floor (the least possible cost) or of
-- another library, measured in the same run. Prints Markdown, and draws build/bench/*.svg if
-- gnuplot is installed. No result makes it fail.
--
-- From the environment: NOSHELL_BUILD, and NOSHELL_BENCH_SECONDS (36 unless
-- given): longer is more exact.

local noshell = require "noshell"
local contest = require "spec.bench.contest"
local groups = require "spec.bench.rows"
local plot = require "spec.bench.plot"

local seconds = tonumber(os.getenv "NOSHELL_BENCH_SECONDS") or 36

-- The table -------------------------------------------------------------------

local function print_row(...)
  print("| " .. table.concat({ ... }, " | ") .. " |")
end

local function amount(samples, unit)
  if not samples then return "-" end
  local each = contest.quantile(samples, 0.5)
  return unit == "MB/s" and ("%.0f MB/s"):format(1000 / each)
    or ("%.0f %s"):format(each / 1000, unit)
end

local function find_base(rows, name)
  for _, each in ipairs(rows) do
    if each.name == name then return each end
  end
  return rows[1]
end

local function print_result(each, words, samples)
  local base = find_base(words.rows, each.of)
  local quotients = contest.quotients(samples, each, base)
  local ratio, spread, goal = "-", "-", ""
  if quotients and base ~= each then
    local median = contest.quantile(quotients, 0.5)
    ratio = ("%.2f"):format(median)
    spread = ("%.2f to %.2f"):format(contest.quantile(quotients, 0.25),
      contest.quantile(quotients, 0.75))
    if each.goal then
      goal = ("≤ %.2f %s"):format(each.goal,
        median <= each.goal and "met" or "**missed**")
    end
  end
  print_row(each.name, amount(samples[each], words.unit), ratio,
    spread, goal)
end

local function present(words)
  local samples, rounds = contest.measure(words, seconds * words.share)
  print(("\n### %s (%d rounds)\n"):format(words.title, rounds))
  print_row("", "median", "quotient", "middle half", "goal")
  print_row(":---", "---:", "---:", "---:", ":---")
  for _, each in ipairs(words.rows) do print_result(each, words, samples) end
  io.flush()
end

-- The machine ---------------------------------------------------------------------

local function first_line(...)
  local text = noshell.output(...)
  return text and text:match "[^\n]+"
end

--- Returns the versions of the compared programs. Debian's libuv 1.44 forks; from 1.53 on,
--- libuv uses posix_spawn.
local function versions()
  local list = {}
  for _, words in ipairs { { "lua5.4", "-v" }, { "luajit", "-v" }, { "python3", "-V" },
    { "node", "--version" }, { "rustc", "-V" }, { "bash", "--version" } } do
    local line = noshell.which(words[1]) and first_line(words)
    list[#list + 1] = line and (words[1] == "node" and "node " .. line or line) or nil
  end
  local has_luv, luv = pcall(require, "luv")
  if has_luv then list[#list + 1] = "libuv " .. luv.version_string() end
  return table.concat(list, "; ")
end

local function processor()
  for line in io.lines "/proc/cpuinfo" do
    local name = line:match "^model name%s*:%s*(.*)"
    if name then return name end
  end
  return "unknown processor"
end

io.stdout:setvbuf "line"
print(("noshell %s on %s, %s processors (%s), launch path %s.\n\n%s.\n\nQuotients are of the "
  .. "first row, or of the row that is named."):format(noshell._VERSION,
  noshell.output("uname", "-srm"), noshell.output "nproc", processor(),
  noshell.features().launch, versions()))
for _, make in ipairs(groups) do present(make()) end
plot.all(seconds / 4)
contest.close()
