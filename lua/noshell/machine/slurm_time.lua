--- The time limit of an allocation, as srun takes it.

local slurm_time = {}

--- Each form of a text, and the seconds of its fields.
local FORMS = {
  { "^(%d+)$", 60 },
  { "^(%d+):(%d+)$", 60, 1 },
  { "^(%d+):(%d+):(%d+)$", 3600, 60, 1 },
  { "^(%d+)%-(%d+)$", 86400, 3600 },
  { "^(%d+)%-(%d+):(%d+)$", 86400, 3600, 60 },
  { "^(%d+)%-(%d+):(%d+):(%d+)$", 86400, 3600, 60, 1 },
}

--- Returns the seconds of a time: a number is in seconds; a text has a form of srun, in which a
--- single number is in minutes. Returns nil for anything else.
---@param value number|string
---@return number?
function slurm_time.seconds(value)
  if type(value) == "number" then return value > 0 and value < 1e9 and value or nil end
  if type(value) ~= "string" then return nil end
  for _, form in ipairs(FORMS) do
    local fields = { value:match(form[1]) }
    if fields[1] then
      local sum = 0
      for i, field in ipairs(fields) do sum = sum + tonumber(field) * form[i + 1] end
      return sum
    end
  end
end

--- Returns the time as a text for srun.
---@param value number|string
---@return string
function slurm_time.text(value)
  if type(value) == "string" then return value end
  local seconds = math.ceil(value)
  return ("%d:%02d"):format(math.floor(seconds / 60), seconds % 60)
end

return slurm_time
