#!/bin/bash
# Runs the parsers on damaged output, on each Lua (spec/fuzz/parse.lua).
cd "$(dirname "$0")/../.." || exit 1
said=
for lua in lua5.4 lua5.1 luajit lua5.2 lua5.3 lua5.5; do
    command -v $lua >/dev/null || continue
    make -s LUA=$lua || exit 1
    said=$(eval "$(make -s env LUA=$lua)"
        LUA_PATH="$PWD/?.lua;$LUA_PATH" $lua spec/fuzz/parse.lua 2>&1) || {
        echo "$lua: $said"
        exit 1
    }
done
if [ -z "$said" ]; then
    echo "no Lua is here"
    exit 77
fi
echo "$said"
