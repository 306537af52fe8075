--- Running a program for each item of a list, several at once.

local failure = require "noshell.failure"
local group = require "noshell.group"
local host = require "noshell.host"
local keep = require "noshell.keep"
local lists = require "noshell.list"
local misuse = require "noshell.misuse"
local pipeline = require "noshell.pipeline"
local scope = require "noshell.scope"
local wait = require "noshell.wait"
local wait_several = require "noshell.wait_several"
local waitable = require "noshell.waitable"

local map = {}

--- The options of map.
---@class noshell.map_options
---@field concurrency? integer  maximum number of running programs; default 4
---@field fail_fast? boolean    end all at the first failure
---@field on_progress? noshell.on_progress  called when an item is done

--- A progress callback: the number of items done, the number of all items, the item, and
--- the values of its run.
---@alias noshell.on_progress fun(done: integer, total: integer, item: any,
---  result?: noshell.result|false, err?: noshell.error)

local KINDS = { concurrency = "number", fail_fast = "boolean", on_progress = "function" }

local NAME = "noshell.map"

local function check_options(list, f, how)
  if type(list) ~= "table" then
    misuse.raise("%s: a list is needed, not %s", NAME, failure.shown(list))
  end
  local _, reason = lists.count(list)
  if reason then misuse.raise("%s: %s", NAME, reason) end
  if type(f) ~= "function" then
    misuse.raise("%s: a function is needed, not %s", NAME, failure.shown(f))
  end
  misuse.check_options(NAME, how, KINDS, "noshell.map(list, f, { concurrency = 8 })")
  for key, value in pairs(how) do
    if type(value) ~= KINDS[key] then
      misuse.raise("%s: %s = %s: %s is needed", NAME, key, failure.shown(value),
        KINDS[key] == "boolean" and "true or false" or "a " .. KINDS[key])
    end
  end
  local at_once = how.concurrency or 4
  if not (at_once >= 1 and at_once % 1 == 0) then
    misuse.raise("%s: concurrency = %s: a whole number from 1 is needed", NAME, tostring(at_once))
  end
end

--- One run of map.
---@class noshell.mapping
---@field list any[]
---@field f fun(item: any, index: integer): ...
---@field how noshell.map_options
---@field calls noshell.scope
---@field running noshell.any_process[]
---@field numbers integer[]  the item numbers of those
---@field results table
---@field errors table
---@field next integer       the item to start next
---@field done integer
---@field raised? table      { err }: the error of a user callback

--- Calls a user callback, or a function that calls one; keeps the first error.
local function call(self, f, ...)
  -- Limit: on Lua 5.1, which cannot yield across pcall, callbacks must not yield.
  local ok, answered = pcall(host.guard, self.calls, f, ...)
  if ok then return answered end
  self.raised = self.raised or { answered }
end

--- Notes that item `number` is done. The result is false if no program was run for it.
local function note(self, number, result, err)
  self.results[number], self.errors[number] = result, err
  self.done = self.done + 1
  if self.how.on_progress and not self.raised then
    call(self, self.how.on_progress, self.done, #self.list, self.list[number], result, err)
  end
end

local function is_over(self)
  return self.raised ~= nil or (self.how.fail_fast and next(self.errors) ~= nil)
end

--- Nil is an error, because it usually means a missing `return`: nothing would run, and
--- the call would succeed.
local function as_runnable(number, first, ...)
  if first == nil then
    misuse.raise("%s: the function returned nil for item %d: return a SPEC, or false to run "
      .. "nothing for the item", NAME, number)
  end
  return first and pipeline.runnable(first, ...)
end

local function ask(self, number)
  return as_runnable(number, self.f(self.list[number], number))
end

local function start(self, number)
  local runnable = call(self, ask, self, number)
  if self.raised then return end
  if not runnable then return note(self, number, false) end
  local each, err = runnable:_begin(self.calls)
  if not each then return note(self, number, nil, err) end
  table.insert(self.running, each)
  table.insert(self.numbers, number)
end

local function fill(self)
  local at_once = self.how.concurrency or 4
  while #self.running < at_once and self.next <= #self.list and not is_over(self) do
    self.next = self.next + 1
    start(self, self.next - 1)
  end
end

--- Returns the outcome of a process or pipeline that has ended, and closes it.
local function take(self, each, finished, raw)
  local result, err
  if finished then
    result, err = each:_outcome()
  else
    err = failure.new(raw, each.command)
  end
  each:close()
  scope.prune(self.calls)
  self.raised = self.raised or each:_raised()
  return result, err
end

--- Removes the programs that have ended from self.running.
local function collect(self)
  local i = 1
  while self.running[i] do
    local each = self.running[i]
    local finished, raw = each:_step()
    if finished or raw then
      table.remove(self.running, i)
      local number = table.remove(self.numbers, i)
      note(self, number, take(self, each, finished, raw))
    else
      i = i + 1
    end
  end
end

local function advance(self)
  collect(self)
  fill(self)
  return is_over(self) or #self.running == 0
end

local function run(calls, self)
  local all = group.new(self.running)
  self.calls, calls.group = calls, all
  local _, raw = wait.await(all, function() return advance(self) end, nil, true)
  waitable.abort_all(self.running)
  all:close()
  if self.raised then error(self.raised[1], 0) end
  if raw then return nil, failure.new(raw, "map") end
  return wait_several.answer(self.results, self.errors, #self.list)
end

--- Calls f for every item of the list and runs the SPEC that it returns, several at once.
--- If f returns false, nothing runs for the item. Returns the results in the order of the
--- list; false for an item without a SPEC. If one is not a success, returns nil, err;
--- err.errors and err.results have each by its number.
---
--- With fail_fast, the first failure ends the running programs, and no more are
--- started. An error that is raised meanwhile, even in f or on_progress, ends them too.
---@param list any[]
---@param f fun(item: any, index: integer): ...  a SPEC, a pipeline, or false
---@param how? noshell.map_options
---@return (noshell.result|false)[]?
---@return noshell.error?
function map.map(list, f, how)
  how = how or {}
  check_options(list, f, how)
  return keep(scope.run(run, { list = list, f = f, how = how, running = {}, numbers = {},
    results = {}, errors = {}, next = 1, done = 0 }))
end

return map
