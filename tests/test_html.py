#!/usr/bin/env python3
"""The page of `prong compare --html`, in Debian's chromium, and the file that it is written to.

    python3 tests/test_html.py BUILD/cmd/prong BUILD/tests/page_of SCREENSHOT.png
    python3 tests/test_html.py --picture PAGE.html PICTURE.png ['#speed']   no test: a picture of a page or a part, for the documents

Prints TAP. page_of makes the page of a report that is invented here: what is asserted is what the page shows of it.
"""
import base64
import json
import math
import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import Browser, find_selenium, nobody_left
import tap
from tap import Skip, case

C_ENGINES = ["serial", "threads", "processes", "processes-ready"]
PYTHON_ENGINES = ["serial", "threads", "processes"]


# ---- a report that has everything ------------------------------------------------------------------------------------------

# Median seconds of serial, and how many times as fast the others are, by language and in the order of the engines.
TIMES = {
    ("sqrt", "c"): (0.0721, [1.0, 1.94, 1.71, 1.89]),
    ("sqrt", "python"): (0.912, [1.0, 0.97, 1.88]),
    ("records", "c"): (0.1904, [1.0, 1.91, 1.66, 1.87]),
    ("wait", "c"): (1.297, [1.0, 7.93, 7.41, 7.88]),
    ("wait", "python"): (1.304, [1.0, 7.71, 5.02]),
    ("counter", "c"): (0.0105, [1.0, 0.41, 0.36, 0.38]),
    ("counter", "python"): (0.118, [1.0, 0.74, 0.09]),
}
STARTS = {"threads": (24e-6, 25e-6), "processes": (231e-6, 233e-6), "fork": (412e-6, 9.8e-3)}
SHARES = {("sqrt", "threads"): 0.02, ("sqrt", "processes-ready"): 0.04, ("records", "threads"): 0.10, ("records", "processes-ready"): 0.12}
CPUS = 4


def spans_of(work, engine, language="c"):
    """64 runs of 20 ms on 8 slots, one after the other on each; serial has one slot. Python is slower to begin and to notice."""
    if work == "counter":
        return []
    slots = 1 if engine == "serial" else 8 if work == "wait" else 2
    late = {"processes": 0.0016, "threads": 0.00012}.get(engine, 0.00004) * (30 if language == "python" else 1)
    slow = 0.00002 * len(engine) + (0.0004 if language == "python" else 0)
    begin = [late + 0.00011 * slot for slot in range(slots)]
    spans = []
    for i in range(64 if work == "wait" else 2):
        slot = i % slots
        took = (0.0201 if work == "wait" else 0.0345) + slow + 0.00001 * (i * 37 % 64) ** 1.3 / 4
        spans.append([begin[slot], begin[slot] + took, slot])
        begin[slot] += took + 0.00006
    return spans


def row_of(work, language, engine, serial_s, speedup):
    median, verdict = serial_s / speedup, "gains" if speedup > 1.1 else "loses" if speedup < 0.9 else "same"
    return {
        "work": work, "language": language, "engine": engine, "workers": 1 if engine == "serial" else 8 if work == "wait" else CPUS,
        "agree": True, "median_s": median, "low_s": 0.98 * median, "high_s": 1.03 * median, "confidence": 0.978, "runs": 10, "outliers": 0,
        "speedup": speedup, "speedup_low": 0.95 * speedup, "speedup_high": 1.05 * speedup,
        "verdict": None if engine == "serial" else verdict, "seconds": [median] * 10, "spans": spans_of(work, engine, language),
    }


def cost_of(cost, which, engine, value, unit):
    spread = (1, 1) if unit == "runs" else (0.93, 1.09)
    return {"cost": cost, "case": which, "language": "c", "engine": engine, "value": value, "unit": unit, "low": spread[0] * value,
            "high": spread[1] * value, "runs": 20}


def costs():
    found = [cost_of("start_join", which, engine, value, "s") for engine, values in STARTS.items()
             for which, value in zip(("10MB", "1GB"), values)]
    for engine, parked, stream, memory, lost in (("threads", 9.1e-6, 0.4e-6, 69632, 100), ("processes", 12.4e-6, 1.1e-6, 1363148, 1)):
        found += [cost_of("round_trip", "parked", engine, parked, "s"), cost_of("round_trip", "stream", engine, stream, "s"),
                  cost_of("memory", None, engine, memory, "bytes"), cost_of("crash", None, engine, lost, "runs")]
    return found + [{**cost_of("crash", None, "processes", 78, "runs"), "language": "python"}]


def steps():
    found = []
    for (work, engine), share in SHARES.items():
        for workers in (1, 2, 4, 8):
            speedup = 1 / (share + (1 - share) / min(workers, CPUS))
            found.append({"work": work, "language": "c", "engine": engine, "workers": workers, "median_s": 0.1 / speedup,
                          "low_s": 0.098 / speedup, "high_s": 0.103 / speedup, "confidence": 0.969, "runs": 6, "outliers": 0,
                          "speedup": speedup, "speedup_low": 0.95 * speedup, "speedup_high": 1.06 * speedup})
    return found


ADVICE = [
    ("sqrt", "c", "threads", "Threads take 37.2 ms where serial takes 72.1 ms; a ready pool of processes is as fast, and buys isolation."),
    ("wait", "c", "threads", "8 workers wait at the same time: 164 ms in place of 1.30 s. Processes gain as much and cost more to start."),
    ("counter", "c", "serial", "Every increment waits for the lock: more workers make it slower, whatever they are."),
    ("sqrt", "python", "processes", "Threads share one GIL and gain nothing (0.97 times); processes have one each and gain 1.88 times."),
    ("wait", "python", "threads", "A thread that waits gives the GIL away: 7.71 times as fast as serial."),
    ("records", "c", None, "Threads and processes-ready overlap: too close to call."),
]


def sample(**changes):
    rows = [row_of(work, language, engine, serial_s, speedup) for (work, language), (serial_s, speedups) in TIMES.items()
            for engine, speedup in zip(C_ENGINES if language == "c" else PYTHON_ENGINES, speedups)]
    rows.sort(key=lambda row: list(dict.fromkeys(work for work, _ in TIMES)).index(row["work"]))
    return {
        "schema": "prong.compare/1", "version": "0.1.0",
        "machine": {"cpus_usable": CPUS, "cpus_online": 8, "model": "Invented Processor @ 2.80GHz", "memory_bytes": 25276510208,
                    "kernel": "Linux 6.1.0", "architecture": "x86_64", "pressure_before": 0.7, "pressure_during": 2.1, "steal_before": 0,
                    "steal_during": 0, "cores_before": 3.98, "cores_during": 3.96, "engines": ["serial", "threads", "processes"],
                    "python": "Python 3.11.2", "gil": True},
        "quiet": True, "busy_because": None, "agree": True, "missing": [],
        "input": {"source": "rows", "path": "/tmp/rows.csv", "bytes": 69693586, "columns": ["installed_kib", "download_bytes"]},
        "rows": rows, "steps": steps(), "costs": costs(),
        "advice": [dict(zip(("work", "language", "engine", "why"), one)) for one in ADVICE],
        "notes": ["Processes pay from a run length of about 0.3 ms on this machine.",
                  "A run in a process can be killed, and takes nobody with it."],
        "results": {"sqrt": {"roots": 16000000, "sum": 21333328333.33}},
        **changes,
    }


CHARTS = ["speed-sqrt", "speed-records", "speed-wait", "speed-counter", "start", "speedup-sqrt", "speedup-records", "timeline",
          "waits-began", "waits-took"]


# ---- the browser, and what is shown in it ----------------------------------------------------------------------------------


class Workbench:
    def __init__(self, prong, page_of, screenshot, folder):
        self.prong, self.page_of, self.screenshot, self.folder, self.n = prong, page_of, Path(screenshot), folder, 0
        self.made, self.why, self.measured = None, None, None

    @property
    def browser(self):
        if self.why:
            raise Skip(self.why)
        try:
            self.made = self.made or Browser(self.folder)
        except Skip as why:
            self.why = str(why)
            raise
        return self.made

    def close(self):
        if self.made:
            self.made.close()

    def page(self, report):
        """The browser, with the page of this report in it."""
        browser, self.n = self.browser, self.n + 1
        path = self.folder / f"page-{self.n}.html"
        text = report if isinstance(report, str) else json.dumps(report, indent=2).replace("<", "\\u003c")
        path.write_bytes(subprocess.run([self.page_of], input=text.encode(), stdout=subprocess.PIPE, check=True, timeout=60).stdout)
        browser.open(path)
        return browser

    def compare(self, *words):
        done = subprocess.run([self.prong, "compare", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                              env={**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def measured_page(self):
        """Measured once, by the program itself."""
        if not self.measured:
            path = self.folder / "measured.html"
            status, out, err = self.compare("--html", path, "--runs", 6, "--only", "sqrt", "--no-python", "--no-costs", "--json")
            assert status == 0, (status, err)
            self.measured = path, json.loads(out)
        return self.measured


DRAWN = """
    const canvas = document.getElementById(arguments[0]);
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const colors = new Map();
    for (let i = 0; i < pixels.length; i += 4)
        if (pixels[i + 3] > 200) {
            const key = pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2];
            colors.set(key, (colors.get(key) ?? 0) + 1);
        }
    return [...colors.entries()].sort((a, b) => b[1] - a[1]).slice(0, 40);
"""


def colors_of(browser, chart):
    return {f"#{color:06x}": n for color, n in browser.run(DRAWN, chart)}


def data_of(browser, chart):
    return browser.run("""const chart = Chart.getChart(arguments[0]);
        const sets = chart.data.datasets.map(s => ({ label: s.label, data: s.data, spread: s.spread }));
        return { labels: chart.data.labels, sets }""", chart)


def assert_close(found, wanted):
    assert len(found) == len(wanted) and all(math.isclose(f, w, rel_tol=1e-9) for f, w in zip(found, wanted)), (found, wanted)


def charts_in(browser):
    return browser.run("return [...document.querySelectorAll('canvas')].map(c => c.id)")


# ---- what the page shows ---------------------------------------------------------------------------------------------------


@case("the page opens without a word on the console and asks nobody for anything")
def _(bench):
    browser = bench.page(sample())
    assert browser.complaints() == []
    assert browser.run("return performance.getEntriesByType('resource').map(e => e.name)") == []
    assert not re.search(r"\b(src|href)=(?!\"data:)", browser.run("return document.documentElement.outerHTML").split("<script")[0])


@case("every chart is there and drawn, in the colours of its engines")
def _(bench):
    browser = bench.page(sample())
    assert charts_in(browser) == CHARTS
    for chart in CHARTS:
        found = colors_of(browser, chart)
        assert len(found) > 5 and sum(found.values()) > 500, (chart, found)
    for chart in ("speed-sqrt", "waits-began", "timeline", "speedup-sqrt"):
        assert colors_of(browser, chart).get("#0072b2", 0) > 100, (chart, colors_of(browser, chart))


@case("the bars of a work are its speed-ups, with their intervals, Python's behind C's")
def _(bench):
    browser = bench.page(sample())
    for work in ("sqrt", "records", "wait", "counter"):
        wanted = [speedup for language in ("c", "python") for speedup in TIMES.get((work, language), (0, []))[1]]
        found = data_of(browser, f"speed-{work}")
        assert_close(found["sets"][0]["data"], wanted)
        assert_close([low for low, _ in found["sets"][0]["spread"]], [0.95 * w for w in wanted])
    assert data_of(browser, "speed-sqrt")["labels"] == C_ENGINES + ["Python " + engine for engine in PYTHON_ENGINES]
    told = browser.text("#speed .reading")
    assert "In Python faster than serial: processes (1.88\u00d7); the same: threads (0.97\u00d7)." in told, told
    assert "In C slower: threads (0.41\u00d7)" in told, told


@case("start costs stand on a logarithmic axis, a thread's, a process's and a fork's, for each size of owner")
def _(bench):
    browser = bench.page(sample())
    found = data_of(browser, "start")
    assert found["labels"] == ["threads", "processes", "plain fork"]
    for k in (0, 1):
        assert_close(found["sets"][k]["data"], [STARTS[engine][k] for engine in ("threads", "processes", "fork")])
    assert browser.run("return Chart.getChart('start').scales.x.type") == "logarithmic"
    assert "9.80 ms in one of 1 GB" in browser.text("#costs .reading")
    assert re.search(r"crashes, in Python\s*78\b", browser.text("#costs-table")), browser.text("#costs-table")
    assert "1.36 MB" in browser.text("#costs-table") and ">100<" in browser.run("return document.querySelector('#costs-table').innerHTML")


@case("the share that does not divide is found again from speed-ups that Amdahl's law made")
def _(bench):
    browser = bench.page(sample())
    for (work, engine), share in SHARES.items():
        sets = {one["label"]: one["data"] for one in data_of(browser, f"speedup-{work}")["sets"]}
        name = next(label for label in sets if label.startswith(f"Amdahl, {engine}: "))
        shown = float(name.split(": ")[1].split()[0])
        assert shown == 100 * share, (name, share)
        assert_close([sets[name][-1]["y"]], [1 / (share + (1 - share) / CPUS)])
        assert [point["x"] for point in sets[engine]] == [1, 2, 4, 8]
        assert [(point["x"], point["y"]) for point in sets["ideal"]] == [(1, 1), (CPUS, CPUS), (8, CPUS)]
    assert "G. Amdahl, 1967" in browser.shown()


@case("the timeline has a lane for each slot, and shows the work and the engine that are chosen")
def _(bench):
    browser = bench.page(sample())
    choose = """const select = document.querySelectorAll('.choose select')[arguments[0]]; select.value = arguments[1];
        select.dispatchEvent(new Event('change')); return document.querySelector('#timeline-section .reading').textContent"""
    found = data_of(browser, "timeline")
    assert found["labels"] == [f"slot {slot}" for slot in range(8)] and len(found["sets"][0]["data"]) == 64
    first = spans_of("wait", "threads")[9]
    assert found["sets"][0]["data"][9] == {"x": first[:2], "y": f"slot {first[2]}"}
    assert browser.run(choose, 1, "serial").startswith("serial: 64 runs on 1 worker")
    assert data_of(browser, "timeline")["labels"] == ["slot 0"]
    assert browser.run(choose, 1, "Python threads").startswith("Python threads: 64 runs on 8 workers")
    assert browser.run(choose, 0, "sqrt").startswith("threads: 2 runs on 2 workers")
    assert len(colors_of(browser, "timeline")) > 5 and browser.complaints() == []


@case("the distributions climb from no run to all of them, for each engine")
def _(bench):
    browser = bench.page(sample())
    for chart, value in (("waits-began", lambda span: max(span[0], 1e-5)), ("waits-took", lambda span: span[1] - span[0])):
        sets = data_of(browser, chart)["sets"]
        assert [one["label"] for one in sets] == C_ENGINES + ["Python " + engine for engine in PYTHON_ENGINES]
        for one, engine in zip(sets, C_ENGINES):
            values = sorted(value(span) for span in spans_of("wait", engine))
            assert_close([point["x"] for point in one["data"]], values[:1] + values)
            assert_close([point["y"] for point in one["data"]], [0] + [100 * (i + 1) / 64 for i in range(64)])


@case("the advice comes before any chart, and every note and machine fact is told")
def _(bench):
    browser = bench.page(sample())
    text = browser.shown()
    for words in [why for *_, why in ADVICE] + sample()["notes"]:
        assert 0 < text.find(words) < text.find("What each engine gains"), words
    for fact in ("Invented Processor @ 2.80GHz", "4 of 8 CPUs", "3.11.2, with GIL", "Linux 6.1.0", "0.1.0", "25.3 GB"):
        assert fact in browser.text(".facts"), fact
    assert browser.text(".bad") == "" and browser.text(".missing") == ""


@case("every chart says what it shows to those who cannot see it, and has its figures in a table")
def _(bench):
    browser = bench.page(sample())
    for chart in CHARTS:
        label, rows, axes = browser.run("""const canvas = document.getElementById(arguments[0]);
            const scales = Chart.getChart(canvas).options.scales;
            return [canvas.getAttribute('aria-label'), canvas.closest('figure').querySelectorAll('tbody tr').length,
                Object.values(scales).map(s => s.title?.text ?? '')]""", chart)
        assert len(label) > 40 and rows >= 2 and any(axes), (chart, label, rows, axes)


# ---- when something is wrong or missing ------------------------------------------------------------------------------------


@case("a busy machine is told at the top, in red, with what to do")
def _(bench):
    browser = bench.page(sample(quiet=False, busy_because="something waited for a CPU in 71 % of the time"))
    told = browser.text(".bad")
    assert "busy" in told and "71 %" in told and "--wait-quiet" in told
    bottom, top = browser.run("return ['.bad', '#advice'].map(css => document.querySelector(css).getBoundingClientRect())"
                              ".map((box, i) => i ? box.top : box.bottom)")
    assert bottom < top
    assert "cannot be told apart" in browser.text("#speedup .reading")
    assert not any(one["label"].startswith("Amdahl") for one in data_of(browser, "speedup-sqrt")["sets"])
    red = [int(part) for part in re.findall(r"\d+", browser.run("return getComputedStyle(document.querySelector('.bad')).color"))]
    assert red[0] > 2 * red[1] and red[0] > 2 * red[2], red


@case("results that differ are told at the top, and who found what; there is no time")
def _(bench):
    wrong = {"sqrt": {"serial": {"roots": 8, "sum": 1.5}, "python threads": {"roots": 8, "sum": 2.5}}}
    browser = bench.page(sample(agree=False, rows=[], steps=[], costs=[], advice=[], notes=[], results=wrong))
    assert "differ" in browser.text(".bad") and charts_in(browser) == [] and browser.complaints() == []
    assert all(words in browser.text("#results") for words in ("python threads", "1.5", "2.5"))


@case("a part that was not measured says so, and has no empty chart")
def _(bench):
    rows = [row for row in sample()["rows"] if row["work"] == "counter" and row["language"] == "c"]
    machine = {**sample()["machine"], "python": None, "gil": None, "model": None}
    browser = bench.page(sample(rows=rows, steps=[], costs=[], advice=[], notes=[], quiet=None, machine=machine, missing=[
        {"language": "c", "engine": "processes", "why": "no memory may be shared here"}]))
    assert charts_in(browser) == ["speed-counter"] and browser.complaints() == []
    for section in ("advice", "costs", "speedup", "timeline-section", "waits"):
        assert browser.text(f"#{section} .missing"), section
    assert "Without processes: no memory may be shared here" in browser.shown()


@case("without serial the bars are times, and nothing is claimed to gain")
def _(bench):
    rows = [{**row, "speedup": None, "speedup_low": None, "speedup_high": None, "verdict": None} for row in sample()["rows"]
            if row["work"] == "sqrt" and row["engine"] == "threads"]
    browser = bench.page(sample(rows=rows, steps=[]))
    assert_close(data_of(browser, "speed-sqrt")["sets"][0]["data"], [row["median_s"] for row in rows])
    assert "aster" not in browser.text("#speed .reading") and browser.complaints() == []


@case("costs without a value tell why, and one CPU is no reason to fail")
def _(bench):
    gone = {"cost": "memory", "case": None, "language": "c", "engine": "processes", "value": None, "unit": "bytes", "low": None,
            "high": None, "runs": 0, "why": "smaps_rollup cannot be read"}
    machine = {**sample()["machine"], "cpus_usable": 1}
    browser = bench.page(sample(costs=[gone], machine=machine, steps=[step for step in steps() if step["workers"] < 3]))
    assert "smaps_rollup cannot be read" in browser.text("#costs-table") and "nothing to gain" in browser.text("#speedup .reading")
    assert "speedup-sqrt" in charts_in(browser) and browser.complaints() == []


@case("text from files stays text: no script of theirs runs and no element of theirs is there")
def _(bench):
    evil = "</script><script>window.hit=1</script><b class=evil>x</b><img class=evil src=x onerror=window.hit=1>"
    browser = bench.page(sample(notes=[evil], quiet=False, busy_because=evil, rows=[{**row, "work": evil} for row in sample()["rows"]],
                                advice=[{"work": evil, "language": "c", "engine": evil, "why": evil}],
                                input={"source": evil, "path": evil, "bytes": 1, "columns": [evil, evil]},
                                missing=[{"language": "c", "engine": evil, "why": evil}]))
    assert browser.run("return [window.hit ?? null, document.querySelectorAll('.evil, img, b').length]") == [None, 0]
    assert evil in browser.text("#advice") and browser.complaints() == []


@case("a file and its columns may be called what they like")
def _(bench):
    browser, path, page = bench.browser, bench.folder / "<b class=evil>x.csv", bench.folder / "named.html"
    path.write_text("</script><script>window.hit=1</script>,<img class=evil src=x onerror=window.hit=1>\n1,2\n3,4\n")
    status, _, err = bench.compare("--html", page, "--input", path, "--only", "records", "--no-python", "--no-costs", "--runs", 1)
    assert status == 0, err
    browser.open(page)
    assert browser.run("return [window.hit ?? null, document.querySelectorAll('.evil, img, b').length]") == [None, 0]
    assert browser.complaints() == [] and "speed-records" in charts_in(browser)
    assert browser.run("return JSON.parse(document.getElementById('report').textContent).input.columns[0]").startswith("</script>")


@case("even where a report breaks out of its block, the page runs no script but its own")
def _(bench):
    browser = bench.page("</script><script>window.hit=1</script><img src=x onerror=window.hit=1>" + json.dumps(sample()))
    assert browser.run("return window.hit ?? null") is None
    assert any("Content Security Policy" in line for line in browser.complaints())


# ---- wherever it is read ---------------------------------------------------------------------------------------------------


@case("nothing has to be scrolled sideways, on a desk or on a phone")
def _(bench):
    for width in (1280, 768, 375):
        bench.browser.fit(width, 800)
        try:
            browser = bench.page(sample())
            inner, scroll, widest = browser.run("""return [document.documentElement.clientWidth, document.documentElement.scrollWidth,
                Math.max(...[...document.querySelectorAll('canvas, figure, p, h1, h2, h3')].map(e => e.getBoundingClientRect().right))]""")
            assert inner == width and scroll <= width and widest <= width, (width, inner, scroll, widest)
            bars = browser.run("const a = Chart.getChart('speed-sqrt').chartArea; return a.right - a.left")
            assert bars > 100, (width, bars)
            if width == 375:
                browser.screenshot(bench.screenshot.with_name("compare-phone.png"))
        finally:
            bench.browser.fit(1280, 900)


@case("dark where the reader likes it dark, charts as well")
def _(bench):
    browser = bench.page(sample())
    light, drawn = (browser.run("return getComputedStyle(document.body).backgroundColor"), colors_of(browser, "speed-sqrt"))
    browser.dress(dark=True)
    try:
        browser.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert browser.run("return getComputedStyle(document.body).backgroundColor") != light
        dark = colors_of(browser, "speed-sqrt")
        assert dark.get("#56b4e9", 0) > 100 and not dark.get("#0072b2") and drawn.get("#0072b2", 0) > 100, dark
        browser.screenshot(bench.screenshot.with_name("compare-dark.png"))
    finally:
        browser.dress(dark=False)


@case("printed it has several pages, with light charts, and afterwards it is as before")
def _(bench):
    browser = bench.page(sample())
    browser.dress(dark=True)
    try:
        browser.run("""addEventListener('beforeprint', () => { window.atPrint = [
            getComputedStyle(document.documentElement).getPropertyValue('--threads').trim(),
            document.getElementById('speed-sqrt').clientWidth]; })""")
        pdf = base64.b64decode(browser.tell("Page.printToPDF", printBackground=True)["data"])
        bench.screenshot.with_name("compare.pdf").write_bytes(pdf)
        assert pdf.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", pdf)) > 2
        assert browser.run("return window.atPrint") == ["#0072b2", 620]
        assert browser.run("return document.documentElement.className") == "" and browser.complaints() == []
    finally:
        browser.dress(dark=False)


@case("without scripts the figures that the program measured are readable in tables")
def _(bench):
    browser, (path, report) = bench.browser, bench.measured_page()
    browser.tell("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(path)
        body = browser.tell("DOM.getDocument", depth=1)["root"]["nodeId"]
        main = browser.tell("DOM.querySelector", nodeId=body, selector="main")["nodeId"]
        html = browser.tell("DOM.getOuterHTML", nodeId=main)["outerHTML"]
    finally:
        browser.tell("Emulation.setScriptExecutionDisabled", value=False)
    cells = re.findall(r"<td>([^<]*)</td>", html)
    for row in report["rows"]:
        speedup = f"{row['speedup']:.2f} ({row['speedup_low']:.2f} to {row['speedup_high']:.2f})"
        assert row["engine"] in cells and speedup in cells, (row, cells)
    assert "&lt;" not in html and f"{report['machine']['cpus_usable']} usable CPUs" in html


# ---- the program -----------------------------------------------------------------------------------------------------------


@case("the program's own page has a chart for each thing it measured, with the figures of its JSON")
def _(bench):
    path, report = bench.measured_page()
    browser = bench.browser
    browser.open(path)
    assert browser.complaints() == [] and charts_in(browser) == ["speed-sqrt", "speedup-sqrt", "timeline"]
    assert_close(data_of(browser, "speed-sqrt")["sets"][0]["data"], [row["speedup"] for row in report["rows"]])
    sets = {one["label"]: one["data"] for one in data_of(browser, "speedup-sqrt")["sets"]}
    for engine in ("threads", "processes-ready"):
        assert_close([point["y"] for point in sets[engine]], [step["speedup"] for step in report["steps"] if step["engine"] == engine])
    counts = [step["workers"] for step in report["steps"] if step["engine"] == "threads"]
    cpus = report["machine"]["cpus_usable"]
    assert counts[0] == 1 and counts == sorted(set(counts)) and counts[-1] <= 2 * cpus and (cpus in counts or len(counts) == 10), counts


@case("a file that cannot be written is told before anything is measured, with a hint")
def _(bench):
    folder = bench.folder / "closed"
    folder.mkdir(exist_ok=True)
    for path in (bench.folder / "nowhere" / "page.html", bench.folder, ""):
        status, out, err = bench.compare("--html", path, "--only", "sqrt", "--no-python")
        assert status in (2, 3) and out == "" and "cannot write the page" in err and "hint: " in err, (path, status, out, err)
    status, out, err = bench.compare("--html", "-", "--json")
    assert status == 2 and out == "" and "hint: " in err, (status, err)


@case("a full disk is told, and the old page is not harmed by it")
def _(bench):
    status, _, err = bench.compare("--html", "/dev/full", "--only", "sqrt", "--no-python", "--no-costs", "--runs", 1)
    assert status == 3 and "/dev/full: No space left on device" in err and "hint: " in err, (status, err)


@case("the page takes the place of the old one, behind its link and with its mode; nothing else is left in the folder")
def _(bench):
    folder = bench.folder / "pages"
    folder.mkdir()
    page, link = folder / "page.html", folder / "link.html"
    page.write_text("old")
    page.chmod(0o640)
    link.symlink_to(page.name)
    status, _, err = bench.compare("--html", link, "--only", "sqrt", "--no-python", "--no-costs", "--runs", 1)
    assert status == 0, err
    assert link.is_symlink() and page.read_text().startswith("<!doctype html>") and page.read_text().endswith("</html>\n")
    assert stat.S_IMODE(page.stat().st_mode) == 0o640 and sorted(os.listdir(folder)) == ["link.html", "page.html"]


@case("on standard output the page stands alone")
def _(bench):
    status, out, err = bench.compare("--html", "-", "--only", "sqrt", "--no-python", "--no-costs", "--runs", 1)
    assert status == 0 and out.startswith("<!doctype html>") and out.endswith("</html>\n"), (status, err)
    assert "Chart.js v" in out and "Released under the MIT License" in out


@case("a picture of the page is kept")
def _(bench):
    browser = bench.page(sample())
    browser.screenshot(bench.screenshot)
    assert bench.screenshot.read_bytes().startswith(b"\x89PNG") and bench.screenshot.stat().st_size > 50000


# ---- all of it -------------------------------------------------------------------------------------------------------------


def has_charts(page_of):
    return subprocess.run([page_of], input=b"{}", capture_output=True, timeout=60).returncode == 0


def take_picture(page, picture, css="html"):
    with tempfile.TemporaryDirectory(prefix="prong-html-") as folder, nobody_left():
        browser = Browser(Path(folder))
        try:
            browser.open(page)
            browser.screenshot(picture, css)
        finally:
            browser.close()


def main():
    find_selenium()
    if sys.argv[1] == "--picture":
        take_picture(*map(os.path.abspath, sys.argv[2:4]), *sys.argv[4:5])
        return 0
    prong, page_of, screenshot = map(os.path.abspath, sys.argv[1:4])
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    if not has_charts(page_of):
        print("1..0 # SKIP built without Chart.js (Debian: libjs-chart.js)")
        return 0
    with tempfile.TemporaryDirectory(prefix="prong-html-") as folder, nobody_left():
        os.environ["HOME"] = folder     # for the browser
        bench = Workbench(prong, page_of, screenshot, Path(folder))
        try:
            return tap.run(bench)
        finally:
            bench.close()


if __name__ == "__main__":
    sys.exit(main())
