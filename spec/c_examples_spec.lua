-- The examples in C, compiled as a reader would and run with programs of the
-- names that they run.
local helper = require "spec.support.helper"
local driver = require "spec.support.driver"

if not driver.is_wanted then return end

local function shell(text)
  local file = io.popen(text .. " 2>/dev/null")
  local said = file:read("*a"):gsub("%s+$", "")
  file:close()
  return said
end

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do list[#list + 1] = word end
  return list
end

--- Compiles spec/examples/<name>.c into dir.
local function compile(dir, name)
  local line = { "cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
    "-I" .. helper.root .. "/c", "-o", dir .. "/" .. name,
    ("%s/spec/examples/%s.c"):format(helper.root, name), helper.build .. "/libnoshell.a" }
  if os.getenv("NOSHELL_INSTRUMENTED") == "asan" then
    line[#line + 1] = "-fsanitize=address,undefined"
  end
  local libraries = ""
  for _, package in ipairs { "libcap-ng", "libselinux", "libseccomp" } do
    libraries = libraries .. " " .. shell("pkg-config --libs " .. package)
  end
  for _, word in ipairs(words(libraries .. " -lpthread")) do
    line[#line + 1] = word
  end
  local result = helper.run(line)
  assert.equal(0, result.status, result.err)
  return dir .. "/" .. name
end

local function with_program(name, text, fn)
  helper.with_tmpdir(function(dir)
    helper.write_file(dir .. "/" .. name, "#!/bin/sh\n" .. text, "755")
    fn(dir)
  end)
end

describe("the examples in C", function()
  helper.leak_check()

  it("set the wake-up alarm, as system did", function()
    with_program("rtcwake", 'echo "$*" >"$0.said"; exit "${FAIL:-0}"', function(dir)
      local program = compile(dir, "suspend")
      local env = { PATH = dir .. ":/usr/bin:/bin" }
      assert.equal(0, helper.run({ program, "3600" }, { env = env }).status)
      assert.equal("-m no -s 3600\n", helper.read_file(dir .. "/rtcwake.said"))
      env.FAIL = "3"
      local result = helper.run({ program, "3600" }, { env = env })
      assert.equal(1, result.status)
      assert.truthy(result.err:find("^no wake%-up alarm: exit"), result.err)
      result = helper.run({ program, "3600" }, { env = { PATH = "/none" } })
      assert.equal("no wake-up alarm: spawn find_program rtcwake ENOENT\n", result.err)
    end)
  end)

  it("read iscsiadm line by line, as popen did", function()
    local text = 'test "$*" = "--mode iface" || exit 7\n' ..
      "echo default tcp,empty,empty,empty,empty\n" ..
      "echo eth1 tcp,00:11,10.0.0.1,eth1,iqn.2001-04.com.example\n"
    with_program("iscsiadm", text, function(dir)
      local program = compile(dir, "iscsi")
      local env = { PATH = dir .. ":/usr/bin:/bin" }
      local result = helper.run({ program, "iqn.2001-04.com.example" }, { env = env })
      assert.equal("eth1\n", result.out, result.err)
      assert.equal("none\n", helper.run({ program, "iqn.other" }, { env = env }).out)
      helper.write_file(dir .. "/iscsiadm", "#!/bin/sh\nexit 21\n", "755")
      result = helper.run({ program, "x" }, { env = env })
      assert.equal(1, result.status)
      assert.truthy(result.err:find("^cannot ask iscsiadm: exit"), result.err)
    end)
  end)
end)
