-- The core's descriptors and launch paths, through noshell.h and without Lua.
local helper = require "spec.support.helper"
local driver = require "spec.support.driver"

if not driver.is_wanted then return end

local probe = { helper.probe, "--to", "@C" }

--- Every subset of 0, 1 and 2.
local subsets = {}
for bits = 0, 7 do
  local set = {}
  for fd = 0, 2 do
    if math.floor(bits / 2 ^ fd) % 2 == 1 then set[#set + 1] = fd end
  end
  subsets[#subsets + 1] = set
end

local function closing(set, words)
  local all = {}
  for _, fd in ipairs(set) do all[#all + 1] = "close=" .. fd end
  for _, word in ipairs(words) do all[#all + 1] = word end
  return all
end

local function assert_path(path, report)
  assert.equal("1", report.ok, report.reason)
  assert.equal(path, report.launch)
end

local function assert_only(expected, report)
  assert.same(expected, report.child.fds)
  for _, fd in ipairs(expected) do assert.is_false(report.child.fd[fd].cloexec) end
end

describe("a child's descriptors", function()
  helper.leak_check()

  helper.each_path(function(path)
    it("are the standard three even if the parent has closed some", function()
      for _, set in ipairs(subsets) do
        for _, kind in ipairs { "null", "inherit", "pipe", "default" } do
          local out = kind == "pipe" and "capture" or kind
          local report = driver.clean(closing(set, { "do=start", "stdin=" ..
            (kind == "pipe" and "default" or kind), "stdout=" .. out,
            "stderr=" .. (out == "capture" and "stdout" or out) }), probe,
            { path = path })
          assert_path(path, report)
          assert_only({ 0, 1, 2 }, report)
          for _, fd in ipairs(kind == "inherit" and set or {}) do
            assert.equal("/dev/null", report.child.fd[fd].target)
          end
        end
      end
    end)

    it("are a buffer and two captures even if the parent has closed some", function()
      for _, set in ipairs(subsets) do
        local report = driver.clean(closing(set, { "input=abc", "send=secret" }),
          { helper.probe, "--to", "@C", "--report", "--to-fd", "1", "--in", "--err", "3" },
          { path = path })
        assert_path(path, report)
        assert_only({ 0, 1, 2, 3 }, report)
        assert.equal("in.count=3\nin.adler32=024d0127\n", report.out)
        assert.equal("3", report["err.size"])
      end
    end)

    it("follow all 27 maps of 0, 1, 2 onto themselves", function()
      for map = 0, 26 do
        local from = { [0] = map % 3, math.floor(map / 3) % 3, math.floor(map / 9) }
        local report = driver.clean({ "open=0:@D/f0", "open=1:@D/f1", "open=2:@D/f2",
          "stdin=fd:" .. from[0], "stdout=fd:" .. from[1], "stderr=fd:" .. from[2] },
          probe, { path = path })
        assert_path(path, report)
        assert_only({ 0, 1, 2 }, report)
        for fd = 0, 2 do
          assert.equal("f" .. from[fd], report.child.fd[fd].target:match("[^/]*$"))
        end
      end
    end)

    it("may cross: a source that is another's target", function()
      local words = { "pass=12:10", "pass=11:12", "pass=10:11", "pass=13:4",
        "pass=13:3", "stdin=fd:10", "stdout=fd:12", "stderr=fd:11" }
      for fd = 10, 13 do table.insert(words, 1, ("open=%d:@D/f%d"):format(fd, fd)) end
      local report = driver.clean(words, probe, { path = path })
      assert_path(path, report)
      assert_only({ 0, 1, 2, 3, 4, 10, 11, 12 }, report)
      for fd, file in pairs { [0] = 10, 12, 11, 13, 13, [10] = 12, [11] = 10, [12] = 11 } do
        assert.equal("f" .. file, report.child.fd[fd].target:match("[^/]*$"))
      end
    end)

    it("may be passed in reverse order and far up", function()
      local words = {}
      for i = 0, 9 do
        words[#words + 1] = ("open=%d:@D/f%d"):format(20 + i, i)
        words[#words + 1] = ("pass=%d:%d"):format(20 + i, 29 - i)
      end
      words[#words + 1] = "pass=20:1023"
      local report = driver.clean(words, probe, { path = path })
      assert_path(path, report)
      assert_only({ 0, 1, 2, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 1023 }, report)
      for i = 0, 9 do
        assert.equal("f" .. i, report.child.fd[29 - i].target:match("[^/]*$"))
      end
    end)

    it("cannot be above the limit, which the failure reports", function()
      local report = driver.clean({ "open=5:@D/f", "pass=5:30000", "files=1024" },
        probe, { path = path })
      assert.equal("spawn pass_fd EBADF", ("%s %s %s"):format(report.code,
        report.stage, report.errno))
      assert.equal("descriptor 5", report.subject)
      assert.truthy(report.reason:find("30000", 1, true), report.reason)
    end)

    it("are the only open ones, with 19,000 open in the parent", function()
      local report = driver.clean({ "many=19000", "open=18999:@D/f",
        "pass=18999:5", "pass=18998:6", "stdout=fd:18999" }, probe, { path = path })
      assert_path(path, report)
      assert_only({ 0, 1, 2, 5, 6 }, report)
    end)

    it("come from above the parent's lowered limit", function()
      local report = driver.clean({ "open=800:@D/f", "many=200", "open=700:@D/g",
        "files=300", "stdout=fd:800", "pass=700:250" }, probe, { path = path })
      assert_path(path, report)
      assert_only({ 0, 1, 2, 250 }, report)
      assert.equal("f", report.child.fd[1].target:match("[^/]*$"))
      assert.equal("g", report.child.fd[250].target:match("[^/]*$"))
    end)

    it("may be given away", function()
      local report = driver.run({ "open=7:@D/f", "give=7:9" }, probe, { path = path })
      assert_path(path, report)
      assert_only({ 0, 1, 2, 9 }, report)
      assert.equal("descriptor 7 was a is - ", report.left)
    end)

    for _, denied in ipairs { "close_range", "close_range:EPERM",
      "close_range(CLOSE_RANGE_UNSHARE)", "close_range(CLOSE_RANGE_UNSHARE):EINVAL",
      "pidfd_getfd", "pidfd_getfd:EPERM", "pidfd_getfd:EACCES",
      "clone(CLONE_FILES):EINVAL", "clone(CLONE_FILES):EPERM",
      "clone3", "fork,vfork" } do
      it("are the same if " .. denied .. " is refused", function()
        local report = driver.clean({ "open=40:@D/f", "pass=40:8", "open=950:@D/h",
          "repeat=2" }, probe, { path = path, deny = denied })
        assert.equal("1", report.ok, report.reason)
        assert_only({ 0, 1, 2, 8 }, report)
      end)
    end
  end)

  local function assert_closed(open, denied)
    local report = driver.clean({ "any", "open=40:@D/f", "open=" .. open .. ":@D/g",
      "files=300", "pass=40:8" }, { helper.probe, "--read", "8", "1", "--read",
      open, "1" }, { deny = denied })
    assert.equal("70", report.exit)
    assert.equal("probe: read: Bad file descriptor\n", report.err)
  end

  it("are closed even if nothing can list them", function()
    for _, denied in ipairs { "close_range,getdents64", "close_range,openat(O_DIRECTORY)" } do
      for _, open in ipairs { "40", "63", "64", "65", "255", "256", "800", "1023" } do
        -- A child that tries every number up to a million is killed.
        assert_closed(open, denied .. ",close(500000):KILL")
      end
    end
    assert_closed("800", "close_range,getdents64,pselect6")
  end)
end)

describe("the launch path", function()
  helper.leak_check()

  local function launch(deny, words, path)
    local all = { "repeat=2", "stdin=null" }
    for _, word in ipairs(words or {}) do table.insert(all, 1, word) end
    local report = driver.clean(all, nil, { deny = deny, path = path })
    assert.equal("1", report.ok, report.reason)
    return report.launch
  end

  it("is shared, or a lesser one if the kernel refuses it", function()
    assert.equal("shared", launch(nil))
    for _, answer in ipairs { "ENOSYS", "EPERM" } do
      assert.equal("prefix", launch("pidfd_getfd:" .. answer))
      assert.equal("copied", launch("close_range:" .. answer))
      assert.equal("copied", launch("clone3:ENOSYS,clone(CLONE_FILES):" .. answer))
      assert.equal("copied", launch("close_range:" .. answer, nil, "shared"))
    end
  end)

  it("survives a filter that kills", function()
    local pidfd_getfd, close_range = "438", "436"
    assert.equal("prefix", launch(nil, { "kill-on=" .. pidfd_getfd }))
    assert.equal("copied", launch(nil, { "kill-on=" .. close_range }, "shared"))
  end)

  it("works if the parent has no descriptors", function()
    local report = driver.clean({ "stdin=null", "stdout=null", "stderr=null" },
      nil, { deny = "pidfd_open,pidfd_getfd" })
    assert.equal("1 shared", report.ok .. " " .. report.launch)
  end)

  it("is launcher if the child changes its identity", function()
    for _, word in ipairs { "uid=1000", "gid=1000", "groups=5", "clear-caps",
      "cap=net_raw" } do
      assert.equal("launcher", launch(nil, { word }))
      assert.equal("own", launch(nil, { word }, "own"))
    end
    assert.equal("own", launch(nil, { "hook=ok" }))
  end)

  it("is own if memory files cannot be executed", function()
    for _, denied in ipairs { "memfd_create:EPERM", "memfd_create:ENOSYS",
      "execveat:EACCES", "execveat:ENOSYS", "prctl(PR_SET_DUMPABLE):EPERM",
      "execveat:KILL", "prctl(PR_SET_DUMPABLE):KILL" } do
      assert.equal("own", launch(denied, { "uid=1000" }))
    end
  end)
end)
