# Makefile of noshell. GNU make, one file, no recursion; longer scripts are in
# spec/support and spec/check.
#
# Targets (make help):
#
#> make                    build for every Lua whose headers are installed
#> make LUA=lua5.3         build for one Lua: lua5.1 lua5.2 lua5.3 lua5.4 lua5.5
#>                         luajit, or the path of an interpreter
#> make demo               install missing packages, build, show what noshell does
#> make test               the same, then run the specs on every Lua
#> make check              linters, sanitizers, valgrind and other longer checks
#> make lint               compilers with -Werror, and luacheck
#> make bench              measure
#> make doc                write the reference as HTML to build/doc
#> make fresh              make demo and make test, each in a new Debian tree
#> make install            install everything; honours DESTDIR and the variables below
#> make install-modules    install the Lua and C modules only
#> make install-library    install the C libraries, headers and noshell.pc only
#> make uninstall          remove what make install installed
#> make clean              remove the build directory
#> make -s env             print the environment in which require "noshell" finds
#>                         this tree: eval "$(make -s env)"
#>
#> Variables, with their defaults:
#>
#> CC CFLAGS CPPFLAGS LDFLAGS AR INSTALL     as in other projects
#> prefix=/usr/local (or PREFIX)  exec_prefix libdir includedir datarootdir DESTDIR
#> LUADIR=$(datarootdir)/lua/5.x  LIBDIR=$(libdir)/lua/5.x   for the modules
#> STRIP=strip             make install strips core.so; STRIP=no keeps its symbols
#> LUA_INCDIR              the directory of lua.h, without pkg-config
#> NOSHELL_SETUP=no        install no packages, only list the missing ones
#> WERROR=1                warnings are errors, as in our own checks
#> BUILD=build             the build directory
#> SANITIZE=address,undefined   builds with sanitizers, in a directory below build
#> FILES="spec/a_spec.lua"      the specs of make test, or the scripts of make check
#> V=1                     show the commands

.DELETE_ON_ERROR:
.PHONY: all env demo test check bench doc fresh lint layers child-check fixtures \
	install install-modules install-library uninstall clean help FORCE

CFLAGS = -O2 -g
INSTALL = install
STRIP = strip
BUILD = build$(if $(SANITIZE),/$(shell echo $(SANITIZE) | tr , -))

PREFIX = /usr/local
prefix = $(PREFIX)
exec_prefix = $(prefix)
libdir = $(exec_prefix)/lib
includedir = $(prefix)/include
datarootdir = $(prefix)/share
pkgconfigdir = $(libdir)/pkgconfig

VERSION := $(shell sed -n 's/^\#define NOSHELL_VERSION "\(.*\)"/\1/p' c/noshell.h)

# Each command is announced by its product, or shown with V=1; make -s is silent.
OPTIONS := $(filter-out --%,$(firstword -$(MAKEFLAGS)))
QUIET := $(findstring s,$(OPTIONS))
DRY_RUN := $(findstring n,$(OPTIONS))
Q = $(if $(V),,@$(if $(QUIET),,echo '  $@';))

all:

# ---- packages ---------------------------------------------------------------
# Some targets install the packages they need. This happens while the Makefile
# is read, because the variables below ask pkg-config for the same packages.

SETUP := $(strip \
	$(if $(filter demo,$(MAKECMDGOALS)),build) \
	$(if $(filter test doc,$(MAKECMDGOALS)),test) \
	$(if $(filter bench,$(MAKECMDGOALS)),bench) \
	$(if $(filter check,$(MAKECMDGOALS)),check))
ifneq ($(if $(DRY_RUN),,$(SETUP)),)
ifneq ($(shell NOSHELL_SETUP='$(NOSHELL_SETUP)' LUA='$(LUA)' LUA_INCDIR='$(LUA_INCDIR)' \
	spec/support/setup.sh $(lastword $(SETUP)) >&2 </dev/null && echo done),done)
$(error packages are missing, see above)
endif
endif

# ---- the Luas ---------------------------------------------------------------
# A Lua is named by its version: 5.1 5.2 5.3 5.4 5.5, or jit. FOUND lists those
# whose headers are installed, as version=pkg-config name. That name is lua5.4 on
# Debian, lua-5.4 or lua54 elsewhere.

VERSIONS = 5.4 5.1 jit 5.2 5.3 5.5
FOUND := $(shell for v in $(VERSIONS); do \
	for p in lua$$v lua-$$v lua$$(echo $$v | tr -d .); do \
	pkg-config --exists $$p 2>/dev/null && echo $$v=$$p && break; done; done)

# $(call version,lua5.4) is 5.4. An interpreter with another name is run to find out.
version = $(or $(filter $(VERSIONS),$(patsubst lua%,%,$(1))),$(shell \
	$(1) -e 'print(jit and "jit" or _VERSION:match("%d%.%d"))'))
# $(call abi,jit) is 5.1: LuaJIT reads the directories of 5.1.
abi = $(patsubst jit,5.1,$(1))

LUAS := $(if $(LUA),$(call version,$(LUA)),$(foreach f,$(FOUND),$(firstword $(subst =, ,$(f)))))

# -isystem: our warnings do not apply to Lua's headers.
lua_include = $(if $(LUA_INCDIR),-isystem $(LUA_INCDIR),$(patsubst -I%,-isystem %,$(shell \
	pkg-config --cflags-only-I $(patsubst $(1)=%,%,$(filter $(1)=%,$(FOUND))))))

# ---- flags ------------------------------------------------------------------

# Optional libraries. Without them, the setters that need them report an error.
HAVE := $(foreach p,libcap-ng libselinux libseccomp,$(shell pkg-config --exists $(p) 2>/dev/null && echo $(p)))
LIBS = $(if $(HAVE),$(shell pkg-config --libs $(HAVE))) -lpthread
DEFINES = $(if $(filter libcap-ng,$(HAVE)),-DNSH_HAVE_CAPNG) \
	$(if $(filter libselinux,$(HAVE)),-DNSH_HAVE_SELINUX) \
	$(if $(filter libseccomp,$(HAVE)),-DNSH_HAVE_SECCOMP)

# -Wall -Wextra          the usual warnings
# -Wshadow               a name means one thing in a function
# -Wconversion           no implicit conversion loses bits of sizes, pids, limits
# -Wstrict-prototypes    f() is not f(void)
# -Wmissing-prototypes   functions without a declaration in a header are static
# -Wvla                  no arrays of variable size: the child's stack is small
# -Wwrite-strings        literals are const
# -Wundef                a misspelled macro in #if is reported
# -Wpointer-arith        no arithmetic on void *
WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wwrite-strings -Wundef -Wpointer-arith $(if $(WERROR),-Werror)

DIALECT = -std=c11 -D_GNU_SOURCE
SAN = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
COMPILE = $(CC) $(DIALECT) -fPIC -fvisibility=hidden $(WARN) -Ic $(DEFINES) \
	$(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP $(EXTRA)
CORE_INCLUDE = $(addprefix -I,$(patsubst %/,%,$(sort $(dir $(wildcard c/core/*/*.h)))))
# For the programs and libraries that only the specs use.
TOOL = $(CC) $(DIALECT) -fPIC $(WARN) $(CPPFLAGS) $(CFLAGS)

# now: the child, which shares our memory, must not run the dynamic linker.
# nodelete: closing a Lua state must not unload code that threads are running.
LINK_MODULE = $(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -shared -z relro -z now -z nodelete

# The paths under which Lua finds this tree.
SOURCES = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;

# ---- the library ------------------------------------------------------------

CORE = $(patsubst c/%.c,$(BUILD)/%.o,$(wildcard c/core/*.c c/core/*/*.c))
BIND = $(patsubst c/%.c,%.o,$(wildcard c/bind/*.c))

# The child's code makes only system calls: it must not be instrumented, which would
# call a library, or inlined across files.
CHILD = $(foreach o,$(CORE),$(if $(filter child.o child_%.o supervise%.o,$(notdir $(o))),$(o)))
$(CHILD) $(BUILD)/launcher/start.o: SAN =
$(CHILD) $(BUILD)/launcher/start.o: EXTRA = -fno-stack-protector -U_FORTIFY_SOURCE -fno-lto

MODULES = $(foreach v,$(LUAS),$(BUILD)/$(v)/noshell/core.so)
LIBRARIES = $(BUILD)/libnoshell.a $(foreach v,$(LUAS),$(BUILD)/libnoshell-lua$(v).a)

TYPES = $(BUILD)/types/setters.d.lua

all: $(LIBRARIES) $(MODULES) $(TYPES) $(BUILD)/noshell.pc
	$(if $(LUAS),@:,$(error no Lua headers found: install liblua5.4-dev and pkg-config, or set LUA and LUA_INCDIR))

# A change of the flags rebuilds everything.
STAMP := $(COMPILE) $(LDFLAGS) $(LIBS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(STAMP)' | cmp -s - $@ || echo '$(STAMP)' > $@

$(BUILD)/core/%.o: c/core/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CORE_INCLUDE) -c -o $@ $<

# The launcher: the child's files as a program without libc, embedded in the core.
LAUNCHER = $(BUILD)/launcher/launcher
LAUNCHED = $(filter-out %/child_kernel.o %/child_supervisor.o,$(filter %/child.o \
	$(BUILD)/core/launch/child_%.o,$(CORE)))
$(BUILD)/launcher/%.o: c/launcher/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(CORE_INCLUDE) -c -o $@ $<

# An architecture whose system calls go through libc (sys.h) has none.
LINK_LAUNCHER = $(CC) $(CFLAGS) $(LDFLAGS) -fno-lto -nostdlib -static -s \
	-Wl,--build-id=none,-no-pie -T c/launcher/launcher.ld
$(LAUNCHER): $(BUILD)/launcher/start.o $(LAUNCHED) c/launcher/launcher.ld
	$(Q)if grep -q nsh_start $<; then $(LINK_LAUNCHER) -o $@ $(filter %.o,$^); \
	else : > $@; fi

$(BUILD)/core/launch/launcher_image.o: EXTRA = -DLAUNCHER='"$(LAUNCHER)"' -fno-lto
$(BUILD)/core/launch/launcher_image.o: $(LAUNCHER)

$(BUILD)/libnoshell.a: $(CORE)
	$(Q)rm -f $@; $(AR) rcs $@ $^

# The rules for one Lua. libnoshell-lua5.4.a includes the core, so that a program
# that embeds Lua links only this library.
define lua_rules
$(BUILD)/$(1)/%: LUA_INCLUDE := $(call lua_include,$(1))

$(BUILD)/$(1)/bind/%.o: c/bind/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(COMPILE) $$(LUA_INCLUDE) -c -o $$@ $$<

$(BUILD)/$(1)/noshell/core.so: $(addprefix $(BUILD)/$(1)/,$(BIND)) $(CORE)
	@mkdir -p $$(@D)
	$$(Q)$$(LINK_MODULE) -o $$@ $$^ $$(LIBS)

$(BUILD)/libnoshell-lua$(1).a: $(addprefix $(BUILD)/$(1)/,$(BIND)) $(CORE)
	$$(Q)rm -f $$@; $$(AR) rcs $$@ $$^

$(BUILD)/$(1)/testsys.so: $$(TESTSYS) $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(TOOL) $$(LUA_INCLUDE) -shared -o $$@ $$(filter %.c,$$^)
endef
TESTSYS = $(wildcard spec/fixtures/testsys*.[ch] spec/fixtures/deny*.h) \
	spec/fixtures/deny.c spec/fixtures/deny_rule.c
$(foreach v,$(LUAS),$(eval $(call lua_rules,$(v))))

# The LuaLS types of the setters in setters.def, generated with the first Lua. If no
# interpreter runs (a cross build), they are left out.
FIRST = $(firstword $(LUAS))
FIRST_LUA = $(or $(LUA),$(if $(FIRST),lua$(FIRST)))
$(TYPES): $(BUILD)/$(FIRST)/noshell/core.so spec/support/setter_types.lua $(wildcard lua/noshell/*.lua)
	@mkdir -p $(@D)
	$(Q)LUA_PATH='$(SOURCES)' LUA_CPATH='$(abspath $(BUILD))/$(FIRST)/?.so;;' \
		$(FIRST_LUA) spec/support/setter_types.lua > $@ || rm -f $@

-include $(CORE:.o=.d) $(BUILD)/launcher/start.d $(foreach v,$(LUAS),$(addprefix $(BUILD)/$(v)/,$(BIND:.o=.d)))

# libnoshell.a is static, so every program that links it needs its libraries, too.
$(BUILD)/noshell.pc: c/noshell.h $(BUILD)/flags Makefile FORCE
	@printf '%s\n' 'prefix=$(prefix)' 'exec_prefix=$(exec_prefix)' \
		'libdir=$(libdir)' 'includedir=$(includedir)' '' \
		'Name: noshell' 'Description: Run programs without a shell' \
		'Version: $(VERSION)' 'Requires: $(HAVE)' \
		'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lnoshell -lpthread' > $@

# ---- installation -----------------------------------------------------------

LUA_FILES := $(patsubst lua/%,%,$(shell find lua/noshell -name '*.lua'))
HEADERS = noshell.h
# The module for 5.1 serves LuaJIT, which reads the same directories; the one
# for LuaJIT is installed only if there is none for 5.1.
INSTALLED = $(filter-out $(if $(filter 5.1,$(LUAS)),jit),$(LUAS))
# luarocks sets LUADIR and LIBDIR, for the one Lua that it installs for.
lua_dir = $(DESTDIR)$(or $(LUADIR),$(datarootdir)/lua/$(call abi,$(1)))
module_dir = $(DESTDIR)$(or $(LIBDIR),$(libdir)/lua/$(call abi,$(1)))

install: install-modules install-library
install-modules: $(addprefix install-modules-,$(INSTALLED))
uninstall: $(addprefix uninstall-modules-,$(INSTALLED))

define install_rules
.PHONY: install-modules-$(1) uninstall-modules-$(1)
install-modules-$(1): all
	@set -e; for file in $$(LUA_FILES); do \
		$$(INSTALL) -D -m 644 "lua/$$$$file" "$$(call lua_dir,$(1))/$$$$file"; \
	done
	@test ! -e $$(TYPES) || $$(INSTALL) -D -m 644 $$(TYPES) "$$(call lua_dir,$(1))/noshell/setters.d.lua"
	@$$(INSTALL) -D -m 755 $(BUILD)/$(1)/noshell/core.so "$$(call module_dir,$(1))/noshell/core.so"
	@$$(if $$(filter no,$$(STRIP)),,$$(STRIP) --strip-unneeded "$$(call module_dir,$(1))/noshell/core.so")
	@$$(if $$(QUIET),,echo "noshell: installed for Lua $(1) in $$(call lua_dir,$(1)) and $$(call module_dir,$(1))")

uninstall-modules-$(1):
	@cd "$$(call lua_dir,$(1))" 2>/dev/null && rm -f $$(LUA_FILES) noshell/setters.d.lua || true
	@rm -f "$$(call module_dir,$(1))/noshell/core.so"
	@find "$$(call lua_dir,$(1))/noshell" "$$(call module_dir,$(1))/noshell" \
		-depth -type d -empty -delete 2>/dev/null || true
endef
$(foreach v,$(LUAS),$(eval $(call install_rules,$(v))))

install-library: all
	@$(INSTALL) -d "$(DESTDIR)$(libdir)" "$(DESTDIR)$(includedir)" "$(DESTDIR)$(pkgconfigdir)"
	@$(INSTALL) -m 644 $(LIBRARIES) "$(DESTDIR)$(libdir)"
	@$(INSTALL) -m 644 $(addprefix c/,$(HEADERS)) "$(DESTDIR)$(includedir)"
	@$(INSTALL) -m 644 $(BUILD)/noshell.pc "$(DESTDIR)$(pkgconfigdir)"

uninstall:
	@cd "$(DESTDIR)$(libdir)" 2>/dev/null && rm -f $(notdir $(LIBRARIES)) || true
	@cd "$(DESTDIR)$(includedir)" 2>/dev/null && rm -f $(HEADERS) || true
	@rm -f "$(DESTDIR)$(pkgconfigdir)/noshell.pc"

# Do not remove a directory that this Makefile did not create.
clean:
	@test ! -e $(BUILD) || test -e $(BUILD)/flags || test $(BUILD) = build || \
		{ echo "$(BUILD) is not a build directory of noshell" >&2; exit 1; }
	rm -rf $(BUILD)

# ---- specs ------------------------------------------------------------------

# Programs that the specs run. They are static, so that they start fast and need no
# libraries.
C_SPECS = $(patsubst spec/%.c,$(BUILD)/%,$(wildcard spec/c/*.c spec/bench/*.c))
FIXTURES = $(addprefix $(BUILD)/fixtures/,probe deny tiny escape hostile.so) \
	$(foreach v,$(LUAS),$(BUILD)/$(v)/testsys.so) $(C_SPECS)
fixtures: $(FIXTURES)

# probe is built from spec/fixtures/probe*.c.
.SECONDEXPANSION:
$(BUILD)/fixtures/%: $$(wildcard spec/fixtures/$$(basename $$*)*.[ch]) $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(TOOL) $(if $(filter %.so,$@),-shared -pthread,-static) $(SHAPE) -o $@ $(filter %.c,$^)

# tiny has no libc and as few pages as possible.
$(BUILD)/fixtures/tiny: SHAPE = -nostartfiles -fno-asynchronous-unwind-tables -Wl,-z,noseparate-code

$(C_SPECS): $(BUILD)/%: spec/%.c $(BUILD)/libnoshell.a
	@mkdir -p $(@D)
	$(Q)$(TOOL) $(SAN) -Ic -o $@ $< $(BUILD)/libnoshell.a $(LDFLAGS) $(LIBS)

DEMO_LUA := $(or $(LUA),lua5.4)
LUA_ENV = LUA_PATH='$(SOURCES)' \
	LUA_CPATH='$(abspath $(BUILD))/$(call version,$(DEMO_LUA))/?.so;;'

env:
	@printf 'export %s\n' $(foreach word,$(LUA_ENV),"$(word)")
demo: all
	@$(LUA_ENV) $(DEMO_LUA) spec/examples/demo.lua
test: all fixtures
	@BUILD=$(BUILD) spec/support/run_specs.sh "$(LUAS)" $(FILES)
check: all fixtures
	@BUILD=$(BUILD) spec/support/run_checks.sh $(FILES)
bench: all fixtures
	@$(LUA_ENV) NOSHELL_BUILD=$(BUILD) $(DEMO_LUA) spec/bench/bench.lua
doc: all
	@$(LUA_ENV) NOSHELL_BUILD=$(BUILD) $(DEMO_LUA) spec/support/doc.lua $(BUILD)/doc
fresh:
	@NOSHELL_FRESH=1 spec/check/debootstrap.sh
lint:
	@BUILD=$(BUILD) spec/support/run_checks.sh spec/check/compilers.sh spec/check/luacheck.sh
layers: $(CORE)
	@BUILD=$(BUILD) spec/check/layers.sh
child-check: $(CORE)
	@BUILD=$(BUILD) spec/check/child.sh

help:
	@sed -n 's/^#> \{0,1\}//p' Makefile
