-- A driver: how the scenarios run on one host. It has `run(main)`, which calls
-- main with
--   spawn(f)      a task; returns when it waits, or has ended
--   sleep(s)      lets the loop run for that time
--   ticker()      a counter in the loop: { count, stop() }; nil here
--   concurrent    true if tasks really run at once
-- and returns when main and the tasks have ended, or raises the error of one of them.
-- `is_here()` returns false and the reason if the loop is not installed.
local sys = require "testsys"

local driver = { name = "blocking" }

function driver.is_here() return true end

function driver.run(main)
  main { spawn = function(f) f() end, sleep = sys.sleep, concurrent = false }
end

return driver
