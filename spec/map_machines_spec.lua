-- noshell.map over machines. With real servers it runs on two Luas, as machine_ssh_spec.
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local noshell = require "noshell"
local ssh_server = require "spec.support.ssh_server"

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

--- Returns name, done, failed and the code of `lost` of each machine, in one text.
local function summary(answer)
  local texts = {}
  for i, one in ipairs(answer.machines) do
    texts[i] = ("%s %d %d %s"):format(one.name, one.done, one.failed,
      one.lost and one.lost.code or "-")
  end
  return table.concat(texts, ", ")
end

describe("map over machines, in a dry run,", function()
  helper.leak_check()

  local web1, web2 = noshell.machine.ssh { "web1" }, noshell.machine.ssh { "web2" }
  local dry

  before_each(function() dry = noshell.dry_run() end)
  after_each(function() dry:stop() end)

  local function where()
    local list = {}
    for i, call in ipairs(dry:calls()) do list[i] = call.machine or "here" end
    return table.concat(list, " ")
  end

  it("gives each item to a machine, which f and on_progress get", function()
    local seen, told = {}, {}
    local results = assert(noshell.map(numbers(4), function(i, index, machine)
      seen[i] = index .. tostring(machine)
      return { "echo", i }
    end, { machines = { web1, web2 }, concurrency = 1,
      on_progress = function(done, total, item, result, err, machine)
        told[#told + 1] = ("%d/%d %s %s %s %s"):format(done, total, item,
          tostring(result.ok), tostring(err), tostring(machine))
      end }))
    assert.equal("web1 web2 web1 web2", where())
    assert.same({ "1web1", "2web2", "3web1", "4web2" }, seen)
    assert.equal("1/4 1 true nil web1", told[1])
    assert.equal("web1", results[1].machine)
    assert.equal("web1 2 0 -, web2 2 0 -", summary(results))
    assert.equal(web2, results.machines[2].machine)
  end)

  it("runs the commands of a pipeline on the machine, or those that name it", function()
    noshell.map({ 1 }, function() return noshell.pipeline({ "a" }, { "b" }) end,
      { machines = { web1 } })
    noshell.map({ 1 }, function(_, _, machine)
      return noshell.pipeline({ "a", machine = machine }, { "b" })
    end, { machines = { web1 } })
    assert.equal("web1 web1 web1 here", where())
  end)

  it("changes no command of the caller", function()
    local cmd, pl = noshell.command "a", noshell.pipeline({ "b" }, { "c" })
    noshell.map({ cmd, pl }, function(each) return each end, { machines = { web1 } })
    assert(cmd:run())
    assert(pl:run())
    assert.equal("web1 web1 web1 here here here", where())
  end)

  it("reports failures per item and per machine", function()
    dry:stop()
    dry = noshell.dry_run(function(call)
      return call.argv[2] == "2" and { exit_code = 5 } or nil
    end)
    local results, err = noshell.map({ 1, 2, false, 4 }, function(i) return i and { "x", i } end,
      { machines = { web1, web2 }, concurrency = 1 })
    assert.is_nil(results)
    assert.equal("web2 5", err.errors[2].machine .. " " .. err.errors[2].result.exit_code)
    assert.is_false(err.results[3])
    assert.equal("web1 2 0 -, web2 1 1 -", summary(err))
  end)

  it("ends at the first failure with fail_fast, and re-raises errors", function()
    dry:stop()
    dry = noshell.dry_run(function() return { exit_code = 1 } end)
    local _, err = noshell.map(numbers(9), function() return "x" end,
      { machines = { web1 }, concurrency = 2, fail_fast = true })
    assert.equal("exit", err.errors[1].code)
    assert.truthy(#dry:calls() <= 2)
    assert.error_matches(function()
      noshell.map({ 1 }, function() error("oops", 0) end, { machines = { web1 } })
    end, "^oops$")
  end)

  it("gives up if all machines are closed meanwhile", function()
    local web3 = noshell.machine.ssh { "web3" }
    local _, err = noshell.map(numbers(3), function()
      web3:close()
      return "true"
    end, { machines = { web3 }, concurrency = 1 })
    assert.equal("closed", err.errors[1].code)
    assert.equal("spawn", err.errors[2].code)
    assert.equal("noshell: cannot start 'item 2': no machine is left: web3: the machine web3 is "
      .. "closed", helper.said(err.errors[2]))
    assert.equal("web3 1 1 closed", summary(err))
  end)

  it("reports wrong options with the caller's line", function()
    local web3 = noshell.machine.ssh { "web3" }
    web3:close()
    for said, how in pairs {
      ['machines: item 2 is "web2": a machine is needed, such as noshell.machine.ssh { "web2" }']
        = { machines = { web1, "web2" } },
      ['machines: item 2 is nil: a machine'] = { machines = { web1, nil, web2 } },
      ["machines: item 3 is web1, as item 1: for more programs on a machine, raise concurrency"]
        = { machines = { web1, web2, web1 } },
      ["machines: item 1, web3, is closed"] = { machines = { web3 } },
      ["machines = web1: a list of machines is needed: { machines = { web1, web2 } }"]
        = { machines = web1 },
      ["machines = {}: a list"] = { machines = {} },
      ['machines = "web1": a list of machines is needed'] = { machines = "web1" },
      ['machines has the key "a", but must be a list'] = { machines = { web1, a = web2 } },
      ['again = "lots": "lost" is the only value'] = { machines = { web1 }, again = "lots" },
      ['again = "lost": it requires machines'] = { again = "lost" },
      ["again = true: a string is needed"] = { machines = { web1 }, again = true },
      ["machine = nothing"] = { machine = web1 },
    } do
      local ok, err = pcall(function() noshell.map({}, function() end, how) end)
      assert.is_false(ok)
      assert.matches("^[^ ]*map_machines_spec.lua:%d+: noshell.map: ", err)
      if said ~= "machine = nothing" then assert.truthy(err:find(said, 1, true), err) end
    end
    assert.error_matches(function()
      noshell.map({ 1 }, function() return { "true", machine = web2 } end, { machines = { web1 } })
    end, "the function returned 'true' with machine = web2 for item 1, but map chooses the "
      .. "machine, now web1: leave the key out")
  end)
end)

if not driver.is_wanted and (_VERSION ~= "Lua 5.1" or rawget(_G, "jit")) then return end

local lack = ssh_server.lack()
if lack then
  describe("map over machines of ssh", function()
    it("needs a server", function() helper.require_or_pending("sshd", false, lack) end)
  end)
  return
end

--- Ends the connection over which it runs, the first time; then writes its argument.
local BREAK = [[
mkdir "$HOME/$2" 2>/dev/null && {
  p=$$
  until read -r c </proc/$p/comm; case $c in sshd*) ;; *) false ;; esac; do
    read -r x x x p x </proc/$p/stat
  done
  kill -9 $p
  sleep 100
}
echo "$1"]]

describe("map over machines of ssh", function()
  local server, made, count = nil, {}, 0
  setup(function() server = ssh_server.start() end)
  teardown(function() server:stop() end)
  before_each(function() count = count + 1 end)
  after_each(function()
    for _, one in ipairs(made) do one:close() end
    made = {}
  end)
  helper.leak_check()

  local function machine(name, options)
    options = options or {}
    options[1], options.config = name, server.config
    made[#made + 1] = noshell.machine.ssh(options)
    return made[#made]
  end

  it("runs all items, several at once on each machine", function()
    -- Each waits until four run on its machine.
    local script = 'mkdir -p "$1"; : >"$1/$2"; i=0; until test $(ls "$1" | wc -l) -ge 4; do '
      .. 'sleep 0.01; done; echo "$2"'
    local a, b = machine "a", machine "b"
    assert(a:check() and b:check())
    local results = assert(noshell.map(numbers(8), function(i, _, m)
      return "sh", "-c", script, "sh", tostring(m) .. count, i
    end, { machines = { a, b }, concurrency = 4 }))
    for i = 1, 8 do assert.equal(i .. "\n", results[i].stdout) end
    assert.equal("a 4 0 -, b 4 0 -", summary(results))
  end)

  it("leaves out a machine that it cannot reach", function()
    local none = machine("none", { port = 1 })
    local results = assert(noshell.map(numbers(6), function(i) return "echo", i end,
      { machines = { none, machine "a" }, concurrency = 2 }))
    for i = 1, 6 do assert.equal(i .. "\n", results[i].stdout) end
    assert.equal("none:1 0 0 spawn, a 6 0 -", summary(results))
    assert.matches("Connection refused", tostring(results.machines[1].lost))
    local _, err = noshell.map(numbers(2), function(i) return "echo", i end,
      { machines = { none } })
    assert.equal("spawn spawn", err.errors[1].code .. " " .. err.errors[2].code)
    assert.matches("^noshell: cannot start 'item 2': no machine is left: none:1: ssh: connect to "
      .. "host .* refused", helper.said(err.errors[2]))
    assert.matches("map_machines_spec", err.machines[1].lost.where)
  end)

  it("reports what did not start and what failed, with the machine", function()
    local _, err = noshell.map({ "no-such-program", "false", "true" }, function(word)
      return word
    end, { machines = { machine "a" } })
    assert.matches("^noshell: 2 of 3 failed: on a: cannot start 'no%-such%-program': find_program "
      .. "'no%-such%-program': No such file or directory %(ENOENT%); on a: 'false' exited with "
      .. "status 1$", helper.said(err))
    assert.matches("map_machines_spec.lua:%d+$", err.errors[1].where)
    assert.equal("a 3 2 -", summary(err))
  end)

  it("takes out a machine that is lost, and reports its item", function()
    local _, err = noshell.map(numbers(6), function(i)
      return "sh", "-c", i == 1 and BREAK or 'echo "$1"', "sh", i, "once" .. count
    end, { machines = { machine "a", machine "b" }, concurrency = 1 })
    assert.equal("lost", err.errors[1].code)
    for i = 2, 6 do assert.equal(i .. "\n", err.results[i].stdout) end
    local is_first = err.errors[1].machine == "a"
    assert.equal(is_first and "a 1 1 lost, b 5 0 -" or "a 5 0 -, b 1 1 lost", summary(err))
    assert.equal(err.errors[1], err.machines[is_first and 1 or 2].lost)
  end)

  it("runs a lost item again if the caller allows it", function()
    local asked = {}
    local results = assert(noshell.map(numbers(6), function(i, _, m)
      asked[i] = (asked[i] or "") .. tostring(m)
      return "sh", "-c", i == 1 and BREAK or 'echo "$1"', "sh", i, "once" .. count
    end, { machines = { machine "a", machine "b" }, concurrency = 1, again = "lost" }))
    for i = 1, 6 do assert.equal(i .. "\n", results[i].stdout) end
    local is_first = results[1].machine == "b"
    assert.equal(is_first and "ab" or "ba", asked[1])
    assert.equal(is_first and "a 0 0 lost, b 6 0 -" or "a 6 0 -, b 0 0 lost", summary(results))
  end)

  it("fails the remaining items if all machines are lost", function()
    local _, err = noshell.map(numbers(3), function(i)
      return "sh", "-c", BREAK, "sh", i, "once" .. count
    end, { machines = { machine "a" }, concurrency = 1, again = "lost" })
    assert.equal("lost spawn spawn", err.errors[1].code .. " " .. err.errors[2].code .. " "
      .. err.errors[3].code)
    assert.matches("cannot start 'item 2': no machine is left: a: ", tostring(err.errors[2]))
  end)

  it("ends all there at the first failure with fail_fast, or an error", function()
    local a, b = machine "a", machine "b"
    local pids = {}
    local function run(f, how)
      how.machines, how.concurrency = { a, b }, 2
      return noshell.map(numbers(9), function(i)
        return { "sh", "-c", "echo $$; " .. (i == 4 and f or "exec sleep 300"),
          on_stdout = function(line) pids[#pids + 1] = tonumber(line) end }
      end, how)
    end
    local _, err = run("exit 3", { fail_fast = true })
    assert.equal(3, err.errors[4].result.exit_code)
    assert.error_matches(function()
      run("exit 3", { on_progress = function() error("oops", 0) end })
    end, "^oops$")
    for _, pid in ipairs(pids) do
      assert.truthy(ssh_server.eventually(function() return ssh_server.is_gone(pid) end))
    end
  end)

  it("runs pipelines there", function()
    local results = assert(noshell.map(numbers(3), function(i)
      return noshell.pipeline({ "echo", i }, { "cat" })
    end, { machines = { machine "a" } }))
    for i = 1, 3 do assert.equal(i .. "\n", results[i].stdout) end
  end)

  it("starts many programs at once on one machine", function()
    -- More than the 10 sessions of a connection.
    local list = noshell.map(numbers(24), function(i)
      return { "sh", "-c", 'cat; exit "$1"', "sh", i, input = "x" .. i, check = false }
    end, { machines = { machine "a" }, concurrency = 24 })
    for i = 1, 24 do
      assert.equal("x" .. i, list[i].stdout)
      assert.equal(i, list[i].exit_code)
    end
  end)
end)
