#!/bin/sh
# check_hosts.sh FILE [AT_ONCE]: pings the hosts in FILE, AT_ONCE (default 8) at a
# time. FILE has one host per line, and comments after #. Reports in the order of
# FILE which hosts are up; exits with 1 if one is down.
set -eu
if [ $# -lt 1 ]; then
    echo 'usage: check_hosts.sh FILE [AT_ONCE]' >&2
    exit 2
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM
sed 's/#.*//; s/^[[:blank:]]*//; s/[[:blank:]]*$//; /^$/d' <"$1" >"$work/hosts" ||
    exit 2

# Answers come in any order, so each is a file of its own. The file's number is
# half of a pair of arguments; xargs passes them as they are with -0 alone.
# shellcheck disable=SC2016
awk '{ printf "%d%c%s%c", NR, 0, $0, 0 }' <"$work/hosts" |
    WORK=$work xargs -0 -r -n 2 -P "${2:-8}" sh -c '
        if ping -c 1 -w 1 -q -- "$2" >/dev/null 2>&1; then : >"$WORK/up.$1"; fi
    ' sh

status=0 number=0
# The last line may have no newline: read stores it, but fails.
while read -r host || [ -n "$host" ]; do
    number=$((number + 1))
    if [ -e "$work/up.$number" ]; then
        printf '%s is up\n' "$host"
    else
        printf '%s is DOWN\n' "$host"
        status=1
    fi
done <"$work/hosts"
exit $status
