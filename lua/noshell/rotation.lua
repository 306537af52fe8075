--- The machines of map: chooses one for the next item, and leaves out lost ones.

local aside = require "noshell.aside"
local dry_run = require "noshell.dry_run"
local failure = require "noshell.failure"
local machine = require "noshell.machine"
local misuse = require "noshell.misuse"

--- The report on a machine: one of results.machines.
---@class noshell.map_machine
---@field name string
---@field machine noshell.machine_object
---@field done integer         the number of items whose program ended there
---@field failed integer       the number of these that failed
---@field lost? noshell.error  the reason why it got no more items

--- A machine in the rotation.
---@class noshell.place
---@field report noshell.map_machine
---@field running integer    the number of items that it has now
---@field check? noshell.aside  checks whether it can be reached; nil before and after
---@field is_ready? boolean

---@class noshell.rotation
---@field places noshell.place[]
---@field reports noshell.map_machine[]  of these, in the same order
---@field at_once integer    the number of items that a machine gets at once
local methods = {}

local metatable = { __index = methods }

local rotation = {}

-- Making --------------------------------------------------------------------------------

local USE = "{ machines = { web1, web2 } }"

local function check_item(name, list, i, seen)
  local one = list[i]
  if type(one) == "string" then
    misuse.raise('%s: machines: item %d is "%s": a machine is needed, such as '
      .. 'noshell.machine.ssh { "%s" }', name, i, one, one)
  elseif not machine.is(one) then
    misuse.raise('%s: machines: item %d is %s: a machine is needed, such as '
      .. 'noshell.machine.ssh { "web1" }', name, i, failure.shown(one))
  elseif one:closed() then
    misuse.raise("%s: machines: item %d, %s, is closed", name, i, tostring(one))
  elseif seen[one] then
    misuse.raise("%s: machines: item %d is %s, as item %d: for more programs on a machine, "
      .. "raise concurrency", name, i, tostring(one), seen[one])
  end
  seen[one] = i
end

--- Makes a rotation; raises an error if the list is wrong.
---@param name string  the caller's name
---@param list any     option `machines`
---@param at_once integer
---@return noshell.rotation
function rotation.new(name, list, at_once)
  if machine.is(list) or type(list) ~= "table" or getmetatable(list) ~= nil
    or next(list) == nil then
    misuse.raise("%s: machines = %s: a list of machines is needed: %s", name,
      machine.is(list) and tostring(list) or type(list) == "table" and next(list) == nil and "{}"
        or failure.shown(list), USE)
  end
  local last = 0
  for index in pairs(list) do
    if type(index) ~= "number" then
      misuse.raise("%s: machines has the key %s, but must be a list: %s", name,
        failure.shown(index), USE)
    end
    last = math.max(last, index)
  end
  local self = { places = {}, reports = {}, at_once = at_once }
  local seen = {}
  for i = 1, last do
    check_item(name, list, i, seen)
    self.reports[i] = { name = tostring(list[i]), machine = list[i], done = 0, failed = 0 }
    self.places[i] = { report = self.reports[i], running = 0 }
  end
  return setmetatable(self, metatable)
end

-- Choosing ------------------------------------------------------------------------------

local function check(_, one)
  if not one:closed() then return one:check() end
  return nil, failure.wrap { code = "closed", command = "check", machine = tostring(one),
    reason = ("the machine %s is closed"):format(tostring(one)) }
end

--- Begins to check as many machines as `count` more items may need, so that items go only to
--- machines that can be reached. Returns their places.
---@param count integer
---@return noshell.place[]
function methods:probe(count)
  local begun = {}
  for _, place in ipairs(self.places) do
    if place.report.lost then -- luacheck: ignore 542
    elseif place.is_ready then
      count = count - (self.at_once - place.running)
    elseif count > 0 then
      count = count - 1
      if dry_run.is_active() then
        place.is_ready = true
      elseif not place.check then
        place.check = aside.new(check, place.report.machine)
        begun[#begun + 1] = place
      end
    end
  end
  return begun
end

--- Records the outcome of a place's check.
---@param place noshell.place
function methods:checked(place) -- luacheck: ignore self
  local report, err = place.check.values[1], place.check.values[2]
  place.check = nil
  if report then place.is_ready = true else place.report.lost = err end
end

--- Returns the machine that has the fewest items, if it may get another one.
---@return noshell.place?
function methods:free()
  local found
  for _, place in ipairs(self.places) do
    if place.is_ready and not place.report.lost and place.running < self.at_once
      and (not found or place.running < found.running) then
      found = place
    end
  end
  return found
end

--- Returns true if a machine is left.
---@return boolean
function methods:has_some()
  for _, place in ipairs(self.places) do
    if not place.report.lost then return true end
  end
  return false
end

-- Errors of machines ----------------------------------------------------------------------

--- The stages of a start that fail if the machine, or the connection, cannot run anything.
local STAGES = { connect = true, session = true, machine = true }

local function is_lost(err)
  if not err.machine then return false end
  return err.code == "lost" or err.code == "closed" or err.code == "spawn" and STAGES[err.stage]
    or false
end

--- Returns the error that means a lost machine: the item's error, or that of a command of its
--- pipeline.
---@param err noshell.error
---@return noshell.error?
function rotation.find_lost(err)
  if is_lost(err) then return err end
  for _, each in pairs(err.pipeline and err.errors or {}) do
    if is_lost(each) then return each end
  end
end

--- Returns true if the item certainly did not run.
---@param err noshell.error
---@return boolean
function rotation.has_not_run(err)
  return (err.code == "spawn" or err.code == "closed") and err.result == nil
end

--- The number of reasons in the error below.
local MOST = 3

--- Makes the error of an item for which no machine is left.
---@param number integer
---@return noshell.error
function methods:exhausted(number)
  local reasons = {}
  for i, report in ipairs(self.reports) do
    if i > MOST then break end
    local err = report.lost
    reasons[i] = ("%s: %s"):format(report.name, err.reason or err.strerror or err.code)
  end
  if #self.reports > MOST then reasons[#reasons + 1] = "..." end
  return failure.wrap { code = "spawn", command = ("item %d"):format(number),
    reason = "no machine is left: " .. table.concat(reasons, "; ") }
end

return rotation
