--- Expectations of a dry run: patterns of commands, each with a reply.

local core = require "noshell.core"
local failure = require "noshell.failure"
local lists = require "noshell.list"

--- The program's name (its path, if it contains a slash); a list of the program and
--- its first arguments; true for any command; or a function that returns whether the
--- call matches.
---@alias noshell.dry_match
---| string|(string|number)[]|true|fun(call: noshell.dry_call): any

---@class noshell.dry_expectation
---@field match noshell.dry_match
---@field reply? noshell.dry_reply
---@field times? integer|"any"  required number of runs; "any" includes none. Default:
---  once in an ordered list, else once or more

--- A list of expectations. A command counts for the first expectation that matches it and
--- has not reached its number of runs. `ordered`: commands must be run in the order of the
--- list.
---@class noshell.dry_expectations
---@field [integer] noshell.dry_expectation
---@field ordered? boolean

--- An expectation, and the number of its runs.
---@class noshell.dry_item
---@field match noshell.dry_match
---@field reply noshell.dry_reply
---@field least integer
---@field most integer
---@field count integer

---@class noshell.dry_list
---@field items noshell.dry_item[]
---@field ordered boolean
---@field at integer  if ordered: the index of the item that was run last
local methods = {}

local metatable = { __index = methods }

local expect = {}

-- Creating ------------------------------------------------------------------------

--- Returns the argument error of a match, or nil.
local function find_bad_match(match)
  local kind = type(match)
  if kind == "string" and match:find("%s") then
    return ("match = '%s': a string names a program only; with arguments, use a list")
      :format(match)
  elseif kind == "table" and match[1] == nil then
    return "match = {}: an empty list matches no command"
  elseif kind == "table" and not lists.length(match) then
    return "match: " .. select(2, lists.length(match))
  elseif kind ~= "string" and kind ~= "table" and kind ~= "function" and match ~= true then
    return "match must be a program, a list, a function or true, not "
      .. failure.shown(match)
  end
end

local FIELDS = { match = true, reply = true, times = true }

local function find_error(item)
  if type(item) ~= "table" then
    return "must be a table { match = ..., reply = ... }, not " .. failure.shown(item)
  end
  for key in pairs(item) do
    if not FIELDS[key] then return "no such field: " .. tostring(key) end
  end
  local times = item.times
  if times ~= nil and times ~= "any"
    and (type(times) ~= "number" or times < 0 or times % 1 ~= 0) then
    return 'times must be a number or "any", not ' .. failure.shown(times)
  end
  return find_bad_match(item.match)
end

local function new_item(item, ordered)
  local times = item.times
  local least, most = 1, ordered and 1 or math.huge
  if times == "any" then
    least, most = 0, math.huge
  elseif times then
    least, most = times, times
  end
  return { match = item.match, reply = item.reply, least = least, most = most,
    count = 0 }
end

--- Creates a list of expectations; returns nil and the reason after an argument error.
---@param list noshell.dry_expectations
---@return noshell.dry_list?
---@return string?
function expect.new(list)
  local items, ordered = {}, list.ordered or false
  for key in pairs(list) do
    if type(key) ~= "number" and key ~= "ordered" then
      return nil, "no such option: " .. tostring(key)
    end
  end
  local _, hole = lists.count(list)
  if hole then return nil, hole end
  for i, item in ipairs(list) do
    local reason = find_error(item)
    if reason then return nil, ("expectation %d: %s"):format(i, reason) end
    items[i] = new_item(item, ordered)
  end
  return setmetatable({ items = items, ordered = ordered, at = 1 }, metatable)
end

-- Matching ------------------------------------------------------------------------

--- True if the program has this name.
local function is_program(name, program)
  if name == program then return true end
  return not name:find("/", 1, true) and program:match("[^/]*$") == name
end

local function begins(words, argv)
  if not is_program(tostring(words[1]), argv[1]) then return false end
  for i = 2, #words do
    if tostring(words[i]) ~= argv[i] then return false end
  end
  return true
end

local function matches(item, call)
  local match = item.match
  if match == true then return true end
  if type(match) == "string" then return is_program(match, call.program) end
  if type(match) == "table" then return begins(match, call.argv) end
  return match(call)
end

--- Describes an expectation in a message.
local function shown(item)
  local match = item.match
  if match == true then return "any command" end
  if type(match) == "string" then return "'" .. match .. "'" end
  if type(match) == "function" then
    local info = debug.getinfo(match, "S")
    return ("a match by the function at %s:%d"):format(info.short_src, info.linedefined)
  end
  local words = {}
  for i, word in ipairs(match) do words[i] = core.quote(word) end
  return "'" .. table.concat(words, " ") .. "'"
end

---@private
function methods:_in_order(call)
  for i = self.at, #self.items do
    local item = self.items[i]
    if item.count < item.most and matches(item, call) then
      self.at = i
      return item
    elseif item.count < item.least then
      return nil, ("expected next: %s (expectation %d)"):format(shown(item), i)
    end
  end
  return nil, "no further command is expected"
end

---@private
function methods:_in_any_order(call)
  local used
  for i, item in ipairs(self.items) do
    if matches(item, call) then
      if item.count < item.most then return item end
      used = used or ("expectation %d, %s, has already been run %d of %d times"):format(i,
        shown(item), item.count, item.most)
    end
  end
  return nil, used or "no expectation matches it"
end

--- Returns the expectation that matches a call; or nil and the reason.
---@param call noshell.dry_call
---@return noshell.dry_item?
---@return string?
function methods:find(call)
  local find = self.ordered and self._in_order or self._in_any_order
  local item, why = find(self, call)
  if item then item.count = item.count + 1 end
  return item, why
end

--- Describes the expectations that have not reached their number of runs.
---@return string[]
function methods:pending()
  local texts = {}
  for _, item in ipairs(self.items) do
    if item.count < item.least then
      local times = item.least > 1 and (" (%d of %d times)"):format(item.count,
        item.least) or ""
      texts[#texts + 1] = shown(item) .. times
    end
  end
  return texts
end

return expect
