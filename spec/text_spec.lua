-- Commands as text: what a shell reads back, logs, lists, secrets.
local Dice = require "spec.support.dice"
local helper = require "spec.support.helper"
local noshell = require "noshell"

local sys = helper.sys

--- Runs a command line of the probe with sh, and returns the report.
local function read_by_sh(line)
  local result = helper.run({ "/bin/sh", "-c", line })
  assert.equal(0, result.status, line .. "\n" .. result.err)
  return helper.probe_report(result.out)
end

--- Any bytes that a word may have.
local function random_word(die, longest)
  return (die:bytes(die:roll(longest + 1) - 1):gsub("%z", "\1"))
end

--- Of what shells treat specially, and little else.
local function tricky_word(die)
  local parts = { "'", '"', "\\", "$", "`", "~", "#", "=", "!", "*", "?", "[", "\n",
    "\r", "\t", " ", "-", "{", "}", "a", "A=", "\127", "\255", ";", "&", "|", "<", "(" }
  return die:text(parts, die:roll(7) - 1)
end

local function assert_reads_back(words, options)
  local cmd = noshell.command(helper.probe)
  -- So that no word is an option of the probe.
  cmd:add_arg("words")
  for _, word in ipairs(words) do cmd:add_arg(word) end
  local report = read_by_sh(cmd:to_string(options))
  assert.equal(#words + 2, tonumber(report.argc))
  for i, word in ipairs(words) do assert.equal(word, report.argv[i + 1]) end
end

describe("to_string", function()
  helper.leak_check()

  it("is read back by sh as the same words, for any bytes", function()
    local die = Dice.new(12345)
    for round = 1, 40 do
      local words = {}
      for i = 1, 25 do
        words[i] = i % 2 == 0 and tricky_word(die) or random_word(die, 12)
      end
      assert_reads_back(words, round % 2 == 0 and { linebreaks = true } or nil)
    end
  end)

  it("is read back for each byte, alone and at both ends of a word", function()
    local words = {}
    for byte = 1, 255 do
      local char = string.char(byte)
      words[#words + 1] = char
      words[#words + 1] = char .. "a"
      words[#words + 1] = "a" .. char
    end
    assert_reads_back(words)
  end)

  it("is read back with its variables, for any bytes", function()
    local die = Dice.new(54321)
    for _ = 1, 20 do
      local cmd = noshell.command(helper.probe)
      local values = {}
      for i = 1, 10 do
        values[i] = i % 2 == 0 and tricky_word(die) or random_word(die, 12)
        cmd:add_env_pair("V" .. i, values[i])
      end
      local report = read_by_sh(cmd:to_string { env_values = true })
      for i, value in ipairs(values) do assert.equal(value, report.env["V" .. i]) end
    end
  end)

  it("is read back if the program's name is unusual", function()
    helper.with_tmpdir(function(dir)
      for _, name in ipairs { "a b", "A=1", "~x", "it's", "-x", "#", "if", "do", "time",
        "\n" } do
        local path = helper.write_file(dir .. "/" .. name, "#!/bin/sh\necho here\n", "755")
        assert.equal("here\n", helper.run({ "/bin/sh", "-c",
          noshell.command(path):to_string() }).out)
        local before = os.getenv "PATH"
        sys.setenv("PATH", dir .. ":" .. before)
        local line = noshell.command(name):to_string()
        local by_sh = name == "-x" and "here\n"
          or helper.run({ "/bin/sh", "-c", line }).out
        sys.setenv("PATH", before)
        assert.equal("here\n", by_sh)
      end
    end)
  end)

  it("quotes only if necessary", function()
    assert.equal("tool a-b_c.d:e/f,g@h%i+j --size=10 '' 'a b' 'it'\\''s' 'a=b c' '~' x='*'",
      noshell.command("tool", "a-b_c.d:e/f,g@h%i+j", "--size=10", "", "a b", "it's",
        "a=b c", "~", "x=*"):to_string():gsub("a='b c'", "'a=b c'"))
  end)

  it("begins with the variables that were set, with values only on request", function()
    local cmd = noshell.command("env"):add_env_pair("A", 1)
      :add_env_pair("B", "x y"):add_env_string("C=")
    assert.equal("A=*** B=*** C=*** env", cmd:to_string())
    assert.equal("A=*** B=*** C=*** env", tostring(cmd))
    assert.equal("A=1 B='x y' C= env", cmd:to_string { env_values = true })
    assert.equal("A=*** env | A=*** env", tostring(noshell.pipeline({ "env", env = { A = 1 } },
      { "env", env = { A = 1 } })))
    assert.equal("A=1 env | true", noshell.pipeline({ "env", env = { A = 1 } }, { "true" })
      :to_string { env_values = true })
  end)

  it("breaks lines before options, but not before their values", function()
    local cmd = noshell.command("/usr/bin/tool", "-a", "1", "--long", "-b", "2", "x", "y")
      :add_env_pair("A", 1)
    assert.equal("A=*** \\\n/usr/bin/tool \\\n-a 1 \\\n--long \\\n-b 2 \\\nx \\\ny",
      cmd:to_string { linebreaks = true })
    assert.equal("A=*** tool -a 1 --long -b 2 x y", cmd:to_string { strip_path = true })
  end)

  it("is the result of tostring", function()
    local cmd = noshell.command("/bin/echo", "a b")
    assert.equal("/bin/echo 'a b'", tostring(cmd))
    assert.equal(cmd:to_string(), tostring(cmd))
    assert.equal(cmd:to_string(), cmd:to_string {})
    assert.equal(cmd:to_string(), cmd:to_string(nil))
  end)

  it("works for a command with an argument error", function()
    assert.equal("echo a", noshell.command("echo", "a"):set_umask(512):add_arg("b")
      :to_string())
    assert.equal("", noshell.command(""):to_string())
  end)

  it("raises an error for unknown options", function()
    assert.has_error(function() noshell.command("x"):to_string { breaks = true } end)
    assert.has_error(function() noshell.command("x"):to_string(true) end)
  end)
end)

describe("quote", function()
  helper.leak_check()

  it("makes words that sh reads back", function()
    local die = Dice.new(777)
    local words = {}
    for i = 1, 200 do words[i] = i % 2 == 0 and tricky_word(die) or random_word(die, 30) end
    local unpack = table.unpack or unpack
    local report = read_by_sh(helper.probe .. " words " .. noshell.quote(unpack(words)))
    for i, word in ipairs(words) do assert.equal(word, report.argv[i + 1]) end
  end)
end)

describe("write_arg_log", function()
  helper.leak_check()

  it("writes variables and words unquoted, and a newline, to a descriptor", function()
    local from, to = sys.pipe()
    assert.is_true(noshell.command("/bin/echo", "a b", "", "'"):add_env_pair("A", "x y")
      :write_arg_log(to))
    assert.equal("A=x y /bin/echo a b  '\n", sys.read(from, 100))
    sys.close(from)
    sys.close(to)
  end)

  it("writes to a file after flushing it", function()
    helper.with_tmpdir(function(dir)
      local file = assert(io.open(dir .. "/log", "w"))
      file:write "run: "
      assert.is_true(noshell.command("echo", "x"):write_arg_log(file))
      file:write "end"
      file:close()
      assert.equal("run: echo x\nend", helper.read_file(dir .. "/log"))
    end)
  end)

  it("returns nil and the error of a descriptor that cannot be written", function()
    local null = assert(sys.open "/dev/null")
    local value, err = noshell.command("echo"):write_arg_log(null)
    assert.is_nil(value)
    assert.equal("EBADF", err.errname)
    sys.close(null)
  end)

  it("writes nothing for an argument error, and returns it", function()
    local from, to = sys.pipe()
    local value, err = noshell.command("echo"):set_umask(512):write_arg_log(to)
    assert.is_nil(value)
    assert.equal("invalid set_umask", err.code .. " " .. err.method)
    sys.close(to)
    assert.equal("", sys.read(from, 1))
    sys.close(from)
  end)
end)

describe("a secret", function()
  helper.leak_check()

  local SECRET = "top secret"

  --- Asserts that the text has no part of the secret, and returns it.
  local function hidden(text)
    assert.is_nil(text:find(SECRET, 1, true), text)
    return text
  end

  it("is shown as *** in every text, and reaches the program", function()
    local secret = noshell.secret(SECRET)
    local cmd = noshell.command("printf", "%s\n", "-p", secret)
      :add_arg_pair("--key", secret):add_arg_format("k=%s;", secret)
      :add_arg(SECRET):mark_secret()
    assert.equal("printf '%s\\n' -p *** *** *** ***",
      hidden(tostring(cmd)):gsub("'%%s\n'", "'%%s\\n'"))
    local from, to = sys.pipe()
    assert(cmd:write_arg_log(to))
    sys.close(to)
    hidden(sys.read(from, 1000))
    sys.close(from)
    hidden(cmd:clone():to_string { linebreaks = true })
    assert.equal(("-p\n%s\n--key=%s\nk=%s;\n%s"):format(SECRET, SECRET, SECRET, SECRET),
      cmd:output())
    assert.same({ "%s\n", "-p", SECRET, "--key=" .. SECRET, "k=" .. SECRET .. ";",
      SECRET }, cmd:args())
  end)

  it("is in no error of any kind", function()
    local secret = noshell.secret(SECRET)
    local function words(program) return { program, secret } end
    for _, spec in ipairs {
      { words "false" }, { words "no-such-program" }, { words "true", cwd = "/none" },
      { words "true", umask = 512 }, { { helper.probe, "--pause", secret }, timeout = 0.01 },
      { words "true", arg_format = { "%d", secret } }, { words "true", cwd = secret },
      { words "true", env_pair = { "A", secret } },
      { words "true", env_format = { "A=%s", secret } },
    } do
      local all = { spec[1][1], spec[1][2], spec[1][3] }
      for key, value in pairs(spec) do if key ~= 1 then all[key] = value end end
      local value, err = noshell.run(all)
      assert.is_nil(value)
      hidden(tostring(err))
      for _, field in pairs(err) do
        if type(field) == "string" then hidden(field) end
      end
    end
  end)

  it("is shown as *** itself, and as a value of an argument error", function()
    assert.equal("***", tostring(noshell.secret(SECRET)))
    local _, err = noshell.command("true"):set_working_directory(noshell.secret(SECRET)):run()
    assert.equal("***", err.value)
  end)

  it("may be a number, or bytes for a buffer", function()
    assert.equal("42", noshell.command("printf", "%s", noshell.secret(42)):output())
    assert.equal("a\0b", noshell.command("cat")
      :set_input_buffer(noshell.secret "a\0b"):output())
  end)
end)
