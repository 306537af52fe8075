--- The outcome of a finished pipeline.

local core = require "noshell.core"
local failure = require "noshell.failure"
local process = require "noshell.process"
local result = require "noshell.result"

local pipeline_result = {}

--- Turns the error of command `index` into one of the pipeline.
---@param text string  the pipeline
---@param index integer
---@param err noshell.error
---@return noshell.error
function pipeline_result.locate(text, index, err)
  local copy = {}
  for key, value in pairs(err) do copy[key] = value end
  copy.pipeline, copy.index = text, index
  return failure.wrap(copy)
end

--- Codes that take precedence: noshell ended a command itself, and other commands fail
--- in consequence.
local is_ours = { timeout = true, output_limit = true }

--- Returns the results of the commands, and the errors of those that failed, by number.
local function outcomes(self)
  local results, errors, count = {}, {}, #self.processes
  local has_ours = false
  for i = 1, #self.processes do
    local each = self.processes[i]
    local answer, err = process.outcome(each)
    results[i] = answer or err.result
    local is_pipe = err and err.code == "signal" and i < count
      and err.result.signal_number == core.signal_number("PIPE")
    if is_pipe then
      results[i].ok = true
    else
      errors[i] = err
      has_ours = has_ours or (err ~= nil and is_ours[err.code] ~= nil)
    end
  end
  for i in pairs(has_ours and errors or {}) do
    if not is_ours[errors[i].code] then errors[i] = nil end
  end
  return results, errors
end

local function sum(results, field)
  local total
  for i = 1, #results do
    local each = results[i]
    if each[field] then total = (total or 0) + each[field] end
  end
  return total
end

local function first(results, field)
  for i = 1, #results do
    local each = results[i]
    if each[field] then return each[field] end
  end
end

local function any(results, field)
  return first(results, field) ~= nil
end

local function joined_stderr(results)
  local texts = {}
  for i = 1, #results do texts[#texts + 1] = results[i].stderr end
  return texts[1] and table.concat(texts)
end

local function longest(results, field)
  local found
  for i = 1, #results do
    local each = results[i]
    if each[field] then found = math.max(found or 0, each[field]) end
  end
  return found
end

--- Returns the streams held by descendants in a pipeline that timed out; nil if one of
--- its programs still ran.
local function held(self, results)
  local names, seen = {}, {}
  for i = 1, #results do
    local each = results[i]
    local is_late = each.timed_out
    if self.late then is_late = self.late[i] end
    if is_late and not each.held then return nil end
    for _, name in ipairs(each.held or {}) do
      if not seen[name] then names[#names + 1] = name end
      seen[name] = true
    end
  end
  return names[1] and names
end

--- Makes the pipeline's result: exit code or signal are those of command `decisive`.
local function summed(self, results, decisive)
  local which, last = results[decisive], results[#results]
  return result.new {
    ok = false, commands = results, stages = results, pid = which.pid,
    exit_code = which.exit_code, signal = which.signal,
    signal_number = which.signal_number, core_dumped = which.core_dumped,
    raw_status = which.raw_status, stdout = last.stdout,
    stdout_dropped = last.stdout_dropped, stderr = joined_stderr(results),
    duration = longest(results, "duration"),
    user_time = sum(results, "user_time"),
    system_time = sum(results, "system_time"),
    max_rss = longest(results, "max_rss"),
    timed_out = self.timed_out or any(results, "timed_out"),
    timed_out_after = self.timed_out and self.limit or first(results, "timed_out_after"),
    held = self.timed_out and held(self, results) or nil,
    output_incomplete = any(results, "output_incomplete"),
    unreached = first(results, "unreached"),
  }
end

local function last_of(errors, count)
  for i = count, 1, -1 do
    if errors[i] then return i end
  end
end

--- Returns the result, and the error, of a finished pipeline.
---@param self noshell.pipeline_process
---@return { result: noshell.result, err?: noshell.error }
function pipeline_result.of(self)
  local results, errors = outcomes(self)
  local decisive = last_of(errors, #results)
  local answer = { result = summed(self, results, decisive or #results) }
  if self.timed_out then
    answer.err = failure.new({ code = "timeout" }, self.command, answer.result)
  elseif decisive then
    answer.err = pipeline_result.locate(self.command, decisive, errors[decisive])
    answer.err.result, answer.err.errors = answer.result, errors
  else
    answer.result.ok = true
  end
  return answer
end

return pipeline_result
