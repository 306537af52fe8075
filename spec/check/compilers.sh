#!/bin/bash
# Builds the whole tree with gcc and with clang, with -Werror. The trees are kept, so
# that the next check compiles only what has changed.
cd "$(dirname "$0")/../.." || exit 1
tried=()
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    tree=build/check-$compiler
    make -s -j"$(nproc)" WERROR=1 CC=$compiler BUILD="$tree" all fixtures || exit 1
    BUILD=$tree spec/check/child.sh || exit 1
    BUILD=$tree spec/check/symbols.sh || exit 1
    tried+=("$compiler")
done
if [ ${#tried[@]} = 1 ]; then
    echo "only ${tried[0]} is installed, and it is clean"
    exit 77
fi
echo "clean with ${tried[*]}"
