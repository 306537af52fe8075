-- The launcher: its visibility to other processes, and the starts that fork instead. The
-- topics' specs check the child, on the path "launcher".
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys
local is_root = sys.getuid() == 0
local UID = 12345

local function read(path)
  local file, err = io.open(path)
  if not file then return err end
  local text, failure = file:read "*a"
  file:close()
  return text or failure
end

--- The other child of the host: the launcher. Its children are this process and it.
local function sibling()
  local host, own = sys.getppid(), sys.getpid()
  local children = read(("/proc/%d/task/%d/children"):format(host, host))
  for pid in children:gmatch "%d+" do
    if tonumber(pid) ~= own then return pid end
  end
end

--- Blocks a launcher of `spec` in open(2) of its pid file, and returns what another process
--- of the same user sees of it.
local function watch(file, spec)
  local ready, tell = sys.pipe()
  local seen, report = sys.pipe()
  local watcher = assert(sys.fork())
  if watcher == 0 then
    local fd = assert(sys.open(file, "rw"))
    assert(sys.lease(fd))
    sys.write(tell, "r")
    sys.await_open()
    local pid = sibling()
    sys.write(report, ("%s\n%s\n%s\n"):format(read("/proc/" .. pid .. "/comm"):gsub("\n", ""),
      read("/proc/" .. pid .. "/cmdline"):gsub("%z", "|"),
      (read("/proc/" .. pid .. "/environ"):gsub("%z", "|"))))
    sys.end_lease(fd)
    sys.exit(0)
  end
  sys.close(tell)
  sys.close(report)
  assert(sys.read(ready, 1) == "r", "no lease on this file system")
  spec.pid_file = file
  local process = assert(noshell.run_async(spec))
  local launch = process.launch
  assert(process:wait())
  process:close()
  sys.waitpid(watcher)
  local comm, cmdline, environ = sys.read(seen, 4096):match "^([^\n]*)\n([^\n]*)\n([^\n]*)\n$"
  sys.close(ready)
  sys.close(seen)
  return { launch = launch, comm = comm, cmdline = cmdline, environ = environ }
end

local function watched(before)
  local got
  helper.with_tmpdir(function(dir)
    sys.chmod(dir, tonumber("777", 8))
    local file = helper.write_file(dir .. "/pid", "")
    if is_root then sys.chown(file, UID, UID) end
    got = helper.with_path("launcher", forked, function()
      before()
      return watch(file, { "true", "secret argument", env = { SECRET = "word" },
        clear_caps = true })
    end)
  end)
  assert.equal("launcher", got.launch)
  return got
end

describe("the launcher", function()
  helper.leak_check()

  it("shows neither the program's arguments nor its environment in /proc", function()
    helper.require_or_pending("caps", is_root, "root")
    local got = watched(function() end)
    assert.equal("noshell|", got.cmdline)
    assert.equal("", got.environ)
    assert.is_nil(got.comm:find("secret", 1, true))
  end)

  it("cannot be accessed by other processes of the host's user", function()
    local got = watched(function()
      if is_root then assert(sys.become(UID, UID)) end
    end)
    assert.matches("Permission denied", got.environ)
  end)

  helper.each_apart(function()
    it("does not restore capabilities that the host has dropped", function()
      helper.require_or_pending("caps", is_root, "root")
      local KILL = 2 ^ 5
      local got = forked(function()
        assert(sys.caps(KILL, KILL, 0, 0))
        return probing.fields(noshell.run { "true", uid = UID })
      end)
      assert.equal("spawn set_uid EPERM " .. UID, got.described)
      got = forked(function()
        assert(sys.caps(KILL, KILL, 0, 0))
        return { effective = probing.report(probing.command():allow_cap("kill")
          :set_uid(0)).CapBnd }
      end)
      assert.equal(read("/proc/self/status"):match "CapBnd:%s*(%x+)", got.effective)
    end)

    it("completes a start even if the timeout is shorter", function()
      local spec = { "sleep", "60", clear_caps = true, timeout = 0.000001 }
      local result, err = noshell.run(spec)
      assert.is_nil(result)
      assert.equal("timeout", err.code)
    end)
  end)
end)

describe("a start that changes identity", function()
  helper.leak_check()

  --- The path that is taken in a process that fn has changed.
  local function launch(fn)
    return forked(function()
      fn()
      local process, err = noshell.run_async { "true", clear_caps = true,
        stdin = "null", stdout = "null", stderr = "null" }
      if not process then return { path = "none", why = tostring(err) } end
      local path = process.launch
      assert(process:wait())
      process:close()
      return { path = path }
    end)
  end

  it("forks if the limit of file sizes is too low for a memory file", function()
    for size, path in pairs { [1000] = "own", [1000000] = "launcher" } do
      local got = launch(function() sys.limit("fsize", size, size) end)
      assert.equal(path, got.path, got.why)
    end
  end)

  it("forks if there are too few descriptors for the launcher", function()
    local order, last = {}, nil
    for count = 4, 40 do
      local got = launch(function() sys.limit("nofile", count, count) end)
      if got.path ~= last then order[#order + 1] = got.path end
      last = got.path
    end
    assert.equal("own launcher", (table.concat(order, " "):gsub("^none ", "")))
  end)

  it("forks if executing a memory file is refused, and remembers it", function()
    for _, denied in ipairs { "memfd_create:EACCES", "execveat:EACCES",
      "prctl(PR_SET_DUMPABLE):EPERM" } do
      local got = launch(function()
        assert(sys.deny(denied))
        assert(noshell.run { "true", clear_caps = true })
      end)
      assert.equal("own", got.path, denied)
    end
  end)

  it("does not use poll(2), which a filter may refuse", function()
    local got = launch(function() assert(sys.deny("poll:KILL")) end)
    assert.equal("exit 0", got.status)
    assert.equal("launcher", got.path)
  end)
end)
