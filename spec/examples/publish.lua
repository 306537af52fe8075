-- Deploys the commit that is checked out to a host, if its tests pass.
local noshell = require "noshell"

local publish = {}

--- Returns the deployed commit, or nil, err.
function publish.run(tree, host)
  local commit, err = noshell.output { "git", "rev-parse", "--short", "HEAD", cwd = tree }
  if not commit then return nil, err end
  local ok
  ok, err = noshell.run { "make", "test", cwd = tree, timeout = 600 }
  if not ok then return nil, err end
  ok, err = noshell.run(noshell.pipeline(
    { "git", "archive", commit, cwd = tree },
    { "ssh", host, "tar -x -C /srv/app" }))
  if not ok then return nil, err end
  return commit
end

return publish
