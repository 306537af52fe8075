--- Hosts: the event loop in which Lua runs waits for our descriptors.
---
--- The host is, in this order:
---   1. the one set by use(waiter, coroutine) for the running coroutine,
---   2. the one set by use(waiter),
---   3. nginx, in the phases of a request or a timer that can yield,
---   4. cqueues, in a coroutine that a controller resumed,
---   5. Neovim, if its API may be called: it waits in place, with vim.wait,
---   6. blocking: poll(2).
--- A coroutine that is a task of luv or copas cannot be distinguished from a generator,
--- and yielding from a generator is wrong. So these two are never chosen automatically:
--- call use(require "noshell.host.luv") once, or for each coroutine that is a task.

local background = require "noshell.background"
local clock = require "noshell.clock"
local blocking = require "noshell.host.blocking"
local core = require "noshell.core"
local coroutines = require "noshell.host.coroutines"
local protect = require "noshell.protect"
local state = require "noshell.state"

--- An object that can be waited for; the protocol is that of cqueues.
---@class noshell.pollable
---@field pollfd fun(self): integer?   the descriptor
---@field events fun(self): string?    "r", "w" or "rw"; nil: only the timeout counts
---@field timeout fun(self): number?   seconds after which to check without an event

--- The pollable that a waiter gets. Its descriptor is a duplicate that stays open until
--- the waiter returns, even if the object is closed meanwhile. A host with `entrusts`
--- gets the object's own descriptor instead, and is woken before that is closed.
---@class noshell.awaited : noshell.pollable
---@field wake? fun(self)  set by the waiter: makes it return early
---@field is_lost? fun(self): boolean  set by the waiter: true if it will never return
---@field held? noshell.held[]  for a host with `entrusts`

--- An object that is lost if the waiting coroutine never runs again. `_entrust` hands
--- it to a wake-up channel (c/noshell.h); every other method takes it back first.
---@class noshell.held
---@field _entrust fun(self, channel: integer): boolean
---@field closed fun(self): boolean

--- A waiter that cannot wait returns nil and the reason, or nil and the fields of a
--- noshell.error.
---@alias noshell.waiter fun(pollable: noshell.awaited, seconds?: number): true?, string|table|nil

---@class noshell.waiting_host
---@field name string              returned by noshell.host.name
---@field wait noshell.waiter      sets pollable.wake
---@field is_here? fun(): boolean  true if this host can wait here and now
---@field starts_aside? boolean    programs are started in another thread, and not only
---  those that open a FIFO
---@field prepare? fun()          called before a program is started
---@field hold? fun(held: noshell.held[]): any?     owns these until release
---@field release? fun(holder: any, held: noshell.held[])
---@field entrusts? boolean        its wake-up channels own the objects of awaited.held

local host = {}

-- Choosing --------------------------------------------------------------------

---@type noshell.waiting_host?
local chosen
---@type table<thread, noshell.waiting_host>
local chosen_by = setmetatable({}, { __mode = "k" })

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

--- Sets the host, for all coroutines or for one: a host such as
--- require "noshell.host.luv", or a function. The function returns when the pollable's
--- descriptor is ready, its timeout() or `seconds` have passed, or earlier. nil
--- restores the automatic choice.
---@param waiter? noshell.waiter|noshell.waiting_host
---@param thread? thread
---@return noshell.waiter|noshell.waiting_host|nil previous
function host.use(waiter, thread)
  local new = as_host(waiter)
  local previous
  -- Lua 5.4's require returns a second value, which is not a coroutine.
  if type(thread) == "thread" then
    previous, chosen_by[thread] = chosen_by[thread], new
  else
    previous, chosen = chosen, new
  end
  return previous and previous.looks and previous.wait or previous
end

local loaded = package.loaded

--- Neovim sets the global before any script runs.
local has_vim = rawget(_G, "vim") ~= nil

--- Returns the host of this module if it can wait here and now.
local function usable(module)
  local candidate = require(module)
  return candidate.is_here() and candidate
end

--- The modules of hosts are loaded only if the module of the loop is.
local function find()
  local own = next(chosen_by) and chosen_by[coroutine.running()]
  return own or chosen or loaded.ngx and usable "noshell.host.nginx"
    or loaded.cqueues and usable "noshell.host.cqueues"
    or has_vim and usable "noshell.host.neovim" or blocking
end

--- Returns the host that a wait would use now.
---@return noshell.waiting_host
function host.current()
  return find()
end

--- Returns the name of the host that would wait here and now: "blocking", "cqueues",
--- "luv", "copas", and so on; "function" for a function.
---@return string
function host.name()
  return find().name
end

--- Calls f(...), and frame:fail() if an error passes through it.
---@type fun(frame: noshell.frame, f: function, ...: any): ...
host._protect = protect.run

-- On Lua 5.1 the protection depends on whether f can yield.
if coroutines.is_51 then
  function host._protect(frame, f, ...)
    if find() == blocking then return protect.run_in_place(frame, f, ...) end
    return protect.run(frame, f, ...)
  end
end

--- Prepares the host for a start. Returns whether programs that open a FIFO are started
--- in another thread here, and whether all programs are.
---@return boolean
---@return boolean
function host.starts_aside()
  local waiter = find()
  if waiter.prepare then waiter.prepare() end
  return waiter ~= blocking, waiter.starts_aside or false
end

--- Returns true if a wait here blocks, so that no other code can run and abandon it.
---@return boolean
function host.waits_in_place()
  return find() == blocking
end

-- Waiting ---------------------------------------------------------------------

--- The waits in progress, to wake them: owner → set of awaited. Both references are
--- weak, so a coroutine that waits and is not referenced is collected.
local waiting = setmetatable({}, { __mode = "k" })

local PROCESS = core.metatables.process

--- Returns the object that is ended and closed together with this one: a stream's
--- process, a process's pipeline.
local function owner_of(pollable)
  if type(pollable) ~= "userdata" then return pollable end
  local is_process = getmetatable(pollable) == PROCESS
  local process = is_process and pollable or pollable:process()
  return state.of(process).owner or process
end

local WEAK = { __mode = "k" }

--- Registers a wait for the pollable, or for each member of a group.
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

--- The seconds between two checks of a waiter that cannot be woken.
local DEAF = 1

--- The longest wait in seconds: timers of some loops overflow at more.
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

--- Waits with the blocking host. Nothing else runs meanwhile, so user callbacks may be
--- called.
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

--- Makes this waiter watch the unattended processes too, if another one does not.
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

-- Objects that are lost with the waiting coroutine ------------------------------

--- Binds processes that an iterator over lines started to the coroutine while it waits.
--- Between two items they are not bound: leaving the loop early does not end them.
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

--- Adds a pending start, and the programs that the same call has already started.
---@param list noshell.held[]
---@param calls noshell.scope
local function add_calls(list, calls)
  list[#list + 1] = calls.start
  for _, process in ipairs(calls) do
    if not process:closed() then add_process(list, process) end
  end
  for _, pipe in ipairs(calls.pipes or {}) do list[#list + 1] = pipe end
end

--- Returns the objects that only the waiting coroutine could release.
---@return noshell.held[]
local function held_by(pollable, owners)
  local list, is_table = {}, type(pollable) == "table"
  if is_table and pollable.start then add_calls(list, pollable.calls) end
  for _, member in ipairs(is_table and pollable.members or {}) do
    -- A call of noshell.aside.
    if type(member) == "table" and member.calls then add_calls(list, member.calls) end
  end
  if is_table and pollable.members then add_pollset(list, pollable) end
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

local function settle(waiter, holder, held, own, ok, ...)
  background.leave(own)
  waiter.release(holder, held)
  if ok then return ... end
  error((...), 0)
end

--- Calls f(...), a user callback. It may yield and never be resumed, or end the request,
--- as ngx.exit does: then these programs are ended, too.
---@param processes noshell.process[]
---@param f function
---@param ... any
function host.guard(processes, f, ...)
  local waiter = find()
  if not waiter.hold then return f(...) end
  local held, own = {}, {}
  for _, process in ipairs(processes) do
    if not process:closed() and process:_is_bound() then
      -- Keeps other waiters from serving the process, which would take it back.
      background.enter(own, process)
      add_process(held, process)
    end
  end
  local holder = held[1] and waiter.hold(held)
  if holder then return settle(waiter, holder, held, own, pcall(f, ...)) end
  background.leave(own)
  return f(...)
end

--- True if another coroutine closed the pollable meanwhile.
local function is_closed(pollable)
  local closed = pollable.closed
  return type(closed) == "function" and closed(pollable)
end

--- Releases an awaited.
local function release(one)
  bind_iterated(one.owners, false)
  forget(one, one.owners)
  if one.descriptor then one.descriptor:close() end
  if one.both then one.both:close() end
end

--- Releases the wait after an error has ended it.
---@param holder table  as for host.wait
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

--- Waits until the pollable may be ready. It may return early, so the caller checks the
--- pollable again. If an error passes through this, the caller calls host.drop.
---@param pollable noshell.pollable
---@param seconds? number  default: no limit
---@param holder table     keeps the awaited for host.drop
---@return true?
---@return noshell.failure?  if the host cannot wait, or another coroutine closed it
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

--- Wakes all waits for this pollable and its streams, after it has ended or was closed:
--- its descriptor may not show that.
---@param pollable noshell.pollable
function host.wake(pollable)
  local others = next(waiting) and waiting[owner_of(pollable)]
  if not others then return end
  for one in pairs(others) do
    if one.wake then one:wake() end
  end
end

--- Wakes another waiter, if there is one, to watch the unattended processes.
function host.hand_over()
  if next(waiting) == nil then return background.want(false) end
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
