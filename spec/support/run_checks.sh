#!/bin/bash
# run_checks.sh [CHECK...]: runs the given scripts, by default all in spec/check, two at
# a time. A script exits with 0 on success, with 77 if it cannot run here, and with
# another status on failure; its last line gives the reason. The last line of the output
# is the total, `N passed, N failed, N skipped`.

cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
export BUILD=${BUILD:-build}

# Runs one script; prints how it ended, and adds a line to the totals.
run_one() {
    local name start=$SECONDS status took reason out
    name=$(basename "$1" .sh)
    out=$(mktemp "$TOTALS.XXXXXX")
    bash "$1" </dev/null >"$out" 2>&1
    status=$?
    took="$((SECONDS - start)) s"
    reason=$(tail -1 "$out")
    {
        flock 9
        case $status in
        0) echo "ok      $name ($took): $reason"; echo "1 0 0" >>"$TOTALS" ;;
        77) echo "skipped $name: $reason"; echo "0 0 1" >>"$TOTALS" ;;
        *)
            cat "$out"
            echo "FAILED  $name ($took): $reason"
            echo "0 1 0" >>"$TOTALS" ;;
        esac
    } 9>>"$TOTALS.lock"
    rm -f "$out"
}

if [ "$1" = --one ]; then
    run_one "$2"
    exit
fi

# The longest one first.
if [ $# = 0 ]; then
    mapfile -t others < <(find spec/check -name '*.sh' ! -name sanitizers.sh | sort)
    set -- spec/check/sanitizers.sh "${others[@]}"
fi
TOTALS=$(mktemp)
export TOTALS
trap 'rm -f "$TOTALS" "$TOTALS".*' EXIT
for check; do
    printf '%s\0' --one "$check"
done | xargs -0 -r -n 2 -P 2 "$0"

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 }
    END { print p + 0, f + 0, s + 0 }' "$TOTALS")
# A script that died has left no line.
failed=$((failed + $# - passed - failed - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
