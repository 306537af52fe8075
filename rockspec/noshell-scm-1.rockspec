rockspec_format = "3.0"
package = "noshell"
version = "scm-1"
-- `luarocks make rockspec/noshell-scm-1.rockspec` builds the tree of this file.
source = { url = "git+file://." }
description = {
  summary = "Run programs without a shell",
  detailed = "Builds a command, starts it, exchanges data with it, waits for it, "
    .. "and reports exactly what happened. Linux 5.4 or later.",
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.1, < 5.6" }
-- The Makefile finds libcap-ng, libselinux and libseccomp through pkg-config. They are
-- optional, which `external_dependencies` cannot express.
build = {
  type = "make",
  build_target = "all",
  install_target = "install-modules",
  build_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    BUILD = "build/rock",
  },
  install_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    BUILD = "build/rock",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
}
