--- What waits, of a process. The rest of it is the core's: see core.d.lua.

local core = require "noshell.core"
local failure = require "noshell.failure"
local result = require "noshell.result"
local wait = require "noshell.wait"

---@class noshell.process
local methods = core.methods.process

local process = {}

--- The answer that each finished process gave, so that it stays the same one.
local answers = setmetatable({}, { __mode = "k" })

local function fail(self, raw)
  return nil, failure.new(raw, self.command)
end

--- The verdict on a process that has finished: its result, or nil, err.
---@param self noshell.process
---@return noshell.result?
---@return noshell.error?
function process.verdict(self)
  local answer = answers[self]
  if not answer then
    answer = { result = result.new(self:result()) }
    local ok, raw = self:check()
    if not ok then
      answer.err = failure.new(raw, self.command, answer.result)
    end
    answers[self] = answer
  end
  if answer.err then return nil, answer.err end
  return answer.result
end

--- Waits until the program has ended and its captured output is at its end.
--- Where `seconds` pass before, it runs on, and err.code is "timeout". Waiting
--- again gives the same answer again.
---@param seconds? number
---@return noshell.result?
---@return noshell.error?
function methods:wait(seconds)
  local deadline = wait.deadline(seconds, "wait")
  local finished, raw = wait.await(self, self.pump, deadline)
  if finished then return process.verdict(self) end
  if raw then return fail(self, raw) end
  return fail(self, { code = "timeout", seconds = seconds })
end

--- The result where the program has ended, nil where it has not, or nil, err.
---@return noshell.result?
---@return noshell.error?
function methods:poll()
  local finished, raw = self:pump()
  if finished then return process.verdict(self) end
  if raw then return fail(self, raw) end
  return nil
end

local kill = methods.kill

--- Sends a signal through the pidfd: to this program, or to none.
---@param signal? string|integer  "TERM" unless given
---@return true?
---@return noshell.error?
function methods:kill(signal)
  local ok, raw = kill(self, signal)
  if raw then return fail(self, raw) end
  return ok
end

--- Ends the program and what it started, TERM, 10 ms, KILL, and reaps it. One
--- that has ended already is left alone.
---@return true?
---@return noshell.error?
function methods:abort()
  local _, raw = self:terminate(0.010)
  if not raw then _, raw = wait.await(self, self.pump) end
  if raw then return fail(self, raw) end
  return true
end

--- Aborts the program where it still runs, and releases everything. Closing
--- twice is fine.
---@return true
function methods:close()
  if not self:closed() then
    self:abort()
    self:_free()
  end
  return true
end

core.metatables.process.__close = methods.close

--- Waits until the child stands before its exec. Where `seconds` pass before,
--- err.code is "timeout"; where the command's own timeout passes, the child is
--- ended, and err.result is there too.
---@param seconds? number
---@return true?
---@return noshell.error?
function methods:handshake_wait(seconds)
  local deadline = wait.deadline(seconds, "handshake_wait")
  local is_over = false
  local ready, raw = wait.await(self, function()
    local answer, why = self:_handshake_wait(0)
    is_over = answer == false and self:timeout() == 0
    if is_over then return true end
    return answer, why
  end, deadline)
  if is_over then return nil, select(2, self:wait()) end
  if ready then return true end
  return fail(self, raw or { code = "timeout", seconds = seconds })
end

local notify = methods.handshake_notify

--- Lets the child go on to its exec.
---@return true?
---@return noshell.error?
function methods:handshake_notify()
  local ok, raw = notify(self)
  if raw then return fail(self, raw) end
  return ok
end

return process
