-- A PATH entry that the user may not search made every missing program fail with EACCES
-- and "is not an executable file", although no such file was known. After setpriv or sudo
-- from root, PATH is often root's.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

describe("a directory in PATH that cannot be searched", function()
  helper.leak_check()

  it("does not hide that a program is missing", function()
    helper.with_tmpdir(function(dir)
      assert(require("lfs").mkdir(dir .. "/closed"))
      helper.write_file(dir .. "/closed/hidden", "x", "644")
      helper.write_file(dir .. "/plain", "x", "644")
      sys.chmod(dir .. "/closed", 0)
      sys.chmod(dir, tonumber("755", 8))
      local function attempt(name)
        return forked(function()
          if sys.getuid() == 0 then assert(sys.become(12345, 12345)) end
          sys.setenv("PATH", dir .. "/closed:" .. dir)
          return probing.fields(noshell.run(name))
        end)
      end
      for _, name in ipairs { "no-such-program", "hidden" } do
        local got = attempt(name)
        assert.equal("spawn find_program ENOENT " .. name, got.described)
        assert.equal(("not found in PATH (%s/closed:%s)"):format(dir, dir), got.reason)
      end
      local got = attempt "plain"
      assert.equal("spawn find_program EACCES plain", got.described)
      assert.equal("'" .. dir .. "/plain' is not an executable file", got.reason)
    end)
  end)
end)
