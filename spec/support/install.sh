#!/bin/sh
# install.sh VERSION LUADIR LIBDIR: puts the Lua modules into LUADIR and the C
# module of this Lua into LIBDIR, from the tree and from BUILD.
set -e
cd "$(dirname "$0")/../.."
version=$1 luadir=$2 libdir=$3

find lua/noshell -name '*.lua' | while read -r file; do
    install -D -m 644 "$file" "$luadir/${file#lua/}"
done
types=${BUILD:-build}/types/setters.d.lua
test ! -e "$types" || install -D -m 644 "$types" "$luadir/noshell/setters.d.lua"
install -D -m 755 "${BUILD:-build}/$version/noshell/core.so" \
    "$libdir/noshell/core.so"
echo "noshell: installed for Lua $version in $luadir and $libdir"
