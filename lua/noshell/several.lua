--- Many at once: map, and waiting for some or all of several processes.

local failure = require "noshell.failure"
local group = require "noshell.group"
local lists = require "noshell.list"
local pipeline = require "noshell.pipeline"
local scope = require "noshell.scope"
local wait = require "noshell.wait"
local waitable = require "noshell.waitable"

local several = {}

---@alias noshell.any_process noshell.process|noshell.pipeline_process

-- Waiting for processes ---------------------------------------------------------

local function check_processes(list, name)
  if type(list) ~= "table" or list[1] == nil then
    error(("noshell.%s: a list of processes is needed"):format(name), 3)
  end
  local _, reason = lists.length(list)
  if reason then error(("noshell.%s: %s"):format(name, reason), 3) end
  for i, each in ipairs(list) do
    if each:closed() then
      error(("noshell.%s: process %d is closed"):format(name, i), 3)
    end
  end
end

--- What an error of a function of the caller's in one of these is.
local function raise(list)
  for _, each in ipairs(list) do
    local raised = each:_raised()
    if raised then error(raised[1], 0) end
  end
end

local function still_running(first, seconds)
  return nil, failure.new({ code = "timeout", seconds = seconds }, first.command)
end

local function about(raw, each)
  raw.command = each.command
  return raw
end

local function fail(raw, processes)
  return nil, failure.new(raw, raw.command or processes[1].command)
end

--- As _step, of one that another coroutine may have closed.
local function step(each)
  if each:closed() then
    return nil, about({ code = "closed", reason = "it was closed meanwhile" }, each)
  end
  local finished, raw = each:_step()
  return finished, raw and about(raw, each)
end

--- Serves all that run; gives the first of the list that has ended.
local function serve(list)
  local ended
  for _, each in ipairs(list) do
    local finished, raw = step(each)
    if raw then return nil, raw end
    if finished then ended = ended or each end
  end
  return ended or false
end

local function await_group(calls, processes, attempt, deadline)
  local all = group.new(processes)
  calls.group = all
  local answered, raw = wait.await(all, function() return attempt(processes) end, deadline)
  all:close()
  return answered, raw
end

--- Waits for all at once. They are their owners', and run on if that raises.
local function await(processes, attempt, deadline)
  return scope.run(await_group, processes, attempt, deadline)
end

--- Waits until one of these has ended. Gives the first of the list that has, and
--- what its wait gives: process, result or process, nil, err. Where `seconds`
--- pass before: nil, err. All are served meanwhile.
---@param processes noshell.any_process[]
---@param seconds? number
---@return noshell.any_process? ended
---@return noshell.result|noshell.error|nil
---@return noshell.error?
function several.wait_any(processes, seconds)
  check_processes(processes, "wait_any")
  local deadline = wait.deadline(seconds, "wait_any")
  local ended, raw = await(processes, serve, deadline)
  if ended then return ended, ended:wait() end
  if raw then return fail(raw, processes) end
  return still_running(processes[1], seconds)
end

--- Serves those that still run; true when none does.
local function serve_all(list)
  local finished = true
  for _, each in ipairs(list) do
    local ended, raw = step(each)
    if raw then return nil, raw end
    finished = finished and ended
  end
  return finished
end

--- results, or nil and an error that has all of them.
local function answer(results, errors, count)
  if next(errors) == nil then return results end
  return nil, failure.wrap { code = "several", command = "", count = count,
    results = results, errors = errors }
end

--- Waits until all of these have ended: their results in order, or nil, err,
--- where err.results and err.errors have them by number. Where `seconds` pass
--- before, they run on, and err.code is "timeout".
---@param processes noshell.any_process[]
---@param seconds? number
---@return noshell.result[]?
---@return noshell.error?
function several.wait_all(processes, seconds)
  check_processes(processes, "wait_all")
  local deadline = wait.deadline(seconds, "wait_all")
  local done, raw = await(processes, serve_all, deadline)
  if raw then return fail(raw, processes) end
  if not done then
    for _, each in ipairs(processes) do
      if not each:_step() then return still_running(each, seconds) end
    end
  end
  raise(processes)
  local results, errors = {}, {}
  for i, each in ipairs(processes) do results[i], errors[i] = each:_verdict() end
  return answer(results, errors, #processes)
end

-- map -----------------------------------------------------------------------------

--- What map is told. `on_progress` is called when an item is done, with the
--- number done, the number of all, the item, and what its run gave.
---@class noshell.map_options
---@field concurrency? integer  how many run at once; 4 unless given
---@field fail_fast? boolean    end all at the first failure
---@field on_progress? noshell.on_progress  told of each that is done

--- What is told how far a map is.
---@alias noshell.on_progress fun(done: integer, total: integer, item: any,
---  result?: noshell.result|false, err?: noshell.error)

local KINDS = { concurrency = "number", fail_fast = "boolean", on_progress = "function" }

local function check_options(list, f, how)
  if type(list) ~= "table" then error("noshell.map: a list is needed", 3) end
  local _, reason = lists.count(list)
  if reason then error("noshell.map: " .. reason, 3) end
  if type(f) ~= "function" then error("noshell.map: a function is needed", 3) end
  for key, value in pairs(how) do
    if type(value) ~= KINDS[key] then
      error(("noshell.map: %s = %s: %s"):format(tostring(key), failure.shown(value),
        KINDS[key] and "a " .. KINDS[key] .. " is needed" or "no such option"), 3)
    end
  end
  local at_once = how.concurrency or 4
  if at_once < 1 or at_once % 1 ~= 0 then
    error("noshell.map: concurrency: a whole number from 1 is needed", 3)
  end
end

--- One run of map.
---@class noshell.mapping
---@field list any[]
---@field f fun(item: any, index: integer): ...
---@field how noshell.map_options
---@field calls noshell.scope
---@field running noshell.any_process[]
---@field numbers integer[]  which item each of those is for
---@field results table
---@field errors table
---@field next integer       the item to start next
---@field done integer
---@field raised? table      { err }: what a function of the caller's raised

--- Calls a function of the caller's, or what calls one.
local function call(self, f, ...)
  -- Limit: on Lua 5.1 nothing can yield through pcall, so not in f.
  local ok, answered = pcall(f, ...)
  if ok then return answered end
  self.raised = self.raised or { answered }
end

--- Item `number` is done; false: nothing was run for it.
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

local function as_runnable(first, ...)
  return first and pipeline.runnable(first, ...)
end

local function ask(self, number)
  return as_runnable(self.f(self.list[number], number))
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

--- What one that has ended gave.
local function take(self, each, finished, raw)
  local result, err
  if finished then
    result, err = each:_verdict()
  else
    err = failure.new(raw, each.command)
  end
  each:close()
  scope.prune(self.calls)
  self.raised = self.raised or each:_raised()
  return result, err
end

--- Takes what has ended out of those that run.
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

local function map(calls, self)
  local all = group.new(self.running)
  self.calls, calls.group = calls, all
  local _, raw = wait.await(all, function() return advance(self) end, nil, true)
  waitable.abort_all(self.running)
  all:close()
  if self.raised then error(self.raised[1], 0) end
  if raw then return nil, failure.new(raw, "map") end
  return answer(self.results, self.errors, #self.list)
end

--- Runs what f gives for every item of the list, several at once: a SPEC, or nil
--- for nothing. Gives the results in the order of the list (false where nothing
--- was run); where not all were a success nil, err: err.errors and err.results
--- have each by its number.
---
--- With fail_fast the first failure ends those that run, and no more are
--- started. Any error that is raised meanwhile, by f or on_progress too, ends them.
---@param list any[]
---@param f fun(item: any, index: integer): ...  a SPEC, a pipeline, or nil
---@param how? noshell.map_options
---@return (noshell.result|false)[]?
---@return noshell.error?
function several.map(list, f, how)
  how = how or {}
  check_options(list, f, how)
  return scope.run(map, { list = list, f = f, how = how, running = {}, numbers = {},
    results = {}, errors = {}, next = 1, done = 0 })
end

return several
