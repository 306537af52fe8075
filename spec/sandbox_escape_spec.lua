-- A hostile program, spec/fixtures/escape*.c, against the sandbox. The README's table of
-- attempts says what is held; a control run without a sandbox shows that the attempts
-- would succeed.
local driver = require "spec.support.driver"
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local noshell = require "noshell"

-- The attempts do not depend on Lua.
if not driver.is_wanted then return end

local sys = helper.sys
local escape = helper.fixtures .. "/escape"
local able = noshell.features().sandbox
local is_root = sys.getuid() == 0

local function need_all()
  helper.require_or_pending("sandbox", able.landlock and able.landlock >= 6 and able.seccomp,
    "Landlock (version 6) and libseccomp")
end

--- The rows of the README's table: name → { verdict, verdict with syscalls }, in order.
local function promised()
  local rows = {}
  local text = helper.read_file(helper.root .. "/README.md")
  text = text:match "| attempt | what it does |.-\n(.-)\n\n"
  for name, plain, filtered in text:gmatch
    "| `([%w-]+)` | [^|]* | ([^|]*) | ([^|]*) |" do
    rows[name] = { plain, filtered }
    rows[#rows + 1] = name
  end
  return rows
end

--- Starts the host that is attacked, calls f with the words of the attacker, and ends it.
local function with_host(dir, f)
  local host = assert(noshell.run_async { escape, "--host", dir, stdin = "pipe",
    stdout = "pipe" })
  local words = { escape, dir }
  for word in host.stdout:read("l"):gmatch "%d+" do words[#words + 1] = word end
  local answer = f(words)
  host.stdin:close()
  assert(host:wait())
  host:close()
  return answer
end

--- Runs all attempts; returns name → "escaped" or the name of an errno, and the report.
local function attack(dir, sandbox)
  return with_host(dir, function(words)
    words.sandbox = sandbox
    if sandbox then sandbox.write = { dir .. "/in" } end
    local result = assert(noshell.run(words))
    local got = { report = result.sandbox }
    for name, outcome in result.stdout:gmatch "(%S+) (%S+)\n" do got[name] = outcome end
    return got
  end)
end

--- Attacks in a new process, as root or as an ordinary user. `env`: for the sandbox.
local function attack_as(user, sandbox, env)
  local got
  helper.with_tmpdir(function(dir)
    sys.chmod(dir, tonumber("777", 8))
    got = forked(function()
      for name, value in pairs(env or {}) do sys.setenv(name, value) end
      if user then assert(sys.become(user, user)) end
      local outcomes = attack(dir, sandbox)
      local report = outcomes.report or {}
      outcomes.report = nil
      for part, means in pairs(report) do
        if part ~= "unenforced" then outcomes["report." .. part] = tostring(means) end
      end
      return outcomes
    end)
  end)
  assert.equal("", got.stderr)
  got.stderr, got.status = nil, nil
  return got
end

local function compare(got, column, is_run_by_root)
  local rows, wrong = promised(), {}
  for _, name in ipairs(rows) do
    local verdict, outcome = rows[name][column], got[name]
    local is_held = outcome ~= "escaped"
    if not outcome then
      wrong[#wrong + 1] = name .. " was not tried"
    elseif verdict == "held" and not is_held
      or verdict == "held, but not for root" and not is_held and not is_run_by_root then
      wrong[#wrong + 1] = name .. " escaped"
    elseif verdict ~= "held" and verdict ~= "not covered"
      and verdict ~= "held, but not for root" then
      wrong[#wrong + 1] = name .. " has the verdict " .. verdict
    end
  end
  for name in pairs(got) do
    if not rows[name] and not name:find("report.", 1, true) then
      wrong[#wrong + 1] = name .. " is not in the README"
    end
  end
  assert.same({}, wrong)
end

describe("an escape", function()
  helper.leak_check()

  it("succeeds without a sandbox, in most attempts", function()
    local got = attack_as()
    local count, escaped = 0, 0
    for _, name in ipairs(promised()) do
      local outcome = assert(got[name], name)
      count = count + 1
      if outcome == "escaped" then escaped = escaped + 1 end
    end
    assert.is_true(count >= 60, count)
    assert.is_true(escaped >= (is_root and 85 or 60), escaped .. " of " .. count)
  end)

  for _, user in ipairs { false, 12345 } do
    local who = user and "an ordinary user" or "the user of the specs"
    local by_root = is_root and not user

    local function need_user()
      need_all()
      if user then helper.require_or_pending("root", is_root, "root") end
    end

    it("is held as the README says, as " .. who, function()
      need_user()
      compare(attack_as(user, {}), 1, by_root)
    end)

    it("is held as the README says with syscalls, as " .. who, function()
      need_user()
      compare(attack_as(user, { syscalls = "default" }), 2, by_root)
    end)

    it("is not covered where the README says so, as " .. who, function()
      need_user()
      -- The others need root, a terminal, or a feature of the kernel.
      for column, sandbox in ipairs { {}, { syscalls = "default" } } do
        local got, rows = attack_as(user, sandbox), promised()
        for _, name in ipairs { "look", "enter", "watch", "change-mode", "change-times",
          "execute-memory", "map-executable", "host-affinity", "host-visible", "fork-bomb",
          "memory-bomb" } do
          assert.equal("not covered", rows[name][column], name)
          assert.equal("escaped", got[name], name)
        end
      end
    end)
  end

  for _, user in ipairs { false, 12345 } do
    it("is held with private parts, too" .. (user and ", as an ordinary user" or ""), function()
      need_all()
      local _, err = noshell.run { "true", sandbox = { private = { pid = true } } }
      helper.require_or_pending("namespaces", err == nil, tostring(err))
      if user then helper.require_or_pending("root", is_root, "root") end
      local got = attack_as(user, { private = { pid = true, network = true,
        hide = { "/usr/share/doc" } } })
      compare(got, 1, is_root and not user)
      assert.equal("namespaces", got["report.private"])
      for _, name in ipairs { "host-visible", "host-limit", "host-priority", "host-affinity",
        "host-environment", "host-kill", "init-kill" } do
        assert.is_true(got[name] ~= "escaped", name)
      end
    end)
  end

  it("by metadata is held with @metadata", function()
    need_all()
    local got = attack_as(false, { syscalls = { deny = { "@metadata" } } })
    assert.equal("EPERM", got["change-mode"])
    assert.equal("EPERM", got["change-times"])
  end)

  it("by a call that is allowed again succeeds", function()
    need_all()
    local got = attack_as(false, { syscalls = { allow = { "@keyring", "setpriority" } } })
    assert.equal("escaped", got["add-key"])
    assert.equal("escaped", got["host-priority"])
    assert.equal("EPERM", got["host-limit"])
  end)
end)

describe("an escape through the network", function()
  helper.leak_check()

  local NET = { "tcp-connect", "tcp-fast-open", "tcp-bind", "tcp-listen", "mptcp-connect",
    "udp-send", "dns", "raw", "packet", "netlink", "vsock", "kernel-crypto", "io-uring" }

  it("is held by ports, but for TCP to them", function()
    need_all()
    helper.with_tmpdir(function(dir)
      local port
      local got = with_host(dir, function(words)
        port = tonumber(words[4])
        words.sandbox = { write = dir .. "/in", network = { connect = { port } } }
        return assert(noshell.run(words)).stdout
      end)
      for _, name in ipairs(NET) do
        local outcome = got:match("\n" .. name:gsub("%-", "%%-") .. " (%S+)")
        if name == "tcp-connect" then
          assert.equal("escaped", outcome)
        else
          assert.is_true(outcome ~= "escaped", name)
        end
      end
    end)
  end)

  it("is held at other ports, and listening is allowed at those of `bind`", function()
    need_all()
    local got = attack_as(false, { network = { connect = { 1 }, bind = { 0 } } })
    assert.equal("EACCES", got["tcp-connect"])
    assert.equal("escaped", got["tcp-bind"])
    assert.equal("escaped", got["tcp-listen"])
    assert.equal("EPERM", got["udp-send"])
    assert.equal("EPERM", got["mptcp-connect"])
    assert.equal("EPERM", got["tcp-fast-open"])
  end)

  it("is possible with network = true, but not to abstract sockets", function()
    need_all()
    local got = attack_as(false, { network = true })
    assert.equal("escaped", got["tcp-connect"])
    assert.equal("escaped", got["unix-stream"])
    assert.equal("EPERM", got["unix-abstract"])
    got = attack_as(false, { network = true, unix = true })
    assert.equal("escaped", got["unix-abstract"])
    got = attack_as(false, { network = true, unix = false })
    assert.equal("EPERM", got["unix-stream"])
    assert.equal("escaped", got["tcp-connect"])
  end)
end)

describe("an older Landlock", function()
  helper.leak_check()

  it("holds files, with a filter against truncation", function()
    need_all()
    local rows = promised()
    for _, version in ipairs { 1, 2 } do
      local got = attack_as(false, { require = "best" }, { NOSHELL_LANDLOCK = version })
      for _, name in ipairs(rows) do
        if name:find "^write" or name:find "^truncate" or name:find "^read"
          or name:find "^rename" or name:find "^link" then
          assert.is_true(got[name] ~= "escaped", version .. ": " .. name)
        end
      end
      assert.equal("escaped", got["host-kill"])
      assert.equal("false", got["report.signals"])
      assert.equal(("landlock %d, seccomp"):format(version), got["report.write"])
    end
  end)

  --- Runs in a new process, which pretends the version.
  local function run_with(version, sandbox, deny)
    return forked(function()
      sys.setenv("NOSHELL_LANDLOCK", version)
      if deny then assert(sys.deny(deny)) end
      local result, err = noshell.run { "true", sandbox = sandbox }
      local report = result and result.sandbox or {}
      return { text = tostring(err), stage = err and err.stage, subject = err and err.subject,
        signals = tostring(report.signals), read = tostring(report.read),
        reason = report.unenforced and report.unenforced.signals }
    end)
  end

  it("makes a start fail, unless the part is not required", function()
    need_all()
    local got = run_with(2, {})
    assert.equal("sandbox_files", got.stage)
    assert.equal("signals", got.subject)
    assert.matches("Landlock can forbid signals since Linux 6%.12 %(version 6%); this kernel "
      .. 'has version 2; require = "best" does without', got.text)
    got = run_with(2, { require = { "read", "write", "exec", "network", "unix" } })
    assert.equal("false landlock 2", got.signals .. " " .. got.read)
    assert.matches("^Landlock can forbid signals", got.reason)
    got = run_with(2, { network = { connect = { 443 } }, require = { "network" } })
    assert.equal("sandbox_network network", got.stage .. " " .. got.subject)
    assert.matches("Landlock can allow single ports since Linux 6%.7", got.text)
    got = run_with(0, { require = { "read" } })
    assert.equal("sandbox_files read", got.stage .. " " .. got.subject)
    assert.matches("this kernel has no Landlock", got.text)
    got = run_with(0, { require = "best" })
    assert.equal("false", got.read)
  end)
end)

describe("a denied means", function()
  helper.leak_check()

  --- Runs in a new Lua, so that no answer is remembered.
  local function run_denied(rules, sandbox)
    local got = helper.run_lua(helper.lua, ([[
      local noshell = require "noshell"
      local result, err = noshell.run { "true", sandbox = %s }
      print(err and err.stage, err and tostring(err))
      for part, reason in pairs(result and result.sandbox.unenforced or {}) do
        print(part .. ": " .. reason)
      end]]):format(sandbox), nil, { deny = rules })
    assert.equal("", got.err)
    return got.out
  end

  it("makes the start fail, or is reported", function()
    need_all()
    for _, case in ipairs {
      { "landlock_create_ruleset:EPERM", "{}", "sandbox_files",
        "denies Landlock's system calls" },
      { "landlock_create_ruleset:EOPNOTSUPP", "{}", "sandbox_files", "Landlock is disabled" },
      { "landlock_create_ruleset:ENOSYS", "{}", "sandbox_files", "has no Landlock" },
      { "landlock_create_ruleset:KILL", "{}", "sandbox_files",
        "denies Landlock's system calls" },
      { "landlock_restrict_self:EPERM", "{}", "sandbox_files",
        "denies landlock_restrict_self%(2%)" },
      { "landlock_restrict_self:E2BIG", "{}", "sandbox_files", "as many Landlock domains" },
      { "seccomp:EPERM", "{}", "sandbox_network", "denies seccomp%(2%)" },
      { "seccomp:ENOSYS", "{ network = true, syscalls = 'default' }", "sandbox_syscalls",
        "no seccomp filters" },
      { "seccomp(SECCOMP_SET_MODE_FILTER):EPERM", "{ syscalls = 'default' }",
        "sandbox_network", "denies seccomp%(2%)" },
    } do
      local out = run_denied(case[1], case[2])
      assert.matches("^" .. case[3] .. "\t", out, case[1])
      assert.matches(case[4], out, case[1])
      local best = case[2]:gsub("}$", ", require = 'best' }"):gsub("{,", "{")
      out = run_denied(case[1], best)
      assert.matches("^nil\t", out, case[1])
      assert.matches("\n" .. (case[1]:find "seccomp" and "%a+" or "read") .. ": .+", out,
        case[1])
    end
  end)
end)
