-- A line without an end was read until memory ran out, and its reading looked at no
-- clock: C's nsh_stream_read did not return while the program wrote. A line is as
-- long as max_output allows now, and the timeout is seen between reads; it also ends
-- the reading from a pipe that a grandchild holds.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local endless = { "sh", "-c", "exec cat /dev/zero" }

local function started(spec, more)
  local copy = { stdout = "pipe" }
  for key, value in pairs(spec) do copy[key] = value end
  for key, value in pairs(more or {}) do copy[key] = value end
  return assert(noshell.run_async(copy))
end

describe("a line without an end", function()
  helper.leak_check()

  local reason = "a line or record on stdout is longer than the 100000 bytes that "
    .. "max_output allows"

  it("is an error once it is longer than max_output", function()
    local process = started(endless, { max_output = 100000 })
    local readers = {
      function() return process.stdout:read() end,
      function() return process.stdout:read "L" end,
      process.stdout:lines(),
      process.stdout:records "\n",
      process.stdout:records "end\n",
    }
    for _, read in ipairs(readers) do
      local ok, line, err = pcall(read)
      if not ok then line, err = nil, line end
      assert.is_nil(line)
      assert.equal("output_limit", err.code)
      assert.equal(reason, err.reason)
      assert.equal("noshell: 'sh -c 'exec cat /dev/zero'': " .. reason, helper.said(err))
    end
    -- The program was not ended: what follows can be read.
    assert.equal(10, #process.stdout:read(10))
    process:close()
  end)

  it("ends the loop over lines, and the program", function()
    local ok, err = pcall(function()
      for _ in noshell.lines { "cat", "/dev/zero", max_output = 100000 } do
        error "there is no line"
      end
    end)
    assert.is_false(ok)
    assert.equal("output_limit " .. reason, err.code .. " " .. err.reason)
  end)

  it("may be as long as the default cap of 64 MiB", function()
    local process = started(endless)
    local _, err = process.stdout:read()
    assert.equal("output_limit", err.code)
    assert.matches("67108864 bytes", err.reason)
    process:close()
  end)

  it("is no error for a size, for all, or without a cap", function()
    local process = started({ "head", "-c", 300000, "/dev/zero" }, { max_output = 1000 })
    assert.equal(5000, #process.stdout:read(5000))
    assert.equal(295000, #process.stdout:read "a")
    process:close()
    process = started({ "head", "-c", 300000, "/dev/zero" }, { max_output = math.huge })
    assert.equal(300000, #process.stdout:read())
    process:close()
  end)

  it("may be exactly as long as the cap", function()
    local process = started({ "sh", "-c", "head -c 199999 /dev/zero; echo" },
      { max_output = 200000 })
    assert.equal(199999, #process.stdout:read())
    process:close()
  end)
end)

describe("a timeout", function()
  helper.leak_check()

  --- A program that writes a line, and exits while only its grandchild holds stdout.
  local function holding(hold)
    return { helper.probe, "--say", "first", "--fork", "--close", 2, "--block-on", hold,
      "--end", pass_fds = { hold } }
  end

  local function assert_held(err)
    assert.equal("timeout", err.code)
    assert.same({ "stdout" }, err.result.held)
    assert.equal(0, err.result.exit_code)
    assert.matches("exited with status 0, but a process it started still held its "
      .. "stdout after 0.3 s$", helper.said(err))
  end

  it("ends the reading from a pipe that a grandchild holds", function()
    local hold, release = helper.sys.pipe()
    local process = started(holding(hold), { timeout = 0.3 })
    assert.equal("first", process.stdout:read())
    local line, err = process.stdout:read()
    assert.is_nil(line)
    assert_held(err)
    assert(process:wait())
    process:close()
    local spec, count = holding(hold), 0
    spec.timeout = 0.3
    local ok
    ok, err = pcall(function()
      for _ in noshell.lines(spec) do count = count + 1 end
    end)
    assert.is_false(ok)
    assert.equal(1, count)
    assert_held(err)
    helper.sys.close(hold)
    helper.sys.close(release)
  end)

  it("does so in a pipeline", function()
    local hold, release = helper.sys.pipe()
    local ok, err = pcall(function()
      for _ in noshell.pipeline({ { "true" }, holding(hold), timeout = 0.3 }):lines() do
        assert.is_true(true)
      end
    end)
    assert.is_false(ok)
    assert_held(err)
    helper.sys.close(hold)
    helper.sys.close(release)
  end)
end)
