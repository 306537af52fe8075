-- Pipes, pollsets and groups, which join and wait for several objects.
local core = require "noshell.core"
local group = require "noshell.group"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

describe("a pipe", function()
  helper.leak_check()

  it("joins two commands, through pass_fd as well", function()
    local reader, writer = core.pipe()
    assert.truthy(writer:fileno() > 2)
    assert.equal(("noshell.descriptor (%d)"):format(reader:fileno()), tostring(reader))
    assert(noshell.run { "echo", "x", stdout = writer })
    local number = writer:fileno()
    assert(noshell.run { "sh", "-c", "echo y >&" .. number, pass_fd = writer })
    writer:close()
    assert.equal("x\ny", noshell.output { "cat", stdin = reader })
    reader:close()
    reader:close()
    assert.is_true(reader:closed())
    assert.equal("noshell.descriptor (closed)", tostring(reader))
    assert.has_error(function() reader:fileno() end)
    local _, err = noshell.run { "cat", stdin = reader }
    assert.truthy(err)
  end)

  it("is closed when it is collected", function()
    core.pipe()
    collectgarbage()
  end)
end)

describe("a pollset", function()
  helper.leak_check()

  it("is ready when one of its descriptors is", function()
    local set = assert(core.pollset())
    local reader, writer = core.pipe()
    assert.is_true(set:watch { reader:fileno(), "r" })
    assert.is_false(core.poll(set:pollfd(), set:events(), 0))
    assert.is_true(set:watch { reader:fileno(), "r", writer:fileno(), "w" })
    assert.is_true(core.poll(set:pollfd(), "r", 0))
    assert.is_true(set:watch { reader:fileno(), "r" })
    assert.is_false(core.poll(set:pollfd(), "r", 0))
    writer:close()
    assert.is_true(core.poll(set:pollfd(), "r", 0))
    assert.is_true(set:watch {})
    assert.is_false(core.poll(set:pollfd(), "r", 0))
    assert.is_nil(set:timeout())
    reader:close()
    set:close()
    set:close()
    assert.is_true(set:closed())
    assert.equal("noshell.pollset (closed)", tostring(set))
    assert.has_error(function() set:pollfd() end)
  end)

  it("takes descriptors and events", function()
    local set = assert(core.pollset())
    assert.has_error(function() set:watch { "x", "r" } end)
    assert.has_error(function() set:watch { 1, {} } end)
    assert.has_error(function() set:watch(5) end)
    local ok, failure = set:watch { 99999, "r" }
    assert.is_nil(ok)
    assert.equal("EBADF", failure.errname)
    set:close()
  end)
end)

describe("a group", function()
  helper.leak_check()

  it("waits for the earliest of its members", function()
    local function member(seconds)
      return { _collect = function() end, timeout = function() return seconds end }
    end
    assert.is_nil(group.new({ member(nil), member(nil) }):timeout())
    assert.equal(1, group.new({ member(3), member(nil), member(1) }):timeout())
  end)

  it("looks at intervals if no descriptor is left", function()
    local run = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      local three = { 1, 2, 3 }
      local left = 100
      assert(noshell.map(three, function(i) return "echo", i end))
      io.write(noshell.pipeline({ "yes" }, { "head", "-n1" }, { "cat" }):output(), " ",
        noshell.output { "wc", "-c", input = function()
          left = left - 1
          return left >= 0 and ("x"):rep(10000) or nil
        end })
      for line in noshell.pipeline({ "seq", 2 }, { "cat" }):lines() do io.write(" ", line) end
    ]], nil, { deny = "epoll_create1:EMFILE" })
    assert.equal("y 1000000 1 2", run.out, run.err)
  end)

  it("lets coroutines run while others wait", function()
    -- The other jobs end only after the first one has: each has a program that reads
    -- this pipe to its end.
    local from, to = sys.pipe()
    local ended = {}
    local previous = noshell.host.use(coroutine.yield)
    local function job(name, f)
      return { co = coroutine.create(function()
        f()
        ended[#ended + 1] = name
      end), name = name }
    end
    local jobs = {
      job("pipeline", function()
        assert(noshell.pipeline({ { "cat", stdin = from }, { "cat" }, timeout = 10 }):run())
      end),
      job("map", function()
        assert(noshell.map({ 1, 2 }, function()
          return { "cat", stdin = from, timeout = 10 }
        end))
      end),
      job("lines", function()
        -- Lua 5.1's for loop lets no iterator yield.
        local next_line = noshell.pipeline({ { "sh", "-c", "cat; seq 9", stdin = from },
          { "cat" }, timeout = 10 }):lines()
        while next_line() do end
      end),
      job("nothing", function()
        local _, err = noshell.pipeline({ "sleep", 50 }, { "nosuchprogram" }):run()
        assert.equal(2, err.index)
        sys.close(to)
      end),
      job("input", function()
        local left = 100
        assert(noshell.run { "sh", "-c", "cat <&3; cat", on_stdout = function() end,
          pass_fd = { from, as = 3 }, timeout = 10,
          input = function()
            left = left - 1
            return left >= 0 and ("x"):rep(10000) or nil
          end })
      end),
      job("retry", function()
        local _, err = noshell.retry({ "sh", "-c", "cat; exit 1", stdin = from,
          timeout = 10 }, { attempts = 2, delay = 0.01 })
        assert.equal("exit", err.code)
      end),
    }
    local deadline = core.now() + 60
    while #jobs > 0 and core.now() < deadline do
      for i = #jobs, 1, -1 do
        assert(coroutine.resume(jobs[i].co))
        if coroutine.status(jobs[i].co) == "dead" then table.remove(jobs, i) end
      end
      core.poll(-1, "r", 0.001)
    end
    noshell.host.use(previous)
    sys.close(from)
    assert.equal("nothing", ended[1])
    table.sort(ended)
    assert.same({ "input", "lines", "map", "nothing", "pipeline", "retry" }, ended)
  end)
end)
