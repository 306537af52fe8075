--- Serves processes while Lua waits for something else. Their pipes must be served
--- meanwhile: the awaited program may depend on them, as in a chain of programs whose
--- pipes were joined by hand.
---
--- A process that no wait serves is unattended. One waiter at a time also watches all
--- unattended processes, so a single process costs nothing, and waiters do not wake one
--- another.

local core = require "noshell.core"
local state = require "noshell.state"

local background = {}

local PROCESS, pollfd = core.metatables.process, core.methods.process._pollfd

local WEAK_KEYS, WEAK_VALUES = { __mode = "k" }, { __mode = "v" }

--- The number of waits that serve a process.
---@type table<noshell.process, integer>
local attended = setmetatable({}, WEAK_KEYS)
--- Unattended, and not watched yet.
---@type table<noshell.process, true>
local fresh = setmetatable({}, WEAK_KEYS)
--- Watched without a descriptor: served at intervals.
---@type table<noshell.process, true>
local blind = setmetatable({}, WEAK_KEYS)
--- The watched descriptors and their processes.
---@type table<integer, noshell.process>
local watched = setmetatable({}, WEAK_VALUES)
---@type table<noshell.process, integer[]>
local descriptors = setmetatable({}, WEAK_KEYS)

--- shared.set is a pollset of those descriptors. Only the watched processes refer to
--- it, so it is collected with the last of them.
local shared = setmetatable({}, WEAK_VALUES)
--- server.one is the noshell.awaited of the waiter that watches them.
local server = setmetatable({}, WEAK_VALUES)
--- How many more times a waiter watches a set that is empty. While a waiter watches it, a
--- process that becomes unattended need not wake another waiter.
local wanted, WANTED = 0, 100

--- Releases the set if it is unused; watching makes a new one.
local function release_set()
  local set = shared.set
  if set and not (server.one or next(watched) or next(blind)) then
    -- In this order: Ctrl-C can raise an error between the two.
    shared.set = nil
    set:close()
  end
end

local function unwatch(process)
  local fds = descriptors[process]
  if not fds then return end
  blind[process] = nil
  local set = shared.set
  local is_ours = set and set:is_ours()
  for i = 1, #fds do
    local fd = fds[i]
    -- A closed descriptor has left the set; its number may be reused.
    if watched[fd] == process then
      watched[fd] = nil
      if is_ours then set:remove(fd) end
    end
  end
  descriptors[process] = nil
  state.of(process).watched_by = nil
  release_set()
end

local function forget(process)
  fresh[process] = nil
  unwatch(process)
end

--- Resets everything after a fork: the set and the processes belong to the parent.
local function start_over()
  for _, of in ipairs { fresh, blind, watched, descriptors, attended } do
    for key in pairs(of) do of[key] = nil end
  end
  local set = shared.set
  shared.set, server.one, wanted = nil, nil, 0
  set:close()
end

---@return noshell.pollset?
local function make_set()
  local set = shared.set
  if set and not set:is_ours() then
    start_over()
    set = nil
  end
  set = set or core.pollset()
  shared.set = set
  return set
end

local function watch(process, set)
  fresh[process] = nil
  if not process:_moves_data() then return end
  local list = {}
  process:_collect(list)
  local is_complete, fds = set ~= nil, {}
  for i = 1, set and #list or 0, 2 do
    local fd = list[i]
    if fd == process then fd = pollfd(process) end
    is_complete = fd ~= nil and set:add(fd, list[i + 1]) and is_complete
    if fd then fds[#fds + 1], watched[fd] = fd, process end
  end
  descriptors[process] = fds
  state.of(process).watched_by = set
  blind[process] = not is_complete or nil
end

--- True if user callbacks make the process's input or get its lines: they must not be
--- called in another coroutine.
local function is_driven(process)
  return state.of(process).driver ~= nil
end

--- True if a waiter watches. An error or the host may have ended it.
local function has_server()
  local one = server.one
  if not one or (one.is_lost and one:is_lost()) then return false end
  return not (one.thread and coroutine.status(one.thread) == "dead")
end

local function watch_fresh(with_driven, set)
  for process in pairs(fresh) do
    if process:closed() then
      fresh[process] = nil
    elseif with_driven or not is_driven(process) then
      watch(process, set)
    end
  end
end

-- Attended processes --------------------------------------------------------------

local function each_process(pollable, visit)
  if type(pollable) == "userdata" then
    if getmetatable(pollable) == PROCESS then return visit(pollable) end
    return each_process(pollable:_owner(), visit)
  end
  local members = pollable.members or pollable.processes
  for i = 1, members and #members or 0 do each_process(members[i], visit) end
end

--- Returns the processes that waits serve, or that were started and have data to move.
---@return noshell.process[]
function background.known()
  local list = {}
  for _, of in ipairs { attended, fresh, descriptors, blind } do
    for process in pairs(of) do list[#list + 1] = process end
  end
  return list
end

--- Registers a process that was started.
---@param process noshell.process
function background.add(process)
  fresh[process] = true
end

--- Registers a process that no wait serves any more.
---@param process noshell.process
function background.expose(process)
  fresh[process] = true
  local set = server.one and shared.set
  if set and not is_driven(process) then watch(process, set) end
end

--- Removes a process that is being closed.
---@param process noshell.process
function background.remove(process)
  forget(process)
  attended[process] = nil
end

--- Marks the processes of a pollable as served by a wait. `own` is the earlier result
--- of this function in the same wait.
---@param own? table<noshell.process, true>
---@param pollable noshell.pollable
---@return table<noshell.process, true>
function background.enter(own, pollable)
  own = own or {}
  each_process(pollable, function(process)
    if own[process] or process:closed() then return end
    own[process] = true
    attended[process] = (attended[process] or 0) + 1
    forget(process)
  end)
  return own
end

--- Ends the marks of a wait.
---@param own table<noshell.process, true>
function background.leave(own)
  for process in pairs(own) do
    local count = (attended[process] or 1) - 1
    attended[process] = count > 0 and count or nil
    if count <= 0 and process:_moves_data() then
      background.expose(process)
    end
  end
end

--- Returns true if no process is unattended, except the pollable or its members.
---@param pollable noshell.process|noshell.pipeline_process
---@return boolean
function background.is_idle(pollable)
  local process = next(fresh)
  while process do
    if process ~= pollable and state.of(process).owner ~= pollable then return false end
    process = next(fresh, process)
  end
  return wanted == 0 and next(watched) == nil and next(blind) == nil
end

-- Serving -------------------------------------------------------------------------

--- Makes the waiter `one` watch the unattended processes. Returns the descriptor to
--- watch, and whether to check every clock.BLIND seconds as well; nothing if no process
--- is unattended, or another waiter watches already. one.thread is the waiting coroutine.
---@param one table
---@param with_driven boolean  user callbacks may be called here
---@return integer? fd
---@return boolean? is_blind
function background.begin(one, with_driven)
  if not (wanted > 0 or next(fresh) or next(watched) or next(blind)) then return nil end
  local set = make_set()
  watch_fresh(with_driven, set)
  local is_blind = next(blind) ~= nil
  local has_some = is_blind or next(watched) ~= nil
  if (with_driven or not has_server()) and (has_some or wanted > 0) then
    if not has_some then wanted = wanted - 1 end
    server.one, one.set = one, set
    return set and set:pollfd(), is_blind
  end
  release_set()
end

local function step(process)
  if process:closed() then return unwatch(process) end
  local is_again = is_driven(process)
  local finished, raw = process:_step()
  if finished or raw or process:closed() then return unwatch(process) end
  if is_again or blind[process] then
    -- Its descriptors may be different now.
    unwatch(process)
    fresh[process] = true
  end
end

--- Makes a waiter stop watching whose wait ended with an error.
---@param one table
---@return boolean  whether it watched
function background.drop(one)
  if server.one ~= one then return false end
  server.one, one.set = nil, nil
  return true
end

--- Makes a waiter stop watching, and serves the processes that are ready.
---@param one table
function background.finish(one)
  if not background.drop(one) then return end
  local set = shared.set
  if not set or not set:is_ours() then return end
  local ready = {}
  for process in pairs(blind) do ready[process] = true end
  for _, fd in ipairs(set:ready()) do
    local process = watched[fd]
    -- A collected process has become an orphan.
    if process then ready[process] = true else set:remove(fd) end
  end
  for process in pairs(ready) do step(process) end
  release_set()
end

--- Returns true if unattended processes exist that no waiter watches.
---@return boolean
function background.lacks_server()
  if has_server() then return false end
  if next(watched) or next(blind) then return true end
  for process in pairs(fresh) do
    if not process:closed() and not is_driven(process) then return true end
  end
  return false
end

--- Makes the next waiters watch even an empty set.
---@param is_there boolean  another waiter exists
function background.want(is_there)
  wanted = is_there and WANTED or 0
end

return background
