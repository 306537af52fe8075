-- Packs the files that git tracks in a directory, without those that match the patterns, as
-- NAME.tar.gz, and writes its checksum to NAME.tar.gz.sha256.
--   release.lua DIRECTORY NAME [PATTERN...]
local noshell = require "noshell"

local tree, name = arg[1], arg[2]
local archive = name .. ".tar.gz"

local finished = false
noshell.trap("EXIT", function()
  if not finished then os.remove(archive) end
end)

local function check(value, err)
  if value then return value end
  io.stderr:write("release: ", tostring(err), "\n")
  os.exit(1)
end

local function is_wanted(file)
  for i = 3, #arg do
    if file:find(arg[i]) then return false end
  end
  return true
end

local git = noshell.bind { "git", "-C", tree }
local files = {}
for _, file in ipairs(check(check(git("ls-files", "-z")):nul())) do
  if is_wanted(file) then files[#files + 1] = file end
end

-- The same files give the same archive. Lists among the words are flattened.
local date = check(git.output("log", "-1", "--format=@%ct"))
local same = { "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=" .. date }
check(noshell.run(noshell.pipeline(
  { "tar", "-c", "-C", tree, same, "--", files },
  { "gzip", "-n", stdout = { path = archive } })))

check(noshell.run { "sha256sum", "--", archive, stdout = { path = archive .. ".sha256" } })
finished = true
print(("%s: %d files"):format(archive, #files))
