-- Asks several hosts at the same time, and prints the first one that answers. The other
-- programs are ended.
--   first_host.lua HOST...
local noshell = require "noshell"

local running, host_of = {}, {}
for i, host in ipairs(arg) do
  local process, err = noshell.run_async { "ping", "-c", 1, "-q", "--", host, timeout = 10 }
  if not process then
    io.stderr:write("first_host: ", tostring(err), "\n")
    os.exit(2)
  end
  running[i], host_of[process] = process, host
end

local found
while not found and running[1] do
  local ended, result = noshell.wait_any(running)
  if result then found = host_of[ended] end
  for i, process in ipairs(running) do
    if process == ended then
      table.remove(running, i)
      break
    end
  end
  ended:close()
end
for _, process in ipairs(running) do process:close() end

print(found or "none")
os.exit(found and 0 or 1)
