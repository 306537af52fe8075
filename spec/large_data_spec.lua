-- Much data: buffers of 4 MiB and more are mappings of their own, and writes to a pipe that
-- fills up use RWF_NOSIGNAL (pwritev2(2), Linux 6.18).
local helper = require "spec.support.helper"
local noshell = require "noshell"

local MEGA = 1024 * 1024

describe("a buffer", function()
  helper.leak_check()

  it("keeps its bytes when it becomes a mapping, and when that grows", function()
    for _, size in ipairs { 4 * MEGA - 1, 4 * MEGA, 4 * MEGA + 1, 8 * MEGA + 1 } do
      local data = helper.pattern(size)
      assert.is_true(data == assert(noshell.run { "cat", input = data }).stdout, size)
    end
  end)

  it("of a stream does so, too", function()
    local size = 9 * MEGA
    local process = assert(noshell.run_async { helper.probe, "--out", size, stdout = "pipe" })
    assert.is_true(helper.pattern(size) == process.stdout:read(size))
    assert(process:wait())
    process:close()
  end)
end)

--- Runs a script with so much address space beyond what an idle Lua uses.
local function with_memory(mebibytes, script)
  local run = helper.run_lua(helper.lua, script, { PROBE = helper.probe },
    { wrap = { "prlimit", "--as=" .. mebibytes * MEGA } })
  assert.equal("", run.err)
  return run.out
end

describe("a lack of memory", function()
  helper.leak_check()

  -- The runtimes of sanitizers and of valgrind map more than this.
  if os.getenv "NOSHELL_INSTRUMENTED" then return end

  it("ends the program whose output does not fit, and is reported", function()
    assert.equal("nil\tio\tENOMEM\ttrue\n", with_memory(200, [[
      local noshell = require "noshell"
      local result, err = noshell.run { os.getenv "PROBE", "--out", 400000000, "--pause",
        max_output = math.huge }
      print(result, err.code, err.errname, noshell.run("true").ok)]]))
  end)

  it("is Lua's error if only the string does not fit, and nothing is left", function()
    local text = with_memory(200, [[
      local noshell = require "noshell"
      local ok, err = pcall(noshell.run, { os.getenv "PROBE", "--out", 100000000,
        max_output = math.huge })
      print(ok, (tostring(err):gsub("^.*: ", "")))
      collectgarbage()
      collectgarbage()
      print(noshell.run("true").ok, #noshell.output { os.getenv "PROBE", "--out", 50000000 })]])
    assert.equal("false\tnot enough memory\ntrue\t50000000\n", text)
  end)
end)

describe("a write without SIGPIPE", function()
  helper.leak_check()

  for _, denied in ipairs { "pwritev2:ENOSYS", "pwritev2:EPERM", "pwritev2:EINVAL",
    "pwritev2:KILL" } do
    it("is possible in spite of " .. denied, function()
      local run = helper.run_lua(helper.lua, [[
        local noshell = require "noshell"
        local data = ("x"):rep(3000000)
        for _ = 1, 2 do
          print(#assert(noshell.run { "cat", input = data }).stdout,
            assert(noshell.run { "head", "-c", 1, input = data }).stdout)
        end]], nil, { deny = denied })
      assert.equal(("3000000\tx\n"):rep(2), run.out, run.err)
    end)
  end
end)
