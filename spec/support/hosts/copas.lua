local core = require "noshell.core"
local noshell = require "noshell"
local tasks = require "spec.support.hosts.tasks"

-- Debian has it for these only; it is not required for others.
local is_packaged = _VERSION == "Lua 5.1" or _VERSION == "Lua 5.2"
local driver = { name = "copas", feature = is_packaged and "hosts" or "copas" }

function driver.is_here()
  -- It must be loaded before socket.http; otherwise it raises an error.
  local ok, copas = pcall(require, "copas")
  driver.copas = copas
  return ok, "lua-copas for this Lua"
end

-- Copas 1 has no sleep: a queue of our own, which its dispatcher takes.
local sleeping = {}
local queue = {
  insert = function() end,
  push = function(_, deadline, thread) sleeping[thread] = deadline end,
}

local function sleep(seconds)
  if driver.copas.sleep then return driver.copas.sleep(seconds) end
  coroutine.yield(core.now() + seconds, queue)
end

local function wake_sleepers()
  local now, due = core.now(), {}
  for thread, deadline in pairs(sleeping) do
    if deadline <= now then due[#due + 1] = thread end
  end
  for _, thread in ipairs(due) do
    sleeping[thread] = nil
    driver.copas.addthread(thread)
  end
end

function driver.run(main)
  local copas = require "noshell.host.copas"
  local own, is_over = tasks.new(function(f)
    driver.copas.addthread(function()
      local thread = coroutine.running()
      noshell.host.use(copas, thread)
      f()
    end)
  end, sleep)
  own.spawn(function() main(own) end)
  while not is_over() do
    driver.copas.step(next(sleeping) and 0.002 or 5)
    wake_sleepers()
  end
end

return driver
