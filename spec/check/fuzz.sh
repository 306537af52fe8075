#!/bin/bash
# The parsers over damaged output, on each Lua: see spec/fuzz/parse.lua.
cd "$(dirname "$0")/../.." || exit 1
said=
for lua in lua5.4 lua5.1 luajit; do
    command -v $lua >/dev/null || continue
    version=${lua#lua}
    make -s LUA=$lua || exit 1
    said=$(LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;;" \
        LUA_CPATH="$PWD/build/$version/?.so;;" $lua spec/fuzz/parse.lua 2>&1) || {
        echo "$lua: $said"
        exit 1
    }
done
echo "$said"
