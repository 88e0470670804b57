#!/usr/bin/env python3
"""`prong compare`, from outside: what it says about files that are written here, against exact arithmetic.

    python3 tests/test_compare.py BUILD/cmd/prong

Prints TAP. No time is asserted: all that counts here is what was computed and what was said.
"""
import contextlib
import csv
import gzip
import io
import json
import math
import os
import pty
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import tap
from tap import Skip, case

ENGINES = ["serial", "threads", "processes", "processes-ready"]
WORKS = ["sqrt", "records", "wait", "counter"]
C_ALONE = ["--no-python", "--no-costs"]
RECORDS = ["--only", "records", *C_ALONE]       # what a case about records needs
PIECE = 1 << 20                 # bytes of the file that are one piece of work: cmd/records/run/pieces.h
ROOT = Path(__file__).resolve().parent.parent


# ---- running it ----------------------------------------------------------------------------------------------------------


class Prong:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.n_files = binary, folder, 0
        self.cache = folder / "cache"
        self.env = {**os.environ, "XDG_CACHE_HOME": str(self.cache)}

    def run(self, *words, **changes):
        """Gives (status, standard output, standard error), both as text."""
        done = subprocess.run([self.binary, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                              env={**self.env, **changes})
        return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")

    def file(self, content):
        self.n_files += 1
        path = self.folder / f"input-{self.n_files}.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def compare(self, content, *words, workers=1):
        """The report on the records of a file with this content: all must be well, and nothing but JSON be said."""
        status, out, err = self.run("compare", "--input", str(self.file(content)), "--json", "--runs", "1",
                                    "--workers", str(workers), *RECORDS, *words)
        assert status == 0, f"status {status}: {err}"
        assert err == "", err
        return json.loads(out)

    def records(self, content, *words, workers=1):
        report = self.compare(content, *words, workers=workers)
        assert report["agree"] is True
        return report["results"]["records"]

    def refuse(self, content, *said, words=()):
        """The file is refused: bad input, nothing on standard output, and each of these is said."""
        path = self.file(content)
        status, out, err = self.run("compare", "--input", str(path), "--json", "--runs", "1", "--workers", "2", *RECORDS, *words)
        assert status == 4, f"status {status}: {err}"
        assert out == "", out
        for part in (*said, str(path), "hint: "):
            assert part in err, f"not said: {part!r}, in: {err!r}"


def bits(results):
    return {name: value.hex() if isinstance(value, float) else value for name, value in results.items()}


# ---- exact arithmetic ----------------------------------------------------------------------------------------------------


def exact(rows):
    """What `prong` must find, from whole numbers or fractions, with no rounding before the end."""
    n = len(rows)
    sum_a, sum_b = sum(a for a, _ in rows), sum(b for _, b in rows)
    squares_a = sum(a * a for a, _ in rows) - Fraction(sum_a * sum_a, 1) / n
    squares_b = sum(b * b for _, b in rows) - Fraction(sum_b * sum_b, 1) / n
    raw = sum(a * b for a, b in rows)
    products = raw - Fraction(sum_a * sum_b, 1) / n
    return {
        "rows": n,
        "mean_a": float(Fraction(sum_a, 1) / n), "deviation_a": math.sqrt(squares_a / (n - 1)),
        "mean_b": float(Fraction(sum_b, 1) / n), "deviation_b": math.sqrt(squares_b / (n - 1)),
        "correlation": float(products) / math.sqrt(squares_a) / math.sqrt(squares_b),
        "sum_of_products": float(raw),
    }


def assert_close(found, wanted, relative=1e-12):
    assert found.keys() == wanted.keys(), found
    assert found["rows"] == wanted["rows"], (found, wanted)
    for name in wanted:
        assert math.isclose(found[name], wanted[name], rel_tol=relative), (name, found[name], wanted[name])


def whole_rows(n, seed=1):
    draw = random.Random(seed)
    return [(draw.randrange(1, 10 ** draw.randrange(1, 9)), draw.randrange(1, 10 ** draw.randrange(1, 9))) for _ in range(n)]


def csv_of(rows, end="\n", header="name,a,b"):
    return header + end + "".join(f"row{i},{a},{b}{end}" for i, (a, b) in enumerate(rows))


# ---- the report ----------------------------------------------------------------------------------------------------------


@case("--json gives the schema prong.compare/1, whole")
def _(prong):
    status, out, err = prong.run("compare", "--input", str(prong.file(csv_of(whole_rows(100)))), "--json", "--runs", "1", "--workers", "2",
                                 "--no-python")
    assert status == 0 and err == "", (status, err)
    report = json.loads(out)
    assert report["schema"] == "prong.compare/1"
    assert report["agree"] is True and report["quiet"] in (True, False, None) and report["missing"] == []
    assert report["quiet"] is not True or report["busy_because"] is None
    machine = report["machine"]
    assert machine["cpus_usable"] >= 1 and machine["cpus_online"] >= machine["cpus_usable"] and machine["memory_bytes"] > 0
    assert machine["engines"] == ["serial", "threads", "processes"] and machine["kernel"].startswith("Linux")
    assert machine["python"] is None and machine["gil"] is None
    rows = report["rows"]
    assert [(row["work"], row["language"], row["engine"]) for row in rows] == [(w, "c", e) for w in WORKS for e in ENGINES]
    for row in rows:
        assert row["workers"] == (1 if row["engine"] == "serial" else 8 if row["work"] == "wait" else 2) and row["agree"] is True
        assert row["runs"] == len(row["seconds"]) == 1 and row["seconds"][0] == row["median_s"]
        assert 0 < row["low_s"] <= row["median_s"] <= row["high_s"] and row["confidence"] is None and row["outliers"] == 0
        serial = next(r for r in rows if r["work"] == row["work"] and r["engine"] == "serial")
        assert math.isclose(row["speedup"], serial["median_s"] / row["median_s"], rel_tol=1e-12)
        assert row["verdict"] == (None if row["engine"] == "serial" else "too few runs to say")
    assert [a["work"] for a in report["advice"]] == WORKS and all(a["engine"] is None and a["why"] for a in report["advice"])
    assert {cost["cost"] for cost in report["costs"]} == {"start_join", "round_trip", "memory", "crash"}
    assert sorted(report["results"]) == sorted(WORKS)


@case("each run of a work tells when it began and ended, and in which slot")
def _(prong):
    status, out, err = prong.run("compare", "--json", "--runs", "1", "--workers", "2", "--only", "sqrt,wait", *C_ALONE)
    assert status == 0, err
    for row in json.loads(out)["rows"]:
        assert len(row["spans"]) == (2 if row["work"] == "sqrt" else 64), row["work"]
        assert {slot for _, _, slot in row["spans"]} <= set(range(row["workers"] + 1)), row
        for begin, end, _ in row["spans"]:
            assert 0 <= begin < end <= row["seconds"][-1], row
        for slot in {slot for _, _, slot in row["spans"]}:      # one run at a time
            of_slot = sorted(span for span in row["spans"] if span[2] == slot)
            assert all(before[1] <= after[0] for before, after in zip(of_slot, of_slot[1:])), of_slot


@case("the median of several rounds lies in its interval")
def _(prong):
    rows = json.loads(prong.run("compare", "--json", "--runs", "7", "--only", "sqrt", *C_ALONE)[1])["rows"]
    for row in rows:
        assert row["runs"] == len(row["seconds"]) == 7 and row["confidence"] == 0.95
        assert row["low_s"] <= row["median_s"] == sorted(row["seconds"])[3] <= row["high_s"]
        assert row["speedup_low"] <= row["speedup"] <= row["speedup_high"]


@case("the square roots are all taken and their sum is the one that Python finds")
def _(prong):
    status, out, err = prong.run("compare", "--json", "--runs", "1", "--workers", "3", "--only", "sqrt", *C_ALONE)
    assert status == 0, err
    one = 0.0
    for i in range(4000000):
        one += math.sqrt(i)
    assert json.loads(out)["results"] == {"sqrt": {"roots": 12000000, "sum": one + one + one}}, out


@case("--only and --engines measure what they name, and nothing else")
def _(prong):
    status, out, err = prong.run("compare", "--json", "--runs", "1", "--only", "counter,sqrt", "--engines", "threads,serial", *C_ALONE)
    assert status == 0, err
    report = json.loads(out)
    assert [(row["work"], row["engine"]) for row in report["rows"]] == [(w, e) for w in ("sqrt", "counter") for e in ("serial", "threads")]
    assert report["input"] is None and report["costs"] == [] and report["missing"] == []
    status, out, err = prong.run("compare", "--json", "--runs", "1", "--only", "sqrt", "--engines", "processes", *C_ALONE)
    assert [(row["engine"], row["speedup"], row["verdict"]) for row in json.loads(out)["rows"]] == [("processes", None, None)]
    for words, said in ((["--only", "sqrt,recods"], "did you mean records?"), (["--only", ""], "lacks a name"),
                        (["--engines", "threads,"], "lacks a name"), (["--engines", "mpi"], "serial,threads,processes,processes-ready")):
        status, out, err = prong.run("compare", *words)
        assert status == 2 and out == "" and said in err, (words, err)


@case("the table for people tells the result, in letters that the terminal knows")
def _(prong):
    words = ["compare", "--input", str(prong.file("a,b\n1,2\n3,5\n")), "--runs", "1", "--only", "sqrt,records", "--no-python"]
    status, plain, _ = prong.run(*words, LC_ALL="C")
    assert status == 0 and "all engines agree" in plain and "####" in plain and plain.isascii()
    for word in ENGINES + ["prong 0.", "start and join", "median", "sum_of_products", "which to use"]:
        assert word in plain, word
    assert all(len(line) <= 110 for line in plain.splitlines()), max(plain.splitlines(), key=len)
    status, rich, _ = prong.run(*words, LC_ALL="C.UTF-8")
    assert status == 0 and "\u2588" in rich and "####" not in rich and "\x1b" not in rich


def on_terminal(prong, *words, **changes):
    """What stands on a terminal, standard output and error alike."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([prong.binary, *words], stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL,
                          env={**prong.env, "TERM": "xterm", **changes}) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):      # a terminal whose other end is closed
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    return process.returncode, shown.decode()


@case("colours are for terminals that want them")
def _(prong):
    words = ["compare", "--runs", "1", "--only", "sqrt", "--engines", "serial,threads", *C_ALONE]
    env = {"NO_COLOR": "", "LC_ALL": "C.UTF-8"}
    assert "\x1b[1m" in on_terminal(prong, *words, **env)[1]
    assert "\x1b[1m" not in on_terminal(prong, *words, **{**env, "NO_COLOR": "1"})[1]
    assert "\x1b" not in on_terminal(prong, *words, **{**env, "TERM": "dumb"})[1]


@case("--csv is one table that any reader of CSV takes")
def _(prong):
    status, out, err = prong.run("compare", "--csv", "--runs", "2", "--only", "sqrt,counter", "--no-python")
    assert status == 0 and err == "", err
    lines = list(csv.reader(io.StringIO(out)))
    header, rows = lines[0], [dict(zip(lines[0], line)) for line in lines[1:]]
    assert all(len(line) == len(header) for line in lines)
    works = [row for row in rows if row["what"] in WORKS]
    assert [(row["what"], row["engine"]) for row in works] == [(w, e) for w in ("sqrt", "counter") for e in ENGINES]
    for row in works:
        assert row["unit"] == "s" and row["runs"] == "2" and 0 < float(row["low"]) <= float(row["median"]) <= float(row["high"])
    assert {"start_join", "round_trip", "memory", "crash"} == {row["what"] for row in rows if row not in works}


@case("--md is a document in which names from outside mean nothing")
def _(prong):
    path = prong.file("<b>a|*,b\n1,2\n3,5\n")
    status, out, err = prong.run("compare", "--md", "--input", str(path), "--runs", "1", *RECORDS)
    assert status == 0 and err == "", err
    assert all(f"| C | {engine} |" in out for engine in ENGINES), out
    assert "\\<b\\>a\\|\\*" in out and "<b>" not in out, out
    tables = [block for block in out.split("\n\n") if block.startswith("|")]
    for table in tables:
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.strip().splitlines()}
        assert len(columns) == 1, table


@case("progress is shown on a terminal alone, and erased")
def _(prong):
    ours, theirs = pty.openpty()
    words = [prong.binary, "compare", "--runs", "2", "--workers", "1", "--json", "--only", "sqrt", *C_ALONE]
    with subprocess.Popen(words, stderr=theirs, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env={**prong.env, "TERM": "xterm"}) as process:
        os.close(theirs)
        json.loads(process.stdout.read())
        shown = b""
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    assert b"round 2 of 2, processes" in shown and shown.endswith(b"\r\x1b[K"), shown


# ---- what is computed ----------------------------------------------------------------------------------------------------


@case("whole numbers in many pieces give what exact arithmetic gives")
def _(prong):
    rows = whole_rows(240000)
    text = csv_of(rows)
    assert len(text) > 4 * PIECE
    assert_close(prong.records(text, workers=2), exact(rows))


@case("fractions and exponents give what exact arithmetic gives")
def _(prong):
    draw = random.Random(2)
    words = [(repr(draw.lognormvariate(0, 3)), f"{draw.uniform(1, 1000):.{draw.randrange(0, 20)}e}") for _ in range(40000)]
    text = "x,y\n" + "".join(f"{a},{b}\n" for a, b in words)
    assert len(text) > PIECE
    assert_close(prong.records(text, workers=2), exact([(Fraction(float(a)), Fraction(float(b))) for a, b in words]), 1e-11)


@case("a spread survives beside a mean that is much larger")
def _(prong):
    rows = [(10 ** 9 + i % 30, 10 ** 9 + i % 30 + i % 7) for i in range(20000)]
    assert_close(prong.records(csv_of(rows)), exact(rows), 1e-7)


@case("1, 2 and 7 workers find the same bits")
def _(prong):
    text = csv_of([(a / 7, b / 11) for a, b in whole_rows(30000, seed=3)])
    found = [bits(prong.records(text, workers=workers)) for workers in (1, 2, 7)]
    assert found[0] == found[1] == found[2], found


@case("each number is read as the double that is nearest")
def _(prong):
    words = ["0", "-0.0", "+7", ".5", "0.1", "1e23", "9007199254740993",
             "9007199254740993e1", "9007199254740992e22", "5e-324", "2.2250738585072011e-308",
             "0.00000000000000000000000000000012345", " 12 ", "18446744073709551616", "1E+2",
             "-1234.5678e-10", "000000000000000000000000000001.5", "9" * 300, "0." + "1" * 900, "8.5e-1"]
    for i in range(0, len(words), 2):
        found = prong.records(f"a;b\n{words[i]};{words[i + 1]}\n")
        for name, word in (("mean_a", words[i]), ("mean_b", words[i + 1])):
            wanted = float(word)
            assert float(found[name]).hex() == wanted.hex() or wanted == found[name] == 0, (word, found[name])


@case("what one row or an unvarying column leaves undefined is null")
def _(prong):
    found = prong.records("a,b\n3,4\n")
    assert found == {"rows": 1, "mean_a": 3, "deviation_a": None, "mean_b": 4, "deviation_b": None, "correlation": None,
                     "sum_of_products": 12}, found
    found = prong.records("a,b\n3,4\n3,6\n")
    assert found["deviation_a"] == 0 and found["correlation"] is None, found


# ---- how files are cut into rows -----------------------------------------------------------------------------------------


@case("CRLF, a missing last line end and a byte order mark change no bit")
def _(prong):
    text = csv_of([(a / 7, b / 11) for a, b in whole_rows(500, seed=4)])
    plain = bits(prong.records(text))
    for other in (text.replace("\n", "\r\n"), text[:-1], text.replace("\n", "\r\n")[:-2], "\ufeff" + text):
        assert bits(prong.records(other)) == plain
    assert prong.records("\ufeffa,b\n1,2\n", "--columns", "a,b")["rows"] == 1


@case("a row that starts just before, at or behind the edge of a piece is counted once")
def _(prong):
    for edge in (PIECE - 1, PIECE, PIECE + 1):
        head = "t,a,b\n"
        first = head + "x" * (edge - len(head) - len(",3,5\n")) + ",3,5\n"
        assert len(first) == edge
        found = prong.records(first + "y,7,11\n" * 10, workers=2)
        assert_close(found, exact([(3, 5)] + [(7, 11)] * 10))
        assert prong.records(first[:-1])["rows"] == 1


@case("rows longer than several pieces are read whole")
def _(prong):
    rows = whole_rows(9, seed=5)
    text = "a,text,b\n" + "".join(f"{a},{'z' * (i * PIECE // 3)},{b}\n" for i, (a, b) in enumerate(rows))
    assert_close(prong.records(text, workers=2), exact(rows))
    wide = ",".join(f"column{i:030}" for i in range(60000))
    assert len(wide) > 2 * PIECE
    assert prong.records(wide + "\n" + ",".join(["x"] * 59998 + ["4", "8"]) + "\n", "--columns", f"column{59998:030},column{59999:030}")["sum_of_products"] == 32


@case("tabs and semicolons part fields, too")
def _(prong):
    rows = whole_rows(20, seed=6)
    plain = bits(prong.records(csv_of(rows)))
    assert bits(prong.records(csv_of(rows).replace(",", "\t"))) == plain
    assert bits(prong.records(csv_of(rows).replace(",", ";"))) == plain


# ---- which columns -------------------------------------------------------------------------------------------------------


@case("without --columns the first two columns with a number count; with it, those that are named")
def _(prong):
    text = "when,a,what,b,c\nmonday,1,x,10,100\ntuesday,2,7,30,400\n"
    report = prong.compare(text)
    assert report["input"]["columns"] == ["a", "b"] and report["results"]["records"]["sum_of_products"] == 70
    report = prong.compare(text, "--columns", "c,a")
    assert report["input"]["columns"] == ["c", "a"] and report["results"]["records"]["mean_a"] == 250
    assert report["results"]["records"]["mean_b"] == 1.5


@case("an unknown column is refused and the nearest name is suggested")
def _(prong):
    text = "weight,height\n1,2\n"
    prong.refuse(text, "'hieght'", "did you mean 'height'?", words=["--columns", "weight,hieght"])
    prong.refuse(text, "'nothing'", "weight, height", words=["--columns", "weight,nothing"])
    for width in range(4, 41):      # the list of names is cut wherever its room may end
        names = ",".join("c" * (width - 3) + f"{i:03}" for i in range(100))
        prong.refuse(names + "\n" + names + "\n", "'nothing'", ", c", ", ...", words=["--columns", "nothing,nothing"])
    status, out, err = prong.run("compare", "--input", str(prong.file(text)), "--columns", "weight")
    assert status == 2 and out == "" and "two names" in err, err


# ---- what is wrong with files: told as `prong records` tells it, whose tests have more of it ----------------------------------


def flawed(line):
    """Rows over several pieces, one of them this line: gives text, and what is said of the place of its byte `byte`."""
    good = "some text,12,34\n" * 100000
    head = "t,a,b\n" + good
    return head + line + "\n" + good, lambda byte: f":{head.count(chr(10)) + 1}: byte {len(head) + byte}: "


@case("quotes stand around whole fields; a quote elsewhere is refused with its line and byte")
def _(prong):
    assert prong.records('a,"b"\n1,"2"\n"3",5\n')["sum_of_products"] == 17
    text, place = flawed('plain "quoted,12",34')
    prong.refuse(text, "quotes around a whole field", place(6))
    text, place = flawed("x" * PIECE + '",1,2')
    prong.refuse(text, "quotes around a whole field", place(PIECE))


@case("a cell that is no number is refused with its line and byte; an empty one is missing")
def _(prong):
    text, place = flawed("x,12,3 4")
    prong.refuse(text, "expected a number, found '3 4'", place(5), words=["--columns", "a,b"])
    for word in ("nan", "inf", "0x10", "1e", "--1", ".", "1.2.3", "1e999", "\x01\x02"):
        prong.refuse(f"a,b\n1,2\n3,{word}\n", "expected a number, found", ":3: byte 10: ", words=["--columns", "a,b"])
    assert prong.records("a,b\n1,2\n,3\n3,4\n")["mean_a"] == 2


@case("a row with another number of fields than the header is refused with its line and byte")
def _(prong):
    text, place = flawed("x,12")
    prong.refuse(text, "expected 3 fields, found 2", place(0))
    prong.refuse("a,b\n1,2\n1,2,3\n", "expected 2 fields, found 3", ":3: byte 8: ")
    prong.refuse("a,b\n1\n", "expected 2 fields, found 1", ":2: byte 4: ")


@case("a file without numbers, or that is none, is refused")
def _(prong):
    prong.refuse("", "found nothing at all")
    prong.refuse("a,b\n", "two columns with numbers")
    prong.refuse("a,b\nx,1\n", "two columns with numbers", "one")
    status, out, err = prong.run("compare", "--input", "-")
    assert status == 4 and out == "" and "standard input" in err and "hint: " in err, err
    for path, said in ((prong.folder / "no such file", "No such file"), (prong.folder, "folder"), (Path("/dev/null"), "nothing at all")):
        status, out, err = prong.run("compare", "--input", str(path))
        assert status == 4 and out == "" and str(path) in err and said in err and "hint: " in err, err


@case("packed files are records, too")
def _(prong):
    rows = whole_rows(2000, seed=9)
    assert bits(prong.records(gzip.compress(csv_of(rows).encode()), workers=2)) == bits(prong.records(csv_of(rows)))


@case("a file that is written to meanwhile is refused")
def _(prong):
    path = prong.file(csv_of(whole_rows(100)))
    words = [prong.binary, "compare", "--input", str(path), "--runs", "1000", "--json", *RECORDS]
    with path.open("ab", buffering=0) as file, subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                                stderr=subprocess.PIPE, env=prong.env) as process:
        while process.poll() is None:
            file.write(b"more,1,2\n")
        out, err = process.stdout.read(), process.stderr.read().decode()
    assert process.returncode == 4 and out == b"" and "changed while it was read" in err and str(path) in err, (process.returncode, err)


# ---- the command line ----------------------------------------------------------------------------------------------------


@case("results that cannot be written are an error")
def _(prong):
    if not os.path.exists("/dev/full"):
        raise Skip("this machine has no /dev/full")
    path = str(prong.file("a,b\n1,2\n3,5\n"))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([prong.binary, "compare", "--input", path, "--runs", "1", "--json", *RECORDS], stdin=subprocess.DEVNULL,
                              stdout=full, stderr=subprocess.PIPE, env=prong.env, timeout=300)
    assert done.returncode == 3 and b"No space left" in done.stderr, done


LIAR = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <prong.h>
#include <stdlib.h>
#include <unistd.h>

/* The library's own, but for the lowest bit of one result: the how manieth, says LIE. */
int prong_reduce(prong_pool *pool, uint64_t lo, uint64_t hi, uint64_t grain, prong_range_fn *fn, prong_fold_fn *fold,
                 const void *identity, size_t size, void *ret_result, prong_error *ret_end)
{
    static int n;
    int (*real)(prong_pool *, uint64_t, uint64_t, uint64_t, prong_range_fn *, prong_fold_fn *, const void *, size_t, void *,
                prong_error *) = dlsym(RTLD_NEXT, "prong_reduce");
    int r = real(pool, lo, hi, grain, fn, fold, identity, size, ret_result, ret_end);
    if (++n == atoi(getenv("LIE"))) {
        ((unsigned char *)ret_result)[size - sizeof(double)] ^= 1;
        (void)!write(STDERR_FILENO, "lied\n", 5);
    }
    return r;
}
"""


@case("one wrong bit in one engine is found: no time is shown, each result is, and the end is 1")
def _(prong):
    compiler = shutil.which("cc")
    if not compiler:
        raise Skip("no C compiler")
    source, liar = prong.folder / "liar.c", prong.folder / "liar.so"
    source.write_text(LIAR)
    subprocess.run([compiler, "-shared", "-fPIC", "-I", str(ROOT / "include"), "-o", str(liar), str(source), "-ldl"], check=True)
    changes = {"LD_PRELOAD": str(liar), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    path = str(prong.file("a,b\n1,2\n3,5\n"))
    for lie in (3, 7):      # while warming up, and in the first round: the turn of `processes`
        changes["LIE"] = str(lie)
        status, out, err = prong.run("compare", "--input", path, "--runs", "2", "--json", *RECORDS, **changes)
        if "lied" not in err:
            raise Skip("this program does not take the library from a shared object")
        assert status == 1 and "differ" in err, (status, err)
        report = json.loads(out)
        assert report["agree"] is False and report["rows"] == [] and report["costs"] == []
        products = {engine: found["sum_of_products"] for engine, found in report["results"]["records"].items()}
        assert products == {"serial": 17, "threads": 17, "processes": math.nextafter(17, 18), "processes-ready": 17}, products
        status, out, err = prong.run("compare", "--input", path, "--runs", "2", *RECORDS, **changes)
        assert status == 1 and "RESULTS DIFFER" in out and "vs serial" not in out, out


@case("an engine that this machine cannot run is told and left out, the others go on, and the end is 3")
def _(prong):
    path = str(prong.file("a,b\n1,2\n3,5\n"))
    words = [prong.binary, "compare", "--input", path, "--runs", "1", "--workers", "24", "--json", "--only", "sqrt,records", "--no-python"]
    few = 20        # descriptors: too few for so many processes
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=prong.env, timeout=300,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (few, few)))
    report = json.loads(done.stdout)
    if not report["missing"]:
        raise Skip(f"24 worker processes do with {few} descriptors here")
    assert done.returncode == 3 and report["agree"] is True
    assert [one["engine"] for one in report["missing"]] == ["processes", "processes-ready"] and report["missing"][0]["why"]
    assert [row["engine"] for row in report["rows"]] == 2 * ["serial", "threads"]
    assert report["machine"]["engines"] == ["serial", "threads"] and "processes" not in {cost["engine"] for cost in report["costs"]}
    assert b"goes on without processes: " in done.stderr, done.stderr


# ---- the data set of our own ---------------------------------------------------------------------------------------------


@case("without --input 2,000,000 orders are made, those of prong records gen, once, under XDG_CACHE_HOME")
def _(prong):
    path = prong.cache / "prong" / "orders-2000000-v1.csv"
    status, out, err = prong.run("compare", "--json", "--runs", "1", *RECORDS)
    assert status == 0, err
    report = json.loads(out)
    assert report["results"]["records"]["rows"] == 2000000 and report["input"]["path"] == str(path)
    assert report["input"]["columns"] == ["quantity", "unit_price"]
    assert "2,000,000 orders" in report["input"]["source"] and "seed 1" in report["input"]["source"]
    assert "2,000,000 orders" in err and str(path) in err and err.count("\n") == 1, err
    content = path.read_bytes()
    status, head, err = prong.run("records", "gen", "--rows", "5000", "--seed", "1")
    assert status == 0 and content.startswith(head.encode()), err

    path.write_bytes(content[:100] + b"9" + content[101:])      # damaged, of the same size
    os.utime(path, ns=(0, 0))
    status, out, err = prong.run("compare", "--json", "--runs", "1", "--workers", "1", *RECORDS)
    assert status == 0 and "2,000,000 orders" in err, err
    assert path.read_bytes() == content and bits(json.loads(out)["results"]["records"]) == bits(report["results"]["records"])
    assert os.listdir(path.parent) == [path.name]

    made = path.stat().st_mtime_ns
    status, out, err = prong.run("compare", "--json", "--runs", "1", "--workers", "1", "--columns", "unit_price,quantity", *RECORDS)
    assert status == 0 and err == "" and path.stat().st_mtime_ns == made, err


@case("a cache that cannot be written is told, with a way out")
def _(prong):
    status, out, err = prong.run("compare", "--json", XDG_CACHE_HOME="/dev/null/nowhere")
    assert status == 3 and out == "" and "/dev/null/nowhere" in err and "hint: " in err and "XDG_CACHE_HOME=" in err, err


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_compare.py PATH_OF_PRONG")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Prong(program, Path(os.path.realpath(folder))))


if __name__ == "__main__":
    sys.exit(main())
