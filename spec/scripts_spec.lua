-- The administration scripts of spec/examples, compared with the POSIX shell scripts that
-- they replace: on the same input both have the same results.
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"
local scripts = require "spec.support.scripts"

local write, compare = helper.write_file, scripts.compare

local function prepared(prepare)
  return function(dir)
    lfs.mkdir(dir .. "/bin")
    prepare(dir)
  end
end

local function directory_as_argument(dir)
  return { dir }
end

describe("rotate_logs", function()
  helper.leak_check()

  local function many_logs(dir)
    for i, name in ipairs(scripts.NAMES) do
      write(("%s/%s.log"):format(dir, name), ("line %d\n"):format(i))
    end
    write(dir .. "/empty.log", "")
    write(dir .. "/.hidden.log", "x")
    write(dir .. "/other.txt", "x")
    lfs.mkdir(dir .. "/directory.log")
    write(dir .. "/directory.log/inner.log", "x")
    lfs.link("other.txt", dir .. "/link.log", true)
    for n = 1, 5 do write(("%s/plain.log.%d.gz"):format(dir, n), "generation " .. n) end
  end

  it("leaves no temporary file when it is ended", function()
    scripts.end_early("rotate_logs", "gzip", { prepare = prepared(many_logs),
      args = directory_as_argument, same = assert.same })
  end)

  it("moves the logs up by one and packs the rest, with any names", function()
    local done = compare("rotate_logs", { prepare = many_logs,
      args = function(dir) return { dir, 3 } end, look = function(dir)
        for i, name in ipairs(scripts.NAMES) do
          local unpacked = helper.run { "gzip", "-dc", ("%s/%s.log.1.gz"):format(dir, name) }
          assert.equal(("line %d\n"):format(i), unpacked.out)
        end
      end })
    assert.equal(0, done.status, done.err)
    for _, name in ipairs(scripts.NAMES) do
      assert.matches("^%S+ $", done.tree["/" .. name .. ".log"])
      assert.truthy(done.out:find("rotated " .. name .. ".log\n", 1, true))
    end
    assert.matches(" generation 1$", done.tree["/plain.log.2.gz"])
    assert.matches(" generation 2$", done.tree["/plain.log.3.gz"])
    assert.matches(" generation 4$", done.tree["/plain.log.4.gz"])
    assert.is_nil(done.tree["/empty.log.1.gz"] or done.tree["/link.log.1.gz"])
  end)

  it("does nothing in an empty directory", function()
    local done = compare("rotate_logs", { args = directory_as_argument })
    assert.equal("0 ", done.status .. " " .. done.out)
  end)

  it("reports that there is no such directory", function()
    local done = compare("rotate_logs", { args = function(dir) return { dir .. "/none" } end })
    assert.equal(1, done.status)
    assert.matches("No such file or directory", done.err)
  end)

  it("prints its usage", function()
    local done = compare("rotate_logs", {})
    assert.equal(2, done.status)
    assert.matches("usage: ", done.err)
  end)

  it("loses nothing if the disk is full", function()
    local noise, before = scripts.noise(60000), nil
    local done = compare("rotate_logs", { args = directory_as_argument,
      before = scripts.with_files_up_to(16), prepare = function(dir)
        write(dir .. "/a.log", noise)
        write(dir .. "/a.log.1.gz", "older")
        before = scripts.tree(dir)
      end })
    assert.equal(1, done.status)
    assert.same(before, done.tree)
    assert.matches("'gzip %-nc %-%- DIR/a.log' was killed by signal XFSZ", done.err)
  end)
end)

describe("backup", function()
  helper.leak_check()

  local function a_tree(dir)
    lfs.mkdir(dir .. "/source")
    lfs.mkdir(dir .. "/target")
    for _, name in ipairs(scripts.NAMES) do
      lfs.mkdir(dir .. "/source/" .. name)
      write(dir .. "/source/" .. name .. "/" .. name, name .. " holds this", "640")
    end
    lfs.mkdir(dir .. "/source/empty directory")
    lfs.link("nowhere at all", dir .. "/source/dangling", true)
    scripts.age(dir)
  end

  local function arguments(dir)
    return { dir .. "/source", dir .. "/target", "it's monday" }
  end

  it("leaves no temporary file when it is ended", function()
    scripts.end_early("backup", "gzip", { prepare = prepared(a_tree), args = arguments,
      same = assert.same })
  end)

  it("packs a tree that can be verified and restored", function()
    local done = compare("backup", { prepare = a_tree, args = arguments,
      look = function(dir)
        local checked = helper.run({ "sha256sum", "-c", "it's monday.tar.gz.sha256" },
          { cwd = dir .. "/target" })
        assert.equal("it's monday.tar.gz: OK\n", checked.out)
        lfs.mkdir(dir .. "/again")
        helper.run { "tar", "-xzf", dir .. "/target/it's monday.tar.gz", "-C", dir .. "/again" }
        assert.same(scripts.tree(dir .. "/source"), scripts.tree(dir .. "/again"))
      end })
    assert.equal(0, done.status, done.err)
    assert.equal(("it's monday.tar.gz: %d entries\n"):format(2 * #scripts.NAMES + 3), done.out)
  end)

  it("keeps the newest", function()
    local done = compare("backup", { args = function(dir)
      return { dir .. "/source", dir .. "/target", "new", 2 }
    end, prepare = function(dir)
      a_tree(dir)
      for day = 1, 4 do
        local path = ("%s/target/day %d.tar.gz"):format(dir, day)
        write(path, "x")
        write(path .. ".sha256", "x")
        lfs.touch(path, 1000000 + day, 1000000 + day)
      end
    end })
    assert.equal("new.tar.gz: 23 entries\nremoved day 3.tar.gz\nremoved day 2.tar.gz\n"
      .. "removed day 1.tar.gz\n", done.out)
    assert.truthy(done.tree["/target/new.tar.gz"] and done.tree["/target/day 4.tar.gz.sha256"])
    assert.is_nil(done.tree["/target/day 3.tar.gz"] or done.tree["/target/day 1.tar.gz.sha256"])
  end)

  it("leaves nothing if there is no such directory", function()
    local done = compare("backup", { prepare = function(dir) lfs.mkdir(dir .. "/target") end,
      args = arguments, top = "target" })
    assert.equal(1, done.status)
    assert.same({ ["/"] = done.tree["/"] }, done.tree)
    assert.matches("command 1: 'tar .*No such file or directory", done.err)
  end)

  it("reports tar's failure, which a pipe of sh does not", function()
    local theirs = helper.run { "sh", "-c", "tar -c -C /no/such . | gzip >/dev/null" }
    assert.equal(0, theirs.status)
    local _, err = noshell.pipeline({ "tar", "-c", "-C", "/no/such", "." },
      { "gzip", stdout = "null" }):run()
    assert.equal("exit 1", err.code .. " " .. err.index)
  end)

  it("keeps the last backup if the disk is full", function()
    local noise = scripts.noise(60000)
    local done = compare("backup", { before = scripts.with_files_up_to(16), args = arguments,
      prepare = function(dir)
        a_tree(dir)
        write(dir .. "/source/noise", noise)
        write(dir .. "/target/it's monday.tar.gz", "the last one")
      end, top = "target" })
    assert.equal(1, done.status)
    assert.matches(" the last one$", done.tree["/it's monday.tar.gz"])
    assert.matches("was killed by signal XFSZ", done.err)
  end)
end)

describe("check_hosts", function()
  helper.leak_check()

  local function hosts(text)
    return { prepare = function(dir) write(dir .. "/hosts", text) end,
      args = function(dir) return { dir .. "/hosts" } end }
  end

  local function need_ping()
    helper.require_or_pending("ping", helper.run({ "ping", "-c", "1", "127.0.0.1" }).status == 0,
      "a ping that may send")
  end

  it("reports in order which are up", function()
    need_ping()
    local done = compare("check_hosts", hosts("# ours\n127.0.0.1\n\n  no-such.invalid  # old\n"
      .. "127.0.0.2\n-c\nit's no name\n127.0.0.3"))
    assert.equal("127.0.0.1 is up\nno-such.invalid is DOWN\n127.0.0.2 is up\n-c is DOWN\n"
      .. "it's no name is DOWN\n127.0.0.3 is up\n", done.out)
    assert.equal("1 ", done.status .. " " .. done.err)
  end)

  it("succeeds if all are up", function()
    need_ping()
    local done = compare("check_hosts", hosts "127.0.0.1\n127.0.0.2\n")
    assert.equal("0 127.0.0.1 is up\n127.0.0.2 is up\n", done.status .. " " .. done.out)
  end)

  it("does nothing for an empty file", function()
    local done = compare("check_hosts", hosts "")
    assert.equal("0 ", done.status .. " " .. done.out)
  end)

  it("reports that there is no such file", function()
    local done = compare("check_hosts", { args = function(dir) return { dir .. "/none" } end })
    assert.equal(2, done.status)
    assert.matches("No such file", done.err)
  end)

  it("reports a missing ping, which the shell script takes for hosts that are down", function()
    helper.with_tmpdir(function(dir)
      local file = write(dir .. "/hosts", "127.0.0.1\n")
      lfs.mkdir(dir .. "/bin")
      local path = scripts.only(dir .. "/bin", { scripts.shell, helper.lua.name, "mktemp", "sed",
        "awk", "xargs", "sh", "rm" })
      local options = { args = { file }, env = { PATH = path } }
      local theirs, ours = scripts.run("sh", "check_hosts", options),
        scripts.run("lua", "check_hosts", options)
      assert.equal("127.0.0.1 is DOWN\n1 ", theirs.out .. theirs.status .. " " .. theirs.err)
      assert.equal("127.0.0.1 is DOWN\n1", ours.out .. ours.status)
      assert.matches("find_program 'ping': not found in PATH %(.*%) %(ENOENT%)", ours.err)
    end)
  end)
end)

--- Returns words that run a program in its own mount namespace, and pid namespace if
--- `more` is "-pf --mount-proc". setup is sh's text, $0 the directory.
local function apart(dir, setup, more)
  local words = { "unshare", "-m" }
  for word in (more or ""):gmatch "%S+" do words[#words + 1] = word end
  for _, word in ipairs { "sh", "-c", setup .. ' && "$@"', dir } do words[#words + 1] = word end
  return words
end

local function need_mounts()
  local mounted = helper.run(apart("/", "mount -t tmpfs x /mnt", "-pf --mount-proc"))
  helper.require_or_pending("mounts", mounted.status == 0, "the right to mount")
end

--- Returns the output of a script about the machine's state, in both languages, from a
--- run during which the state did not change.
local function same_answer(name, args)
  local before, ours, after
  for _ = 1, 10 do
    before = scripts.run("sh", name, { args = args })
    ours = scripts.run("lua", name, { args = args })
    after = scripts.run("sh", name, { args = args })
    if before.out == after.out and before.out == ours.out then break end
  end
  assert.equal(before.out, ours.out)
  assert.equal(before.status, ours.status, ours.err)
  assert.equal(before.err ~= "", ours.err ~= "", ours.err)
  return ours
end

describe("disk_alert", function()
  helper.leak_check()

  it("names the file systems above the limit", function()
    local done = same_answer("disk_alert", { 0, "/", "/proc", "/tmp" })
    assert.equal(1, done.status)
    assert.matches("^/: %d+%% of the blocks are used\n", done.out)
    local content = same_answer("disk_alert", { 100, "/" })
    assert.equal("0 ", content.status .. " " .. content.out)
  end)

  it("names one whose name has blanks", function()
    need_mounts()
    helper.with_tmpdir(function(dir)
      lfs.mkdir(dir .. "/a b  c")
      local before = apart(dir, 'mount -t tmpfs -o size=1m,nr_inodes=100 x "$0/a b  c" && '
        .. 'head -c 838860 /dev/zero >"$0/a b  c/big"')
      local out = {}
      for _, language in ipairs { "sh", "lua" } do
        local done = scripts.run(language, "disk_alert", { before = before,
          args = { 50, dir .. "/a b  c" } })
        assert.equal(1, done.status, done.err)
        out[#out + 1] = done.out
      end
      assert.equal(dir .. "/a b  c: 81% of the blocks are used\n", out[1])
      assert.equal(out[1], out[2])
    end)
  end)

  it("reports that df failed", function()
    local done = same_answer("disk_alert", { 50, "/no/such/path" })
    assert.equal("3 ", done.status .. " " .. done.out)
    assert.matches("exited with status 1: df: /no/such/path: No such file", done.err)
  end)
end)

describe("audit_users", function()
  helper.leak_check()

  local function need_ps()
    helper.require_or_pending("ps", helper.which "ps" ~= nil, "ps")
  end

  it("agrees with the shell script about this machine", function()
    need_ps()
    local done = same_answer "audit_users"
    assert.matches("root %(0%) can log in: running\n", done.out)
  end)

  it("reports oddities", function()
    need_ps()
    need_mounts()
    helper.with_tmpdir(function(dir)
      write(dir .. "/passwd", "root:x:0:0:root:/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n"
        .. "daemon:x:1:1::/none:/usr/sbin/nologin\nann:x:2001:1:Ann B:" .. dir .. ":/bin/sh\n"
        .. "bob:x:2002:1:,,,:" .. dir .. "/no home:\nsvc:x:2003:1::/:/bin/false\n")
      assert(helper.run({ "mkfifo", dir .. "/ready" }).status == 0)
      -- Each reports when it has become another user.
      local before = apart(dir, 'mount --bind "$0/passwd" /etc/passwd && exec 3<>"$0/ready" && '
        .. "for id in 2002 4242; do setpriv --reuid $id sh -c 'echo >&3; exec sleep 60' & "
        .. "read -r _ <&3; done", "-pf --mount-proc")
      local out = {}
      for _, language in ipairs { "sh", "lua" } do
        local done = scripts.run(language, "audit_users", { before = before })
        assert.equal(1, done.status, done.err)
        assert.equal("", done.err)
        out[#out + 1] = done.out
      end
      assert.equal(table.concat({ "root (0) can log in: running", "odd: toor is root by its uid",
        "toor (0) can log in: running", "ann (2001) can log in: idle",
        "odd: bob has no home directory " .. dir .. "/no home", "bob (2002) can log in: running",
        "odd: processes of 4242, which is no account", "" }, "\n"), out[1])
      assert.equal(out[1], out[2])
    end)
  end)

  it("reports that there is no ps", function()
    helper.with_tmpdir(function(dir)
      scripts.only(dir, { scripts.shell, helper.lua.name, "getent" })
      for _, language in ipairs { "sh", "lua" } do
        local done = scripts.run(language, "audit_users", { env = { PATH = dir } })
        assert.equal("3 ", done.status .. " " .. done.out)
        assert.matches("ps", done.err)
      end
    end)
  end)
end)

describe("transcode", function()
  helper.leak_check()

  --- A program that reports as ffmpeg does, and copies its input, up to a failure.
  local FFMPEG = [[#!/bin/sh
echo "ffmpeg version 7" >&2
[ -e "$4" ] || { echo "$4: No such file or directory" >&2; exit 254; }
printf "  Duration: 00:01:40.00, start: 0.0, bitrate: 1 kb/s\\n" >&2
for time in 00:00:00.00 00:00:25.00 00:00:25.50 00:00:50.99 00:01:15.00; do
	printf "frame=1 fps=25 time=$time bitrate=1 speed=1x    \\r" >&2
done
cat "$4" >"$5"
if grep -q damaged "$4"; then echo "Conversion failed!" >&2; exit 69; fi
printf "frame=1 fps=25 time=00:01:40.00 bitrate=1 speed=1x    \\n" >&2
]]

  local function compare_films(input)
    return compare("transcode", {
      prepare = prepared(function(dir)
        write(dir .. "/bin/ffmpeg", FFMPEG, "755")
        write(dir .. "/a film.avi", "film\n")
        write(dir .. "/b.avi", "damaged\n")
      end),
      before = { "sh", "-c", 'PATH=$PWD/bin:$PATH exec "$@"', "sh" },
      args = function(dir) return { dir .. "/" .. input, dir .. "/out.mkv" } end })
  end

  it("prints the progress, and leaves the whole film", function()
    local done = compare_films "a film.avi"
    assert.equal(0, done.status, done.err)
    assert.equal("25%\n50%\n75%\n100%\n", done.out)
    assert.matches(" film\n$", done.tree["/out.mkv"])
  end)

  it("leaves nothing of a film that fails, and tells why", function()
    local done = compare_films "b.avi"
    assert.same({ 1, "25%\n50%\n75%\n" }, { done.status, done.out })
    assert.is_nil(done.tree["/out.mkv"] or done.tree["/out.part.mkv"])
    assert.matches("exited with status 69: .*Conversion failed!", done.err)
    done = compare_films "none.avi"
    assert.equal(1, done.status)
    assert.matches("exited with status 254: .*No such file or directory", done.err)
  end)

  it("leaves no part of the film when it is ended", function()
    scripts.end_early("transcode", "ffmpeg", { same = assert.same,
      prepare = prepared(function(dir) write(dir .. "/a.avi", "film") end),
      args = function(dir) return { dir .. "/a.avi", dir .. "/out.mkv" } end })
  end)
end)
