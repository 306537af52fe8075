-- Threads that start programs: whose attributes a program has, when its
-- parent-death signal is sent, and what is left of a start that is given up.
local helper = require "spec.support.helper"
local driver = require "spec.support.driver"

if not driver.is_wanted then return end

local attributes, parent = helper.build .. "/c/attributes", helper.build .. "/c/parent"

--- The checks of a program, as specs. options: deny, env.
local function checks(program, options)
  options = options or {}
  for check in helper.run({ program }).out:gmatch("[^\n]+") do
    it(check, function()
      helper.require_or_pending("root", helper.sys.getuid() == 0)
      local words = { program, check }
      if options.deny then words = { helper.deny, options.deny, "--", program, check } end
      local env = { NOSHELL_BUILD = helper.build }
      for name, value in pairs(options.env or {}) do env[name] = value end
      local result = helper.run(words, { env = env })
      assert(result.status == 0, result.out .. result.err ..
        "it ended with " .. result.status)
    end)
  end
end

describe("the attributes of the calling thread:", function()
  helper.leak_check()
  helper.each_path(function() checks(attributes) end)
end)

describe("the end of a thread and of the host:", function()
  helper.leak_check()
  helper.each_path(function() checks(parent) end)

  describe("(with a supervisor)", function()
    checks(parent, { deny = "ioctl(PIDFD_GET_INFO):ENOTTY",
      env = { NOSHELL_SUPERVISED = 1 } })
  end)
end)

describe("a start for which no thread can be made", function()
  helper.leak_check()

  it("is made by the caller", function()
    -- MAP_STACK: pthread_create(3) gets no stack.
    local result = helper.run({ helper.deny, "mmap(0x20000):ENOMEM", "--",
      helper.build .. "/c/aside", "programs start in another thread" },
      { env = { NOSHELL_BUILD = helper.build } })
    assert(result.status == 0, result.out .. result.err)
  end)
end)
