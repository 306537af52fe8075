--- Machines that are containers: podman exec or docker exec. The container needs a POSIX sh
--- with mkfifo, and setsid if its runtime makes no session for a command (crun).
---
--- When the clients of both engines are killed, the program keeps running. They replace bytes
--- of arguments that are not UTF-8, and return 125, 126 and 127 for their own errors. So the
--- scripts inside pass arguments, report the end and end the program.

local control = require "noshell.machine.control"
local control_script = require "noshell.machine.control_script"
local failure = require "noshell.failure"
local session = require "noshell.machine.session"

---@class noshell.session_engine
local container = { name = "container", keys = {} }

container.instead = { uid = "set user of the machine", gid = "set user of the machine",
  groups = "set user of the machine" }

container.options = { [1] = "string", engine = "string", user = "string", workdir = "string",
  program = "words", connect_timeout = "seconds" }

local ENGINES = { podman = true, docker = true }

function container.find_error(options)
  local name = options[1]
  if not name then return 'a container is needed: noshell.machine.container { "name" }' end
  -- The rule of both engines for names; so a name is never read as an option.
  if not name:find "^%w[%w_.-]*$" then
    return ("%s: not the name or id of a container"):format(failure.shown(name))
  elseif options.engine and not ENGINES[options.engine] then
    return ('engine = %s: "podman" or "docker" is needed'):format(
      failure.shown(options.engine))
  elseif options.workdir and options.workdir:sub(1, 1) ~= "/" then
    return ("workdir = %s: an absolute path is needed"):format(failure.shown(options.workdir))
  end
end

function container.title(options)
  return options.user and options.user .. "@" .. options[1] or options[1]
end

-- Connections -----------------------------------------------------------------------------

---@class noshell.container_connection : noshell.control
local methods = {}

--- Linux limits an argument of execve(2) to 128 KiB.
function methods:longest() -- luacheck: ignore self
  return 131000
end

--- Returns the words that run a script in the container.
function methods:session(text)
  local o = self.machine.options
  local words = control.program(self.machine, o.engine or "podman")
  control.add(words, "exec", "-i")
  if o.user then control.add(words, "--user", o.user) end
  control.add(words, o[1])
  if self.directory and not self.has_group then control.add(words, "setsid") end
  control.add_script(words, "sh", text)
  return words
end

--- Returns the SPEC of the control session.
function methods:open()
  return self:session(control_script.control(self.nonce))
end

--- Explains why no hello came.
---@param said? string
---@return string?
function methods:explain(said)
  -- docker writes some errors to stdout.
  if not said and self.noise ~= "" then said = failure.excerpt(self.noise) end
  if not said then return nil end
  said = said:gsub("^Error: ", "")
  if said:find("sh", 1, true) and said:find("not found", 1, true) then
    return "a POSIX sh is needed in the container: " .. said
  elseif said:find("only create exec sessions on running", 1, true) then
    return "it is not running: " .. said
  end
  return said
end

function methods:last_words(one)
  local said = control.last_words(self, one)
  return said and (said:gsub("^Error: ", ""))
end

container.connect = control.class(methods)

container.start, container.check, container.close = session.start, session.check,
  session.close

return container
