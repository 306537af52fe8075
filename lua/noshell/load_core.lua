--- Loads the C module, noshell.core. If it is missing or does not fit, the error
--- explains what to do.

--- Returns the Makefile's name for this Lua: "lua5.4", "luajit".
local function lua_name()
  return jit and "luajit" or "lua" .. _VERSION:match "%d+%.%d+"
end

local ADVICE = [[
noshell: %s
Build it for this Lua with 'make LUA=%s' in noshell's source tree, and install it
with 'make install LUA=%s' or set LUA_CPATH as 'make -s env LUA=%s' prints it.
%s]]

--- True for an error of luaL_checkversion: the module was loaded, but built for another
--- Lua.
local function is_refusal(message)
  return message:find "version mismatch" or message:find "incompatible numeric"
end

--- Derives the problem from the message of `require`. The message names the module's file
--- if one was found, except if the module itself refused this Lua.
local function diagnosis(message)
  local path, reason = message:match "from file '(.-)':%s*(.*)"
  if not path and is_refusal(message) then
    path = rawget(package, "searchpath")("noshell.core", package.cpath)
    reason = message
  end
  if not path then return "its C module noshell/core.so is not in package.cpath.", message end
  local is_other = is_refusal(reason) or reason:find "undefined symbol: lua"
  return ("its C module '%s' %s."):format(path,
    is_other and "was built for another Lua" or "cannot be loaded"), reason
end

local ok, core = pcall(require, "noshell.core")
if not ok then
  local name = lua_name()
  local problem, details = diagnosis(tostring(core))
  error(ADVICE:format(problem, name, name, name, details), 0)
end

---@cast core noshell.core
return core
