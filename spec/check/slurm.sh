#!/bin/bash
# Runs commands in a real Slurm: one node, with munge, on loopback ports. All files are in a
# directory of ours.
cd "$(dirname "$0")/../.." || exit 1
export BUILD=${BUILD:-build}
for tool in munged slurmctld slurmd srun setpriv; do
    PATH=$PATH:/usr/sbin
    if ! command -v $tool >/dev/null; then
        echo "$tool is not installed"
        exit 77
    fi
done
if [ "$(id -u)" != 0 ] || ! id munge >/dev/null 2>&1; then
    echo "needs root, and the account munge"
    exit 77
fi
work=$(mktemp -d)
port=$((20000 + $$ % 20000))
host=$(hostname -s)

pid_of() {
    cat "$work/$1.pid" 2>/dev/null
}

# The steps of a node that was set down stay: their directory shows that they are ours.
end_steps() {
    local link pid child
    for link in /proc/[0-9]*/cwd; do
        test "$(readlink "$link")" = "$work" || continue
        pid=${link%/cwd}
        pid=${pid#/proc/}
        test "$(cat "/proc/$pid/comm")" = slurmstepd || continue
        for child in $(ps -o pid= --ppid "$pid"); do kill -KILL -- "-$child" 2>/dev/null; done
        kill -KILL "$pid"
    done
}

stop() {
    local name pid pids=()
    end_steps
    # They remove these files long before they end.
    for name in slurmd slurmctld munge/d; do
        pid=$(pid_of $name)
        test -z "$pid" || pids+=("$pid")
    done
    test ${#pids[@]} = 0 || kill "${pids[@]}" 2>/dev/null
    for pid in "${pids[@]}"; do
        for _ in {1..50}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap stop EXIT

start_munge() {
    chmod 755 "$work"
    mkdir "$work/munge"
    head -c 128 /dev/urandom >"$work/munge/key"
    chmod 600 "$work/munge/key"
    chown -R munge "$work/munge"
    setpriv --reuid=munge --regid=munge --clear-groups munged --key-file="$work/munge/key" \
        -S "$work/munge/s" --pid-file="$work/munge/d.pid" --log-file="$work/munge/log" \
        --seed-file="$work/munge/seed"
}

start_slurm() {
    mkdir "$work/state" "$work/spool"
    cat >"$work/slurm.conf" <<CONF
ClusterName=noshell
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/s
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ReturnToService=2
KillWait=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=500
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:64
CONF
    export SLURM_CONF=$work/slurm.conf
    slurmctld -c && slurmd || return
    for _ in {1..100}; do
        test "$(sinfo --noheader --format=%t)" = idle && return
        sleep 0.1
    done
    return 1
}

if ! start_munge >"$work/log" 2>&1 || ! start_slurm >>"$work/log" 2>&1; then
    cat "$work/log" "$work"/*.log
    echo "Slurm does not start here: $(tail -1 "$work/log")"
    exit 77
fi
LIMIT=150 spec/support/run_specs.sh 5.4 spec/engines/slurm.lua
