-- Outputs of programs, from spec/fixtures/outputs.

local here = debug.getinfo(1, "S").source:match("^@(.*)support/[^/]*$")

local outputs = {}

function outputs.read(name)
  local file = assert(io.open(here .. "fixtures/outputs/" .. name, "rb"))
  local data = file:read "*a"
  file:close()
  return data
end

--- So many bytes of it, again and again.
function outputs.repeated(name, size)
  local text = outputs.read(name)
  return text:rep(math.ceil(size / #text)):sub(1, size)
end

--- All there are.
outputs.names = {
  "df-P", "df-P-short", "df-hT", "dpkg-l", "find-print0", "findmnt", "findmnt-P",
  "findmnt-rn", "free", "getent-passwd", "git-log-z", "ip-j-addr",
  "kubectl-contexts", "lsblk", "lsblk-J", "lsblk-P", "lsblk-label", "lscpu",
  "lsmem", "lsns", "netstat-tln", "os-release", "proc-self-status", "proc-swaps",
  "ps-args-middle", "ps-aux", "ps-eo", "ps-lstart", "ps-no-header", "ss-tan",
  "ss-tln", "ss-tlnp", "stat-format", "stat-printf", "systemctl-list-timers",
  "systemctl-list-unit-files", "systemctl-list-units", "systemctl-show-service",
  "systemctl-show-socket", "systemctl-show-target", "systemctl-show-units",
}

return outputs
