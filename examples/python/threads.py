#!/usr/bin/env python3
"""Square roots, waiting and a shared counter on threads.

All threads of a process share one GIL, and who runs Python code holds it. So threads gain on waiting, and nothing on square roots, unless
this is a free-threaded Python. processes.py does the same on processes: only what it imports and its counter differ.
"""
from concurrent.futures import ThreadPoolExecutor as Pool
from threading import Lock

import works


class Counter:          # threads all see the same objects
    value = 0


if __name__ == "__main__":
    works.main("threads", Pool, Lock, Counter)
