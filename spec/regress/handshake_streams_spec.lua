-- A read or a write on a stream of a child that waits for handshake_notify never
-- ended; now it fails at once, as run does. And a stream that had been waited for
-- before the handshake watched the handshake's socket for ever, and its process
-- was not served.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local reason = "handshake_notify was not called: the child waits for it"

local function assert_told(value, err)
  assert.is_nil(value)
  assert.equal("invalid: " .. reason, err.code .. ": " .. err.reason)
end

describe("a child that waits for handshake_notify", function()
  helper.leak_check()

  for _, timeout in ipairs { false, 60 } do
    local when = timeout and " with a timeout" or ""

    it("fails reads and writes that would wait" .. when, function()
      local process = assert(noshell.run_async { "cat", require_handshake = true,
        stdin = "pipe", stdout = "pipe", timeout = timeout or nil })
      for _, format in ipairs { "l", "a", 10 } do
        assert_told(process.stdout:read(format))
      end
      assert_told(process.stdin:write(("x"):rep(300000)))
      assert(process:handshake_wait())
      assert_told(process.stdout:read())
      assert(process:handshake_notify())
      assert.equal("x", process.stdout:read(1))
      process:close()
    end)

    it("fails lines and run" .. when, function()
      local spec = { "echo", "hi", require_handshake = true, timeout = timeout or nil }
      local ok, err = pcall(function()
        for _ in noshell.lines(spec) do error "it gave a line" end
      end)
      assert_told(ok or nil, err)
      assert_told(noshell.run(spec))
    end)
  end

  it("lets its stream serve the process afterwards", function()
    local result = helper.run_lua(helper.lua, [[
      local noshell = require "noshell"
      local process = assert(noshell.run_async { "sh", "-c",
        "head -c 300000 /dev/zero >&2; echo done", stdout = "pipe",
        require_handshake = true })
      -- As an event loop does that waits for its streams.
      process.stdout:pollfd()
      assert(process:handshake_wait())
      process.stdout:pollfd()
      assert(process:handshake_notify())
      print(process.stdout:read(), #assert(process:wait()).stderr)
    ]], nil, { wrap = { "timeout", "10" } })
    assert.equal("done\t300000\n", result.out, result.err)
  end)
end)
