--- Results: how a finished process ended, with what was captured.

---@class noshell.result
---@field ok boolean             success by the command's rules
---@field exit_code? integer     where it exited
---@field signal? string         where a signal ended it: "TERM"
---@field signal_number? integer  its number
---@field core_dumped boolean   the kernel wrote a core
---@field stdout? string         where it was captured
---@field stderr? string         where it was captured
---@field pid integer            what it was
---@field duration number        seconds from start to end
---@field user_time? number      seconds
---@field system_time? number    seconds
---@field max_rss? integer       bytes; not less than the parent's where memory was shared
---@field timed_out boolean      the command's timeout passed
---@field output_incomplete boolean  a pipe was still open when reading stopped
---@field raw_status? integer    as wait(2) has it
---@field stdout_dropped? integer  bytes of it that tail did not keep
---@field stderr_dropped? integer  the same of stderr
---@field stages? noshell.result[]  of a pipeline: how each stage ended
local metatable = { __name = "noshell.result" }

local result = {}

local function ending(self)
  if self.exit_code then return "exited with status " .. self.exit_code end
  if self.signal_number then
    return "killed by signal " .. (self.signal or self.signal_number)
  end
  return "ended, status unknown"
end

function metatable.__tostring(self)
  return ("%s after %.3g s"):format(ending(self), self.duration)
end

--- Makes a result of the core's fields, in place.
---@param raw table
---@return noshell.result
function result.new(raw)
  return setmetatable(raw, metatable)
end

--- What os.execute returns on Lua 5.4, on every Lua; for an end that is neither
--- an exit nor a signal, `nil, err`.
---@param self? noshell.result
---@param err? noshell.error
---@return true|nil ok
---@return "exit"|"signal"|noshell.error kind
---@return integer? number
function result.triple(self, err)
  if err and err.code ~= "exit" and err.code ~= "signal" then
    return nil, err
  end
  self = self or err.result
  local ok = self.ok or nil
  if self.exit_code then return ok, "exit", self.exit_code end
  return ok, "signal", self.signal_number
end

return result
