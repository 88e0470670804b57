#!/usr/bin/env python3
"""One query by DuckDB, through its C API: the engine of its command line, with nothing of Node.js before it.

    duckdb_peer.py LIBDUCKDB FILE.csv THREADS SQL

Prints CSV.
"""
import ctypes
import sys


class Result(ctypes.Structure):
    _fields_ = [("words", ctypes.c_uint64 * 8)]     # duckdb_result has six


def main(library, path, threads, sql):
    duck = ctypes.CDLL(library)
    duck.duckdb_result_error.restype = ctypes.c_char_p
    database, connection, result = ctypes.c_void_p(), ctypes.c_void_p(), Result()
    if duck.duckdb_open(None, ctypes.byref(database)) or duck.duckdb_connect(database, ctypes.byref(connection)):
        sys.exit("duckdb: cannot open")
    quoted = path.replace("'", "''")
    sql = sql.replace("FROM orders", f"FROM read_csv('{quoted}')")      # a view would look twice at what the columns are
    for command in f"SET threads={int(threads)}", f"COPY ({sql}) TO '/dev/stdout' (FORMAT csv, HEADER)":
        if duck.duckdb_query(connection, command.encode(), ctypes.byref(result)):
            sys.exit("duckdb: " + duck.duckdb_result_error(ctypes.byref(result)).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
