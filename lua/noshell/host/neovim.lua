--- The host for Neovim outside of tasks: it waits in place, as vim.system():wait()
--- does. The loop's callbacks run meanwhile. Ctrl-C raises "interrupted!", as in lua.c.

local blocking = require "noshell.host.blocking"
local luv = require "noshell.host.luv"

local neovim = { name = "neovim" }

--- Returns false in callbacks of the loop, in which Neovim's API must not be called.
---@return boolean
function neovim.is_here()
  local editor = rawget(_G, "vim")
  return editor ~= nil and editor.wait ~= nil and not editor.in_fast_event()
end

--- vim.wait needs a time. With a condition, Neovim 0.7 notices Ctrl-C only when that
--- time has passed. It evaluates the condition after each event.
local LONG, INTERVAL, INTERRUPTED = 0.2, 1000, -2

---@type noshell.waiter
function neovim.wait(awaited, seconds)
  if not neovim.is_here() then return blocking.wait(awaited, seconds) end
  local is_ready = false
  local stop = luv.watch(awaited, nil, function() is_ready = true end)
  local _, why = rawget(_G, "vim").wait(
    luv.milliseconds(math.min(seconds or LONG, LONG)),
    function() return is_ready end, INTERVAL, true)
  stop()
  if why == INTERRUPTED then error("interrupted!", 0) end
  return true
end

return neovim
