#!/bin/bash
# machine.sh [OPTION]... selinux|apparmor|none|systemd COMMAND [ARG]...
#
# Runs a command in a small emulated machine, whose kernel is Debian 12's 6.1
# with that security module active, or without any and with systemd as pid 1, and
# exits with the command's status.
#
#   -d DIR    copies DIR's contents onto the machine's root (repeatable)
#   -b FILE   copies this program or library, at its own path (repeatable);
#             the libraries of all that is copied are found with ldd
#   -D LABEL  runs COMMAND under this context or profile; without it as pid 1
#             is: kernel_t, or unconfined
#   -t SECS   the machine's time (90)
#   -v        shows the kernel's messages, and what was denied
#
# 77: something that it needs is missing, and its last line says what. 124: time
# is up. 125: the machine itself failed.
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../build/vm
dirs=() files=() domain='' limit=90 verbose=''

lacks() {
    echo "$*"
    exit 77
}

die() {
    echo "machine.sh: $*"
    exit 125
}

# --- what it needs

check_tools() {
    local tool
    PATH=$PATH:/usr/sbin:/sbin
    test "$(uname -m)" = x86_64 || lacks "the machine is an x86_64"
    for tool in qemu-system-x86_64 busybox cpio ldd timeout; do
        command -v $tool >/dev/null || lacks "$tool is not installed"
    done
    case $1 in
    selinux) tool=secilc ;;
    apparmor) tool=apparmor_parser ;;
    systemd)
        test -x /lib/systemd/systemd || lacks "systemd is not installed"
        command -v systemd-run >/dev/null || lacks "systemd-run is not installed"
        tool=dbus-daemon ;;
    esac
    command -v "$tool" >/dev/null || lacks "$tool is not installed"
    for tool in sh mount dd cp setsid dmesg poweroff; do
        busybox --list | grep -qx $tool || lacks "busybox has no $tool"
    done
}

find_kernel() {
    local file
    kernel=$NOSHELL_VM_KERNEL
    test -n "$kernel" && return
    for file in /boot/vmlinuz-6.1.*-cloud-amd64 "$cache"/kernel/vmlinuz-*; do
        test -r "$file" && kernel=$file
    done
}

kernel_package() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-6\.1\..*\)/\1/p' | head -1
}

# The package is unpacked, not installed: nothing here is to boot it. A rename
# makes it whole or absent for others who look at the same time.
fetch_kernel() {
    local package new
    command -v apt-get >/dev/null || return
    package=$(kernel_package)
    if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
        timeout 120 apt-get -qq update >/dev/null 2>&1
        package=$(kernel_package)
    fi
    test -n "$package" || return
    mkdir -p "$cache" && new=$(mktemp -d "$cache/fetch.XXXXXX") || return
    if (cd "$new" && timeout 120 apt-get -qq download "$package") >/dev/null 2>&1
    then
        dpkg-deb --fsys-tarfile "$new"/*.deb |
            tar -x -C "$new" --strip-components=2 --wildcards './boot/vmlinuz-*'
        rm -f "$new"/*.deb
        mv -T "$new" "$cache/kernel" 2>/dev/null
    fi
    rm -rf "$new"
}

# --- the root file system

# Copies files to the same path, symbolic links followed.
stage() {
    local file
    for file; do
        test -e "$root$file" && continue
        mkdir -p "$root${file%/*}"
        cp -L "$file" "$root$file" || die "$file cannot be copied"
    done
}

stage_module() {
    case $1 in
    selinux)
        secilc -M true -c 33 -o "$root/vm/policy" -f /dev/null \
            "$here/policy.cil" || die "the policy does not compile"
        mkdir -p "$root/etc/selinux"
        # libselinux takes a system without this file for one without SELinux.
        echo SELINUX=enforcing >"$root/etc/selinux/config" ;;
    apparmor)
        stage "$(command -v apparmor_parser)"
        mkdir -p "$root/etc/apparmor"
        : >"$root/etc/apparmor/parser.conf"
        cp "$here/apparmor.profile" "$root/vm/profile" ;;
    systemd) stage_systemd ;;
    esac
}

# No journal, no login: only what systemd-run needs, which is the bus. The command is
# the unit of the default target.
stage_systemd() {
    local unit units=/lib/systemd/system
    stage /lib/systemd/systemd "$(command -v systemd-run)" "$(command -v systemctl)" \
        "$(command -v dbus-daemon)" /usr/share/dbus-1/system.conf \
        /usr/share/dbus-1/system.d/org.freedesktop.systemd1.conf
    test ! -e /lib/systemd/systemd-executor || stage /lib/systemd/systemd-executor
    for unit in basic paths shutdown slices sockets sysinit timers umount local-fs swap \
        final; do
        stage $units/$unit.target
    done
    stage $units/dbus.service $units/dbus.socket
    cp "$here/command.service" "$root$units/command.service"
    mkdir -p "$root/run" "$root/var/lib/dbus" "$root/etc/systemd"
    ln -s /run "$root/var/run"
    printf '[Manager]\nDefaultStandardOutput=null\nLogTarget=null\n' \
        >"$root/etc/systemd/system.conf"
    echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
    printf '%s\n' messagebus:x:100:100::/:/bin/sh games:x:5:60::/:/bin/sh \
        >>"$root/etc/passwd"
    printf '%s\n' messagebus:x:100: games:x:60: lp:x:7: >>"$root/etc/group"
    chmod 1777 "$root/tmp"
}

# ldd says nothing of use about files that are not dynamic.
stage_libraries() {
    local library
    find "$root" -type f -size +0 \( -perm -u+x -o -name '*.so*' \) \
        -exec ldd {} + 2>/dev/null |
        sed -n 's/^.*=> \(\/[^ ]*\) (0x.*$/\1/p; s/^\t\(\/[^ ]*\) (0x.*$/\1/p' |
        sort -u >"$work/libraries"
    while read -r library; do stage "$library"; done <"$work/libraries"
}

make_root() {
    local dir mode=$1
    shift
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{vm,test,etc,dev,proc,sys,tmp}
    for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp "$here/init" "$root/init"
    echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    for dir in "${dirs[@]}"; do cp -a "$dir/." "$root/"; done
    stage "${files[@]}"
    stage_module "$mode"
    stage_libraries
    printf '%s=%q\n' MODE "$mode" DOMAIN "$domain" VERBOSE "$verbose" \
        >"$root/vm/config"
    printf '%q ' exec "$@" >"$root/vm/command"
    (cd "$root" && find . -print0 |
        cpio --quiet -0 -o -H newc -R 0:0) >"$work/initramfs"
}

# --- the machine

boot() {
    local words='console=ttyS0 panic=-1 nokaslr mitigations=off'
    case $1 in
    selinux) words+=' security=selinux selinux=1 enforcing=1' ;;
    apparmor) words+=' security=apparmor apparmor=1' ;;
    none) words+=' lsm=landlock,lockdown,yama' ;;
    systemd)
        words+=' lsm=landlock,lockdown,yama systemd.unit=command.service'
        words+=' systemd.show_status=no' ;;
    esac
    test -n "$verbose" || words+=' quiet loglevel=1'
    timeout -k 5 "$limit" qemu-system-x86_64 -nodefaults -no-user-config \
        -display none -no-reboot -machine pc -accel tcg -cpu Nehalem -smp 1 \
        -m 512 -kernel "$kernel" -initrd "$work/initramfs" -append "$words" \
        -chardev stdio,id=con,signal=off -serial chardev:con \
        -serial "file:$work/status" </dev/null 2>"$work/errors" |
        sed 's/\r$//; / reboot: Power down$/d'
    ended=${PIPESTATUS[0]}
    # qemu warns about every feature of the processor that it does not emulate.
    grep -v 'TCG doesn.t support requested feature' "$work/errors"
}

while getopts d:b:D:t:v option; do
    case $option in
    d) dirs+=("$OPTARG") ;;
    b) files+=("$OPTARG") ;;
    D) domain=$OPTARG ;;
    t) limit=$OPTARG ;;
    v) verbose=1 ;;
    *) exit 125 ;;
    esac
done
shift $((OPTIND - 1))
case $1 in
selinux | apparmor | none | systemd) test $# -ge 2 || die "no command" ;;
*) die "which module? selinux, apparmor, none or systemd" ;;
esac

check_tools "$1"
find_kernel
test -n "$kernel" || { fetch_kernel; find_kernel; }
test -r "$kernel" || lacks "no kernel 6.1 here, and none that apt can download"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
root=$work/root
make_root "$@"
boot "$1"
status=$(tr -d '\r' <"$work/status" | sed -n 's/^status \([0-9]*\)$/\1/p')
test "$ended" = 124 && echo "machine.sh: $limit s are up" && exit 124
test -n "$status" || die "the machine ended without a status"
exit "$status"
