--- Retries commands that may succeed later.

local dry_run = require "noshell.dry_run"
local failure = require "noshell.failure"
local lists = require "noshell.list"
local misuse = require "noshell.misuse"
local nearest = require "noshell.nearest"
local pipeline = require "noshell.pipeline"
local wait = require "noshell.wait"

---@class noshell.retry_options
---@field attempts? integer  maximum number of attempts; default 3
---@field delay? number      seconds before the second attempt; default 1
---@field backoff? number    factor by which each delay grows; default 2
---@field on? noshell.code[]|fun(err: noshell.error, attempt: integer): boolean?
---  the failures to retry after; default: all except argument errors ("invalid")

local retry = {}

local DEFAULTS = { attempts = 3, delay = 1, backoff = 2 }

--- Returns the argument error of a list of codes, or nil.
local function find_bad_code(codes)
  local count, reason = lists.length(codes)
  for i = 1, count or 0 do
    if not failure.is_code(codes[i]) then
      local near = nearest.word(tostring(codes[i]), failure.codes())
      return ("item %d, %s, is not a code of errors%s"):format(i, failure.shown(codes[i]),
        near and (', did you mean "%s"?'):format(near) or "")
    end
  end
  return reason
end

local KEYS = { attempts = true, delay = true, backoff = true, on = true }
local NAME = "noshell.retry"
local USE = 'the program and its arguments go into one table, noshell.retry({ "make", '
  .. '"test" }, { attempts = 3 })'

local WANTED = { attempts = "a whole number from 1 is needed",
  delay = "a number of seconds, 0 or more, is needed",
  backoff = "a factor, a number of 0 or more, is needed",
  on = 'a list of codes, such as { "spawn", "timeout" }, or a function is needed' }

local function is_right(key, value)
  local kind = type(value)
  if key == "on" then return kind == "function" or kind == "table" end
  if kind ~= "number" or not (value >= 0 and value < math.huge) then return false end
  return key ~= "attempts" or (value >= 1 and value % 1 == 0)
end

local function check_options(how)
  misuse.check_options(NAME, how, KEYS, USE)
  for key, value in pairs(how) do
    if not is_right(key, value) then
      misuse.raise("%s: %s = %s: %s", NAME, key, failure.shown(value), WANTED[key])
    end
  end
  local wrong = type(how.on) == "table" and find_bad_code(how.on)
  if wrong then misuse.raise("%s: on: %s", NAME, wrong) end
end

--- Returns true if the failure is one to retry after.
local function is_worth(on, err, attempt)
  if type(on) == "function" then return on(err, attempt) end
  if not on then return err.code ~= "invalid" end
  for _, code in ipairs(on) do
    if err.code == code then return true end
  end
  return false
end

--- Runs a command or pipeline until it succeeds, up to `attempts` times, with delays in
--- between. Returns the result, or nil and the last error, with err.attempts.
---@param spec noshell.spec|noshell.command|noshell.pipeline|string
---@param how? noshell.retry_options
---@return noshell.result?
---@return noshell.error?
function retry.run(spec, how, ...)
  if select("#", ...) > 0 then misuse.raise("%s: %s", NAME, USE) end
  how = how or {}
  check_options(how)
  local attempts, delay = how.attempts or DEFAULTS.attempts, how.delay or DEFAULTS.delay
  local runnable = pipeline.runnable(spec)
  for attempt = 1, attempts do
    local result, err = runnable:run()
    if result then return result end
    err.attempts = attempt
    local is_last = attempt == attempts or not is_worth(how.on, err, attempt)
    local raw = not is_last and not dry_run.is_active() and wait.sleep(delay)
    if raw then return nil, failure.new(raw, err.command) end
    if is_last then return nil, err end
    delay = delay * (how.backoff or DEFAULTS.backoff)
  end
end

return retry
