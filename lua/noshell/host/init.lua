--- Hosts: the event loop in which Lua runs waits for descriptors for us.
---
--- Who waits is, in this order:
---   1. what use(waiter, coroutine) set for the coroutine that runs,
---   2. what use(waiter) set,
---   3. nginx, in the phases of a request or a timer that can yield,
---   4. cqueues, in a coroutine that a controller resumed,
---   5. Neovim, where its API may be called: it waits in place, with vim.wait,
---   6. blocking: poll(2).
--- Nothing tells a coroutine that runs as a task of luv or copas from a
--- generator that somebody loops over, and yielding from a generator is wrong.
--- So those two are not chosen by themselves: say use(require
--- "noshell.host.luv") once, or for the coroutines that are tasks.

local background = require "noshell.background"
local clock = require "noshell.clock"
local blocking = require "noshell.host.blocking"
local core = require "noshell.core"
local coroutines = require "noshell.host.coroutines"
local protect = require "noshell.protect"
local state = require "noshell.state"

--- What can be waited for: cqueues' protocol.
---@class noshell.pollable
---@field pollfd fun(self): integer?   the descriptor
---@field events fun(self): string?    "r", "w" or "rw"; nil: it waits for time alone
---@field timeout fun(self): number?   seconds after which to look without an event

--- What a waiter is given. Its descriptor is its own and stays open until the
--- waiter returns, whatever is closed meanwhile; a host with `entrusts` is given
--- the pollable's own descriptor instead, and is woken before that is closed.
---@class noshell.awaited : noshell.pollable
---@field wake? fun(self)  set by a waiter that can be called back before its time
---@field is_lost? fun(self): boolean  set by a waiter that knows that it never runs again
---@field held? noshell.held[]  for a host with `entrusts`

--- What is lost if the waiting coroutine never runs again. `_entrust` hands it to
--- a wake-up channel (c/noshell.h); every other method takes it back first.
---@class noshell.held
---@field _entrust fun(self, channel: integer): boolean
---@field closed fun(self): boolean

--- A waiter that cannot wait gives nil and the reason, or nil and the fields of a
--- noshell.error.
---@alias noshell.waiter fun(pollable: noshell.awaited, seconds?: number): true?, string|table|nil

---@class noshell.waiting_host
---@field name string              as noshell.host.name tells it
---@field wait noshell.waiter      sets pollable.wake
---@field is_here? fun(): boolean  whether it is the one to wait here
---@field starts_aside? boolean    programs are started in another thread, and not only
---  those that open a FIFO
---@field prepare? fun()          called before a program is started
---@field entrusts? boolean        its wake-up channels own what awaited.held lists

local host = {}

-- Choosing --------------------------------------------------------------------

---@type noshell.waiting_host?
local chosen
---@type table<thread, noshell.waiting_host>
local chosen_by = setmetatable({}, { __mode = "k" })

--- The hosts that are found by themselves: the module or global that is there
--- where they are in use, and our module, which is loaded only then.
local found = {
  { "ngx", "noshell.host.nginx" },
  { "cqueues", "noshell.host.cqueues" },
  { "vim", "noshell.host.neovim" },
}

local function as_host(waiter)
  if waiter == nil then return nil end
  if type(waiter) == "function" then
    return { name = "function", wait = waiter, looks = true }
  end
  if type(waiter) == "table" and type(waiter.wait) == "function" then
    return waiter
  end
  error("noshell.host.use: a function, a host or nil is needed, not a "
    .. type(waiter), 3)
end

--- Waits with `waiter` from now on, or in one coroutine: a function, or a host
--- such as require "noshell.host.luv". The function returns when the pollable's
--- descriptor is ready, its timeout() or `seconds` have passed, or earlier. nil:
--- back to the host that is found by itself.
---@param waiter? noshell.waiter|noshell.waiting_host
---@param thread? thread
---@return noshell.waiter|noshell.waiting_host|nil previous
function host.use(waiter, thread)
  local new = as_host(waiter)
  local previous
  -- Lua 5.4's require has a second result: it is no coroutine.
  if type(thread) == "thread" then
    previous, chosen_by[thread] = chosen_by[thread], new
  else
    previous, chosen = chosen, new
  end
  return previous and previous.looks and previous.wait or previous
end

local loaded = package.loaded

local function find()
  local own = next(chosen_by) and chosen_by[coroutine.running()]
  if own or chosen then return own or chosen end
  for i = 1, #found do
    local pair = found[i]
    if loaded[pair[1]] or rawget(_G, pair[1]) then
      local candidate = require(pair[2])
      if candidate.is_here() then return candidate end
    end
  end
  return blocking
end

--- Who would wait here and now: "blocking", "cqueues", "luv", "copas", or
--- "function" for one that is no host of ours.
---@return string
function host.name()
  return find().name
end

--- Calls f(...), and frame:fail() if an error passes through that.
---@type fun(frame: noshell.frame, f: function, ...: any): ...
host._protect = protect.run

-- On Lua 5.1 it matters whether something can yield.
if coroutines.is_51 then
  function host._protect(frame, f, ...)
    if find() == blocking then return protect.run_in_place(frame, f, ...) end
    return protect.run(frame, f, ...)
  end
end

--- Whether programs can be started in another thread here, and whether those that
--- open no FIFO are too. To be called before each start.
---@return boolean
---@return boolean
function host.starts_aside()
  local waiter = find()
  if waiter.prepare then waiter.prepare() end
  return waiter ~= blocking, waiter.starts_aside or false
end

--- Whether a wait here returns to its caller only: nothing else runs meanwhile
--- that could drop it.
---@return boolean
function host.waits_in_place()
  return find() == blocking
end

-- Waiting ---------------------------------------------------------------------

--- Who waits for what, so that it can be woken: owner → set of awaited. Neither
--- keeps the other: a coroutine that is waiting and forgotten is collected.
local waiting = setmetatable({}, { __mode = "k" })

local PROCESS = core.metatables.process

--- Who ends or closes that ends or closes this too: a stream's process, a
--- stage's pipeline.
local function owner_of(pollable)
  if type(pollable) ~= "userdata" then return pollable end
  local is_process = getmetatable(pollable) == PROCESS
  local process = is_process and pollable or pollable:process()
  return state.of(process).owner or process
end

local WEAK = { __mode = "k" }

--- Notes that one waits for the pollable, or for each where it is several.
local function note(one, pollable)
  local owners = {}
  local members = type(pollable) == "table" and pollable.members or { pollable }
  for i, member in ipairs(members) do
    local owner = owner_of(member)
    owners[i], waiting[owner] = owner, waiting[owner] or setmetatable({}, WEAK)
    waiting[owner][one] = true
  end
  return owners
end

local function forget(one, owners)
  for _, owner in ipairs(owners) do
    local others = waiting[owner]
    if others then others[one] = nil end
    if others and not next(others) then waiting[owner] = nil end
  end
end

local methods = {}
local metatable = { __index = methods }

function methods:pollfd()
  if self.both then return self.both:pollfd() end
  return self.descriptor and self.descriptor:fileno() or self.fd
end

function methods:events()
  return self.both and "r" or self.wanted
end

function methods:timeout()
  return self.seconds
end

--- How often to look where the waiter cannot be woken.
local DEAF = 1

--- What a loop has to wait at most: timers of loops overflow at more.
local LONGEST = 1e6

---@return noshell.awaited
local function awaited(pollable, seconds, waiter)
  local fd, descriptor = pollable:pollfd(), nil
  if fd and not waiter.entrusts then
    descriptor, fd = core.duplicate(fd), nil
  end
  local wanted = pollable:events()
  seconds = clock.sooner(seconds, (pollable:timeout()))
  if seconds then seconds = math.min(seconds, LONGEST) end
  if waiter.looks then seconds = clock.sooner(seconds, DEAF) end
  if wanted and not (descriptor or fd) then seconds = clock.sooner(seconds, clock.BLIND) end
  return setmetatable({ descriptor = descriptor, fd = fd, seconds = seconds,
    wanted = wanted or "r", thread = coroutine.running() }, metatable)
end

--- In place nothing else happens, so the caller's functions may be called.
local function wait_in_place(pollable, seconds, holder)
  local one = { owners = {} }
  holder.one = one
  local fd, is_blind = background.begin(one, true)
  if is_blind then seconds = clock.sooner(seconds, clock.BLIND) end
  local ok, raw = true, nil
  if holder.to_end and pollable:_undriven() then
    holder.finished, holder.failure = blocking.finish(pollable, seconds, fd)
  else
    ok, raw = blocking.wait(pollable, seconds, fd)
  end
  background.finish(one)
  holder.one = nil
  return ok, raw
end

--- Has this waiter serve the processes that no other one serves, where there are
--- some.
---@param one noshell.awaited
local function watch_others(one)
  local fd, is_blind = background.begin(one, false)
  local both = fd and core.pollset()
  local list, own = { fd, fd and "r" }, one:pollfd()
  if own then list[#list + 1], list[#list + 2] = own, one.wanted end
  if both and both:watch(list) then
    one.both = both
  elseif fd then
    is_blind = true
    if both then both:close() end
  end
  if is_blind then one.seconds = clock.sooner(one.seconds, clock.BLIND) end
end

-- What is lost with the coroutine that waits -----------------------------------

--- A process that an iterator over its lines started has lost its caller only
--- while the iterator waits: leaving the loop early does not end it.
local function bind_iterated(owners, is_bound)
  for _, owner in ipairs(owners) do
    local own = type(owner) == "userdata" and state.of(owner) or owner
    if own.iterated then owner:_bind(is_bound) end
  end
end

local function add_pollset(list, group)
  if group and group.pollset then list[#list + 1] = group.pollset end
end

local function add_process(list, process)
  if not process:_is_bound() then return end
  list[#list + 1] = process
  local own = state.of(process)
  add_pollset(list, own.driver and own.driver.group)
  for _, group in pairs(own.groups or {}) do add_pollset(list, group) end
end

--- What this wait's coroutine alone could release.
---@return noshell.held[]
local function held_by(pollable, owners)
  local list = {}
  if pollable.start then
    list[1] = pollable.start
    -- What the same call has started before.
    for _, process in ipairs(pollable.calls) do
      if not process:closed() then add_process(list, process) end
    end
    for _, pipe in ipairs(pollable.calls.pipes or {}) do list[#list + 1] = pipe end
  end
  if pollable.members then add_pollset(list, pollable) end
  for _, owner in ipairs(owners) do
    if type(owner) == "userdata" then
      add_process(list, owner)
    elseif owner.processes then
      for _, process in ipairs(owner.processes) do add_process(list, process) end
      if list[1] then add_pollset(list, owner.group) end
    end
  end
  return list
end

--- Another coroutine closed what this one waits for.
local function is_closed(pollable)
  local closed = pollable.closed
  return type(closed) == "function" and closed(pollable)
end

--- Releases what a waiter was given.
local function release(one)
  bind_iterated(one.owners, false)
  forget(one, one.owners)
  if one.descriptor then one.descriptor:close() end
  if one.both then one.both:close() end
end

--- An error has ended the wait.
---@param holder table  that of host.wait
function host.drop(holder)
  local one = holder.one
  if not one then return end
  background.drop(one)
  release(one)
  holder.one = nil
end

local function wait_with(waiter, pollable, seconds, holder)
  local one = awaited(pollable, seconds, waiter)
  one.owners = note(one, pollable)
  holder.one = one
  watch_others(one)
  bind_iterated(one.owners, true)
  if waiter.entrusts then
    one.held = held_by(pollable, one.owners)
    table.insert(one.held, one.both)
  end
  local ok, raw = waiter.wait(one, one.seconds)
  release(one)
  background.finish(one)
  holder.one = nil
  return ok, raw
end

--- Waits until the pollable may be ready. Returns early now and then: whoever
--- calls looks again. If an error passes through this, the caller calls host.drop.
---@param pollable noshell.pollable
---@param seconds? number  at most; nil: for ever
---@param holder table     keeps what has to be released then
---@return true?
---@return noshell.failure?  where the host cannot wait, or another closed it
function host.wait(pollable, seconds, holder)
  local waiter = find()
  local ok, raw
  if waiter == blocking then
    ok, raw = wait_in_place(pollable, seconds, holder)
  else
    ok, raw = wait_with(waiter, pollable, seconds, holder)
    protect.sweep()
  end
  if not ok and type(raw) == "string" then raw = { reason = raw } end
  if not ok and type(raw) == "table" then
    raw.code, raw.stage = "io", "wait"
    return nil, raw
  end
  if is_closed(pollable) then
    return nil, { code = "closed", reason = "it was closed meanwhile" }
  end
  return true
end

--- Has everyone look again who waits for this pollable or a stream of it: it has
--- ended, or was closed, and its descriptor may tell nobody.
---@param pollable noshell.pollable
function host.wake(pollable)
  local others = next(waiting) and waiting[owner_of(pollable)]
  for one in pairs(others or {}) do
    if one.wake then one:wake() end
  end
end

--- Has another waiter serve the processes that no wait serves, if there is one.
function host.hand_over()
  if not background.lacks_server() then return end
  for _, others in pairs(waiting) do
    for one in pairs(others) do
      if one.wake and not (one.is_lost and one:is_lost()) then
        background.want(true)
        return one:wake()
      end
    end
  end
  background.want(false)
end

return host
