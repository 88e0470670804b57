"""What was measured, in figures: medians, ratios, goals; as a table or as JSON."""
import math
import statistics

MIB = 1 << 20
SCANS_GAIN, MOST_RATIO, MEAN_RATIO, STRETCH, PROCESSES_RATIO, STREAM_MIB, SAME_SPEED = 1.7, 0.60, 0.35, 0.25, 1.15, 64, 0.10
PROCESS_QUERIES = ["q01", "q02", "q03", "q04", "q05", "q06"]


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


class Cell:
    """One contender at one query with so many workers on a file of so many rows."""
    def __init__(self, query, contender, workers, rows):
        self.query, self.contender, self.workers, self.rows = query, contender, workers, rows
        self.seconds, self.cpu_s, self.peak_bytes = [], [], 0
        self.wrong = self.why_not = None        # the answer; why there is none
        self.error = None                       # of the answer, relative, the largest

    def median(self):
        return statistics.median(self.seconds) if self.seconds else None

    def counts(self):
        """It gave a right answer and its time."""
        return bool(self.seconds) and not self.wrong and not self.why_not

    def as_json(self):
        return {"query": self.query.name, "contender": self.contender.name, "workers": self.workers, "rows": self.rows,
                "seconds": self.seconds,
                "median_s": self.median(), "cpu_s": statistics.median(self.cpu_s) if self.cpu_s else None, "peak_bytes": self.peak_bytes,
                "wrong": self.wrong, "why_not": self.why_not, "error": self.error}


class Results:
    def __init__(self, cells, file_bytes):
        self.cells, self.file_bytes = cells, file_bytes         # {rows: bytes}
        self.at = {(c.query.name, c.contender.name, c.workers, c.rows): c for c in cells}

    def get(self, query, name, workers, rows):
        cell = self.at.get((query, name, workers, rows))
        return cell if cell and cell.counts() else None

    def queries(self):
        return list(dict.fromkeys(cell.query.name for cell in self.cells))

    def sizes(self):
        return list(dict.fromkeys((cell.rows, cell.workers) for cell in self.cells))

    def best_peer(self, query, workers, rows):
        peers = [c for c in self.cells if c.query.name == query and c.workers == workers and c.rows == rows
                 and not c.contender.is_prong and c.counts()]
        return min(peers, key=Cell.median, default=None)

    def ratio(self, query, workers, rows):
        prong, best = self.get(query, "prong", workers, rows), self.best_peer(query, workers, rows)
        return prong.median() / best.median() if prong and best else None

    def ratios(self, workers, rows):
        found = {query: self.ratio(query, workers, rows) for query in self.queries()}
        return {query: ratio for query, ratio in found.items() if ratio is not None}


# ---- goals -----------------------------------------------------------------------------------------------------------------


def goal(text, value, is_reached):
    return {"goal": text, "value": value, "reached": is_reached}


def worst_of(values):
    """"q07 0.71" of {query: number}."""
    name = max(values, key=values.get)
    return f"{name} {values[name]:.2f}"


def goals(results):
    found = []
    for rows, workers in results.sizes():
        found += ratio_goals(results, rows, workers)
        found += memory_goals(results, rows, workers)
        found += process_goals(results, rows, workers)
    for rows in dict.fromkeys(rows for rows, _ in results.sizes()):
        found += gain_goals(results, rows)
    return found + size_goals(results)


def where(rows, workers):
    return f"{rows / 1e6:g} M rows, {workers} worker{'s' * (workers > 1)}"


def ratio_goals(results, rows, workers):
    ratios = results.ratios(workers, rows)
    if not ratios:
        return []
    mean = geometric_mean(list(ratios.values()))
    return [goal(f"geometric mean of the ratios to the best peer at most {MEAN_RATIO} (stretch {STRETCH}), {where(rows, workers)}",
                 f"{mean:.3f}", mean <= MEAN_RATIO),
            goal(f"no query above {MOST_RATIO:.2f} of the best peer, {where(rows, workers)}", worst_of(ratios),
                 max(ratios.values()) <= MOST_RATIO)]


def memory_goals(results, rows, workers):
    peaks = {c.query.name: c.peak_bytes / MIB for c in results.cells
             if c.contender.is_prong and c.rows == rows and c.workers == workers and c.query.is_streaming and c.counts() and c.peak_bytes}
    if not peaks:
        return []
    return [goal(f"at most {STREAM_MIB} MiB on the streaming queries, {where(rows, workers)}", worst_of(peaks) + " MiB",
                 max(peaks.values()) <= STREAM_MIB)]


def process_goals(results, rows, workers):
    both = {query: (results.get(query, "prong-processes", workers, rows), results.get(query, "prong", workers, rows))
            for query in PROCESS_QUERIES}
    ratios = {query: p.median() / t.median() for query, (p, t) in both.items() if p and t}
    if not ratios:
        return []
    mean = geometric_mean(list(ratios.values()))
    return [goal(f"processes within {PROCESSES_RATIO} of threads (geometric mean of q01 to q06), {where(rows, workers)}",
                 f"{mean:.2f}, worst {worst_of(ratios)}", mean <= PROCESSES_RATIO)]


def gain_goals(results, rows):
    scans = dict.fromkeys(c.query.name for c in results.cells if c.query.is_scan)
    both = {query: (results.get(query, "prong", 1, rows), results.get(query, "prong", 2, rows)) for query in scans}
    gains = {query: one.median() / two.median() for query, (one, two) in both.items() if one and two}
    if not gains:
        return []
    worst = min(gains, key=gains.get)
    return [goal(f"two workers at least {SCANS_GAIN} times one on the scan queries ({', '.join(gains)}), {rows / 1e6:g} M rows",
                 f"{geometric_mean(list(gains.values())):.2f}, worst {worst} {gains[worst]:.2f}", gains[worst] >= SCANS_GAIN)]


def size_goals(results):
    sizes = sorted(results.file_bytes)
    if len(sizes) < 2:
        return []
    small, large = sizes[0], sizes[-1]
    found = []
    for workers in dict.fromkeys(workers for _, workers in results.sizes()):
        both = {q: (results.get(q, "prong", workers, small), results.get(q, "prong", workers, large)) for q in results.queries()}
        speeds = {q: results.file_bytes[large] / b.median() / (results.file_bytes[small] / a.median()) for q, (a, b) in both.items()
                  if a and b}
        if speeds:
            worst = min(speeds, key=speeds.get)
            mean = geometric_mean(list(speeds.values()))
            found.append(goal(f"the same GB/s within {SAME_SPEED:.0%} as at {small / 1e6:g} M rows, {where(large, workers)}",
                              f"{mean:.2f}, worst {worst} {speeds[worst]:.2f}", mean >= 1 - SAME_SPEED))
    return found


# ---- the table -------------------------------------------------------------------------------------------------------------


def time_text(cell):
    if cell is None:
        return "-"
    if cell.why_not:
        return "no"
    if cell.wrong:
        return "WRONG"
    return "-" if not cell.seconds else f"{cell.median():.3f}"


def show_size(results, names, rows, workers):
    size = results.file_bytes[rows]
    print(f"\n{where(rows, workers)}, {size / 1e6:.0f} MB: seconds, median, whole process" + " " * 8 + "(peak MiB of all its processes)")
    print("query " + "".join(f"{name:>23}" for name in names) + "   ratio to the best peer   prong GB/s")
    for query in results.queries():
        line = f"{query:6}"
        for name in names:
            cell = results.at.get((query, name, workers, rows))
            peak = f"({cell.peak_bytes / MIB:.0f})" if cell and cell.peak_bytes else ""
            line += f"{time_text(cell):>15} {peak:<7}"
        ratio, best, prong = results.ratio(query, workers, rows), results.best_peer(query, workers, rows), results.get(query, "prong",
                                                                                                                       workers, rows)
        line += f"   {ratio:.2f} {best.contender.name:<17}" if ratio is not None else " " * 25
        print(line + (f"   {size / 1e9 / prong.median():.2f}" if prong else ""))
    show_means(results, names, rows, workers)


def show_means(results, names, rows, workers):
    line = "mean  "
    for name in names:
        cells = [results.get(query, name, workers, rows) for query in results.queries()]
        whole = all(cells)
        line += f"{geometric_mean([c.median() for c in cells]):>15.3f} {'':<7}" if whole else f"{'':>15} {'':<7}"
    ratios = results.ratios(workers, rows)
    print(line + (f"   {geometric_mean(list(ratios.values())):.3f} of {len(ratios)} queries" if ratios else "") + "   (geometric)")


def show(results, contenders, missing, notes):
    names = [contender.name for contender in contenders]
    print("contenders:")
    for contender in contenders:
        print(f"  {contender.name:16} {contender.version}")
    for name, why in missing.items():
        print(f"  {name:16} skipped: {why}")
    for rows, workers in results.sizes():
        show_size(results, names, rows, workers)
    troubles = [c for c in results.cells if c.wrong or c.why_not]
    if troubles:
        print("\nno time counts of:")
        for c in troubles:
            print(f"  {c.query.name} {c.contender.name}, {where(c.rows, c.workers)}: {'wrong: ' + c.wrong if c.wrong else c.why_not}")
    errors = {name: max((c.error or 0 for c in results.cells if c.contender.name == name), default=0) for name in names}
    print("\nlargest relative error of an answer: " + ", ".join(f"{name} {error:.0e}" if error else f"{name} 0" for name,
                                                                error in errors.items()))
    for note in notes:
        print(note)
    show_goals(goals(results))


def show_goals(found):
    if found:
        print("\ngoals:")
    for one in found:
        print(f"  {'reached' if one['reached'] else 'MISSED '}  {one['goal']}: {one['value']}")


def as_json(results, contenders, missing, notes):
    return {
        "schema": "prong.bench-records/1",
        "contenders": {contender.name: contender.version for contender in contenders}, "missing": missing, "notes": notes,
        "file_bytes": {str(rows): size for rows, size in results.file_bytes.items()},
        "cells": [cell.as_json() for cell in results.cells],
        "ratios": [{"rows": rows, "workers": workers, "queries": results.ratios(workers, rows),
                    "geometric_mean": geometric_mean(list(results.ratios(workers, rows).values()))} for rows, workers in results.sizes()],
        "goals": goals(results),
    }
