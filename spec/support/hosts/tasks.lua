-- Common code of the drivers of loops with tasks.
local core = require "noshell.core"

local tasks = {}

-- Seconds for a scenario. A driver's loop has to turn now and then.
local LONGEST = tonumber(os.getenv("NOSHELL_LONGEST")) or 60

-- PUC Lua 5.1 cannot yield through pcall: there an error is the loop's.
local guarded = (rawget(_G, "jit") or not rawget(_G, "setfenv")) and pcall
  or function(f) return true, f() end

--- Helps to implement a driver's run: `start(f)` starts a coroutine, `sleep` yields.
--- Returns the argument of main, and a function that returns whether all have ended, or
--- raises the error of one of them.
function tasks.new(start, sleep)
  local running, raised, deadline = 0, nil, core.now() + LONGEST
  local self = { concurrent = true, sleep = sleep }
  function self.spawn(f)
    running = running + 1
    start(function()
      local ok, err = guarded(f)
      running = running - 1
      if not ok then raised = raised or { err } end
    end)
  end
  function self.ticker()
    local ticker = { count = 0 }
    function ticker.stop() ticker.stopped = true end
    self.spawn(function()
      while not ticker.stopped do
        sleep(0.005)
        ticker.count = ticker.count + 1
      end
    end)
    return ticker
  end
  return self, function()
    if raised then error(raised[1], 0) end
    if core.now() > deadline then error(running .. " tasks never ended", 0) end
    return running == 0
  end
end

return tasks
