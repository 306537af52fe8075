--- Waiting for some or all of several processes.

local command = require "noshell.command"
local core = require "noshell.core"
local failure = require "noshell.failure"
local group = require "noshell.group"
local keep = require "noshell.keep"
local lists = require "noshell.list"
local misuse = require "noshell.misuse"
local pipeline = require "noshell.pipeline"
local pipeline_process = require "noshell.pipeline_process"
local scope = require "noshell.scope"
local wait = require "noshell.wait"
local waitable = require "noshell.waitable"

local wait_several = {}

---@alias noshell.any_process noshell.process|noshell.pipeline_process

-- Arguments -------------------------------------------------------------------------

---@alias noshell.to_wait_for
---| noshell.any_process
---| noshell.spec|noshell.command|noshell.pipeline|string  # to be started
---| noshell.error  # of run_async: it did not start

local function is_process(value)
  return getmetatable(value) == core.metatables.process or pipeline_process.is(value)
end

local function is_runnable(value)
  if type(value) == "string" or command.is(value) or pipeline.is(value) then return true end
  return type(value) == "table" and getmetatable(value) == nil
end

local function shown(value)
  local class = getmetatable(value)
  local name = type(class) == "table" and rawget(class, "__name")
  return type(name) == "string" and "a " .. name or failure.shown(value)
end

--- Removes the hole in a list whose last item was a call that returned nil, err.
local function close_hole(items)
  local last = 0
  for index in pairs(items) do
    if type(index) == "number" then last = math.max(last, index) end
  end
  if last > 1 and failure.is(items[last]) and items[last - 1] == nil then
    items[last - 1], items[last] = items[last], nil
  end
end

local function check_item(item, i, name)
  if is_process(item) then
    if item:closed() then misuse.raise("noshell.%s: process %d is closed", name, i) end
  elseif not (is_runnable(item) or failure.is(item)) then
    misuse.raise("noshell.%s: item %d is %s: a process, a command, a SPEC table or a "
      .. "program is needed", name, i, shown(item))
  end
end

--- Returns a checked copy of the list.
---@param list noshell.to_wait_for[]
---@param name string  the function's name, for messages
---@return noshell.to_wait_for[]
local function items_of(list, name)
  if type(list) ~= "table" or getmetatable(list) ~= nil or next(list) == nil then
    misuse.raise('noshell.%s: a list of processes or commands is needed: noshell.%s { "./a", '
      .. '"./b" }', name, name)
  end
  local items = {}
  for key, item in pairs(list) do items[key] = item end
  close_hole(items)
  local count, reason = lists.length(items)
  if not count then
    misuse.raise("noshell.%s: %s%s", name, reason, reason:find("hole", 1, true)
      and " (a program that did not start leaves one, and its error is lost: pass the "
        .. "command itself)" or "")
  end
  for i = 1, count do check_item(items[i], i, name) end
  return items
end

--- The processes that a call waits for.
---@class noshell.several
---@field processes noshell.any_process[]
---@field numbers integer[]  their item numbers
---@field own noshell.any_process[]  those that the call has started
---@field errors table<integer, noshell.error>  of the items that did not start

--- Starts the items that are not processes yet.
---@param calls noshell.scope
---@param items noshell.to_wait_for[]
---@return noshell.several
local function start(calls, items)
  local all = { processes = {}, numbers = {}, own = {}, errors = {} }
  for i = 1, #items do
    local item, err = items[i], nil
    if failure.is(item) then
      item, err = nil, item
    elseif not is_process(item) then
      item, err = pipeline.runnable(item):_begin(calls)
      all.own[#all.own + 1] = item
    end
    all.errors[i] = err
    if item then
      all.processes[#all.processes + 1], all.numbers[#all.numbers + 1] = item, i
    end
  end
  return all
end

--- Ends the programs that the call has started and that still run. The one that has
--- ended is left open for the caller.
local function finish(all, ended)
  local others = {}
  for i = 1, #all.own do
    if all.own[i] ~= ended then others[#others + 1] = all.own[i] end
  end
  waitable.abort_all(others)
end

-- Waiting ---------------------------------------------------------------------------

--- Re-raises an error thrown by a user callback.
local function raise(list)
  for _, each in ipairs(list) do
    local raised = each:_raised()
    if raised then error(raised[1], 0) end
  end
end

local function still_running(first, seconds)
  return nil, failure.new({ code = "timeout", seconds = seconds,
    reason = waitable.obstacle(first) }, first.command)
end

local function about(raw, each)
  raw.command = each.command
  return raw
end

local function fail(raw, processes)
  return nil, failure.new(raw, raw.command or processes[1].command)
end

--- Returns the failure of a process that another coroutine or a callback has closed.
local function find_closed(each)
  if each:closed() then
    return about({ code = "closed", reason = "it was closed meanwhile" }, each)
  end
end

local function step(each)
  local closed = find_closed(each)
  if closed then return nil, closed end
  local finished, raw = each:_step()
  return finished, raw and about(raw, each)
end

--- Returns true if one has ended after it was served: a user callback of another one has
--- waited for it.
local function find_ended(list)
  for _, each in ipairs(list) do
    if each:_has_ended() then return true end
  end
  return false
end

--- Serves all; returns the first one in the list that has ended.
local function serve(list)
  local ended
  for _, each in ipairs(list) do
    local finished, raw = step(each)
    if raw then return nil, raw end
    if finished then ended = ended or each end
  end
  if not ended and find_ended(list) then return serve(list) end
  return ended or false
end

--- Serves all; returns true if all have ended, or if a user callback raised an error.
local function serve_all(list)
  local running = {}
  for _, each in ipairs(list) do
    local ended, raw = step(each)
    if raw then return nil, raw end
    if ended and each:_raised() then return true end
    if not ended then running[#running + 1] = each end
  end
  if find_ended(running) then return serve_all(list) end
  return running[1] == nil
end

--- Waits for all of them as a group.
local function await(calls, processes, attempt, deadline)
  local all = group.new(processes)
  calls.group = all
  local answered, raw = wait.await(all, function()
    local answer, why = attempt(processes)
    -- A callback may have closed a process that `attempt` had served before it.
    for i = 1, answer == false and #processes or 0 do
      local closed = find_closed(processes[i])
      if closed then return nil, closed end
    end
    return answer, why
  end, deadline)
  all:close()
  return answered, raw
end

local function wait_any(calls, items, deadline, seconds)
  local all = start(calls, items)
  local err, ended, raw
  for i = 1, #items do err = err or all.errors[i] end
  if not err then ended, raw = await(calls, all.processes, serve, deadline) end
  finish(all, ended)
  if err then return nil, err end
  if ended then return ended, ended:wait() end
  if raw then return fail(raw, all.processes) end
  return still_running(all.processes[1], seconds)
end

--- Waits until one of these has ended, and serves all meanwhile. Returns the first one
--- in the list that has ended and the values of its wait: process, result or process,
--- nil, err. If `seconds` pass before, or one does not start, returns nil, err.
---
--- Items that are no processes are started. When one has ended, the others that this
--- call has started are ended too.
---@param list noshell.to_wait_for[]
---@param seconds? number
---@return noshell.any_process? ended
---@return noshell.result|noshell.error|nil
---@return noshell.error?
function wait_several.wait_any(list, seconds)
  local items = items_of(list, "wait_any")
  local deadline = wait.deadline(seconds, "wait_any")
  return keep(scope.run(wait_any, items, deadline, seconds))
end

--- Returns the results, or nil and an error with all results and errors.
---@param results table<integer, noshell.result|false>
---@param errors table<integer, noshell.error>
---@param count integer  the number of programs
---@return table<integer, noshell.result|false>?
---@return noshell.error?
function wait_several.answer(results, errors, count)
  if next(errors) == nil then return results end
  return nil, failure.wrap { code = "several", command = "", count = count,
    results = results, errors = errors }
end

--- Makes the timeout error, for the first program that still runs.
local function find_running(processes, seconds)
  for _, each in ipairs(processes) do
    if not each:_step() then return still_running(each, seconds) end
  end
end

local function wait_all(calls, items, deadline, seconds)
  local all = start(calls, items)
  local done, raw = true, nil
  if all.processes[1] then done, raw = await(calls, all.processes, serve_all, deadline) end
  local _, err
  if raw then
    _, err = fail(raw, all.processes)
  elseif not done then
    _, err = find_running(all.processes, seconds)
  end
  if err then
    finish(all)
    return nil, err
  end
  raise(all.processes)
  local results, errors = {}, all.errors
  for i, each in ipairs(all.processes) do
    local number = all.numbers[i]
    results[number], errors[number] = each:_outcome()
  end
  finish(all)
  return wait_several.answer(results, errors, #items)
end

--- Waits until all of these have ended. Returns their results in order, or nil, err;
--- err.results and err.errors have each by its number. If `seconds` pass before, they
--- run on, and err.code is "timeout".
---
--- Items that are no processes are started, and ended if the time is up. An error that
--- run_async returned, in place of a process, counts as the failure of that item.
---@param list noshell.to_wait_for[]
---@param seconds? number
---@return noshell.result[]?
---@return noshell.error?
function wait_several.wait_all(list, seconds)
  local items = items_of(list, "wait_all")
  local deadline = wait.deadline(seconds, "wait_all")
  return keep(scope.run(wait_all, items, deadline, seconds))
end

return wait_several
