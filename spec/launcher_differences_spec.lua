-- A program sees the same whether a launcher has started it or a fork.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local probing = require "spec.support.probing"

local sys = helper.sys
local UID = 12345

--- Removes what differs between two processes.
local function comparable(report)
  local pid = report:match "\npid=(%d+)"
  for _, key in ipairs { "ppid", "pgid", "sid", "pid" } do
    report = report:gsub("\n" .. key .. "=(%d+)", function(number)
      return ("\n%s=%s"):format(key, number == pid and "its own" or "another's")
    end)
  end
  return (report:gsub("pipe:%[%d+%]", "pipe"):gsub("inode=%d+:%d+", "inode=N")
    :gsub("env%.NOSHELL_LAUNCH=%w+", ""))
end

local function read_all(fd)
  local pieces = {}
  repeat
    local piece = sys.read(fd, 65536)
    pieces[#pieces + 1] = piece
  until piece == ""
  return table.concat(pieces)
end

--- The report of a probe, or the failure of its start; and the path.
local function start(spec)
  local from, to = sys.pipe()
  local words = { helper.probe, stdout = to, stderr = "null" }
  for key, value in pairs(spec) do words[key] = value end
  for target in pairs(words.pass_fds or {}) do words.pass_fds[target] = from end
  local process, err = noshell.run_async(words)
  sys.close(to)
  local launch = process and process.launch
  local report = process and comparable(read_all(from)) or probing.described(err)
  sys.close(from)
  if process then
    process:wait()
    process:close()
  end
  return report, launch
end

local starts = {
  { uid = UID }, { gid = 77 }, { groups = { 5, 6, 7 } },
  { uid = UID, gid = UID, groups = {} },
  { clear_caps = true }, { clear_caps = true, allow_cap = { "kill", "net_raw" } },
  { uid = UID, allow_cap = { "net_bind_service" } },
  { uid = UID, gid = UID, allow_cap = { "sys_nice" }, no_new_privs = true },
  { uid = UID, cwd = "/tmp" }, { uid = UID, cwd = "/nonexistent" },
  { uid = UID, umask = "027" }, { uid = UID, nice = 5 },
  { uid = UID, new_session = true }, { uid = UID, new_process_group = true },
  { uid = UID, oom_score_adj = 300 },
  { clear_caps = true, parent_death_signal = "TERM" },
  { uid = UID, limits = { fsize = 0 } }, { uid = UID, limits = { as = 2 ^ 26 } },
  { uid = UID, limits = { nproc = 500 } }, { uid = UID, limits = { nofile = 3 } },
  { clear_caps = true, limits = { core = 0, stack = 2 ^ 20 } },
  { uid = UID, pass_fds = { [3] = 0, [4] = 0, [900] = 0 } },
  { uid = UID, stdin = { path = "/nonexistent" } },
  { uid = UID, pid_file = "/nonexistent/pid" }, { daemonize = true },
  { daemonize = true, uid = UID, umask = "077", pass_fds = { [3] = 0, [5] = 0 } },
  { daemonize = true, pid_file = "/nonexistent/pid" },
}

describe("a start through the launcher", function()
  helper.leak_check()

  it("leaves what a fork leaves", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    for i, spec in ipairs(starts) do
      local expected, own = helper.with_path("own", start, spec)
      local got, launcher = helper.with_path("launcher", start, spec)
      assert.equal(expected, got, "start " .. i)
      assert.equal(own and "own", own)
      assert.equal(own and "launcher", launcher)
    end
  end)

  it("gives the pid file the number that it has after a fork", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    helper.with_tmpdir(function(dir)
      for _, fds in ipairs { {}, { [3] = 0 }, { [4] = 0, [3] = 0 }, { [5] = 0 } } do
        local spec = { uid = UID, pid_file = dir .. "/pid", pass_fds = fds }
        assert.equal((helper.with_path("own", start, spec)),
          (helper.with_path("launcher", start, spec)))
      end
    end)
  end)
end)
