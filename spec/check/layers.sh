#!/bin/bash
# Checks that includes, calls (by nm, so build first) and requires only point to the
# same layer or a lower one.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
bad=0

# The core's folders, from the lowest up. A file may include and call only its own
# folder and those before it. The table of setters also names the stages, in base.
folders=(base command plan launch process thread)
everyones='setters.def sandbox_calls.def'
child_side='plan.h setters.def failure.h landlock.h sys.h child_steps.h supervise.h kernel.h'
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

declare -A level
for i in "${!folders[@]}"; do level[${folders[i]}]=$i; done

# The name of the file's folder, in $folder.
find_folder() {
    folder=${1%/*}
    folder=${folder##*/}
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

check_core_includes() {
    local file=$1 mine header folder found
    find_folder "$file"
    mine=$folder
    if [ -z "${level[$mine]}" ]; then
        complain "$file is in none of the folders ${folders[*]}"
        return
    fi
    for header in $(own_includes "$file"); do
        # shellcheck disable=SC2086
        among "$header" $everyones && continue
        found=(c/core/*/"$header")
        find_folder "${found[0]:-c/core/base/x}"
        [ "${level[$folder]}" -le "${level[$mine]}" ] ||
            complain "$file includes $header, which stands above it"
    done
}

# The core's objects. One whose source has moved is left over, and is not.
objects() {
    local object source
    for object in "$BUILD"/core/*/*.o; do
        source=c/${object#"$BUILD"/}
        [ -e "${source%.o}.c" ] && echo "$object"
    done
}

# nm -A prints "build/core/base/fd.o:0000 T nsh_close", the definitions first.
check_core_calls() {
    local found
    found=$(objects | {
        mapfile -t all
        nm -A --defined-only -g "${all[@]}"
        nm -A -u "${all[@]}"
    } | awk -v folders="${folders[*]}" '
        BEGIN {
            count = split(folders, names, " ")
            for (i = 1; i <= count; i++) level[names[i]] = i
        }
        {
            parts = split(substr($0, 1, index($0, ":") - 1), path, "/")
            folder = path[parts - 1]
            if ($(NF - 1) != "U" && $(NF - 1) != "w") home[$NF] = folder
            else if ($NF in home && level[home[$NF]] > level[folder])
                print "c/core/" folder " calls " $NF " of c/core/" home[$NF] \
                    ", which stands above it"
        }' | sort -u)
    [ -z "$found" ] || complain "$found"
    found=$(objects | grep -v /base/pollset.o | xargs nm -A -u | grep ' epoll_')
    [ -z "$found" ] || complain "$found: only base/pollset.c calls epoll"
}

check_core_text() {
    local found
    found=$(grep -nE '\<(v?d?f?printf|f?puts|f?putc|putchar|perror|psignal)[ ]*\(' \
        c/core/*/*.[ch] | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|__attribute)')
    [ -z "$found" ] || complain "$found: the core prints"
    found=$(grep -nE '\<strerror(_r|desc_np)?[ ]*\(' c/core/*/*.[ch])
    [ -z "$found" ] || complain "$found: messages are the binding's"
}

check_core() {
    local file header
    check_core_text
    for file in c/core/*/*.[ch]; do
        for header in $(includes "$file"); do
            # shellcheck disable=SC2086
            among "${header##*/}" $lua_headers &&
                complain "$file includes $header"
        done
        case ${file##*/} in
        child.c | child_*) check_child "$file" ;;
        *) check_core_includes "$file" ;;
        esac
    done
}

check_bind() {
    local file header
    for file in c/bind/*.[ch]; do
        for header in $(includes "$file"); do
            # shellcheck disable=SC2086
            case $header in
            noshell.h | ../noshell.h) ;;
            unistd.h | fcntl.h | poll.h | spawn.h | sys/[!t]*)
                complain "$file includes $header: system calls are the core's" ;;
            */*) test "${header%/*}" = sys ||
                complain "$file includes $header" ;;
            *) grep -q "include[ \t]*\"$header\"" "$file" || continue
                among "$header" $lua_headers || test -e "c/bind/$header" ||
                    complain "$file includes $header" ;;
            esac
        done
    done
    for header in $(own_includes c/noshell.h); do
        complain "c/noshell.h includes $header: it must stand alone"
    done
}

# Optional modules are loaded with pcall(require, "x"). A host may require the event
# loop that it is named after.
check_lua() {
    local file loop
    while read -r file; do
        loop=noshell
        [[ $file == lua/noshell/host/* ]] && loop=${file##*/} && loop=${loop%.lua}
        grep -nE 'require *\(?["'"'"']' "$file" |
            grep -vE "require *\\(? *[\"']${loop}[\"'.]" |
            grep -vE '^[0-9]+: *--|require *\(? *["'"'"']noshell(\.[a-z0-9_.]+)?["'"'"']' &&
            complain "$file requires what is not noshell's"
    done < <(find lua -name '*.lua')
}

shopt -s nullglob
check_core
if compgen -G "$BUILD/core/*/*.o" >/dev/null; then
    check_core_calls
else
    complain "$BUILD has no objects of the core: build first"
fi
check_bind
check_lua
[ $bad = 0 ] || exit 1
echo "arrows point down"
