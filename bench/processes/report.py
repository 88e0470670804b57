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
        both = [(a[figure], b[figure]) for a, b in zip(self.rounds.get(one, ()), self.rounds.get(other, ())) if a and b and b.get(figure)]
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


def goals_of(results):
    goals = Goals(results)
    round_trip_goals(goals)
    empty_goals(goals)
    return list(goals)


# ---- tables ----------------------------------------------------------------------------------------------------------------


def short(value):
    """Three figures."""
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}" if value >= 0.9995 else f"{value:.3f}"


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
    heads = [f"{cell.columns[column]}{cell.figures[figure]}" for column, figure in at]
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
    print("\nMedians of all rounds (least-most where they differ by more than 5 %); xN: prong's first row takes N times what this takes, the\n"
          "median of the ratios within each round. *: no peer, but what it is made of. Python's programs are not placed.")
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
