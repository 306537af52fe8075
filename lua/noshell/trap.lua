--- Signals that the script handles, and the end of the script. Nothing is installed
--- before trap is called.

local advice = require "noshell.advice"
local background = require "noshell.background"
local core = require "noshell.core"
local failure = require "noshell.failure"
local lists = require "noshell.list"
local misuse = require "noshell.misuse"
local state = require "noshell.state"
local wait = require "noshell.wait"

local trap = {}

---@alias noshell.trap_handler fun(name: string)|"ignore"

--- The handler of each signal, by number.
---@type table<integer, noshell.trap_handler>
local handlers = {}

--- The handler of EXIT.
---@type fun(name: string)?
local exit_handler

--- The signals that end a script after its EXIT handler, unless they have a handler.
local ENDING = { core.signal_number "HUP", core.signal_number "INT",
  core.signal_number "TERM" }

--- Hosts whose own code handles the signals of the process.
local OWNERS = { ngx = "nginx", vim = "Neovim" }

local function run_exit()
  local f = exit_handler
  exit_handler = nil
  -- A forked child does not end the script.
  if not f or not core.trap_is_ours() then return end
  local ok, err = pcall(f, "EXIT")
  if not ok then
    io.stderr:write("noshell: the EXIT handler failed: ", tostring(err), "\n")
  end
end

--- Returns true if the process was started by a call that returns only after its end, such
--- as run or lines.
local function is_of_call(process)
  local own = state.of(process)
  local owner = own.owner
  return process:_is_bound() or own.iterated or (owner ~= nil and owner.iterated)
end

--- Ends the programs of calls that will not return: they could change the files that the
--- EXIT handler cleans up. A program of run_async is left to its owner.
--- Limit: a program whose start is returning at this moment runs on.
local function end_programs()
  local list = background.known()
  for i = 1, #list do
    local process = list[i]
    if not process:closed() and is_of_call(process) then pcall(process.abort, process) end
  end
end

--- Calls the handlers of the signals that were noted. An error in one passes through the
--- wait or the code that was interrupted.
local function dispatch()
  local signal = core.trap_take()
  while signal do
    local f = handlers[signal]
    if f then
      f(core.signal_name(signal))
    elseif exit_handler then
      end_programs()
      run_exit()
      core.trap_die(signal)
    end
    signal = core.trap_take()
  end
end

--- Sets the disposition of a signal according to its handler.
local function install(signal)
  local how = "restore"
  if handlers[signal] then
    how = handlers[signal] == "ignore" and "ignore" or "handle"
  else
    for _, ending in ipairs(ENDING) do
      if ending == signal and exit_handler and not core.trap_is_ignored(signal) then
        how = "handle"
      end
    end
  end
  return core.trap(signal, how)
end

local function check_host()
  for name, host in pairs(OWNERS) do
    if rawget(_G, name) then
      misuse.raise("noshell.trap: %s handles the signals of this process itself", host)
    end
  end
end

local function open()
  check_host()
  if not core.trap_open(dispatch, run_exit) then
    misuse.raise "noshell.trap: another Lua state in this process handles signals"
  end
  wait.on_signal = dispatch
end

local function set_exit(f)
  local previous = exit_handler
  exit_handler = f
  for _, signal in ipairs(ENDING) do
    if not handlers[signal] then install(signal) end
  end
  return previous
end

local function set(name, f)
  if name == "EXIT" and f == "ignore" then
    misuse.raise "noshell.trap: EXIT cannot be ignored: write nil to remove its handler"
  elseif name == "EXIT" then
    return set_exit(f)
  end
  local signal = type(name) == "string" and core.signal_number(name) or nil
  if not signal then
    misuse.raise("noshell.trap: %s is not the name of a signal, nor \"EXIT\"%s",
      failure.shown(name), advice.signal(name))
  end
  local previous = handlers[signal]
  handlers[signal] = f
  local ok, raw = install(signal)
  if not ok then
    handlers[signal] = previous
    misuse.raise("noshell.trap: %s cannot be handled%s", name, raw.errname == "EINVAL"
      and " by any program" or ": " .. core.strerror(raw.errno))
  end
  return previous
end

--- Sets a handler, which is called with the signal's name when this process gets the
--- signal: at once during any wait of noshell's, otherwise between two instructions of
--- Lua code. "ignore" ignores the signal; nil restores the disposition before the first
--- call. An error in `f` passes through the call that was interrupted, and so ends that
--- call's program.
---
--- "EXIT" stands for the end of the script: the end of its main chunk, an error, os.exit,
--- or HUP, INT or TERM if the signal has no handler; the process then dies of the signal.
--- The handler of EXIT is not called in a forked child.
---
--- Raises an error in nginx and Neovim, which handle signals themselves.
---
--- Limit: code in a coroutine that does not wait is interrupted only when it yields or
--- returns, and code that LuaJIT has compiled, when it leaves the compiled loop.
---@param names "EXIT"|noshell.signal|("EXIT"|noshell.signal)[]  "TERM" or { "INT", "HUP" }
---@param f? noshell.trap_handler
---@return noshell.trap_handler? previous  that of the last name
function trap.set(names, f)
  if f ~= nil and f ~= "ignore" and type(f) ~= "function" then
    misuse.raise("noshell.trap: the handler must be a function, nil or \"ignore\", not %s",
      failure.shown(f))
  end
  if type(names) ~= "table" then names = { names } end
  local count, reason = lists.length(names)
  if reason or count == 0 then
    misuse.raise("noshell.trap: %s", reason or "the name of a signal is needed")
  end
  open()
  local previous
  for i = 1, count do previous = set(names[i], f) end
  return previous
end

return trap
