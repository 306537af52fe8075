#!/bin/sh
# deploy.sh REPOSITORY ROOT [REVISION]: builds a revision (default HEAD) with make
# in ROOT/releases, points the link ROOT/current to it, and runs ./smoke there. If
# that fails, restores the link. A failed build leaves nothing behind.
set -eu
if [ $# -lt 2 ]; then
    echo 'usage: deploy.sh REPOSITORY ROOT [REVISION]' >&2
    exit 2
fi
repository=$1 root=$2
revision=$(git -C "$repository" rev-parse --verify "${3:-HEAD}^{commit}") || exit 1
release=$root/releases/$revision
previous=$(readlink -- "$root/current" || :)
is_switched=

undo() {
    status=$?
    trap - EXIT
    if [ "$status" -eq 0 ]; then
        rm -f -- "$release.tar"
        exit 0
    fi
    if [ -n "$is_switched" ] && [ -n "$previous" ]; then
        switch "$previous" || :
    elif [ -n "$is_switched" ]; then
        rm -f -- "$root/current" || :
    fi
    rm -rf -- "$release" "$release.tar" || :
    printf 'not deployed; current is %s\n' "${previous:-nothing}"
    exit "$status"
}

# ln -sf would remove the link first, and leave a moment without one.
switch() {
    ln -sfn -- "$1" "$root/current.new"
    mv -fT -- "$root/current.new" "$root/current"
}

if [ "releases/$revision" = "$previous" ]; then
    printf 'current is %s already\n' "$previous"
    exit
fi
trap undo EXIT
trap 'exit 1' HUP INT TERM
rm -rf -- "$release"
mkdir -p -- "$release"
# Not in a pipeline, whose status would be that of tar only.
git -C "$repository" archive "$revision" >"$release.tar"
tar -xf "$release.tar" -C "$release"
make -s -C "$release" >&2 || exit 1
is_switched=yes
switch "releases/$revision"
(cd -- "$release" && timeout 10 ./smoke >&2) || exit 1
printf 'deployed; current is releases/%s\n' "$revision"
