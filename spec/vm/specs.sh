#!/bin/bash
# specs.sh selinux|apparmor|none: what is to be proven under that security
# module, in the machine: labels from C and from every Lua that is built, and
# (none) the core on a kernel that does not keep statuses. Its last line is the
# sum; 77 if the machine lacks something, which the last line names.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
mode=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
spec=$work/root/spec
mkdir -p "$spec"
options=(-d "$work/root" -t "${NOSHELL_VM_LIMIT:-240}")

# The commands that run inside, one per line.
run() {
    echo "$@" >>"$spec/list"
}

add_c() {
    cp "$BUILD/c/label_modules" "$spec" || exit 1
    run "/spec/label_modules $mode"
}

add_old_kernel() {
    local packages=()
    for package in libcap-ng libselinux libseccomp; do
        pkg-config --exists $package 2>/dev/null && packages+=("$package")
    done
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow -Wconversion \
        -Werror -Ic -o "$spec/old_kernel" spec/vm/old_kernel.c \
        "$BUILD/libnoshell.a" \
        $(test ${#packages[@]} = 0 || pkg-config --libs "${packages[@]}") \
        -lpthread || exit 1
    run /spec/old_kernel
}

# The interpreter as it is installed, the module as it is built.
add_lua() {
    local version=$1 name=lua$1 program
    test "$version" = jit && name=luajit
    program=$(command -v "$name") || return
    test -e "$BUILD/$version/noshell/core.so" || return
    mkdir -p "$spec/$version/noshell"
    cp "$BUILD/$version/noshell/core.so" "$spec/$version/noshell"
    options+=(-b "$program")
    run "LUA_PATH='/spec/lua/?.lua;/spec/lua/?/init.lua'" \
        "LUA_CPATH='/spec/$version/?.so' $program /spec/labels.lua $mode"
    # The sandbox is C: three Luas suffice for its long list.
    [[ $mode = none && $version = @(5.4|5.1|jit) ]] &&
        pkg-config --exists libseccomp 2>/dev/null &&
        run "LUA_PATH='/spec/lua/?.lua;/spec/lua/?/init.lua'" \
            "LUA_CPATH='/spec/$version/?.so' $program /spec/sandbox.lua"
}

cat >"$spec/all" <<'SH'
failed=0
while read -r line; do
    echo "--- $line"
    sh -c "$line" </dev/null || { echo "exited with status $?"; failed=1; }
done </spec/list
exit $failed
SH
cp "$BUILD/fixtures/probe" "$spec" || exit 1
add_c
test "$mode" = none && add_old_kernel
if [ -e lua/noshell/init.lua ]; then
    cp -r lua "$spec"
    cp spec/vm/labels.lua spec/vm/sandbox.lua "$BUILD/fixtures/escape" "$spec"
    for version in 5.4 5.1 jit 5.2 5.3 5.5; do add_lua $version; done
fi
# Starts in a domain in which only the subjects of the specs are restricted.
case $mode in
selinux) options+=(-D vm_u:vm_r:a_t:s0) ;;
esac

spec/vm/machine.sh "${options[@]}" "$mode" /bin/sh /spec/all >"$work/out" 2>&1
status=$?
cat "$work/out"
test $status = 77 && exit 77
# A status that no check explains is a failure too.
awk -v status=$status '/ passed, .* skipped$/ { p += $1; f += $3 }
    END { printf "%d passed, %d failed, 0 skipped\n", p, (f || !status) ? f : 1 }' \
    "$work/out"
exit $status
