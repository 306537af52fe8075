#!/bin/bash
# Runs the specs of machines of ssh that take long: servers that stop, are killed or have no
# space, a bad network, and 200 programs at once.
cd "$(dirname "$0")/../.." || exit 1
export BUILD=${BUILD:-build}
command -v sshd >/dev/null || test -x /usr/sbin/sshd || { echo "sshd is not installed"; exit 77; }
test "$(id -u)" = 0 || { echo "needs root"; exit 77; }
# In a network of their own, the specs can break it.
network=()
if unshare -n sh -c 'ip link set lo up && iptables -L && tc qdisc add dev lo root tbf \
    rate 1mbit burst 4k latency 1s' >/dev/null 2>&1; then
    network=(unshare -n sh -c 'ip link set lo up && exec "$@"' sh env NSH_OWN_NETWORK=1)
fi
LIMIT=300 "${network[@]}" spec/support/run_specs.sh 5.4 spec/engines/ssh.lua
