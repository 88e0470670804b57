#!/usr/bin/env python3
"""Square roots, waiting and a shared counter, one after the other in one thread: what threads.py and processes.py are compared with.

It does the work of as many workers as they have.
"""
from threading import Lock

import works


class Pool:
    """Looks like those of concurrent.futures, and does everything itself."""

    def __init__(self, _workers, initializer=None, initargs=()):
        if initializer:
            initializer(*initargs)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass

    map = staticmethod(map)


class Counter:
    value = 0


if __name__ == "__main__":
    works.main("serial", Pool, Lock, Counter)
