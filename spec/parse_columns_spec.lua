-- Tables as programs print them; what they wrote is in fixtures/outputs.
local helper = require "spec.support.helper"
local outputs = require "spec.support.outputs"
local parse = require "noshell.parse"

--- The columns, and the rows as lists of cells in their order.
local function parsed(text, options)
  local rows = assert(parse.columns(text, options))
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = {}
    for j, name in ipairs(rows.columns) do list[i][j] = row[name] end
  end
  return rows.columns, list, rows
end

local function output(name, options)
  return parsed(outputs.read(name), options)
end

local function text_of(...)
  return table.concat({ ... }, "\n") .. "\n"
end

describe("columns of real programs", function()
  helper.leak_check()

  it("read df, with blanks in names and numbers to the right", function()
    local columns, rows = output "df-P"
    assert.same({ "Filesystem", "1024-blocks", "Used", "Available", "Capacity",
      "Mounted on" }, columns)
    assert.equal(9, #rows)
    assert.same({ "/dev/vda", "264212084", "19039136", "81298052", "19%", "/" }, rows[1])
    assert.same({ "a rather long name for a file system", "12582912", "0",
      "12582912", "0%", "/media/My Disk" }, rows[7])
    assert.same({ "t", "1048576", "0", "1048576", "0%", "/media/a" }, rows[8])
    columns, rows = output "df-hT"
    assert.equal("Mounted on", columns[7])
    assert.same({ "t", "tmpfs", "1.0G", "0", "1.0G", "0%", "/media/a" }, rows[8])
  end)

  it("read df if no name reaches below the header's second word", function()
    local columns, rows = parsed(text_of(
      "Filesystem     1024-blocks  Used Available Capacity Mounted on",
      "/dev/vda                10     5         5      50% /",
      "tmpfs                    7     0         7       0% /run"))
    assert.equal("Mounted on", columns[6])
    assert.same({ "tmpfs", "7", "0", "7", "0%", "/run" }, rows[2])
  end)

  it("read ps with arguments at the end", function()
    local columns, rows = output "ps-eo"
    assert.same({ "PID", "PPID", "USER", "STAT", "ELAPSED", "%CPU", "COMMAND" }, columns)
    assert.same({ "38", "1", "root", "S", "00:00", "0.0",
      "worker: a  title with  blanks 300" }, rows[4])
    columns, rows = output "ps-aux"
    assert.equal(11, #columns)
    assert.same({ "nobody", "39", "0.0", "0.0", "2500", "1524", "?", "S", "20:43",
      "0:00", "sleep 500" }, rows[5])
  end)

  it("read ps with arguments, and dates, between other columns", function()
    local columns, rows = output "ps-args-middle"
    assert.same({ "PID", "COMMAND", "USER" }, columns)
    assert.same({ "38", "worker: a  title wit", "root" }, rows[4])
    columns, rows = output "ps-lstart"
    assert.same({ "PID", "STARTED", "USER", "NI", "COMMAND" }, columns)
    assert.same({ "40", "Mon Nov 23 20:43:47 2026", "ro+", "5", "perl" }, rows[6])
  end)

  it("read dates beside process ids that are as wide as their heading", function()
    local _, rows = parsed(text_of(
      "PID                  STARTED CMD",
      "123 Mon Nov 23 20:43:45 2026 bash",
      "456 Tue Nov  3 20:43:46 2026 sleep"))
    assert.same({ "456", "Tue Nov  3 20:43:46 2026", "sleep" }, rows[2])
  end)

  it("read lsblk, with columns that are empty in every row", function()
    local columns, rows = output "lsblk"
    assert.same({ "NAME", "MAJ:MIN", "RM", "SIZE", "RO", "TYPE", "MOUNTPOINTS" }, columns)
    assert.same({
      { "loop0", "7:0", "0", "8M", "0", "loop", "/run/mnt a" },
      { "zram0", "253:0", "0", "0B", "0", "disk", "" },
      { "vda", "254:0", "0", "256G", "0", "disk", "/" },
    }, rows)
    columns, rows = output "lsblk-label"
    assert.same({ "NAME", "FSTYPE", "LABEL", "SIZE", "MOUNTPOINT" }, columns)
    assert.same({
      { "loop0", "", "", "8M", "/run/mnt a" },
      { "zram0", "", "", "0B", "" },
      { "vda", "", "", "256G", "/" },
    }, rows)
  end)

  it("read ss, whose headings have two words or touch", function()
    local expected = { "State", "Recv-Q", "Send-Q", "Local Address:Port",
      "Peer Address:Port", "Process" }
    for _, name in ipairs { "ss-tln", "ss-tan" } do
      local columns, rows = output(name)
      assert.same(expected, columns)
      assert.same({ "LISTEN", "0", "128", "127.0.0.1:8080", "0.0.0.0:*", "" }, rows[1])
    end
    local columns, rows = output "ss-tlnp"
    assert.same(expected, columns)
    assert.same({ "LISTEN", "0", "128", "[2001:db8:1234:5678:9abc:def0:1234:5678]:5432",
      "[::]:*", 'users:(("python3",pid=29,fd=6))' }, rows[3])
  end)

  it("read netstat below its title, with headings from the caller", function()
    local columns, rows = output("netstat-tln", { skip = 1,
      headings = { "Local Address", "Foreign Address" } })
    assert.same({ "Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address",
      "State" }, columns)
    assert.same({ "tcp6", "0", "0", ":::443", ":::*", "LISTEN" }, rows[4])
  end)

  it("read findmnt, and its raw form by words", function()
    local columns, rows = output "findmnt"
    assert.same({ "TARGET", "SOURCE", "FSTYPE", "OPTIONS" }, columns)
    assert.same({ "| `-/proc", "proc", "proc", "rw,nosuid,nodev,noexec,relatime" }, rows[4])
    assert.same({ "`-/media/q", 'say "hi" $5 \\ `x`', "tmpfs", "rw,relatime" },
      { rows[25][1]:match "%S+$", rows[25][2], rows[25][3], rows[25][4] })
    columns, rows = output("findmnt-rn", { header = false, aligned = false,
      names = { "target", "source", "type" } })
    assert.same({ "target", "source", "type" }, columns)
    assert.same({ "/proc", "proc", "proc" }, rows[2])
  end)

  it("read free, whose first column has no heading", function()
    local columns, rows, records = output "free"
    assert.same({ "", "total", "used", "free", "shared", "buff/cache", "available" },
      columns)
    assert.same({ "Swap:", "0", "0", "0", "", "", "" }, rows[2])
    assert.equal("24684084", records[1].total)
  end)

  it("read systemctl up to the legend, which is the rest", function()
    local columns, rows, records = output "systemctl-list-units"
    assert.same({ "", "UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION" }, columns)
    assert.same({ "", "dev-vda.device", "loaded", "activating", "tentative",
      "/dev/vda" }, rows[1])
    assert.same({ "*", "broken.service", "loaded", "failed", "failed",
      "Always fails" }, rows[9])
    assert.equal(24, #rows)
    assert.equal('Copies "everything" = all of it, to  /media', rows[8][6])
    assert.truthy(records.rest:find "^LOAD   = Reflects")
    columns, rows = output "systemctl-list-unit-files"
    assert.same({ "UNIT FILE", "STATE", "PRESET" }, columns)
    assert.same({ "dirmngr.socket", "enabled", "enabled" }, rows[2])
    columns, rows, records = output "systemctl-list-timers"
    assert.truthy(columns[1])
    assert.same({}, rows)
    assert.equal("0 timers listed.", records.rest)
  end)

  it("read lsmem and lsns, with headings to the right", function()
    local columns, rows, records = output "lsmem"
    assert.same({ "RANGE", "SIZE", "STATE", "REMOVABLE", "BLOCK" }, columns)
    assert.same({ "0x0000000100000000-0x000000063fffffff", "21G", "online", "yes",
      "32-199" }, rows[2])
    assert.truthy(records.rest:find "^Memory block size:")
    columns, rows = output "lsns"
    assert.same({ "NS", "TYPE", "NPROCS", "PID", "USER", "COMMAND" }, columns)
    assert.same({ "4026532180", "cgroup", "9", "1", "root", "bash /tmp/take.sh" }, rows[7])
  end)

  it("read kubectl, with empty cells everywhere", function()
    local columns, rows = output "kubectl-contexts"
    assert.same({ "CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE" }, columns)
    assert.same({
      { "*", "dev", "dev", "admin", "" },
      { "", "prod", "production-eu-west", "admin", "payments" },
      { "", "staging-with-a-long-name", "dev", "", "" },
    }, rows)
  end)

  it("read getent by its separator", function()
    local columns, rows = output("getent-passwd", { separator = ":", header = false,
      names = { "name", "password", "uid", "gid", "gecos", "home", "shell" } })
    assert.equal("uid", columns[3])
    assert.equal(24, #rows)
    assert.same({ "_apt", "x", "42", "65534", "", "/nonexistent", "/usr/sbin/nologin" },
      rows[17])
  end)

  it("read tables without a header, and those that tabs divide, by words", function()
    assert.same({ "Filename", "Type", "Size", "Used", "Priority" },
      (output("proc-swaps", { aligned = false })))
    local _, rows = output("ps-no-header", { header = false, names = { "pid", "args" } })
    assert.same({ "38", "worker: a  title with  blanks 300" }, rows[4])
    _, rows = output("dpkg-l", { skip = 5, header = false,
      names = { "state", "name", "version", "architecture", "text" } })
    assert.same({ "ii", "systemd", "252.38-1~deb12u1", "amd64",
      "system and service manager" }, rows[3])
  end)
end)

describe("columns of hard tables", function()
  helper.leak_check()

  it("accept the caller's headings", function()
    local text = text_of("Build Time Owner", "12    9    a b")
    assert.same({ "Build", "Time", "Owner" }, (parsed(text)))
    local columns, rows = parsed(text, { headings = { "Build Time" } })
    assert.same({ "Build Time", "Owner" }, columns)
    assert.same({ { "12    9", "a b" } }, rows)
  end)

  it("follow a row that a wide cell has pushed to the right", function()
    local _, rows = parsed(text_of(
      "USER      PID STAT COMMAND",
      "root        1 Ss   init",
      "longer-than-it 4242 R    sh -c a  b",
      "daemon  12345678 Sl   x y",
      "nobody     77 S    z"))
    assert.same({
      { "root", "1", "Ss", "init" },
      { "longer-than-it", "4242", "R", "sh -c a  b" },
      { "daemon", "12345678", "Sl", "x y" },
      { "nobody", "77", "S", "z" },
    }, rows)
  end)

  it("are aligned by display width", function()
    local _, rows = parsed(text_of("NAME  VALUE   N", "日本  x y     1", "ascii z      22",
      "é     w       3", "└─e\204\129   z     333"))
    assert.same({ { "日本", "x y", "1" }, { "ascii", "z", "22" }, { "é", "w", "3" },
      { "└─e\204\129", "z", "333" } }, rows)
  end)

  it("find a known heading after letters of several bytes", function()
    local columns, rows = parsed(text_of("日本 Größe Mounted on", "a        1 /b c"))
    assert.same({ "日本", "Größe", "Mounted on" }, columns)
    assert.same({ { "a", "1", "/b c" } }, rows)
  end)

  it("number repeated headings", function()
    local columns, rows = parsed(text_of("a a  a_2", "1 22 3"))
    assert.same({ "a", "a_2", "a_2_2" }, columns)
    assert.same({ { "1", "22", "3" } }, rows)
  end)

  it("may end lines with CR LF, and begin after blank lines", function()
    local columns, rows = parsed "\r\n\n  A  B\r\n  1  2\r\n"
    assert.same({ "A", "B" }, columns)
    assert.same({ { "1", "2" } }, rows)
  end)
end)

describe("columns by their options", function()
  helper.leak_check()

  it("have other names than the header's", function()
    local columns, rows = output("df-P",
      { names = { "device", "blocks", "used", "free", "share", "mount" } })
    assert.equal("mount", columns[6])
    assert.equal("/media/My Disk", rows[7][6])
    local _, err = parse.columns(outputs.read "df-P", { names = { "a", "b" } })
    assert.equal("parse", err.code)
    assert.equal("noshell: cannot parse columns: the header has 6 columns, but there "
      .. "are 2 names", helper.said(err))
  end)

  it("are lists of words without a header and names", function()
    local rows = assert(parse.columns("a  b\nc  d e\n", { header = false }))
    assert.same({ "a", "b", "" }, rows[1])
    assert.same({ "c", "d", "e" }, rows[2])
    assert.same({}, rows.columns)
    rows = assert(parse.columns("a:b\nc:d:e\n", { header = false, separator = ":" }))
    assert.same({ "c", "d", "e" }, rows[2])
    rows = assert(parse.columns(" a b\n", { header = false, aligned = false }))
    assert.same({ "a", "b" }, rows[1])
  end)

  it("assign the rest of the line to the last name", function()
    local names = { "a", "b" }
    local options = { header = false, separator = "::", names = names }
    assert.same({ a = "1", b = "2::3" }, parse.columns("1::2::3\n", options)[1])
    assert.same({ a = "", b = "" }, parse.columns("::\n", options)[1])
    assert.same({ a = "1", b = "" }, parse.columns("1\n", options)[1])
    options = { header = false, aligned = false, names = names }
    assert.same({ a = "1", b = "2  3" }, parse.columns(" 1 2  3 \n", options)[1])
  end)

  it("have a header between separators, or not aligned", function()
    local _, rows = parsed("x,y\n1,\n,2\n", { separator = "," })
    assert.same({ { "1", "" }, { "", "2" } }, rows)
    local columns
    columns, rows = parsed("PID USER Mounted on\n123456 root /a b\n", { aligned = false })
    assert.same({ "PID", "USER", "Mounted on" }, columns)
    assert.same({ { "123456", "root", "/a b" } }, rows)
  end)

  it("are empty for empty text", function()
    for _, text in ipairs { "", "\n", " \n\n" } do
      assert.same({ columns = {} }, parse.columns(text))
    end
    assert.same({ columns = { "x" } }, parse.columns("", { names = { "x" } }))
  end)

  it("reject more cells than the text can hold", function()
    local text = ("h "):rep(2000) .. "\n" .. ("x\n"):rep(100000)
    local _, err = parse.columns(text)
    assert.equal("noshell: cannot parse columns: 100000 rows of 2000 columns are too "
      .. "many cells for a text of this size", helper.said(err))
  end)

  it("raise an error for an unknown option, or one of another type", function()
    for _, options in ipairs { { nam = {} }, { names = "x" }, { names = {} },
      { skip = -1 }, { skip = 0.5 }, { separator = "" }, { header = "no" }, 3 } do
      local ok, err = pcall(function() return (parse.columns("", options)) end)
      assert.is_false(ok)
      assert.truthy(err:find "parse_columns_spec.lua:%d+: noshell%.parse%.columns: argument 2: ",
        err)
    end
  end)
end)
