-- make doc: the reference as HTML. LuaLS annotations are written as ldoc has them,
-- and ldoc makes DIRECTORY/index.html of them.
--
--	lua5.4 spec/support/doc.lua DIRECTORY
package.path = "./?.lua;" .. package.path
local noshell = require "noshell"
local pages = require "spec.support.doc.pages"
local write = require "spec.support.doc.write"

local directory = ...

local function must(value, err)
  if value then return value end
  io.stderr:write("doc: ", tostring(err), "\n")
  os.exit(1)
end

local function write_file(path, text)
  local file = must(io.open(path, "w"))
  file:write(text)
  file:close()
end

--- Our modules, including those that only declare types: name → path.
local function sources()
  local found = {}
  for path in must(noshell.output("find", "lua", "-name", "*.lua")):gmatch "[^\n]+" do
    local module = path:match "^lua/(.*)%.lua$":gsub("/init$", ""):gsub("/", ".")
    found[module] = path
  end
  found["noshell.setters.d"] = (os.getenv "NOSHELL_BUILD" or "build") .. "/types/setters.d.lua"
  return found
end

local CONFIG = [[
project = "noshell"
title = "noshell"
description = "Running programs from Lua without a shell: start with the module noshell."
dir = "."
file = "source"
style = "!pale"
not_luadoc = true
no_lua_ref = true
]]

local source = directory .. "/source"
must(noshell.run("rm", "-rf", "--", directory))
must(noshell.run("mkdir", "-p", "--", source))
local all = pages.make(sources())
for name, page in pairs(all) do
  write_file(("%s/%s.lua"):format(source, name), write.page(page, all))
end
write_file(directory .. "/config.ld", CONFIG)
local made = must(noshell.run { "ldoc", "-q", "-c", "config.ld", ".", cwd = directory })
-- ldoc reports annotations that it does not understand there, and continues.
io.stderr:write((made.stderr:gsub("reading configuration from [^\n]*\n", "")))
print(directory .. "/index.html")
