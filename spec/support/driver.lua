-- Runs the fixture spec/c/driver, which drives the core through noshell.h.

local helper = require "spec.support.helper"

local driver = { path = helper.build .. "/c/driver" }

--- True if this Lua is the one that runs the specs of the core: they do not involve Lua,
--- so once is enough.
driver.is_wanted = helper.lua == helper.luas[1]

local function read_report(text)
  local report = {}
  for line in text:gmatch("([^\n]*)\n") do
    local key, value = line:match("^([%w_.]+)=(.*)$")
    if key then report[key] = (value:gsub("\\(.)", { n = "\n", ["\\"] = "\\" })) end
  end
  return report
end

local function append(list, more)
  for _, word in ipairs(more or {}) do list[#list + 1] = tostring(word) end
end

--- Runs driver WORDS -- PROGRAM. Returns its report, with `child`, the report that a probe
--- wrote to the file @C. @D in words is replaced by a new directory.
--- options: deny, hostile, path (NOSHELL_LAUNCH), env, redirect, setup(dir),
--- check(dir), wrap (words in front), loud (stderr is allowed).
function driver.run(words, program, options)
  options = options or {}
  local report
  helper.with_tmpdir(function(dir)
    helper.sys.chmod(dir, tonumber("777", 8))
    local line = {}
    append(line, options.wrap)
    if options.deny then append(line, { helper.deny, options.deny, "--" }) end
    append(line, { driver.path, "report=" .. dir .. "/report" })
    append(line, words)
    append(line, { "--" })
    append(line, program or { helper.tiny })
    for i, word in ipairs(line) do
      line[i] = word:gsub("@C", "@D/child"):gsub("@D", dir)
    end
    if options.setup then options.setup(dir) end
    local env, preload = { NOSHELL_LAUNCH = options.path or "",
      -- A leak is looked for by a clone at exit, which may be denied here.
      ASAN_OPTIONS = (os.getenv("ASAN_OPTIONS") or "") .. ":detect_leaks=0" }, nil
    for name, value in pairs(options.env or {}) do
      env[name] = value:gsub("@D", dir)
    end
    for name, value in pairs(options.hostile or {}) do
      env["HOSTILE_" .. name], preload = value, helper.hostile
    end
    local result = helper.run(line, { env = env, preload = preload,
      redirect = options.redirect })
    local file = io.open(dir .. "/report")
    report = read_report(file and file:read("*a") or "")
    if file then file:close() end
    report.status, report.stderr = result.status, result.err
    report.stdout = result.out
    if options.check then options.check(dir, report) end
    local child = io.open(dir .. "/child")
    if child then
      report.child = helper.probe_report(child:read("*a"))
      child:close()
    end
  end)
  return report
end

--- The same, but nothing may be left behind or written to stderr.
function driver.clean(words, program, options)
  local report = driver.run(words, program, options)
  local said = helper.quoted(words) .. " " .. helper.quoted(program or {})
  assert(report.stderr == "", said .. ": on stderr: " .. report.stderr)
  assert(report.status == 0, said .. ": ended with " .. report.status)
  assert(report.left == "", said .. ": left " .. tostring(report.left))
  return report
end

return driver
