#!/bin/bash
# Runs commands in real containers, whose image is busybox: of podman as root, of podman as
# another user, and of docker if its daemon is installed. All their files are in a directory
# of ours, and the account in a mount namespace.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
lacks() {
    echo "$*"
    exit 77
}
if [ -z "$NSHBOX" ]; then
    for tool in podman busybox unshare setpriv newuidmap; do
        command -v $tool >/dev/null || lacks "$tool is not installed"
    done
    test "$(id -u)" = 0 || lacks "needs root"
    unshare -m true 2>/dev/null || lacks "no mount namespaces here"
    NSHBOX=$(mktemp -d) || exit 1
    export NSHBOX
    chmod 755 "$NSHBOX"
    unshare -m bash "$0"
    status=$?
    rm -rf --one-file-system "$NSHBOX"
    exit $status
fi

# --- the image and the account

user=64899
make_image() {
    local applet root=$NSHBOX/image
    mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp}
    chmod 1777 "$root/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp "$BUILD/fixtures/probe" "$root/bin/probe"
    for applet in $(busybox --list); do
        test -e "$root/bin/$applet" || ln -s busybox "$root/bin/$applet"
    done
    printf '%s\n' root:x:0:0::/:/bin/sh nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
    tar -C "$root" -cf "$NSHBOX/box.tar" .
    rm "$root"/bin/*
    cp "$(command -v busybox)" "$root/bin/sleep"
    tar -C "$root" -cf "$NSHBOX/bare.tar" .
}

make_account() {
    local file
    for file in passwd group subuid subgid; do
        cat /etc/$file >"$NSHBOX/$file" 2>/dev/null
    done
    echo "nshbox:x:$user:$user::$NSHBOX/user:/bin/sh" >>"$NSHBOX/passwd"
    echo "nshbox:x:$user:" >>"$NSHBOX/group"
    for file in subuid subgid; do
        echo "nshbox:2000000000:65536" >>"$NSHBOX/$file"
        test -e /etc/$file || : >/etc/$file
    done
    for file in passwd group subuid subgid; do
        mount --bind "$NSHBOX/$file" /etc/$file || lacks "nothing may be mounted here"
    done
}

# --- podman

# make_podman DIR RUNTIME CGROUPS: writes a client "podman" into DIR, whose files are there.
make_podman() {
    mkdir -p "$1/run"
    cat >"$1/storage.conf" <<CONF
[storage]
driver = "vfs"
runroot = "$1/r"
graphroot = "$1/storage"
CONF
    cat >"$1/containers.conf" <<CONF
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "$2"
[containers]
cgroups = "$3"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
CONF
    cat >"$1/podman" <<SH
#!/bin/sh
export HOME=$1 XDG_RUNTIME_DIR=$1/run
export CONTAINERS_STORAGE_CONF=$1/storage.conf CONTAINERS_CONF=$1/containers.conf
exec podman --tmpdir $1/t "\$@"
SH
    chmod 755 "$1/podman"
}

# start PROGRAM...: makes the containers with this client.
start() {
    "$@" import "$NSHBOX/box.tar" box && "$@" import "$NSHBOX/bare.tar" bare &&
        "$@" run -d --network none --name box box /bin/sleep 1000000 &&
        "$@" run -d --network none --name bare bare /bin/sleep 1000000 &&
        "$@" create --network none --name stopped box /bin/sleep 1000000 &&
        "$@" create --network none --name loop box /bin/sleep 1000000
}

# run NAME ENGINE PROGRAM...: runs the specs; the results are in NAME.out.
run() {
    local name=$1 engine=$2
    shift 2
    if ! start "$@" >"$NSHBOX/$name.log" 2>&1; then
        echo "skipped: $(tail -1 "$NSHBOX/$name.log")" >"$NSHBOX/$name.out"
        return
    fi
    NSHBOX_ENGINE=$engine NSHBOX_PROGRAM="$*" LIMIT=120 \
        spec/support/run_specs.sh 5.4 spec/engines/container.lua >"$NSHBOX/$name.out" 2>&1
    "$@" kill box bare >/dev/null 2>&1
    "$@" rm -f box bare stopped loop >/dev/null 2>&1
}

# --- docker

start_docker() {
    local i
    command -v dockerd >/dev/null && command -v docker >/dev/null || return
    mkdir "$NSHBOX/docker"
    cat >"$NSHBOX/docker/config" <<CONF
{ "iptables": false, "ip6tables": false, "bridge": "none", "storage-driver": "vfs",
  "data-root": "$NSHBOX/docker/data", "exec-root": "$NSHBOX/docker/exec",
  "pidfile": "$NSHBOX/docker/pid", "hosts": ["unix://$NSHBOX/docker/s"],
  "default-ulimits": { "nofile": { "Name": "nofile", "Soft": 1024, "Hard": 1024 } } }
CONF
    dockerd --config-file "$NSHBOX/docker/config" >"$NSHBOX/docker/log" 2>&1 &
    dockerd=$!
    for ((i = 0; i < 100; i++)); do
        docker -H "unix://$NSHBOX/docker/s" version >/dev/null 2>&1 && return
        kill -0 "$dockerd" 2>/dev/null || return
        sleep 0.1
    done
}

test_docker() {
    start_docker
    test -n "$dockerd" || return
    run docker docker docker -H "unix://$NSHBOX/docker/s"
    kill "$dockerd" 2>/dev/null
    wait "$dockerd"
}

# --- all

make_image || exit 1
make_account
# crun accepts no hybrid hierarchy. It makes no session for a command, but runc does.
umount /sys/fs/cgroup/unified 2>/dev/null
runtime=crun
command -v runc >/dev/null && runtime=runc
make_podman "$NSHBOX/root" $runtime enabled
runtime=runc cgroups=enabled
command -v crun >/dev/null && runtime=crun cgroups=disabled
make_podman "$NSHBOX/user" $runtime $cgroups
chown -R $user:$user "$NSHBOX/user"
run podman podman "$NSHBOX/root/podman" &
run rootless podman setpriv --reuid=$user --regid=$user --clear-groups "$NSHBOX/user/podman" &
test_docker &
wait
sum='' failed=''
for name in podman rootless docker; do
    test -e "$NSHBOX/$name.out" || continue
    cat "$NSHBOX/$name.out"
    last=$(tail -1 "$NSHBOX/$name.out")
    sum="$sum$name: $last; "
    case $last in
    *' 0 failed, '*) passed=1 ;;
    skipped:*) ;;
    *) failed=1 ;;
    esac
done
# Without root, podman keeps a process that holds its namespaces.
pause=$(cat "$NSHBOX/user/t/pause.pid" 2>/dev/null)
test -z "$pause" || kill -9 "$pause"
umount "$NSHBOX"/*/storage/overlay "$NSHBOX"/*/storage 2>/dev/null
echo "${sum%; }"
test -z "$failed" || exit 1
test -n "$passed" || exit 77
