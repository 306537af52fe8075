#!/bin/bash
# run_checks.sh [CHECK...]: runs the scripts in spec/check (all of them unless
# named). A script exits 0 when all is well, 77 when it cannot run here, else
# it failed; its last line says why. The last line here is the sum,
# `N passed, N failed, N skipped`, a script counting as one.

cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
export BUILD=${BUILD:-build}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
passed=0 failed=0 skipped=0
test $# = 0 && set -- spec/check/*.sh

for check; do
    name=$(basename "$check" .sh)
    start=$SECONDS
    bash "$check" </dev/null >"$out" 2>&1
    status=$?
    took="$((SECONDS - start)) s"
    reason=$(tail -1 "$out")
    case $status in
    0) passed=$((passed + 1)); echo "ok      $name ($took): $reason" ;;
    77) skipped=$((skipped + 1)); echo "skipped $name: $reason" ;;
    *)
        failed=$((failed + 1))
        cat "$out"
        echo "FAILED  $name ($took): $reason" ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
