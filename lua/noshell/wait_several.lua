--- Waiting for some or all of several processes.

local failure = require "noshell.failure"
local group = require "noshell.group"
local lists = require "noshell.list"
local scope = require "noshell.scope"
local wait = require "noshell.wait"

local wait_several = {}

---@alias noshell.any_process noshell.process|noshell.pipeline_process

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
function wait_several.wait_any(processes, seconds)
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

--- Returns the results, or nil and an error with all results and errors.
---@param results table<integer, noshell.result|false>
---@param errors table<integer, noshell.error>
---@param count integer  how many there were
---@return table<integer, noshell.result|false>?
---@return noshell.error?
function wait_several.answer(results, errors, count)
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
function wait_several.wait_all(processes, seconds)
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
  for i, each in ipairs(processes) do results[i], errors[i] = each:_outcome() end
  return wait_several.answer(results, errors, #processes)
end

return wait_several
