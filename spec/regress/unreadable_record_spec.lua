-- If a filter refused pread(2), the host could not read the launcher's record, which then
-- said that the launcher had not been executed. The host waited for the end of the program
-- and executed it again.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

describe("a start whose record cannot be read", function()
  helper.leak_check()

  helper.each_apart(function()
    it("executes the program once", function()
      for _, denied in ipairs { "pread64:EPERM", "pread64:KILL", "pread64:ENOSYS" } do
        helper.with_tmpdir(function(dir)
          forked(function()
            assert(sys.deny(denied))
            assert(noshell.run { helper.probe, clear_caps = true,
              stdout = { path = dir .. "/reports", append = true } })
          end)
          local _, count = helper.read_file(dir .. "/reports"):gsub("argv%[0%]=", "")
          assert.equal(1, count)
        end)
      end
    end)
  end)
end)
