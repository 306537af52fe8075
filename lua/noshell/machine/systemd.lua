--- Machines that run each command in a transient unit of systemd: systemd-run --pipe --wait.
---
--- The unit's main process is the sh of the script; when it ends, systemd ends all other
--- processes of the unit. systemd does not report the exact end: a service that dies of TERM
--- counts as a success, and exit status 255 may also be a signal.

local control = require "noshell.machine.control"
local control_script = require "noshell.machine.control_script"
local failure = require "noshell.failure"
local script = require "noshell.machine.script"
local session = require "noshell.machine.session"
local unit = require "noshell.machine.systemd_unit"

---@class noshell.session_engine
local systemd = { name = "systemd", keys = unit.KEYS }

systemd.instead = { sandbox = "set properties of the machine, such as ProtectSystem" }

systemd.options = { machine = "string", user = "boolean", properties = "table",
  connect_timeout = "seconds", program = "words" }

function systemd.find_error(options)
  if options.machine and options.machine:sub(1, 1) == "-" then
    return ("machine = %s: not the name of a machine"):format(failure.shown(options.machine))
  end
  return unit.find_error(options.properties or {})
end

function systemd.title(options)
  return options.machine or options.user and "systemd --user" or "systemd"
end

-- Connections -----------------------------------------------------------------------------

---@class noshell.systemd_connection : noshell.control
local methods = {}

--- Linux limits an argument of execve(2) to 128 KiB.
function methods:longest() -- luacheck: ignore self
  return 131000
end

--- Returns a script as a word that systemd does not change: it replaces variables in words. The
--- word stands between backquotes.
function methods:encode(text) -- luacheck: ignore self
  return (script.word(text):gsub('["$`]', function(char)
    return ("\\0%03o"):format(char:byte())
  end))
end

--- Returns the words that run a script in a unit.
---@param text string
---@param one? noshell.run
---@param cmd? noshell.command
function methods:session(text, one, cmd)
  local o = self.machine.options
  local words = control.program(self.machine, "systemd-run")
  control.add(words, "--quiet", "--collect", "--pipe", "--wait",
    "--unit=" .. unit.name(one and one.nonce or self.nonce, one and not cmd))
  if o.user then control.add(words, "--user") end
  if o.machine then control.add(words, "--machine=" .. o.machine) end
  for _, property in ipairs(cmd and unit.properties(cmd, o.properties or {}, self)
    or unit.identity(self.key, o.properties or {})) do
    control.add(words, "--property=" .. property)
  end
  control.add(words, "--", "/bin/sh", "-c", 'eval "`printf %b ' .. self:encode(text) .. '`"')
  return words
end

--- Returns the SPEC of the control session.
function methods:open()
  return self:session(control_script.control(self.nonce))
end

function methods:explain_status(code) -- luacheck: ignore self
  return unit.explain(code)
end

systemd.connect = control.class(methods)

--- Returns the identity of a command. A connection serves commands of one identity, because
--- their scripts share its directory.
systemd.key = unit.key

systemd.find_conflict = unit.find_conflict

function systemd.body(cmd)
  local text, name, wrong, why = script.body(cmd, nil, true)
  if not text then return nil, name, wrong, why end
  return unit.checks(cmd) .. text
end

systemd.start, systemd.check, systemd.close = session.start, session.check, session.close

return systemd
