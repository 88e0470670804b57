#!/usr/bin/env python3
"""Square roots, waiting and a shared counter on processes.

Each process has a GIL of its own. So processes gain on square roots, too; in return they take longer to start, and share only what is
made to be shared. threads.py does the same on threads: only what it imports and its counter differ.
"""
from concurrent.futures import ProcessPoolExecutor as Pool
from multiprocessing import Lock, RawValue

import works


def Counter():          # of an object each process would have its own copy; this is eight bytes of memory that all see
    return RawValue("Q", 0)


if __name__ == "__main__":
    works.main("processes", Pool, Lock, Counter)
