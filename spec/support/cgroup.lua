-- A cgroup for the specs, if cgroups of version 2 are mounted here and may be made.
local helper = require "spec.support.helper"
local lfs = require "lfs"

local cgroup = {}

local made = 0

local function new_directory()
  for _, root in ipairs { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" } do
    made = made + 1
    local path = ("%s/spec-%d-%d"):format(root, helper.sys.getpid(), made)
    if lfs.attributes(root .. "/cgroup.subtree_control") and lfs.mkdir(path) then return path end
  end
end

--- The names of the cgroups in a cgroup.
function cgroup.children(path)
  local found = {}
  for name in lfs.dir(path) do
    if name:sub(1, 1) ~= "." and lfs.attributes(path .. "/" .. name, "mode") == "directory" then
      found[#found + 1] = name
    end
  end
  return found
end

--- Calls fn with the directory of an empty cgroup; pending if there can be none.
function cgroup.with(fn)
  local path = new_directory()
  helper.require_or_pending("cgroup", path ~= nil, "a place for cgroups of version 2")
  local ok, err = pcall(fn, path)
  for _, name in ipairs(cgroup.children(path)) do lfs.rmdir(path .. "/" .. name) end
  local removed, why = lfs.rmdir(path)
  if not ok then error(err, 0) end
  assert(removed, why)
end

--- The path that a process reports as its cgroup.
function cgroup.of(text) return text:match "0::([^\n]*)" end

return cgroup
