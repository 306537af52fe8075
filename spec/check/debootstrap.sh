#!/bin/bash
# Runs `make demo` and `make test`, each in a new Debian 12 tree that has only gcc, make
# and git. Needs root, debootstrap and a mirror; `make fresh` runs only this check.
# NOSHELL_FRESH=0 skips it, NOSHELL_FRESH_DIR sets the directory of the trees, and
# NOSHELL_FRESH_RUN another command to run.
cd "$(dirname "$0")/../.." || exit 1
if [ "$NOSHELL_FRESH" = 0 ]; then
    echo "NOSHELL_FRESH=0"
    exit 77
fi
if ! command -v debootstrap >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "needs debootstrap, and root"
    exit 77
fi

# Use the mirror of this machine.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
    /etc/apt/sources.list.d/*.sources 2>/dev/null |
    grep -E '^(deb |URIs:)' | grep -oE 'https?://[^ ]*debian/?( |$)' | head -1)
mirror=${mirror:-http://deb.debian.org/debian}
work=$(mktemp -d "${NOSHELL_FRESH_DIR:-/var/tmp}/noshell-fresh-XXXXXX")
root=$work/root

let_go() {
    umount "$root/sys" "$root/proc" "$root/dev/shm" "$root/dev/pts" \
        "$root/dev" 2>/dev/null
    # Never delete below a mount that could not be unmounted.
    if grep -q " $work/" /proc/mounts; then
        echo "still mounted below $work"
        exit 1
    fi
    rm -rf --one-file-system "$root"
}
trap 'let_go; rm -rf --one-file-system "$work"' EXIT

copy_apt_config() {
    cp -rL /etc/apt/apt.conf.d/. "$work/base/etc/apt/apt.conf.d/"
    cp /etc/apt/apt.conf "$work/base/etc/apt/" 2>/dev/null
    cp /etc/resolv.conf /etc/hosts "$work/base/etc/"
    echo "deb $mirror bookworm main" >"$work/base/etc/apt/sources.list"
}

# Copies the working tree: tracked files, and untracked ones that are not ignored.
copy_noshell() {
    mkdir "$root/noshell"
    git ls-files -co --exclude-standard -z |
        tar -c --null --ignore-failed-read -T - 2>/dev/null |
        tar -x -C "$root/noshell"
}

new_root() {
    cp -a "$work/base" "$root" && copy_noshell &&
        mount --bind /dev "$root/dev" &&
        mount -t devpts devpts "$root/dev/pts" &&
        mount -t tmpfs tmpfs "$root/dev/shm" &&
        mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys"
}

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        chroot "$root" /bin/bash -c "cd /noshell && $1" </dev/null
}

if ! debootstrap --variant=minbase --include=gcc,make,git bookworm \
    "$work/base" "$mirror" >"$work/log" 2>&1; then
    tail -5 "$work/log"
    echo "debootstrap could make no tree here"
    exit 77
fi
copy_apt_config
for run in "${NOSHELL_FRESH_RUN:-make demo}" "${NOSHELL_FRESH_RUN:-make test}"; do
    if ! new_root; then
        echo "nothing may be mounted here"
        exit 77
    fi
    echo "--- $run"
    inside "$run" 2>&1 | tee "$work/out"
    if [ "${PIPESTATUS[0]}" != 0 ]; then
        echo "$run fails in a fresh tree"
        exit 1
    fi
    let_go
    test -n "$NOSHELL_FRESH_RUN" && break
done
echo "works in a fresh tree: $(tail -1 "$work/out")"
