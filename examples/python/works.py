"""What serial.py, threads.py and processes.py run: square roots, waiting, and a counter that all share.

Here is everything that does not depend on who does the work; those three bring a pool of workers, a lock and a counter. The same work in C
is in cmd/compare/works/: `prong compare` runs both and checks that they find the same, bit for bit.
"""
import argparse
import collections
import functools
import math
import os
import platform
import socket
import subprocess
import sys
import threading
import time

ROOTS = 4000000         # by each worker
QUESTIONS = 64
ASKERS = 8              # workers that wait; the other works have one for each CPU
RAISES = 50000          # by each worker

# Who does the work: a pool as concurrent.futures has them, and what makes a lock and a counter that all its workers share.
Team = collections.namedtuple("Team", "name Pool Lock Counter")

# One run: what it found, when it began and ended, and which worker it was.
Run = collections.namedtuple("Run", "found begin end worker")


# ---- what a worker does --------------------------------------------------------------------------------------------------


def run(task):
    """Makes a function give a Run. The clock is the same in all processes of a machine."""
    @functools.wraps(task)
    def timed(*args):
        begin = time.monotonic()
        found = task(*args)
        return Run(found, begin, time.monotonic(), (os.getpid(), threading.get_ident()))
    return timed


@run
def take_roots(_number):
    """Never waits, so a thread keeps the GIL until it is taken away for another's turn: only one of them gets on at a time."""
    total = 0.0
    for i in range(ROOTS):              # sum() would round in another way, since Python 3.12
        total += math.sqrt(i)
    return total


@run
def ask(port, number):
    """Sends a number, waits for the answer. Who waits gives the GIL away, so here threads get on at the same time."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b"%d\n" % number)
        with line.makefile("rb") as lines:
            answer = lines.readline()
    if not answer.endswith(b"\n"):
        raise ConnectionError("no answer to {} from port {}".format(number, port))
    return int(answer)


def share(lock, counter):
    """Runs first in each worker. A lock cannot be sent to a process that runs; it is handed over when that starts."""
    global shared_lock, shared_counter
    shared_lock, shared_counter = lock, counter


@run
def count(_number):
    """The GIL is no such lock: it may change hands between the reading and the writing in `+=`."""
    for _ in range(RAISES):
        with shared_lock:
            shared_counter.value += 1


# ---- the works: each from no worker to all joined, gives its runs and what they found together ---------------------------


def sqrt(team, workers, _port):
    with team.Pool(workers) as pool:
        runs = list(pool.map(take_roots, range(workers)))
    total = 0.0
    for one in runs:
        total += one.found
    return runs, {"roots": ROOTS * workers, "sum": total}


def wait(team, workers, port):
    with team.Pool(workers) as pool:
        runs = list(pool.map(functools.partial(ask, port), range(QUESTIONS)))
    return runs, {"answers": len(runs), "sum": sum(one.found for one in runs)}


def counter(team, workers, _port):
    shared = team.Counter()
    with team.Pool(workers, initializer=share, initargs=(team.Lock(), shared)) as pool:
        runs = list(pool.map(count, range(workers)))
    return runs, {"count": shared.value}


WORKS = {"sqrt": sqrt, "wait": wait, "counter": counter}


# ---- the server that is waited for ---------------------------------------------------------------------------------------


class Server:
    """server.py, in a process of its own: gives its port. It ends when its input does, so even if this program is killed."""

    def __enter__(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "server.py")
        self.process = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return int(self.process.stdout.readline())

    def __exit__(self, *_error):
        self.process.communicate()


# ---- by hand, or for `prong compare` -------------------------------------------------------------------------------------


def usable_cpus():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_gil():
    return sys._is_gil_enabled() if hasattr(sys, "_is_gil_enabled") else True


def measure(team, work, workers, port):
    """Gives when it started, how many seconds it took, its runs and what they found."""
    if work == "wait" and not port:
        with Server() as own_port:
            return measure(team, work, workers, own_port)
    start = time.monotonic()
    runs, found = WORKS[work](team, workers, port)
    return start, time.monotonic() - start, runs, found


def report(start, seconds, runs, found):
    """For the program that reads it: numbers in full, and each run with its worker, counted from 0."""
    print("seconds {:.9f}".format(seconds))
    for name, value in found.items():
        print(name, value.hex() if isinstance(value, float) else value)
    slots = {}
    for one in runs:
        slot = slots.setdefault(one.worker, len(slots))
        print("span {:.9f} {:.9f} {}".format(one.begin - start, one.end - start, slot))


def show(work, workers, seconds, found):
    words = ", ".join("{} {:,}".format(name, value) for name, value in found.items())
    print("{:<8} {:>3} {:<8} {:>8.3f} s   {}".format(work, workers, "workers" if workers > 1 else "worker", seconds, words), flush=True)


def number_from_1(most):
    def read(text):
        number = int(text)
        if not 1 <= number <= most:
            raise ValueError
        return number
    read.__name__ = "number from 1 to {}".format(most)
    return read


def options():
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", metavar="WORK", nargs="?", choices=list(WORKS), help="sqrt, wait or counter; all if none is named")
    parser.add_argument("--workers", metavar="N", type=number_from_1(4096),
                        help="workers (default: {} for wait, else one for each CPU: {})".format(ASKERS, usable_cpus()))
    parser.add_argument("--server", metavar="PORT", type=number_from_1(65535),
                        help="of 127.0.0.1, where wait finds its answers (default: a server of its own)")
    parser.add_argument("--report", action="store_true", help="print what `prong compare` reads (needs WORK)")
    options = parser.parse_args()
    if options.report and not options.work:
        parser.error("--report needs WORK")
    return options


def main(name, Pool, Lock, Counter):
    asked = options()
    team = Team(name, Pool, Lock, Counter)
    if not asked.report:
        print("{} in Python {}, {}".format(name, platform.python_version(), "with a GIL" if has_gil() else "without a GIL"))
    for work in [asked.work] if asked.work else WORKS:
        workers = asked.workers or (ASKERS if work == "wait" else usable_cpus())
        start, seconds, runs, found = measure(team, work, workers, asked.server)
        if asked.report:
            report(start, seconds, runs, found)
        else:
            show(work, len({one.worker for one in runs}) if name == "serial" else workers, seconds, found)
