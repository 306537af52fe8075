-- set_pid_file accepted an empty path: the command was started, and failed in the child
-- with ENOENT and no path to show. set_working_directory and the streams' paths reject it
-- as an argument error, with the caller's line.
local noshell = require "noshell"

describe("an empty pid file", function()
  it("is an argument error, and nothing is started", function()
    local value, err = noshell.run { "true", pid_file = "" }
    assert.is_nil(value)
    assert.equal("invalid set_pid_file", err.code .. " " .. err.method)
    assert.matches("empty_pid_file_spec", err.where)
  end)
end)
