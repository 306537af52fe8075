-- Servers that specs start: each ends with its spec; one that does not is a failure that
-- reports its state. All waits are limited.

local helper = require "spec.support.helper"
local lfs = require "lfs"
local sys = helper.sys

local server = {}

--- Seconds for what takes a moment, on a machine that is busy with other things.
local LONG = 30

--- Calls fn() until it returns a true value or the seconds have passed; returns the value.
function server.eventually(fn, seconds)
  local deadline = sys.clock() + (seconds or LONG)
  repeat
    local value = fn()
    if value then return value end
    sys.sleep(0.01)
  until sys.clock() > deadline
end

-- Looking at processes ---------------------------------------------------------

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a") or ""
  if file then file:close() end
  return text
end

--- The pids of what the threads of a process have started. The kernel's list is
--- not always whole.
function server.children(pid)
  local list, tasks = {}, ("/proc/%d/task"):format(pid)
  if lfs.attributes(tasks, "mode") ~= "directory" then return list end
  for task in lfs.dir(tasks) do
    for child in read(tasks .. "/" .. task .. "/children"):gmatch("%d+") do
      list[#list + 1] = tonumber(child)
    end
  end
  return list
end

--- Returns true if nothing runs there any more. Init may take a while to reap an orphan.
function server.is_gone(pid)
  local state = read(("/proc/%d/stat"):format(pid)):match("%) (%a)")
  return state == nil or state == "Z" or state == "X"
end

--- The stack is root's to see.
local function describe_task(path)
  local stack = {}
  for name in read(path .. "/stack"):gmatch("%] ([%w_.]+)%+") do
    stack[#stack + 1] = name
  end
  local status = read(path .. "/status")
  local name, state = status:match("Name:%s*([^\n]*)"), status:match("State:%s*([^\n]*)")
  return ("    task %s %s, %s, pending %s, in %s, call %s, stack %s"):format(
    path:match("%d+$"), name or "?", state or "?",
    status:match("ShdPnd:%s*(%x+)") or "?", read(path .. "/wchan"),
    read(path .. "/syscall"):match("[^\n]*"), table.concat(stack, " < "))
end

--- Describes the state of all threads of a process and its descendants, one per line.
function server.tasks(pid)
  local lines = { ("  process %d:"):format(pid) }
  local tasks = ("/proc/%d/task"):format(pid)
  if lfs.attributes(tasks, "mode") == "directory" then
    for task in lfs.dir(tasks) do
      if task:match("^%d") then
        lines[#lines + 1] = describe_task(tasks .. "/" .. task)
      end
    end
  end
  for _, child in ipairs(server.children(pid)) do
    lines[#lines + 1] = server.tasks(child)
  end
  return table.concat(lines, "\n")
end

--- Returns numbers that must not grow: threads and descriptors; and the memory in use.
function server.inventory(pid)
  local count = 0
  for name in lfs.dir(("/proc/%d/fd"):format(pid)) do
    if name:match("%d") then count = count + 1 end
  end
  local status = read(("/proc/%d/status"):format(pid))
  return { fds = count, threads = tonumber(status:match("Threads:%s+(%d+)")),
    kilobytes = tonumber(status:match("VmRSS:%s+(%d+)")) }
end

-- Starting and ending ------------------------------------------------------------

---@class spec.server
---@field pid integer
---@field private pipe file*  to end it: the server itself holds no end of it

--- Starts a program, which stays in the foreground. Its output goes to a file: waiting for
--- the end of a pipe would also wait for its descendants.
function server.start(words, output)
  local pipe = assert(io.popen(("echo $$; exec %s >%s 2>&1 </dev/null"):format(
    helper.quoted(words), helper.quoted { output })))
  return { pipe = pipe, pid = assert(tonumber(pipe:read("*l"))) }
end

--- Returns true if it has ended.
function server.is_over(self)
  return server.is_gone(self.pid)
end

local function kill_all(pid)
  local children = server.children(pid)
  sys.kill(pid, "KILL")
  for _, child in ipairs(children) do sys.kill(child, "KILL") end
end

--- Ends it with TERM, or with KILL if that fails; then returns the state that it was in.
function server.stop(self)
  if not server.is_gone(self.pid) then sys.kill(self.pid, "TERM") end
  local why
  if not server.eventually(function() return server.is_gone(self.pid) end) then
    why = ("it did not end within %d s of TERM:\n%s"):format(LONG, server.tasks(self.pid))
    kill_all(self.pid)
  end
  self.pipe:close()
  return why
end

return server
