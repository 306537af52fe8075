-- An empty path was no argument_error of set_pid_file: the command was started, and
-- failed in the child with ENOENT and no path to show. set_working_directory
-- and the streams' paths refuse it where the caller's line is known.
local noshell = require "noshell"

describe("an empty pid file", function()
  it("is an argument error, and nothing is started", function()
    local value, err = noshell.run { "true", pid_file = "" }
    assert.is_nil(value)
    assert.equal("invalid set_pid_file", err.code .. " " .. err.method)
    assert.matches("empty_pid_file_spec", err.where)
  end)
end)
