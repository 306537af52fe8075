-- luv, and inside Neovim its own loop.
local noshell = require "noshell"
local tasks = require "spec.support.hosts.tasks"

local driver = { name = "luv" }
local editor = rawget(_G, "vim")

function driver.is_here()
  if editor then
    driver.uv = editor.uv or editor.loop
    return true
  end
  local ok, uv = pcall(require, "luv")
  if ok then
    driver.uv = uv
    -- The loop's own descriptors stay: no leak of ours.
    local timer = uv.new_timer()
    timer:start(0, 0, function() timer:close() end)
    uv.run()
  end
  return ok, "lua-luv"
end

local function sleep(seconds)
  local thread, timer = coroutine.running(), driver.uv.new_timer()
  timer:start(math.ceil(seconds * 1000), 0, function()
    timer:close()
    assert(coroutine.resume(thread))
  end)
  coroutine.yield()
end

local function run_until(is_over)
  if editor then
    while not is_over() do editor.wait(1000, is_over, 5) end
  else
    local turning = driver.uv.new_timer()
    turning:start(1000, 1000, function() end)
    while not is_over() do driver.uv.run("once") end
    turning:close()
    -- The next turns of the loop release closed handles.
    driver.uv.run("nowait")
    driver.uv.run("nowait")
  end
end

function driver.run(main)
  local luv = require "noshell.host.luv"
  local own, is_over = tasks.new(function(f)
    local thread = coroutine.create(f)
    noshell.host.use(luv, thread)
    assert(coroutine.resume(thread))
  end, sleep)
  own.spawn(function() main(own) end)
  run_until(is_over)
end

return driver
