local helper = require "spec.support.helper"
local sys = helper.sys

local function report_of(words, options)
  local result = helper.run(words, options)
  assert.equal(0, result.status, result.err)
  return helper.probe_report(result.out)
end

describe("the probe", function()
  helper.leak_check()

  it("reports arguments and environment byte for byte", function()
    local report = report_of({ "env", "-i", "A=\255=\n\\x41", helper.probe,
      "a\nb\\n", "", "\\xab" })
    assert.equal("4", report.argc)
    assert.same({ [0] = helper.probe, "a\nb\\n", "", "\\xab" }, report.argv)
    assert.same({ "A=\255=\n\\x41" }, report.env_list)
  end)

  it("works with any of 0, 1 and 2 closed", function()
    helper.with_tmpdir(function(dir)
      for subset = 0, 7 do
        local closed = {}
        for fd = 0, 2 do
          if math.floor(subset / 2 ^ fd) % 2 == 1 then
            table.insert(closed, (fd == 0 and "<&-" or fd .. ">&-"))
          end
        end
        helper.run({ helper.probe, "--to", dir .. "/report" },
          { redirect = table.concat(closed, " ") })
        local report = helper.probe_report(helper.read_file(dir .. "/report"))
        for fd = 0, 2 do
          local is_closed = math.floor(subset / 2 ^ fd) % 2 == 1
          assert.equal(is_closed, report.fd[fd] == nil, closed)
        end
      end
    end)
  end)

  it("reports descriptors with their flags", function()
    local report = report_of({ helper.probe }, { redirect = "5>>/dev/null" })
    assert.equal("/dev/null", report.fd[5].target)
    assert.equal("chr", report.fd[5].kind)
    assert.equal("wronly", report.fd[5].access)
    assert.is_true(report.fd[5].append)
    assert.is_false(report.fd[5].cloexec)
    assert.equal("rdonly", report.fd[0].access)
  end)

  it("writes a known pattern and sums what it reads", function()
    local data = helper.pattern(100000)
    assert.equal(data, helper.run({ helper.probe, "--out", 100000 }).out)
    local said = helper.run({ helper.probe, "--in" }, { input = data }).out
    assert.equal(("in.count=100000\nin.adler32=%s\n"):format(
      helper.adler32(data)), said)
  end)

  it("ends as requested", function()
    assert.equal(7, helper.run({ helper.probe, "--exit", 7 }).status)
    assert.equal(15, helper.run({ helper.probe, "--kill", "TERM" }).signal)
  end)

  it("forks, and runs the words between fork and end in the child", function()
    local words = { helper.probe, "--fork", "--fork", "--say", "deep", "--end",
      "--wait", "--say", "mid", "--end", "--wait", "--say", "top" }
    assert.equal("deep\nmid\ntop\n", helper.run(words).out)
  end)

  it("refuses a word that is no option after it has acted", function()
    assert.equal(70, helper.run({ helper.probe, "--say", "x", "typo" }).status)
  end)
end)

describe("deny", function()
  it("makes a call fail with ENOSYS, or with the errno named", function()
    local words = { helper.deny, "clone:EAGAIN,setsid", "--", helper.probe,
      "--fork" }
    assert.truthy(helper.run(words).err:find("Resource temporarily", 1, true))
    words[2] = "clone"
    assert.truthy(helper.run(words).err:find("not implemented", 1, true))
  end)

  it("narrows a rule to a flag", function()
    local words = { helper.deny, "clone(CLONE_VM|CLONE_FILES)", "--",
      helper.probe, "--fork", "--end", "--exit", 3 }
    assert.equal(3, helper.run(words).status)
  end)

  it("starts its program even if execve is denied", function()
    local words = { helper.deny, "execve:EACCES,execveat", "--", helper.probe,
      "--exec", "/bin/true" }
    local result = helper.run(words)
    assert.equal("probe: /bin/true: Permission denied\n", result.err)
  end)

  it("names a word that it does not know", function()
    local result = helper.run { helper.deny, "close,frob", "--", "true" }
    assert.equal("deny: not understood: frob\n", result.err)
  end)

  it("can be installed late, from Lua", function()
    local result = helper.run_lua(helper.lua, [[
      local sys = require "testsys"
      assert(sys.deny "setsid:EPERM")
      io.write(select(3, sys.setsid()))]])
    assert.equal("1", result.out, result.err)
  end)
end)

describe("hostile", function()
  local function hostile(options, script)
    local result = helper.run_lua(helper.lua, script, nil,
      { hostile = options })
    assert.equal(0, result.status, result.err)
    return result.out
  end

  it("closes, opens, blocks and ignores before main, and leaves no trace", function()
    local out = hostile({ FDS = 1000, BLOCK = "all", IGNORE = "PIPE,HUP" },
      ("os.execute('exec %s')"):format(helper.probe))
    local report = helper.probe_report(out)
    assert.is_true(#report.fds >= 1000)
    assert.is_true(helper.mask_has(report.sigign, 13))
    assert.is_true(helper.mask_has(report.sigmask, 15))
    assert.is_nil(report.env.LD_PRELOAD)
    assert.is_nil(report.env.HOSTILE_FDS)
  end)

  it("interrupts every millisecond", function()
    local ticks = hostile({ TIMER = 1 }, [[
      local sys = require "testsys"
      sys.sleep(0.1)
      io.write((sys.hostile()))]])
    assert.is_true(tonumber(ticks) > 20, ticks)
  end)

  for _, how in ipairs { "thief", "thread" } do
    it("steals children: " .. how, function()
      local stolen = hostile({ SIGCHLD = how }, [[
        local sys = require "testsys"
        if sys.fork() == 0 then sys.exit(0) end
        for _ = 1, 100 do
          sys.sleep(0.01)
          if select(2, sys.hostile()) > 0 then break end
        end
        io.write((select(2, sys.hostile())))]])
      assert.equal("1", stolen)
    end)
  end
end)

describe("the leak check", function()
  it("detects a zombie", function()
    local pid = assert(sys.fork())
    if pid == 0 then sys.exit(0) end
    for _ = 1, 100 do
      if #helper.zombies() > 0 then break end
      sys.sleep(0.01)
    end
    assert.same({ tostring(pid) }, helper.zombies())
    sys.waitpid(pid)
    assert.same({}, helper.zombies())
  end)
end)
