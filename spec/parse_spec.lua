local helper = require "spec.support.helper"
local noshell = require "noshell"
local outputs = require "spec.support.outputs"
local parse = require "noshell.parse"

describe("lines", function()
  helper.leak_check()

  it("are without their ends, the last one with or without one", function()
    assert.same({}, parse.lines "")
    assert.same({ "" }, parse.lines "\n")
    assert.same({ "a", "", "b" }, parse.lines "a\n\nb\n")
    assert.same({ "a", "", "b" }, parse.lines "a\n\nb")
    assert.same({ "a\0b", " c\r" }, parse.lines "a\0b\n c\r\n")
  end)

  it("may end with CR LF, and only there", function()
    assert.same({ "a", "", "b\rc", "d\r" },
      parse.lines("a\r\n\r\nb\rc\nd\r", { crlf = true }))
  end)
end)

describe("words", function()
  helper.leak_check()

  it("are separated by blanks", function()
    assert.same({}, parse.words " \n\t")
    assert.same({ "a", "'b", "c'" }, parse.words " a\t'b\n c'\n")
  end)

  it("are read back from noshell.quote", function()
    local words = { "a", "b c", "", "it's", "$x", "\n", "*", "\\", '"', "a=b", "ä" }
    local text = noshell.quote((table.unpack or unpack)(words))
    assert.same(words, parse.words(text, { quoted = true }))
  end)

  it("are read as sh reads quotes and backslashes", function()
    for _, text in ipairs { [[a\ b 'c d'"e  f" "" '']], [["\$ \` \" \\ \x41 \n"]],
      [[a"b"'c'\d]], [['\' "'" '"']], "a\\\nb \"c\\\nd\"", "a\tb\nc" } do
      local script = "for word in " .. text:gsub("\n(%l)$", " %1")
        .. "; do printf '%s\\0' \"$word\"; done"
      local said = assert(noshell.run("sh", "-c", script)):nul()
      assert.same(said, parse.words(text, { quoted = true }))
    end
  end)

  it("are an error if a quote is not closed", function()
    for _, text in ipairs { "a 'b", 'a "b', [["\"]], "'" } do
      local words, err = parse.words(text, { quoted = true })
      assert.is_nil(words)
      assert.equal("noshell: cannot parse words: unterminated quote", helper.said(err))
    end
  end)
end)

describe("nul", function()
  helper.leak_check()

  it("splits the output of find -print0", function()
    assert.same({ ".", "./a", "./b c", "./d\ne", "./sub", "./sub/it's", "./tab\tname" },
      parse.nul(outputs.read "find-print0"))
  end)

  it("returns rows of n records, such as stat's and git's", function()
    assert.same({ { "0", "a" }, { "0", "b c" }, { "0", "d\ne" }, { "60", "sub" },
      { "0", "tab\tname" } }, parse.nul(outputs.read "stat-printf", 2))
    local log = assert(parse.nul(outputs.read "git-log-z", 4))
    assert.equal(3, #log)
    assert.equal("Zoë O'Neil", log[1][2])
    assert.equal('Grüße = "quoted"\n', log[2][4])
    assert.equal("First\n\nA body\n with lines\n", log[3][4])
  end)

  it("keeps empty records, and an unterminated last one", function()
    assert.same({}, parse.nul "")
    assert.same({ "" }, parse.nul "\0")
    assert.same({ "", "a", "", "b" }, parse.nul "\0a\0\0b")
  end)

  it("is an error if records are left over", function()
    local rows, err = parse.nul("a\0b\0c\0", 2)
    assert.is_nil(rows)
    assert.equal("parse", err.code)
    assert.equal("noshell: cannot parse nul: 3 records cannot be divided into rows of 2",
      helper.said(err))
  end)
end)

describe("match", function()
  helper.leak_check()

  it("returns the captures of the lines that match", function()
    local rows = parse.match(outputs.read "stat-format", "^(.-) (%d+) ([-%a]+) (%S+)")
    assert.same({ { "a", "0", "-rw-r--r--", "2024-02-29" },
      { "b c", "0", "-rw-r--r--", "2024-02-29" } }, { rows[1], rows[2] })
    assert.same({ { "b" }, { "c" } }, parse.match("a1\nb\nc\n", "^%a$"))
    assert.same({}, parse.match("", "x"))
  end)

  it("makes records by names", function()
    assert.same({ { name = "a", value = "1" }, { name = "b", value = "" } },
      parse.match("a=1\n# no\nb=\n", "^(%w+)=(.*)$", { names = { "name", "value" } }))
    local _, err = parse.match("a\nb=1\n", "^(%w+)=(.*)$", { names = { "name" } })
    assert.equal("noshell: cannot parse match: line 2 'b=1': 2 captures, but 1 names",
      helper.said(err))
  end)

  it("removes a prefix, and requires all of several patterns to match", function()
    local text = "tcp: [1] 10.0.0.1:3260,1 iqn.a\ntcp: [x] b\n[2] 10.0.0.2:3260,1 iqn.b\n"
    assert.same({ { "1", "10.0.0.1" }, { "2", "10.0.0.2" } },
      parse.match(text, { "^%[(%d+)%]", "([%d.]+):%d+" }, { prefix = "tcp: " }))
  end)

  it("reports a pattern that Lua rejects or gives up on", function()
    local rows, err = parse.match("a\n", "(a")
    assert.is_nil(rows)
    assert.equal("parse", err.code)
    assert.truthy(helper.said(err):find(
      "^noshell: cannot parse match: line 1 'a': unfinished capture"), helper.said(err))
    rows, err = parse.match("a\n", ("(a?)"):rep(40))
    assert.is_nil(rows)
    assert.equal("parse", err.code)
    assert.truthy(helper.said(err):find("too many captures", 1, true), helper.said(err))
  end)
end)

describe("json", function()
  helper.leak_check()

  local modules = { "cjson", "dkjson" }

  --- Calls fn while only these modules can be required.
  local function with_modules(names, fn)
    local loaded, preload = {}, {}
    for _, name in ipairs(modules) do
      loaded[name], preload[name] = package.loaded[name], package.preload[name]
      if not names[name] then
        package.loaded[name] = nil
        package.preload[name] = function() error "not here" end
      end
    end
    local ok, err = pcall(fn)
    for _, name in ipairs(modules) do
      package.loaded[name], package.preload[name] = loaded[name], preload[name]
    end
    if not ok then error(err, 0) end
  end

  local function expect_refused(text)
    local value, err = parse.json(text)
    assert.is_nil(value)
    assert.equal("parse", err.code)
    assert.truthy(helper.said(err):find "^noshell: cannot parse json: [^\n]+$")
  end

  for _, name in ipairs(modules) do
    describe("through " .. name, function()
      local function it_with(sentence, fn)
        it(sentence, function()
          helper.require_or_pending("json", (pcall(require, name)), name)
          with_modules({ [name] = true }, fn)
        end)
      end

      it_with("reads what ip and lsblk print", function()
        local addr = assert(parse.json(outputs.read "ip-j-addr"))
        assert.equal("lo", addr[1].ifname)
        assert.equal("127.0.0.1/8", addr[1].addr_info[1]["local"] .. "/"
          .. addr[1].addr_info[1].prefixlen)
        local devices = assert(parse.json(outputs.read "lsblk-J")).blockdevices
        assert.equal(3, #devices)
        assert.equal("/run/mnt a", devices[1].mountpoints[1])
        assert.equal(274877906944, devices[3].size)
      end)

      it_with("leaves null out, or puts in its place what it is told", function()
        assert.same({ a = {}, b = { nil, 2 } }, parse.json '{"a":[null],"b":[null,2]}')
        assert.same({ a = { false }, c = false },
          parse.json('{"a":[null],"c":null}', { null = false }))
        assert.is_nil(parse.json "null")
      end)

      it_with("gives integers where Lua has them", function()
        assert.equal("1 -7", table.concat(parse.json "[1, -7]", " "))
        assert.equal(1.5, parse.json "1.5")
        assert.equal("9007199254740991", ("%d"):format(parse.json "9007199254740991"))
      end)

      it_with("takes names and texts as they are", function()
        assert.same({ [""] = 'ä "\n', columns = true },
          parse.json [[{"": "\u00e4 \"\n", "columns": true}]])
        assert.is_nil(getmetatable(parse.json "{}"))
      end)

      it_with("refuses what is not JSON, and never raises", function()
        for _, text in ipairs { "", " ", "[1,", "[1] x", "{a:1}", "nan", "Infinity",
          '"', '"\\', "\0", "\255", ("["):rep(100000), ('{"a":'):rep(2000) } do
          expect_refused(text)
        end
      end)

      it_with("goes down a thousand levels", function()
        local text = ("["):rep(1000) .. '"[[["' .. ("]"):rep(1000)
        assert.truthy(parse.json(text))
        expect_refused("[" .. text .. "]")
      end)
    end)
  end

  it("reports that no module is installed", function()
    with_modules({}, function()
      local value, err = parse.json "1"
      assert.is_nil(value)
      assert.equal("noshell: cannot parse json: neither lua-cjson nor dkjson is installed",
        helper.said(err))
    end)
  end)
end)

describe("the parsers' arguments", function()
  it("raise an error for a text that is no string, with the caller's line", function()
    for name, parser in pairs(parse) do
      for _, value in ipairs { 1, {}, true } do
        local ok, err = pcall(function()
          local answer = parser(value)
          return answer
        end)
        assert.is_false(ok)
        assert.truthy(err:find("^%S*parse_spec.lua:%d+: noshell%.parse%." .. name
          .. ": argument 1: "),
          err)
      end
    end
  end)

  it("raise an error for other wrong arguments", function()
    assert.has_error(function() parse.nul("", 0) end)
    assert.has_error(function() parse.nul("", 1.5) end)
    assert.has_error(function() parse.match("") end)
    assert.has_error(function() parse.match("", {}) end)
    assert.has_error(function() parse.lines("", { crlf = 1 }) end)
    assert.has_error(function() parse.json("1", { nul = 1 }) end)
    assert.has_error(function() parse.key_value("", "=") end)
    assert.has_error(function() parse.words("", { quote = true }) end)
  end)
end)

describe("a result", function()
  helper.leak_check()

  local function printed(text, spec)
    spec = spec or { "cat" }
    spec.input = text
    return assert(noshell.run(spec))
  end

  it("parses its stdout by methods", function()
    assert.same({ "a", "b" }, printed("a\r\nb\r\n"):lines { crlf = true })
    assert.same({ "a", "b c" }, printed("a 'b c'"):words { quoted = true })
    assert.same({ { A = "1", B = "2 3" }, columns = { "A", "B" } },
      printed("A  B\n1  2 3\n"):columns())
    assert.same({ A = "x y" }, printed('A="x y"\n'):key_value())
    assert.same({ { A = "x y" }, columns = { "A" } }, printed('A="x y"\n'):pairs())
    assert.same({ { "a", "b" } }, printed("a\0b\0"):nul(2))
    assert.same({ { n = "1" } }, printed("a1\n"):match("(%d)", { names = { "n" } }))
    assert.same({ 1 }, printed("[1]"):json())
  end)

  it("reports errors of the text, and raises an error for a wrong argument", function()
    local record, err = printed("a\n"):key_value()
    assert.is_nil(record)
    assert.equal("noshell: cannot parse key_value: line 1 'a': missing '='",
      helper.said(err))
    assert.has_error(function() printed("a"):columns { nonsense = true } end)
  end)

  it("of a pipeline parses the output of the last command", function()
    local result = assert(noshell.pipeline({ "printf", "b\na\n" }, { "sort" }):run())
    assert.same({ "a", "b" }, result:lines())
  end)

  it("has no fields for its methods", function()
    local result = printed "x"
    for name, value in pairs(result) do
      assert.not_equal("function", type(value), name)
    end
    assert.is_nil(result.signal)
    assert.truthy(tostring(result):find "^exited with status 0 after ")
  end)

  it("is an error if stdout was not captured completely", function()
    local function expect(result, name, reason, ...)
      local value, err = result[name](result, ...)
      assert.is_nil(value)
      assert.equal("parse", err.code)
      assert.equal(("noshell: cannot parse %s: %s"):format(name, reason), helper.said(err))
    end
    local silent = assert(noshell.run { "true", stdout = "null" })
    for _, name in ipairs { "lines", "words", "columns", "key_value", "pairs", "nul",
      "json" } do
      expect(silent, name, "stdout was not captured")
    end
    expect(silent, "match", "stdout was not captured", "x")
    local tail = printed(("line\n"):rep(100), { "cat", tail = 50 })
    expect(tail, "lines", "stdout is incomplete: its first 450 bytes were not kept")
    local r, w = helper.sys.pipe()
    local _, err = noshell.run { helper.probe, "--say", "a", "--spawn-grandchild", r,
      pass_fds = { r }, timeout = 0.1, grace = 0.1 }
    helper.sys.close(r)
    helper.sys.close(w)
    local partial = err and err.result
    assert.is_true(partial.output_incomplete)
    expect(partial, "lines",
      "stdout is incomplete: a pipe was still open when reading stopped")
  end)
end)
