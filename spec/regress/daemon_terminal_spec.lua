-- The files of a program were opened before the launcher made the program's session, so
-- /dev/tty was the caller's terminal. A daemon could read and write it.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

describe("/dev/tty as a stream", function()
  helper.leak_check()

  helper.each_path(function()
    it("is not the caller's terminal in a new session", function()
      for _, setter in ipairs { "new_session", "daemonize" } do
        local got = forked(function()
          assert(helper.sys.terminal())
          return probing.fields(noshell.run_async { helper.probe, [setter] = true,
            stdin = { path = "/dev/tty" }, stdout = "null", stderr = "null" })
        end)
        assert.equal("spawn set_stdin ENXIO /dev/tty", got.described)
      end
    end)
  end)
end)
