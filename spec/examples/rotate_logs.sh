#!/bin/sh
# rotate_logs.sh DIRECTORY [KEEP]: compresses every *.log that is not empty to
# *.log.1.gz, renames older ones to the next number, keeps KEEP (default 4) of them,
# and truncates the log, which its writer keeps open.
#
# Limit: lines that the writer adds between compressing and truncating are lost.
set -eu
if [ $# -lt 1 ]; then
    echo 'usage: rotate_logs.sh DIRECTORY [KEEP]' >&2
    exit 2
fi
keep=${2:-4} new=
# Remove gzip's partial file if gzip fails or the script is killed.
trap 'test -z "$new" || rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
cd -- "$1" || exit 1
LC_ALL=C
export LC_ALL
for log in ./*.log; do
    if [ -h "$log" ] || [ ! -f "$log" ] || [ ! -s "$log" ]; then
        continue
    fi
    new=$log.new
    gzip -nc -- "$log" >"$new" || exit 1
    number=$keep
    while [ "$number" -gt 1 ]; do
        older=$((number - 1))
        if [ -e "$log.$older.gz" ]; then
            mv -f -- "$log.$older.gz" "$log.$number.gz"
        fi
        number=$older
    done
    mv -f -- "$new" "$log.1.gz"
    new=
    : >"$log"
    printf 'rotated %s\n' "${log#./}"
done
