#!/bin/bash
# run_specs.sh "VERSION..." [SPEC...]: runs the given specs, by default all of spec/,
# on each of these Luas. The last line is the total, `N passed, N failed, N skipped`.
# Each file runs in its own busted, so that a crash affects one file only.
#
# Environment: BUILD (the build tree), JOBS (parallel files; default: one more than the
# processors, because many specs wait), LIMIT (seconds per file), WRAP (a command that
# runs Lua), PRELOAD (LD_PRELOAD for the Lua only), NOSHELL_REQUIRE (if it contains luas,
# each Lua from 5.1 to 5.4 and LuaJIT must be installed).

cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
export BUILD=${BUILD:-build}
case $BUILD in
/*) export NOSHELL_BUILD=$BUILD ;;
*) export NOSHELL_BUILD=$PWD/$BUILD ;;
esac

interpreter() {
    case $1 in
    jit) echo luajit ;;
    *) echo "lua$1" ;;
    esac
}

# Writes busted's output to $3; returns busted's status.
run_busted() {
    local version=$1 file=$2 out=$3
    local lua_path="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;;"

    # shellcheck disable=SC2086
    timeout -k 10 "${LIMIT:-300}" env ${PRELOAD:+LD_PRELOAD="$PRELOAD"} \
        LUA_PATH="$lua_path" LUA_CPATH="$NOSHELL_BUILD/$version/?.so;;" \
        NOSHELL_LUA="$version" $WRAP "$(interpreter "$version")" \
        "$(command -v busted)" --output=spec/support/report.lua "$file" \
        </dev/null >"$out" 2>&1
}

how_it_ended() {
    case $1 in
    124) echo "took longer than ${LIMIT:-300} s" ;;
    12[5-9] | 1[3-9]?) echo "died of signal $(($1 - 128))" ;;
    *) echo "exited with status $1" ;;
    esac
}

# Runs one file: prints its output, and adds a line to the totals.
run_one() {
    local version=$1 file=$2 out status totals passed failed skipped
    local start=$SECONDS
    out=$(mktemp "$TOTALS.XXXXXX")
    run_busted "$version" "$file" "$out" 2>/dev/null
    status=$?
    read -r _ passed failed skipped < <(grep '^spec-totals ' "$out" | tail -1)
    totals=$passed
    if [ -z "$totals" ] || { [ $status != 0 ] && [ "$failed" = 0 ]; }; then
        echo "  FAILED busted $(how_it_ended $status), in: $(
            grep '^spec-begun ' "$out" | tail -1 | cut -c12-)" >>"$out"
        failed=$((${failed:-0} + 1))
    fi
    {
        flock 9
        printf '%-7s %-40s %d passed, %d failed, %d skipped (%d s)\n' \
            "$(interpreter "$version")" "$file" "${passed:-0}" "$failed" \
            "${skipped:-0}" $((SECONDS - start))
        grep -vE '^spec-(totals|begun) ' "$out"
        echo "${passed:-0} $failed ${skipped:-0}" >>"$TOTALS"
    } 9>>"$TOTALS.lock"
    rm -f "$out"
}

# Runs a program of spec/c, which passes if it exits with 0.
run_program() {
    local status
    LIMIT=${LIMIT:-300}
    timeout -k 10 "$LIMIT" "$1" </dev/null >"$TOTALS.out" 2>&1
    status=$?
    if [ $status = 0 ]; then
        echo "1 0 0" >>"$TOTALS"
        echo "        $1 passed"
        return
    fi
    echo "0 1 0" >>"$TOTALS"
    cat "$TOTALS.out"
    echo "  FAILED $1 $(how_it_ended $status)"
}

if [ "$1" = --one ]; then
    run_one "$2" "$3"
    exit
fi

read -r -a versions <<<"$1"
shift
files=("$@")
if [ $# = 0 ]; then
    mapfile -t files < <(find spec -name '*_spec.lua' | sort)
fi
TOTALS=$(mktemp)
export TOTALS
trap 'rm -f "$TOTALS" "$TOTALS".*' EXIT

# Counts a missing Lua as a failure if NOSHELL_REQUIRE contains luas.
require_luas() {
    local version
    [[ ,${NOSHELL_REQUIRE-}, == *,luas,* ]] || return
    for version in 5.1 5.2 5.3 5.4 jit; do
        [[ " ${found[*]} " == *" $version "* ]] && continue
        echo "  FAILED $(interpreter "$version") is not installed with its headers"
        echo "0 1 0" >>"$TOTALS"
    done
}

found=()
for version in "${versions[@]}"; do
    if command -v "$(interpreter "$version")" >/dev/null; then
        found+=("$version")
    else
        echo "$(interpreter "$version") is not installed: no specs run on it"
    fi
done
[ $# != 0 ] || require_luas
for file in "${files[@]}"; do
    for version in "${found[@]}"; do
        printf '%s\0' --one "$version" "$file"
    done
done | xargs -0 -r -n 3 -P "${JOBS:-$(($(nproc) + 1))}" "$0"
if [ $# = 0 ] && [ -z "$WRAP" ]; then
    for program in "$BUILD"/c/*; do
        test -x "$program" && test -f "$program" && run_program "$program"
    done
fi

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 }
    END { print p + 0, f + 0, s + 0 }' "$TOTALS")
if [ $((passed + failed)) = 0 ]; then
    echo "FAILED: no spec ran"
    failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
