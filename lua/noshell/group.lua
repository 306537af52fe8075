--- Several pollables as one: what a wait for any of them waits for.

local core = require "noshell.core"

--- What can be one of several.
---@class noshell.member : noshell.pollable
---@field _collect fun(self, list: table)  adds its descriptors and their events,
---  flat; sets list.blind where it has none to wait for, but is not at its end

---@class noshell.group : noshell.pollable
---@field members noshell.member[]  may be changed at any time
---@field pollset? noshell.pollset
---@field blind? boolean
local methods = {}

local metatable = { __index = methods, __name = "noshell.group" }

local group = {}

--- How often to look where there is no descriptor to wait for: this process has
--- none left (EMFILE).
group.INTERVAL = 0.01

---@param members noshell.member[]
---@return noshell.group
function group.new(members)
  return setmetatable({ members = members }, metatable)
end

--- Where a program has none left of its own, all are looked at now and then.
function methods:pollfd()
  self.pollset = self.pollset or core.pollset()
  local list = {}
  for _, member in ipairs(self.members) do member:_collect(list) end
  local fd = self.pollset and self.pollset:watch(list) and self.pollset:pollfd()
  self.blind = list.blind or not fd
  return fd or nil
end

function methods:events() -- luacheck: ignore self
  return "r"
end

--- The sooner of two times, either of which may be nil: never.
local function sooner(a, b)
  return a and b and math.min(a, b) or a or b
end

group.sooner = sooner

function methods:timeout()
  local seconds = self.blind and group.INTERVAL or nil
  for _, member in ipairs(self.members) do
    seconds = sooner(seconds, (member:timeout()))
  end
  return seconds
end

--- Releases its descriptor; the members keep theirs.
function methods:close()
  if self.pollset then self.pollset:close() end
  self.pollset = nil
end

return group
