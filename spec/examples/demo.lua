-- make demo: shows the main functions with programs of this machine.
local noshell = require "noshell"

local function title(text)
  io.write("\n\27[1m", text, "\27[0m\n")
end

local function show(...)
  io.write("   ", table.concat({ ... }, " "), "\n")
end

-- The features of this kernel and this build.
local features = noshell.features()
title("noshell on " .. noshell.output("uname", "-sr"))
show("launch path:", features.launch)

title("1. Instead of os.execute: a command built argument by argument")
local seconds = 90 * 60
local wake = noshell.command("rtcwake", "-m", "no"):add_args("-s", seconds)
show("the command:", tostring(wake))
if noshell.which("rtcwake") then
  show("(rtcwake is installed here; the demo does not set your clock)")
end
local touch = noshell.command("touch", "-d", "@0", os.tmpname())
assert(touch:run())
show("ran:", tostring(touch))
os.remove(touch:args()[3])

title("2. Instead of io.popen: output line by line while it comes")
for line in noshell.lines { "ls", "-l", "/", env = { LC_ALL = "C" } } do
  if line:match("^d") and line:match("%s[usrvar]+$") then show(line) end
end

title("3. Output captured")
show("hostname is '" .. noshell.output("uname", "-n") .. "'")
local sorted = assert(noshell.run { "sort", "-n", input = "10\n9\n8\n" })
show("sorted:", (sorted.stdout:gsub("\n", " ")))

title("4. A command that fails says so, and why")
local _, failed = noshell.run("ls", "/no/such/directory")
show(tostring(failed))

title("5. A timeout ends the whole tree")
local result, timeout = noshell.run {
  "sh", "-c", "sleep 300 & sleep 300; wait", timeout = 0.5, grace = 0.5,
}
assert(result == nil)
show(tostring(timeout))

title("6. A program, a directory, an interpreter that is not there")
for _, spec in ipairs {
  { "frobnicate", "--all" },
  { "true", cwd = "/srv/nowhere" },
  { "true", umask = 999 },
} do
  local _, err = noshell.run(spec)
  show(tostring(err))
end
