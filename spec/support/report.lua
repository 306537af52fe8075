-- busted's output for run_specs.sh: failures in full, pendings in a line each,
-- and the totals last, in a form that a script reads. Where the totals are
-- missing, busted itself has died, in the spec that was begun last.

local pretty = require "pl.pretty"

local function text_of(value)
  if type(value) == "string" then return value end
  if value == nil then return "no message" end
  return pretty.write(value)
end

local function indented(text)
  return "    " .. (text:gsub("\n+$", ""):gsub("\n", "\n    "))
end

local function place_of(entry)
  local trace = entry.element.trace or entry.trace or {}
  return ("%s:%s"):format(trace.short_src or "?", trace.currentline or "?")
end

local function show_failure(entry)
  local message = text_of(entry.message)
  local trace = entry.trace and entry.trace.traceback
  io.write(("  FAILED %s: %s\n%s\n"):format(place_of(entry), entry.name,
    indented(message)))
  if trace and entry.isError then
    io.write(indented((trace:gsub("^%s+", ""))), "\n")
  end
end

local function show_pending(entry)
  local reason = entry.message and ": " .. text_of(entry.message) or ""
  reason = reason:gsub("^: [^:]+:%d+: ", ": ")
  io.write(("  pending %s: %s%s\n"):format(place_of(entry), entry.name, reason))
end

return function()
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()

  handler.suiteEnd = function()
    for _, entry in ipairs(handler.pendings) do show_pending(entry) end
    for _, entry in ipairs(handler.failures) do show_failure(entry) end
    for _, entry in ipairs(handler.errors) do show_failure(entry) end
    io.write(("spec-totals %d %d %d\n"):format(handler.successesCount,
      #handler.failures + #handler.errors, #handler.pendings))
    io.flush()
    return nil, true
  end

  busted.subscribe({ "test", "start" }, function(element, parent)
    io.write(("spec-begun %s %s\n"):format(parent and parent.name or "",
      element.name))
    io.flush()
    return nil, true
  end)
  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  return handler
end
