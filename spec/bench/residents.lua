-- The processes that make bench measures: the words of a command. The last two words are the
-- programs that it starts.

local noshell = require "noshell"

local build = os.getenv "NOSHELL_BUILD" or "build"
-- A machine of ssh begins in another directory.
if build:sub(1, 1) ~= "/" then build = noshell.output "pwd" .. "/" .. build end

local residents = {}

local function read_file(path)
  local file = io.open(path)
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local programs = { build .. "/fixtures/tiny", build .. "/fixtures/probe" }

local function with_programs(words, options)
  for _, word in ipairs(options or {}) do words[#words + 1] = word end
  for _, word in ipairs(programs) do words[#words + 1] = word end
  return words
end

--- floor or interface, with options such as { "--touch", "1024" }.
function residents.in_c(name, options)
  return with_programs({ build .. "/bench/" .. name }, options)
end

--- lua5.4, lua5.1, luajit, where noshell is built for it.
function residents.in_lua(name, script, options)
  local version = name:gsub("^lua", "")
  local binary = ("%s/%s/noshell/core.so"):format(build, version)
  -- "/" is no program: the resident counts as not installed.
  local words = { read_file(binary) and name or "/",
    ("spec/bench/%s.lua"):format(script) }
  words.env = { LUA_CPATH = ("%s/%s/?.so;;"):format(build, version) }
  return with_programs(words, options)
end

--- A script for another interpreter.
function residents.other(program, script, options)
  return with_programs({ program, "spec/bench/" .. script }, options)
end

--- The program made from peers.rs; not installed without a compiler.
function residents.in_rust()
  local program = build .. "/bench/peers-rs"
  local made = noshell.which "rustc" and noshell.run { "rustc", "-O", "-o", program,
    "spec/bench/peers.rs" }
  return with_programs { made and program or "/" }
end

--- As many descriptors as the hard limit allows, 19,000 at most.
local function descriptors()
  local limits = read_file "/proc/self/limits" or ""
  local hard = tonumber(limits:match "Max open files%s+%S+%s+(%d+)")
  return math.min(19000, (hard or 1 / 0) - 200)
end

--- True if there is enough memory for a parent of 1 GiB.
function residents.has_memory()
  local kilobytes = (read_file "/proc/meminfo" or ""):match "MemAvailable:%s+(%d+)"
  return (tonumber(kilobytes) or 0) > 3 * 2 ^ 20
end

residents.OPEN = descriptors()

--- Raises a resident's limits to that many descriptors and as many programs.
function residents.raised(resident)
  resident.limits = { nofile = residents.OPEN + 200 }
  return resident
end

return residents
