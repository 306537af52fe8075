#!/bin/sh
# setup.sh build|test|bench: makes sure that what the group needs is there. It does
# nothing where nothing is missing; installs with apt where there is apt (with
# sudo when not root); elsewhere it prints what to install.

group=${1:-build}
# Where some of what is looked for is, and a user's PATH does not lead.
PATH=$PATH:/usr/sbin:/sbin

# A line is: group, how it is looked for, Debian's package, what it is.
#   cmd:NAME a program; pc:NAME|NAME pkg-config; inc:FILE a C header;
#   lua:VERSION:FILE a Lua module's file; nginx:FILE one of nginx's modules;
#   opt- before it: works without.
needs() {
    cat <<'LIST'
build cmd:cc                         gcc                a C compiler (gcc or clang)
build inc:stdio.h                    libc6-dev          the C library's headers
build inc:linux/sched.h              linux-libc-dev     the kernel's headers
build cmd:make                       make               GNU make
build cmd:pkg-config                 pkg-config         pkg-config
build cmd:lua5.4                     lua5.4             Lua 5.4, called lua5.4
build pc:lua5.4|lua-5.4|lua54        liblua5.4-dev      Lua 5.4's headers
build opt-pc:libcap-ng               libcap-ng-dev      libcap-ng with headers (capabilities)
build opt-pc:libselinux              libselinux1-dev    libselinux with headers (SELinux labels)
test  cmd:lua5.1                     lua5.1             Lua 5.1, called lua5.1
test  pc:lua5.1|lua-5.1|lua51        liblua5.1-0-dev    Lua 5.1's headers
test  cmd:luajit                     luajit2            LuaJIT
test  pc:luajit                      libluajit2-5.1-dev LuaJIT's headers
test  lua:5.4:busted/runner.lua      lua-busted         busted, for each of these Luas
test  cmd:luacheck                   lua-check          luacheck
test  cmd:luarocks                   luarocks           luarocks
test  opt-lua:5.4:cjson.so           lua-cjson          lua-cjson
test  opt-cmd:ldoc                   lua-ldoc           ldoc, for make doc
test  opt-cmd:git                    git                git, for the example deploy
test  opt-cmd:ps                     procps             ps, for the example audit_users
test  opt-cmd:ping                   iputils-ping       ping, for the example check_hosts
test  opt-cmd:qemu-system-x86_64     qemu-system-x86    qemu, for the machine of spec/vm
test  opt-cmd:busybox                busybox-static     busybox, in that machine
test  opt-cmd:cpio                   cpio               cpio, which packs it
test  opt-cmd:secilc                 secilc             secilc, for its SELinux policy
test  opt-cmd:apparmor_parser        apparmor           apparmor_parser, for its profiles
test  opt-cmd:clang                  clang              clang
test  opt-cmd:valgrind               valgrind           valgrind
test  opt-cmd:nginx                  nginx              nginx
test  opt-nginx:ngx_http_lua_module.so libnginx-mod-http-lua nginx's Lua module
test  opt-lua:5.1:socket/core.so     lua-socket         luasocket, the client of the nginx specs
test  opt-lua:5.4:luv.so             lua-luv            luv
test  opt-lua:5.4:_cqueues.so        lua-cqueues        cqueues
test  opt-lua:5.1:copas.lua          lua-copas          copas
test  opt-cmd:nvim                   neovim             Neovim
bench opt-cmd:wrk                    wrk                wrk, for spec/bench/nginx.lua
LIST
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

# Lua modules are looked for as files: starting a Lua for each takes longer.
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

# Debian has two LuaJITs that exclude each other; nginx's module needs
# luajit2, so that is the one to install, unless the other is here already.
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

# Sets packages and required (their texts), which cannot be done without, and
# extras and optional, which can.
look() {
    packages='' required='' extras='' optional=''
    while read -r its_group check package text; do
        case $group:$its_group in
        build:test | build:bench | test:bench) continue ;;
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

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif on_path sudo; then
        sudo "$@"
    else
        echo "setup: not root, and there is no sudo to become it" >&2
        return 1
    fi
}

# What is installed starts no service: nginx would take port 80, or fail where
# somebody has it. Debian's way to say so is a policy-rc.d that answers 101.
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

# One extra that cannot be had leaves out nothing else.
install_with_apt() {
    echo "setup: installing$packages$extras"
    as_root apt-get update -qq </dev/null >>"$log" 2>&1
    # shellcheck disable=SC2086
    test -z "$packages" || apt_install $packages || cat "$log"
    # shellcheck disable=SC2086
    test -z "$extras" || apt_install $extras ||
        for extra in $extras; do apt_install "$extra"; done
}

tell() {
    test -n "$required" && printf 'setup: please install these:\n%s' "$required"
    test -n "$optional" &&
        printf 'setup: worth having, left out without:\n%s' "$optional"
    test -z "$required"
}

look
test -z "$packages$extras" && exit 0
if on_path apt-get; then
    log=$(mktemp)
    install_with_apt
    rm -f "$log"
    look
    test -z "$packages$extras" && exit 0
fi
tell
