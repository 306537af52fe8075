-- Real servers: nginx with its Lua module, started in a new directory on a free port of
-- 127.0.0.1.

local helper = require "spec.support.helper"
local http = require "spec.support.http"
local lfs = require "lfs"
local processes = require "spec.support.server"
local sys = helper.sys

local nginx = { eventually = processes.eventually, inventory = processes.inventory,
  paths = http.paths, is_gone = processes.is_gone }

-- The installed nginx ---------------------------------------------------------

local function find(names, directories)
  for _, directory in ipairs(directories) do
    for _, name in ipairs(names) do
      local path = directory .. "/" .. name
      if lfs.attributes(path, "mode") == "file" then return path end
    end
  end
end

local program = find({ "nginx", "openresty" }, { "/usr/sbin", "/usr/bin",
  "/usr/local/sbin", "/usr/local/bin", "/usr/local/openresty/bin" })
local module_directories = { "/usr/lib/nginx/modules",
  "/usr/lib64/nginx/modules", "/usr/share/nginx/modules" }
local modules = { find({ "ndk_http_module.so" }, module_directories),
  find({ "ngx_http_lua_module.so" }, module_directories) }

local function is_installed()
  return program ~= nil and (modules[2] ~= nil or program:match("openresty$"))
    and pcall(require, "socket")
end

-- The configuration -----------------------------------------------------------

local function current_user()
  return sys.getuid() == 0 and "user root;" or ""
end

local function load_modules()
  local lines = {}
  for i, path in ipairs(modules) do lines[i] = "load_module " .. path .. ";" end
  return table.concat(lines, "\n")
end

local TEMPLATE = [[
$modules
$user
daemon off;
worker_processes $workers;
pid $dir/nginx.pid;
error_log $dir/error.log $level;
env NOSHELL_BUILD;
$main
events { worker_connections $connections; }
http {
  access_log off;
  client_body_temp_path $dir/body;
  proxy_temp_path $dir/proxy;
  fastcgi_temp_path $dir/fastcgi;
  uwsgi_temp_path $dir/uwsgi;
  scgi_temp_path $dir/scgi;
  lua_package_path "$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;$dir/?.lua;;";
  lua_package_cpath "$build/jit/?.so;;";
  $http
  server {
    listen 127.0.0.1:$port backlog=4096;
    location = /static { return 200 "static"; }
    location = /ready { return 200 "$dir"; }
    $server
    $locations
  }
}
]]

--- The beginning of the Lua code of a location.
local PRELUDE = ("local noshell, probe, tiny = require 'noshell', '%s', '%s'")
  :format(helper.probe, helper.tiny)

local function locations_of(list)
  local texts = {}
  for path, code in pairs(list or {}) do
    texts[#texts + 1] = ("location = %s { content_by_lua_block {\n%s\n%s\n} }")
      :format(path, PRELUDE, code)
  end
  return table.concat(texts, "\n")
end

local function configuration(dir, port, options)
  local values = { modules = load_modules(), user = options.user or current_user(),
    workers = options.workers or 1, dir = dir, main = options.main or "",
    connections = options.connections or 4096, root = helper.root,
    build = helper.build, http = options.http or "", port = port,
    server = options.server or "", level = options.level or "notice",
    locations = locations_of(options.locations) }
  -- Twice: what was put in may name $dir and $port; $var stays as it is.
  return (TEMPLATE:gsub("%$(%l+)", values):gsub("%$(%l+)", values))
end

-- A server --------------------------------------------------------------------

local server = {}
server.__index = server

function server:get(path, body, seconds)
  return http.get(self.port, path, body, seconds)
end

--- The body of a response that must be 200.
function server:body(path, body)
  local response = self:get(path, body)
  assert(response.status == 200, ("%s: %s %s\n%s"):format(path,
    response.status, response.body, self:log():sub(-3000)))
  return response.body
end

function server:many(paths, limit)
  return http.many(self.port, paths, limit)
end

function server:send(path)
  return http.send(self.port, path)
end

function server:log()
  return helper.read_file(self.dir .. "/error.log")
end

--- Sends a signal to the master process: "HUP" reloads.
function server:signal(name)
  assert(sys.kill(self.process.pid, name))
end

--- The pids of what a process of it has started.
function server:children(pid) -- luacheck: ignore self
  return processes.children(pid)
end

--- The pids of its `count` workers.
function server:workers(count)
  return nginx.eventually(function()
    local pids = processes.children(self.process.pid)
    return #pids == (count or 1) and pids
  end)
end

local ALARMING = { error = true, crit = true, alert = true, emerg = true }

--- Lines of error.log that an administrator would be alarmed by; not that a
--- program died of a signal, which nginx reports of every child.
function server:alarms()
  local found = {}
  for line in self:log():gmatch("[^\n]+") do
    if ALARMING[line:match("%[(%l+)%]")]
      and not line:match("unknown process %d+ exited on signal") then
      found[#found + 1] = line
    end
  end
  return found
end

local function start(dir, options)
  local port = http.free_port()
  local conf = helper.write_file(dir .. "/nginx.conf",
    configuration(dir, port, options))
  helper.write_file(dir .. "/error.log", "")
  local words = { program, "-p", dir, "-c", conf, "-e", dir .. "/error.log" }
  for i, word in ipairs(options.wrap or {}) do table.insert(words, i, word) end
  return setmetatable({ dir = dir, port = port,
    process = processes.start(words, dir .. "/output") }, server)
end

--- Waits until a worker answers: then the master has finished its start, during which a
--- TERM may be lost. The answer identifies this server, in case another one has the port.
local function answers(self)
  local ok, response = pcall(http.get, self.port, "/ready", nil, 5)
  return ok and response.body == self.dir
end

local function await_start(self)
  return processes.eventually(function()
    return answers(self) or (processes.is_over(self.process) and "over")
  end) == true
end

--- Another's port is no reason to fail.
local ATTEMPTS = 5

local function start_somewhere(dir, options)
  for name, text in pairs(options.files or {}) do
    helper.write_file(dir .. "/" .. name, text)
  end
  for attempt = 1, ATTEMPTS do
    local self = start(dir, options)
    if await_start(self) then return self end
    local why = processes.stop(self.process) or "it ended"
    local said = helper.read_file(dir .. "/output") .. self:log()
    if attempt == ATTEMPTS or not said:find("Address already in use", 1, true) then
      error(("nginx did not start: %s\n%s"):format(why, said), 0)
    end
  end
end

--- The error with what the server knows about it; a pending stays what it is.
local function explained(err, text)
  if type(err) == "string" then return err .. text end
  local kind = getmetatable(err)
  if type(err) == "table" and type(err.message) == "string"
    and not (kind and kind.__type == "pending") then
    err.message = err.message .. text
  end
  return err
end

local function finish(self, ok, err, options)
  local tasks = not ok and processes.tasks(self.process.pid)
  local why = processes.stop(self.process)
  local alarms = not options.alarms and self:alarms() or {}
  if not ok then
    err = explained(err, ("\nerror.log:\n%s\n%s"):format(self:log():sub(-3000), tasks))
  elseif why then
    ok, err = false, ("nginx: %s\nerror.log:\n%s"):format(why, self:log():sub(-3000))
  elseif alarms[1] then
    ok, err = false, "error.log: " .. table.concat(alarms, "\n", 1, math.min(#alarms, 5))
  end
  if not ok then error(err, 0) end
  if self.at_end then self.at_end() end
end

--- Calls fn(server) with a server that runs, and server.at_end(), if it sets
--- that, when it has ended. options: locations (path → Lua of
--- its content phase), server, http and main (text of the configuration), files
--- (name → text; Lua modules among them are found), workers, connections, wrap
--- (words before nginx), alarms (true: it may log errors).
function nginx.with(options, fn)
  helper.require_or_pending("nginx", is_installed(),
    "nginx, its Lua module and luasocket")
  helper.with_tmpdir(function(dir)
    if options.user then sys.chmod(dir, tonumber("755", 8)) end
    local self = start_somewhere(dir, options)
    local ok, err = pcall(fn, self)
    finish(self, ok, err, options)
  end)
end

--- A describe that runs once: nginx's Lua is LuaJIT, for any Lua of the client.
function nginx.describe(name, body)
  local busted = require "busted"
  busted.describe(name, function()
    if helper.lua.version ~= "jit" then
      busted.pending("runs once, with LuaJIT")
      return
    end
    helper.leak_check()
    body()
  end)
end

return nginx
