-- Every method of a command, and where its specs are: the sentence of the spec
-- that shows it at work, the mistakes that it remembers, and the stage that the
-- kernel's refusal is told by. builder_complete_spec holds this table against
-- the methods that there are.
--
--   works     { file, sentence } of the spec that shows it
--   mistakes  lists of arguments, with `value` and `reason`, what is said of
--             them; absent where a method is no setter
--   stage     what stages_spec calls it; false where nothing can be refused
local setter_rows = require "spec.support.setter_rows"

local huge = math.huge

local function mistake(value, reason, ...)
  return { n = select("#", ...), value = value, reason = reason, ... }
end

--- Of setters without arguments.
local none = { mistake("1", "argument 1 is one too many", 1) }

local builder = {}

-- Arguments -------------------------------------------------------------------

builder.add_arg = {
  works = { "command", "reach the program as they were given, in order" },
  mistakes = {
    mistake("", "argument 1 is missing"),
    mistake("a table", "must be a string or a number", {}),
    mistake("true", "must be a string or a number", true),
    mistake("inf", "must be a finite number", huge),
    mistake('"a\\0b"', "contains a zero byte", "a\0b"),
    mistake('"b"', "argument 2 is one too many: add_arg takes 1", "a", "b"),
  },
  stage = "exec",
}
builder.add_args = {
  works = { "command", "come as values or as one list" },
  mistakes = {
    mistake("a table", "argument 1 is an empty list", {}),
    mistake("nil", "item 2 is nil: the list has a hole", { "a", nil, "c" }),
    mistake("false", "item 2 must be ", { "a", false }),
    mistake("a table", 'has an unknown key, "x"', { "a", x = 1 }),
    mistake("nil", "argument 2 must be ", "a", nil, "c"),
    mistake("a table", "argument 1 must be ", {}, "a"),
  },
  stage = "exec",
}
builder.add_arg_pair = {
  works = { "command", "come as a pair, name=value" },
  mistakes = {
    mistake("", "argument 2 is missing", "name"),
    mistake("a table", "argument 1 must be ", {}, "x"),
    mistake("true", "argument 2 must be ", "name", true),
  },
  stage = "exec",
}
builder.add_arg_format = {
  works = { "command", "come formatted, as string.format does" },
  mistakes = {
    mistake('"%d"', "cannot be formatted: bad argument #2 to 'format'", "%d", "x"),
    mistake('"%y"', "cannot be formatted: ", "%y", 1),
    mistake("", "argument 1 is missing"),
  },
  stage = "exec",
}
builder.mark_secret = {
  works = { "text", "shows as *** wherever the command does, and reaches the program" },
  mistakes = none, stage = false,
}
builder.set_arg0 = {
  works = { "command", "begin with the program's name as it was given, or with arg0" },
  mistakes = {
    mistake("nil", "argument 1 must be a string or a number", nil, nil),
    mistake("***", "is a secret, which cannot be hidden here", "SECRET"),
  },
  stage = false,
}

-- Environment -----------------------------------------------------------------

local NAME = "a variable name must not be empty or contain '='"

builder.add_env_pair = {
  works = { "environment", "takes pairs, strings and formats" },
  mistakes = {
    mistake('""', NAME, "", "x"),
    mistake('"A=***"', NAME, "A=B", "x"),
    mistake("", "argument 2 is missing", "A"),
    mistake("false", "argument 2 must be ", "A", false),
    mistake('***', "contains a zero byte", "A", "a\0b"),
  },
  stage = false,
}
builder.add_env_string = {
  works = { "environment", "takes pairs, strings and formats" },
  mistakes = {
    mistake('***', "not of the form NAME=value", "A"),
    mistake('"=***"', "not of the form NAME=value", "=x"),
    mistake("", "argument 1 is missing"),
  },
  stage = false,
}
builder.add_env_format = {
  works = { "environment", "takes pairs, strings and formats" },
  mistakes = {
    mistake('***', "not of the form NAME=value", "A%d", 5),
    mistake('"A=***"', "cannot be formatted", "A=%d", "x"),
  },
  stage = false,
}
builder.pass_env = {
  works = { "environment", "passes what is set here, and nothing for what is not" },
  mistakes = {
    mistake("", "argument 1 is missing"),
    mistake('""', NAME, ""),
    mistake('"A=***"', NAME, "HOME", "A=B"),
    mistake("a table", "must be ", { "HOME" }),
  },
  stage = false,
}
builder.pass_env_allow_suid = {
  works = { "environment",
    "blocks variables and passes those that are allowed, with another uid" },
  mistakes = { mistake('"A=***"', NAME, "A=B"), mistake("", "argument 1 is missing") },
  stage = false,
}
builder.pass_env_block_suid = {
  works = { "environment",
    "blocks variables and passes those that are allowed, with another uid" },
  mistakes = {
    mistake('""', NAME, ""),
    mistake("true", "argument 2 must be ", "PATH", true),
    mistake("", "argument 1 is missing"),
  },
  stage = false,
}
builder.pass_env_common = {
  works = { "environment", "has LC_ALL=C and the usual names with pass_env_common" },
  mistakes = none, stage = false,
}
builder.add_env_xdg = {
  works = { "environment", "has the XDG directories below a base" },
  mistakes = {
    mistake('"home"', "not an absolute path", "home"),
    mistake('""', "not an absolute path", ""),
  },
  stage = false,
}
builder.inherit_env = {
  works = { "environment", "keeps the rest with inherit_env, in whatever order it is said" },
  mistakes = none, stage = false,
}
builder.unset_env = {
  works = { "environment", "loses what unset_env names, inherited or added" },
  mistakes = { mistake('"A=***"', NAME, "A=B"), mistake('""', NAME, "") },
  stage = false,
}
builder.clear_env = {
  works = { "environment", "is empty after clear_env" },
  mistakes = none, stage = false,
}

-- Attributes ------------------------------------------------------------------

builder.set_limit = {
  works = { "limits", "are known by the names of all RLIMITs" },
  mistakes = {
    mistake('"files"', "no such limit", "files", 1),
    mistake("core, 2, 1", "the soft limit exceeds the hard limit", "core", 2, 1),
    mistake("-1", "argument 2 must be an integer of at least 0", "core", -1),
    mistake('"x"', "argument 3 must be an integer of at least 0", "core", 1, "x"),
    mistake("", "argument 2 is missing", "core"),
  },
  stage = "set_limit",
}
builder.set_cpu_affinity = {
  works = { "limits", "are the processors that were asked for, or all" },
  mistakes = {
    mistake('"some"', 'must be a list of processors or "all"', "some"),
    mistake("0", 'must be a list of processors or "all"', 0),
    mistake("{}", "the list of processors is empty", {}),
    mistake("8192", "item 2 must be from 0 to 8191", { 0, 8192 }),
    mistake('"0"', "item 1 must be an integer", { "0" }),
  },
  stage = "set_cpu_affinity",
}
builder.run_alone = {
  works = { "limits",
    "are a core scheduling cookie, or a clear failure without such a kernel" },
  mistakes = none, stage = "core_scheduling",
}
builder.run_among = {
  works = { "limits",
    "are a core scheduling cookie, or a clear failure without such a kernel" },
  mistakes = {
    mistake("0", "argument 1 must be from 1 to 2147483647", 0),
    mistake('"1"', "must be an integer", "1"),
  },
  stage = "core_scheduling",
}

-- One scalar each -------------------------------------------------------------

setter_rows.add_to(builder, mistake, {
  set_working_directory = { "limits", "is what was set, relative to ours, and ours otherwise" },
  set_umask = { "limits", "is what was set, 0 too, and ours otherwise" },
  set_nice = { "limits", "are those that were asked for" },
  new_session = { "limits", "are those that were asked for" },
  new_process_group = { "limits", "can be a process group of its own in our session" },
  set_parent_death_signal = { "limits", "take signals by name and by number" },
  set_no_new_privs = { "limits", "are those that were asked for" },
  require_handshake = { "handshake", "lets us work between the child's setup and its exec" },
  daemonize = { "daemon", "has a session of its own, / as directory, and another parent" },
  set_pid_file = { "daemon", "has the program's pid, and stays open and locked in it" },
  allow_any_exit = { "command",
    "is success for any exit with allow_any_exit, but not for a signal" },
  raw_status = { "command", "is success for all with raw_status, which has the status" },
  set_max_files = { "limits", "are exact, soft and hard" },
  set_max_processes = { "limits", "are exact, soft and hard" },
  set_max_mem_lock = { "limits", "are exact, soft and hard" },
  set_max_core_size = { "limits", "are exact, soft and hard" },
})

require("spec.support.builder_more")(builder, mistake, none)

return builder
