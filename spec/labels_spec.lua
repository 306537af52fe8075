local helper = require "spec.support.helper"
local noshell = require "noshell"

local modules = {
  { name = "SELinux", option = "selinux_label", active = "selinux_enabled",
    stage = "set_selinux_label", unknown = "EINVAL" },
  { name = "AppArmor", option = "apparmor_profile", active = "apparmor_enabled",
    stage = "set_apparmor_profile", unknown = "ENOENT" },
}

--- Behaviour that depends on no policy; the virtual machine of spec/vm checks the rest.
for _, module in ipairs(modules) do
  describe(module.option, function()
    helper.leak_check()

    local active = noshell.features()[module.active]

    local function refusal()
      local result, err = noshell.run { helper.tiny,
        [module.option] = "no:such:label" }
      assert.is_nil(result)
      assert.equal("spawn", err.code)
      assert.equal(module.stage, err.stage)
      assert.equal("no:such:label", err.subject)
      return err
    end

    if active then
      it("is refused if it is unknown", function()
        assert.equal(module.unknown, refusal().errname)
      end)
      return
    end

    it("is refused if " .. module.name .. " is not enabled", function()
      local err = refusal()
      assert.equal("EOPNOTSUPP", err.errname)
      assert.truthy(tostring(err):find(module.name ..
        " is not enabled on this system", 1, true))
    end)

    it("passes there with if_enabled", function()
      assert(noshell.run { helper.tiny,
        [module.option] = { "no:such:label", if_enabled = true } })
      local cmd = noshell.command(helper.tiny)
      cmd["set_" .. module.option](cmd, "no:such:label", { if_enabled = true })
      assert(cmd:run())
    end)
  end)
end

--- One machine serves every Lua; what is instrumented would not start there.
if helper.lua ~= helper.luas[1] or os.getenv("NOSHELL_INSTRUMENTED") then return end

describe("in a virtual machine", function()
  local function run_machine(mode, feature)
    local result = helper.run({ "spec/vm/specs.sh", mode },
      { cwd = helper.root, env = { BUILD = helper.build } })
    local last = result.out:match("([^\n]*)\n$") or result.err
    helper.require_or_pending(feature, result.status ~= 77,
      "the machine of spec/vm: " .. last)
    assert.equal(0, result.status, result.out .. result.err)
    assert.truthy(last:match("^[1-9]%d* passed, 0 failed"), last)
  end

  it("labels are applied and refused under SELinux", function()
    run_machine("selinux", "selinux")
  end)

  it("profiles are applied and refused under AppArmor", function()
    run_machine("apparmor", "apparmor")
  end)

  it("everything works without either, on a kernel that loses statuses", function()
    run_machine("none", "vm")
  end)
end)
