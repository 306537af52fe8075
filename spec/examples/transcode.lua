-- transcode.lua INPUT OUTPUT: converts a film with ffmpeg, and prints how many percent are
-- done. OUTPUT appears only when it is complete.
local noshell = require "noshell"

local input, output = arg[1], arg[2]
if not output or arg[3] then
  io.stderr:write "usage: transcode.lua INPUT OUTPUT\n"
  os.exit(2)
end

local function fail(err)
  io.stderr:write("transcode: ", tostring(err), "\n")
  os.exit(1, true)
end

local function seconds(text)
  local hours, minutes, rest = (text or ""):match "^(%d+):(%d+):([%d.]+)"
  return hours and hours * 3600 + minutes * 60 + rest
end

local total, shown = nil, 0

--- Gets what ffmpeg reports: lines, and between them a status that ends with "\r".
local function report(text)
  total = total or seconds(text:match "Duration: ([%d:.]+)")
  local now = seconds(text:match "time=([%d:.]+)")
  local percent = total and now and math.floor(100 * now / total) or 0
  if percent > shown then
    shown = percent
    print(("%d%%"):format(percent))
  end
end

local part = output:gsub("%.([^./]*)$", ".part.%1")
noshell.trap("EXIT", function() os.remove(part) end)

local done, err = noshell.run { "ffmpeg", "-nostdin", "-y", "-i", input, part,
  on_stderr = { report, by = { "\r", "\n" } }, tail = 4096, kill_on_exit = true }
if not done then fail(err) end
done, err = os.rename(part, output)
if not done then fail(err) end
