#!/bin/sh
# rotate_logs.sh DIRECTORY [KEEP]: packs every *.log with something in it as
# *.log.1.gz, moves the older ones up by one, keeps KEEP (4) of them, and
# empties the log, whose writer goes on.
#
# Limit: what the writer adds between packing and emptying is lost.
set -eu
if [ $# -lt 1 ]; then
    echo 'usage: rotate_logs.sh DIRECTORY [KEEP]' >&2
    exit 2
fi
keep=${2:-4} new=
# gzip's half of a file must not stay where gzip fails or we are ended.
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
