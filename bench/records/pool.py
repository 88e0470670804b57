#!/usr/bin/env python3
"""One query by plain Python: csv and multiprocessing.Pool, a part of the records per process, then join.

    pool.py FILE.csv WORKERS QUERY

Prints CSV. As somebody writes it who knows the language and wants right answers: floats, math.fsum, and parts that begin where a record
does: the quotes before a part are counted, so that a newline in a note splits nothing.
"""
import csv
import io
import math
import os
import statistics
import sys
from collections import defaultdict
from multiprocessing import Pool

PART = 8 << 20
csv.field_size_limit(1 << 30)


# ---- parts of the file -----------------------------------------------------------------------------------------------------


def parts_of(path):
    """Yields (begin, end): a part's records are those between."""
    begin, at, quotes = 0, 0, 0
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while at < size:
            block = file.read(PART)
            cut = first_record(block, quotes % 2 == 1) if at else 0
            if at and cut is not None:
                yield begin, at + cut
                begin = at + cut
            quotes += block.count(b'"')
            at += len(block)
    if begin < size:
        yield begin, size


def first_record(block, in_quotes):
    """Where the first record that begins in this block does; None: none does."""
    at = 0
    while True:
        if in_quotes:
            at = block.find(b'"', at) + 1
            if not at:
                return None
            in_quotes = False
        newline = block.find(b"\n", at)
        quote = block.find(b'"', at, newline if newline >= 0 else len(block))
        if quote < 0:
            return newline + 1 if newline >= 0 else None
        at, in_quotes = quote + 1, True


def rows_of(path, begin, end):
    with open(path, "rb") as file:
        file.seek(begin)
        text = file.read(end - begin).decode()
    rows = csv.reader(io.StringIO(text, newline=""))
    if begin == 0:
        next(rows)
    return rows


# ---- records ---------------------------------------------------------------------------------------------------------------

COUNTRY, SIZE, COLOUR, QUANTITY, PRICE, DISCOUNT, CUSTOMER, EMAIL = 2, 3, 4, 5, 6, 7, 8, 9


def revenue(row):
    if row[QUANTITY] and row[PRICE] and row[DISCOUNT]:
        return float(row[QUANTITY]) * float(row[PRICE]) * (1 - float(row[DISCOUNT]))
    return None


def value(row):
    return float(row[QUANTITY]) * float(row[PRICE]) if row[QUANTITY] and row[PRICE] else None


def present(values):
    return [v for v in values if v is not None]


def numbers(rows, column):
    return [float(row[column]) for row in rows if row[column]]


class Moments:
    """n, sum and squares about the mean; two of them join (Chan et al.)."""
    def __init__(self, values):
        self.n, self.mean, self.squares = len(values), 0.0, 0.0
        self.low, self.high = min(values, default=math.inf), max(values, default=-math.inf)
        if values:
            self.mean = math.fsum(values) / self.n
            self.squares = math.fsum((v - self.mean) ** 2 for v in values)

    def __iadd__(self, other):
        n = self.n + other.n
        if other.n:
            step = other.mean - self.mean
            self.squares += other.squares + step * step * self.n * other.n / n
            self.mean += step * other.n / n
            self.n, self.low, self.high = n, min(self.low, other.low), max(self.high, other.high)
        return self

    def deviation(self):
        return math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else ""


def groups(rows, key, make):
    """{key: [make(row), ...]}"""
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(make(row))
    return found


# ---- the queries: what a part gives, and how the parts of all are joined -------------------------------------------------------


def count(rows):
    return sum(1 for _ in rows)


def price_moments(rows):
    return Moments(numbers(rows, PRICE))


def by_country(rows):
    return {key: (len(values), math.fsum(present(values))) for key, values in groups(rows, lambda row: row[COUNTRY], revenue).items()}


def filtered(rows):
    kept = (row for row in rows if row[SIZE] == "L" and row[QUANTITY] and float(row[QUANTITY]) >= 2 and row[DISCOUNT]
            and float(row[DISCOUNT]) > 0)
    return {key: (len(values), math.fsum(present(values))) for key, values in groups(kept, lambda row: row[COLOUR], revenue).items()}


def by_country_and_size(rows):
    found = groups(rows, lambda row: (row[COUNTRY], row[SIZE]), lambda row: (row[QUANTITY], row[PRICE], row[DISCOUNT]))
    return {key: [len(cells), *(Moments([float(c[i]) for c in cells if c[i]]) for i in range(3))] for key, cells in found.items()}


def values_of(rows):
    rows = list(rows)
    return numbers(rows, PRICE), present(map(value, rows))


def distinct(rows):
    customers, emails = set(), set()
    for row in rows:
        customers.add(row[CUSTOMER])
        emails.add(row[EMAIL])
    return customers, emails


def by_customer(rows):
    found = groups((row for row in rows if row[CUSTOMER]), lambda row: row[CUSTOMER], revenue)
    return {key: math.fsum(present(values)) for key, values in found.items()}


def roots(rows):
    rows = list(rows)
    prices = numbers(rows, PRICE)
    powers = [(1 - float(row[DISCOUNT])) ** float(row[QUANTITY]) for row in rows if row[DISCOUNT] and row[QUANTITY]]
    return math.fsum(map(math.sqrt, prices)), math.fsum(map(math.log, prices)), math.fsum(powers)


def pairs(rows):
    return [(float(row[QUANTITY]), float(row[QUANTITY]) * float(row[PRICE])) for row in rows if row[QUANTITY] and row[PRICE]]


def histogram(rows):
    found = defaultdict(int)
    for row in rows:
        found[math.floor(float(row[PRICE]) / 5) if row[PRICE] else ""] += 1
    return found


def quantile(ordered, q):
    at = q * (len(ordered) - 1)
    low = math.floor(at)
    return ordered[low] + (at - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def join_groups(parts, add):
    found = {}
    for part in parts:
        for key, state in part.items():
            found[key] = add(found[key], state) if key in found else state
    return found


def add_each(a, b):
    return [x.__iadd__(y) if isinstance(x, Moments) else x + y for x, y in zip(a, b)]


def show_q03(parts):
    whole = Moments([])
    for part in parts:
        whole += part
    return [[whole.mean, whole.deviation(), whole.low, whole.high]]


def show_pairs_of_sums(parts):
    return [[key, *state] for key, state in join_groups(parts, add_each).items()]


def show_q05(parts):
    return [[*key, n, round(quantity.mean * quantity.n), price.mean, price.low, price.high, discount.deviation()]
            for key, (n, quantity, price, discount) in join_groups(parts, add_each).items()]


def show_q06(parts):
    shown = []
    for values in zip(*parts):
        ordered = sorted(v for part in values for v in part)
        shown += [quantile(ordered, 0.5), quantile(ordered, 0.99)]
    return [shown]


def show_q07(parts):
    return [[len(set().union(*found) - {""}) for found in zip(*parts)]]


def show_q08(parts):
    found = join_groups(parts, lambda a, b: a + b)
    return sorted(found.items(), key=lambda item: -item[1])[:10]


def show_q11(parts):
    y, x = zip(*(pair for part in parts for pair in part))
    r, (slope, intercept) = statistics.correlation(y, x), statistics.linear_regression(x, y)
    return [[r, slope, intercept, r * r]]


QUERIES = {
    "q01": (count, lambda parts: [[sum(parts)]]),
    "q02": (lambda rows: math.fsum(present(map(revenue, rows))), lambda parts: [[math.fsum(parts)]]),
    "q03": (price_moments, show_q03),
    "q04": (by_country, show_pairs_of_sums),
    "q05": (by_country_and_size, show_q05),
    "q06": (values_of, show_q06),
    "q07": (distinct, show_q07),
    "q08": (by_customer, show_q08),
    "q09": (filtered, show_pairs_of_sums),
    "q10": (roots, lambda parts: [list(map(math.fsum, zip(*parts)))]),
    "q11": (pairs, show_q11),
    "q12": (histogram, lambda parts: list(join_groups(parts, lambda a, b: a + b).items())),
}


def work(job):
    path, begin, end, name = job
    return QUERIES[name][0](rows_of(path, begin, end))


def main():
    path, workers, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    jobs = ((path, begin, end, name) for begin, end in parts_of(path))
    if workers == 1:
        rows = QUERIES[name][1](list(map(work, jobs)))
    else:
        with Pool(workers) as pool:
            rows = QUERIES[name][1](pool.map(work, list(jobs), chunksize=1))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(f"c{i}" for i in range(len(rows[0]) if rows else 1))
    out.writerows(rows)


if __name__ == "__main__":
    main()
