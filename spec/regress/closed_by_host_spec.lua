-- A host that closes all descriptors gets their numbers for its own files. A process that
-- was collected after that closed those files.
local forked = require "spec.support.forked"
local helper = require "spec.support.helper"
local lfs = require "lfs"
local noshell = require "noshell"

local sys = helper.sys

local function open_numbers()
  local numbers = {}
  for name in lfs.dir "/proc/self/fd" do
    if tonumber(name) then numbers[tonumber(name)] = true end
  end
  return numbers
end

--- Starts a process, closes what it has opened, opens files, and collects it. Returns the
--- number of files, and how many of them are left.
local function survive(spec, use)
  if rawget(_G, "jit") then rawget(_G, "jit").off() end
  local before, process = open_numbers(), assert(noshell.run_async(spec))
  if use then use(process) end
  for number in pairs(open_numbers()) do
    if not before[number] then sys.close(number) end
  end
  local files, left = {}, 0
  for i = 1, 20 do files[i] = sys.open("/etc/passwd", "r") end
  process = nil -- luacheck: ignore 311
  -- Code that LuaJIT has compiled may keep the process.
  if rawget(_G, "jit") then rawget(_G, "jit").flush() end
  collectgarbage()
  collectgarbage()
  assert(noshell.run "true")
  for _, fd in ipairs(files) do
    if sys.read(fd, 1) then left = left + 1 end
    sys.close(fd)
  end
  return #files, left
end

describe("files of a host that has closed all descriptors", function()
  local ways = {
    ["of a program that runs"] = { { "sleep", "0.1" } },
    ["of streams"] = { { "cat", stdin = "pipe", stdout = "pipe", stderr = "pipe" } },
    ["of streams that were used"] = { { "cat", stdin = "pipe", stdout = "pipe" },
      function(process)
        assert(process.stdin:write "x\n")
        assert.equal("x", process.stdout:read())
      end },
    ["of streams of a program that has ended"] = { { "echo", "x", stdout = "pipe" },
      function(process) assert(process:wait()) end },
  }
  for name, way in pairs(ways) do
    it("are not closed with the descriptors " .. name, function()
      local got = forked(function()
        local count, left = survive(way[1], way[2])
        return { count = count, left = left }
      end)
      assert.equal(got.count, got.left)
      assert.equal(20, got.count)
    end)
  end
end)
