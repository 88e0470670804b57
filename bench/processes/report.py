"""What was measured, in figures: medians, ratios of neighbours, goals; as tables or as JSON."""
import statistics

import cells

SPREAD = 0.05       # wider than this, the least and the most of all rounds are shown, too
UNITS = {"ns": 1, "us": 1e3, "KiB": 1}
SPIN, FUTEX = "shm copy in/out, spin", "shm copy in/out, futex"


class Results:
    def __init__(self):
        self.rounds, self.troubles = {}, {}     # (cell, row, column): figures of each round, None where there are none

    def add(self, key, figures):
        self.rounds.setdefault(key, []).append(figures)

    def fail(self, key, why):
        self.add(key, None)
        self.troubles[key] = why

    def values(self, key, figure):
        return [figures[figure] for figures in self.rounds.get(key, ()) if figures and figure in figures]

    def median(self, key, figure="ns"):
        values = self.values(key, figure)
        return statistics.median(values) if values else None

    def ratio(self, one, other, figure="ns"):
        """The median of the ratios in each round, where both were measured one soon after the other."""
        rounds = zip(self.rounds.get(one, ()), self.rounds.get(other, ()))
        both = [(a[figure], b[figure]) for a, b in rounds if a and b and figure in a and b.get(figure)]
        return statistics.median(a / b for a, b in both) if both else None


# ---- goals -----------------------------------------------------------------------------------------------------------------


class Goals(list):
    def __init__(self, results):
        super().__init__()
        self.results = results

    def take(self, text, value, most, form="{:.2f}"):
        """Nothing where there is no value."""
        if value is not None:
            self.append({"goal": text, "value": form.format(value), "most": most, "reached": value <= most})

    def ratio(self, text, one, other, most, figure="ns"):
        self.take(text, self.results.ratio(one, other, figure), most)


def round_trip_goals(goals):
    def at(row, column):
        return "rtt-64", row, column
    goals.ratio("64 bytes on two CPUs at most 1.3 of shared memory copied in and out, spinning", at("prong", "two"), at(SPIN, "two"), 1.3)
    goals.ratio("64 bytes on two CPUs faster than Open MPI", at("prong", "two"), at("Open MPI, 2 ranks", "two"), 1)
    goals.ratio("64 bytes on one CPU at most 1.15 of a plain futex", at("prong", "one"), at(FUTEX, "one"), 1.15)
    for column, (head, _, _) in cells.PLACES.items():
        goals.ratio(f"64 bytes never above 1.05 of a plain futex: {head}", at("prong", column), at(FUTEX, column), 1.05)


def empty_goals(goals):
    prong = cells.CELLS["empty"].prong
    goals.ratio("empty runs to one worker at most 0.6 of a plain ring of 64-byte slots", ("empty", prong, "two"),
                ("empty", "plain ring, batches of 64", "two"), 0.6)


def size_goals(goals):
    big = str(64 * cells.MIB)

    def at(row):
        return "sizes", row, big
    for text, row, peer in (("untouched", "prong, shared heap, untouched", "shm handed over, untouched, spin"),
                            ("touched", "prong, shared heap, lines touched", "shm in place, lines touched, spin")):
        goals.ratio(f"64 MiB in the shared heap at most 2 times a hand-over: both {text}", at(row), at(peer), 2)
    for column, head in cells.CELLS["sizes"].columns.items():
        record, once, memcpy = (("sizes", row, column) for row in (
            "prong, record, copied", "shm copied once each way, spin", "one memcpy, private"))
        goals.ratio(f"{head} copied at most 1.1 of shared memory copied once each way", record, once, 1.1)
        of_memcpy = goals.results.ratio(record, memcpy) if int(column) >= cells.MIB else None       # below, a trip takes longer
        goals.take(f"{head} copied at most 1.1 of two private memcpys", of_memcpy and of_memcpy / 2, 1.1)


def start_goals(goals):
    for row in "prong, solo", "prong, pool of one":
        for column, head in cells.CELLS["start"].columns.items():
            goals.ratio(f"{row}: a worker from the zygote at most 1.1 of request, fork, exit, wait, reply: {head}", ("start", row, column),
                        ("start", "own zygote", column), 1.1)
        goals.ratio(f"{row}: at most 1.25 times longer for an owner that holds much", ("start", row, "big"), ("start", row, "small"), 1.25)


def crash_and_memory_goals(goals):
    def median(cell, figure, unit):
        value = goals.results.median((cell, "prong", "all"), figure)
        return value if value is None else value / unit
    goals.take("after a crash the next run begins within 20 us of the death being seen", median("crash", "seen_to_begin_ns", 1e3), 20,
               "{:.1f}")
    goals.take("the crashed run's future has failed within 1 ms (p99)", median("crash", "end_p99_ns", 1e6), 1, "{:.3f}")
    goals.take("an idle worker has at most 60 KiB of its own", median("idle", "private_kb", 1), 60, "{:.0f}")


def goals_of(results):
    goals = Goals(results)
    for add in round_trip_goals, empty_goals, size_goals, start_goals, crash_and_memory_goals:
        add(goals)
    return list(goals)


# ---- tables ----------------------------------------------------------------------------------------------------------------


def short(value):
    """Three figures."""
    size = abs(value)
    return f"{value:.0f}" if size >= 99.95 else f"{value:.1f}" if size >= 9.995 else f"{value:.2f}" if size >= 0.9995 else f"{value:.3f}"


def field_of(results, cell_name, row, column, figure):
    cell, key = cells.CELLS[cell_name], (cell_name, row.name, column)
    values = [value / UNITS[cell.unit] for value in results.values(key, figure)]
    if not values:
        return "-"
    text, least, most = short(statistics.median(values)), min(values), max(values)
    if most - least > SPREAD * abs(statistics.median(values)):
        text += f" ({short(least)}-{short(most)})"
    ratio = results.ratio((cell_name, cell.prong, column), key, figure)
    return text if row.name == cell.prong or ratio is None else f"{text} x{short(ratio)}"


def show_cell(results, name):
    cell = cells.CELLS[name]
    some = [row for row in cell.rows if any(key[:2] == (name, row.name) for key in results.rounds)]
    at = [(column, figure) for column in cell.columns for figure in cell.figures
          if any(results.values((name, row.name, column), figure) for row in some)]
    heads = [cell.columns[column] + cell.figures[figure] for column, figure in at]
    table = [[row.name + (" *" if row.is_reference else "")] + [field_of(results, name, row, *one) for one in at] for row in some]
    widths = [max(len(line[i]) for line in [["", *heads], *table]) for i in range(len(at) + 1)]
    print(f"\n{name}: {cell.title} [{cell.unit}]")
    for line in [["", *heads], *table]:
        print("  " + line[0].ljust(widths[0]) + "".join(text.rjust(width + 3) for text, width in zip(line[1:], widths[1:])))


def show(results, names, missing, notes):
    for what, why in missing.items():
        print(f"left out: {what}: {why}")
    for name in names:
        show_cell(results, name)
    if results.troubles:
        print("\nno figures of:")
    for (name, row, column), why in results.troubles.items():
        print(f"  {name}, {row}, {column}: {why}")
    print("\nMedians of all rounds (least-most where they differ by more than 5 %); xN: prong's first row takes N times what this takes,\n"
          "the median of the ratios within each round. *: no peer, but what it is made of. Python's programs are not placed.")
    for note in notes:
        print(note)
    goals = goals_of(results)
    if goals:
        print("\ngoals:")
    for one in goals:
        print(f"  {'reached' if one['reached'] else 'MISSED '}  {one['goal']}: {one['value']}")


def as_json(results, names, missing, notes):
    return {
        "schema": "prong.bench-processes/1", "notes": notes, "missing": missing,
        "cells": [{"cell": name, "title": cells.CELLS[name].title, "row": row, "column": column, "rounds": rounds,
                   "medians": {figure: results.median((name, row, column), figure) for figure in cells.CELLS[name].figures},
                   "trouble": results.troubles.get((name, row, column))}
                  for (name, row, column), rounds in results.rounds.items() if name in names],
        "goals": goals_of(results),
    }
