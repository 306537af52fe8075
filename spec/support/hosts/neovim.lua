-- Neovim outside of coroutines: it waits in place, and its loop goes on.
local sys = require "testsys"

local driver = { name = "neovim" }
local editor = rawget(_G, "vim")

function driver.is_here() return editor ~= nil, "neovim" end

local function ticker()
  local self, timer = { count = 0 }, (editor.uv or editor.loop).new_timer()
  timer:start(5, 5, function() self.count = self.count + 1 end)
  function self.stop() timer:close() end
  return self
end

function driver.run(main)
  main { spawn = function(f) f() end, sleep = sys.sleep, ticker = ticker,
    concurrent = false }
end

return driver
