-- The example deploy, compared with the POSIX shell script that it replaces: see
-- scripts_spec.lua.
local helper = require "spec.support.helper"
local lfs = require "lfs"
local scripts = require "spec.support.scripts"

local write, compare = helper.write_file, scripts.compare

describe("deploy", function()
  helper.leak_check()

  local GIT = { GIT_AUTHOR_NAME = "a", GIT_AUTHOR_EMAIL = "a@example.org",
    GIT_COMMITTER_NAME = "a", GIT_COMMITTER_EMAIL = "a@example.org",
    GIT_AUTHOR_DATE = "1000000000 +0000", GIT_COMMITTER_DATE = "1000000000 +0000",
    GIT_CONFIG_GLOBAL = "/dev/null", GIT_CONFIG_SYSTEM = "/dev/null" }

  local BUILD = "all:\n\techo built $$(cat version) >product\n"

  local function git(dir, ...)
    local done = helper.run({ "git", "-C", dir, ... }, { env = GIT })
    assert(done.status == 0, done.err)
    return done.out:match "[^\n]*"
  end

  --- A repository with these revisions, { Makefile, smoke }, each a tag: v1, …
  local function repository(dir, revisions)
    local path = dir .. "/it's a repository"
    lfs.mkdir(path)
    git(path, "init", "-q")
    for i, revision in ipairs(revisions) do
      write(path .. "/Makefile", revision[1])
      write(path .. "/smoke", "#!/bin/sh\n" .. revision[2] .. "\n", "755")
      write(path .. "/version", i .. "\n")
      git(path, "add", ".")
      git(path, "commit", "-q", "-m", "v" .. i)
      git(path, "tag", "v" .. i)
    end
  end

  local GOOD, SMOKELESS = { BUILD, "test -f product" }, { BUILD, "echo no smoke >&2; exit 4" }
  local UNBUILDABLE = { "all:\n\techo half >product\n\t@echo no compiler >&2; exit 3\n", "" }

  --- Deploys all but the last revision with the shell script, and the last one
  --- with each.
  local function deploy(revisions, last)
    helper.require_or_pending("git", helper.which "git" ~= nil, "git")
    return compare("deploy", { top = "root", prepare = function(dir)
      repository(dir, revisions)
      lfs.mkdir(dir .. "/root")
      for i = 1, #revisions - 1 do
        local done = scripts.run("sh", "deploy", { cwd = dir,
          args = { "it's a repository", "root", "v" .. i } })
        assert.equal(0, done.status, done.err)
      end
    end, args = function() return { "it's a repository", "root", last } end })
  end

  it("leaves no partial release when it is ended", function()
    helper.require_or_pending("git", helper.which "git" ~= nil, "git")
    scripts.end_early("deploy", "make", { prepare = function(dir)
      lfs.mkdir(dir .. "/bin")
      lfs.mkdir(dir .. "/root")
      lfs.mkdir(dir .. "/root/releases")
      repository(dir, { GOOD })
    end, args = function() return { "it's a repository", "root", "v1" } end,
      same = assert.same })
  end)

  local function current(done)
    return (done.tree["/current"] or ""):match "^link to releases/(%x+)$"
  end

  it("builds a revision and makes it the current one", function()
    local done = deploy({ GOOD, GOOD })
    assert.equal(0, done.status, done.err)
    assert.equal("deployed; current is releases/" .. current(done) .. "\n", done.out)
    assert.matches(" built 2\n$", done.tree["/releases/" .. current(done) .. "/product"])
  end)

  it("does nothing for the current one", function()
    local done = deploy({ GOOD, GOOD }, "v1")
    assert.equal("0 current is releases/" .. current(done) .. " already\n",
      done.status .. " " .. done.out)
  end)

  it("keeps the current one, and nothing of the new one, if it cannot be built", function()
    local done = deploy { GOOD, UNBUILDABLE }
    assert.equal("1 not deployed; current is releases/" .. current(done) .. "\n",
      done.status .. " " .. done.out)
    assert.matches(" built 1\n$", done.tree["/releases/" .. current(done) .. "/product"])
    assert.matches("'make .* exited with status 2: no compiler", done.err)
    local releases = 0
    for path in pairs(done.tree) do
      if path:match "^/releases/%x+/$" then releases = releases + 1 end
    end
    assert.equal(1, releases)
  end)

  it("goes back to the previous one if the new one does not work", function()
    local done = deploy { GOOD, SMOKELESS }
    assert.equal("1 not deployed; current is releases/" .. current(done) .. "\n",
      done.status .. " " .. done.out)
    assert.matches(" built 1\n$", done.tree["/releases/" .. current(done) .. "/product"])
    assert.matches("/smoke' exited with status 4: no smoke", done.err)
  end)

  it("goes back to nothing if there was nothing", function()
    local done = deploy { SMOKELESS }
    assert.equal("1 not deployed; current is nothing\n", done.status .. " " .. done.out)
    assert.same({ ["/"] = done.tree["/"], ["/releases/"] = done.tree["/releases/"] }, done.tree)
  end)

  it("reports an unknown revision", function()
    local done = deploy({ GOOD, GOOD }, "--no-such")
    assert.equal("1 ", done.status .. " " .. done.out)
    assert.matches("git .*rev%-parse.* exited with status", done.err)
  end)
end)
