"""What was measured, in figures: medians, ratios, goals; as a table or as JSON."""
import statistics

import cells

MB = 1e6
PEER = "go"                 # whom the goals are about
GAIN, TAIL, SYNCS, MOST_MB, FIRST_MS, MAIL_CHANGE, OF_IDEAL, MAILS_S = 2.0, 0.5, 0.12, 30, 100, 0.03, 0.97, 900


class Cell:
    """One contender in one cell: the figures of each round; None where it had none."""
    def __init__(self, name, contender):
        self.name, self.contender, self.what = name, contender, cells.CELLS[name]
        self.rounds, self.troubles = [], []

    def add(self, figures):
        self.rounds.append(figures)

    def fail(self, why):
        self.rounds.append(None)
        self.troubles.append(why)

    def median(self, figure):
        values = [figures[figure] for figures in self.rounds if figures and figure in figures]
        return statistics.median(values) if values else None


class Results:
    def __init__(self, found):
        self.cells = found
        self.at = {(cell.name, cell.contender.name): cell for cell in found}

    def names(self):
        return list(dict.fromkeys(cell.name for cell in self.cells))

    def of(self, name):
        return [cell for cell in self.cells if cell.name == name]

    def median(self, name, who, figure):
        cell = self.at.get((name, who))
        return cell.median(figure) if cell else None

    def ratio(self, one, other, figure):
        """Of two (cell, contender): the median of the ratios in each round, where both were measured one soon after the other."""
        a, b = self.at.get(one), self.at.get(other)
        both = [(x[figure], y[figure]) for x, y in zip(a.rounds, b.rounds) if x and y and y.get(figure)] if a and b else []
        return statistics.median(x / y for x, y in both) if both else None


# ---- goals -----------------------------------------------------------------------------------------------------------------


class Goals(list):
    def take(self, text, value, form, is_reached):
        """Nothing where there is no value."""
        if value is not None:
            self.append({"goal": text, "value": form.format(value), "reached": is_reached(value)})


def goals(results, who="prong-shop"):
    found = Goals()
    for name in "c32", "c256":
        title = cells.CELLS[name].title
        found.take(f"orders/s at least {GAIN} times {PEER}'s, {title}", results.ratio((name, who), (name, PEER), "orders_s"), "{:.2f}",
                   lambda x: x >= GAIN)
        found.take(f"p99 at most {TAIL} of {PEER}'s, {title}", results.ratio((name, who), (name, PEER), "p99_ms"), "{:.2f}",
                   lambda x: x <= TAIL)
    ideal = OF_IDEAL * 256 / 0.2
    found.take(f"at least {ideal:.0f} orders/s, {cells.CELLS['g200-c256'].title}", results.median("g200-c256", who, "orders_s"), "{:.0f}",
               lambda x: x >= ideal)
    for name in "c256", "g200-c256":
        found.take(f"e-mail of {cells.MAIL_MS} ms takes less than {MAIL_CHANGE:.0%} of the orders/s, {cells.CELLS[name].title}",
                   results.ratio((name + "-mail", who), (name, who), "orders_s"), "{:.3f} of them are left", lambda x: x > 1 - MAIL_CHANGE)
    found.take(f"at most {SYNCS} syncs per order, {cells.CELLS['c32'].title}", results.median("c32", who, "syncs"), "{:.3f}",
               lambda x: x <= SYNCS)
    peak, workers = results.median("c256", who, "peak_bytes"), results.median("c256", who, "worker_bytes")
    found.take(f"at most {MOST_MB} MB with its workers, {cells.CELLS['c256'].title}", peak and (peak + workers) / MB,
               "{:.1f}, " + f"{(workers or 0) / MB:.1f} of them in workers", lambda x: x <= MOST_MB)
    found.take(f"first 201 at most {FIRST_MS} ms after the start", results.median("restart", who, "first_201_ms"), "{:.0f}",
               lambda x: x <= FIRST_MS)
    found.take(f"at least {MAILS_S} receipts/s of a backlog, {cells.MAIL_MS} ms each", results.median("backlog", who, "mails_s"), "{:.0f}",
               lambda x: x >= MAILS_S)
    return found


# ---- tables ----------------------------------------------------------------------------------------------------------------

# figure: head, width, how it is shown
COLUMNS = {
    "orders_s": ("orders/s", 9, "{:.0f}"), "p50_ms": ("p50 ms", 8, "{:.1f}"), "p99_ms": ("p99 ms", 8, "{:.1f}"),
    "max_ms": ("max ms", 8, "{:.0f}"), "first_201_ms": ("first 201 ms", 13, "{:.1f}"), "listening_ms": ("listening ms", 13, "{:.1f}"),
    "mails_s": ("mails/s", 8, "{:.0f}"), "cpu_us": ("CPU us", 8, "{:.0f}"), "syncs": ("syncs", 7, "{:.3f}"),
    "idle_bytes": ("idle MB", 8, "{:.1f}"), "peak_bytes": ("peak MB", 8, "{:.1f}"), "worker_bytes": ("workers", 8, "{:.1f}"),
    "db_bytes": ("file MB", 9, "{:.0f}"), "not_201": ("not 201", 8, "{:.0f}"), "mails": ("mails", 8, "{:.0f}"),
    "mails_at_once": ("at once", 8, "{:.0f}"), "mails_twice": ("twice", 6, "{:.0f}"), "elsewhere": ("else %", 7, "{:.0f}"),
}


def text_of(figure, value):
    _, width, form = COLUMNS[figure]
    if value is None:
        return " " * width
    return form.format(value / MB if figure.endswith("_bytes") else value).rjust(width)


def show_cell(results, name):
    some = results.of(name)
    figures = [figure for figure in COLUMNS if any(cell.median(figure) is not None for cell in some)]
    print(f"\n{name}: {some[0].what.title}")
    heads = "".join(COLUMNS[figure][0].rjust(COLUMNS[figure][1]) for figure in figures)
    print(" " * 12 + heads + (f"   of {PEER}'s" if "orders_s" in figures else ""))
    for cell in some:
        ratio = results.ratio((name, cell.contender.name), (name, PEER), "orders_s")
        print(f"{cell.contender.name:12}" + "".join(text_of(figure, cell.median(figure)) for figure in figures) +
              (f"{ratio:10.2f}" if ratio else ""))


def show(results, found, missing, notes):
    print("contenders:")
    for contender in found:
        print(f"  {contender.name:12} {contender.version}: {contender.what}")
    for name, why in missing.items():
        print(f"  {name:12} skipped: {why}")
    for name in results.names():
        show_cell(results, name)
    troubles = [(cell, why) for cell in results.cells for why in cell.troubles]
    if troubles:
        print("\nno figures of:")
        for cell, why in troubles:
            print(f"  {cell.name} {cell.contender.name}: {why}")
    print("\nMedians of all rounds. CPU and syncs are per order (or mail), of all processes of the contender; MB are peaks of its main\n"
          "process, and what its workers held at the end. After each load ledger, database and answers were held against each other.\n"
          "Else: of the processors, what went into other work of this machine; above a few percent, measure again when it is quiet.")
    for note in notes:
        print(note)
    reached = goals(results)
    if reached:
        print("\ngoals:")
    for one in reached:
        print(f"  {'reached' if one['reached'] else 'MISSED '}  {one['goal']}: {one['value']}")


def as_json(results, found, missing, notes):
    return {
        "schema": "prong.bench-shop/1",
        "contenders": {contender.name: contender.version for contender in found}, "missing": missing, "notes": notes,
        "cells": [{"cell": cell.name, "title": cell.what.title, "contender": cell.contender.name, "rounds": cell.rounds,
                   "troubles": cell.troubles,
                   "medians": {figure: cell.median(figure) for figure in COLUMNS if cell.median(figure) is not None}}
                  for cell in results.cells],
        "goals": goals(results),
    }
