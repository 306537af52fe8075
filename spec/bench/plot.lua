-- The plots of make bench: build/bench/*.svg, drawn by gnuplot if it is installed.

local noshell = require "noshell"
local contest = require "spec.bench.contest"
local residents = require "spec.bench.residents"

local build = os.getenv "NOSHELL_BUILD" or "build"

local plot = {}

local function ours(options)
  return residents.in_lua("lua5.4", "ours", options)
end

local function peers(options)
  return residents.in_lua("lua5.4", "peers", options)
end

local function posix(options)
  return residents.in_lua("lua5.1", "peers", options)
end

local function python(options)
  return residents.other("python3", "peers.py", options)
end

--- Each plot: x values, an option that takes x (otherwise x is the count of the job), and
--- series { title, resident, job }.
local PLOTS = {
  { name = "memory", x = "memory of the parent, MiB", y = "start to end, µs",
    option = "--touch", values = { 8, 64, 256, 1024 }, count = 20, series = {
      { "noshell.run, lua5.4", ours, "run" },
      { "luaposix fork and exec, lua5.1", posix, "posix" },
      { "python3 subprocess.run", python, "run" } } },
  { name = "descriptors", x = "open descriptors of the parent", y = "start to end, µs",
    option = "--open", values = { 10, 100, 1000, 10000 }, count = 20, series = {
      { "noshell.run, lua5.4", ours, "run" },
      { "luaposix fork and exec, lua5.1", posix, "posix" },
      { "python3 subprocess.run", python, "run" } } },
  { name = "children", x = "processes at the same time", y = "each, µs",
    values = { 10, 100, 1000, 5000 }, series = {
      { "noshell.run_async, lua5.4", ours, "crowd" },
      { "python3 subprocess.Popen", python, "crowd" } } },
  { name = "output", x = "bytes of output", y = "ns for each byte",
    values = { 1e4, 1e6, 1e8, 1e9 }, is_data = true, series = {
      { "noshell.run, lua5.4, captured", ours, "output" },
      { "io.popen and read, lua5.4", peers, "output" },
      { "python3 subprocess.run, captured", python, "output" } } },
}

--- Measures the points of one x.
local function points(each, value, seconds)
  local rows = {}
  for i, one in ipairs(each.series) do
    local options = { each.option or "--open", each.option and ("%d"):format(value) or "0" }
    local words = residents.raised(one[2](options))
    rows[i] = { name = one[1], resident = words, job = one[3] }
  end
  local samples = contest.measure({ rows = rows, count = each.count or value }, seconds)
  local line = { ("%g"):format(value) }
  for i, row in ipairs(rows) do
    local time = samples[row] and contest.quantile(samples[row], 0.5)
    line[#line + 1] = time and ("%g"):format(each.is_data and time or time / 1000) or "NaN"
    if each.option then contest.close_one(rows[i].resident) end
  end
  return table.concat(line, " ")
end

local function commands(each, data, path)
  local lines = {
    "set terminal svg size 640,400 background 'white'",
    ("set output %q"):format(path),
    "set logscale xy", "set grid", "set key top left",
    ("set xlabel %q"):format(each.x), ("set ylabel %q"):format(each.y),
  }
  local series = {}
  for i, one in ipairs(each.series) do
    series[i] = ("%q using 1:%d with linespoints title %q"):format(data, i + 1, one[1])
  end
  lines[#lines + 1] = "plot " .. table.concat(series, ", ")
  return table.concat(lines, "\n") .. "\n"
end

--- Draws all plots; `seconds` is the time for each. Prints their names.
function plot.all(seconds)
  if not noshell.which "gnuplot" then
    return print "\nNo plots: gnuplot is not installed."
  end
  print ""
  for _, each in ipairs(PLOTS) do
    local base = ("%s/bench/%s"):format(build, each.name)
    local data = assert(io.open(base .. ".dat", "w"))
    for _, value in ipairs(each.values) do
      data:write(points(each, value, seconds / #each.values), "\n")
    end
    data:close()
    assert(noshell.run { "gnuplot", input = commands(each, base .. ".dat", base .. ".svg") })
    print(("Plot: %s.svg"):format(base))
  end
end

return plot
