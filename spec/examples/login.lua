-- Runs a command on a device that knows only passwords. ssh asks for it on a terminal;
-- the output of the command goes elsewhere.
--
--	DEVICE_PASSWORD=... login.lua HOST COMMAND
local noshell = require "noshell"

local host, command = arg[1], arg[2]
local password = assert(os.getenv "DEVICE_PASSWORD", "DEVICE_PASSWORD is not set")

local ssh = assert(noshell.run_async {
  "ssh", "-o", "NumberOfPasswordPrompts=1", host, command,
  pty = { echo = false }, stdin = "null", stdout = "capture", stderr = "capture", timeout = 60,
})
if ssh.pty:read_until "password: " then ssh.pty:write(password, "\n") end
local result, err = ssh:wait()
if not result then
  io.stderr:write("login: ", tostring(err), "\n")
  os.exit(1)
end
io.write(result.stdout)
