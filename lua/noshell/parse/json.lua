--- JSON, through the module that is installed: lua-cjson, else dkjson. What
--- differs between them is made the same.

local failure = require "noshell.failure"

local json = {}

--- As lua-cjson has it.
local DEPTH = 1000

--- A configuration of our own: as it comes it takes NaN, and others may have
--- set it otherwise.
local function with_cjson(cjson)
  local own = cjson.new()
  own.decode_invalid_numbers(false)
  own.decode_max_depth(DEPTH)
  return function(data) return own.decode(data) end, cjson.null
end

--- Raises where that is nested too deeply: dkjson calls itself for each level.
local function check_depth(data)
  local depth, from = 0, 1
  while true do
    local at = data:find('[%[%]{}"]', from)
    if not at then return end
    local char = data:sub(at, at)
    if char == '"' then
      repeat
        at = data:find('["\\]', at + 1)
        local is_escape = at and data:byte(at) == 92
        if is_escape then at = at + 1 end
      until not is_escape
      if not at then return end
    elseif char == "[" or char == "{" then
      depth = depth + 1
      if depth > DEPTH then error(("nested more than %d levels deep"):format(DEPTH), 0) end
    else
      depth = depth - 1
    end
    from = at + 1
  end
end

local function with_dkjson(dkjson)
  return function(data)
    check_depth(data)
    -- The two nils: no metatables on what it makes.
    local value, after, reason = dkjson.decode(data, 1, dkjson.null, nil, nil)
    if reason then error(reason, 0) end
    local more = data:find("%S", after)
    if more then error("trailing data after the value, at character " .. more, 0) end
    return value
  end, dkjson.null
end

--- What decodes, and what it gives for null; nil where neither is installed.
local function decoder()
  local is_there, found = pcall(require, "cjson")
  if is_there then return with_cjson(found) end
  is_there, found = pcall(require, "dkjson")
  if is_there then return with_dkjson(found) end
end

local to_integer = rawget(math, "tointeger")

--- A number without a fraction is an integer where Lua has them. From 2^53
--- a float no longer says which integer it was.
local function settled(value, from, to)
  if value == from then return to end
  if to_integer and type(value) == "number" and value > -2^53 and value < 2^53 then
    return to_integer(value) or value
  end
  return value
end

--- Puts what options.null says in the place of each null, at every depth.
local function settle(value, null, replacement)
  local open = { value }
  while open[1] do
    local each = table.remove(open)
    for key, inner in pairs(each) do
      if type(inner) == "table" and inner ~= null then
        open[#open + 1] = inner
      else
        each[key] = settled(inner, null, replacement)
      end
    end
  end
  return value
end

---@param data string
---@param replacement any  what stands for null
---@return any
---@return noshell.error?
function json.decode(data, replacement)
  local decode, null = decoder()
  if not decode then
    return nil, failure.of_text("json", "neither lua-cjson nor dkjson is installed")
  end
  local is_json, value = pcall(decode, data)
  if not is_json then
    return nil, failure.of_text("json", (tostring(value):gsub("^[^:]*:%d+: ", "")))
  end
  if type(value) ~= "table" or value == null then
    return settled(value, null, replacement)
  end
  return settle(value, null, replacement)
end

return json
