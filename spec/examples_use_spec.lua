-- The examples supervise, release, first_host and pager, run as a reader would.
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local function example(name, env, ...)
  return helper.run_lua(helper.lua,
    helper.read_file(("%s/spec/examples/%s.lua"):format(helper.root, name)), env,
    { args = { ... } })
end

local function script(path, text)
  helper.write_file(path, "#!/bin/sh\n" .. text, "755")
end

describe("the example supervise", function()
  helper.leak_check()

  it("starts the program again after a failure, until it succeeds", function()
    helper.with_tmpdir(function(dir)
      script(dir .. "/job", 'echo run "$1"; test -e "$0.2" && exit 0; '
        .. 'test -e "$0.1" && : >"$0.2"; : >"$0.1"; exit 3\n')
      local run = example("supervise", { SUPERVISE_DELAY = "0" }, dir .. "/job", "it's")
      assert.equal(("run it's\n"):rep(3), run.out)
      local line = ("supervise: noshell: '%s/job 'it'\\''s'' exited with status 3 (HERE)\n")
        :format(dir)
      assert.equal(line:rep(2) .. "supervise: done\n", (run.err:gsub("%(%S+:%d+%)", "(HERE)")))
      assert.equal(0, run.status)
    end)
  end)

  it("ends the program and stops on TERM", function()
    helper.with_tmpdir(function(dir)
      script(dir .. "/job", "trap 'echo ended; exit 3' TERM; kill -TERM $PPID\n"
        .. "while :; do sleep 0.01; done\n")
      local run = example("supervise", { SUPERVISE_DELAY = "60" }, dir .. "/job")
      assert.equal("ended\n", run.out)
      assert.equal("supervise: stopped by TERM\n", run.err)
      assert.equal(0, run.status)
    end)
  end)

  it("reports a program that cannot be started", function()
    local run = example("supervise", {}, "/no/such")
    assert.matches("^supervise: noshell: cannot start '/no/such': exec .*%(ENOENT%) %(.*:%d+%)\n$",
      run.err)
    assert.equal(1, run.status)
  end)
end)

describe("the example release", function()
  helper.leak_check()

  local ENV = { GIT_AUTHOR_NAME = "a", GIT_AUTHOR_EMAIL = "a@example.org",
    GIT_COMMITTER_NAME = "a", GIT_COMMITTER_EMAIL = "a@example.org",
    GIT_CONFIG_GLOBAL = "/dev/null", GIT_CONFIG_SYSTEM = "/dev/null" }

  local function with_repository(fn)
    helper.with_tmpdir(function(dir)
      local tree = dir .. "/it's a tree"
      lfs.mkdir(tree)
      local git = noshell.bind { "git", "-C", tree, env = ENV }
      assert(git("init", "-q"))
      for _, name in ipairs { "a", "b c", "-d", "secret.key" } do
        helper.write_file(tree .. "/" .. name, name)
      end
      assert(git("add", "."))
      assert(git("commit", "-q", "-m", "x"))
      helper.write_file(tree .. "/untracked", "u")
      fn(dir, tree)
    end)
  end

  it("packs the files that are wanted, always in the same way", function()
    with_repository(function(dir, tree)
      local name = dir .. "/app-1"
      local run = example("release", ENV, tree, name, "%.key$")
      assert.equal(name .. ".tar.gz: 3 files\n", run.out .. run.err)
      assert.equal("-d\na\nb c", noshell.output("tar", "-tzf", name .. ".tar.gz"))
      assert(noshell.run("sha256sum", "-c", name .. ".tar.gz.sha256"))
      local first = helper.read_file(name .. ".tar.gz")
      assert.equal(0, example("release", ENV, tree, name, "%.key$").status)
      assert.equal(first, helper.read_file(name .. ".tar.gz"))
    end)
  end)

  it("leaves no archive behind if a program fails", function()
    with_repository(function(dir, tree)
      os.remove(tree .. "/b c")
      local run = example("release", ENV, tree, dir .. "/app-1")
      assert.equal(1, run.status)
      assert.matches("^release: noshell: 'tar .*tar: b c: .*", run.err)
      assert.is_nil(lfs.attributes(dir .. "/app-1.tar.gz"))
      assert.is_nil(lfs.attributes(dir .. "/app-1.tar.gz.sha256"))
    end)
  end)
end)

describe("the example first_host", function()
  helper.leak_check()

  --- Runs it with a ping that blocks for "slow", fails for "down", and answers otherwise.
  local function first_host(...)
    local run
    local hosts = { ... }
    helper.with_tmpdir(function(dir)
      assert(noshell.run("mkfifo", dir .. "/fifo"))
      script(dir .. "/ping", 'for host; do :; done\n'
        .. 'case $host in slow) exec cat <"$0.dir/../fifo" ;; down) exit 1 ;; esac\n')
      lfs.mkdir(dir .. "/ping.dir")
      run = example("first_host", { PATH = dir .. ":" .. os.getenv "PATH" },
        (table.unpack or unpack)(hosts))
    end)
    return run
  end

  it("prints the first one that answers, and ends the other programs", function()
    local run = first_host("down", "slow", "up")
    assert.equal("up\n0", run.out .. run.status .. run.err)
  end)

  it("reports that none answers", function()
    local run = first_host("down", "down")
    assert.equal("none\n1", run.out .. run.status .. run.err)
  end)
end)

describe("the example pager", function()
  helper.leak_check()

  --- Starts it on a terminal.
  local function pager(env, ...)
    local spec = { helper.lua.name, helper.root .. "/spec/examples/pager.lua", ...  }
    env.LUA_PATH, env.LUA_CPATH, env.TERM = package.path, package.cpath, "vt100"
    spec.env, spec.pty, spec.timeout = env, { echo = false }, 60
    return assert(noshell.run_async(spec))
  end

  local function ends(process, code, text)
    assert.equal(text, (process.pty:read "a":gsub("\r", "")))
    local result, err = process:wait()
    assert.equal(code, (result or err.result).exit_code)
    process:close()
  end

  it("shows the output in less, which the user leaves", function()
    helper.require_or_pending("less", noshell.which "less", "less")
    local process = pager({ PAGER = "less -X", LESS = "" }, "seq", "100000")
    assert(process.pty:read_until({ "\r\n23\r\n:", plain = true }, 30))
    process.pty:write "q"
    process.pty:read "a"
    assert(process:wait())
    process:close()
  end)

  it("gives the pager the terminal, and leaves it Ctrl-C", function()
    helper.with_tmpdir(function(dir)
      script(dir .. "/page", "trap 'echo interrupted; exit 0' INT\n"
        .. "read -r pid name state parent group session tty foreground rest </proc/$$/stat\n"
        .. 'echo "$1" $(( group == $$ )) $(( foreground == $$ ))\ncat\n'
        .. "while :; do sleep 0.01; done\n")
      local process = pager({ PAGER = dir .. "/page -x" }, "echo", "it's shown")
      assert(process.pty:read_until({ "-x 1 1\r\nit's shown\r\n", plain = true }, 30))
      process.pty:write "\3"
      ends(process, 0, "interrupted\n")
    end)
  end)

  it("reports the failure of the command", function()
    ends(pager({ PAGER = "cat" }, "sh", "-c", "echo x; exit 3"), 3, "x\n")
    local process = pager({ PAGER = "cat" }, "/no/such")
    assert(process.pty:read_until("pager: noshell: .*%(ENOENT%)", 30))
    process.pty:read "a"
    process:wait()
    process:close()
  end)

  it("uses no pager for a file", function()
    local run = example("pager", { PAGER = "false" }, "echo", "x")
    assert.equal("x\n0", run.out .. run.err .. run.status)
  end)
end)
