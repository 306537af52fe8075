#!/bin/bash
# Runs `luarocks make` in a copy of the tree, and uses the installed rock from another
# directory, for every Lua.
cd "$(dirname "$0")/../.." || exit 1
if ! command -v luarocks >/dev/null; then
    echo "luarocks is not installed"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/elsewhere"
cp -r c lua rockspec spec Makefile LICENSE "$work/tree"
done=()
for version in 5.4 5.1 5.2 5.3 5.5; do
    command -v "lua$version" >/dev/null || continue
    (cd "$work/tree" && MAKEFLAGS=-j$(nproc) luarocks --lua-version "$version" make \
        rockspec/noshell-scm-1.rockspec --tree "$work/$version") \
        >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    modules=$work/$version/share/lua/$version
    paths=(LUA_PATH="$modules/?.lua;$modules/?/init.lua"
        LUA_CPATH="$work/$version/lib/lua/$version/?.so")
    interpreters=("lua$version")
    test "$version" = 5.1 && command -v luajit >/dev/null && interpreters+=(luajit)
    for lua in "${interpreters[@]}"; do
        said=$(cd "$work/elsewhere" && env "${paths[@]}" "$lua" -e '
            local noshell = require "noshell"
            io.write(assert(noshell.output { "echo", "it", "works" }))')
        if [ "$said" != "it works" ]; then
            echo "$lua with the installed rock says '$said'"
            exit 1
        fi
        done+=("$lua")
    done
done
echo "installed and at work for ${done[*]}"
