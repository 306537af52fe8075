#!/bin/bash
# Runs the specs on lua5.4 with AddressSanitizer and UndefinedBehaviorSanitizer in the
# library. Lua and busted leak at exit, so only leak reports that name our files
# count.
cd "$(dirname "$0")/../.." || exit 1
tree=build/address-undefined
runtime=$(gcc -print-file-name=libasan.so)
if [ ! -e "$runtime" ]; then
    echo "gcc has no libasan here"
    exit 77
fi
make -s -j"$(nproc)" CC=gcc SANITIZE=address,undefined LUA=lua5.4 all fixtures || exit 1

logs=$PWD/$tree/logs
rm -rf "$logs"
mkdir -p "$logs"
# The programs that the specs start have no sanitizer, but inherit the preloaded
# runtime, so only the reports decide.
export ASAN_OPTIONS="log_path=$logs/report:detect_leaks=1:verify_asan_link_order=0:handle_segv=1:allocator_may_return_null=1"
export LSAN_OPTIONS="exitcode=0:print_suppressions=0"
export UBSAN_OPTIONS="print_stacktrace=1"
export NOSHELL_INSTRUMENTED=asan
# Skip specs that do not test the instrumented library, and those whose programs (sshd) do
# not start with the preloaded runtime.
mapfile -t specs < <(find spec -name '*_spec.lua' ! -name 'c_*' \
    ! -name house_spec.lua ! -name types_spec.lua ! -name build_spec.lua ! -name fixtures_spec.lua ! -name labels_spec.lua \
    ! -name 'scripts_*' ! -name idioms_spec.lua ! -name doc_spec.lua \
    ! -name machine_ssh_spec.lua ! -name pty_programs_spec.lua ! -name luals_spec.lua \
    ! -path 'spec/nginx*' | sort)
PRELOAD=$runtime BUILD=$tree spec/support/run_specs.sh 5.4 "${specs[@]}" ||
    failed=1
# The specs of C programs: these have the sanitizers, the programs that they start do
# not.
LIMIT=600 BUILD=$tree spec/support/run_specs.sh 5.4 spec/c_*spec.lua || failed=1

# Ignore reports on other programs, which inherit the preloaded runtime.
reports=$(grep -lE 'ERROR: AddressSanitizer|runtime error' "$logs"/* 2>/dev/null |
    xargs -r grep -lE 'noshell/core\.so|(^|[ /])c/(core|bind)/|address-undefined/c/')
leaks=$(awk 'BEGIN { RS = "" } /leak of/ && / c\/(core|bind)\//' "$logs"/* 2>/dev/null)
if [ -n "$reports" ]; then
    # shellcheck disable=SC2086
    cat $reports
    echo "the sanitizers complain"
    exit 1
fi
if [ -n "$leaks" ]; then
    echo "$leaks"
    echo "noshell leaks"
    exit 1
fi
if [ -n "$failed" ]; then
    echo "specs fail under the sanitizers"
    exit 1
fi
echo "clean under address and undefined"
