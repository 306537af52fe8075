# Python's ways, asked as resident.h says.
import os
import subprocess
import sys
import time

tiny, probe = sys.argv[-2:]
kept = []
for option, number in zip(sys.argv[1:-2:2], sys.argv[2:-2:2]):
    if option == "--touch":
        kept.append(bytearray(b"x") * (int(number) << 20))
    else:
        kept.extend(open("/dev/null") for _ in range(int(number)))
NULL = subprocess.DEVNULL
PIPE = subprocess.PIPE


def run(count):
    for _ in range(count):
        subprocess.run([tiny], stdin=NULL, stdout=NULL, stderr=NULL, check=True)


def posix_spawn(count):
    for _ in range(count):
        pid = os.posix_spawn(tiny, [tiny], os.environ)
        os.waitid(os.P_PID, pid, os.WEXITED)


def capture(count):
    for _ in range(count):
        subprocess.run([tiny], stdin=NULL, capture_output=True, check=True)


def output(count):
    subprocess.run([probe, "--out", str(count)], stdin=NULL, stdout=PIPE,
                   check=True)


def exchange(count):
    subprocess.run([probe, "--cat"], input=bytes(count), stdout=PIPE, check=True)


def relay(count):
    source = subprocess.Popen([probe, "--out", str(count)], stdin=NULL, stdout=PIPE,
                              bufsize=0)
    target = subprocess.Popen([probe, "--cat"], stdin=PIPE, stdout=NULL, bufsize=0)
    while piece := source.stdout.read(65536):
        target.stdin.write(piece)
    target.stdin.close()
    source.wait()
    target.wait()


def many(count):
    all = [subprocess.Popen([probe, "--block-on", "0"], stdin=PIPE, stdout=NULL,
                            stderr=NULL) for _ in range(count)]
    for process in all:
        process.stdin.close()
    for process in all:
        process.wait()


def crowd(count):
    reader, writer = os.pipe()
    all = [subprocess.Popen([probe, "--block-on", "0"], stdin=reader, stdout=NULL,
                            stderr=NULL) for _ in range(count)]
    os.close(reader)
    os.close(writer)
    for process in all:
        process.wait()


for line in sys.stdin:
    name, count = line.split()
    start = time.perf_counter_ns()
    globals()[name](int(count))
    print(time.perf_counter_ns() - start, flush=True)
