-- The ignored signals were read from a buffer that thousands of groups fill. If it ended
-- within their line, half of the number was taken for all of it, and the program ignored
-- the signals that the host ignores.
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

--- The size of what is read of the status file.
local READ = 8191

local HOST = [[
local helper = require "spec.support.helper"
local noshell = require "noshell"
helper.sys.signal("HUP", "ignore")
local status = helper.read_file "/proc/thread-self/status"
local from, to = status:find("\nSigIgn:%s*%x+")
print(from, to, noshell.output { "grep", "SigIgn", "/proc/self/status" })
]]

--- Runs the host with that number of groups: where its line starts and ends, and the
--- signals that its program ignores.
local function run_host(count)
  local groups = {}
  for i = 1, count do groups[i] = 1 end
  local text = assert(noshell.output { helper.lua.name, "-e", HOST, groups = groups })
  local from, to, ignored = text:match("^(%d+)%s+(%d+)%s+SigIgn:%s*(%x+)")
  return tonumber(from), tonumber(to), ignored
end

describe("a host in so many groups that its status is cut off", function()
  helper.leak_check()

  it("has its ignored signals reset nevertheless", function()
    helper.require_or_pending("caps", sys.getuid() == 0, "root")
    local _, to = run_host(0)
    -- A group is two characters.
    local count, is_cut = math.floor((READ - to) / 2), false
    for more = 0, 8 do
      local first, last, ignored = run_host(count + more)
      is_cut = is_cut or first < READ and last > READ
      assert.equal(("0"):rep(16), ignored)
    end
    assert.is_true(is_cut)
  end)
end)
