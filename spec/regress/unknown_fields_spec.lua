-- A wait asked a process for a field that only pipelines have. The search for a similar name,
-- which an unknown field causes, took five times as long as the program itself.
local helper = require "spec.support.helper"
local misuse = require "noshell.misuse"
local noshell = require "noshell"

--- Calls f. Returns the unknown fields that were looked up meanwhile.
local function unknown_in(f)
  local real, names = misuse.check_name, {}
  misuse.check_name = function(of, name) names[#names + 1] = of .. ": " .. tostring(name) end
  local ok, err = pcall(f)
  misuse.check_name = real
  assert(ok, err)
  return names
end

describe("the library", function()
  helper.leak_check()

  it("looks up no unknown field", function()
    assert.same({ "a result: nonsense" },
      unknown_in(function() return noshell.run("true").nonsense end))
    assert.same({}, unknown_in(function()
      noshell.run { "cat", input = "x" }
      noshell.run { "echo", on_stdout = function() end }
      noshell.run { "sleep", 10, timeout = 0.01 }
      noshell.run "false"
      local process = noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" }
      process.stdin:write "line\n"
      process.stdout:read()
      process:wait(0)
      process.stdin:close()
      process:wait()
      process:close()
      for _ in noshell.lines("echo", "x") do end
      noshell.pipeline({ "echo", "x" }, { "cat" }):run()
      noshell.wait_all { "true", "true" }
      noshell.map({ 1, 2 }, function() return "true" end)
    end))
  end)
end)
