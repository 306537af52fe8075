-- The programs of named checks in spec/c: each check is a spec; its output is the reason
-- of a failure.
local helper = require "spec.support.helper"
local driver = require "spec.support.driver"

if not driver.is_wanted then return end

for _, name in ipairs { "life", "host", "talk", "wake", "aside", "dry", "memory",
  "confined", "keeper", "fork_lock" } do
  local program = helper.build .. "/c/" .. name

  describe("through noshell.h (" .. name .. ")", function()
    helper.leak_check()

    for check in helper.run({ program }).out:gmatch("[^\n]+") do
      it(check, function()
        local result = helper.run({ program, check },
          { env = { NOSHELL_BUILD = helper.build, NOSHELL_LAUNCH = "" } })
        assert(result.status == 0, result.out .. result.err ..
          "it ended with " .. result.status)
      end)
    end
  end)
end
