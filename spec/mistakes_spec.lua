-- Mistakes that a newcomer makes, and the whole message that each one causes: what is
-- wrong, the script's line and, where that is not obvious, what to write instead.
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- { group, { code, message }, ... }. The code is the only line of script.lua; `cat` is
--- `cat` with pipes as stdin and stdout, and `closed` is a closed process.
local MISTAKES = {
  { "the program and its arguments",
    { [[noshell.run()]],
      [[noshell: invalid command '': a program name is required, as the first item: { ]]
        .. [["ls", "-l" } (script.lua:1)]] },
    { [[noshell.run ""]],
      [[noshell: invalid command '': a program name is required, as the first item: { ]]
        .. [["ls", "-l" } (script.lua:1)]] },
    { [[noshell.run {}]],
      [[noshell: invalid command '': a program name is required, as the first item: { ]]
        .. [["ls", "-l" } (script.lua:1)]] },
    { [[noshell.run(nil, "x")]],
      [[noshell: invalid command '': a program name is required, as the first item: { ]]
        .. [["ls", "-l" } (script.lua:1)]] },
    { [[noshell.run(true)]],
      [[noshell: invalid command 'true': argument 1 must be a string or a number, not ]]
        .. [[true (script.lua:1)]] },
    { [[noshell.run { { "ls", "-l" } }]],
      [[noshell: invalid command: argument 1 must be a string or a number, not a ]]
        .. [[table: the program comes first, as in { "ls", "-l", cwd = "/" } (script.lua:1)]] },
    { [[noshell.run "ls -l"]],
      [[noshell: cannot start ''ls -l'': find_program 'ls -l': not found in PATH ]]
        .. [[($PATH) (ENOENT); there is no shell: pass each argument separately ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run("ls", nil, "x")]],
      [[noshell: invalid command 'ls': argument 2 must be a string or a number, not ]]
        .. [[nil (script.lua:1)]] },
    { [[noshell.run { "ls", nil, "x" }]],
      [[noshell: invalid command 'ls': argument 2 must be a string or a number, not ]]
        .. [[nil (script.lua:1)]] },
    { [[noshell.run("ls", true)]],
      [[noshell: invalid command 'ls': argument 2 must be a string or a number, not ]]
        .. [[true (script.lua:1)]] },
    { [[noshell.run("ls", print)]],
      [[noshell: invalid command 'ls': argument 2 must be a string or a number, not a ]]
        .. [[function (script.lua:1)]] },
    { [[noshell.run("ls", { cwd = "/" })]],
      [[noshell: invalid command 'ls': argument 2 has the key "cwd": options go into ]]
        .. [[the same table as the program, as in { "ls", cwd = "/" } (script.lua:1)]] },
    { [[noshell.run("ls", "a\0b")]],
      [[noshell: invalid command 'ls': argument 2 contains a zero byte (script.lua:1)]] },
    { [[noshell.run("ls", 0/0)]],
      [[noshell: invalid command 'ls': argument 2 must be a finite number ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run("ls", 1/0)]],
      [[noshell: invalid command 'ls': argument 2 must be a finite number ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run({ "ls" }, "-l")]],
      [[noshell: invalid command 'ls': a table takes no further arguments ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run(noshell.command "ls", "-l")]],
      [[script.lua:1: noshell: a command takes no further arguments]] },
    { [[noshell:run("ls")]],
      [[script.lua:1: noshell.run and the others are functions: call them with a dot, ]]
        .. [[not a colon]] },
    { [[noshell.run(noshell.run "true")]],
      [[script.lua:1: noshell: a program, a SPEC table or a command is needed, not a ]]
        .. [[noshell.result]] },
    { [[noshell.run { "ls", args = { "a", nil, "c" } }]],
      [[noshell: invalid command 'ls': args = nil: item 2 is nil: the list has a hole ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", arg_pair = "a" }]],
      [[noshell: invalid command 'ls': add_arg_pair(): argument 2 is missing ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", arg_format = { "%d", "x" } }]],
      [[noshell: invalid command 'ls': arg_format = "%d": cannot be formatted: bad ]]
        .. [[argument #2 to 'format' (number expected, got string) (script.lua:1)]] },
    { [[noshell.run { "ls", arg0 = true }]],
      [[noshell: invalid command 'ls': arg0 = true: must be a string or a number ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", [1.5] = "x" }]],
      [[noshell: invalid command 'ls': [1.5] = "x": an option's key must be a string ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", [0] = "x" }]],
      [[noshell: invalid command 'ls': [0] = "x": an option's key must be a string ]]
        .. [[(script.lua:1)]] },
    { [[noshell.command("ls"):add_arg("a", "b")]],
      [[noshell: invalid command 'ls': add_arg("b"): argument 2 is one too many: ]]
        .. [[add_arg takes 1 (script.lua:1)]] },
    { [[noshell.command("ls"):add_arg()]],
      [[noshell: invalid command 'ls': add_arg(): argument 1 is missing (script.lua:1)]] },
    { [[noshell.command("ls"):add_args {}]],
      [[noshell: invalid command 'ls': add_args(a table): argument 1 is an empty list ]]
        .. [[(script.lua:1)]] },
  },
  { "programs that do not start",
    { [[noshell.run "gti"]],
      [[noshell: cannot start 'gti': find_program 'gti': not found in PATH ($PATH) ]]
        .. [[(ENOENT) (script.lua:1)]] },
    { [[noshell.run { "gti", search_path = { "/none" } }]],
      [[noshell: cannot start 'gti': find_program 'gti': not found in search_path ]]
        .. [[(/none) (ENOENT) (script.lua:1)]] },
    { [[noshell.which "gti"]],
      [[noshell: cannot find 'gti': not found in PATH ($PATH) (ENOENT) (script.lua:1)]] },
    { [[noshell.run "/no/such/program"]],
      [[noshell: cannot start '/no/such/program': exec '/no/such/program': No such ]]
        .. [[file or directory (ENOENT) (script.lua:1)]] },
    { [[noshell.run "/tmp"]],
      [[noshell: cannot start '/tmp': exec '/tmp': it is a directory (EACCES) ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run "/etc/passwd"]],
      [[noshell: cannot start '/etc/passwd': exec '/etc/passwd': it is not executable ]]
        .. [[(EACCES) (script.lua:1)]] },
    { [[noshell.run { "true", cwd = "/no/such" }]],
      [[noshell: cannot start 'true': set_working_directory '/no/such': No such file ]]
        .. [[or directory (ENOENT) (script.lua:1)]] },
    { [[noshell.run { "true", cwd = "/etc/passwd" }]],
      [[noshell: cannot start 'true': set_working_directory '/etc/passwd': Not a ]]
        .. [[directory (ENOTDIR) (script.lua:1)]] },
    { [[noshell.run { "sort", stdin = { path = "/no/such" } }]],
      [[noshell: cannot start 'sort': set_stdin '/no/such': No such file or directory ]]
        .. [[(ENOENT) (script.lua:1)]] },
    { [[noshell.run { "ls", stdout = { path = "/no/such/file" } }]],
      [[noshell: cannot start 'ls': set_stdout '/no/such/file': No such file or ]]
        .. [[directory (ENOENT) (script.lua:1)]] },
    { [[noshell.pipeline({ "true" }, { "gti" }):run()]],
      [[noshell: 'true | gti': command 2: cannot start 'gti': find_program 'gti': not ]]
        .. [[found in PATH ($PATH) (ENOENT) (script.lua:1)]] },
  },
  { "habits from the shell",
    { [[noshell.run("ls", "*.no")]],
      [[noshell: 'ls '*.no'' exited with status 2: ls: cannot access '*.no': No such ]]
        .. [[file or directory; '*.no' was not expanded: there is no shell (script.lua:1)]] },
    { [[noshell.run("ls", "~/no")]],
      [[noshell: 'ls '~/no'' exited with status 2: ls: cannot access '~/no': No such ]]
        .. [[file or directory; '~/no' was not expanded: there is no shell (script.lua:1)]] },
    { [[noshell.run("ls", "$NONE")]],
      [[noshell: 'ls '$NONE'' exited with status 2: ls: cannot access '$NONE': No ]]
        .. [[such file or directory; '$NONE' was not expanded: there is no shell ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run("ls", "/none", "|", "wc")]],
      [[noshell: 'ls /none '|' wc' exited with status 2: ls: cannot access '/none': ]]
        .. [[No such file or directory; ls: cannot access '|': No such file or directory; ]]
        .. [[ls: cannot access 'wc': No such file or directory; '|' is an argument here, ]]
        .. [[because there is no shell: noshell.pipeline joins programs (script.lua:1)]] },
    { [[noshell.run("ls", "/none", ">", "/none")]],
      [[noshell: 'ls /none '>' /none' exited with status 2: ls: cannot access ]]
        .. [['/none': No such file or directory; ls: cannot access '>': No such file or ]]
        .. [[directory; ls: cannot access '/none': No such file or directory; '>' is an ]]
        .. [[argument here, because there is no shell: write stdout = { path = "..." } ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run("ls", "/none", "2>&1")]],
      [[noshell: 'ls /none '2>&1'' exited with status 2: ls: cannot access '/none': ]]
        .. [[No such file or directory; ls: cannot access '2>&1': No such file or ]]
        .. [[directory; '2>&1' is an argument here, because there is no shell: write ]]
        .. [[stderr = "stdout" (script.lua:1)]] },
    { [[noshell.run("ls", "{a,b}")]],
      [[noshell: 'ls '{a,b}'' exited with status 2: ls: cannot access '{a,b}': No ]]
        .. [[such file or directory; '{a,b}' was not expanded: there is no shell ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run "ls | wc"]],
      [[noshell: cannot start ''ls | wc'': find_program 'ls | wc': not found in PATH ]]
        .. [[($PATH) (ENOENT); there is no shell: pass each argument separately ]]
        .. [[(script.lua:1)]] },
  },
  { "unknown options",
    { [[noshell.run { "ls", timout = 5 }]],
      [[noshell: invalid command 'ls': timout = 5: no such option, did you mean ]]
        .. [['timeout'? (script.lua:1)]] },
    { [[noshell.run { "ls", umsk = 22 }]],
      [[noshell: invalid command 'ls': umsk = 22: no such option, did you mean ]]
        .. [['umask'? (script.lua:1)]] },
    { [[noshell.run { "ls", dir = "/" }]],
      [[noshell: invalid command 'ls': dir = ***: no such option: write cwd ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", shell = true }]],
      [[noshell: invalid command 'ls': shell = true: no such option: there is no ]]
        .. [[shell; to use one, run { "sh", "-c", "..." } (script.lua:1)]] },
    { [[noshell.run { "ls", timeout_ms = 500 }]],
      [[noshell: invalid command 'ls': timeout_ms = 500: no such option: write ]]
        .. [[timeout, in seconds (script.lua:1)]] },
    { [[noshell.run { "ls", capture_output = true }]],
      [[noshell: invalid command 'ls': capture_output = true: no such option: run and ]]
        .. [[output capture both streams unless they are directed elsewhere (script.lua:1)]] },
    { [[noshell.run { "ls", text = true }]],
      [[noshell: invalid command 'ls': text = true: no such option: output is a ]]
        .. [[string of bytes, as it was written (script.lua:1)]] },
    { [[noshell.run { "ls", environment = {} }]],
      [[noshell: invalid command 'ls': environment = a table: no such option: write ]]
        .. [[env (script.lua:1)]] },
    { [[noshell.run { "ls", password = "secret" }]],
      [[noshell: invalid command 'ls': password = ***: no such option; the README ]]
        .. [[lists them (script.lua:1)]] },
    { [[noshell.run { "ls", merge_stderr = true }]],
      [[noshell: invalid command 'ls': merge_stderr = true: no such option: write ]]
        .. [[stderr = "stdout" (script.lua:1)]] },
    { [[noshell.run { cmd = "ls" }]],
      [[noshell: invalid command '': a program name is required, as the first item: { ]]
        .. [["ls", "-l" } (script.lua:1)]] },
    { [[noshell.run { "ls", on_exit = print }]],
      [[noshell: invalid command 'ls': on_exit = a function: no such option: wait for ]]
        .. [[the process: process:wait(), noshell.wait_any or wait_all (script.lua:1)]] },
    { [[noshell.run { "ls", background = true }]],
      [[noshell: invalid command 'ls': background = true: no such option: ]]
        .. [[noshell.run_async starts a program without waiting (script.lua:1)]] },
    { [[noshell.run { "ls", CWD = "/" }]],
      [[noshell: invalid command 'ls': CWD = "/": no such option, did you mean 'cwd'? ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", [true] = 1 }]],
      [[noshell: invalid command 'ls': [true] = 1: an option's key must be a string ]]
        .. [[(script.lua:1)]] },
  },
  { "wrong values of options",
    { [[noshell.run { "ls", cwd = "" }]],
      [[noshell: invalid command 'ls': cwd = "": the path is empty (script.lua:1)]] },
    { [[noshell.run { "ls", cwd = {} }]],
      [[noshell: invalid command 'ls': cwd = a table: must be a string or a number ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", timeout = "5s" }]],
      [[noshell: invalid command 'ls': timeout = "5s": must be a number of seconds ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", timeout = -1 }]],
      [[noshell: invalid command 'ls': timeout = -1: must be finite and not negative ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", timeout = 0 }]],
      [[noshell: invalid command 'ls': timeout = 0: must be greater than 0 ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", timeout = 5, grace = -1 }]],
      [[noshell: invalid command 'ls': grace = -1: must be finite and not negative ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", grace = 1 }]],
      [[noshell: invalid command 'ls': grace = 1: 'grace' requires 'timeout' ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", env = { "A=b" } }]],
      [[noshell: invalid command 'ls': env = a table: the key 1 is not a string: ]]
        .. [[write { A = "..." } (script.lua:1)]] },
    { [[noshell.run { "ls", env = "A=b" }]],
      [[noshell: invalid command 'ls': env = "A=***": must be a table: write { A = ]]
        .. [["..." } (script.lua:1)]] },
    { [[noshell.run { "ls", env = { A = true } }]],
      [[noshell: invalid command 'ls': env = a table: A = true: must be a string or a ]]
        .. [[number, or false to remove it (script.lua:1)]] },
    { [[noshell.run { "ls", env = { [""] = "x" } }]],
      [[noshell: invalid command 'ls': add_env_pair(""): a variable name must not be ]]
        .. [[empty or contain '=' (script.lua:1)]] },
    { [[noshell.run { "ls", env = { ["A=B"] = "x" } }]],
      [[noshell: invalid command 'ls': add_env_pair("A=***"): a variable name must ]]
        .. [[not be empty or contain '=' (script.lua:1)]] },
    { [[noshell.run { "ls", env_string = "A" }]],
      [[noshell: invalid command 'ls': add_env_string(***): not of the form ]]
        .. [[NAME=value (script.lua:1)]] },
    { [[noshell.run { "ls", inherit_env = false }]],
      [[noshell: invalid command 'ls': inherit_env = false: must be true: write ]]
        .. [[clear_env = true to pass none on (script.lua:1)]] },
    { [[noshell.run { "ls", clear_env = 1 }]],
      [[noshell: invalid command 'ls': clear_env = 1: must be true or false ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", pass_env = { "A", nil, "B" } }]],
      [[noshell: invalid command 'ls': pass_env = a table: item 2 is nil: the list ]]
        .. [[has a hole (script.lua:1)]] },
    { [[noshell.run { "ls", stdout = "captured" }]],
      [[noshell: invalid command 'ls': stdout = "captured": must be "null", ]]
        .. [["inherit", "pipe", "capture" or "stderr"; for a file, use { path = "..." } ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", stdout = "/tmp/out" }]],
      [[noshell: invalid command 'ls': stdout = "/tmp/out": must be "null", ]]
        .. [["inherit", "pipe", "capture" or "stderr"; for a file, use { path = "..." } ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", stdin = "stdout" }]],
      [[noshell: invalid command 'ls': stdin = "stdout": only stderr can be directed ]]
        .. [[to stdout (script.lua:1)]] },
    { [[noshell.run { "ls", stdout = { file = "x" } }]],
      [[noshell: invalid command 'ls': stdout = a table: has an unknown key, "file"; ]]
        .. [[there are: path, append, mode, exclusive, read (script.lua:1)]] },
    { [[noshell.run { "ls", stdout = 999 }]],
      [[noshell: cannot start 'ls': set_stdout 'descriptor 999': Bad file descriptor ]]
        .. [[(EBADF) (script.lua:1)]] },
    { [[noshell.run { "cat", stdin = "pipe" }]],
      [[noshell: invalid command 'cat': set_stdin(pipe): run returns no streams: use ]]
        .. [[run_async, lines or popen (script.lua:1)]] },
    { [[noshell.run { "cat", input = true }]],
      [[noshell: invalid command 'cat': input = true: must be a string, a file, a ]]
        .. [[list of strings or a function (script.lua:1)]] },
    { [[noshell.run { "cat", input = { "a", {} } }]],
      [[noshell: invalid command 'cat': input = a table: item 2 must be a string or a ]]
        .. [[number (script.lua:1)]] },
    { [[noshell.run { "cat", input = "x", stdin = "null" }]],
      [[noshell: invalid command 'cat': stdin = "null": conflicts with 'input' ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", on_stdout = "print" }]],
      [[noshell: invalid command 'ls': on_stdout = "print": must be a function, or ]]
        .. "{ f, by = ... } (script.lua:1)" },
    { [[noshell.run { "ls", on_stdout = print, stdout = "null" }]],
      [[noshell: invalid command 'ls': set_stdout(null): on_stdout needs stdout ]]
        .. [[captured (script.lua:1)]] },
    { [[noshell.run { "ls", capture = "head" }]],
      [[noshell: invalid command 'ls': capture = "head": must be "tail" or "all" ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", tail = -1 }]],
      [[noshell: invalid command 'ls': tail = -1: must be a number of bytes ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", tail = 10, max_output = 10 }]],
      [[noshell: invalid command 'ls': tail = 10: conflicts with 'max_output' ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", max_output = "1M" }]],
      [[noshell: invalid command 'ls': max_output = "1M": must be an integer of at ]]
        .. [[least 0, math.huge or "unlimited" (script.lua:1)]] },
    { [[noshell.run { "ls", umask = 22 }]],
      [[noshell: invalid command 'ls': umask = 22: is a decimal number: write the ]]
        .. [[octal digits as a string, such as "022" (script.lua:1)]] },
    { [[noshell.run { "ls", umask = "999" }]],
      [[noshell: invalid command 'ls': umask = "999": must be an octal mask from 0 to ]]
        .. [[777 (script.lua:1)]] },
    { [[noshell.run { "ls", nice = 20 }]],
      [[noshell: invalid command 'ls': nice = 20: must be from -20 to 19 ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", oom_score_adj = 5000 }]],
      [[noshell: invalid command 'ls': oom_score_adj = 5000: must be from -1000 to ]]
        .. [[1000 (script.lua:1)]] },
    { [[noshell.run { "ls", limits = { nofiles = 5 } }]],
      [[noshell: invalid command 'ls': limits = "nofiles": no such limit, did you ]]
        .. [[mean "nofile"? There are cpu fsize data stack core rss nproc nofile memlock ]]
        .. [[as locks sigpending msgqueue nice rtprio rttime (script.lua:1)]] },
    { [[noshell.run { "ls", limits = { "nofile" } }]],
      [[noshell: invalid command 'ls': limits = a table: the key 1 is not a string: ]]
        .. [[write { nofile = 64 } (script.lua:1)]] },
    { [[noshell.run { "ls", limits = { nofile = -1 } }]],
      [[noshell: invalid command 'ls': limits = -1: must be an integer of at least 0, ]]
        .. [[math.huge or "unlimited" (script.lua:1)]] },
    { [[noshell.run { "ls", limits = { zzz = 1 } }]],
      [[noshell: invalid command 'ls': limits = "zzz": no such limit; there are cpu ]]
        .. [[fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue ]]
        .. [[nice rtprio rttime (script.lua:1)]] },
    { [[noshell.run { "ls", cpu_affinity = "none" }]],
      [[noshell: invalid command 'ls': cpu_affinity = "none": must be a list of ]]
        .. [[processors or "all" (script.lua:1)]] },
    { [[noshell.run { "ls", cpu_affinity = {} }]],
      [[noshell: invalid command 'ls': set_cpu_affinity({}): the list of processors ]]
        .. [[is empty (script.lua:1)]] },
    { [[noshell.run { "ls", user = "nobdy" }]],
      [[noshell: invalid command 'ls': user = "nobdy": no such user (script.lua:1)]] },
    { [[noshell.run { "ls", uid = -1 }]],
      [[noshell: invalid command 'ls': uid = -1: must be from 0 to 4294967294 ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", gid = "nogrop" }]],
      [[noshell: invalid command 'ls': gid = "nogrop": no such group (script.lua:1)]] },
    { [[noshell.run { "ls", groups = { "whel" } }]],
      [[noshell: invalid command 'ls': groups = "whel": item 1 is no group here ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", groups = "wheel" }]],
      [[noshell: invalid command 'ls': groups = "wheel": must be a table ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", caps = { "net_rw" } }]],
      [[noshell: invalid command 'ls': caps = "net_rw": no such capability, did you ]]
        .. [[mean "net_raw"? (script.lua:1)]] },
    { [[noshell.run { "ls", allow_cap = "CAP_SYS_ADMN" }]],
      [[noshell: invalid command 'ls': allow_cap = "CAP_SYS_ADMN": no such ]]
        .. [[capability, did you mean "sys_admin"? (script.lua:1)]] },
    { [[noshell.run { "ls", caps = { "root" } }]],
      [[noshell: invalid command 'ls': caps = "root": no such capability: ]]
        .. [[capabilities(7) has their names (script.lua:1)]] },
    { [[noshell.run { "ls", allow_cap = 99 }]],
      [[noshell: invalid command 'ls': allow_cap = 99: must be from 0 to 63 ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", stop_signal = "TREM" }]],
      [[noshell: invalid command 'ls': stop_signal = "TREM": must be the name or ]]
        .. [[number of a signal, did you mean "TERM"? (script.lua:1)]] },
    { [[noshell.run { "ls", stop_signal = "FOO" }]],
      [[noshell: invalid command 'ls': stop_signal = "FOO": must be the name or ]]
        .. [[number of a signal, such as "TERM" or 15 (script.lua:1)]] },
    { [[noshell.run { "ls", parent_death_signal = 99 }]],
      [[noshell: invalid command 'ls': parent_death_signal = 99: must be from 1 to 64 ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", check = "no" }]],
      [[noshell: invalid command 'ls': check = "no": must be true or false ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", ok_codes = 300 }]],
      [[noshell: invalid command 'ls': ok_codes = 300: must be from 0 to 255 ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", ok_codes = { "1" } }]],
      [[noshell: invalid command 'ls': ok_codes = "1": must be an integer ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", kill_on_exit = "yes" }]],
      [[noshell: invalid command 'ls': kill_on_exit = "yes": must be true or false ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", daemonize = true, timeout = 5 }]],
      [[noshell: invalid command 'ls': set_timeout cannot be used with daemonize: the ]]
        .. [[daemon has no parent that could end it (script.lua:1)]] },
    { [[noshell.run { "ls", new_session = true, new_process_group = true }]],
      [[noshell: invalid command 'ls': new_process_group cannot be used with ]]
        .. [[new_session or daemonize: a session leader leads a process group already ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", pass_fd = -1 }]],
      [[noshell: invalid command 'ls': pass_fd = -1: is not a descriptor ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run { "ls", pass_fds = { a = 3 } }]],
      [[noshell: invalid command 'ls': pass_fds = a table: the key "a" is not a ]]
        .. [[descriptor of the child (script.lua:1)]] },
    { [[noshell.run { "ls", pre_exec_hook = "f" }]],
      [[noshell: invalid command 'ls': pre_exec_hook = "f": must be a function, or a ]]
        .. [[C function as light userdata (script.lua:1)]] },
    { [[noshell.run { "ls", search_path = {} }]],
      [[noshell: invalid command 'ls': search_path = a table: must be a list of at ]]
        .. [[least one directory (script.lua:1)]] },
  },
  { "wrong uses of functions",
    { [[noshell.output { "ls", stdout = "null" }]],
      [[noshell: invalid command 'ls': set_stdout(null): output uses stdout itself ]]
        .. [[(script.lua:1)]] },
    { [[noshell.system { "ls", stdout = "capture" }]],
      [[noshell: invalid command 'ls': set_stdout(capture): system returns no output: ]]
        .. [[use run or output (script.lua:1)]] },
    { [[noshell.lines { "ls", stdout = "null" }]],
      [[noshell: invalid command 'ls': set_stdout(null): lines uses stdout itself ]]
        .. [[(script.lua:1)]] },
    { [[noshell.popen("ls", "-l", "r")]],
      [[script.lua:1: noshell.popen: is "r" the mode or an argument? Write ]]
        .. [[noshell.popen({ ... }, "r") for a mode, noshell.popen { ..., "r" } for an ]]
        .. [[argument]] },
    { [[noshell.popen({ "ls" }, "rb")]],
      [[script.lua:1: noshell.popen: the mode must be "r", "w" or "rw", not "rb"]] },
    { [[noshell.popen({ "cat", input = "x" }, "w")]],
      [[noshell: invalid command 'cat': set_stdin(buffer): popen uses stdin itself ]]
        .. [[(script.lua:1)]] },
    { [[noshell.popen("true"):write "x"]],
      [[script.lua:1: noshell.popen: write needs the mode "w": noshell.popen({ ... }, ]]
        .. [["w")]] },
    { [[noshell.exec { "ls", timeout = 5 }]],
      [[noshell: invalid command 'ls': set_timeout cannot be used with exec: no ]]
        .. [[parent remains to enforce it (script.lua:1)]] },
    { [[noshell.quote(nil)]],
      [[script.lua:1: noshell.quote: argument 1 must be a string or a number, not nil]] },
    { [[noshell.quote { "a", b = 1 }]],
      [[script.lua:1: noshell.quote: argument 1: must be a list, but has the key "b"]] },
    { [[noshell.secret(nil)]],
      [[script.lua:1: noshell.secret: argument 1 must be a string or a number, not nil]] },
    { [[noshell.which "a\0b"]],
      [[script.lua:1: noshell.which: argument 1 contains a zero byte]] },
    { [[noshell.which("ls", {})]],
      [[script.lua:1: noshell.which: argument 2: at least one directory is needed]] },
    { [[noshell.run { "ls", sandbox = { read = { "/srv\0" } } }]],
      [[noshell: invalid command 'ls': sandbox.read = "/srv": has a path that contains ]]
        .. [[a zero byte (script.lua:1)]] },
    { [[noshell.run { "ls", sandbox = { network = { 443 } } }]],
      [[noshell: invalid command 'ls': sandbox.network = a table: must say what is allowed, ]]
        .. [[as in { connect = { 443 } } (script.lua:1)]] },
    { [[noshell.pipe({ "ls" }, { "wc" })]],
      [[script.lua:1: noshell.pipe takes no arguments: noshell.pipeline joins commands]] },
    { [[noshell.sleep "1"]],
      [[script.lua:1: noshell.sleep: a finite number of seconds, 0 or more, is ]]
        .. [[needed, not "1"]] },
    { [[noshell.sleep(-1)]],
      [[script.lua:1: noshell.sleep: a finite number of seconds, 0 or more, is ]]
        .. [[needed, not -1]] },
    { [[noshell.trap("SIGTREM", print)]],
      [[script.lua:1: noshell.trap: "SIGTREM" is not the name of a signal, nor ]]
        .. [["EXIT", did you mean "TERM"?]] },
    { [[noshell.trap("KILL", print)]],
      [[script.lua:1: noshell.trap: KILL cannot be handled by any program]] },
    { [[noshell.trap("TERM", "ignroe")]],
      [[script.lua:1: noshell.trap: the handler must be a function, nil or "ignore", ]]
        .. [[not "ignroe"]] },
    { [[noshell.trap("EXIT", "ignore")]],
      [[script.lua:1: noshell.trap: EXIT cannot be ignored: write nil to remove its ]]
        .. [[handler]] },
    { [[noshell.retry("false", "x")]],
      [[script.lua:1: noshell.retry: the options must be a table, not "x": the ]]
        .. [[program and its arguments go into one table, noshell.retry({ "make", "test" ]]
        .. [[}, { attempts = 3 })]] },
    { [[noshell.retry({ "false" }, { atempts = 2 })]],
      [[script.lua:1: noshell.retry: atempts = 2: no such option, did you mean ]]
        .. [['attempts'?]] },
    { [[noshell.retry({ "false" }, { attempts = "3" })]],
      [[script.lua:1: noshell.retry: attempts = "3": a whole number from 1 is needed]] },
    { [[noshell.retry({ "false" }, { delay = -1 })]],
      [[script.lua:1: noshell.retry: delay = -1: a number of seconds, 0 or more, is ]]
        .. [[needed]] },
    { [[noshell.retry({ "false" }, { on = "exit" })]],
      [[script.lua:1: noshell.retry: on = "exit": a list of codes, such as { "spawn", ]]
        .. [["timeout" }, or a function is needed]] },
    { [[noshell.retry({ "false" }, { on = { "exti" } })]],
      [[script.lua:1: noshell.retry: on: item 1, "exti", is not a code of errors, did ]]
        .. [[you mean "exit"?]] },
    { [[noshell.map()]],
      [[script.lua:1: noshell.map: a list is needed, not nil]] },
    { [[noshell.map({ 1 }, { "ls" })]],
      [[script.lua:1: noshell.map: a function is needed, not a table]] },
    { [[noshell.map({ 1 }, function() end)]],
      [[script.lua:1: noshell.map: the function returned nil for item 1: return a ]]
        .. [[SPEC, or false to run nothing for the item]] },
    { [[noshell.map({ 1 }, function() return noshell.run "true" end)]],
      [[script.lua:1: noshell: a program, a SPEC table or a command is needed, not a ]]
        .. [[noshell.result]] },
    { [[noshell.map({ 1 }, print, { concurency = 2 })]],
      [[script.lua:1: noshell.map: concurency = 2: no such option, did you mean ]]
        .. [['concurrency'?]] },
    { [[noshell.map({ 1 }, print, { concurrency = 0 })]],
      [[script.lua:1: noshell.map: concurrency = 0: a whole number from 1 is needed]] },
    { [[noshell.map({ 1 }, print, { fail_fast = 1 })]],
      [[script.lua:1: noshell.map: fail_fast = 1: true or false is needed]] },
    { [[noshell.map({ "a", nil, "c" }, print)]],
      [[script.lua:1: noshell.map: item 2 is nil: the list has a hole]] },
    { [[noshell.wait_all "ls"]],
      [[script.lua:1: noshell.wait_all: a list of processes or commands is needed: ]]
        .. [[noshell.wait_all { "./a", "./b" }]] },
    { [[noshell.wait_all {}]],
      [[script.lua:1: noshell.wait_all: a list of processes or commands is needed: ]]
        .. [[noshell.wait_all { "./a", "./b" }]] },
    { [[noshell.wait_all { "true", nil, "true" }]],
      [[script.lua:1: noshell.wait_all: item 2 is nil: the list has a hole (a program ]]
        .. [[that did not start leaves one, and its error is lost: pass the command itself)]] },
    { [[noshell.wait_any { 5 }]],
      [[script.lua:1: noshell.wait_any: item 1 is 5: a process, a command, a SPEC ]]
        .. [[table or a program is needed]] },
    { [[noshell.wait_any { { { "ls" } } }]],
      [[noshell: invalid command: argument 1 must be a string or a number, not a ]]
        .. [[table: the program comes first, as in { "ls", "-l", cwd = "/" } (script.lua:1)]] },
    { [[noshell.wait_all({ "true" }, "5")]],
      [[script.lua:1: wait_all: a number of seconds is needed, not "5"]] },
    { [[noshell.wait_all { "true", "gti" }]],
      [[noshell: 1 of 2 failed: cannot start 'gti': find_program 'gti': not found in ]]
        .. [[PATH ($PATH) (ENOENT) (script.lua:1)]] },
    { [[noshell.trace "x"]],
      [[script.lua:1: noshell.trace: a function or nil is needed, not "x"]] },
    { [[noshell.parse.lines(nil)]],
      [[script.lua:1: noshell.parse.lines: argument 1: a string is needed, not nil]] },
    { [[noshell.parse.columns("", { nam = {} })]],
      [[script.lua:1: noshell.parse.columns: argument 2: nam = a table: no such option]] },
    { [[noshell.parse.nul("", 0)]],
      [[script.lua:1: noshell.parse.nul: argument 2: a whole number from 1 is needed, ]]
        .. [[not 0]] },
    { [[noshell.parse.match("", nil)]],
      [[script.lua:1: noshell.parse.match: argument 2: a pattern or a list of ]]
        .. [[patterns is needed]] },
    { [[noshell.host.use "luv"]],
      [[script.lua:1: noshell.host.use: a function, a host or nil is needed, not a ]]
        .. [[string]] },
    { [[noshell.dry_run "x"]],
      [[script.lua:1: noshell.dry_run: the handler must be a function or a list, not ]]
        .. [["x"]] },
    { [[noshell.tee()]],
      [[script.lua:1: noshell.tee: a path or a function is needed, not nil]] },
  },
  { "wrong uses of pipelines",
    { [[noshell.pipeline():run()]],
      [[noshell: invalid command '': at least one command is required (script.lua:1)]] },
    { [[noshell.pipeline({ "a" }, { "b" }, { timeout = 3 }):run()]],
      [[noshell: invalid command 'a | b': argument 3 has options, but no command: ]]
        .. [[write noshell.pipeline { a, b, timeout = 5 } (script.lua:1)]] },
    { [[noshell.pipeline { { "a" }, { "b" }, arg = "x" }:run()]],
      [[noshell: invalid command 'a | b': arg = "x": no such option of a pipeline; ]]
        .. [[set it on a command (script.lua:1)]] },
    { [[noshell.pipeline { { "a" }, { "b" }, umsk = 1 }:run()]],
      [[noshell: invalid command 'a | b': umsk = 1: no such option, did you mean ]]
        .. [['umask'? (script.lua:1)]] },
    { [[noshell.pipeline({ "a" }, { "b", input = "x" }):run()]],
      [[noshell: 'a | b': command 2: invalid command 'b': set_stdin(buffer): its ]]
        .. [[stdin is the pipe from the command before it (script.lua:1)]] },
    { [[noshell.pipeline({ "a", stdout = "null" }, { "b" }):run()]],
      [[noshell: 'a | b': command 1: invalid command 'a': set_stdout(null): its ]]
        .. [[stdout is the pipe to the next command; use noshell.tee to copy it ]]
        .. [[(script.lua:1)]] },
    { [[noshell.pipeline({ "a" }, { "b", timout = 1 }):run()]],
      [[noshell: 'a | b': command 2: invalid command 'b': timout = 1: no such option, ]]
        .. [[did you mean 'timeout'? (script.lua:1)]] },
    { [[noshell.pipeline({ "a" }, { "b" }):run("x")]],
      [[script.lua:1: run takes no arguments: its commands have them; ]]
        .. [[noshell.pipeline and set_timeout take options]] },
    { [[noshell.pipeline { { "a" }, { "b" }, timeout = "x" }:run()]],
      [[noshell: invalid command 'a | b': timeout = "x": must be a number of seconds ]]
        .. [[(script.lua:1)]] },
    { [[noshell.pipeline({ "a" }, nil, { "b" }):run()]],
      [[noshell: 'a | ': command 2: invalid command '': a program name is required, ]]
        .. [[as the first item: { "ls", "-l" } (script.lua:1)]] },
    { [[noshell.popen(noshell.pipeline({ "a" }, { "b" }))]],
      [[script.lua:1: noshell: a command is needed here; a pipeline has run, ]]
        .. [[run_async, output, lines]] },
    { [[noshell.command "a" .. 5]],
      [[script.lua:1: noshell: a pipeline is made of commands, SPEC tables and ]]
        .. [[pipelines, not of 5]] },
  },
  { "wrong uses of objects",
    { [[noshell.command("ls").run()]],
      [[script.lua:1: run is a method of a noshell.command: call it with a colon, ]]
        .. [[object:run(...)]] },
    { [[noshell.command("ls"):run { timeout = 5 }]],
      [[script.lua:1: run takes no arguments: the command has them; add_arg adds one, ]]
        .. [[set_timeout and others set options]] },
    { [[noshell.command("ls"):rnu()]],
      [[script.lua:1: a command has no 'rnu', did you mean 'run'?]] },
    { [[noshell.command("ls"):set_timout(5)]],
      [[script.lua:1: a command has no 'set_timout', did you mean 'set_timeout'?]] },
    { [[noshell.ouput "ls"]],
      [[script.lua:1: noshell has no 'ouput', did you mean 'output'?]] },
    { [[(function() noshell.command("ls").timeout = 5 end)()]],
      [[script.lua:1: a command has no field 'timeout': its options are set by ]]
        .. [[methods, as in cmd:set_timeout(5)]] },
    { [[noshell.run("true").status]],
      [[script.lua:1: a result has no 'status': write result.exit_code]] },
    { [[noshell.run("true").stdot]],
      [[script.lua:1: a result has no 'stdot', did you mean 'stdout'?]] },
    { [[select(2, noshell.run "false").exit_code]],
      [[script.lua:1: an error has no 'exit_code': write err.result.exit_code]] },
    { [[select(2, noshell.run "false").comand]],
      [[script.lua:1: an error has no 'comand', did you mean 'command'?]] },
    { [[cat.wait()]],
      [[script.lua:1: wait is a method of a noshell.process: call it with a colon, ]]
        .. [[object:wait(...)]] },
    { [[cat:wait "x"]],
      [[script.lua:1: wait: a number of seconds is needed, not "x"]] },
    { [[cat:wiat()]],
      [[script.lua:1: a process has no 'wiat', did you mean 'wait'?]] },
    { [[cat:kill "SIGFOO"]],
      [[script.lua:1: kill: no signal "SIGFOO": write a name such as "TERM" or "INT"]] },
    { [[cat:kill "TREM"]],
      [[script.lua:1: kill: no signal "TREM", did you mean "TERM"?]] },
    { [[cat:kill(65)]],
      [[script.lua:1: kill: no signal 65: write a name such as "TERM" or "INT"]] },
    { [[cat:wait(0.01)]],
      [[noshell: 'cat' is still running after 0.01 s; its stdin pipe is still open ]]
        .. [[here: close it with process.stdin:close() (script.lua:1)]] },
    { [[cat.stdin:read()]],
      [[noshell: cannot read from 'cat': stdin is for writing: read from ]]
        .. [[process.stdout (EBADF) (script.lua:1)]] },
    { [[cat.stdin.write "x"]],
      [[script.lua:1: write is a method of a noshell.stream: call it with a colon, ]]
        .. [[object:write(...)]] },
    { [[cat.stdin:write {}]],
      [[script.lua:1: write: argument 1 must be a string or a number, not a table]] },
    { [[cat.stdout:write "x"]],
      [[noshell: cannot write to 'cat': this stream is for reading: write to ]]
        .. [[process.stdin (EBADF) (script.lua:1)]] },
    { [[cat.stdout:read "n"]],
      [[script.lua:1: bad argument #1 to 'read' (numbers are not parsed: read a line)]] },
    { [[cat.stdout:read "x"]],
      [[script.lua:1: bad argument #1 to 'read' (invalid format)]] },
    { [[cat.stdout:records ""]],
      [[script.lua:1: records: a separator such as "\0" is needed, not ""]] },
    { [[cat:handshake_notify()]],
      [[noshell: invalid command 'cat': require_handshake was not called ]]
        .. [[(script.lua:1)]] },
    { [[closed:wait()]],
      [[script.lua:1: the process is closed]] },
    { [[closed:kill()]],
      [[script.lua:1: the process is closed]] },
  },
  { "programs that fail",
    { [[noshell.run { "yes", max_output = 10 }]],
      [[noshell: 'yes' wrote more to stdout than the 10 bytes that max_output allows, ]]
        .. [[and was ended: raise max_output, keep the end with tail, or read it with ]]
        .. [[noshell.lines (script.lua:1)]] },
    { [[noshell.run("sh", "-c", "echo why >&2; exit 3")]],
      [[noshell: 'sh -c 'echo why >&2; exit 3'' exited with status 3: why ]]
        .. [[(script.lua:1)]] },
    { [[noshell.run("sh", "-c", "kill $$")]],
      [[noshell: 'sh -c 'kill $$'' was killed by signal TERM (script.lua:1)]] },
    { [[noshell.output "false"]],
      [[noshell: 'false' exited with status 1 (script.lua:1)]] },
    { [[noshell.run("echo", "a"):key_value()]],
      [[noshell: cannot parse key_value: line 1 'a': missing '=' (script.lua:1)]] },
    { [[noshell.run { "echo", stdout = "null" }:lines()]],
      [[noshell: cannot parse lines: stdout was not captured (script.lua:1)]] },
  },
}

local function loaded(code, env)
  local text = "local a, b = " .. code .. " return a, b"
  local setfenv = rawget(_G, "setfenv")
  if not setfenv then return assert(load(text, "=script.lua", "t", env)) end
  return setfenv(assert(rawget(_G, "loadstring")(text, "=script.lua")), env)
end

--- Returns the error that a mistake raises, returns, or records in a command.
local function error_of(code)
  local cat = assert(noshell.run_async { "cat", stdin = "pipe", stdout = "pipe" })
  local closed = assert(noshell.run_async("true"))
  closed:close()
  local ok, value, err = pcall(loaded(code,
    setmetatable({ noshell = noshell, cat = cat, closed = closed }, { __index = _G })))
  cat:close()
  if not ok then return value end
  if type(value) == "userdata" then return value:argument_error() end
  assert.is_nil(value)
  return err
end

--- Replaces what depends on the machine.
local function plain(text)
  local from, to = text:find(os.getenv "PATH", 1, true)
  return from and text:sub(1, from - 1) .. "$PATH" .. text:sub(to + 1) or text
end

describe("the message about a mistake", function()
  helper.leak_check()

  local count, seen = 0, {}
  for _, group in ipairs(MISTAKES) do
    for i = 2, #group do
      local code, message = group[i][1], group[i][2]
      count = count + 1
      assert(not seen[code], code)
      seen[code] = true
      it(("of %s: %s"):format(group[1], (code:gsub("\n", " "))), function()
        local err = error_of(code)
        assert.is_truthy(err)
        assert.equal(message, plain(tostring(err)))
        -- The line, but none of noshell's, no NULL, and no table's address.
        assert.truthy(message:find("script.lua:1", 1, true))
        assert.is_nil(message:find "lua/noshell/" or message:find "NULL"
          or message:find "0x%x%x")
      end)
    end
  end

  it("is there for at least 134 mistakes", function()
    assert.is_true(count >= 134)
  end)
end)
