--- The backend that starts programs: the core, or a dry run while one is active.

local core = require "noshell.core"

---@class noshell.backend
---@field start function  as command:_start
---@field start_aside function  as command:_start_aside
---@field exec fun(cmd: noshell.command): nil, noshell.failure  as command:_exec
---@field find_program fun(cmd: noshell.command): true?, noshell.failure?
---  as command:_find_program
---@field features fun(): noshell.features  as core.features

---@class noshell.command
local commands = core.methods.command

local backend = {}

---@type noshell.backend
backend.core = { start = commands._start, start_aside = commands._start_aside,
  exec = commands._exec, find_program = commands._find_program, features = core.features }

--- The backend in use.
---@type noshell.backend
backend.current = backend.core

return backend
