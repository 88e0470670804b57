#!/usr/bin/env python3
"""What a crash takes down: 100 runs on threads or processes, of which the 50th kills the process it is in.

On threads that is the program, with all that it has found. On processes it is one worker; yet a ProcessPoolExecutor that lost a worker is
broken, and gives up all runs that had not ended.
"""
import argparse
import concurrent.futures
import multiprocessing
import os
import signal

from works import usable_cpus

POOLS = {"threads": concurrent.futures.ThreadPoolExecutor, "processes": concurrent.futures.ProcessPoolExecutor}
RUNS = 100
BAD = 50


def run(number):
    if number == BAD:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def program(engine, workers, results):
    """Tells how many runs gave what they found."""
    futures = []
    with POOLS[engine](workers) as pool:
        try:
            for number in range(1, RUNS + 1):
                futures.append(pool.submit(run, number))
        except concurrent.futures.BrokenExecutor:
            pass                        # so soon: those that are left are lost, too
    results.send(sum(future.exception() is None for future in futures))


def lost_runs(engine, workers):
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.Process(target=program, args=(engine, workers, sender))
    child.start()
    sender.close()                      # so that there is an end once the child has gone
    try:
        found = receiver.recv()
    except EOFError:
        found = 0
    child.join()
    return RUNS - found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", metavar="ENGINE", choices=list(POOLS), nargs="?", help="threads or processes; both if none is named")
    parser.add_argument("--workers", metavar="N", type=int, default=usable_cpus(), help="workers (default: one for each CPU: %(default)s)")
    parser.add_argument("--report", action="store_true", help="print what `prong compare` reads (needs ENGINE)")
    options = parser.parse_args()
    if options.report and not options.engine:
        parser.error("--report needs ENGINE")
    for engine in [options.engine] if options.engine else POOLS:
        lost = lost_runs(engine, options.workers)
        print("lost {}".format(lost) if options.report else "{:<10} {:>3} of {} runs lost".format(engine, lost, RUNS))


if __name__ == "__main__":
    main()
