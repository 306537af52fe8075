# noshell: one file, no recursion; longer logic is in spec/support, spec/check.
#
#   make                     builds for every Lua whose headers are installed
#   make LUA=luajit          for this one (lua5.4 lua5.1 lua5.2 lua5.3 luajit,
#                            or the path of an interpreter)
#   make -s env              what to eval so that require "noshell" works
#   make demo | test         install what they need first, then show | test
#   make check | bench       what takes longer | measures
#   make doc                 the reference, as HTML in build/doc
#   make fresh               demo and test, each in a new Debian tree
#   make install PREFIX=/usr DESTDIR=…
#
# Also: CC=clang, CFLAGS, V=1 (shows the commands), BUILD=directory,
# SANITIZE=address,undefined (has its own), and for test and check FILES="…".

CFLAGS = -O2 -g
PREFIX = /usr/local
SHORT := $(filter-out --%,$(firstword -$(MAKEFLAGS)))
Q = $(if $(V),,@$(if $(findstring s,$(SHORT)),,echo '  $@';))
BUILD = build$(if $(SANITIZE),/$(shell echo $(SANITIZE) | tr , -))
.DELETE_ON_ERROR:
.PHONY: all env demo test check bench doc fresh install clean lint layers child-check fixtures FORCE

# Set-up stands here, not in a rule: what it installs is looked for below.
GROUP := $(if $(filter test check bench doc,$(MAKECMDGOALS)),test,$(if $(filter demo,$(MAKECMDGOALS)),build))
ifneq ($(if $(findstring n,$(SHORT)),,$(GROUP)),)
ifneq ($(shell spec/support/setup.sh $(GROUP) >&2 </dev/null && echo done),done)
$(error set-up failed: see above)
endif
endif

# The Luas, as version=pkg-config name. Names differ: lua5.4 on Debian,
# lua-5.4 or lua54 elsewhere.
FOUND := $(shell for v in 5.4 5.1 jit 5.2 5.3; do \
	for p in lua$$v lua-$$v lua$$(echo $$v | tr -d .); do \
	pkg-config --exists $$p 2>/dev/null && echo $$v=$$p && break; done; done)
version = $(or $(filter 5.1 5.2 5.3 5.4 jit,$(patsubst lua%,%,$(1))),$(shell \
	$(1) -e 'print(jit and "jit" or _VERSION:match("%d%.%d"))'))
LUAS := $(if $(LUA),$(call version,$(LUA)),$(foreach f,$(FOUND),$(firstword $(subst =, ,$(f)))))
# Lua's own headers are not held to our warnings. LUA_INCDIR is luarocks' word.
lua_include = $(if $(LUA_INCDIR),-isystem $(LUA_INCDIR),$(patsubst -I%,-isystem %,$(shell \
	pkg-config --cflags-only-I $(patsubst $(1)=%,%,$(filter $(1)=%,$(FOUND))))))

# Without these two the setters that need them fail with a clear message.
HAVE := $(foreach p,libcap-ng libselinux,$(shell pkg-config --exists $(p) 2>/dev/null && echo $(p)))
LIBS = $(if $(HAVE),$(shell pkg-config --libs $(HAVE))) -lpthread
DEFINES = $(if $(filter libcap-ng,$(HAVE)),-DNSH_HAVE_CAPNG) $(if $(filter libselinux,$(HAVE)),-DNSH_HAVE_SELINUX)

# -Wall -Wextra          the usual suspects
# -Wshadow               a name means one thing in a function
# -Wconversion           no integer loses bits unseen: sizes, pids, limits
# -Wstrict-prototypes    f() is not f(void)
# -Wmissing-prototypes   what is not in a header is static
# -Wvla                  no stack of unknown size: the child's is small
# -Wwrite-strings        literals are const
# -Wundef                a misspelled #if fails
# -Wpointer-arith        no arithmetic on void *
WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wwrite-strings -Wundef -Wpointer-arith -Werror
BASE = -std=c11 -D_GNU_SOURCE $(CFLAGS) -fPIC -fvisibility=hidden $(WARN) -MMD -MP
SAN = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
FLAGS = $(BASE) $(SAN) -Ic $(DEFINES)
CORE_INCLUDE = $(addprefix -I,$(wildcard c/core/*))
# now: the child shares memory with us and must not run the dynamic linker.
# nodelete: closing a Lua state must not unload what a thread of ours runs.
LINK = $(Q)$(CC) $(LDFLAGS) $(SAN) -shared -z relro -z now -z nodelete -o $@ $(filter %.o,$^) $(LIBS)
PLAIN = $(filter-out -MMD -MP,$(BASE))
CORE = $(patsubst c/%.c,$(BUILD)/%.o,$(wildcard c/core/*/*.c))
BIND = $(patsubst c/%.c,%.o,$(wildcard c/bind/*.c))
TYPES = $(BUILD)/types/setters.d.lua
PRODUCTS = $(BUILD)/libnoshell.a $(foreach v,$(LUAS),$(BUILD)/$(v)/noshell/core.so $(BUILD)/$(v)/libnoshell.a) $(TYPES)
# The child's side calls nothing but the kernel: no checks that call out.
CHILD = $(filter $(addprefix $(BUILD)/core/launch/,child.o child_%.o supervise%.o),$(CORE))
$(CHILD): SAN =
$(CHILD): FLAGS += -fno-stack-protector -U_FORTIFY_SOURCE

all: $(PRODUCTS)
	$(if $(LUAS),@:,$(error no Lua headers found: install liblua5.4-dev and pkg-config, or name LUA_INCDIR))

# Everything is built again when the flags change.
STAMP := $(CC) $(FLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(STAMP)' | cmp -s - $@ || echo '$(STAMP)' > $@
$(BUILD)/core/%.o: c/core/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(CORE_INCLUDE) -c -o $@ $<
$(BUILD)/libnoshell.a: $(CORE)
	$(Q)rm -f $@; $(AR) rcs $@ $^
define lua_rules
$(BUILD)/$(1)/%.o $(BUILD)/$(1)/testsys.so: LUA_INCLUDE := $(call lua_include,$(1))
$(BUILD)/$(1)/bind/%.o: c/bind/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(Q)$(CC) $$(FLAGS) $$(LUA_INCLUDE) -c -o $$@ $$<
$(BUILD)/$(1)/noshell/core.so: $(addprefix $(BUILD)/$(1)/,$(BIND)) $(CORE)
	@mkdir -p $$(@D)
	$$(LINK)
$(BUILD)/$(1)/libnoshell.a: $(addprefix $(BUILD)/$(1)/,$(BIND)) $(CORE)
	$$(Q)rm -f $$@; $(AR) rcs $$@ $$^
$(BUILD)/$(1)/testsys.so: $(wildcard $(addprefix spec/fixtures/,testsys*.[ch] deny*.h deny.c deny_rule.c)) $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(PLAIN) $$(LUA_INCLUDE) -shared -o $$@ $$(filter %.c,$$^)
endef
$(foreach v,$(LUAS),$(eval $(call lua_rules,$(v))))

# The LuaLS types of the generated setters, by the first Lua: without an
# interpreter that can run them (a cross build) there are none.
FIRST = $(firstword $(LUAS))
$(TYPES): $(BUILD)/$(FIRST)/noshell/core.so spec/support/setter_types.lua $(wildcard lua/noshell/*.lua)
	@mkdir -p $(@D)
	$(Q)$(MODULES) LUA_CPATH='$(abspath $(BUILD))/$(FIRST)/?.so;;' $(if $(LUA),$(LUA),$(if $(filter jit,$(FIRST)),luajit,lua$(FIRST))) \
		spec/support/setter_types.lua > $@ || rm -f $@

# Programs for the specs; static ones start at the same speed everywhere.
FIXTURES = $(addprefix $(BUILD)/fixtures/,probe deny tiny hostile.so) \
	$(foreach v,$(LUAS),$(BUILD)/$(v)/testsys.so) \
	$(patsubst spec/%.c,$(BUILD)/%,$(wildcard spec/c/*.c spec/bench/*.c))
fixtures: $(FIXTURES)
.SECONDEXPANSION:
$(BUILD)/fixtures/%: $$(wildcard spec/fixtures/$$(basename $$*)*.[ch]) $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(if $(filter %.so,$@),-shared -pthread,-static) -o $@ $(filter %.c,$^)
$(filter $(BUILD)/c/% $(BUILD)/bench/%,$(FIXTURES)): $(BUILD)/%: spec/%.c $(BUILD)/libnoshell.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(PLAIN) $(SAN) -Ic -o $@ $< $(BUILD)/libnoshell.a $(LIBS)

# LuaJIT and 5.1 read the same directories.
DEMO_LUA := $(or $(LUA),lua5.4)
HERE = $(abspath $(BUILD))/$(call version,$(DEMO_LUA))
MODULES = LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;'
BINARIES = LUA_CPATH='$(HERE)/?.so;;'
env:
	@printf '%s\n' "export $(MODULES)" "export $(BINARIES)"
demo: all
	@$(MODULES) $(BINARIES) $(DEMO_LUA) spec/examples/demo.lua
test: all fixtures
	@BUILD=$(BUILD) spec/support/run_specs.sh "$(LUAS)" $(FILES)
check: all fixtures
	@BUILD=$(BUILD) spec/support/run_checks.sh $(FILES)
bench: all fixtures
	@$(MODULES) $(BINARIES) NOSHELL_BUILD=$(BUILD) $(DEMO_LUA) spec/bench/bench.lua
doc: all
	@$(MODULES) $(BINARIES) NOSHELL_BUILD=$(BUILD) $(DEMO_LUA) spec/support/doc.lua $(BUILD)/doc
fresh:; @NOSHELL_FRESH=1 spec/check/debootstrap.sh
lint:; @BUILD=$(BUILD) spec/support/run_checks.sh spec/check/compilers.sh spec/check/luacheck.sh
layers child-check: $(CORE)
layers child-check:
	@BUILD=$(BUILD) spec/check/$(@:-check=).sh

# 5.1's build serves LuaJIT too: jit is installed only where it is the only one.
# luarocks gives LUADIR and LIBDIR, and wants nothing else.
TO = $(DESTDIR)$(PREFIX)
install: all
	@$(if $(LUADIR),,install -D -m 644 $(BUILD)/libnoshell.a $(TO)/lib/libnoshell.a)
	@$(if $(LUADIR),,install -D -m 644 -t $(TO)/include c/noshell.h c/noshell_command.h)
	@set -e; for v in $(filter-out $(if $(filter 5.1,$(LUAS)),jit),$(LUAS)); do \
	d=$${v#jit}; d=$${d:-5.1}; BUILD=$(BUILD) spec/support/install.sh $$v \
	"$(or $(LUADIR),$(TO)/share/lua/$$d)" "$(or $(LIBDIR),$(TO)/lib/lua/$$d)"; done
clean:; rm -rf build

-include $(CORE:.o=.d) $(foreach v,$(LUAS),$(addprefix $(BUILD)/$(v)/,$(BIND:.o=.d)))
