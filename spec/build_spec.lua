-- The Makefile as packagers use it: what is installed works, and nothing else is
-- touched.
local driver = require "spec.support.driver"
local helper = require "spec.support.helper"
local lfs = require "lfs"

local VERSION = helper.read_file(helper.root .. "/c/noshell.h")
  :match '\n#define NOSHELL_VERSION "([^"]+)"\n'

local function run(words, env, cwd)
  local all = { MAKEFLAGS = "", MAKELEVEL = "", LC_ALL = "C" }
  for name, value in pairs(env or {}) do all[name] = value end
  return helper.run(words, { cwd = cwd or helper.root, env = all })
end

local function must(words, env, cwd)
  local result = run(words, env, cwd)
  assert.equal(0, result.status, result.out .. result.err)
  return result.out
end

local function first_line(text) return text:match "[^\n]*" end

describe("the version", function()
  it("is that of the C header", function()
    assert.matches("^%d+%.%d+%.%d+", VERSION)
    assert.equal(VERSION, require("noshell")._VERSION)
  end)
end)

describe('require "noshell"', function()
  local function require_with(cpath)
    return helper.run_lua(helper.lua, [[
      local ok, err = pcall(require, "noshell")
      io.write(ok and "loaded" or err)]], { LUA_CPATH = cpath }).out
  end

  local function assert_advice(said)
    assert.truthy(said:find("make LUA=" .. helper.lua.name .. "'", 1, true), said)
    assert.truthy(said:find("make -s env LUA=" .. helper.lua.name .. "'", 1, true), said)
  end

  it("explains what to do if the C module is missing", function()
    local said = require_with "/none/?.so"
    assert.equal("noshell: its C module noshell/core.so is not in package.cpath.",
      first_line(said))
    assert_advice(said)
    assert.truthy(said:find("/none/noshell/core.so", 1, true), said)
  end)

  -- 5.1 and LuaJIT fit each other.
  local fits = { ["5.1"] = "jit", jit = "5.1" }
  for _, other in ipairs(helper.luas) do
    if other ~= helper.lua and other.version ~= fits[helper.lua.version] then
      it("explains what to do if it was built for " .. other.name, function()
        local directory = helper.build .. "/" .. other.version
        local said = require_with(directory .. "/?.so")
        assert.equal(("noshell: its C module '%s/noshell/core.so' was built for "
          .. "another Lua."):format(directory), first_line(said))
        assert_advice(said)
      end)
    end
  end

  it("reports other reasons why the module cannot be loaded", function()
    helper.with_tmpdir(function(dir)
      lfs.mkdir(dir .. "/noshell")
      helper.write_file(dir .. "/noshell/core.so", ("no ELF file "):rep(20))
      local said = require_with(dir .. "/?.so")
      assert.equal(("noshell: its C module '%s/noshell/core.so' cannot be loaded.")
        :format(dir), first_line(said))
      assert.matches("invalid ELF header$", said)
    end)
  end)
end)

-- The rest is the same for every Lua.
if not driver.is_wanted then return end

local function files_below(directory)
  local list = {}
  for path in must({ "find", directory, "-type", "f" }):gmatch "[^\n]+" do
    list[#list + 1] = path:sub(#directory + 2)
  end
  table.sort(list)
  return list
end

--- An installed tree, made once: the directory below it is the prefix.
local root

local function make(...)
  local words = { "make", "-s", "LUA=" .. helper.lua.name, "BUILD=" .. root .. "/build",
    "CFLAGS=-O1", ... }
  return must(words)
end

describe("make install", function()
  setup(function()
    root = helper.tmpdir()
    make("install", "prefix=" .. root .. "/usr", "STRIP=no")
  end)
  teardown(function() helper.remove_tree(root) end)

  local function shell(text, ...)
    return must({ "sh", "-ec", text, "sh", ... },
      { PKG_CONFIG_PATH = root .. "/usr/lib/pkgconfig" })
  end

  it("installs a pkg-config file with the version", function()
    assert.equal(VERSION .. "\n", shell "pkg-config --modversion noshell")
  end)

  it("lets a C program link libnoshell.a", function()
    local out = shell([[
      cc -std=c11 -Wall -Wextra -Werror -o "$2/host" "$1/spec/examples/host.c" \
        $(pkg-config --cflags --libs noshell)
      "$2/host"]], helper.root, root)
    assert.equal("a\nb\n", out)
  end)

  it("lets a program that embeds Lua link libnoshell-lua", function()
    local name = helper.lua.name
    helper.require_or_pending("pkg-config", run({ "pkg-config", "--exists", name })
      .status == 0, "pkg-config of " .. name)
    helper.write_file(root .. "/script.lua",
      'io.write(require("noshell").output { "echo", "linked in" }, "\\n")\n')
    local abi = helper.lua.version == "jit" and "5.1" or helper.lua.version
    local out = shell([[
      cc -Wall -Wextra -Werror -o "$2/embed" "$1/spec/examples/embed.c" "-lnoshell-$3" \
        $(pkg-config --cflags --libs noshell "$3")
      LUA_CPATH=/none LUA_PATH="$2/usr/share/lua/$4/?.lua;$2/usr/share/lua/$4/?/init.lua" \
        "$2/embed" "$2/script.lua"]], helper.root, root, name, abi)
    assert.equal("linked in\n", out)
  end)

  it("installs a header that C++ compiles, too", function()
    helper.require_or_pending("c++", helper.which "g++" ~= nil, "g++")
    helper.write_file(root .. "/host.cc", [[
#include <noshell.h>
int main()
{
	struct nsh_command *cmd = nsh_command_new_args("true", (char *)0);
	int ret = nsh_command_run(cmd, nullptr, nullptr);

	nsh_command_free(cmd);
	return ret == 0 ? 0 : 1;
}
]])
    shell([[g++ -Wall -Wextra -pedantic -Werror -o "$1/host++" "$1/host.cc" \
      $(pkg-config --cflags --libs noshell) && "$1/host++"]], root)
  end)

  it("keeps the symbols with STRIP=no, and strips them otherwise", function()
    local module = ("/lib/lua/%s/noshell/core.so"):format(
      helper.lua.version == "jit" and "5.1" or helper.lua.version)
    assert.matches("%.symtab", must { "readelf", "-S", root .. "/usr" .. module })
    make("install-modules", "prefix=" .. root .. "/stripped")
    local sections = must { "readelf", "-S", root .. "/stripped" .. module }
    assert.is_nil(sections:find "%.symtab")
    assert.matches("%.dynsym", sections)
  end)

  it("honours the directories' variables and DESTDIR", function()
    make("install", "DESTDIR=" .. root .. "/package", "PREFIX=/opt", "libdir=/opt/lib64",
      "includedir=/opt/include/noshell", "LUADIR=/opt/lua", "LIBDIR=/opt/modules")
    local files = files_below(root .. "/package")
    local found = {}
    for _, path in ipairs(files) do
      local directory = path:match "^opt/lib64/.*%.a$" or path:match "^opt/include/noshell/"
        or path:match "^opt/lua/noshell/" or path:match "^opt/modules/noshell/core%.so$"
        or path:match "^opt/lib64/pkgconfig/"
      assert.truthy(directory, path)
      found[path] = true
    end
    assert.is_true(found["opt/include/noshell/noshell.h"])
    assert.is_true(found["opt/lua/noshell/init.lua"])
    assert.is_true(found["opt/modules/noshell/core.so"])
    local text = helper.read_file(root .. "/package/opt/lib64/pkgconfig/noshell.pc")
    assert.truthy(text:find("\nincludedir=/opt/include/noshell\n", 1, true), text)
    assert.is_nil(text:find(root, 1, true))
  end)

  it("is undone by make uninstall, except for other files", function()
    local words = { "DESTDIR=" .. root .. "/gone", "prefix=/usr" }
    make("install", words[1], words[2])
    local directory = root .. "/gone/usr/share/lua/"
      .. (helper.lua.version == "jit" and "5.1" or helper.lua.version) .. "/noshell"
    helper.write_file(directory .. "/host/mine.lua", "")
    make("uninstall", words[1], words[2])
    local files = files_below(root .. "/gone")
    assert.equal(1, #files)
    assert.matches("noshell/host/mine%.lua$", files[1])
  end)
end)

describe("make", function()
  --- The commands with which it would build all in a new directory.
  local function commands(...)
    local words, out = { "make", "-n", "V=1", "LUA=" .. helper.lua.name, "all", ... }, nil
    helper.with_tmpdir(function(dir)
      words[#words + 1] = "BUILD=" .. dir .. "/new"
      out = must(words)
    end)
    return out
  end

  it("passes CC, CPPFLAGS, CFLAGS and LDFLAGS on", function()
    local out = commands("CC=/opt/cc", "CPPFLAGS=-DPACKAGED", "CFLAGS=-O3",
      "LDFLAGS=-Wl,--as-needed")
    local count = 0
    for line in out:gmatch "/opt/cc [^\n]*" do
      count = count + 1
      local is_link = line:find(" -shared ", 1, true) or line:find(" -static ", 1, true)
      assert.truthy(line:find(" -O3 ", 1, true), line)
      assert.truthy(line:find(is_link and "-Wl,--as-needed" or "-DPACKAGED", 1, true), line)
    end
    assert.is_true(count > 50)
  end)

  it("makes warnings errors only with WERROR", function()
    assert.is_nil(commands():find("-Werror", 1, true))
    assert.truthy(commands("WERROR=1"):find("-Werror", 1, true))
  end)

  it("compiles the child's side without libc checks, whatever the flags", function()
    local out = commands("CPPFLAGS=-D_FORTIFY_SOURCE=2",
      "CFLAGS=-O2 -fstack-protector-strong -flto")
    local count = 0
    for line in out:gmatch "[^\n]+" do
      if line:find("/child[_a-z]*%.c$") or line:find("/supervise[_a-z]*%.c$")
        or line:find("/launcher/start%.c$") then
        count = count + 1
        assert.matches("%-fstack%-protector%-strong .*%-fno%-stack%-protector", line)
        assert.matches("%-D_FORTIFY_SOURCE=2 .*%-U_FORTIFY_SOURCE", line)
      end
    end
    assert.is_true(count >= 4)
  end)

  it("links the launcher without optimization, its entry outside the plan", function()
    for _, compiler in ipairs { "gcc", "clang" } do
      helper.with_tmpdir(function(dir)
        if run({ "which", compiler }).status ~= 0 then return end
        local launcher = dir .. "/new/launcher/launcher"
        must { "make", "-s", "CC=" .. compiler, "CFLAGS=-O0", "BUILD=" .. dir .. "/new",
          launcher }
        -- The lower half of e_entry; the plan's segment is at 0x20000000.
        local a, b, c, d = helper.read_file(launcher):byte(25, 28)
        assert.is_true(a + 256 * (b + 256 * (c + 256 * d)) < 0x20000000)
      end)
    end
  end)

  it("cleans the directory in BUILD, but only one that it made", function()
    helper.with_tmpdir(function(dir)
      local build = dir .. "/out"
      must { "make", "-s", "BUILD=" .. build, build .. "/flags" }
      must { "make", "-s", "BUILD=" .. build, "clean" }
      assert.is_nil(lfs.attributes(build))
      assert.truthy(lfs.attributes(helper.build))
      local result = run { "make", "-s", "BUILD=" .. dir, "clean" }
      assert.truthy(result.status ~= 0)
      assert.matches("is not a build directory of noshell", result.err)
      assert.truthy(lfs.attributes(dir))
    end)
  end)

  it("explains its targets in make help", function()
    local help = must { "make", "-s", "help" }
    local makefile = helper.read_file(helper.root .. "/Makefile")
    local targets = makefile:gsub("\\\n%s*", ""):match "%.PHONY:([^\n]*)"
    for target in targets:gmatch "[%l-]+" do
      local is_internal = target == "all" or target == "layers" or target == "child-check"
        or target == "fixtures" or target == "help"
      assert.truthy(is_internal or help:find("make " .. target, 1, true)
        or help:find("make -s " .. target, 1, true), target)
    end
  end)
end)

describe("set-up", function()
  --- Runs it with an apt-get that leaves a mark, for a Lua 5.9 that does not exist.
  local function set_up(env, wrap)
    local result, has_installed
    helper.with_tmpdir(function(dir)
      must { "chmod", "777", dir }
      helper.write_file(dir .. "/apt-get", '#!/bin/sh\necho "$@" >>"$0.called"\n', "755")
      for name, value in pairs { LUA = "lua5.9", PATH = dir .. ":/usr/bin:/bin" } do
        env[name] = value
      end
      local words = wrap or {}
      for _, word in ipairs { "/bin/sh", "spec/support/setup.sh", "build" } do
        words[#words + 1] = word
      end
      result = run(words, env)
      has_installed = lfs.attributes(dir .. "/apt-get.called") ~= nil
    end)
    return result, has_installed
  end

  local function assert_listed(result)
    assert.equal(1, result.status)
    assert.truthy(result.out:find("the headers of lua5.9 (Debian: liblua5.9-dev)", 1,
      true), result.out .. result.err)
  end

  it("installs missing packages as root", function()
    helper.require_or_pending("root", helper.sys.getuid() == 0, "root")
    local result, has_installed = set_up {}
    assert_listed(result)
    assert.is_true(has_installed)
  end)

  it("installs nothing with NOSHELL_SETUP=no, and lists what is missing", function()
    local result, has_installed = set_up { NOSHELL_SETUP = "no" }
    assert_listed(result)
    assert.is_false(has_installed)
  end)

  it("installs nothing without root and sudo, and lists what is missing", function()
    helper.require_or_pending("root", helper.sys.getuid() == 0
      and helper.which "setpriv" ~= nil and helper.which "sudo" == nil,
      "root, setpriv, and no sudo")
    local result, has_installed = set_up({}, { "setpriv", "--reuid=65534",
      "--clear-groups" })
    assert_listed(result)
    assert.is_false(has_installed)
  end)
end)
