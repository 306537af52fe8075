--- Names that the C module accepts, for suggestions; a spec compares the lists with it.

local names = {}

--- A signal by its name, also with SIG, or by its number.
---@alias noshell.signal
---| "HUP"
---| "INT"
---| "QUIT"
---| "ILL"
---| "TRAP"
---| "ABRT"
---| "BUS"
---| "FPE"
---| "KILL"
---| "USR1"
---| "SEGV"
---| "USR2"
---| "PIPE"
---| "ALRM"
---| "TERM"
---| "STKFLT"
---| "CHLD"
---| "CONT"
---| "STOP"
---| "TSTP"
---| "TTIN"
---| "TTOU"
---| "URG"
---| "XCPU"
---| "XFSZ"
---| "VTALRM"
---| "PROF"
---| "WINCH"
---| "IO"
---| "PWR"
---| "SYS"
---| string
---| integer

--- A capability by its name, also as "CAP_NET_RAW", or by its number.
---@alias noshell.capability
---| "chown"
---| "dac_override"
---| "dac_read_search"
---| "fowner"
---| "fsetid"
---| "kill"
---| "setgid"
---| "setuid"
---| "setpcap"
---| "linux_immutable"
---| "net_bind_service"
---| "net_broadcast"
---| "net_admin"
---| "net_raw"
---| "ipc_lock"
---| "ipc_owner"
---| "sys_module"
---| "sys_rawio"
---| "sys_chroot"
---| "sys_ptrace"
---| "sys_pacct"
---| "sys_admin"
---| "sys_boot"
---| "sys_nice"
---| "sys_resource"
---| "sys_time"
---| "sys_tty_config"
---| "mknod"
---| "lease"
---| "audit_write"
---| "audit_control"
---| "setfcap"
---| "mac_override"
---| "mac_admin"
---| "syslog"
---| "wake_alarm"
---| "block_suspend"
---| "audit_read"
---| "perfmon"
---| "bpf"
---| "checkpoint_restore"
---| string
---| integer

--- A resource limit.
---@alias noshell.limit_name
---| "as"
---| "core"
---| "cpu"
---| "data"
---| "fsize"
---| "locks"
---| "memlock"
---| "msgqueue"
---| "nice"
---| "nofile"
---| "nproc"
---| "rss"
---| "rtprio"
---| "rttime"
---| "sigpending"
---| "stack"

--- The resource limits, without RLIMIT_: getrlimit(2).
names.LIMITS = { "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue",
  "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack" }

--- The capabilities, without CAP_, by number from 0: capabilities(7).
names.CAPABILITIES = { "chown", "dac_override", "dac_read_search", "fowner", "fsetid",
  "kill", "setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
  "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module",
  "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot",
  "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
  "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
  "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore" }

--- The signals by number, without SIG; the real-time signals are missing.
names.SIGNALS = { "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL",
  "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP",
  "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR",
  "SYS" }

--- Words of other libraries for options, and what to write instead.
names.FOREIGN_OPTIONS = {
  append = 'write stdout = { path = "...", append = true }',
  arguments = "write args, or put them into the list: { \"ls\", \"-l\" }",
  argv = "write args, or put them into the list: { \"ls\", \"-l\" }",
  async = "noshell.run_async starts a program without waiting",
  background = "noshell.run_async starts a program without waiting",
  capture_output = "run and output capture both streams unless they are directed elsewhere",
  chdir = "write cwd",
  close_fds = "all descriptors but 0, 1 and 2 are closed; pass_fds passes others",
  cmd = 'the program is the first item: { "ls", "-l" }',
  command = 'the program is the first item: { "ls", "-l" }',
  current_dir = "write cwd",
  detach = "write daemonize = true, or use process:detach()",
  detached = "write daemonize = true, or use process:detach()",
  dir = "write cwd",
  directory = "write cwd",
  encoding = "output is a string of bytes, as it was written",
  environ = "write env",
  environment = "write env",
  err = 'write stderr = { path = "..." }',
  group = "write gid",
  kill_after = "write grace",
  kill_signal = "write stop_signal",
  merge_stderr = 'write stderr = "stdout"',
  on_exit = "wait for the process: process:wait(), noshell.wait_any or wait_all",
  on_line = "write on_stdout",
  out = 'write stdout = { path = "..." }',
  path = 'the program is the first item: { "/bin/ls" }; directories to search are search_path',
  preexec_fn = "write pre_exec_hook",
  priority = "write nice",
  program = 'the program is the first item: { "ls", "-l" }',
  quiet = 'write stdout = "null", stderr = "null"',
  retries = "use noshell.retry(SPEC, { attempts = 3 })",
  setsid = "write new_session = true",
  shell = 'there is no shell; to use one, run { "sh", "-c", "..." }',
  silent = 'write stdout = "null", stderr = "null"',
  start_new_session = "write new_session = true",
  stdio = "write stdin, stdout and stderr",
  stderr_to_stdout = 'write stderr = "stdout"',
  stdin_data = "write input",
  text = "output is a string of bytes, as it was written",
  timeout_ms = "write timeout, in seconds",
  timeout_seconds = "write timeout, in seconds",
  universal_newlines = "write crlf = true if lines end in CR LF",
  username = "write user",
  vars = "write env",
  workdir = "write cwd",
  working_dir = "write cwd",
}

--- Words of other libraries for fields of a result, and ours.
names.FOREIGN_FIELDS = { code = "exit_code", err = "stderr", exitcode = "exit_code",
  exit = "exit_code", exit_status = "exit_code", out = "stdout", output = "stdout",
  rc = "exit_code", returncode = "exit_code", status = "exit_code", success = "ok" }

return names
