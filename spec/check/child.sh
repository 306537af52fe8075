#!/bin/bash
# Checks the symbols that the child's code uses against c/core/launch/child.syms (one
# name per line, comments after #). The child runs in the parent's memory, where
# another thread may hold a lock: a libc function that takes it would deadlock, and
# one that keeps state would corrupt the parent's.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
shopt -s nullglob
objects=("$BUILD"/core/launch/child.o "$BUILD"/core/launch/child_*.o)
if [ ! -e "${objects[0]}" ]; then
    echo "$BUILD/core/launch/child.o is not built"
    exit 1
fi
if [ ! -e c/core/launch/child.syms ]; then
    echo "c/core/launch/child.syms is missing"
    exit 1
fi

allowed=$(sed 's/#.*//' c/core/launch/child.syms | tr -s ' \t' '\n\n' | sort -u)
defined=$(nm --defined-only -g "${objects[@]}" | awk 'NF == 3 { print $3 }' |
    sort -u)
used=$(nm -u "${objects[@]}" | awk '$1 == "U" || $1 == "w" { print $2 }' |
    grep -v '^_GLOBAL_OFFSET_TABLE_$' | sort -u)
foreign=$(comm -23 <(echo "$used") <(sort -u <(echo "$allowed") \
    <(echo "$defined")) | grep .)
if [ -n "$foreign" ]; then
    echo "the child's side calls what child.syms does not allow:" $foreign
    exit 1
fi
echo "$(echo "$used" | comm -23 - <(echo "$defined") | grep -c .) outside symbols, all allowed"
