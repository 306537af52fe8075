-- Runs the scripts that spec/examples has as POSIX shell script and as Lua script, each in
-- its own directory with the same content, and compares them.
local helper = require "spec.support.helper"
local lfs = require "lfs"

local scripts = {}

--- Names that scripts stumble over.
scripts.NAMES = { "plain", "two words", "new\nline", "it's \"quoted\"", "-rf", "$HOME", "*",
  "ends with blank ", "\195\164\195\182", "back\\slash" }

--- The shell for the scripts: one that implements little more than POSIX.
scripts.shell = helper.which "dash" ~= nil and "dash" or "sh"

local interpreters = { sh = scripts.shell, lua = helper.lua.name }

--- options: args, cwd, before (words to run it under), env.
function scripts.run(language, name, options)
  local words = {}
  for i, word in ipairs(options.before or {}) do words[i] = word end
  words[#words + 1] = interpreters[language]
  words[#words + 1] = ("%s/spec/examples/%s.%s"):format(helper.root, name, language)
  for _, arg in ipairs(options.args or {}) do words[#words + 1] = arg end
  return helper.run(words, { cwd = options.cwd, env = options.env })
end

--- Ends a Lua script with TERM while it runs, by a program that is found first in PATH, and
--- asserts that it leaves the directory unchanged.
function scripts.end_early(name, program, options)
  helper.with_tmpdir(function(dir)
    options.prepare(dir)
    helper.write_file(dir .. "/bin/" .. program, "#!/bin/sh\necho x\nkill -TERM $PPID\n", "755")
    local before = scripts.tree(dir)
    local done = scripts.run("lua", name, { cwd = dir, args = options.args(dir),
      env = { PATH = dir .. "/bin:" .. os.getenv "PATH" } })
    assert(done.status == 143, ("%s: %s%s"):format(done.status, done.out, done.err))
    options.same(before, scripts.tree(dir))
  end)
end

--- Returns the content of a file as text for a report.
local function content(path)
  local data = helper.read_file(path)
  if not data:find "[^ -~%s]" then return data end
  return ("%d bytes, %s"):format(#data, helper.adler32(data))
end

local function add_entries(tree, top, path)
  local full = top .. path
  local what = lfs.symlinkattributes(full)
  if what.mode == "directory" then
    tree[path .. "/"] = what.permissions
    for name in lfs.dir(full) do
      if name ~= "." and name ~= ".." then add_entries(tree, top, path .. "/" .. name) end
    end
  elseif what.mode == "link" then
    tree[path] = "link to " .. lfs.symlinkattributes(full, "target")
  elseif what.mode ~= "file" then
    tree[path] = what.mode
  else
    tree[path] = what.permissions .. " " .. content(full)
  end
end

--- Returns the tree below a directory: path → permissions and content, or link target.
function scripts.tree(top)
  local tree = {}
  add_entries(tree, top, "")
  return tree
end

--- Sets the same time for everything below a directory.
function scripts.age(top)
  local aged = helper.run { "find", top, "-exec", "touch", "-h", "-d", "@1000000000", "{}", "+" }
  assert(aged.status == 0, aged.err)
end

local function of(dir, result)
  local function without_dir(text)
    local from, to = text:find(dir, 1, true)
    while from do
      text = text:sub(1, from - 1) .. "DIR" .. text:sub(to + 1)
      from, to = text:find(dir, 1, true)
    end
    return text
  end
  return { status = result.status, out = without_dir(result.out), err = without_dir(result.err) }
end

--- Runs both, after prepare(dir), with args(dir). Returns the effects of the Lua script:
--- status, out, err and tree. Fails if the shell script had other effects; of stderr, only
--- whether it is empty must agree.
function scripts.compare(name, options)
  local seen = {}
  for _, language in ipairs { "sh", "lua" } do
    helper.with_tmpdir(function(dir)
      if options.prepare then options.prepare(dir) end
      local result = of(dir, scripts.run(language, name, { cwd = dir, env = options.env,
        args = options.args and options.args(dir), before = options.before }))
      result.tree = scripts.tree(options.top and dir .. "/" .. options.top or dir)
      if options.look then options.look(dir, result) end
      seen[language] = result
    end)
  end
  local assert = require "luassert"
  assert.equal(seen.sh.out, seen.lua.out, seen.sh.err .. seen.lua.err)
  assert.equal(seen.sh.status, seen.lua.status, seen.sh.err .. seen.lua.err)
  assert.same(seen.sh.tree, seen.lua.tree)
  assert.equal(seen.sh.err ~= "", seen.lua.err ~= "", seen.sh.err .. seen.lua.err)
  return seen.lua, seen.sh
end

--- Words that run others with files of at most so many KiB: past it, as on a full
--- disk, writing fails.
function scripts.with_files_up_to(kib)
  return { "sh", "-c", ('ulimit -f %d; exec "$@"'):format(kib * 2), "sh" }
end

--- A directory in which only these programs are, for PATH.
function scripts.only(dir, programs)
  for _, name in ipairs(programs) do
    local path = helper.which(name)
    local link = dir .. "/" .. name
    if not lfs.symlinkattributes(link) then assert(lfs.link(path, link, true)) end
  end
  return dir
end

--- Bytes that no compressor makes smaller.
function scripts.noise(count)
  local file = assert(io.open("/dev/urandom", "rb"))
  local data = file:read(count)
  file:close()
  return data
end

return scripts
