#!/bin/bash
# Runs luacheck on every Lua file, with .luacheckrc.
cd "$(dirname "$0")/../.." || exit 1
if ! command -v luacheck >/dev/null; then
    echo "luacheck is not installed"
    exit 77
fi
mapfile -t files < <(find lua spec rockspec -name '*.lua' -o -name '*.rockspec')
luacheck --quiet "${files[@]}" || exit 1
echo "${#files[@]} files clean"
