#!/bin/bash
# Arrows point down only: who may include or require whom. A new module of the
# core is given its place here.
cd "$(dirname "$0")/../.." || exit 1
bad=0

# From the top down; a module includes its own line and the lines below. A part
# of a module (command_env) stands where the module does. plan.h is read on all
# lines, as the vocabulary is: it holds what the child needs and includes
# nothing but stage.h; plan.c, which fills it, stands higher.
levels='
process stream handshake forgotten ladder status exchange launch supervise features aside
command plan text fdmap
env path signals caps label limits strv tree wake pollset area accounts guard
stage fd sys
'
everyones='noshell.h ../noshell.h plan.h child.h'
child_side='plan.h stage.h sys.h child.h child_steps.h supervise.h'
lua_headers='lua.h lauxlib.h lualib.h luajit.h'

complain() {
    echo "$*"
    bad=1
}

includes() {
    sed -n 's/^[ \t]*#[ \t]*include[ \t]*["<]\([^">]*\)[">].*/\1/p' "$1"
}

own_includes() {
    sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$1"
}

among() {
    local word=$1
    shift
    [[ " $* " == *" $word "* ]]
}

# command_clone belongs to command: the longest listed name that begins it.
level_of() {
    local name=$1 level=0 line
    while [ -n "$name" ]; do
        level=0
        while read -r line; do
            level=$((level + 1))
            # shellcheck disable=SC2086
            among "$name" $line && echo $level && return
        done < <(echo "$levels" | grep .)
        [[ $name == *_* ]] || return
        name=${name%_*}
    done
}

check_child() {
    local file=$1 header
    for header in $(own_includes "$file"); do
        # shellcheck disable=SC2086
        among "$header" $child_side ||
            complain "$file includes $header: the child's side has only" \
                "$child_side"
    done
}

check_core_arrows() {
    local file=$1 name mine header its
    name=$(basename "$file")
    mine=$(level_of "${name%.*}")
    if [ -z "$mine" ]; then
        complain "$file has no place among the levels in $0"
        return
    fi
    for header in $(own_includes "$file"); do
        # shellcheck disable=SC2086
        among "$header" $everyones && continue
        its=$(level_of "${header%.h}")
        if [ -z "$its" ] || [ "$its" -lt "$mine" ]; then
            complain "$file includes $header, which stands above it"
        fi
    done
}

check_core() {
    local file header
    for file in c/core/*.[ch]; do
        for header in $(includes "$file"); do
            # shellcheck disable=SC2086
            among "$(basename "$header")" $lua_headers &&
                complain "$file includes $header"
        done
        grep -nE '\<(v?d?f?printf|f?puts|f?putc|putchar|perror|psignal)[ ]*\(' \
            "$file" | grep -vE '^[0-9]+:[[:space:]]*(/?\*|__attribute)' &&
            complain "$file prints"
        grep -nE '\<strerror(_r|desc_np)?[ ]*\(' "$file" &&
            complain "$file has strerror: messages are the binding's"
        case $(basename "$file") in
        child.h) ;;
        child.c | child_*) check_child "$file" ;;
        *) check_core_arrows "$file" ;;
        esac
    done
}

check_bind() {
    local file header
    for file in c/bind/*.[ch]; do
        for header in $(includes "$file"); do
            # shellcheck disable=SC2086
            case $header in
            noshell.h | ../noshell.h | noshell_command.h) ;;
            unistd.h | fcntl.h | poll.h | spawn.h | sys/[!t]*)
                complain "$file includes $header: system calls are the core's" ;;
            */*) test "$(dirname "$header")" = sys ||
                complain "$file includes $header" ;;
            *) grep -q "include[ \t]*\"$header\"" "$file" || continue
                among "$header" $lua_headers || test -e "c/bind/$header" ||
                    complain "$file includes $header" ;;
            esac
        done
    done
    for header in $(own_includes c/noshell.h | grep -v '^noshell_command.h$'); do
        complain "c/noshell.h includes $header: it must stand alone"
    done
}

# A module that need not be there is looked for with pcall(require, "x"). A
# host may require the event loop that it is named after.
check_lua() {
    local file loop
    while read -r file; do
        loop=noshell
        [[ $file == lua/noshell/host/* ]] && loop=$(basename "$file" .lua)
        grep -nE 'require *\(?["'"'"']' "$file" |
            grep -vE "require *\\(? *[\"']$loop[\"'.]" |
            grep -vE '^[0-9]+: *--|require *\(? *["'"'"']noshell(\.[a-z0-9_.]+)?["'"'"']' &&
            complain "$file requires what is not noshell's"
    done < <(find lua -name '*.lua')
}

shopt -s nullglob
check_core
check_bind
check_lua
[ $bad = 0 ] || exit 1
echo "arrows point down"
