#!/bin/bash
# Tests labels with SELinux and AppArmor enforcing, and the core on a kernel that does
# not keep statuses, in three short-lived virtual machines (spec/vm).
cd "$(dirname "$0")/../.." || exit 1
out=$(mktemp)
trap 'rm -f "$out"' EXIT
sums=()
for mode in selinux apparmor none; do
    timeout -k 10 300 spec/vm/specs.sh $mode >"$out" 2>&1
    status=$?
    if [ $status = 77 ]; then
        tail -1 "$out"
        exit 77
    elif [ $status != 0 ]; then
        cat "$out"
        echo "$mode: $(tail -1 "$out")"
        exit 1
    fi
    sums+=("$mode: $(tail -1 "$out" | cut -d, -f1)")
done
printf '%s; ' "${sums[@]}" | sed 's/; $/\n/'
