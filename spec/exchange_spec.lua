-- Data between us and the program: any size, in all directions at once.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys
local MEGA = 1024 * 1024

--- Returns the probe's report for this input.
local function said_of(data)
  return ("in.count=%d\nin.adler32=%s\n"):format(#data, helper.adler32(data))
end

describe("the exchange", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("moves much data in all three directions at once", function()
      local input = helper.pattern(3 * MEGA + 7)
      -- It writes before it reads: a parent that only wrote would block.
      local process = assert(noshell.run_async { helper.probe, "--out", 2 * MEGA, "--err",
        MEGA, "--in", "--out", 3, input = input })
      assert.equal(path, process.launch)
      local result = assert(process:wait())
      process:close()
      assert.equal(helper.pattern(2 * MEGA) .. said_of(input) .. helper.pattern(3),
        result.stdout)
      assert.equal(helper.pattern(MEGA), result.stderr)
      assert.is_false(result.output_incomplete)
    end)

    it("sends buffers of 128 KiB beside 128 KiB of stdin, in any order", function()
      local size = 128 * 1024
      local cmd = noshell.command(helper.probe):set_input_buffer(helper.pattern(size))
      local numbers = {}
      for i = 1, 5 do numbers[i] = cmd:send_buffer(helper.pattern(size)) end
      for i = 5, 1, -1 do cmd:add_args("--read", numbers[i], size, "--out", size) end
      local process = assert(cmd:add_arg("--in"):run_async())
      assert.equal(path, process.launch)
      assert.equal(helper.pattern(size):rep(5) .. said_of(helper.pattern(size)),
        assert(process:wait()).stdout)
      process:close()
    end)
  end)

  it("moves every size near those of pipes and pages", function()
    for _, around in ipairs { 1, 4096, 65536, 131072, MEGA } do
      for size = around - 1, around + 1 do
        local data = helper.pattern(size)
        assert.equal(data, assert(noshell.run { "cat", input = data }).stdout)
      end
    end
  end)

  it("moves any bytes", function()
    local bytes = {}
    for i = 0, 255 do bytes[i + 1] = string.char(i) end
    local all = table.concat(bytes):rep(3)
    assert.equal(all, assert(noshell.run { "cat", input = all }).stdout)
  end)

  it("passes an empty input as an end of file", function()
    assert.equal("in.count=0\nin.adler32=00000001\n",
      assert(noshell.run { helper.probe, "--in", input = "" }).stdout)
  end)

  it("continues only while it is pumped", function()
    local data = helper.pattern(MEGA)
    local process = assert(noshell.run_async { "cat", input = data })
    while not process:poll() do
      assert(core.poll(process:pollfd(), process:events(), 10))
    end
    assert.equal(data, assert(process:wait()).stdout)
    process:close()
  end)

  it("serves captures while a stream is read", function()
    local process = assert(noshell.run_async { helper.probe, "--err", MEGA, "--out", 10,
      "--err", MEGA, stdout = "pipe" })
    assert.equal(helper.pattern(10), process.stdout:read "a")
    assert.equal(helper.pattern(MEGA):rep(2), assert(process:wait()).stderr)
    process:close()
  end)

  it("serves captures while a stream is written", function()
    local data = helper.pattern(2 * MEGA)
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    assert(process.stdin:write(data))
    process.stdin:close()
    assert.equal(data, assert(process:wait()).stdout)
    process:close()
  end)
end)

describe("a program that stops reading", function()
  helper.leak_check()

  helper.each_path(function()
    it("is no error, even if input is left", function()
      for _, words in ipairs { { "--exit", 0 }, { "--read", 0, 10 },
        { "--close", 0, "--out", 100000 } } do
        local spec = { helper.probe, input = helper.pattern(MEGA) }
        for _, word in ipairs(words) do spec[#spec + 1] = word end
        local result = assert(noshell.run(spec))
        assert.equal(words[1] == "--close" and 100000 or 0, #result.stdout)
      end
    end)
  end)

  it("causes EPIPE for writes to its stream", function()
    local process = assert(noshell.run_async { helper.probe, "--close", 0, "--say",
      "closed", "--pause", stdin = "pipe", stdout = "pipe" })
    assert.equal("closed", process.stdout:read())
    local value, err = process.stdin:write "x"
    assert.is_nil(value)
    assert.equal("io write EPIPE", ("%s %s %s"):format(err.code, err.stage,
      err.errname))
    process:close()
  end)
end)

describe("the cap of what is captured", function()
  helper.leak_check()

  it("ends a program that writes more, and keeps the output so far", function()
    for _, option in ipairs { "--out", "--err" } do
      local value, err = noshell.run { helper.probe, option, MEGA, "--pause",
        max_output = 100000 }
      assert.is_nil(value)
      assert.equal("output_limit", err.code)
      local output = option == "--out" and err.result.stdout or err.result.stderr
      assert.equal(helper.pattern(100000), output)
      assert.is_false(err.result.ok)
    end
  end)

  it("holds for each stream, and permits exactly its size", function()
    local result = assert(noshell.run { helper.probe, "--out", 1000, "--err", 1000,
      max_output = 1000 })
    assert.equal("1000 1000", #result.stdout .. " " .. #result.stderr)
    assert(noshell.run { helper.tiny, max_output = 0 })
    local _, err = noshell.run { helper.probe, "--out", 1001, max_output = 1000 }
    assert.equal("output_limit", err.code)
  end)

  it("is reported for the stream that exceeded it, not one that reached it", function()
    for _, passed in ipairs { "stdout", "stderr" } do
      local out = passed == "stdout" and 1001 or 1000
      local _, err = noshell.run { helper.probe, "--out", out, "--err", 2001 - out,
        "--pause", max_output = 1000 }
      assert.equal(passed, err.subject)
      assert.truthy(tostring(err):find("wrote more to " .. passed
        .. " than the 1000 bytes", 1, true))
    end
  end)

  it("is 64 MiB by default, and none with math.huge", function()
    local _, err = noshell.run { helper.probe, "--out", 64 * MEGA + 1, stderr = "null" }
    assert.equal("output_limit", err.code)
    assert.equal(64 * MEGA, #err.result.stdout)
    local result = assert(noshell.command(helper.probe, "--out", 64 * MEGA + 1)
      :set_max_output(math.huge):run())
    assert.equal(64 * MEGA + 1, #result.stdout)
  end)

  it("does not hold for streams and files", function()
    local process = assert(noshell.run_async { helper.probe, "--out", 100000,
      stdout = "pipe", max_output = 10 })
    assert.equal(100000, #process.stdout:read "a")
    assert(process:wait())
    process:close()
  end)
end)

describe("the output's end", function()
  helper.leak_check()

  it("is waited for if a grandchild keeps the pipe", function()
    local from, to = sys.pipe()
    local process = assert(noshell.run_async { helper.probe, "--say", "a", "--fork",
      "--block-on", from, "--say", "b", "--end", pass_fds = { from } })
    local value, err = process:wait(0.05)
    assert.is_nil(value)
    assert.equal("timeout", err.code)
    sys.close(from)
    sys.close(to)
    assert.equal("a\nb\n", assert(process:wait()).stdout)
    process:close()
  end)
end)
