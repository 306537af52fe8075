-- Runs a command, and shows its output with the user's pager if it goes to a terminal, as
-- git does. The pager has the terminal: Ctrl-C and Ctrl-Z reach the pager alone.
--
--	pager.lua COMMAND [ARGUMENT...]
local noshell = require "noshell"

local pager = { foreground = true }
for word in (os.getenv "PAGER" or "less"):gmatch "%S+" do pager[#pager + 1] = word end

local task = noshell.command { arg[1], { (table.unpack or unpack)(arg, 2) }, stderr = "inherit" }
if noshell.system("test", "-t", 1) then
  task = noshell.pipeline(task, pager)
end
local ok, kind, number = noshell.system(task)
if ok then os.exit(0) end
if kind == "exit" or kind == "signal" then os.exit(kind == "exit" and number or 128 + number) end
io.stderr:write("pager: ", tostring(kind), "\n")
os.exit(1)
