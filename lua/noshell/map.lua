--- Running a program for each item of a list, several at once, here or on machines.

local aside = require "noshell.aside"
local core = require "noshell.core"
local failure = require "noshell.failure"
local group = require "noshell.group"
local host = require "noshell.host"
local keep = require "noshell.keep"
local lists = require "noshell.list"
local misuse = require "noshell.misuse"
local pipeline = require "noshell.pipeline"
local rotation = require "noshell.rotation"
local scope = require "noshell.scope"
local state = require "noshell.state"
local wait = require "noshell.wait"
local wait_several = require "noshell.wait_several"
local waitable = require "noshell.waitable"

local map = {}

--- The options of map.
---@class noshell.map_options
---@field concurrency? integer  maximum number of running programs, with `machines` on each
---  of them; default 4
---@field fail_fast? boolean    end all at the first failure
---@field on_progress? noshell.on_progress  called when an item is done
---@field machines? noshell.machine_object[]  where the programs run; a machine that is lost
---  gets no more items
---@field again? "lost"         with `machines`: if a machine is lost while the program of an item
---  runs, the item goes to another machine, so that it may run twice

--- A progress callback: the number of items done, the number of all items, the item, the
--- values of its run, and the machine.
---@alias noshell.on_progress fun(done: integer, total: integer, item: any,
---  result?: noshell.result|false, err?: noshell.error, machine?: noshell.machine_object)

--- The results in the order of the list.
---@class noshell.map_results
---@field [integer] noshell.result|false
---@field machines? noshell.map_machine[]  the reports, in the order of the option `machines`

local KINDS = { concurrency = "number", fail_fast = "boolean", on_progress = "function",
  machines = "table", again = "string" }

local WANTED = { boolean = "true or false", table = "a list of machines" }

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
        WANTED[KINDS[key]] or "a " .. KINDS[key])
    end
  end
  if how.again and how.again ~= "lost" then
    misuse.raise('%s: again = "%s": "lost" is the only value', NAME, how.again)
  elseif how.again and not how.machines then
    misuse.raise('%s: again = "lost": it requires machines: here, no program is lost', NAME)
  end
  local at_once = how.concurrency or 4
  if not (at_once >= 1 and at_once % 1 == 0) then
    misuse.raise("%s: concurrency = %s: a whole number from 1 is needed", NAME, tostring(at_once))
  end
end

--- A running item, or the check of a machine, which has no number.
---@class noshell.map_job
---@field number? integer
---@field place? noshell.place  of the rotation

--- One run of map.
---@class noshell.mapping
---@field list any[]
---@field f fun(item: any, index: integer, machine?: noshell.machine_object): ...
---@field how noshell.map_options
---@field calls noshell.scope
---@field rotation? noshell.rotation
---@field running (noshell.any_process|noshell.aside)[]
---@field jobs table<noshell.any_process|noshell.aside, noshell.map_job>
---@field results table
---@field errors table
---@field next integer       the item to start next
---@field again integer[]    items to start before it, because their machine was lost
---@field done integer
---@field raised? table      { err }: the error of a user callback

-- Items ---------------------------------------------------------------------------------

--- Calls a user callback, or a function that calls one; keeps the first error.
local function call(self, f, ...)
  -- Limit: on Lua 5.1, which cannot yield across pcall, callbacks must not yield.
  local ok, answered = pcall(host.guard, self.calls, f, ...)
  if ok then return answered end
  self.raised = self.raised or { answered }
end

--- Notes that item `number` is done. The result is false if no program was run for it.
local function note(self, number, result, err, place)
  self.results[number], self.errors[number] = result, err
  self.done = self.done + 1
  if place then
    local report = place.report
    report.done, report.failed = report.done + 1, report.failed + (err and 1 or 0)
  end
  if self.how.on_progress and not self.raised then
    call(self, self.how.on_progress, self.done, #self.list, self.list[number], result, err,
      place and place.report.machine)
  end
end

local function is_over(self)
  return self.raised ~= nil or (self.how.fail_fast and next(self.errors) ~= nil)
end

--- Notes the end of an item on its machine, or returns it to the queue.
local function settle(self, number, place, result, err)
  if not place then return note(self, number, result, err) end
  place.running = place.running - 1
  local lost = err and rotation.find_lost(err)
  if lost then
    place.report.lost = place.report.lost or lost
    local may_run_again = rotation.has_not_run(err)
      or lost.code == "lost" and self.how.again == "lost"
    if may_run_again and self.rotation:has_some() then
      table.insert(self.again, number)
      return
    end
  end
  note(self, number, result, err, place)
end

-- Starting ------------------------------------------------------------------------------

--- Nil is an error, because it usually means a missing `return`: nothing would run, and
--- the call would succeed.
local function as_runnable(number, first, ...)
  if first == nil then
    misuse.raise("%s: the function returned nil for item %d: return a SPEC, or false to run "
      .. "nothing for the item", NAME, number)
  end
  return first and pipeline.runnable(first, ...)
end

local function ask(self, number, place)
  local machine = place and place.report.machine
  local runnable = as_runnable(number, self.f(self.list[number], number, machine))
  if not (runnable and machine) then return runnable end
  local placed, other = pipeline.placed(runnable, machine)
  if not placed then
    misuse.raise("%s: the function returned '%s' with machine = %s for item %d, but map "
      .. "chooses the machine, now %s: leave the key out", NAME, runnable:to_string(), other,
      number, tostring(machine))
  end
  return placed
end

local function add(self, member, number, place)
  table.insert(self.running, member)
  self.jobs[member] = { number = number, place = place }
end

local function begin(calls, runnable)
  return runnable:_begin(calls)
end

local function start(self, number, place)
  local runnable = call(self, ask, self, number, place)
  if self.raised then return end
  if not runnable then return note(self, number, false) end
  if place then
    place.running = place.running + 1
    return add(self, aside.new(begin, runnable), number, place)
  end
  local each, err = runnable:_begin(self.calls)
  if not each then return note(self, number, nil, err) end
  add(self, each, number)
end

--- Returns true if another program may be started, and the place for it.
local function find_place(self)
  local one = self.rotation
  if not one then return #self.running < (self.how.concurrency or 4) end
  local found = one:free()
  return found ~= nil, found
end

local function count_left(self)
  return #self.list - self.next + 1 + #self.again
end

local function take_number(self)
  if self.again[1] then return table.remove(self.again) end
  self.next = self.next + 1
  return self.next - 1
end

--- Fails the items for which no machine is left.
local function give_up(self)
  while count_left(self) > 0 and not is_over(self) do
    local number = take_number(self)
    note(self, number, nil, self.rotation:exhausted(number))
  end
end

local function check_machines(self)
  for _, place in ipairs(self.rotation:probe(count_left(self))) do
    add(self, place.check, nil, place)
  end
end

local function fill(self)
  if self.rotation then check_machines(self) end
  while count_left(self) > 0 and not is_over(self) do
    local may_start, place = find_place(self)
    if not may_start then break end
    start(self, take_number(self), place)
  end
  if self.rotation and not self.rotation:has_some() then give_up(self) end
end

-- Ending --------------------------------------------------------------------------------

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

--- Adds the line of the script, which the coroutine of the start does not know.
local function locate(err)
  if not err or err.where ~= "?" then return end
  local where, is_hidden = core.where()
  if where ~= "" then err.where, err.tail_call = where, is_hidden or nil end
end

--- Adds the programs of a start to those of the call.
local function adopt(self, task)
  for _, process in ipairs(task.calls) do
    table.insert(self.calls, process)
    if not process:closed() then state.of(process).started_in = self.calls end
  end
end

--- Handles a start that has ended: takes its process.
local function take_start(self, task, job)
  adopt(self, task)
  self.raised = self.raised or task.raised
  local process, err = task.values[1], task.values[2]
  if process then return add(self, process, job.number, job.place) end
  if self.raised then return end
  locate(err)
  settle(self, job.number, job.place, nil, err)
end

local function conclude(self, member, finished, raw)
  local job = self.jobs[member]
  self.jobs[member] = nil
  if not job.number then
    self.raised = self.raised or member.raised
    self.rotation:checked(job.place)
    return locate(job.place.report.lost)
  elseif aside.is(member) then
    return take_start(self, member, job)
  end
  settle(self, job.number, job.place, take(self, member, finished, raw))
end

--- Removes from self.running what has ended.
local function collect(self)
  local i = 1
  while self.running[i] do
    local each = self.running[i]
    local finished, raw = each:_step()
    if finished or raw then
      table.remove(self.running, i)
      conclude(self, each, finished, raw)
    else
      i = i + 1
    end
  end
end

local function advance(self)
  collect(self)
  fill(self)
  return is_over(self) or self.done == #self.list
end

--- Ends the pending starts. Their programs become those of the call.
---@return noshell.any_process[]  all running programs, including those started meanwhile
local function end_starts(self)
  local processes = {}
  while self.running[1] do
    local each = table.remove(self.running)
    local started = each
    if aside.is(each) then
      each:cancel()
      adopt(self, each)
      started = self.jobs[each].number and each.values and each.values[1]
    end
    if started then processes[#processes + 1] = started end
  end
  return processes
end

--- Makes the scope end the pending starts, too, if an error passes through the call.
local function guard(self, calls)
  local fail = calls.fail
  function calls.fail()
    pcall(end_starts, self)
    fail(calls)
  end
end

local function answer(self)
  local results, err = wait_several.answer(self.results, self.errors, #self.list)
  if self.rotation then (results or err).machines = self.rotation.reports end
  return results, err
end

local function run(calls, self)
  local all = group.new(self.running)
  self.calls, calls.group = calls, all
  if self.rotation then guard(self, calls) end
  local _, raw = wait.await(all, function() return advance(self) end, nil, true)
  waitable.abort_all(end_starts(self))
  all:close()
  if self.raised then error(self.raised[1], 0) end
  if raw then return nil, failure.new(raw, "map") end
  return answer(self)
end

--- Calls f for every item of the list and runs the SPEC that it returns, several at once.
--- If f returns false, nothing runs for the item. Returns the results in the order of the
--- list; false for an item without a SPEC. If one is not a success, returns nil, err;
--- err.errors and err.results have each by its number.
---
--- With fail_fast, the first failure ends the running programs, and no more are
--- started. An error that is raised meanwhile, even in f or on_progress, ends them too.
---
--- With machines, the programs run there, `concurrency` on each, and results.machines or
--- err.machines reports on each machine. A machine that cannot be reached, or is lost, gets
--- no more items. Its items go to the others if they certainly did not run, or with
--- again = "lost"; then f is called again for the item.
---@param list any[]
---@param f fun(item: any, index: integer, machine?: noshell.machine_object): ...  a SPEC, a
---  pipeline, or false
---@param how? noshell.map_options
---@return noshell.map_results?
---@return noshell.error?
function map.map(list, f, how)
  how = how or {}
  check_options(list, f, how)
  local several = how.machines and rotation.new(NAME, how.machines, how.concurrency or 4)
  return keep(scope.run(run, { list = list, f = f, how = how, rotation = several, running = {},
    jobs = {}, results = {}, errors = {}, next = 1, again = {}, done = 0 }))
end

return map
