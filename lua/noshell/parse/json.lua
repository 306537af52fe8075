--- Decodes JSON with lua-cjson or dkjson, whichever is installed, and evens out their
--- differences.

local failure = require "noshell.failure"

local json = {}

--- lua-cjson's default.
local DEPTH = 1000

--- Uses a new configuration: the default one accepts NaN, and other code may have changed
--- the module's shared one.
local function with_cjson(cjson)
  local own = cjson.new()
  own.decode_invalid_numbers(false)
  own.decode_max_depth(DEPTH)
  return function(data) return own.decode(data) end, cjson.null
end

--- Raises an error if the text is nested too deeply: dkjson recurses for each level.
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
    -- The two nils: set no metatables on objects and arrays.
    local value, after, reason = dkjson.decode(data, 1, dkjson.null, nil, nil)
    if reason then error(reason, 0) end
    local more = data:find("%S", after)
    if more then error("trailing data after the value, at character " .. more, 0) end
    return value
  end, dkjson.null
end

--- Returns the decoding function and its value for null; nothing if no module is
--- installed.
local function decoder()
  local is_there, found = pcall(require, "cjson")
  if is_there then return with_cjson(found) end
  is_there, found = pcall(require, "dkjson")
  if is_there then return with_dkjson(found) end
end

local to_integer = rawget(math, "tointeger")

--- Replaces null, and converts a float without a fraction to an integer. From 2^53
--- on, a float may stand for several integers and is kept.
local function settled(value, from, to)
  if value == from then return to end
  if to_integer and type(value) == "number" and value > -2^53 and value < 2^53 then
    return to_integer(value) or value
  end
  return value
end

--- Converts all values of a table, at every depth, with a list instead of recursion.
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
---@param replacement any  the value for null
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
