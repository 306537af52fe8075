-- Names and values; what programs wrote is in fixtures/outputs.
local helper = require "spec.support.helper"
local noshell = require "noshell"
local outputs = require "spec.support.outputs"
local parse = require "noshell.parse"

local function output(name, options)
  return assert(parse.key_value(outputs.read(name), options))
end

describe("key_value", function()
  helper.leak_check()

  it("reads os-release as sh does", function()
    local release = output "os-release"
    assert.equal("Debian GNU/Linux 12 (bookworm)", release.PRETTY_NAME)
    assert.equal("12", release.VERSION_ID)
    assert.equal("debian", release.ID)
    local said = noshell.output("sh", "-c",
      '. "$0"; printf %s "$NAME|$VERSION|$BUG_REPORT_URL"',
      helper.root .. "/spec/fixtures/outputs/os-release")
    assert.equal(said, ("%s|%s|%s"):format(release.NAME, release.VERSION,
      release.BUG_REPORT_URL))
  end)

  it("reads escapes in quotes, comments and blank lines as sh does", function()
    assert.same({ A = [[say "$x" `y` \ \n]], B = [[it\]], C = "", D = "a'b", E = "x" },
      parse.key_value(table.concat({ "# a comment = none", "",
        [[A="say \"\$x\" \`y\` \\ \n"]], [[B='it\']], "C=", [[D="a'b"]],
        "  # another", " E = x ", "" }, "\n")))
  end)

  it("reads what systemctl show prints, with = and quotes in values", function()
    local target = output "systemctl-show-target"
    assert.equal("default.target", target.Id)
    assert.equal("man:systemd.special(7)", target.Documentation)
    assert.equal("Mon 2026-11-23 20:43:48 UTC", target.StateChangeTimestamp)
    local service = output "systemctl-show-service"
    assert.equal('A=1 "B=two words" C=x=y', service.Environment)
    assert.equal('Copies "everything" = all of it, to  /media', service.Description)
    assert.equal("", service.Documentation)
  end)

  it("keeps the last value of a name, or all of them", function()
    assert.truthy(output("systemctl-show-service").ExecStart:find "^{ path=/bin/echo ;")
    local all = output("systemctl-show-socket", { all = true })
    assert.same({ "/run/user/0/echo.sock (Stream)", "127.0.0.1:7777 (Stream)" }, all.Listen)
    assert.same({ "echo.socket" }, all.Id)
  end)

  it("makes a record of each unit that systemctl shows", function()
    local units = output("systemctl-show-units", { records = true })
    assert.same({ "basic.target", "dbus.socket", "backup.service" },
      { units[1].Id, units[2].Id, units[3].Id })
    assert.equal(3, #units)
    assert.same({}, parse.key_value("\n\n", { records = true }))
  end)

  it("reads other separators: lscpu, /proc/self/status", function()
    local cpu = output("lscpu", { separator = ":" })
    assert.equal("1", cpu["Thread(s) per core"])
    assert.equal("x86_64", cpu.Architecture)
    local status = output("proc-self-status", { separator = ":" })
    assert.equal("cat", status.Name)
    assert.equal("0\t0\t0\t0", status.Uid)
  end)

  it("keeps values unchanged with quotes = false", function()
    assert.same({ A = ' "x" ', B = "'", C = "a=b " },
      parse.key_value('A= "x" \nB=\'\nC=a=b \n', { quotes = false }))
  end)

  it("accepts lines that end with CR LF", function()
    assert.same({ A = "x" }, parse.key_value('A="x"\r\n'))
    assert.same({ A = "x" }, parse.key_value("A=x\r\n", { quotes = false, crlf = true }))
  end)

  it("reports a line that does not fit", function()
    for text, expected in pairs {
      ["A=1\n\nB\n"] = "line 3 'B': missing '='",
      ["A=1\n=2"] = "line 2 '=2': missing name",
      ['A="x\ny"'] = "line 1 'A=\"x': unterminated quote",
      ["A='"] = "line 1 'A='': unterminated quote",
    } do
      local record, err = parse.key_value(text)
      assert.is_nil(record)
      assert.equal("parse", err.code)
      assert.equal("noshell: cannot parse key_value: " .. expected, helper.said(err))
    end
  end)

  it("shortens a long line in the message, and escapes control characters", function()
    local _, err = parse.key_value("\27[2J" .. ("x"):rep(1000))
    assert.truthy(#helper.said(err) < 300)
    assert.truthy(helper.said(err):find("\\x1b[2J", 1, true))
    assert.equal(1, err.line)
    assert.equal(1004, #err.subject)
  end)
end)

describe("pairs", function()
  helper.leak_check()

  it("reads lsblk -P and findmnt -P, with their escapes", function()
    local devices = assert(parse.pairs(outputs.read "lsblk-P"))
    assert.equal(3, #devices)
    assert.same({ NAME = "loop0", ["MAJ:MIN"] = "7:0", SIZE = "8M", FSTYPE = "",
      LABEL = "", MOUNTPOINT = "/run/mnt a" }, devices[1])
    assert.same({ "NAME", "MAJ:MIN", "SIZE", "FSTYPE", "LABEL", "MOUNTPOINT" },
      devices.columns)
    local mounts = assert(parse.pairs(outputs.read "findmnt-P"))
    assert.same({ TARGET = "/media/q", SOURCE = 'say "hi" $5 \\ `x`', FSTYPE = "tmpfs",
      OPTIONS = "rw,relatime" }, mounts[#mounts])
  end)

  it("reads words without quotes, and skips blank lines", function()
    assert.same({ { A = "1", B = "x y" }, { C = "" }, columns = { "A", "B", "C" } },
      parse.pairs "A=1 B='x y'\n\n  C=\n")
  end)

  it("reports a line that does not fit", function()
    for text, expected in pairs {
      ['A="1"\nB'] = [[line 2 'B': expected NAME="value"]],
      ['A="1" ="2"'] = [[line 1 'A="1" ="2"': expected NAME="value"]],
      ['A="1'] = [[line 1 'A="1': unterminated quote]],
    } do
      local rows, err = parse.pairs(text)
      assert.is_nil(rows)
      assert.equal("noshell: cannot parse pairs: " .. expected, helper.said(err))
    end
  end)
end)
