-- Defects that users of luv, of Neovim's vim.system and of other loops reported, with the
-- issue; here in tasks of luv.
local helper = require "spec.support.helper"
local luv = require "spec.support.hosts.luv"
local noshell = require "noshell"

local probe = helper.probe
local is_here = luv.is_here()

local function its(name, body)
  it(name, function()
    helper.require_or_pending("hosts", is_here, "lua-luv")
    luv.run(body)
  end)
end

describe("without the defects of uv.spawn and vim.system: a program", function()
  helper.leak_check()

  its("that cannot be executed leaves no zombie and no descriptor (luvit/luv#120, neovim#19717)",
    function()
    local file = helper.tmpdir()
    for _ = 1, 20 do
      local _, err = noshell.run(file)
      assert.equal("EACCES", err.errname)
    end
    helper.remove_tree(file)
  end)

  its("that is closed before its end leaves no zombie (libuv#1911, neovim#25000)",
    function()
    for _ = 1, 5 do
      local process = assert(noshell.run_async { probe, "--pause" })
      process:kill "TERM"
      process:close()
    end
  end)

  its("is told apart from its directory where either is missing (neovim#33715)",
    function()
    local _, program = noshell.run "no-such-program-anywhere"
    local _, directory = noshell.run { "true", cwd = "/no/such/directory" }
    assert.equal("find_program no-such-program-anywhere",
      program.stage .. " " .. program.subject)
    assert.equal("set_working_directory /no/such/directory",
      directory.stage .. " " .. directory.subject)
  end)

  its("can open its /dev/stdin, as its stdio are pipes (neovim#14049)", function()
    assert.equal("hello", assert(noshell.run { "cat", "/dev/stdin", input = "hello" }).stdout)
  end)

  its("has all its output told, also what came just before its end (neovim#1424, #3030, #26543)",
    function()
    for _ = 1, 10 do
      local result = assert(noshell.run { probe, "--out", 60000 })
      assert.equal(60000, #result.stdout)
    end
  end)

  its("may stop reading (neovim#5791, #13443, #15554)", function()
    assert(noshell.run { "true", input = ("x"):rep(1000000) })
  end)

  its("is ended with what it has started (neovim#40209)", function()
    local _, err = noshell.run { "sh", "-c", "sleep 60 & echo $!; wait", timeout = 0.1 }
    local pid = err.result.stdout:match "%d+"
    local stat = io.open("/proc/" .. pid .. "/stat")
    local state = stat and stat:read("*a"):match "%) (%a)"
    if stat then stat:close() end
    assert.is_true(state == nil or state == "Z", state)
  end)

  its("can be asked for its result at once (neovim#26917)", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local result, err = process:wait(0)
    assert.is_nil(result)
    assert.equal("timeout", err.code)
    process.stdin:close()
    assert(process:wait())
    process:close()
  end)

  it("has its status even if other code takes it, without a handler (libuv#154, #3100)",
    function()
    helper.require_or_pending("hosts", is_here, "lua-luv")
    local run = helper.run_lua(helper.lua, [[
      local noshell, uv = require "noshell", require "luv"
      noshell.host.use(require "noshell.host.luv")
      coroutine.wrap(function()
        local function handlers()
          local file = io.open "/proc/self/status"
          local mask = file:read "*a":match "SigCgt:%s*(%x+)"
          file:close()
          return mask
        end
        local before = handlers()
        local _, err = noshell.run { os.getenv "PROBE", "--exit", 7 }
        io.write(err.result.exit_code, " ", tostring(before == handlers()))
      end)()
      uv.run()]], { PROBE = probe }, { hostile = { SIGCHLD = "thief" } })
    assert.equal("7 true", run.out, run.err)
  end)
end)
