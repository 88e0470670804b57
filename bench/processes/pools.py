#!/usr/bin/python3
"""The same through Python's pools of one worker; where its CPUs are told, the kernel places threads and processes on them as it likes.

    pools.py KIND echo BYTES PAUSE_US SECONDS       a payload there and back, as bytes
    pools.py KIND empty N SECONDS                   N empty tasks submitted, then their results
    pools.py KIND crash N                           from a worker's death to its future's end, N times, each with a new pool
    pools.py fork start MB SECONDS                  a Process of its own, started and joined; the parent holds so many MB
    pools.py fork idle                              memory of a worker that has run one task

KIND: executor (concurrent.futures, forking), pool (multiprocessing.Pool, forking), loky (of joblib). Prints one line of JSON.
"""
import concurrent.futures
import itertools
import json
import mmap
import multiprocessing
import os
import sys
import time
from concurrent.futures.process import BrokenProcessPool

sys.dont_write_bytecode = True
import pool_tasks       # noqa: E402

SAMPLES_MIN, WARM_UP_SHARE = 5, 5
FORK = multiprocessing.get_context("fork")


class Pool:
    def __init__(self):
        self.pool = FORK.Pool(1)

    def submit(self, fn, *args):
        return self.pool.apply_async(fn, args)

    @staticmethod
    def result(handle):
        return handle.get()

    def close(self):
        self.pool.terminate()
        self.pool.join()


class Executor:
    def __init__(self):
        self.pool = self.open()

    @staticmethod
    def open():
        return concurrent.futures.ProcessPoolExecutor(1, mp_context=FORK)

    def submit(self, fn, *args):
        return self.pool.submit(fn, *args)

    @staticmethod
    def result(handle):
        return handle.result()

    def close(self):
        self.pool.shutdown()


class Loky(Executor):
    @staticmethod
    def open():
        from joblib.externals.loky import get_reusable_executor
        return get_reusable_executor(max_workers=1)


KINDS = {"executor": Executor, "pool": Pool, "loky": Loky}


# ---- measuring --------------------------------------------------------------------------------------------------------------------


def times_of(ns):
    ns = sorted(ns)
    return {"ns": ns[len(ns) // 2], "p99_ns": ns[len(ns) - 1 - len(ns) // 100], "n": len(ns)}


def measure(once, seconds, works=1, pause_us=0):
    """As measure() of bench.c; a sample is a call, which is long beside a look at the clock."""
    begin = time.monotonic_ns()
    warm, end = begin + seconds * 1e9 / WARM_UP_SHARE, begin + seconds * 1e9
    ns, now = [], begin
    once()
    while now < end or len(ns) < SAMPLES_MIN:
        if pause_us:
            time.sleep(pause_us / 1e6)
        start = time.monotonic_ns()
        once()
        now = time.monotonic_ns()
        if now > warm:
            ns.append((now - start) / works)
    return times_of(ns)


def ensure(is_right, what):
    if not is_right:
        sys.exit(f"wrong data: {what}")


def echo(pool, size, pause_us, seconds):
    payload, rounds = os.urandom(size), itertools.count()

    def once():
        i = next(rounds)
        number, once.got = pool.result(pool.submit(pool_tasks.answer, i, payload))
        ensure(number == i + 1 and len(once.got) == size, "a result is not of this round")

    told = measure(once, seconds, pause_us=pause_us)
    ensure(once.got == payload, "the payload is not what was sent")
    return told


def empty(pool, n, seconds):
    def once():
        handles = [pool.submit(pool_tasks.answer, i) for i in range(n)]
        ensure([pool.result(handle) for handle in handles] == [(i + 1, b"") for i in range(n)], "a result is not its own")

    return measure(once, seconds, works=n)


def crash(kind, n):
    ns = []
    for _ in range(n):
        pool = KINDS[kind]()
        pool.result(pool.submit(pool_tasks.nothing))
        try:
            pool.result(pool.submit(pool_tasks.note_and_die))
        except BrokenProcessPool:
            now = time.monotonic_ns()
        ns.append(now - int.from_bytes(pool_tasks.NOTE[:], "little"))
        pool.close()
    told = times_of(ns)
    return {"end_ns": told["ns"], "end_p99_ns": told["p99_ns"], "n": n}


def start(megabytes, seconds):
    held = mmap.mmap(-1, megabytes << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, len(held), mmap.PAGESIZE):
        held[at] = 1

    def once():
        process = FORK.Process(target=pool_tasks.nothing)
        process.start()
        process.join()
        ensure(process.exitcode == 0, "a process did not end well")

    return measure(once, seconds)


def idle():
    pool = Pool()
    pid = pool.result(pool.submit(pool_tasks.own_pid))
    time.sleep(0.05)
    held = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file.read().splitlines()[1:]:
            name, value = line.split()[:2]
            held[name.rstrip(":")] = int(value)
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        tables, = [int(line.split()[1]) for line in file if line.startswith("VmPTE:")]
    pool.close()
    return {"private_kb": held["Private_Clean"] + held["Private_Dirty"], "pss_kb": held["Pss"], "tables_kb": tables}


def keep_to_two_cpus():
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def main(kind, what, *numbers):
    keep_to_two_cpus()
    numbers = [float(number) if i == len(numbers) - 1 and what != "crash" else int(number) for i, number in enumerate(numbers)]
    if kind == "fork":
        told = {"start": start, "idle": idle}[what](*numbers)
    elif what == "crash":
        told = crash(kind, *numbers)
    else:
        pool = KINDS[kind]()
        told = {"echo": echo, "empty": empty}[what](pool, *numbers)
        pool.close()
    print(json.dumps(told))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
