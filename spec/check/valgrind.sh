#!/bin/bash
# Runs specs under valgrind, on lua5.4: no invalid access, and no definite leak in our
# files. valgrind rejects CLONE_FILES, which leaves two launch paths, and turns every
# vfork into a fork.
cd "$(dirname "$0")/../.." || exit 1
if ! command -v valgrind >/dev/null; then
    echo "valgrind is not installed"
    exit 77
fi
# One spec per subject: a run takes thirty times as long.
specs=()
for name in command process result stream; do
    test -e "spec/${name}_spec.lua" && specs+=("spec/${name}_spec.lua")
done
if [ ${#specs[@]} = 0 ]; then
    echo "none of its specs is there"
    exit 77
fi
logs=$PWD/build/valgrind
rm -rf "$logs"
mkdir -p "$logs"
export NOSHELL_INSTRUMENTED=valgrind
export NOSHELL_LAUNCH=copied NOSHELL_PATHS="copied own"
WRAP="valgrind -q --leak-check=full --show-leak-kinds=definite
    --keep-debuginfo=yes --trace-children=no --child-silent-after-fork=yes --log-file=$logs/%p" \
    LIMIT=600 spec/support/run_specs.sh 5.4 "${specs[@]}" || failed=1
bad=$(awk 'BEGIN { RS = "==[0-9]+== \n" } /(Invalid|uninitialised|definitely lost|Syscall param)/ && /\([a-z_]+\.[ch]:[0-9]+\)/' "$logs"/*)
if [ -n "$bad$failed" ]; then
    echo "$bad"
    echo "specs fail or complain under valgrind"
    exit 1
fi
echo "${#specs[@]} spec files clean"
