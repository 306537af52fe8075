#!/bin/sh
# disk_alert.sh PERCENT [PATH...]: lists the file systems that use more than
# PERCENT of their blocks or inodes, and exits with 1 if there are any.
set -eu
if [ $# -lt 1 ]; then
    echo 'usage: disk_alert.sh PERCENT [PATH...]' >&2
    exit 2
fi
limit=$1
shift
LC_ALL=C
export LC_ALL

# Save the output first: the status of a pipeline would be awk's.
above() {
    kind=$1 option=$2
    shift 2
    table=$(df "$option" -- "$@") || exit 3
    printf '%s\n' "$table" | awk -v limit="$limit" -v kind="$kind" 'NR > 1 {
        used = $5
        # File systems without inodes have "-" here.
        if (sub(/%$/, "", used) && used + 0 > limit + 0) {
            # The mount point is the rest of the line, which may contain blanks.
            sub(/^([^ ]+ +)([^ ]+ +)([^ ]+ +)([^ ]+ +)([^ ]+ +)/, "")
            printf "%s: %d%% of the %s are used\n", $0, used, kind
        }
    }'
}

blocks=$(above blocks -P "$@") || exit
inodes=$(above inodes -Pi "$@") || exit
if [ -n "$blocks$inodes" ]; then
    printf '%s\n' "$blocks" "$inodes" | sed '/^$/d'
    exit 1
fi
