-- Every method of a command and its specs: the sentence of the spec that shows it at work,
-- the argument errors that it records, and the stage of a refusal by the kernel.
-- builder_complete_spec compares this table with the methods that exist.
--
--   works     { file, sentence } of the spec that shows it
--   argument_errors  lists of arguments, with `value` and `reason` of the error; absent if
--             a method is no setter
--   stage     its name in stages_spec; false if nothing can be refused
local setter_rows = require "spec.support.setter_rows"

local huge = math.huge

local function rejects(value, reason, ...)
  return { n = select("#", ...), value = value, reason = reason, ... }
end

--- Of setters without arguments.
local none = { rejects("1", "argument 1 is one too many", 1) }

local builder = {}

-- Arguments -------------------------------------------------------------------

builder.add_arg = {
  works = { "command", "reach the program unchanged, in order" },
  argument_errors = {
    rejects("", "argument 1 is missing"),
    rejects("a table", 'has the key "cwd": options go into the same table', { cwd = "/" }),
    rejects("nil", "item 2 is nil: the list has a hole", { "a", nil, "c" }),
    rejects("true", "must be a string or a number", true),
    rejects("inf", "must be a finite number", huge),
    rejects('"a\\0b"', "contains a zero byte", "a\0b"),
    rejects('"b"', "argument 2 is one too many: add_arg takes 1", "a", "b"),
  },
  stage = "exec",
}
builder.add_args = {
  works = { "command", "are values or one list" },
  argument_errors = {
    rejects("a table", "argument 1 is an empty list", {}),
    rejects("nil", "item 2 is nil: the list has a hole", { "a", nil, "c" }),
    rejects("false", "item 2 must be ", { "a", false }),
    rejects("a table", 'has the key "x": options go into the same table', { "a", x = 1 }),
    rejects("nil", "argument 2 must be ", "a", nil, "c"),
  },
  stage = "exec",
}
builder.add_arg_pair = {
  works = { "command", "may be a pair, name=value" },
  argument_errors = {
    rejects("", "argument 2 is missing", "name"),
    rejects("a table", "argument 1 must be ", {}, "x"),
    rejects("true", "argument 2 must be ", "name", true),
  },
  stage = "exec",
}
builder.add_arg_format = {
  works = { "command", "are formatted as by string.format" },
  argument_errors = {
    rejects('"%d"', "cannot be formatted: bad argument #2 to 'format'", "%d", "x"),
    rejects('"%y"', "cannot be formatted: ", "%y", 1),
    rejects("", "argument 1 is missing"),
  },
  stage = "exec",
}
builder.mark_secret = {
  works = { "text", "is shown as *** in every text, and reaches the program" },
  argument_errors = none, stage = false,
}
builder.set_arg0 = {
  works = { "command", "begin with the program as given, or with arg0" },
  argument_errors = {
    rejects("nil", "argument 1 must be a string or a number", nil, nil),
    rejects("***", "is a secret, which cannot be hidden here", "SECRET"),
  },
  stage = false,
}

-- Environment -----------------------------------------------------------------

local NAME = "a variable name must not be empty or contain '='"

builder.add_env_pair = {
  works = { "environment", "takes pairs, strings and formats" },
  argument_errors = {
    rejects('""', NAME, "", "x"),
    rejects('"A=***"', NAME, "A=B", "x"),
    rejects("", "argument 2 is missing", "A"),
    rejects("false", "argument 2 must be ", "A", false),
    rejects('***', "contains a zero byte", "A", "a\0b"),
  },
  stage = false,
}
builder.add_env_string = {
  works = { "environment", "takes pairs, strings and formats" },
  argument_errors = {
    rejects('***', "not of the form NAME=value", "A"),
    rejects('"=***"', "not of the form NAME=value", "=x"),
    rejects("", "argument 1 is missing"),
  },
  stage = false,
}
builder.add_env_format = {
  works = { "environment", "takes pairs, strings and formats" },
  argument_errors = {
    rejects('***', "not of the form NAME=value", "A%d", 5),
    rejects('"A=***"', "cannot be formatted", "A=%d", "x"),
  },
  stage = false,
}
builder.pass_env = {
  works = { "environment", "passes variables that are set here, and skips others" },
  argument_errors = {
    rejects("", "argument 1 is missing"),
    rejects('""', NAME, ""),
    rejects('"A=***"', NAME, "HOME", "A=B"),
    rejects("a table", "must be ", { "HOME" }),
  },
  stage = false,
}
builder.pass_env_allow_suid = {
  works = { "environment",
    "blocks variables and passes those that are allowed, with another uid" },
  argument_errors = { rejects('"A=***"', NAME, "A=B"), rejects("", "argument 1 is missing") },
  stage = false,
}
builder.pass_env_block_suid = {
  works = { "environment",
    "blocks variables and passes those that are allowed, with another uid" },
  argument_errors = {
    rejects('""', NAME, ""),
    rejects("true", "argument 2 must be ", "PATH", true),
    rejects("", "argument 1 is missing"),
  },
  stage = false,
}
builder.pass_env_common = {
  works = { "environment", "has LC_ALL=C and the usual names with pass_env_common" },
  argument_errors = none, stage = false,
}
builder.add_env_xdg = {
  works = { "environment", "has the XDG directories below a base" },
  argument_errors = {
    rejects('"home"', "not an absolute path", "home"),
    rejects('""', "not an absolute path", ""),
  },
  stage = false,
}
builder.inherit_env = {
  works = { "environment", "keeps the rest with inherit_env, in any order of calls" },
  argument_errors = none, stage = false,
}
builder.unset_env = {
  works = { "environment", "loses the variables of unset_env, inherited or added" },
  argument_errors = { rejects('"A=***"', NAME, "A=B"), rejects('""', NAME, "") },
  stage = false,
}
builder.clear_env = {
  works = { "environment", "is empty after clear_env" },
  argument_errors = none, stage = false,
}

-- Attributes ------------------------------------------------------------------

builder.set_limit = {
  works = { "limits", "include all RLIMITs by name" },
  argument_errors = {
    rejects('"files"', "no such limit", "files", 1),
    rejects("core, 2, 1", "the soft limit exceeds the hard limit", "core", 2, 1),
    rejects("-1", "argument 2 must be an integer of at least 0", "core", -1),
    rejects('"x"', "argument 3 must be an integer of at least 0", "core", 1, "x"),
    rejects("", "argument 2 is missing", "core"),
  },
  stage = "set_limit",
}
builder.set_cpu_affinity = {
  works = { "limits", "include the processors that were set, or all" },
  argument_errors = {
    rejects('"some"', 'must be a list of processors or "all"', "some"),
    rejects("0", 'must be a list of processors or "all"', 0),
    rejects("{}", "the list of processors is empty", {}),
    rejects("8192", "item 2 must be from 0 to 8191", { 0, 8192 }),
    rejects('"0"', "item 1 must be an integer", { "0" }),
  },
  stage = "set_cpu_affinity",
}
builder.run_alone = {
  works = { "limits",
    "include a core scheduling cookie, or fail if the kernel has none" },
  argument_errors = none, stage = "core_scheduling",
}
builder.set_process_group = {
  works = { "tree", "may join a process group" },
  argument_errors = {
    rejects("-1", "argument 1 must be from 0 to 2147483647", -1),
    rejects("false", "must be an integer", false),
    rejects("", "argument 1 is missing"),
  },
  stage = "new_process_group",
}
builder.run_among = {
  works = { "limits",
    "include a core scheduling cookie, or fail if the kernel has none" },
  argument_errors = {
    rejects("0", "argument 1 must be from 1 to 2147483647", 0),
    rejects('"1"', "must be an integer", "1"),
  },
  stage = "core_scheduling",
}

-- One scalar each -------------------------------------------------------------

setter_rows.add_to(builder, rejects, {
  set_working_directory = { "limits", "is the one set, relative to ours, or inherited" },
  set_search_path = { "search_path", "replaces PATH for the lookup of the program" },
  set_umask = { "limits", "is the one set, even 0, or inherited" },
  set_nice = { "limits", "are those that were set" },
  new_session = { "limits", "are those that were set" },
  new_process_group = { "limits", "include a new process group in our session" },
  set_parent_death_signal = { "limits", "accept signals by name and by number" },
  set_no_new_privs = { "limits", "are those that were set" },
  require_handshake = { "handshake", "pauses the child between its setup and its exec" },
  daemonize = { "daemon", "has its own session, / as directory, and another parent" },
  set_pid_file = { "daemon", "has the program's pid, and stays open and locked in it" },
  allow_any_exit = { "command",
    "is success for any exit with allow_any_exit, but not for a signal" },
  set_foreground = { "foreground", "has the terminal, alone, while it runs" },
  set_stop_signal = { "ending", "begins with the stop signal" },
  raw_status = { "command", "is success for every end with raw_status" },
  set_max_files = { "limits", "are exact, soft and hard" },
  set_max_processes = { "limits", "are exact, soft and hard" },
  set_max_mem_lock = { "limits", "are exact, soft and hard" },
  set_max_core_size = { "limits", "are exact, soft and hard" },
})

-- Identity ------------------------------------------------------------------

builder.set_uid = {
  works = { "identity", "are real, effective, saved and of the file system" },
  argument_errors = {
    rejects('"no-such-user"', "no such user", "no-such-user"),
    rejects("-1", "argument 1 must be from 0 to 4294967294", -1),
    rejects("4294967295", "argument 1 must be from 0 to 4294967294", 4294967295),
    rejects('"4294967295"', "no such user", "4294967295"),
    rejects('""', "no such user", ""),
    rejects("true", "must be an integer", true),
  },
  stage = "set_uid",
}
builder.set_gid = {
  works = { "identity", "are real, effective, saved and of the file system" },
  argument_errors = {
    rejects('"no-such-group"', "no such group", "no-such-group"),
    rejects("-1", "argument 1 must be from 0 to 4294967294", -1),
    rejects("1.5", "must be an integer", 1.5),
  },
  stage = "set_gid",
}
builder.set_groups = {
  works = { "identity", "include exactly the groups of set_groups" },
  argument_errors = {
    rejects("7", "argument 1 must be a table", 7),
    rejects("-1", "item 2 must be from 0 to 4294967294", { 1, -1 }),
    rejects('"no such"', "item 1 is no group here", { "no such" }),
    rejects("true", "item 1 must be an integer", { true }),
    rejects("nil", "item 2 is nil: the list has a hole", { 1, nil, 3 }),
  },
  stage = "set_groups",
}
builder.set_user = {
  works = { "identity", "are those of an account, with its groups, after set_user" },
  argument_errors = {
    rejects('"no-such-user"', "no such user", "no-such-user"),
    rejects("a table", "must be ", {}),
  },
  stage = "set_groups",
}
builder.clear_caps = {
  works = { "identity", "are none with clear_caps, even for root" },
  argument_errors = none, stage = "capabilities",
}
builder.allow_cap = {
  works = { "identity", "are the allowed ones, kept and ambient, after a change of user" },
  argument_errors = {
    rejects('"fly"', "no such capability", "fly"),
    rejects('"CAP_FLY"', "no such capability", "kill", "CAP_FLY"),
    rejects("63", "no such capability", 63),
    rejects("64", "argument 1 must be from 0 to 63", 64),
    rejects("", "argument 1 is missing"),
  },
  stage = "capabilities",
}
for _, name in ipairs { "set_selinux_label", "set_apparmor_profile" } do
  builder[name] = {
    works = { "labels", "passes there with if_enabled" },
    argument_errors = {
      rejects("true", "argument 1 must be ", true),
      rejects("a table", 'has an unknown key, "when"', "x", { when = true }),
      rejects("1", "option 'if_enabled' must be true or false", "x",
        { if_enabled = 1 }),
    },
    stage = name,
  }
end

-- Sandbox ---------------------------------------------------------------------

builder.set_sandbox = {
  works = { "sandbox", "reads the system's directories, and nothing else" },
  argument_errors = {
    rejects("5", "argument 1 must be a table, or true for the default", 5),
    rejects("false", "argument 1 must be a table", false),
    rejects("1", "option 'netwrk' no such option, did you mean 'network'?", { netwrk = 1 }),
    rejects("5", "option 'network' must be true, false, or {", { network = 5 }),
    rejects("a table", "option 'network' must be true, false, or {", { network = {} }),
    rejects("0", "option 'network.connect' must be a list of ports from 1 to 65535",
      { network = { connect = { 0 } } }),
    rejects("65536", "option 'network.bind' must be a list of ports from 0 to 65535",
      { network = { bind = { 80, 65536 } } }),
    rejects('"conect"', "option 'network' has no such key, did you mean 'connect'?",
      { network = { conect = { 1 } } }),
    rejects("5", "option 'read' must be true, false, or a list of paths", { read = { 5 } }),
    rejects('""', "option 'write' must be true, false, or a list of paths", { write = "" }),
    rejects('"@systm"', "option 'exec' is no path: '@system' is the default",
      { exec = "@systm" }),
    rejects('"@system"', "option 'write' is for 'read' and 'exec' only",
      { write = { "@system" } }),
    rejects("1", "option 'read' has 'optional', which must be true or false",
      { read = { { "/x", optional = 1 } } }),
    rejects('"optinal"', "option 'read' is no option of a path: there is 'optional'",
      { read = { { "/x", optinal = true } } }),
    rejects("a table", "option 'read' must be a list, but has the key", { read = { x = 1 } }),
    rejects("5", "option 'unix' must be true, false, or a list of paths", { unix = 5 }),
    rejects('"strict"', "option 'syscalls' must be \"default\", false, or {",
      { syscalls = "strict" }),
    rejects('"denny"', "option 'syscalls' has no such key, did you mean 'deny'?",
      { syscalls = { denny = {} } }),
    rejects('"execve"', "option 'syscalls.deny' must not contain it: no program could start",
      { syscalls = { deny = { "execve" } } }),
    rejects('"512"', "option 'memory' must be a number of bytes, or a text such as",
      { memory = "512" }),
    rejects('"512MB"', "option 'memory' must be a number of bytes", { memory = "512MB" }),
    rejects("512", "option 'memory' must be at least 64 KiB", { memory = 512 }),
    rejects("0.5", "option 'memory' must be a number of bytes", { memory = 0.5 }),
    rejects("0", "option 'pids' must be a number of processes from 1 to 4194304", { pids = 0 }),
    rejects('"5"', "option 'pids' must be a number of processes", { pids = "5" }),
    rejects("0", "option 'cpu' must be a number of processors from 0.01 to 8192", { cpu = 0 }),
    rejects('"user.slice"', "option 'cgroup' must be the absolute path of a cgroup's directory",
      { cgroup = "user.slice" }),
    rejects("true", "option 'private' must say what is private, as in { tmp = true, pid = true }",
      { private = true }),
    rejects("a table", "option 'private' must say what is private", { private = { "tmp" } }),
    rejects('"tpm"', "option 'private' has no such key, did you mean 'tmp'?",
      { private = { tpm = true } }),
    rejects("1", "option 'private.pid' must be true or false", { private = { pid = 1 } }),
    rejects("true", "option 'private.hide' must be a list of paths", { private = { hide = true } }),
    rejects("5", "option 'private.hide' must be", { private = { hide = { 5 } } }),
    rejects('"al"', "option 'require' must be \"all\", \"best\", or a list of parts",
      { require = "al" }),
    rejects('"netwrk"', "option 'require' no such part, did you mean 'network'?",
      { require = { "netwrk" } }),
  },
  stage = "sandbox_files",
}

-- Streams and descriptors ---------------------------------------------------

for which, name in ipairs { "set_stdin", "set_stdout", "set_stderr" } do
  builder[name] = {
    works = { "descriptors", "may be null, inherited, a descriptor, a file, a path, or stdout's" },
    argument_errors = {
      rejects('"nul"', 'argument 1 must be "null", "inherit"', "nul"),
      rejects("600", which == 1 and "option 'mode' is a decimal number"
        or "option 'mode' is a decimal number: write the octal digits as a string, such as "
          .. '"0600"', { path = "/x", mode = 600 }),
      rejects('"rw"', "option 'mode' must be an octal mode from 0 to 7777",
        { path = "/x", mode = "rw" }),
      rejects("1", "option 'exclusive' must be true or false", { path = "/x", exclusive = 1 }),
      rejects("-1", "argument 1 ", -1),
      rejects("true", "argument 1 ", true),
      rejects(which == 1 and "nil" or "a table", which == 1 and "option 'path' must be a string"
        or "is empty: write { path = ... }, or a list", {}),
      rejects("a table", 'has an unknown key, "perm"', { path = "/x", perm = "w" }),
      rejects('""', "the path is empty", { path = "" }),
      rejects("1", "option 'append' must be true or false", { path = "/x", append = 1 }),
    },
    stage = name,
  }
  local conflict = which == 1 and rejects('"capture"', "stdin cannot be captured", "capture")
    or which == 2 and rejects('"stdout"', "only stderr can be directed to stdout", "stdout")
    or rejects('"stderr"', "only stdout can be directed to stderr", "stderr")
  table.insert(builder[name].argument_errors, conflict)
  for _, case in ipairs(which == 1 and {
    rejects("a table", "has 'mode', which does not apply to stdin", { path = "/x", mode = "600" }),
  } or {
    rejects("a table", 'must be a list, but has the key "path"', { "capture", path = "/x" }),
    rejects('"null"', "item 2 has no effect in a list: leave it out", { "capture", "null" }),
    rejects('"pipe"', "item 1 cannot be in a list: use a function", { "pipe" }),
    rejects('"log"', 'item 2 must be "capture", "inherit", { path = ... }, a file', { "inherit",
      "log" }),
    rejects('""', "the path is empty", { { path = "" } }),
    rejects("-1", "item 1 ", { -1 }),
    rejects("true", "item 2 ", { "capture", true }),
    rejects("a table", "item 1 'by' is an empty list", { { print, by = {} } }),
  }) do table.insert(builder[name].argument_errors, case) end
end
builder.set_pty = {
  works = { "pty", "is the program's controlling terminal and standard streams" },
  argument_errors = {
    rejects("7", "must be true or { rows = 24, columns = 80, echo = true }", 7),
    rejects("0", "option 'rows' must be from 1 to 65535", { rows = 0 }),
    rejects("65536", "option 'columns' must be from 1 to 65535", { columns = 65536 }),
    rejects("1", "option 'echo' must be true or false", { echo = 1 }),
    rejects("a table", 'has an unknown key, "cols"', { cols = 80 }),
  },
  stage = "set_pty",
}
builder.set_input_buffer = {
  works = { "exchange", "moves any bytes" },
  argument_errors = {
    rejects("a table", "must be a string or a number", {}),
    rejects("", "argument 1 is missing"),
  },
  stage = "set_stdin",
}
builder.send_buffer = {
  works = { "descriptors", "is readable to its end at the number that was returned" },
  argument_errors = { rejects("a table", "must be ", {}), rejects("", "is missing") },
  stage = "send_buffer",
}
builder.set_pipes = {
  works = { "pipes", "connect this process with other descriptors than 0 to 2" },
  argument_errors = {
    rejects("5", 'must be a table such as { [3] = "read", [4] = "write" }', 5),
    rejects("a table", 'must be a table such as { [3] = "read", [4] = "write" }', {}),
    rejects('"x"', 'is no descriptor of the program: write { [3] = "read" }', { x = "read" }),
    rejects("1", "descriptors 0 to 2 are set with set_stdin", { "read" }),
    rejects("3.5", "must be an integer", { [3.5] = "read" }),
    rejects('"r"', 'must be "read", if this process reads', { [3] = "r" }),
    rejects("true", 'must be "read", if this process reads', { [3] = true }),
  },
  stage = "set_pipes",
}
builder.pass_fd = {
  works = { "descriptors", "has the same number or another, and no others are open" },
  argument_errors = {
    rejects("777", "not an open descriptor", 777),
    rejects("-1", "argument 1 ", -1),
    rejects("0", "descriptors 0 to 2 are set with set_stdin, set_stdout and set_stderr", 0),
    rejects("0 as 2", "descriptors 0 to 2 are set with", 0, { as = 2 }),
    rejects("a table", 'has an unknown key, "to"', 0, { to = 5 }),
    rejects("-5", "option 'as' must be from 0", 0, { as = -5 }),
    rejects('"x"', "option 'close_parent' must be true or false", 0, { close_parent = "x" }),
    rejects("true", "argument 1 ", true),
  },
  stage = "pass_fd",
}

-- Starting and ending -------------------------------------------------------

builder.set_pre_exec_hook = {
  works = { "hook", "runs in the child, with its data, before the program" },
  argument_errors = {
    rejects('"f"', "must be a function, or a C function as light userdata", "f"),
    rejects("", "argument 1 is missing"),
  },
  stage = "set_pre_exec_hook",
}
builder.set_timeout = {
  works = { "tree", "ends children and grandchildren" },
  argument_errors = {
    rejects("0", "argument 1 must be greater than 0", 0),
    rejects("-1", "must be finite and not negative", -1),
    rejects('"5"', "must be a number of seconds", "5"),
    rejects("-1", "argument 2 must be finite and not negative", 1, -1),
  },
  stage = false,
}
builder.set_max_output = {
  works = { "exchange", "ends a program that writes more, and keeps the output so far" },
  argument_errors = {
    rejects("-1", "must be an integer of at least 0", -1),
    rejects('"1k"', "must be an integer of at least 0", "1k"),
  },
  stage = false,
}
builder.allow_exit = {
  works = { "command", "is success for the codes of allow_exit, besides 0" },
  argument_errors = {
    rejects("256", "argument 2 must be from 0 to 255", 1, 256),
    rejects("-1", "argument 1 must be from 0 to 255", -1),
    rejects("", "argument 1 is missing"),
  },
  stage = false,
}

-- Methods that are no setters -------------------------------------------------------

for name, sentence in pairs {
  clone = "is cloned completely, and the clone is independent",
  args = "returns the values that were set",
  argv = "returns the values that were set",
  input = "returns the values that were set",
  working_directory = "returns the values that were set",
  stdio = "returns how its streams are directed",
  argument_error = "shows its argument error before it runs",
  mistake = "shows its argument error before it runs",
  run = "runs, and returns the result",
  run_async = "runs, and returns the result",
  output = "runs, and returns the result",
  lines = "runs, and returns the result",
} do
  builder[name] = { works = { "command", sentence } }
end
for name, sentence in pairs {
  to_string = "is read back by sh as the same words, for any bytes",
  write_arg_log = "writes variables and words unquoted, and a newline, to a descriptor",
} do
  builder[name] = { works = { "text", sentence } }
end
local driven = {
  on_stdout = "are called for each line while everything is captured",
  on_stderr = "get stderr's lines if it is directed to stdout",
  set_input = "may be a list of strings and numbers",
  set_tail = "keeps the last bytes of each stream, and counts the others",
  set_crlf = "get lines without their CR with crlf",
  records = "may be records",
}
local wrong = {
  on_stdout = { rejects("5", "must be a function", 5),
    rejects("", "argument 1 is missing") },
  set_input = { rejects("a table", "item 2 must be a string or a number", { "a", {} }),
    rejects("true", "a list of strings or a function", true),
    rejects("***", "argument 2 is one too many: set_input takes 1", "a", "b") },
  set_tail = { rejects("-1", "must be a number of bytes", -1),
    rejects("1.5", "must be a number of bytes", 1.5),
    rejects("nil", "must be a number of bytes", nil) },
  set_crlf = none,
}
wrong.on_stderr = wrong.on_stdout
for name, sentence in pairs(driven) do
  builder[name] = { works = { "drive", sentence }, argument_errors = wrong[name],
    stage = false }
end
builder.set_machine = {
  works = { "machine", "is a key, a method, or the object whose method runs the command" },
  argument_errors = {
    rejects("", "argument 1 is missing"),
    rejects('"web1"', "must be a machine, such as noshell.machine.ssh", "web1"),
    rejects("a table", "must be a machine, such as noshell.machine.ssh", {}),
  },
  stage = false,
}
builder.exec = { works = { "ending", "replaces the process that calls it" } }
for _, name in ipairs { "env", "env_list" } do
  builder[name] = { works = { "environment",
    "can be read before the start, as a table and as a list" } }
end

return builder
