#!/bin/bash
# Runs commands in units of systemd, in a virtual machine in which it is pid 1 (spec/vm).
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# Copies busted and what it needs, at the same paths.
for dir in /usr/share/lua/5.4 /usr/lib/x86_64-linux-gnu/lua/5.4; do
    mkdir -p "$root$dir" && cp -rL $dir/. "$root$dir" || exit 77
done
busted=$(command -v busted)
lua=$(command -v lua5.4)
if [ -z "$busted" ] || [ -z "$lua" ]; then
    echo "busted or lua5.4 is not installed"
    exit 77
fi
spec=$root/spec
mkdir -p "$spec/spec" "$spec/build/5.4/noshell" "$root/etc"
cp -r lua "$spec"
cp -r spec/engines spec/support "$spec/spec"
cp -r "$BUILD/fixtures" "$spec/build"
cp "$BUILD/5.4/noshell/core.so" "$spec/build/5.4/noshell"
cp "$BUILD/5.4/testsys.so" "$spec/build/5.4"
cat >"$spec/run" <<'SH'
cd /spec
export LUA_PATH="/spec/lua/?.lua;/spec/lua/?/init.lua;/spec/?.lua;;"
export LUA_CPATH="/spec/build/5.4/?.so;;"
export NOSHELL_LUA=5.4 NOSHELL_BUILD=/spec/build
lua5.4 "$BUSTED" --output=spec/support/report.lua spec/engines/systemd.lua
SH
spec/vm/machine.sh -d "$root" -b "$busted" -b "$lua" -t "${NOSHELL_VM_LIMIT:-200}" systemd \
    env BUSTED="$busted" sh /spec/run >"$work/out" 2>&1
status=$?
if [ $status = 77 ]; then
    tail -1 "$work/out"
    exit 77
fi
cat "$work/out"
read -r _ passed failed skipped < <(grep '^spec-totals ' "$work/out" | tail -1)
echo "${passed:-0} passed, ${failed:-0} failed, ${skipped:-0} skipped"
test $status = 0 && test "$failed" = 0
