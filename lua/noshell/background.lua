--- Processes that run while something else is waited for. What they write must be
--- read meanwhile: they may be what is waited for in the end, as in a chain of
--- programs whose pipes were joined by hand.
---
--- A process that no wait serves is unattended. One waiter at a time watches all
--- of those beside what it waits for: so a single process costs nothing, and many
--- waiters do not wake one another.

local core = require "noshell.core"
local state = require "noshell.state"

local background = {}

local PROCESS = core.metatables.process

local WEAK_KEYS, WEAK_VALUES = { __mode = "k" }, { __mode = "v" }

--- How many waits serve a process.
---@type table<noshell.process, integer>
local attended = setmetatable({}, WEAK_KEYS)
--- Unattended, and not watched yet.
---@type table<noshell.process, true>
local fresh = setmetatable({}, WEAK_KEYS)
--- Watched without a descriptor: the clock has them served.
---@type table<noshell.process, true>
local blind = setmetatable({}, WEAK_KEYS)
--- The descriptors that are watched, and whose they are.
---@type table<integer, noshell.process>
local watched = setmetatable({}, WEAK_VALUES)
---@type table<noshell.process, integer[]>
local descriptors = setmetatable({}, WEAK_KEYS)

--- shared.set is a pollset of those descriptors. The watched processes hold it, so
--- that it is collected with the last of them.
local shared = setmetatable({}, WEAK_VALUES)
--- server.one is the awaited of the waiter that watches them.
local server = setmetatable({}, WEAK_VALUES)
--- How often yet a waiter is to watch although there is nothing: where others
--- wait, what becomes unattended then need not wake one of them each time.
local wanted, WANTED = 0, 100

--- It is made again when something is watched.
local function release_set()
  local set = shared.set
  if set and not (server.one or next(watched) or next(blind)) then
    -- In this order: Ctrl-C can raise an error between the two.
    shared.set = nil
    set:close()
  end
end

local function unwatch(process)
  blind[process] = nil
  local set = shared.set
  local is_ours = set and set:is_ours()
  local fds = descriptors[process]
  for i = 1, fds and #fds or 0 do
    local fd = fds[i]
    -- A closed one has left the set, and its number may be another's.
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

--- After a fork the set and the processes are the parent's.
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
  local is_complete = set ~= nil and list[1] ~= nil and not list.blind
  local fds = {}
  for i = 1, set and #list or 0, 2 do
    is_complete = set:add(list[i], list[i + 1]) and is_complete
    fds[#fds + 1], watched[list[i]] = list[i], process
  end
  descriptors[process] = fds
  state.of(process).watched_by = set
  blind[process] = not is_complete or nil
end

--- Whether its input is made, or its lines are told, by functions of the caller's:
--- they are not called in another coroutine.
local function is_driven(process)
  return state.of(process).driver ~= nil
end

--- Whether a waiter watches. One that an error or its host ended does no longer.
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

-- Who is attended -----------------------------------------------------------------

local function each_process(pollable, visit)
  if type(pollable) == "userdata" then
    if getmetatable(pollable) == PROCESS then return visit(pollable) end
    return each_process(pollable:_owner(), visit)
  end
  local members = pollable.members or pollable.processes
  for i = 1, members and #members or 0 do each_process(members[i], visit) end
end

--- Notes a process that was started, and is waited for now or later.
---@param process noshell.process
function background.add(process)
  fresh[process] = true
end

--- Has a process served that no wait serves.
---@param process noshell.process
function background.expose(process)
  fresh[process] = true
  local set = server.one and shared.set
  if set and not is_driven(process) then watch(process, set) end
end

--- Takes one out that is being closed.
---@param process noshell.process
function background.remove(process)
  forget(process)
  attended[process] = nil
end

--- A wait for the pollable serves its processes from now on. `own` is what this
--- gave before in the same wait.
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

--- The wait is over.
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

-- Serving -------------------------------------------------------------------------

--- What the waiter `one` is to watch too: a descriptor, or nil and whether it is
--- to look every clock.BLIND; nil, nil where nothing is unattended, or another waiter
--- watches already. one.thread is the coroutine that waits.
---@param one table
---@param with_driven boolean  functions of the caller's may be called here
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
    -- It may wait for other descriptors now.
    unwatch(process)
    fresh[process] = true
  end
end

--- The waiter watches no longer, because an error ended its wait.
---@param one table
---@return boolean  whether it did
function background.drop(one)
  if server.one ~= one then return false end
  server.one, one.set = nil, nil
  return true
end

--- The waiter watches no longer: what is ready is served.
---@param one table
function background.finish(one)
  if not background.drop(one) then return end
  local set = shared.set
  if not set or not set:is_ours() then return end
  local ready = {}
  for process in pairs(blind) do ready[process] = true end
  for _, fd in ipairs(set:ready()) do
    local process = watched[fd]
    -- A collected one lives on among those that are reaped later.
    if process then ready[process] = true else set:remove(fd) end
  end
  for process in pairs(ready) do step(process) end
  release_set()
end

--- Whether another waiter has to watch, because none does.
---@return boolean
function background.lacks_server()
  if has_server() then return false end
  if next(watched) or next(blind) then return true end
  for process in pairs(fresh) do
    if not process:closed() and not is_driven(process) then return true end
  end
  return false
end

--- Whether a waiter is to watch though there may be nothing.
---@param is_there boolean  there is another waiter
function background.want(is_there)
  wanted = is_there and WANTED or 0
end

return background
