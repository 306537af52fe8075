--- The host of what runs in Neovim outside of tasks: it waits in place, as
--- vim.system():wait() does. The loop's callbacks run meanwhile, and Ctrl-C
--- interrupts.

local blocking = require "noshell.host.blocking"
local luv = require "noshell.host.luv"

local neovim = { name = "neovim" }

--- Not in the callbacks of the loop, in which the editor must not be called.
---@return boolean
function neovim.is_here()
  local editor = rawget(_G, "vim")
  return editor ~= nil and editor.wait ~= nil and not editor.in_fast_event()
end

--- vim.wait needs a time. It looks at its condition after each event, and now
--- and then.
local LONG, INTERVAL, INTERRUPTED = 3600, 1000, -2

---@type noshell.waiter
function neovim.wait(awaited, seconds)
  if not neovim.is_here() then return blocking.wait(awaited, seconds) end
  local is_ready = false
  local stop = luv.watch(awaited, nil, function() is_ready = true end)
  local _, why = rawget(_G, "vim").wait(luv.milliseconds(seconds or LONG),
    function() return is_ready end, INTERVAL, true)
  stop()
  if why == INTERRUPTED then error("noshell: interrupted", 0) end
end

return neovim
