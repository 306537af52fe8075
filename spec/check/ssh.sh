#!/bin/bash
# Runs the specs of machines of ssh that take long: servers that stop, are killed or have no
# space, and 200 programs at once.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
command -v sshd >/dev/null || test -x /usr/sbin/sshd || { echo "sshd is not installed"; exit 77; }
test "$(id -u)" = 0 || { echo "needs root"; exit 77; }
LIMIT=300 spec/support/run_specs.sh 5.4 spec/engines/ssh.lua
