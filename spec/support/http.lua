-- A client of a server on this machine that has many requests under way at
-- once, with luasocket.

local sys = require "testsys"

local http = {}

--- Seconds: for a machine that is busy with other things.
local LONG = 30

local function socket()
  return require "socket"
end

local FIRST, COUNT = 15000, 17000

--- Returns a free TCP port; below those that the kernel uses for outgoing connections, one
--- of which could connect to that port.
function http.free_port()
  local any = sys.getpid() * 131 + math.floor(sys.clock() * 1e6)
  for i = 0, COUNT - 1 do
    local port = FIRST + (any + i) % COUNT
    local listener = socket().bind("127.0.0.1", port)
    if listener then
      listener:close()
      return port
    end
  end
  error("no port is free", 0)
end

--- A connection that has sent its request; nothing is read yet.
function http.send(port, path, body)
  local connection = assert(socket().tcp())
  connection:settimeout(LONG)
  assert(connection:connect("127.0.0.1", port))
  local head = body and "POST %s HTTP/1.0\r\nContent-Length: " .. #body
    or "GET %s HTTP/1.0"
  assert(connection:send((head .. "\r\n\r\n"):format(path) .. (body or "")))
  return connection
end

--- Returns the response as { status, head, body }; status is nil if there was none.
local function response_of(text)
  local head, body = text:match("^(.-)\r\n\r\n(.*)$")
  return { status = tonumber(text:match("^HTTP/%S+ (%d+)")), head = head or "",
    body = body or "" }
end

--- One request; waits for its response, at most `seconds`.
function http.get(port, path, body, seconds)
  local connection = http.send(port, path, body)
  connection:settimeout(seconds or LONG)
  local text, err, part = connection:receive("*a")
  connection:close()
  local response = response_of(text or part or "")
  response.err = not text and err or nil
  return response
end

local function read_ready(state, connection)
  local text, err, part = connection:receive("*a")
  local index = state.index[connection]
  table.insert(state.text[index], text or part or "")
  if not text and err == "timeout" then return end
  connection:close()
  state.index[connection] = nil
  for i, open in ipairs(state.open) do
    if open == connection then
      table.remove(state.open, i)
      break
    end
  end
  state.done[index] = response_of(table.concat(state.text[index]))
end

--- So many times the same path.
function http.paths(path, count)
  local paths = {}
  for i = 1, count do paths[i] = path end
  return paths
end

--- All these requests, at most `limit` at once: their responses in order.
function http.many(port, paths, limit)
  local state = { open = {}, index = {}, text = {}, done = {} }
  local next_path = 1
  while next_path <= #paths or #state.open > 0 do
    while next_path <= #paths and #state.open < (limit or 100) do
      local connection = http.send(port, paths[next_path])
      connection:settimeout(0)
      table.insert(state.open, connection)
      state.index[connection], state.text[next_path] = next_path, {}
      next_path = next_path + 1
    end
    local ready = socket().select(state.open, nil, LONG)
    assert(ready[1], "no response for " .. LONG .. " s")
    for _, connection in ipairs(ready) do read_ready(state, connection) end
  end
  return state.done
end

return http
