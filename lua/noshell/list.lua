--- Checks lists from the caller: ignoring a hole or a key would lose data.

local failure = require "noshell.failure"

local list = {}

--- Returns the number of items; nil and the reason if the list has a hole, or a key that
--- is no index.
---@param value table
---@return integer?
---@return string? reason
function list.length(value)
  local last, count = 0, 0
  for index in pairs(value) do
    if type(index) ~= "number" or index < 1 or index % 1 ~= 0 then
      return nil, ("must be a list, but has the key %s"):format(failure.shown(index))
    end
    last, count = math.max(last, index), count + 1
  end
  if last == count then return count end
  local hole = 1
  while value[hole] ~= nil do hole = hole + 1 end
  return nil, ("item %d is nil: the list has a hole"):format(hole)
end

--- The same for tables that may have other keys besides their items, as `arg` and parsed
--- rows do: only a hole is an error, or names without any item.
---@param value table
---@return integer?
---@return string? reason
function list.count(value)
  local items, name = {}, nil
  for index, item in pairs(value) do
    if type(index) == "number" and index >= 1 and index % 1 == 0 then
      items[index] = item
    else
      name = type(index) == "string" and index or name
    end
  end
  local count, reason = list.length(items)
  if count == 0 and name then
    return nil, ("must be a list, but has the key %s"):format(failure.shown(name))
  end
  return count, reason
end

return list
