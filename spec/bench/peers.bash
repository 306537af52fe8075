# A shell script's way, asked as resident.h says.
tiny=${*: -2:1} probe=${*: -1}

run() {
    for ((i = 0; i < $1; i++)); do
        "$tiny" </dev/null >/dev/null 2>&1
    done
}

# A shell for each pipeline, as os.execute and io.popen start one.
pipeline() {
    for ((i = 0; i < $1; i++)); do
        sh -c "$tiny </dev/null | $probe --cat | $probe --cat" >/dev/null
    done
}

pipeline_data() {
    "$probe" --out "$1" | "$probe" --cat | "$probe" --cat | "$probe" --cat >/dev/null
}

map() {
    seq "$1" | xargs -P 8 -n 1 "$tiny" >/dev/null 2>&1
}

while read -r name count; do
    start=${EPOCHREALTIME/[.,]/}
    "$name" "$count"
    echo $(((${EPOCHREALTIME/[.,]/} - start) * 1000))
done
