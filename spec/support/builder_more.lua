-- The rest of builder.lua's table: identity, streams, descriptors, starting,
-- ending, looking and running.
return function(builder, mistake, none)
  -- Identity ------------------------------------------------------------------

  builder.set_uid = {
    works = { "identity", "are real, effective, saved and of the file system" },
    mistakes = {
      mistake('"no-such-user"', "no such user", "no-such-user"),
      mistake("-1", "argument 1 must be from 0 to 4294967294", -1),
      mistake("4294967295", "argument 1 must be from 0 to 4294967294", 4294967295),
      mistake('"4294967295"', "no such user", "4294967295"),
      mistake('""', "no such user", ""),
      mistake("true", "must be an integer", true),
    },
    stage = "set_uid",
  }
  builder.set_gid = {
    works = { "identity", "are real, effective, saved and of the file system" },
    mistakes = {
      mistake('"no-such-group"', "no such group", "no-such-group"),
      mistake("-1", "argument 1 must be from 0 to 4294967294", -1),
      mistake("1.5", "must be an integer", 1.5),
    },
    stage = "set_gid",
  }
  builder.set_groups = {
    works = { "identity", "have exactly the groups that set_groups names" },
    mistakes = {
      mistake("7", "argument 1 must be a table", 7),
      mistake("-1", "item 2 must be from 0 to 4294967294", { 1, -1 }),
      mistake('"adm"', 'item 1 must be an integer', { "adm" }),
      mistake("nil", "item 2 is nil: the list has a hole", { 1, nil, 3 }),
    },
    stage = "set_groups",
  }
  builder.set_user = {
    works = { "identity", "are those of an account, with its groups, after set_user" },
    mistakes = {
      mistake('"no-such-user"', "no such user", "no-such-user"),
      mistake("a table", "must be ", {}),
    },
    stage = "set_groups",
  }
  builder.clear_caps = {
    works = { "identity", "are none at all with clear_caps, also for root" },
    mistakes = none, stage = "capabilities",
  }
  builder.allow_cap = {
    works = { "identity", "are those allowed after a change of user, kept and ambient" },
    mistakes = {
      mistake('"fly"', "no such capability", "fly"),
      mistake('"CAP_FLY"', "no such capability", "kill", "CAP_FLY"),
      mistake("63", "no such capability", 63),
      mistake("64", "argument 1 must be from 0 to 63", 64),
      mistake("", "argument 1 is missing"),
    },
    stage = "capabilities",
  }
  for _, name in ipairs { "set_selinux_label", "set_apparmor_profile" } do
    builder[name] = {
      works = { "labels", "passes there with if_enabled" },
      mistakes = {
        mistake("true", "argument 1 must be ", true),
        mistake("a table", 'has an unknown key, "when"', "x", { when = true }),
        mistake("1", "option 'if_enabled' must be true or false", "x",
          { if_enabled = 1 }),
      },
      stage = name,
    }
  end

  -- Streams and descriptors ---------------------------------------------------

  for which, name in ipairs { "set_stdin", "set_stdout", "set_stderr" } do
    builder[name] = {
      works = { "descriptors", "are null, ours, a descriptor, a file, a path, or stdout's" },
      mistakes = {
        mistake('"nul"', 'argument 1 must be "null", "inherit"', "nul"),
        mistake("-1", "argument 1 ", -1),
        mistake("true", "argument 1 ", true),
        mistake("nil", "option 'path' must be a string", {}),
        mistake("a table", 'has an unknown key, "mode"', { path = "/x", mode = "w" }),
        mistake('""', "the path is empty", { path = "" }),
        mistake("1", "option 'append' must be true or false", { path = "/x", append = 1 }),
      },
      stage = name,
    }
    local misfit = which == 1 and mistake('"capture"', "stdin cannot be captured", "capture")
      or which == 2 and mistake('"stdout"', "only stderr can be directed to stdout", "stdout")
    table.insert(builder[name].mistakes, misfit or nil)
  end
  builder.set_input_buffer = {
    works = { "exchange", "moves any bytes" },
    mistakes = {
      mistake("a table", "must be a string or a number", {}),
      mistake("", "argument 1 is missing"),
    },
    stage = "set_stdin",
  }
  builder.send_buffer = {
    works = { "descriptors", "is readable at the number that it was given, to its end" },
    mistakes = { mistake("a table", "must be ", {}), mistake("", "is missing") },
    stage = "send_buffer",
  }
  builder.pass_fd = {
    works = { "descriptors", "has the same number, or another, and nothing else is open" },
    mistakes = {
      mistake("777", "not an open descriptor", 777),
      mistake("-1", "argument 1 ", -1),
      mistake("0", "descriptors 0 to 2 are set with set_stdin, set_stdout and set_stderr", 0),
      mistake("0 as 2", "descriptors 0 to 2 are set with", 0, { as = 2 }),
      mistake("a table", 'has an unknown key, "to"', 0, { to = 5 }),
      mistake("-5", "option 'as' must be from 0", 0, { as = -5 }),
      mistake('"x"', "option 'close_parent' must be true or false", 0, { close_parent = "x" }),
      mistake("true", "argument 1 ", true),
    },
    stage = "pass_fd",
  }

  -- Starting and ending -------------------------------------------------------

  builder.set_pre_exec_hook = {
    works = { "hook", "runs in the child, with its data, before the program" },
    mistakes = {
      mistake('"f"', "must be a function, or a C function as light userdata", "f"),
      mistake("", "argument 1 is missing"),
    },
    stage = "set_pre_exec_hook",
  }
  builder.set_timeout = {
    works = { "tree", "ends children and grandchildren" },
    mistakes = {
      mistake("0", "argument 1 must be greater than 0", 0),
      mistake("-1", "must be finite and not negative", -1),
      mistake("inf", "must be finite and not negative", math.huge),
      mistake('"5"', "must be a number of seconds", "5"),
      mistake("-1", "argument 2 must be finite and not negative", 1, -1),
    },
    stage = false,
  }
  builder.set_max_output = {
    works = { "exchange", "ends the program that writes more, and gives what came" },
    mistakes = {
      mistake("-1", "must be an integer of at least 0", -1),
      mistake('"1k"', "must be an integer of at least 0", "1k"),
    },
    stage = false,
  }
  builder.allow_exit = {
    works = { "command", "is success for what allow_exit names, besides 0" },
    mistakes = {
      mistake("256", "argument 2 must be from 0 to 255", 1, 256),
      mistake("-1", "argument 1 must be from 0 to 255", -1),
      mistake("", "argument 1 is missing"),
    },
    stage = false,
  }

  -- What is no setter ---------------------------------------------------------

  for name, sentence in pairs {
    clone = "is cloned with all that it holds, and then each goes its own way",
    args = "tells what it was given",
    argv = "tells what it was given",
    input = "tells what it was given",
    working_directory = "tells what it was given",
    stdio = "tells how its streams are directed",
    mistake = "shows its mistake before it runs",
    run = "runs, and gives the result",
    run_async = "runs, and gives the result",
    output = "runs, and gives the result",
    lines = "runs, and gives the result",
  } do
    builder[name] = { works = { "command", sentence } }
  end
  for name, sentence in pairs {
    to_string = "is read back by sh as the very words, whatever their bytes",
    write_arg_log = "writes variables and words unquoted, and a newline, to a descriptor",
  } do
    builder[name] = { works = { "text", sentence } }
  end
  local driven = {
    on_stdout = "are told each line while everything is captured",
    on_stderr = "take stderr's lines where it goes to stdout",
    set_input = "may be a list of strings and numbers",
    set_tail = "keeps the last bytes of each stream, and counts the others",
    set_crlf = "get lines without their CR where crlf says so",
    records = "may be records of a command",
  }
  local wrong = {
    on_stdout = { mistake("5", "must be a function", 5),
      mistake("", "argument 1 is missing") },
    set_input = { mistake("a table", "item 2 must be a string or a number", { "a", {} }),
      mistake("true", "a list of strings or a function", true),
      mistake('"b"', "argument 2 is one too many: set_input takes 1", "a", "b") },
    set_tail = { mistake("-1", "must be a number of bytes", -1),
      mistake("1.5", "must be a number of bytes", 1.5),
      mistake("nil", "must be a number of bytes", nil) },
    set_crlf = none,
  }
  wrong.on_stderr = wrong.on_stdout
  for name, sentence in pairs(driven) do
    builder[name] = { works = { "drive", sentence }, mistakes = wrong[name],
      stage = false }
  end
  builder.exec = { works = { "ending", "puts the program in the place of who runs it" } }
  for _, name in ipairs { "env", "env_list" } do
    builder[name] = { works = { "environment",
      "is told before it is given, as a table and as a list" } }
  end
end
