"""The answers of all queries in whole numbers, one record after the other: what every contender's answers are held against.

Cells become whole multiples of 10^-SCALE; sums, products and comparisons of those are exact. Roots, logarithms and powers are taken in
double precision and summed with math.fsum.
"""
import csv
import math
from collections import defaultdict
from fractions import Fraction

SCALE = 4
UNIT = 10 ** SCALE
csv.field_size_limit(1 << 30)


def whole(cell, known={}):
    """None where it is empty. The cells of a file repeat, so most are found among the known."""
    if cell not in known:
        number = Fraction(cell) * UNIT if cell else None
        if number is not None and number.denominator != 1:
            raise ValueError(f"{cell}: more than {SCALE} digits behind the point")
        if len(known) > 1000000:
            known.clear()
        known[cell] = None if number is None else int(number)
    return known[cell]


class Moments:
    def __init__(self):
        self.n, self.sum, self.squares, self.low, self.high = 0, 0, 0, None, None

    def add(self, v):
        if v is None:
            return
        self.n += 1
        self.sum += v
        self.squares += v * v
        if self.low is None or v < self.low:
            self.low = v
        if self.high is None or v > self.high:
            self.high = v

    def total(self, unit=UNIT):
        return Fraction(self.sum, unit) if self.n else None

    def mean(self):
        return Fraction(self.sum, self.n * UNIT) if self.n else None

    def deviation(self):
        if self.n < 2:
            return None
        return root(Fraction(self.squares * self.n - self.sum ** 2, self.n * (self.n - 1) * UNIT ** 2))


    def ends(self):
        return [None, None] if self.low is None else [Fraction(self.low, UNIT), Fraction(self.high, UNIT)]


class Sum:
    """Of what is present, of `rows` rows; missing where nothing is."""
    def __init__(self):
        self.rows, self.n, self.sum = 0, 0, 0

    def add(self, v):
        self.rows += 1
        if v is not None:
            self.n += 1
            self.sum += v

    def total(self):
        return Fraction(self.sum, UNIT ** 3) if self.n else None


def root(fraction):
    """Of a fraction, to more digits than a double has."""
    shift = 1 << 200
    return Fraction(math.isqrt(fraction.numerator * shift * shift // fraction.denominator), shift)


class Answers:
    def __init__(self):
        self.rows = 0
        self.price, self.revenue = Moments(), Sum()
        self.country = defaultdict(Sum)
        self.country_size = defaultdict(lambda: [0, Moments(), Moments(), Moments()])
        self.prices, self.values = defaultdict(int), defaultdict(int)
        self.customers, self.emails = defaultdict(Sum), set()
        self.filtered = defaultdict(Sum)
        self.powers = defaultdict(int)
        self.pair = [0] * 6             # n, x, y, xx, xy, yy; x in UNIT^2, y in UNIT
        self.bins = defaultdict(int)

    def add(self, row):
        quantity, price, discount = map(whole, row[5:8])
        value = None if quantity is None or price is None else quantity * price
        revenue = None if value is None or discount is None else value * (UNIT - discount)
        self.rows += 1
        self.add_simple(row, quantity, price, discount, revenue)
        self.prices[price] += 1
        self.values[value] += 1
        if row[8]:
            self.customers[row[8]].add(revenue)
        self.emails.add(row[9])
        if row[3] == "L" and (quantity or 0) >= 2 * UNIT and (discount or 0) > 0:
            self.filtered[row[4]].add(revenue)
        self.powers[discount, quantity] += 1
        if value is not None:
            for i, v in enumerate((1, value, quantity, value * value, value * quantity, quantity * quantity)):
                self.pair[i] += v
        self.bins["" if price is None else price // (5 * UNIT)] += 1

    def add_simple(self, row, quantity, price, discount, revenue):
        self.price.add(price)
        self.revenue.add(revenue)
        self.country[row[2]].add(revenue)
        group = self.country_size[row[2], row[3]]
        group[0] += 1
        for moments, cell in zip(group[1:], (quantity, price, discount)):
            moments.add(cell)

    def finish(self):
        """{query: rows of the answer}"""
        best = sorted((item for item in self.customers.items() if item[1].n), key=lambda item: -item[1].sum)[:10]
        return {
            "q01": [[self.rows]],
            "q02": [[self.revenue.total()]],
            "q03": [[self.price.mean(), self.price.deviation(), *self.price.ends()]],
            "q04": [[key, revenue.rows, revenue.total()] for key, revenue in self.country.items()],
            "q05": [[*key, n, q.total(), p.mean(), *p.ends(), d.deviation()] for key, (n, q, p, d) in self.country_size.items()],
            "q06": [[quantile(counts, q) / unit for counts, unit in ((self.prices, UNIT), (self.values, UNIT ** 2))
                     for q in (Fraction(1, 2), Fraction(99, 100))]],
            "q07": [[len(self.customers), len(self.emails - {""})]],
            "q08": [[key, revenue.total()] for key, revenue in best],
            "q09": [[key, revenue.rows, revenue.total()] for key, revenue in self.filtered.items()],
            "q10": [self.roots()],
            "q11": [self.regression()],
            "q12": [[key, n] for key, n in self.bins.items()],
        }

    def roots(self):
        prices = [(price / UNIT, n) for price, n in self.prices.items() if price is not None]
        powers = [((1 - Fraction(d, UNIT)), Fraction(q, UNIT), n) for (d, q), n in self.powers.items() if d is not None and q is not None]
        return [sum(Fraction(math.sqrt(p)) * n for p, n in prices), sum(Fraction(math.log(p)) * n for p, n in prices),
                sum(Fraction(float(base) ** float(power)) * n for base, power, n in powers)]

    def regression(self):
        n, x, y, xx, xy, yy = self.pair
        co, of_x, of_y = n * xy - x * y, n * xx - x * x, n * yy - y * y
        slope = Fraction(co, of_x) * UNIT
        r2 = Fraction(co * co, of_x * of_y)
        return [root(r2) * (1 if co > 0 else -1), slope, (Fraction(y, UNIT) - slope * Fraction(x, UNIT ** 2)) / n, r2]


def quantile(counts, q):
    """Linear between neighbours, of values that are there so often."""
    ordered = sorted((value, n) for value, n in counts.items() if value is not None)
    at = q * (sum(n for _, n in ordered) - 1)
    low = nth(ordered, math.floor(at))
    return low + (at - math.floor(at)) * (nth(ordered, math.ceil(at)) - low)


def nth(ordered, k):
    for value, n in ordered:
        if k < n:
            return Fraction(value)
        k -= n
    raise IndexError


def answers_of(path):
    answers = Answers()
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        for row in rows:
            answers.add(row)
    return answers.finish()
