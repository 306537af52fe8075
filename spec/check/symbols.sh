#!/bin/bash
# Checks that core.so exports only luaopen_noshell_core, and that the global symbols of
# libnoshell.a begin with nsh_.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
shopt -s nullglob
count=0
for module in "$BUILD"/{5.?,ji[t]}/noshell/core.so; do
    exported=$(nm -D --defined-only "$module" | awk '{ print $3 }' |
        tr '\n' ' ')
    if [ "$exported" != "luaopen_noshell_core " ]; then
        echo "$module exports: $exported"
        exit 1
    fi
    count=$((count + 1))
done
if [ $count = 0 ]; then
    echo "$BUILD has no core.so"
    exit 1
fi
strange=$(nm -g --defined-only "$BUILD/libnoshell.a" |
    awk 'NF == 3 { print $3 }' | grep -v '^nsh_')
if [ -n "$strange" ]; then
    echo "libnoshell.a defines:" $strange
    exit 1
fi
echo "$count modules export luaopen_noshell_core alone"
