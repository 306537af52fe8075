#!/bin/bash
# run_checks.sh [CHECK...]: runs the given scripts, by default all in spec/check. A
# script exits with 0 on success, with 77 if it cannot run here, and with another
# status on failure; its last line gives the reason. The last line of the output is
# the total, `N passed, N failed, N skipped`.

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
