"""What contenders print, read back and held against the exact answers."""
import csv
import io
import json
from fractions import Fraction

import exact

MISSING = ["", "NA", "NaN"]
NEAR = Fraction(1, 10 ** 9)


def exact_answers(path, note):
    """{query: rows}; kept beside the file, as they take long."""
    kept = path.with_suffix(".answers.json")
    stamp = [path.stat().st_size, path.stat().st_mtime_ns]
    try:
        stored = json.loads(kept.read_text())
        if stored["of"] == stamp:
            return {name: [list(map(thaw, row)) for row in rows] for name, rows in stored["answers"].items()}
    except (OSError, ValueError, KeyError):
        pass
    note("exact answers, in whole numbers, by Python")
    found = exact.answers_of(path)
    kept.write_text(json.dumps({"of": stamp, "answers": {name: [list(map(freeze, row)) for row in rows] for name, rows in found.items()}}))
    return {name: [list(map(thaw, map(freeze, row))) for row in rows] for name, rows in found.items()}


def freeze(cell):
    return cell if cell is None or isinstance(cell, str) else [str(Fraction(cell))]


def thaw(cell):
    return cell if cell is None or isinstance(cell, str) else Fraction(cell[0])


def number_of(cell):
    try:
        return Fraction(cell)
    except (ValueError, ZeroDivisionError):
        return None


def rows_of(text):
    rows = list(csv.reader(io.StringIO(text)))
    return rows[1:]


def key_of(cell):
    """A key as all contenders write it: 3 and 3.0 are one, a missing one is empty."""
    if isinstance(cell, Fraction):
        return str(cell)
    number = number_of(cell)
    return str(number) if number is not None else "" if cell in ("-", "NA") else cell


def ordered(rows, query):
    if query.rank_by is not None:
        return rows
    return sorted(rows, key=lambda row: [key_of(cell) for cell in row[:query.n_keys]])


def differs(text, wanted, query):
    """None: the same answer; else where it is not, in words. Also the largest relative difference."""
    try:
        found = rows_of(text)
    except csv.Error as why:
        return f"no CSV: {why}", None
    if len(found) != len(wanted):
        return f"{len(found)} rows for {len(wanted)}", None
    worst = Fraction(0)
    for row, right in zip(ordered(found, query), ordered(wanted, query)):
        if len(row) != len(right):
            return f"{len(row)} columns for {len(right)}", None
        for i, (cell, value) in enumerate(zip(row, right)):
            if i < query.n_keys:
                if key_of(cell) != key_of(value):
                    return f"key {cell!r} for {key_of(value)!r}", None
                continue
            number = number_of(cell)
            if number is None or value is None:
                if value is None and cell in MISSING:
                    continue
                return f"{cell!r} for {'nothing' if value is None else float(value)!r}", None
            error = abs(number - value) / abs(value) if value else abs(number)
            worst = max(worst, error)
            if error > NEAR:
                return f"{cell} for {float(value)!r} ({float(error):.1e} off)", float(worst)
    return None, float(worst)
