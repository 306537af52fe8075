--- A group combines several pollables into one, to wait for any of them.

local clock = require "noshell.clock"
local core = require "noshell.core"

--- A member of a group.
---@class noshell.member : noshell.pollable
---@field _collect fun(self, list: noshell.watch_list)  appends its descriptors and events
---@field _is_due? fun(self): boolean  true if it needs service without an event

---@class noshell.group : noshell.pollable
---@field members noshell.member[]  may be changed at any time
---@field pollset? noshell.pollset
---@field blind? boolean  no pollset watches the members
local methods = {}

local metatable = { __index = methods, __name = "noshell.group" }

local group = {}

---@param members noshell.member[]
---@return noshell.group
function group.new(members)
  return setmetatable({ members = members }, metatable)
end

--- Returns the descriptors, processes and events of all members.
---@return noshell.watch_list
function methods:collect()
  local list = {}
  for _, member in ipairs(self.members) do member:_collect(list) end
  return list
end

---@return noshell.group
---@private
function methods:_group()
  return self
end

function methods:pollfd()
  local list = self:collect()
  self.pollset = self.pollset or core.pollset()
  local fd = self.pollset and self.pollset:watch(list) and self.pollset:pollfd()
  self.blind = not fd
  return fd or nil
end

function methods:events() -- luacheck: ignore self
  return "r"
end

function methods:timeout()
  local seconds = self.blind and clock.BLIND or nil
  for _, member in ipairs(self.members) do
    if member._is_due and member:_is_due() then return 0 end
    seconds = clock.sooner(seconds, (member:timeout()))
  end
  return seconds
end

--- Closes its own descriptor, not those of the members.
function methods:close()
  if self.pollset then self.pollset:close() end
  self.pollset = nil
end

return group
