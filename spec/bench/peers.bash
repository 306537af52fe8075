# A shell script's way, asked as resident.h says.
tiny=${*: -2:1}

run() {
    for ((i = 0; i < $1; i++)); do
        "$tiny" </dev/null >/dev/null 2>&1
    done
}

while read -r name count; do
    start=${EPOCHREALTIME/[.,]/}
    "$name" "$count"
    echo $(((${EPOCHREALTIME/[.,]/} - start) * 1000))
done
