-- Lines and records that C returns from buffered data, and their way through the Lua layer
-- if more data must be read.
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local function started(spec)
  spec.stdout = "pipe"
  return assert(noshell.run_async(spec))
end

--- Numbered lines; more than any buffer holds.
local COUNT = 20000
local function numbered(ending)
  local lines = {}
  for i = 1, COUNT do lines[i] = ("line %d"):format(i) end
  return table.concat(lines, ending) .. ending
end

--- Asserts that the iterator returns exactly those lines.
local function assert_numbered(iterator, more)
  local count = 0
  for line in iterator do
    count = count + 1
    if line ~= ("line %d%s"):format(count, more or "") then
      error(("line %d is '%s'"):format(count, line))
    end
  end
  assert.equal(COUNT, count)
end

describe("iterating over items", function()
  helper.leak_check()

  it("returns each line once, at any end of a buffer", function()
    assert_numbered(noshell.lines { "cat", input = numbered "\n" })
    local lines = noshell.command("cat"):set_input(numbered "\n"):lines "L"
    assert_numbered(lines, "\n")
    local process = started { "cat", input = numbered "\n" }
    assert_numbered(process.stdout:lines())
    process:close()
    process = started { "cat", input = numbered "\n" }
    assert_numbered(function() return process.stdout:read() end)
    process:close()
  end)

  it("removes CR LF if the command says so", function()
    assert_numbered(noshell.lines { "cat", input = numbered "\r\n", crlf = true })
    assert_numbered(noshell.lines { "cat", input = numbered "\r\n" }, "\r")
    local process = started { "cat", input = numbered "\r\n", crlf = true }
    assert_numbered(function() return (process.stdout:read "l") end)
    process:close()
    process = started { "cat", input = numbered "\r\n", crlf = true }
    assert_numbered(process.stdout:records "\n", "\r")
    process:close()
  end)

  it("returns each record once, at any end of a buffer", function()
    for _, separator in ipairs { "\0", "\r\n", "aab" } do
      local process = started { "cat", input = numbered(separator) }
      assert_numbered(process.stdout:records(separator))
      process:close()
      assert_numbered(noshell.command("cat"):set_input(numbered(separator))
        :records(separator))
    end
  end)

  it("calls on_stdout once for each line", function()
    for _, ending in ipairs { "\n", "\r\n" } do
      local lines = {}
      local result = assert(noshell.run { "cat", input = numbered(ending), crlf = true,
        on_stdout = function(line) lines[#lines + 1] = line end })
      assert.equal(numbered "\n", table.concat(lines, "\n") .. "\n")
      assert.equal(#numbered(ending), #result.stdout)
    end
  end)

  it("calls on_stdout no more after the process was closed or detached", function()
    for _, method in ipairs { "close", "detach" } do
      local process, count = nil, 0
      process = assert(noshell.run_async { helper.probe, "--say", "one\ntwo\nthree",
        on_stdout = function()
          count = count + 1
          process[method](process)
        end })
      local _, err = process:wait()
      assert.equal("closed", err.code)
      assert.equal(1, count)
    end
    noshell.run "true"
  end)

  it("continues where another way of reading stopped", function()
    local process = started { "cat", input = "one\ntwo\nthree;four\nfive\nsix" }
    local stdout = process.stdout
    assert.equal("one", stdout:lines()())
    assert.equal("", stdout:read(0))
    assert.equal("t", stdout:read(1))
    assert.equal("wo", stdout:read())
    assert.equal("three", stdout:records ";" ())
    assert.equal("four\n", stdout:lines "L" ())
    assert.equal("five", stdout:read "*line")
    assert.equal("six", stdout:lines()())
    assert.is_nil(stdout:read "l")
    process:close()
  end)

  it("reports a format that is nil", function()
    local process = started { "cat", input = "one\n" }
    local ok, err = pcall(function() process.stdout:read(nil) end)
    assert.is_false(ok)
    assert.matches("line_iteration_spec.lua:%d+: bad argument #1 to 'read'", err)
    process:close()
  end)

  it("ends a program that writes continuously at its deadline", function()
    local function run(lines)
      local count = 0
      local ok, err = pcall(function() for _ in lines() do count = count + 1 end end)
      assert.is_false(ok)
      assert.truthy(count > 0)
      assert.equal("timeout", err.code)
    end
    run(function() return noshell.lines { "yes", timeout = 0.4 } end)
    run(function()
      return noshell.pipeline({ { "yes" }, { "cat" }, timeout = 0.4 }):lines()
    end)
  end)
end)

-- LuaJIT's traces keep some objects, so that no leak check is possible here.
describe("a loop that is left early", function()
  it("permits collecting its program even if the loop is compiled", function()
    local function descriptors()
      local count = 0
      for _ in lfs.dir "/proc/self/fd" do count = count + 1 end
      return count
    end
    local function some(count)
      for line in noshell.lines "yes" do
        count = count - 1
        if count == 0 then return line end
      end
    end
    local before = descriptors()
    for _ = 1, 40 do
      assert.equal("y", some(100))
      collectgarbage()
      collectgarbage()
    end
    assert.truthy(descriptors() < before + 20)
  end)
end)
