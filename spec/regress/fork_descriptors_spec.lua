-- In a child that the host forked, noshell closed descriptors by number: from its
-- lists, and as its objects were collected. A daemon that had closed everything
-- and opened its own files lost them; so after a fork no number is touched.
local core = require "noshell.core"
local driver = require "spec.support.driver"
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

local FIRST, LAST = 3, 63

--- In the child of forks(): closes everything, opens as many files, and collects
--- what `objects` has. How many of the files are not open any more.
local function lost_files(forks, objects)
  local fork = sys.fork
  sys.fork = sys[forks]
  local ok, got = pcall(forked, function()
    for fd = FIRST, LAST do sys.close(fd) end
    for fd = FIRST, LAST do assert(sys.open("/dev/null", "r") == fd) end
    for key in pairs(objects) do objects[key] = nil end
    collectgarbage()
    collectgarbage()
    local lost = 0
    for fd = FIRST, LAST do
      if not sys.close(fd) then lost = lost + 1 end
    end
    -- The numbers are free now.
    return { lost = lost, ran = noshell.output("echo", "x") }
  end)
  sys.fork = fork
  if not ok then error(got, 0) end
  return got
end

local kinds = {
  process = function()
    return noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" }
  end,
  ["process with a deadline"] = function()
    return noshell.run_async { "cat", stdin = "pipe", timeout = 60 }
  end,
  ["pipeline"] = function()
    return noshell.pipeline { { "cat", stdin = "pipe" }, { "cat" }, timeout = 60 }
      :run_async()
  end,
  pollset = function() return core.pollset() end,
  duplicate = function() return core.duplicate(1) end,
  timer = function() return core.timer(60) end,
  pipe = function() return { core.pipe() } end,
}

describe("in a child of a fork", function()
  helper.leak_check()

  for _, forks in ipairs { "fork", "raw_fork" } do
    helper.each_path(function(path)
      it(("no file of its own is closed, %s, %s"):format(forks, path), function()
        for name, make in pairs(kinds) do
          local objects = { make() }
          assert.truthy(objects[1], name)
          local got = lost_files(forks, objects)
          assert.equal(name .. " 0 x", name .. " " .. got.lost .. " " .. got.ran)
          if objects[1].close then objects[1]:close() end
        end
      end)
    end)

    it(("the ends of a pipe can be used and closed, %s"):format(forks), function()
      local reader, writer = core.pipe()
      local fork = sys.fork
      sys.fork = sys[forks]
      local ok, got = pcall(forked, function()
        local said = sys.write(writer:fileno(), "x")
        local fd = writer:fileno()
        writer:close()
        return { said = said, is_closed = not sys.close(fd) and writer:closed() }
      end)
      sys.fork = fork
      assert.is_true(ok, got)
      assert.is_true(got.is_closed)
      writer:close()
      assert.equal("x", sys.read(reader:fileno(), 10))
      assert.equal("", sys.read(reader:fileno(), 10))
      reader:close()
    end)
  end

  it("the program that the parent feeds sees the end of its input", function()
    local process = noshell.run_async { "cat", stdin = "pipe" }
    local from, to = sys.pipe()
    local pid = assert(sys.fork())
    if pid == 0 then
      sys.close(to)
      sys.read(from, 1)
      sys.exit(0)
    end
    process.stdin:write "x"
    process.stdin:close()
    local result = process:wait(10)
    sys.close(from)
    sys.close(to)
    sys.waitpid(pid)
    process:close()
    assert.equal("x", result and result.stdout)
  end)

  if helper.lua.version == "jit" then
    it("none is closed for plain LuaJIT either", function()
      local result = helper.run_lua(helper.lua, [[
        local ffi = require "ffi"
        ffi.cdef "int fork(void); int close(int); int open(const char *, int);"
        ffi.cdef "int waitpid(int, int *, int); void _exit(int);"
        local noshell = require "noshell"
        local kept = noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" }
        local pid = ffi.C.fork()
        if pid == 0 then
          for fd = 3, 63 do ffi.C.close(fd) end
          for fd = 3, 10 do ffi.C.open("/dev/null", 0) end
          kept = nil
          collectgarbage() collectgarbage()
          local lost = 0
          for fd = 3, 10 do if ffi.C.close(fd) < 0 then lost = lost + 1 end end
          ffi.C._exit(lost)
        end
        local status = ffi.new("int[1]")
        ffi.C.waitpid(pid, status, 0)
        print(status[0] / 256)
        kept:close()
      ]])
      assert.equal("0\n", result.out .. result.err)
    end)
  end
end)

if driver.is_wanted then
  local program = helper.build .. "/c/fork"

  describe("in C", function()
    helper.leak_check()

    for check in helper.run({ program }).out:gmatch("[^\n]+") do
      helper.each_path(function(path)
        it(("%s, %s"):format(check, path), function()
          for _, raw in ipairs { "", "1" } do
            local result = helper.run({ program, check }, { env = {
              NOSHELL_BUILD = helper.build, NOSHELL_LAUNCH = path,
              RAW_CLONE = raw } })
            assert(result.status == 0, ("%s%sit ended with %s, RAW_CLONE=%s")
              :format(result.out, result.err, result.status, raw))
          end
        end)
      end)
    end
  end)
end
