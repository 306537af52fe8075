-- The name of an account was handed to the name service switch at any length. A module
-- of it, nss-systemd, aborts the process for one that does not fit on the stack.
local forked = require "spec.support.forked"
local noshell = require "noshell"

describe("a name of 16 MiB", function()
  for _, key in ipairs { "user", "uid", "gid" } do
    it("is no " .. key .. ", and ends no process", function()
      local got = forked(function()
        local _, err = noshell.run { "true", [key] = ("x"):rep(2 ^ 24) }
        return { code = err.code, is_short = #tostring(err) < 1000 }
      end)
      assert.equal("invalid", got.code)
      assert.is_true(got.is_short)
    end)
  end
end)
