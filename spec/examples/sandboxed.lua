-- Sandboxes for programs that are not trusted, or that read files that are not.
local noshell = require "noshell"

local sandboxed = {}

--- Converts an uploaded image. In nginx, call it in a content handler: the worker goes on.
function sandboxed.convert(upload, directory)
  return noshell.run { "convert", upload, directory .. "/image.jpg",
    env = { HOME = directory, TMPDIR = directory }, timeout = 10,
    sandbox = { read = { "@system", upload }, write = directory, syscalls = "default" } }
end

--- Runs a build step, which may write to its tree, but not load anything.
function sandboxed.build(tree)
  return noshell.run { "make", cwd = tree, env = { HOME = tree, TMPDIR = tree },
    sandbox = { exec = { "@system", "." }, write = ".", syscalls = "default" } }
end

--- Runs a Lua script of someone else, and returns what it prints.
function sandboxed.script(path, input)
  return noshell.output { "lua5.4", path, input = input, clear_env = true, timeout = 5,
    limits = { cpu = 2, fsize = 0 }, max_output = 65536,
    sandbox = { read = { "@system", path }, syscalls = "default" } }
end

--- Parses a log, in at most 256 MiB of memory; a larger one fails with the code "memory".
function sandboxed.parse(log)
  return noshell.run { "awk", "{ count[$1]++ } END { for (ip in count) print count[ip], ip }", log,
    timeout = 60, sandbox = { read = { "@system", log }, memory = "256M", pids = 16, cpu = 1 } }
end

return sandboxed
