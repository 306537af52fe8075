-- The pre-exec hook: a Lua function in a forked child, or a C function.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys

local function failing(hook, data)
  local value, err = noshell.command("true"):set_pre_exec_hook(hook, data):run()
  assert.is_nil(value)
  assert.equal("spawn set_pre_exec_hook", err.code .. " " .. err.stage)
  return err.reason
end

describe("a pre-exec hook", function()
  helper.leak_check()

  helper.each_path(function()
    it("runs in the child, with its data, before the program", function()
      local report, launch = probing.report(probing.command()
        :set_pre_exec_hook(function(data) sys.umask(data.mask) end, { mask = 63 }))
      assert.equal("own", launch)
      assert.equal("0077", report.umask)
    end)

    it("is followed by steps that still report their failure", function()
      local _, err = noshell.run { "true", cwd = "/none",
        pre_exec_hook = function() return true end }
      assert.equal("spawn set_working_directory ENOENT /none", probing.described(err))
    end)
  end)

  it("does not change this process", function()
    local touched, pid = false, sys.getpid()
    helper.with_tmpdir(function(dir)
      assert(noshell.run { "true", pre_exec_hook = function()
        touched = true
        helper.write_file(dir .. "/pid", tostring(sys.getpid()))
      end })
      assert.is_false(touched)
      assert.are_not.equal(tostring(pid), helper.read_file(dir .. "/pid"))
    end)
  end)

  it("has the descriptors of the child in place, and nothing else", function()
    local extra = sys.open("/dev/null", "r", true)
    local result = assert(noshell.run { "true", stdin = { path = "/dev/zero" },
      pre_exec_hook = function()
        sys.write(1, sys.read(0, 1) .. tostring(sys.cloexec(extra)))
      end })
    sys.close(extra)
    assert.equal("\0nil", result.stdout)
  end)

  for _, denied in ipairs { "", "close_range:ENOSYS" } do
    local how = denied == "" and "" or " (denied: " .. denied .. ")"

    it("leaves only the kept descriptors open for the program" .. how, function()
      helper.with_tmpdir(function(dir)
        local got = forked(function()
          if denied ~= "" then assert(sys.deny(denied)) end
          local numbers = {}
          local report = probing.report(probing.command():pass_fd(0, { as = 50 })
            :set_pid_file(dir .. "/pid")
            :set_pre_exec_hook(function()
              sys.dup2(0, 40)
              sys.dup2(0, 41)
              sys.dup2(0, 60)
              noshell.keep_fd(41)
              numbers.file = io.open("/dev/zero")
              noshell.keep_fd(numbers.file)
            end))
          -- The numbers of the pid file and the Lua file are not determined.
          local zero, pid_file = 0, 0
          for _, fd in pairs(report.fd) do
            if fd.target == "/dev/zero" then zero = zero + 1 end
            if fd.target == dir .. "/pid" then pid_file = pid_file + 1 end
          end
          return { fds = table.concat(report.fds, " "), zero = zero, pid_file = pid_file }
        end)
        assert.equal("1 1", got.zero .. " " .. got.pid_file)
        assert.matches("^0 1 2 %d+ %d+ 41 50$", got.fds)
      end)
    end)
  end

  it("may replace a descriptor that is planned", function()
    local report = probing.report(probing.command():pass_fd(0, { as = 50 })
      :set_pre_exec_hook(function()
        local fd = sys.open("/dev/zero", "r", true)
        sys.dup2(fd, 50)
      end))
    assert.equal("/dev/zero", report.fd[50].target)
    assert.equal("0 1 2 50", table.concat(report.fds, " "))
  end)

  it("can keep a descriptor, only there and only an open one", function()
    local ok, err = pcall(noshell.keep_fd, 0)
    assert.is_false(ok)
    assert.matches("keep_fd: can only be called by a pre%-exec hook", err)
    assert.matches("keep_fd: descriptor 777: Bad file descriptor",
      failing(function() noshell.keep_fd(777) end))
    assert.matches("is not a descriptor", failing(function() noshell.keep_fd "x" end))
  end)

  it("keeps descriptors for an exec in place, and closes them if it fails", function()
    local got = forked(function()
      local before = helper.snapshot()
      local fields = probing.fields(noshell.exec { "/none", pre_exec_hook = function()
        sys.dup2(0, 41)
        noshell.keep_fd(41)
      end })
      fields.leaks = probing.leaks(before)
      local from, to = sys.pipe()
      if sys.fork() == 0 then
        noshell.exec { helper.probe, stdout = to, pre_exec_hook = function()
          sys.dup2(0, 40)
          sys.dup2(0, 41)
          noshell.keep_fd(41)
        end }
        sys.exit(1)
      end
      sys.close(to)
      local text = {}
      repeat
        text[#text + 1] = sys.read(from, 65536)
      until text[#text] == ""
      fields.fds = table.concat(helper.probe_report(table.concat(text)).fds, " ")
      return fields
    end)
    assert.equal("spawn exec ENOENT /none", got.described)
    assert.equal("none", got.leaks)
    assert.equal("0 1 2 41", got.fds)
  end)

  it("fails the command with the error that it raises", function()
    assert.matches("^[^\n]*hook_spec.lua:%d+: it is broken$",
      failing(function() error "it is broken" end))
    assert.equal("no place", failing(function() error("no place", 0) end))
    assert.equal("an object", failing(function()
      error(setmetatable({}, { __tostring = function() return "an object" end }))
    end))
  end)

  it("fails the command with false or nil and a message", function()
    assert.equal("not today", failing(function() return false, "not today" end))
    assert.equal("not today", failing(function() return nil, "not today" end))
    assert.equal("the hook returned false", failing(function() return false end))
  end)

  it("succeeds with anything else", function()
    for _, value in ipairs { true, 0, "x" } do
      assert(noshell.run { "true", pre_exec_hook = function() return value end })
    end
    assert(noshell.run { "true", pre_exec_hook = function() end })
    assert(noshell.run { "true", pre_exec_hook = function() return nil end })
  end)

  it("may return a message of up to 1 KiB", function()
    local reason = failing(function() return false, ("x"):rep(5000) end)
    assert.equal(("x"):rep(1023), reason)
  end)

  it("that exits is not reported as killed", function()
    assert.equal("the child ended before it executed the program",
      failing(function() sys.exit(3) end))
  end)

  it("that is killed is reported with stage and signal", function()
    local _, err = noshell.run { "true",
      pre_exec_hook = function() sys.kill(sys.getpid(), "KILL") end }
    assert.equal("spawn set_pre_exec_hook KILL", ("%s %s %s"):format(err.code, err.stage,
      err.signal))
    assert.matches("killed by signal KILL", tostring(err))
  end)

  it("cannot use processes of the parent", function()
    local process = assert(noshell.run_async { "cat", stdin = "pipe" })
    local reason = failing(function()
      local _, err = process:poll()
      return false, err.code
    end)
    assert.equal("closed", reason)
    process.stdin:close()
    assert(process:wait())
    process:close()
  end)

  it("belongs to a clone as well, which outlives the command", function()
    local copy = probing.command():set_pre_exec_hook(function(mask) sys.umask(mask) end, 7)
      :clone()
    collectgarbage()
    collectgarbage()
    assert.equal("0007", probing.report(copy).umask)
  end)

  it("is the one set last", function()
    local cmd = probing.command():set_pre_exec_hook(function() error "first" end)
      :set_pre_exec_hook(function() sys.umask(1) end)
    assert.equal("0001", probing.report(cmd).umask)
  end)

  it("runs in the coroutine that runs the command", function()
    local report
    coroutine.wrap(function()
      report = probing.report(probing.command():set_pre_exec_hook(function(data)
        sys.umask(data)
      end, 5))
    end)()
    assert.equal("0005", report.umask)
  end)
end)

describe("a C pre-exec hook", function()
  helper.leak_check()

  it("is a function pointer that runs in the child with its data", function()
    local report, launch = probing.report(probing.command()
      :set_pre_exec_hook(sys.hook "umask", sys.hook_data(23)))
    assert.equal("own", launch)
    assert.equal("0027", report.umask)
    assert.equal("0070", probing.report(probing.command()
      :set_pre_exec_hook(sys.hook "umask")).umask)
  end)

  it("keeps its data alive as long as the command and its clones", function()
    local copy = probing.command():set_pre_exec_hook(sys.hook "umask", sys.hook_data(23))
      :clone()
    collectgarbage()
    collectgarbage()
    assert.equal("0027", probing.report(copy).umask)
  end)

  it("fails the command with its message", function()
    assert.equal("the fixture refuses", failing(sys.hook "refuse"))
  end)

  it("replaces a Lua function", function()
    local cmd = probing.command():set_pre_exec_hook(function() error "Lua" end)
      :set_pre_exec_hook(sys.hook "umask")
    assert.equal("0070", probing.report(cmd).umask)
    assert.equal("0070", probing.report(cmd:clone()).umask)
  end)
end)
