local core = require "noshell.core"
local keys = require "noshell.keys"
local noshell = require "noshell"
local options = require "noshell.options"
local setter_rows = require "spec.support.setter_rows"
local nearest = require "noshell.nearest"

--- The setters that a SPEC calls, each as { name, arguments... }.
local function calls_of(spec)
  local methods, real, calls = core.methods.command, {}, {}
  for name, method in pairs(methods) do real[name] = method end
  local asks = { argument_error = true, _first_argument_error = true,
    _set_argument_error_key = true }
  for name in pairs(real) do
    methods[name] = not asks[name] and function(self, ...)
      calls[#calls + 1] = { name, ... }
      return self
    end or function() end
  end
  local ok, err = pcall(options.command, spec)
  for name, method in pairs(real) do methods[name] = method end
  assert(ok, err)
  return calls
end

--- The message of a SPEC that is an argument error, without the file's path.
local function complaint(spec)
  local _, err = noshell.run(spec)
  assert.equal("invalid", err.code)
  return (tostring(err):gsub("%([^ ]*options_spec%.lua:%d+%)$", "(HERE)"))
end

describe("a SPEC's words", function()
  it("are the program and its arguments", function()
    assert.same({ "a b", "1", "", "-x" },
      noshell.command({ "printf", "a b", 1, "", "-x" }):args())
    assert.same({ "printf", "a b", "1" },
      noshell.command("printf", "a b", 1):argv())
  end)

  it("may be very many", function()
    local words = { "printf" }
    for i = 2, 50000 do words[i] = i end
    assert.equal(49999, #noshell.command(words):args())
  end)

  it("are followed by those of arg, args, arg_pair and arg_format", function()
    assert.same({ "1", "2", "3", "n=v", "--x=07" },
      noshell.command({ "x", 1, arg = 2, args = { 3 },
        arg_pair = { "n", "v" }, arg_format = { "--x=%02d", 7 } }):args())
  end)

  it("have no holes, and the first hole is reported", function()
    assert.equal("noshell: invalid command 'cp': argument 2 must be a string or a number, "
      .. "not nil (HERE)", complaint { "cp", nil, "b" })
    assert.truthy(complaint { "cp", args = { "a", nil, "b" } }
      :find("args = nil: item 2 is nil: the list has a hole (HERE)", 1, true))
  end)

  it("include a program", function()
    assert.equal("noshell: invalid command '': a program name is required, as the first item: "
      .. '{ "ls", "-l" } (HERE)', complaint {})
    assert.truthy(complaint { nil, "x" }:find("(HERE)", 1, true))
    local _, err = noshell.run()
    assert.equal("invalid", err.code)
  end)

  it("are strings or numbers", function()
    assert.truthy(complaint { "cp", { "a", { true } } }
      :find("add_arg(true): item 1 must be a string or a number", 1, true))
    assert.equal("noshell: invalid command 'cp': argument 2 must be a string or a number, not "
      .. "false (HERE)", complaint { "cp", false })
  end)

  it("may come from a table, which ends them", function()
    local _, err = noshell.run({ "cp" }, "a")
    assert.truthy(tostring(err)
      :find("invalid command 'cp': a table takes no further arguments", 1, true))
    assert.has_error(function() noshell.run(noshell.command "cp", "a") end)
  end)
end)

-- key, value, the calls it makes
local web1 = noshell.machine.ssh "web1"

local cases = {
  { "arg0", "sh", { "set_arg0", "sh" } },
  { "arg", "x", { "add_arg", "x" } },
  { "args", { "x", 2 }, { "add_arg", { "x", 2 } } },
  { "arg_pair", { "n", "v" }, { "add_arg_pair", "n", "v" } },
  { "arg_format", { "%d", 1 }, { "add_arg_format", "%d", 1 } },
  { "clear_env", true, { "clear_env" } },
  { "clear_env", false },
  { "inherit_env", true, { "inherit_env" } },
  { "pass_env", { "A", "B" }, { "pass_env", "A" }, { "pass_env", "B" } },
  { "pass_env", "A", { "pass_env", "A" } },
  { "pass_env", {}, { "clear_env" } },
  { "pass_env_allow_suid", "A", { "pass_env_allow_suid", "A" } },
  { "pass_env_block_suid", { "A", "x" }, { "pass_env_block_suid", "A", "x" } },
  { "pass_env_block_suid", "A", { "pass_env_block_suid", "A" } },
  { "pass_env_common", true, { "pass_env_common" } },
  { "env_xdg", "/x", { "add_env_xdg", "/x" } },
  { "env", { B = "2", A = 1, C = false }, { "inherit_env" },
    { "add_env_pair", "A", 1 }, { "add_env_pair", "B", "2" },
    { "unset_env", "C" } },
  { "env_pair", { "A", "1" }, { "add_env_pair", "A", "1" } },
  { "env_string", "A=1", { "add_env_string", "A=1" } },
  { "env_format", { "A=%d", 1 }, { "add_env_format", "A=%d", 1 } },
  { "unset_env", "A", { "unset_env", "A" } },
  { "input", "data", { "set_input_buffer", "data" } },
  { "input", print, { "set_input", print } },
  { "input", { "a", "b" }, { "set_input", { "a", "b" } } },
  { "on_stdout", print, { "on_stdout", print } },
  { "on_stderr", print, { "on_stderr", print } },
  { "capture", "tail", { "set_tail" } },
  { "capture", "all" },
  { "tail", 10, { "set_tail", 10 } },
  { "crlf", true, { "set_crlf" } },
  { "input_buffer", "data", { "set_input_buffer", "data" } },
  { "stdin", "null", { "set_stdin", "null" } },
  { "stdout", "pipe", { "set_stdout", "pipe" } },
  { "stderr", { path = "/x" }, { "set_stderr", { path = "/x" } } },
  { "kill_on_exit", true, { "set_parent_death_signal", "KILL" } },
  { "kill_on_exit", false },
  { "pass_fd", 8, { "pass_fd", 8 } },
  { "pass_fd", { 8, as = 3 }, { "pass_fd", 8, { as = 3 } } },
  { "pass_fds", { 8, [3] = 9 }, { "pass_fd", 8 },
    { "pass_fd", 9, { as = 3 } } },
  { "pipes", { [3] = "read" }, { "set_pipes", { [3] = "read" } } },
  { "pass_fds", { 8, 9, 10 }, { "pass_fd", 8 }, { "pass_fd", 9 },
    { "pass_fd", 10 } },
  { "pass_fds", { [5] = 4, [4] = 5 }, { "pass_fd", 5, { as = 4 } },
    { "pass_fd", 4, { as = 5 } } },
  { "working_directory", "/", { "set_working_directory", "/" } },
  { "limit", { "core", 0, 0 }, { "set_limit", "core", 0, 0 } },
  { "limits", { nofile = 9, core = { 0, 1 } }, { "set_limit", "core", 0, 1 },
    { "set_limit", "nofile", 9 } },
  { "cpu_affinity", { 0, 1 }, { "set_cpu_affinity", { 0, 1 } } },
  { "cpu_affinity", "all", { "set_cpu_affinity", "all" } },
  { "run_alone", true, { "run_alone" } },
  { "run_among", 7, { "run_among", 7 } },
  { "pty", true, { "set_pty", true } },
  { "pty", { rows = 9 }, { "set_pty", { rows = 9 } } },
  { "pty", false },
  { "process_group", true, { "set_process_group", true } },
  { "process_group", 7, { "set_process_group", 7 } },
  { "process_group", false },
  { "user", "nobody", { "set_user", "nobody" } },
  { "uid", 1, { "set_uid", 1 } },
  { "gid", 1, { "set_gid", 1 } },
  { "groups", { 1, 2 }, { "set_groups", { 1, 2 } } },
  { "caps", { "kill", 13 }, { "clear_caps" }, { "allow_cap", "kill" },
    { "allow_cap", 13 } },
  { "caps", {}, { "clear_caps" } },
  { "clear_caps", true, { "clear_caps" } },
  { "allow_cap", "kill", { "allow_cap", "kill" } },
  { "selinux_label", "l", { "set_selinux_label", "l" } },
  { "selinux_label", { "l", if_enabled = true },
    { "set_selinux_label", "l", { if_enabled = true } } },
  { "apparmor_profile", "p", { "set_apparmor_profile", "p" } },
  { "sandbox", true, { "set_sandbox", true } },
  { "sandbox", { network = true }, { "set_sandbox", { network = true } } },
  { "pre_exec_hook", print, { "set_pre_exec_hook", print } },
  { "pre_exec_hook", { print, 1 }, { "set_pre_exec_hook", print, 1 } },
  { "machine", web1, { "set_machine", web1 } },
  { "timeout", 5, { "set_timeout", 5 } },
  { "grace", 1 },
  { "max_output", math.huge, { "set_max_output", math.huge } },
  { "ok_codes", { 1, 2 }, { "allow_exit", 1 }, { "allow_exit", 2 } },
  { "ok_codes", 1, { "allow_exit", 1 } },
  { "allow_exit", 1, { "allow_exit", 1 } },
  { "check", false, { "allow_any_exit" } },
  { "check", true },
}

for _, row in ipairs(core.setters()) do
  cases[#cases + 1] = { row.key, setter_rows.sample(row), setter_rows.call(row) }
end

describe("a SPEC's key", function()
  local tried = {}
  for _, case in ipairs(cases) do
    local key, value = case[1], case[2]
    tried[key] = true
    if key ~= "grace" then
      it(("%s calls its setter for a %s"):format(key, type(value)), function()
        assert.same({ (table.unpack or unpack)(case, 3) }, calls_of { "x", [key] = value })
      end)
    end
  end

  it("is in this spec's table", function()
    for _, key in ipairs(options.KEYS) do assert.is_true(tried[key], key) end
  end)

  it("exists for every setter", function()
    local names = { send_buffer = true, add_args = true, mark_secret = true }
    for _, case in ipairs(cases) do
      for i = 3, #case do names[case[i][1]] = true end
    end
    for name in pairs(core.methods.command) do
      if name:find("^[sa][ed][td]_") and not keys.methods[name] then
        assert.is_true(names[name], name)
      end
    end
  end)

  --- Returns the settings of a command, and its first argument error.
  local function told(cmd)
    local all = cmd:_describe()
    all.text = cmd:to_string()
    all.argument_error = tostring(cmd:argument_error()):gsub(":%d+%)$", ")")
      :gsub(" = (.-): ", "(%1): ")
    return all
  end

  for _, case in ipairs(cases) do
    local key, value = case[1], case[2]
    if key ~= "grace" and keys.methods["set_" .. key] then
      it(("%s is also a method, set_%s, for a %s"):format(key, key, type(value)), function()
        local by_key = noshell.command { "x", [key] = value }
        local by_method = noshell.command("x")
        assert.equal(by_method, by_method["set_" .. key](by_method, value))
        assert.same(told(by_key), told(by_method))
      end)
    end
  end

  it("set_grace changes the grace of a timeout", function()
    local cmd = noshell.command("x"):set_timeout(5):set_grace(0.5)
    assert.equal(0.5, cmd:_describe().grace)
    assert.equal(5, cmd:_describe().timeout)
    assert.equal("set_grace", noshell.command("x"):set_grace(1):argument_error().method)
  end)

  it("has a method that takes one value", function()
    local err = noshell.command("x"):set_cwd():argument_error()
    assert.equal("set_cwd argument 1 is missing", err.method .. " " .. err.reason)
    err = noshell.command("x"):set_cwd("/", 2):argument_error()
    assert.equal("set_cwd argument 2 is one too many: set_cwd takes 1",
      err.method .. " " .. err.reason)
    assert.matches("options_spec%.lua:%d+$", err.where)
  end)

  it("grace requires timeout", function()
    assert.same({ { "set_timeout", 5, 0.5 } },
      calls_of { "x", timeout = 5, grace = 0.5 })
    assert.truthy(complaint { "x", grace = 1 }
      :find("grace = 1: 'grace' requires 'timeout'", 1, true))
  end)

  it("is reported if it is unknown, with the nearest one", function()
    assert.equal('noshell: invalid command \'df -P\': timout = 5: no such '
      .. "option, did you mean 'timeout'? (HERE)",
      complaint { "df", "-P", timout = 5 })
    assert.equal('noshell: invalid command \'df\': xyzzy = ***: no such option; '
      .. "the README lists them (HERE)", complaint { "df", xyzzy = "a" })
    assert.equal("noshell: invalid command 'df': [true] = 1: an option's "
      .. "key must be a string (HERE)", complaint { "df", [true] = 1 })
    assert.truthy(complaint { "df", [1.5] = 1 }:find("[1.5] = 1", 1, true))
    assert.truthy(complaint { "df", [0] = 1 }:find("[0] = 1", 1, true))
  end)

  it("that is applied first is reported, in every run", function()
    for _ = 1, 20 do
      assert.truthy(complaint { "df", umask = "x", timeout = "x", cwd = {} }
        :find("cwd = a table: must be a string", 1, true))
      assert.truthy(complaint { "df", b_x = 1, a_x = 1, c_x = 1 }
        :find("a_x", 1, true))
    end
  end)

  it("is rejected with a value of another type", function()
    assert.truthy(complaint { "x", clear_env = 1 }
      :find("clear_env = 1: must be true or false", 1, true))
    assert.truthy(complaint { "x", inherit_env = false }
      :find("inherit_env = false: must be true: write clear_env = true", 1, true))
    assert.truthy(complaint { "x", check = "no" }
      :find('check = "no": must be true or false', 1, true))
    assert.truthy(complaint { "x", env = "A=1" }
      :find('env = "A=***": must be a table', 1, true))
    assert.truthy(complaint { "x", env = { "A=1" } }
      :find("env = a table: the key 1 is not a string", 1, true))
    assert.truthy(complaint { "x", limits = 5 }
      :find("limits = 5: must be a table", 1, true))
    assert.truthy(complaint { "x", args = { a = 1 } }
      :find('args = a table: has the key "a": options go into', 1, true))
    assert.truthy(complaint { "x", pass_fds = 3 }
      :find("pass_fds = 3: must be a table", 1, true))
    assert.truthy(complaint { "x", pass_fds = { a = 3 } }
      :find('pass_fds = a table: the key "a" is not a descriptor of the child', 1, true))
    assert.truthy(complaint { "x", umask = 999 }
      :find('umask = 999: is a decimal number: write the octal digits', 1, true))
  end)

  it("is named by an error, also of a clone; a setter is named as such", function()
    local err = noshell.command({ "x", nice = 20 }):clone():argument_error()
    assert.equal("nice set_nice 20", ("%s %s %s"):format(err.key, err.method, err.value))
    assert.truthy(tostring(err):find(": nice = 20: must be from -20 to 19 (", 1, true))
    err = noshell.command("x"):set_nice(20):argument_error()
    assert.is_nil(err.key)
    assert.truthy(tostring(err):find(": set_nice(20): argument 1 must be", 1, true))
    assert.truthy(complaint { "x", limits = { nofle = 5 } }
      :find('limits = "nofle": no such limit, did you mean "nofile"? There are cpu ', 1, true))
    assert.truthy(complaint { "x", limits = { zzz = 5 } }
      :find('limits = "zzz": no such limit; there are cpu ', 1, true))
  end)

  it("input excludes stdin", function()
    assert.truthy(complaint { "cat", input = "x", stdin = "null" }
      :find('stdin = "null": conflicts with \'input\'', 1, true))
  end)
end)

describe("a SPEC's env", function()
  local function env_of(spec)
    spec[1] = "x"
    return noshell.command(spec):env()
  end

  it("changes inherited variables", function()
    local env = env_of { env = { NOSHELL_A = "1", HOME = false } }
    assert.equal("1", env.NOSHELL_A)
    assert.is_nil(env.HOME)
    assert.equal(os.getenv("PATH"), env.PATH)
  end)

  it("is the whole environment after clear_env", function()
    assert.same({ A = "1" }, env_of { clear_env = true, env = { A = 1 } })
  end)

  it("adds to the variables of pass_env", function()
    assert.same({ A = "1", PATH = os.getenv("PATH") },
      env_of { pass_env = { "PATH" }, env = { A = 1 } })
    assert.same({}, env_of { pass_env = {} })
  end)

  it("keeps the rest with inherit_env", function()
    local env = env_of { pass_env = { "HOME" }, inherit_env = true }
    assert.equal(os.getenv("PATH"), env.PATH)
  end)
end)

describe("a SPEC that is a command", function()
  it("is run unchanged", function()
    local cmd = noshell.command { "printf", "%s", "x" }
    assert.equal("x", noshell.output(cmd))
    assert.equal("x", noshell.output(cmd))
  end)

  it("is copied by command", function()
    local cmd = noshell.command "printf"
    local copy = noshell.command(cmd):add_arg("x")
    assert.same({}, cmd:args())
    assert.same({ "x" }, copy:args())
  end)
end)

describe("the nearest word", function()
  it("differs in few letters", function()
    assert.equal("timeout", nearest.word("timeuot", options.KEYS))
    assert.equal("stdout", nearest.word("stdut", options.KEYS))
    assert.equal("cwd", nearest.word("cwdd", options.KEYS))
    assert.equal("env", nearest.word("enw", options.KEYS))
  end)

  it("is nil if all are far", function()
    assert.is_nil(nearest.word("shell", options.KEYS))
    assert.is_nil(nearest.word("", options.KEYS))
    assert.is_nil(nearest.word(("x"):rep(100000), options.KEYS))
  end)
end)
