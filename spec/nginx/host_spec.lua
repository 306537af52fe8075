-- The host of nginx, in the content phase: what every host does, and what only
-- a server shows.
local nginx = require "spec.support.nginx"
local scenarios = require "spec.support.hosts.scenarios"

local SCENARIO = [[
  local tasks = require "spec.support.hosts.tasks"
  local scenario = require("spec.support.hosts.scenarios")[tonumber(ngx.var.arg_n)]
  assert(noshell.host.name() == "nginx" and noshell.features().host == "nginx")
  local threads = {}
  local own = tasks.new(function(f) ngx.thread.spawn(f) end, ngx.sleep)
  local ok, err = pcall(scenario.run, own)
  ngx.print(ok and "passed" or tostring(err))
]]

nginx.describe("the host nginx", function()
  for i, scenario in ipairs(scenarios) do
    it(scenario.name, function()
      nginx.with({ locations = { ["/scenario"] = SCENARIO } }, function(server)
        assert.equal("passed", server:body("/scenario?n=" .. i))
      end)
    end)
  end
end)
