-- Every phase: nginx serves others meanwhile if Lua can yield; otherwise noshell blocks,
-- without an error.
local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"

-- For 127.0.0.1; used by this spec only.
local CERTIFICATE = [[
-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUHwvgmsRW/M+U8RHlWeGq22k6n+4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMzE3MDcyMloYDzIxMjYxMDMw
MTcwNzIyWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ/mXyckmdZE/K87ypVJqgZc394abRchbLRMknK31rI2y5YvxjxKeXd
3YmuYEPK5gwa4qaAY8krBQAYYPtzm+Auo1MwUTAdBgNVHQ4EFgQUiMzjOFrNZPLy
Jd/x/VDxOyb6lnYwHwYDVR0jBBgwFoAUiMzjOFrNZPLyJd/x/VDxOyb6lnYwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAqs5/lr4DJ/S+DOv8zDqs
S5IN2J3MnT5MgC8jcmPICzUCIQDpWeeafGJyOM1HziCkGFVYUSC3C7/AjV9yruAD
h8+0iQ==
-----END CERTIFICATE-----
]]

local KEY = [[
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTPCJF27a/NU7qUYE
Qs3VSZm8G5RmbnqZ7uH9yZ8CUBChRANCAAQ/mXyckmdZE/K87ypVJqgZc394abRc
hbLRMknK31rI2y5YvxjxKeXd3YmuYEPK5gwa4qaAY8krBQAYYPtzm+Au
-----END PRIVATE KEY-----
]]

-- Records in a file how each phase waited: every phase can write a file.
local PHASES = [[
local noshell = require "noshell"
local phases = {}
local path = debug.getinfo(1, "S").source:match("^@(.*)/") .. "/said"

function phases.run(name)
  local text, err = noshell.output("echo", "from", name)
  local file = assert(io.open(path, "a"))
  file:write(name, ": ", noshell.host.name(), ", ", text or tostring(err), "\n")
  file:close()
end

return phases
]]

local SERVER = [[
  location = /phases {
    set_by_lua_block $nothing { require("phases").run "set" }
    rewrite_by_lua_block { require("phases").run "rewrite" }
    access_by_lua_block { require("phases").run "access" }
    content_by_lua_block {
      require("phases").run "content"
      ngx.timer.at(0, function() require("phases").run "timer" end)
      ngx.say "ok"
    }
    header_filter_by_lua_block { require("phases").run "header_filter" }
    body_filter_by_lua_block {
      if ngx.arg[2] then require("phases").run "body_filter" end
    }
    log_by_lua_block { require("phases").run "log" }
  }
  location = /balanced { proxy_pass http://balanced/static; }
  location = /tls {
    proxy_ssl_session_reuse off;
    proxy_pass https://unix:$dir/tls.sock:/;
  }
]]

local HTTP = [[
  init_by_lua_block { require("phases").run "init" }
  init_worker_by_lua_block { require("phases").run "init_worker" }
  exit_worker_by_lua_block { require("phases").run "exit_worker" }
  upstream balanced {
    server 0.0.0.1;
    balancer_by_lua_block {
      require("phases").run "balancer"
      assert(require("ngx.balancer").set_current_peer("127.0.0.1", $port))
    }
  }
  server {
    listen unix:$dir/tls.sock ssl;
    ssl_protocols TLSv1.2;
    ssl_certificate $dir/certificate.pem;
    ssl_certificate_key $dir/key.pem;
    server_rewrite_by_lua_block { require("phases").run "server_rewrite" }
    ssl_client_hello_by_lua_block { require("phases").run "ssl_client_hello" }
    ssl_certificate_by_lua_block { require("phases").run "ssl_certificate" }
    location = / { content_by_lua_block {
      require("phases").run "content after TLS"
      ngx.say "ok"
    } }
  }
]]

local YIELDING = { "rewrite", "access", "content", "timer", "server_rewrite",
  "ssl_certificate", "content after TLS" }
local BLOCKING = { "init", "init_worker", "set", "header_filter", "body_filter",
  "log", "balancer", "ssl_client_hello", "exit_worker" }

local options = { server = SERVER, http = HTTP, files = {
  ["phases.lua"] = PHASES, ["certificate.pem"] = CERTIFICATE, ["key.pem"] = KEY,
} }

--- Returns how each phase of a server's life waited: name → its record.
local function all_phases()
  local said = {}
  helper.with_tmpdir(function(dir)
    nginx.with(options, function(server)
      for _, path in ipairs { "/phases", "/balanced", "/tls" } do
        server:body(path)
      end
      nginx.eventually(function()
        return helper.read_file(server.dir .. "/said"):find("timer", 1, true)
      end)
      server.at_end = function()
        local text = helper.read_file(server.dir .. "/said")
        helper.write_file(dir .. "/said", text)
      end
    end)
    for name, how in helper.read_file(dir .. "/said"):gmatch("([^\n]-): ([^\n]*)\n") do
      said[name] = how
    end
  end)
  return said
end

nginx.describe("noshell in nginx", function()
  local said

  local function check(names, host)
    said = said or all_phases()
    for _, name in ipairs(names) do
      assert.equal(host .. ", from " .. name, said[name])
    end
  end

  it("yields in phases that permit it", function() check(YIELDING, "nginx") end)

  it("blocks in the others, without an error", function()
    check(BLOCKING, "blocking")
  end)

  it("blocks inside a C function, such as require, without an error", function()
    nginx.with({ files = { ["at_load.lua"] = [[
      local noshell = require "noshell"
      return { noshell.host.name(), noshell.output("echo", "loaded") }
    ]] }, locations = { ["/load"] = [[
      ngx.print(table.concat(require "at_load", " "))
    ]], ["/sort"] = [[
      local list = { 3, 1, 2 }
      table.sort(list, function(a, b)
        assert(noshell.run(tiny))
        return a < b
      end)
      ngx.print(table.concat(list, " "))
    ]] } }, function(server)
      assert.equal("blocking loaded", server:body("/load"))
      assert.equal("1 2 3", server:body("/sort"))
    end)
  end)

  it("yields inside pcall, coroutines and iterators", function()
    nginx.with({ locations = { ["/nested"] = [[
      local found = {}
      local ok = pcall(function()
        local next_name = coroutine.wrap(function()
          for line in noshell.lines("printf", "a\nb\n") do
            coroutine.yield(line .. noshell.host.name())
          end
        end)
        for name in next_name do found[#found + 1] = name end
      end)
      ngx.print(tostring(ok), " ", table.concat(found, " "))
    ]] } }, function(server)
      assert.equal("true anginx bnginx", server:body("/nested"))
    end)
  end)

  it("yields after an internal redirect and in a subrequest", function()
    nginx.with({ locations = {
      ["/exec"] = [[ assert(noshell.run(tiny)) ngx.exec("/run") ]],
      ["/capture"] = [[
        ngx.ctx.mine = 1
        assert(noshell.run(tiny))
        local one = ngx.location.capture("/run", { ctx = ngx.ctx })
        local two = ngx.location.capture("/run", { share_all_vars = true })
        assert(noshell.run(tiny))
        ngx.print(one.body, two.body)
      ]],
      ["/run"] = [[
        assert(noshell.run(probe, "--sleep", "20"))
        ngx.print(noshell.host.name(), " ")
      ]],
    } }, function(server)
      assert.equal("nginx ", server:body("/exec"))
      assert.equal("nginx nginx ", server:body("/capture"))
    end)
  end)
end)
