#!/bin/sh
# setup.sh build|test|check|bench: installs the missing packages of a group with apt,
# through sudo unless root. Without apt, without root and sudo, or with
# NOSHELL_SETUP=no, it lists them instead. Exits with 1 if a required package is still
# missing.
#
# Environment: NOSHELL_SETUP; LUA (require only this Lua); LUA_INCDIR (the directory of
# its headers).

group=${1:-build}
# The PATH of a user other than root may lack these directories.
PATH=$PATH:/usr/sbin:/sbin

# Each line: the group, the test, Debian's package, a description.
#   cmd:NAME a program; pc:NAME|NAME pkg-config; inc:FILE a C header;
#   lua:VERSION:FILE a Lua module's file; nginx:FILE one of nginx's modules;
#   prefix opt-: optional.
needs() {
    lua_needs
    cat <<'LIST'
build cmd:cc                         gcc                a C compiler (gcc or clang)
build inc:stdio.h                    libc6-dev          the C library's headers
build inc:linux/sched.h              linux-libc-dev     the kernel's headers
build cmd:make                       make               GNU make
build cmd:pkg-config                 pkg-config         pkg-config
build opt-pc:libcap-ng               libcap-ng-dev      libcap-ng with headers (capabilities)
build opt-pc:libselinux              libselinux1-dev    libselinux with headers (SELinux labels)
build opt-pc:libseccomp              libseccomp-dev     libseccomp with headers (sandboxes)
test  opt-cmd:g++                    g++                g++, to compile the header as C++
test  opt-lua:5.4:cjson.so           lua-cjson          lua-cjson
test  opt-cmd:ldoc                   lua-ldoc           ldoc, for make doc
test  opt-cmd:sshd                   openssh-server     sshd and ssh, for the machines
test  opt-cmd:dropbear               dropbear-bin       dropbear, for the machines
test  opt-cmd:fish                   fish               fish, as a login shell
test  opt-cmd:tcsh                   tcsh               tcsh, as a login shell
test  opt-cmd:zsh                    zsh                zsh, as a login shell
test  opt-cmd:git                    git                git, for the example deploy
test  opt-cmd:ps                     procps             ps, for the example audit_users
test  opt-cmd:ping                   iputils-ping       ping, for the example check_hosts
test  opt-cmd:python3                python3            python3, a program on a terminal
test  opt-cmd:less                   less               less, the same
test  opt-cmd:vim                    vim                vim, the same
test  opt-cmd:ssh                    openssh-client     ssh, the same
test  opt-cmd:sshd                   openssh-server     sshd, for ssh
test  opt-cmd:qemu-system-x86_64     qemu-system-x86    qemu, for the machine of spec/vm
test  opt-cmd:busybox                busybox-static     busybox, in that machine
test  opt-cmd:cpio                   cpio               cpio, which packs it
test  opt-cmd:secilc                 secilc             secilc, for its SELinux policy
test  opt-cmd:apparmor_parser        apparmor           apparmor_parser, for its profiles
test  opt-cmd:nginx                  nginx              nginx
test  opt-nginx:ngx_http_lua_module.so libnginx-mod-http-lua nginx's Lua module
test  opt-lua:5.1:socket/core.so     lua-socket         luasocket, the client of the nginx specs
test  opt-lua:5.4:luv.so             lua-luv            luv
test  opt-lua:5.4:_cqueues.so        lua-cqueues        cqueues
test  opt-lua:5.1:copas.lua          lua-copas          copas
test  opt-cmd:nvim                   neovim             Neovim
check opt-cmd:luacheck               lua-check          luacheck
check opt-cmd:luarocks               luarocks           luarocks
check opt-cmd:clang                  clang              clang
check opt-cmd:valgrind               valgrind           valgrind
check opt-cmd:systemd-run            systemd            systemd, for the machines
check opt-cmd:dbus-daemon            dbus-daemon        dbus-daemon, the same
check opt-cmd:srun                   slurm-client       srun, for the machines
check opt-cmd:slurmctld              slurmctld          slurmctld, the same
check opt-cmd:slurmd                 slurmd             slurmd, the same
check opt-cmd:munged                 munge              munge, for Slurm
check opt-cmd:podman                 podman             podman, for the machines
check opt-cmd:runc                   runc               a runtime of podman
check opt-cmd:crun                   crun               the other one
check opt-cmd:newuidmap              uidmap             newuidmap, for podman without root
bench opt-cmd:wrk                    wrk                wrk, for spec/bench/nginx.lua
bench opt-lua:5.1:posix.so          lua-posix          luaposix, to compare with
bench opt-cmd:gnuplot                gnuplot-nox        gnuplot, for the plots of make bench
LIST
}

# Lists the Luas: 5.4 to build, all to test, or only $LUA. An interpreter with another
# name is assumed to be complete.
lua_needs() {
    case ${LUA-} in
    '') name_lua build 5.4 ''
        for version in 5.1 jit 5.2 5.3; do name_lua test $version opt-; done
        name_busted 5.4 ;;
    lua5.[1-9] | luajit)
        name_lua build "${LUA#lua}" ''
        name_busted "${LUA#lua}" ;;
    esac
}

name_lua() {
    package=lua$2 headers=liblua$2-dev
    case $2 in
    5.1) headers=liblua5.1-0-dev ;;
    jit) package=luajit2 headers=libluajit2-5.1-dev ;;
    esac
    echo "$1 $3cmd:lua$2 $package the interpreter lua$2"
    test -n "${LUA_INCDIR-}" ||
        echo "$1 $3pc:lua$2|lua-$2|lua$(echo "$2" | tr -d .) $headers the headers of lua$2"
}

# Debian's lua-busted serves all Luas; LuaJIT reads the files for 5.1.
name_busted() {
    version=$1
    test "$version" = jit && version=5.1
    echo "test lua:$version:busted/runner.lua lua-busted busted, for lua$1"
}

on_path() {
    command -v "$1" >/dev/null 2>&1
}

in_any() {
    for file; do
        test -e "$file" && return 0
    done
    return 1
}

# Looks for the file of a Lua module, which is faster than starting a Lua.
has_lua_module() {
    version=${1%%:*} file=${1#*:}
    in_any "/usr/share/lua/$version/$file" "/usr/local/share/lua/$version/$file" \
        /usr/lib/*/lua/"$version/$file" /usr/lib/lua/"$version/$file" \
        /usr/lib64/lua/"$version/$file" /usr/local/lib/lua/"$version/$file"
}

is_there() {
    case $1 in
    cmd:*) on_path "${1#cmd:}" ;;
    inc:*) in_any "/usr/include/${1#inc:}" /usr/include/*/"${1#inc:}" ;;
    pc:*)
        on_path pkg-config || return 1
        for name in $(echo "${1#pc:}" | tr '|' ' '); do
            pkg-config --exists "$name" && return 0
        done
        return 1 ;;
    lua:*) has_lua_module "${1#lua:}" ;;
    nginx:*)
        in_any "/usr/lib/nginx/modules/${1#nginx:}" \
            "/usr/lib64/nginx/modules/${1#nginx:}" \
            "/usr/share/nginx/modules/${1#nginx:}" /usr/local/openresty/bin/openresty ;;
    esac
}

# Debian's two LuaJIT packages conflict. nginx's module needs luajit2, so that one is
# installed, unless the other is present.
debian_name() {
    case $1 in
    libluajit2-5.1-dev)
        if dpkg-query -W -f '${Status}' luajit 2>/dev/null |
            grep -q ' installed'; then
            echo libluajit-5.1-dev
            return
        fi ;;
    esac
    echo "$1"
}

# Sets packages and required (package names and descriptions of what is required), and
# extras and optional (of the rest).
look() {
    packages='' required='' extras='' optional=''
    while read -r its_group check package text; do
        case $group:$its_group in
        *:build | $group:$group | check:test | bench:test) ;;
        *) continue ;;
        esac
        is_there "${check#opt-}" && continue
        package=$(debian_name "$package")
        line="  $text (Debian: $package)
"
        case $check in
        opt-*) extras="$extras $package" optional="$optional$line" ;;
        *) packages="$packages $package" required="$required$line" ;;
        esac
    done <<LIST
$(needs)
LIST
}

can_install() {
    test "${NOSHELL_SETUP-}" != no && on_path apt-get &&
        { [ "$(id -u)" = 0 ] || on_path sudo; }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Installs packages without starting services: nginx would occupy port 80, or fail if
# it is in use. A policy-rc.d that exits with 101 prevents that on Debian.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive sh -c '
        policy=/usr/sbin/policy-rc.d
        if ! test -e $policy; then
            trap "rm -f $policy" EXIT
            trap "exit 1" HUP INT TERM
            printf "#!/bin/sh\nexit 101\n" >$policy && chmod 755 $policy
        fi
        apt-get install -y -qq --no-install-recommends "$@"' sh "$@" \
        </dev/null >>"$log" 2>&1
}

# Installs the extras one by one if installing all of them fails.
install_with_apt() {
    echo "setup: installing$packages$extras"
    as_root apt-get update -qq </dev/null >>"$log" 2>&1
    # shellcheck disable=SC2086
    test -z "$packages" || apt_install $packages || cat "$log"
    # shellcheck disable=SC2086
    test -z "$extras" || apt_install $extras ||
        for extra in $extras; do apt_install "$extra"; done
}

report() {
    test -n "$required" && printf 'setup: please install these:\n%s' "$required"
    test -n "$optional" &&
        printf 'setup: optional, not installed:\n%s' "$optional"
    test -z "$required"
}

look
test -z "$packages$extras" && exit 0
if can_install; then
    log=$(mktemp)
    install_with_apt
    rm -f "$log"
    look
    test -z "$packages$extras" && exit 0
fi
report
