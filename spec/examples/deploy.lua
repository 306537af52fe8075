-- deploy.lua REPOSITORY ROOT [REVISION]: builds a revision (default HEAD) with make
-- in ROOT/releases, points the link ROOT/current to it, and runs ./smoke there. If
-- that fails, restores the link. A failed build leaves nothing behind.
local noshell = require "noshell"

local function must(value, err, status)
  if value then return value end
  io.stderr:write("deploy: ", tostring(err), "\n")
  os.exit(status or 1)
end

local repository, root = arg[1], must(arg[2], "usage: deploy.lua REPOSITORY ROOT [REVISION]", 2)
local revision = must(noshell.output("git", "-C", repository, "rev-parse", "--verify",
  (arg[3] or "HEAD") .. "^{commit}"))
local link, name = root .. "/current", "releases/" .. revision
local release, previous = root .. "/" .. name, noshell.output("readlink", "--", link)
if name == previous then
  print("current is " .. name .. " already")
  os.exit(0)
end

--- Runs commands until one fails.
local function all(list)
  local result, err
  for _, spec in ipairs(list) do
    result, err = noshell.run(spec)
    if not result then break end
  end
  return result, err
end

--- Replaces the link. `ln -sf` alone would remove the old link first, so that for a moment
--- there would be none.
local function switch(to)
  return all { { "ln", "-sfn", "--", to, link .. ".new" },
    { "mv", "-fT", "--", link .. ".new", link } }
end

-- Runs however this script ends, even by TERM: removes a release that is not deployed.
local is_deployed = false
noshell.trap("EXIT", function()
  if is_deployed then return end
  if noshell.output("readlink", "--", link) == name then
    if previous then switch(previous) else os.remove(link) end
  end
  noshell.run("rm", "-rf", "--", release, link .. ".new")
end)

local ok, err = all {
  { "rm", "-rf", "--", release },
  { "mkdir", "-p", "--", release },
  noshell.pipeline({ "git", "-C", repository, "archive", revision },
    { "tar", "-xf", "-", "-C", release }),
  { "make", "-s", "-C", release },
}
if ok then
  ok, err = switch(name)
  if ok then ok, err = noshell.run { release .. "/smoke", cwd = release, timeout = 10 } end
end
if not ok then print("not deployed; current is " .. (previous or "nothing")) end
must(ok, err)
is_deployed = true
print("deployed; current is " .. name)
