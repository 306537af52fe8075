--- Machines that are reached by ssh: needs sshd and a POSIX sh there.
---
--- A connection is one process of ssh that is both ControlMaster and control session: its
--- remote command is a loop that ends groups of processes on request and writes what the
--- scripts of the runs have to say. Each run is a client of that master. When the loop's
--- stdin ends, because the connection or this process is lost, it ends all runs: sshd
--- itself ends nothing on a disconnect.

local connection = require "noshell.machine.ssh_connection"
local session = require "noshell.machine.session"

---@class noshell.engine
local ssh = { name = "ssh", keys = {} }

ssh.options = { [1] = "string", user = "string", port = "port", identity = "string",
  config = "string", options = "table", connect_timeout = "seconds", alive = "seconds",
  sessions = "count", connections = "count", program = "string" }

function ssh.find_error(options)
  if not options[1] then return 'a host is needed: noshell.machine.ssh { "web1" }' end
  for key, value in pairs(options.options or {}) do
    local kind = type(value)
    if type(key) ~= "string" or not key:find("^%a+$") then
      return "options: the names are those of ssh_config(5), such as ProxyJump"
    elseif kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      return ("options.%s: must be a string, a number, true or false"):format(key)
    end
  end
end

function ssh.title(options)
  local name = options[1]
  if options.user then name = options.user .. "@" .. name end
  if options.port then name = ("%s:%d"):format(name, options.port) end
  return name
end

--- Makes a connection.
ssh.connect = connection.new

ssh.start, ssh.check = session.start, session.check

function ssh.close(m)
  session.close(m)
  if m.janitor then
    m.janitor.stdin:_close()
    m.janitor:detach()
  end
  m.janitor, m.directory = nil, nil
end

return ssh
