--- Advice for messages: what to write instead. It is looked up only after a failure.

local core = require "noshell.core"
local names = require "noshell.names"
local nearest = require "noshell.nearest"

local advice = {}

-- Misspelt words ------------------------------------------------------------------

--- Returns the nearest signal, without SIG.
---@param signal any
---@return string?
local function near_signal(signal)
  if type(signal) ~= "string" then return nil end
  local list = {}
  for number = 1, 64 do list[number] = core.signal_name(number) or "" end
  return nearest.word((signal:upper():gsub("^SIG", "")), list)
end

--- Returns the end of a message about what is not a signal.
---@param signal any
---@return string
function advice.signal(signal)
  local near = near_signal(signal)
  return near and (', did you mean "%s"?'):format(near)
    or ': write a name such as "TERM" or "INT"'
end

--- Advice by the end of an argument error's reason: function(word), the word being the
--- wrong value.
local BY_REASON = {
  ["no such capability"] = function(word)
    local near = nearest.word((word:lower():gsub("^cap_", "")), names.CAPABILITIES)
    return near and (', did you mean "%s"?'):format(near) or ": capabilities(7) has their names"
  end,
  ["must be the name or number of a signal"] = function(word)
    local near = near_signal(word)
    return near and (', did you mean "%s"?'):format(near) or ', such as "TERM" or 15'
  end,
}

--- Completes the reason of an argument error with a suggestion.
---@param raw table  the fields of the error
function advice.complete(raw)
  local reason = raw.reason
  if not reason then return end
  if reason == "a program name is required" then
    raw.reason = reason .. ', as the first item: { "ls", "-l" }'
  end
  local word = (raw.value or ""):match '^"(.*)"$'
  local limit = word and reason:match "no such limit(.*)$"
  local near = limit and nearest.word(word:lower(), names.LIMITS)
  if near then
    raw.reason = ('no such limit, did you mean "%s"?%s'):format(near,
      (limit:gsub("^; t", " T")))
    return
  end
  for ending, f in pairs(BY_REASON) do
    if word and reason:sub(-#ending) == ending then raw.reason = reason .. f(word) end
  end
end

-- Habits from the shell -----------------------------------------------------------

local OPERATORS = { ["|"] = "noshell.pipeline joins programs",
  [">"] = 'write stdout = { path = "..." }', ["<"] = 'write stdin = { path = "..." }',
  [">>"] = 'write stdout = { path = "...", append = true }',
  ["2>"] = 'write stderr = { path = "..." }', ["2>&1"] = 'write stderr = "stdout"',
  ["&&"] = "test the result of run", ["||"] = "test the result of run",
  ["&"] = "noshell.run_async starts a program without waiting" }

local function is_pattern(word)
  return word:find "^~" or word:find "[*?]" or word:find "^%$[%a_{]" or word:find "%b{}"
end

--- Returns a hint if a word of the command line looks like a pattern or an operator of a
--- shell, and the program complains about it.
---@param command string  in the syntax of sh
---@param complaint string  what the program wrote to its stderr
---@return string
function advice.unexpanded(command, complaint)
  for word in command:gmatch "'([^']+)'" do
    if complaint:find(word, 1, true) then
      if OPERATORS[word] then
        return ("; '%s' is an argument here, because there is no shell: %s"):format(word,
          OPERATORS[word])
      elseif is_pattern(word) then
        return ("; '%s' was not expanded: there is no shell"):format(word)
      end
    end
  end
  return ""
end

return advice
