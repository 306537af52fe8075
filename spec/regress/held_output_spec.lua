-- A timeout that fires because a grandchild holds the pipe was reported as
-- `timed out and was ended after 0.009 s`, the time at which the program had exited. The
-- message now explains the timeout, and the result names the streams that were held.
local core = require "noshell.core"
local helper = require "spec.support.helper"
local noshell = require "noshell"

--- Runs the program, which exits while its grandchild holds those streams.
local function run_held(how, exit_code, close)
  local hold, release = helper.sys.pipe()
  local words = { helper.probe, "--say", "done", "--fork" }
  for _, fd in ipairs(close or {}) do
    words[#words + 1], words[#words + 2] = "--close", fd
  end
  for _, word in ipairs { "--block-on", hold, "--end", "--exit", exit_code } do
    words[#words + 1] = word
  end
  words.pass_fds, words.timeout, words.grace = { hold }, 0.5, 0.01
  local result, err = how(words)
  helper.sys.close(hold)
  helper.sys.close(release)
  assert.is_nil(result)
  assert.equal("timeout", err.code)
  return err, err.result
end

local function ends_with(err, text)
  assert.equal(text, helper.said(err):sub(-#text))
end

describe("a timeout of a program that has exited", function()
  helper.leak_check()

  helper.each_path(function()
    it("reports that a descendant still held its output", function()
      local err, result = run_held(noshell.run, 0)
      ends_with(err, "' exited with status 0, but a process it started still held its "
        .. "stdout and stderr after 0.5 s")
      assert.same({ "stdout", "stderr" }, result.held)
      assert.equal(0.5, math.floor(result.timed_out_after * 1000 + 0.5) / 1000)
    end)
  end)

  it("reports it also if the process is waited for later", function()
    local function later(words)
      local process = assert(noshell.run_async(words))
      core.poll(-1, "r", 0.6)
      local result, err = process:wait()
      process:close()
      return result, err
    end
    ends_with(run_held(later, 0), "' exited with status 0, but a process it started "
      .. "still held its stdout and stderr after 0.5 s")
  end)

  it("names the stream that was held", function()
    local err, result = run_held(noshell.run, 3, { 2 })
    ends_with(err, "' exited with status 3, but a process it started still held its "
      .. "stdout after 0.5 s")
    assert.same({ "stdout" }, result.held)
    err, result = run_held(noshell.run, 0, { 1 })
    ends_with(err, "still held its stderr after 0.5 s")
    assert.same({ "stderr" }, result.held)
  end)

  it("reports it for a pipeline", function()
    local function pipeline(words)
      local seconds, grace = words.timeout, words.grace
      words.timeout, words.grace = nil, nil
      return noshell.pipeline({ "true" }, words):set_timeout(seconds, grace):run()
    end
    ends_with(run_held(pipeline, 0), "' exited with status 0, but a process it started "
      .. "still held its stdout and stderr after 0.5 s")
  end)

  it("differs from one of a program that still ran", function()
    local _, err = noshell.run { helper.probe, "--pause", timeout = 0.05, grace = 0.01 }
    assert.is_nil(err.result.held)
    assert.matches("timed out and was ended after", helper.said(err))
    _, err = noshell.pipeline({ { helper.probe, "--pause" }, { "true" },
      timeout = 0.05, grace = 0.01 }):run()
    assert.is_nil(err.result.held)
    assert.matches("timed out and was ended after", helper.said(err))
  end)
end)
