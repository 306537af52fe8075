-- The program of a daemon was looked up below / if its name had a slash: / is a daemon's
-- default directory, and the name was made absolute only if set_working_directory was
-- called.
local helper = require "spec.support.helper"

describe("a daemon whose program's name has a slash", function()
  helper.leak_check()

  it("is looked up relative to our directory", function()
    helper.with_tmpdir(function(dir)
      helper.write_file(dir .. "/job", '#!/bin/sh\npwd >"$0.out"\necho >"$0.done"\n', "755")
      assert(helper.run({ "mkfifo", dir .. "/job.done" }).status == 0)
      local done = helper.run_lua(helper.lua, [[
        local noshell = require "noshell"
        print(noshell.run { "./job", daemonize = true })
        io.open("job.done"):read "*l"
      ]], {}, { cwd = dir })
      assert.matches("^exited with status 0", done.out)
      assert.equal("/\n", helper.read_file(dir .. "/job.out"))
    end)
  end)
end)
