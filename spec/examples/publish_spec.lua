local publish = require "spec.examples.publish"
local noshell = require "noshell"

describe("publish", function()
  local dry

  after_each(function() dry:stop() end)

  it("sends the commit to the host", function()
    dry = noshell.dry_run {
      ordered = true,
      { match = { "git", "rev-parse" }, reply = "1a2b3c4\n" },
      { match = { "make", "test" } },
      { match = { "git", "archive", "1a2b3c4" }, reply = "the tree" },
      { match = function(call)
        return call.program == "ssh" and call.input == "the tree"
      end },
    }
    assert.equal("1a2b3c4", publish.run("/src/app", "web1"))
    dry:verify()
  end)

  it("sends nothing if the tests fail", function()
    dry = noshell.dry_run(function(call)
      if call.program == "make" then return { exit_code = 2, stderr = "1 failed" } end
    end)
    local commit, err = publish.run("/src/app", "web1")
    assert.is_nil(commit)
    assert.matches("'make test' exited with status 2: 1 failed", tostring(err))
    assert.same({ "git rev-parse --short HEAD", "make test" }, dry:commands())
    assert.equal("/src/app", dry:calls()[2].cwd)
  end)
end)
