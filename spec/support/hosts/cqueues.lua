local tasks = require "spec.support.hosts.tasks"

local driver = { name = "cqueues" }

function driver.is_here()
  local ok, cqueues = pcall(require, "cqueues")
  driver.cqueues = cqueues
  return ok, "lua-cqueues"
end

function driver.run(main)
  local cqueues = driver.cqueues
  local loop = cqueues.new()
  local own, is_over = tasks.new(function(f) loop:wrap(f) end, cqueues.sleep)
  own.spawn(function() main(own) end)
  while not is_over() do
    local ok, err = loop:step(1)
    if not ok then error(err, 0) end
  end
  loop:close()
end

return driver
