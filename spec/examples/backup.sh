#!/bin/sh
# backup.sh SOURCE TARGET NAME [KEEP]: archives the directory SOURCE as
# TARGET/NAME.tar.gz, with a checksum file for sha256sum -c, checks that the archive
# can be read, and removes all but the KEEP (default 3) newest backups.
set -eu
if [ $# -lt 3 ]; then
    echo 'usage: backup.sh SOURCE TARGET NAME [KEEP]' >&2
    exit 2
fi
source=$1 target=$2 name=$3 keep=${4:-3}
LC_ALL=C
export LC_ALL
work=$(mktemp -d "$target/.backup.XXXXXX") || exit 1
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The status of the pipeline is gzip's, so tar's is saved in a file.
{
    tar -c -C "$source" --sort=name -f - . || echo $? >"$work/failed"
} | gzip -n >"$work/$name.tar.gz" || exit 1
if [ -e "$work/failed" ]; then
    echo "backup: tar failed" >&2
    exit 1
fi
(cd -- "$work" && sha256sum -- "$name.tar.gz" >"$name.tar.gz.sha256")
gzip -dc -- "$work/$name.tar.gz" >"$work/tar"
count=$(tar -tf "$work/tar" | wc -l)
(cd -- "$work" && mv -f -- "$name.tar.gz" "$name.tar.gz.sha256" ..)
printf '%s.tar.gz: %d entries\n' "$name" "$count"

# The names are ours: they contain no newlines.
find "$target/" -maxdepth 1 -name '*.tar.gz' -printf '%T@ %f\n' | sort -rn |
    tail -n "+$((keep + 1))" | while read -r _ old; do
    rm -f -- "$target/$old" "$target/$old.sha256"
    printf 'removed %s\n' "$old"
done
