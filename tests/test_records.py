#!/usr/bin/env python3
"""`prong records`, from outside: what it computes, against exact arithmetic; what it refuses; what it says.

    python3 tests/test_records.py BUILD/cmd/prong

Prints TAP. No time is asserted. The independent reading of the language is records_reference.py, files and queries by chance come from
records_inputs.py: the same at each run.
"""
import contextlib
import csv
import fcntl
import gzip
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fractions import Fraction
from pathlib import Path

sys.dont_write_bytecode = True
import records_inputs as inputs         # noqa: E402
import records_reference as reference   # noqa: E402
import tap                              # noqa: E402
from tap import Skip, case              # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
RUNS = [("serial", 1), *[(engine, j) for engine in ("threads", "processes") for j in (1, 2, 7, 64)]]
SOME_RUNS = [("serial", 1), ("threads", 2), ("processes", 7)]
NEAR = Fraction(1, 10 ** 12)
HANG_S = 120
MIB = 1 << 20


# ---- running it ----------------------------------------------------------------------------------------------------------


class Prong:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.n_files = binary, folder, 0
        self.env = {**os.environ, "LC_ALL": "C"}

    def start(self, *words, stdin=subprocess.DEVNULL, **changes):
        return subprocess.Popen([self.binary, "records", *map(str, words)], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**self.env, **changes}, cwd=self.folder)

    def run(self, *words, stdin=b"", **changes):
        """Gives (status, standard output, standard error), both as text."""
        with self.start(*words, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, **changes) as prong:
            try:
                out, err = prong.communicate(stdin or None, timeout=HANG_S)
            except subprocess.TimeoutExpired:
                prong.kill()
                raise
        return prong.returncode, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape")

    def file(self, content, suffix=".csv"):
        self.n_files += 1
        path = self.folder / f"input-{self.n_files}{suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def same(self, *words, runs=SOME_RUNS, stdin=b""):
        """Runs it on several engines: all must say the same. Gives what they said."""
        said = {run: self.run(*words, "--engine", run[0], "-j", run[1], stdin=stdin) for run in runs}
        first = said[runs[0]]
        for run, other in said.items():
            assert other == first, f"{runs[0]} says {first}, {run} says {other}, of {words}"
        return first

    def told(self, *words, runs=SOME_RUNS, stdin=b""):
        """Rows of cells, from CSV, where all must be well."""
        status, out, err = self.same(*words, "-o", "csv", runs=runs, stdin=stdin)
        assert status == 0, (words, status, err)
        return cells_of(out)[1:]

    def gives(self, content, aggregates, *wanted, words=(), runs=SOME_RUNS):
        """One row of these numbers, from a file with this content."""
        words = [*[word for text in aggregates for word in ("-a", text)], *words, self.file(content)]
        rows = self.told(*words, runs=runs)
        assert len(rows) == 1, rows
        assert_cells(rows[0], wanted, (words, content[:200]))

    def refuses(self, content, aggregates, *said, line=None, byte=None, words=(), runs=SOME_RUNS):
        """Bad input: nothing on standard output, a message with the file, the line and the byte, and these words."""
        path = self.file(content)
        status, out, err = self.same(*[word for text in aggregates for word in ("-a", text)], *words, path, runs=runs)
        assert status == 4, f"status {status}: {out}{err}"
        assert_refusal(out, err, path, line, byte, said)
        return err


def assert_refusal(out, err, path, line, byte, said=()):
    assert out == "", out
    assert str(path) in err, err
    if line is not None:
        found = re.search(r":(\d+): byte (\d+): ", err)
        assert found and int(found.group(1)) == line, f"line {line} is not said: {err}"
        assert byte is None or int(found.group(2)) == byte, f"byte {byte} is not said: {err}"
    for part in said:
        assert part in err, f"not said: {part!r}, in: {err}"


def cells_of(text):
    """Rows; of one column, an empty line is one that is missing."""
    return [row or [""] for row in csv.reader(io.StringIO(text, newline=""))]


def is_same(found, wanted):
    """A cell of CSV against what it is to be; exact numbers exactly."""
    if wanted is None:
        return found == ""
    if isinstance(wanted, bool):
        return found == str(wanted).lower()
    if isinstance(wanted, str):
        return found.replace("\r\n", "\n") == wanted.replace("\r\n", "\n")
    try:
        number = Fraction(found)
    except (ValueError, ZeroDivisionError):
        return False
    if isinstance(wanted, (int, Fraction)):
        return number == wanted
    if isinstance(wanted, float):
        return is_near(number, Fraction(wanted), 0)
    return is_near(number, wanted.value, wanted.scale or 0)


def is_near(number, wanted, scale):
    return abs(number - wanted) <= NEAR * max(abs(wanted), Fraction(scale))


def assert_cells(found, wanted, about):
    assert len(found) == len(wanted), (found, wanted, about)
    for cell, value in zip(found, wanted):
        assert is_same(cell, value), f"{cell!r} instead of {value!r} in {found}, of {about}"


def near(number):
    return reference.Result(Fraction(number))


# ---- against the reference -----------------------------------------------------------------------------------------------


def query_words(query):
    words = [word for text in query["aggregates"] for word in ("-a", text)]
    return words + (["-w", query["where"]] if query["where"] else []) + (["-g", query["keys"]] if query["keys"] else [])


def assert_answer(prong, content, query, runs, path):
    names, rows = reference.answer(content, **query)
    for run in runs:
        words = [*query_words(query), "--engine", run[0], "-j", run[1], "-o", "csv", path]
        status, out, err = prong.run(*words)
        assert status == 0, (words, status, err)
        found = cells_of(out)
        assert found[0] == names, (found[0], names, words)
        assert len(found) - 1 == len(rows), (found, rows, words)
        for cells, wanted in zip(found[1:], rows):
            assert_cells(cells, wanted, words)


def by_chance(prong, seeds, n_rows):
    draw = random.Random(seeds[0])
    files = [(content, prong.file(content)) for content in (inputs.table(seed, n_rows) for seed in range(8))]
    for seed in seeds:
        content, path = files[seed % len(files)]
        assert_answer(prong, content, inputs.query(seed), [draw.choice(RUNS[:-1])], path)


@case("the reference itself is right where it was worked out by hand")
def _(prong):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert reference.self_test() == 0, said.getvalue()


@case("queries by chance give on small tables what exact arithmetic gives")
def _(prong):
    by_chance(prong, range(0, 400), 40)


@case("queries by chance give on tables of several batches what exact arithmetic gives")
def _(prong):
    by_chance(prong, range(1000, 1040), 4100)


@case("queries by chance give on a table of one row, and on one of none, what exact arithmetic gives")
def _(prong):
    by_chance(prong, range(2000, 2040), 1)
    by_chance(prong, range(3000, 3040), 0)


@case("quantiles, distinct values and groups are right with many different ones")
def _(prong):
    draw = random.Random(5)
    content = "g,x,y\n" + "".join(f"g{draw.randrange(30000)},{draw.randrange(10 ** 6) / 100},{draw.randrange(10 ** 9)}\n"
                                  for _ in range(40000))
    path, content = prong.file(content), content.encode()
    for query in (dict(aggregates=["distinct(g)", "distinct(x)", "distinct(y)", "median(x)", "quantile(x, 0.99)", "quantile(y, 0.001)"],
                       where=None, keys=None),
                  dict(aggregates=["count()", "sum(x)", "median(y)", "distinct(x)", "first(y)", "last(y)"], where="x > 10", keys="g")):
        assert_answer(prong, content, query, SOME_RUNS, path)


@case("--sort orders groups with what is missing last, leaves equal ones as they were, and --limit takes the first")
def _(prong):
    content = "k,v\nb,3\na,1\nc,\nd,3\ne,-2\nf,1.5\n"
    path = prong.file(content)

    def order(*words):
        return "".join(row[0] for row in prong.told("-g", "k", "-a", "s=sum(v)", *words, path))
    assert order() == "bacdef"
    assert order("--sort", "s") == "eafbdc" and order("--sort", "-s") == "bdfaec", (order("--sort", "s"), order("--sort", "-s"))
    assert order("--sort", "-s,-k") == "dbfaec" and order("--sort", "-s", "--limit", "3") == "bdf" and order("--limit", "100") == "bacdef"


@case("CSV, JSON and JSON by lines say the same, numbers in full")
def _(prong):
    path = prong.file('t,v\n"a ""x"", ü\n2",0.1\nb,9007199254740993\nb,\n')
    words = ["-g", "t", "-a", "n=count()", "-a", "s=sum(v)", "-a", "m=max(v)", path]
    wanted = [{"t": 'a "x", ü\n2', "n": "1", "s": "0.1", "m": "0.1"}, {"t": "b", "n": "2", "s": "9007199254740993",
                                                                       "m": "9007199254740993"}]
    assert [dict(zip("tnsm", row)) for row in prong.told(*words)] == wanted

    def numbers(text):
        return json.loads(text, parse_int=str, parse_float=str)
    assert numbers(prong.same(*words, "-o", "json")[1]) == wanted
    assert [numbers(line) for line in prong.same(*words, "-o", "ndjson")[1].splitlines()] == wanted
    status, out, err = prong.same(*words)
    assert status == 0 and "9007199254740993" in out and "s" in out.split("\n")[0], out
    missing = prong.file("a,b\n,1\n")
    assert json.loads(prong.same("-a", "s=sum(a)", "-o", "json", missing)[1]) == [{"s": None}]


@case("text by chance is split as the strictest reading splits it, or refused")
def _(prong):
    refused = 0
    for seed in range(500):
        text = inputs.scraps(seed)
        status, out, err = prong.run("-g", "a,b", "-a", "n=count()", "-a", "first(a)", "-o", "csv", prong.file("a,b\n" + text), "--engine",
                                     "serial")
        try:
            rows = reference.strict_rows(text)
        except reference.BadInput:
            rows = [[]]
        if any(len(row) != 2 for row in rows):
            assert status == 4 and out == "", (seed, text, status, out, err)
            refused += 1
            continue
        groups = {}
        for row in rows:
            groups[tuple(row)] = groups.get(tuple(row), 0) + 1
        wanted = [[a, b, str(n), a] for (a, b), n in groups.items()]
        assert status == 0 and cells_of(out)[1:] == wanted, (seed, text, status, out, err)
    assert 100 < refused < 450, refused


# ---- the traps of research on other tools ----------------------------------------------------------------------------------

TWO = ["count()", "sum(v)"]


def rows_of(values, end="\n"):
    return "n,v" + end + "".join(f"{i},{v}{end}" for i, v in enumerate(values))


@case("trap: lines that end with CR LF, all or some")
def _(prong):
    prong.gives(rows_of([10, 20, 30], "\r\n"), TWO, 3, 60)
    prong.gives("n,v\r\n1,10\n2,20\r\n3,30\n", TWO, 3, 60)
    prong.gives("n,v\n1,10\r\n2,20\n3,30\r\n", TWO, 3, 60)
    prong.gives("v,n\r\n10,x\r\n,y\r\n20,\r\n", ["count()", "sum(v)", "count(n)", "last(n)"], 3, 30, 2, "y")


@case("trap: a byte order mark is no part of the first name")
def _(prong):
    prong.gives(b"\xef\xbb\xbfv,n\n10,1\n20,2\n", TWO, 2, 30)
    prong.gives(b'\xef\xbb\xbf"v",n\n10,1\n20,2\n', TWO, 2, 30)


@case("trap: newlines, delimiters and doubled quotes in quotes")
def _(prong):
    prong.gives('n,v,t\n1,10,"a\nb"\n2,20,"c,d"\n3,30,"""e"""\n4,40,"\r\n5,50,f\n"\n', ["count()", "sum(v)", "distinct(t)", "first(t)"], 4,
                100, 4, "a\nb")
    prong.gives('n,"v"\n1,"10"\n"2","20"\n', TWO, 2, 30)
    prong.gives('n,v\n"\n",""\n"""",3\n', ["count()", "count(v*1)", "sum(v)"], 2, 1, 3)


@case("trap: quoted blocks of 0.2 to 0.9 MB of rows that are none")
def _(prong):
    content, n, total = inputs.blocks(1, 8 * MIB, 200000, 900000)
    prong.gives(content, TWO, n, total, runs=RUNS)


@case("trap: quoted blocks of 0.5 to 1.4 MB of rows that are none, and one that covers four pieces")
def _(prong):
    content, n, total = inputs.blocks(2, 8 * MIB, 500000, 1400000)
    block = inputs.lookalikes(4 * MIB, random.Random(3)).encode()
    prong.gives(content + b"1,5," + block + b"\n" + content.split(b"\n", 1)[1], TWO, 2 * n + 1, 2 * total + 5, runs=RUNS)


@case("trap: escaped quotes, ends of fields and of rows lie across the end of a piece at every offset")
def _(prong):
    for token in b'""', b'"\n', b'\n', b'"""\n', b'"\r\n', b'\n9,9,':
        for shift in range(len(token) + 1):
            content, n, total = inputs.at_edges(shift, token)
            prong.gives(content, TWO, n, total, runs=[("threads", 2)])
            assert prong.run("-a", "count()", "-a", "sum(v)", "-o", "csv", "-", stdin=content)[1] == f"count(),sum(v)\n{n},{total}\n"


@case("trap: escaped quotes at all offsets of a vector")
def _(prong):
    for shift in range(0, 130):
        prong.gives(f'n,v,t\n{"0" * shift}1,1,"a""b"\n2,2,"""",\n'[:-2] + "\n3,3,x\n", TWO, 3, 6, runs=[("threads", 1)])


@case("trap: numbers in quotes")
def _(prong):
    prong.gives('n,v\n1,"10"\n2,"-20.5"\n3,""\n4," 7 "\n', ["count()", "sum(v)", "count(v*1)"], 4, Fraction("-3.5"), 3)


@case("trap: the first decimal comes after row 30,000")
def _(prong):
    prong.gives(rows_of([1] * 30000 + ["0.5"] + [1] * 10), ["count()", "sum(v)", "min(v)"], 30011, Fraction("30010.5"), Fraction("0.5"))


@case("trap: text comes after row 30,000")
def _(prong):
    content = rows_of([1] * 30000 + ["abc", 2])
    prong.refuses(content, TWO, "abc", line=30002, byte=content.index("abc"))
    prong.gives(content, ["count()", "max(v)", "distinct(v)"], 30002, "abc", 3)


@case("trap: whole numbers over 2^53 stay exact")
def _(prong):
    prong.gives(rows_of([2 ** 53 + 1, 2]), ["sum(v)", "max(v)", "first(v*1)"], 2 ** 53 + 3, 2 ** 53 + 1, 2 ** 53 + 1)
    prong.gives(rows_of([123456789012345678901234567890, "0.00000001"]), ["sum(v)"], Fraction("123456789012345678901234567890.00000001"))


@case("trap: a sum over 2^63 does not wrap")
def _(prong):
    prong.gives(rows_of([2 ** 63 - 1] * 4), ["sum(v)", "max(v)", "sum(v*2)"], 4 * (2 ** 63 - 1), 2 ** 63 - 1, 8 * (2 ** 63 - 1))
    prong.gives(rows_of([-2 ** 63] * 5000), ["sum(v)"], -2 ** 63 * 5000)


@case("trap: rows that are too short or too long")
def _(prong):
    prong.refuses("n,v,t\n1,10,a\n2,20\n3,30,b\n", TWO, "3", "2", line=3)
    prong.refuses("n,v,t\n1,10,a\n2,20,b,c\n3,30,b\n", TWO, "3", "4", line=3)
    prong.refuses("n,v,t\n1,10,\"x\ny\"\n2\n", TWO, line=4)


@case("trap: blank lines are passed over, unless there is but one column")
def _(prong):
    prong.gives("n,v\n1,10\n\n2,20\n\r\n\n", TWO, 2, 30)
    prong.gives("v\n10\n\n20\n", ["count()", "count(v)", "sum(v)"], 3, 2, 30)


@case("trap: a quote that is never closed")
def _(prong):
    prong.refuses('n,v,t\n1,10,a\n2,20,"b\n3,30,c\n', TWO, line=3, byte=18)
    content = rows_of(range(300000)) + '1,2,"x\n' + "".join(f"{i},1\n" for i in range(300000))
    prong.refuses('n,v\n1,2\n3,"4\n' + "".join(f"{i},1\n" for i in range(300000)), TWO, line=3,
                  runs=[("serial", 1), ("threads", 7), ("processes", 2)])
    prong.refuses(content.replace("1,2,\"x", "1,\"x"), ["count()"], line=300002)


@case("trap: text behind a closing quote, and a quote inside a field without quotes")
def _(prong):
    prong.refuses('n,v,t\n1,10,a\n2,20,"b"x\n3,30,c\n', TWO, line=3)
    prong.refuses('n,v,t\n1,10,a\n2,20,b"x\n3,30,c\n', TWO, line=3)
    prong.refuses('n,v,t\n1,10,a\n2,20, "b"\n3,30,c\n', TWO, line=3)


@case("trap: NaN, infinity and hexadecimal are text")
def _(prong):
    for text in "NaN", "nan", "inf", "-Infinity", "0x1F", "1_000", "1 000", "1e", "--1", "1.2.3", "true", "NULL", "1e400":
        content = rows_of([1, text])
        prong.refuses(content, TWO, text, line=3, byte=content.index(text, 6), runs=[("threads", 2)])
        prong.gives(content, ["count()", "last(v)"], 2, text, runs=[("threads", 2)])


@case("trap: empty is missing, and not zero")
def _(prong):
    prong.gives(rows_of([0, "", 5, ""]), ["count()", "count(v)", "sum(v)", "mean(v)", "min(v)"], 4, 2, 5, Fraction("2.5"), 0)
    prong.gives(rows_of(["", ""]), ["count()", "count(v)", "sum(v)", "mean(v)", "min(v)", "distinct(v)", "median(v)", "stddev(v)"],
                2, 0, None, None, None, 0, None, None)
    prong.gives("n,v\n", ["count()", "sum(v)", "min(v)"], 0, None, None)


@case("trap: a missing exponent makes a power missing, also of 1")
def _(prong):
    prong.gives("d,q\n0,\n0,2\n0.5,2\n,3\n", ["sum(pow(1-d,q))", "count(pow(1-d,q))"], near("1.25"), 2)
    prong.gives("d,q\n0,\n0,2\n0.5,2\n,3\n", ["sum((1-d)^q)", "sum(q*0)"], near("1.25"), 0)


@case("trap: an intercept near 0 and moments of far numbers keep their digits")
def _(prong):
    draw = random.Random(11)
    pairs = [(draw.randrange(1, 1000), draw.randrange(1, 10000)) for _ in range(5000)]
    content = "x,y\n" + "".join(f"{x},{(3 * x * 1000 + noise - 5000) / 1000:.3f}\n" for x, noise in pairs)
    names = ["corr(y,x)", "slope(y,x)", "intercept(y,x)", "r2(y,x)", "covar(y,x)", "stddev(y)"]
    prong.gives(content, names, *reference.answer(content.encode(), names)[1][0])
    content = rows_of(10 ** 15 + draw.randrange(10) for _ in range(3000))
    names = ["variance(v)", "stddev_pop(v)", "corr(n,v)", "mean(v)"]
    prong.gives(content, names, *reference.answer(content.encode(), names)[1][0])


@case("trap: sums that cancel")
def _(prong):
    prong.gives(rows_of(["1e16", 1, "-1e16"] * 20000), ["sum(v)", "sum(v*1)"], 20000, 20000)
    prong.gives(rows_of(["1e16", 1, "-1e16"] * 20000), ["sum(v/1)", "mean(v/1)"], near(20000), near(Fraction(1, 3)), runs=RUNS)
    prong.gives(rows_of(["1e200", 1, "-1e200"] * 3000), ["sum(v)"], near(3000), runs=RUNS)
    prong.gives(rows_of(["0.1"] * 30000), ["sum(v)"], 3000)


@case("trap: other spellings of numbers")
def _(prong):
    prong.gives(rows_of(["+3", "1e3", ".5", "5.", "-0", "007", "1E-2", "  2\t"]), ["sum(v)", "count(v)"], Fraction("1017.51"), 8)


@case("trap: the decimal comma")
def _(prong):
    content = "n;v\n1;1,5\n2;2,25\n3;1e1\n"
    prong.gives(content, TWO, 3, Fraction("13.75"), words=["--decimal", ","])
    prong.refuses(content, TWO, "1,5", line=2)
    prong.refuses("n;v\n1;1.5\n", TWO, "1.5", line=2, words=["--decimal", ","])
    prong.gives('n,v\n1,"1,5"\n', TWO, 1, Fraction("1.5"), words=["--decimal", ","])


def german_locale(folder):
    """LC_ALL and LOCPATH for a locale whose decimal point is a comma."""
    names = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    found = next((name for name in names if name.startswith("de_DE")), None)
    if found:
        return {"LC_ALL": found}
    made = shutil.which("localedef") and subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"],
                                                        capture_output=True)
    if not (folder / "de_DE.UTF-8").exists():
        raise Skip("no German locale here, nor what it is made of" if made else "no localedef here")
    return {"LC_ALL": "de_DE.UTF-8", "LOCPATH": str(folder)}


@case("trap: a locale with a decimal comma changes nothing")
def _(prong):
    changes = german_locale(prong.folder)
    path = prong.file(rows_of(["1.5", "2.5"]))
    for words in (["-a", "sum(v)"], ["-a", "sum(sqrt(v))", "-g", "v"], ["-w", "v > 1.75", "-a", "mean(v/3)", "-o", "json"]):
        assert prong.run(*words, path, **changes) == prong.run(*words, path), words


@case("trap: a field of 8 MiB")
def _(prong):
    note = "x" * (8 * MIB)
    prong.gives(f"n,v,t\n1,10,{note}\n2,20,\"{note}\"\n3,30,z\n", ["count()", "sum(v)", "distinct(t)", "max(length(t))"], 3, 60, 2, 8 * MIB)


@case("trap: NUL bytes in text, and text that is no UTF-8")
def _(prong):
    prong.gives(b"n,v,t\n1,10,a\0b\n2,20,\"\0\"\n3,30,\xff\xfe\n4,40,\xc3\n", ["count()", "sum(v)", "distinct(t)"], 4, 100, 4)
    rows = prong.told("-g", "t", "-a", "sum(v)", prong.file(b"v,t\n1,\xff\xfe\n2,\xff\xfe\n"))
    assert len(rows) == 1 and rows[0][1] == "3", rows


@case("trap: gzip that is cut, damaged or of two members")
def _(prong):
    content = rows_of(range(200000)).encode()
    half = content.index(b"\n", len(content) // 2) + 1
    packed = gzip.compress(content)
    for words in (["-a", "count()", "-a", "sum(v)"],):
        for whole in (packed, gzip.compress(content[:half]) + gzip.compress(content[half:]),
                      gzip.compress(content[:half - 3]) + gzip.compress(content[half - 3:])):
            rows = prong.told(*words, prong.file(whole, ".csv.gz"))
            assert_cells(rows[0], [200000, sum(range(200000))], words)
        broken = bytearray(packed)
        broken[len(broken) // 2] ^= 0x55
        for bad in (packed[:-1], packed[:-9], packed[:len(packed) // 2], packed[:30], bytes(broken),
                    packed[:-8] + b"\0\0\0\0" + packed[-4:]):
            path = prong.file(bad, ".csv.gz")
            status, out, err = prong.same(*words, path)
            assert status == 4 and out == "" and str(path) in err, (len(bad), status, out, err)


@case("trap: a file that is cut in the middle of a row, and one whose last line has no end")
def _(prong):
    prong.gives("n,v\n1,10\n2,20", TWO, 2, 30)
    prong.gives('n,v\n1,10\n2,"20"', TWO, 2, 30)
    prong.gives("n,v\n1,10\n2,", ["count()", "count(v)"], 2, 1)
    prong.refuses("n,v,t\n1,10,a\n2,2", TWO, line=3)
    prong.refuses('n,v,t\n1,10,a\n2,20,"b', TWO, line=3)


# ---- one result, however it is divided -------------------------------------------------------------------------------------


MANY = ["count()", "sum(v)", "sum(v/7)", "mean(v)", "stddev(v)", "median(v)", "quantile(v,0.9)", "distinct(v)", "corr(n,v)", "slope(v,n)",
        "first(note)", "last(note)",
        "sum(sqrt(v))", "min(note)", "max(note)"]


def words_for(aggregates):
    return [word for text in aggregates for word in ("-a", text)]


@case("the same bits for 1, 2, 7 and 64 workers on serial, threads and processes, of several MB")
def _(prong):
    content, n, total = inputs.blocks(7, 6 * MIB, 100000, 1200000)
    path = prong.file(content)
    rows = prong.told(*words_for(MANY), path, runs=RUNS)
    assert rows[0][:2] == [str(n), str(total)], rows[0][:2]
    rows = prong.told(*words_for(MANY[:-2]), "-g", "v", "-w", "n % 3 != 1", path, runs=RUNS)
    assert len(rows) > 10


@case("the same bits for 1, 2, 7 and 64 workers on serial, threads and processes, of next to nothing")
def _(prong):
    for content in "n,v,note\n", "n,v,note\n1,2,\n", "n,v,note", "n,v,note\n1,2,x\n3,,\"y\n\"\n":
        prong.told(*words_for(MANY), prong.file(content), runs=RUNS)
        prong.told(*words_for(MANY), "-g", "note", prong.file(content), runs=RUNS)


@case("what is wrong on standard input, which is read but once, is told with its line and byte, far behind, too")
def _(prong):
    good = b"a,b\n" + b'1,"x\ny"\n' * 1000000
    for content, line, byte in ((b"a,b\n1,2\n3\n", 3, 8), (good + b"7\n", 2000002, len(good))):
        for data in (content, gzip.compress(content, 1)):
            status, out, err = prong.run("-a", "count()", "-", stdin=data)
            assert status == 4 and out == "" and err.startswith(f"prong: standard input:{line}: byte {byte}: expected 2 fields, found 1\n"), err
            assert "sed" not in err, err


@case("so is what was odd there")
def _(prong):
    content = b"a,b\n" + b'1,"x\ny"\n' * 1000000 + b"\n" + b"2,z\r\n3,z"
    status, out, err = prong.run("--report", "-a", "sum(a)", "-o", "csv", "-", stdin=content)
    assert status == 0 and out == "sum(a)\n1000005\n", (out, err)
    at = len(content) - len(b"\n2,z\r\n3,z")
    for what, line, byte in (("blank lines", 2000002, at), ("CR LF", 2000003, at + 1), ("end with a line end", 2000004, at + 6)):
        told, = (text for text in err.splitlines() if what in text)
        assert told.endswith(f"the first at standard input:{line}: byte {byte}"), told


@case("where quotes mean nothing a number in quotes is none, and another quote is taken off as this one is")
def _(prong):
    text = b'a,b\n"1",2\n'
    status, out, err = prong.run("--quote", "none", "-a", "sum(a)", "-", stdin=text)
    assert status == 4 and out == "" and "expected a number, found '\"1\"'" in err, err
    assert prong.run("--quote", "none", "-a", "sum(b)", "-o", "csv", "-", stdin=text)[1] == "sum(b)\n2\n"
    assert prong.run("--quote", "'", "-a", "sum(a)", "-o", "csv", "-", stdin=text.replace(b'"', b"'"))[1] == "sum(a)\n1\n"
    status, out, err = prong.run("--quote", "'", "-a", "sum(a)", "-", stdin=text)
    assert status == 4 and out == "" and "expected a number" in err, err


@case("what can be neither delimiter, quote nor decimal point is refused with a hint")
def _(prong):
    for words in (["--delimiter", "ab"], ["--delimiter", "tab", "--quote", "tab"], ["--quote", "1"], ["--quote", "\u00e9"], ["--decimal", ";"]):
        status, out, err = prong.run(*words, "-a", "count()", "-", stdin=b"a,b\n1,2\n")
        assert status == 2 and out == "" and "\nhint: " in err, (words, err)


@case("the same bits from one file, from parts of it, from standard input, gzip and zstd")
def _(prong):
    content, n, _ = inputs.blocks(9, 3 * MIB, 1000, 300000)
    whole = prong.file(content)
    header, body = content.split(b"\n", 1)
    _, rows = reference.read(content)
    words = [*words_for(MANY), "-g", "v", "-o", "csv"]
    wanted = prong.same(*words, whole)
    assert wanted[0] == 0, wanted
    texts = io.StringIO(newline="")
    csv.writer(texts, lineterminator="\n").writerows(rows)
    cut = n // 3
    parts = []
    for some in (rows[:cut], rows[cut:cut + 1], [], rows[cut + 1:]):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(some)
        parts.append(prong.file(header + b"\n" + text.getvalue().encode()))
    assert prong.same(*words, *parts) == wanted
    packed = [prong.file(part.read_bytes() if i % 2 else gzip.compress(part.read_bytes(), 1), ".x") for i, part in enumerate(parts)]
    assert prong.same(*words, *packed) == wanted
    assert prong.same(*words, "-", stdin=content) == wanted
    assert prong.same(*words, "-", stdin=gzip.compress(content, 1)) == wanted
    with open(whole, "rb") as file:
        done = subprocess.run([prong.binary, "records", *words, "-"], stdin=file, capture_output=True, env=prong.env, timeout=HANG_S)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == wanted
    if not shutil.which("zstd"):
        raise Skip("no zstd here")
    subprocess.run(["zstd", "-q", "-1", "-k", whole], check=True)
    found = prong.same(*words, f"{whole}.zst")
    if found[0] == 3:
        raise Skip("built without zstd")
    assert found == wanted
    bad = prong.file(Path(f"{whole}.zst").read_bytes()[:-7], ".zst")
    status, out, err = prong.same(*words, bad)
    assert status == 4 and out == "" and str(bad) in err, (status, err)


@case("groups come in the order in which they first appear, over all files")
def _(prong):
    a, b = prong.file("k\nc\na\n\nc\n"), prong.file("k\nz\na\nb\n")
    assert prong.told("-g", "k", "-a", "n=count()", a, b, runs=RUNS) == [["c", "2"], ["a", "2"], ["", "1"], ["z", "1"], ["b", "1"]]


@case("patterns that the shell left alone name files, in order")
def _(prong):
    folder = prong.folder / "many"
    folder.mkdir()
    for i in range(3):
        (folder / f"part-{i}.csv").write_text(f"v\n{10 ** i}\n")
    assert prong.told("-a", "sum(v)", "-a", "first(v)", folder / "part-*.csv") == [["111", "1"]]
    assert prong.told("-a", "sum(v)", folder / "part-[02].csv") == [["101"]]
    status, out, err = prong.run("-a", "sum(v)", folder / "nothing-*.csv")
    assert status == 4 and out == "" and "nothing-*.csv" in err, (status, err)


@case("other delimiters, quotes and files without a header")
def _(prong):
    for delimiter in ";", "\t", "|":
        prong.gives(f"n{delimiter}v\n1{delimiter}10\n2{delimiter}20\n", TWO, 2, 30, runs=[("threads", 2)])
    prong.gives("n:v\n1:10\n2:20\n", TWO, 2, 30, words=["--delimiter", ":"])
    prong.gives("n,v\n1,'1\n'\n", ["count()", "max(length(v))"], 1, 2, words=["--quote", "'"])
    prong.gives('n,v\n1,"x\n2,y"\n', ["count()", "first(v)"], 2, '"x', words=["--quote", "none"])
    prong.gives("1,10\n2,20\n", ["count()", "sum(c2)", "sum(c1*c2)"], 2, 30, 50, words=["--header", "no"])
    prong.gives("1\t10\n2\t20\n", ["sum(c2)"], 30, words=["--header=no", "--delimiter", "tab"])


@case("names that are no plain words stand in back quotes, and options may follow the files")
def _(prong):
    path = prong.file('unit price,"a ""b""",ü,sum\n2,3,5,7\n')
    assert prong.told(path, "-a", "sum(`unit price`*`ü`)", "-a", 'sum(`a "b"`)', "-a", "sum(sum)") == [["10", "3", "7"]]
    status, out, err = prong.run(path, "-a", "x=sum(`unit price`)", "-g", "ü", "-o", "csv")
    assert (status, out) == (0, "ü,x\n5,2\n"), (status, out, err)


@case("unnamed results are named by their text")
def _(prong):
    path = prong.file("a,b\n1,2\n")
    assert prong.run("-a", "sum(a*b)", "-a", "n=count()", "-g", "q=a+1,b", "-o", "csv", path)[1].splitlines()[0] == "q,b,sum(a*b),n"
    assert prong.run("-a", "quantile(a,0.5)", "-o", "json", path)[1].count("quantile(a,0.5)") == 1


# ---- what is refused -------------------------------------------------------------------------------------------------------


def refuses_query(prong, words, *said, status=2):
    path = prong.file("quantity,unit_price,country\n1,2.5,DE\n")
    found, out, err = prong.run(*words, path)
    assert found == status and out == "", (words, found, out, err)
    for part in said:
        assert part in err, f"not said: {part!r}, in: {err}"
    return err


def token_at_caret(err):
    """What stands above the carets."""
    lines = err.splitlines()
    at = next(i for i, line in enumerate(lines) if re.fullmatch(r"[^\^\w]*\^+~*\s*", line) and i)
    begin = lines[at].index("^")
    return lines[at - 1][begin:begin + len(lines[at].rstrip()) - begin]


@case("a column that is not there is told, with the nearest name and a caret under it")
def _(prong):
    for words, wrong, nearest in ((["-a", "sum(quantity*unit_prize)"], "unit_prize", "unit_price"),
                                  (["-w", "contry = 'DE'", "-a", "count()"], "contry", "country"),
                                  (["-g", "b=floor(quantiti)", "-a", "count()"], "quantiti", "quantity")):
        err = refuses_query(prong, words, wrong, nearest)
        assert token_at_caret(err) == wrong, err
    assert "zzzzzzzz" in refuses_query(prong, ["-a", "sum(zzzzzzzz)"])
    refuses_query(prong, ["-a", "n=count()", "--sort", "m"], "n")


@case("what is no query is told with a caret under the token")
def _(prong):
    for words, token in ((["-a", "sum(quantity+)"], ")"), (["-a", "sum(quantity quantity)"], "quantity"),
                         (["-w", "quantity >> 2", "-a", "count()"], ">"),
                         (["-a", "sqrt(quantity)"], "sqrt"), (["-a", "sum(squrt(quantity))"], "squrt"),
                         (["-w", "quantity = = 2", "-a", "count()"], "="),
                         (["-a", "sum(quantity"], None), (["-w", "country = 'DE", "-a", "count()"], None), (["-a", "sum(1.2.3)"], None),
                         (["-a", ""], None),
                         (["-g", "country,,quantity"], None), (["-a", "quantile(quantity, 2)"], None),
                         (["-a", "quantile(quantity)"], None), (["-a", "sum(a,b)"], None),
                         (["-w", "count() > 1", "-a", "count()"], None), (["-w", "sum(quantity) > 1", "-a", "count()"], None),
                         (["-w", "", "-a", "count()"], None),
                         (["-a", "sum('x')"], None), (["-a", "sum(if(1, 2))"], None), (["-a", "sum(\u00b2)"], None),
                         (["-a", "sum(quantity)) "], ")")):
        err = refuses_query(prong, words)
        found = token_at_caret(err)
        assert token is None or found == token, (words, found, err)


@case("expressions that are too deep or too long are refused, and do not crash")
def _(prong):
    for text in ("(" * 20000 + "1" + ")" * 20000, "-" * 60000 + "1", "+".join(["quantity"] * 7000), "abs(" * 5000 + "1" + ")" * 5000,
                 "!" * 60000 + "1", "2^" * 30000 + "2",
                 "'" + "x" * 60000 + "'"):
        status, out, err = prong.run("-w", f"{text} > 0", "-a", "count()", "-o", "csv", prong.file("quantity\n1\n"))
        assert status in (0, 2) and bool(out) == (status == 0), (text[:20], status, err[:300])


@case("wrong words are wrong usage")
def _(prong):
    path = prong.file("v\n1\n")
    for words in (["-a", "count()"], [path], ["-a", "count()", path, "--engine", "mpi5"], ["-a", "count()", path, "-o", "xml"],
                  ["-a", "count()", path, "-j", "0"],
                  ["-a", "count()", path, "--limit", "-1"], ["-a", "count()", path, "--nonsense"],
                  ["-a", "count()", path, "--delimiter", "ab"],
                  ["-a", "count()", path, "--decimal", ";"], ["-a", "count()", path, "--header", "maybe"],
                  ["-a", "count()", path, "--quote", ",", "--delimiter", ","], []):
        status, out, err = prong.run(*words)
        assert status == 2 and out == "" and err, (words, status, out, err)


@case("files that cannot be read are bad input")
def _(prong):
    good = prong.file("v\n1\n")
    for bad in (prong.folder / "no-such.csv", prong.folder, "/proc/self/mem", prong.file(b"")):
        for words in ([bad], [good, bad]):
            status, out, err = prong.same("-a", "sum(v)", *words)
            assert status == 4 and out == "" and str(bad) in err, (bad, status, out, err)


@case("files whose columns differ are bad input")
def _(prong):
    a, b = prong.file("v,w\n1,2\n"), prong.file("w,v\n1,2\n")
    status, out, err = prong.same("-a", "sum(v)", a, b)
    assert status == 4 and out == "" and str(b) in err, (status, err)


@case("of several flaws the first in the input is told, on all engines and by any number of workers")
def _(prong):
    rows = [f"{i},{i % 10}\n" for i in range(600000)]
    for at in 150000, 300000, 450000, 599999:
        rows[at] = f"{at},bad{at}\n"
    prong.refuses("n,v\n" + "".join(rows), TWO, "bad150000", line=150002, runs=RUNS)


@case("nothing of a text in the input reaches the terminal as it is")
def _(prong):
    err = prong.refuses(rows_of([1, "\x1b[31mred\x07"]), TWO, line=3)
    assert "\x1b" not in err and "\x07" not in err, err


# ---- files that change while they are read ---------------------------------------------------------------------------------


def await_reader(path):
    """Opens a pipe for writing as soon as somebody opens it for reading: whatever stands before it on the command line was looked at."""
    deadline = time.monotonic() + HANG_S
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)


def await_empty(pipe):
    """Until all that was written was read."""
    deadline = time.monotonic() + HANG_S
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0] and time.monotonic() < deadline:
        time.sleep(0.001)


def change_meanwhile(prong, engine, change):
    """prong looks at a file, waits for a pipe, and reads the file after it was changed."""
    path, pipe = prong.file(rows_of(range(300000))), prong.folder / f"pipe-{prong.n_files}"
    os.mkfifo(pipe)
    before = path.stat()
    with prong.start("-a", "count()", "-a", "sum(v)", path, pipe, "--engine", engine, "-j", 2) as running:
        write = await_reader(pipe)
        change(path, before)
        os.write(write, b"n,v\n1,1\n")
        os.close(write)
        out, err = running.communicate(timeout=HANG_S)
    return running.returncode, out.decode(), err.decode(), path


def shrink(path, before):
    os.truncate(path, before.st_size // 2)


def shrink_to_nothing(path, before):
    os.truncate(path, 0)


def grow(path, before):
    with open(path, "ab") as file:
        file.write(b"1,1\n" * 10)


def replace(path, before):
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes().replace(b"9", b"8"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns + 10 ** 9))
    other.rename(path)


def rewrite(path, before):
    with open(path, "r+b") as file:
        file.seek(before.st_size - 4)
        file.write(b"7")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10 ** 9))


def remove(path, before):
    path.unlink()


@case("a file that shrinks, grows, is rewritten, replaced or removed after it was looked at is bad input, not a crash")
def _(prong):
    for change in shrink, shrink_to_nothing, grow, replace, rewrite, remove:
        for engine in "serial", "threads", "processes":
            status, out, err, path = change_meanwhile(prong, engine, change)
            assert status == 4 and out == "" and str(path) in err, (change.__name__, engine, status, out, err)


@case("a file that shrinks at any moment gives its whole result or an error, never another or a signal")
def _(prong):
    content = rows_of(range(700000)).encode()
    cut = content.index(b"\n",
                        len(content) // 3) + 3        # in the first field of a row: what is left is no file, whenever it is looked at
    words = ["-a", "count()", "-a", "sum(sqrt(v))", "-o", "csv"]
    wanted = prong.run(*words, prong.file(content))
    for turn in range(12):
        path = prong.file(content)
        with prong.start(*words, path, "--engine", ["threads", "processes"][turn % 2], "-j", 2) as running:
            time.sleep(0.003 * turn)
            os.truncate(path, cut)
            out, err = running.communicate(timeout=HANG_S)
        said = running.returncode, out.decode(), err.decode()
        assert said == wanted or said[0] == 4 and not out and str(path) in said[2], (turn, said)


# ---- policies and what is told beside results ------------------------------------------------------------------------------


@case("--lenient takes rows that are too short or long and text as numbers as it says, and nothing else")
def _(prong):
    content = "n,v,t\n1,10,a\n2,20\n3,30,c,d\n4,x,e\n5,,\n"
    path = prong.file(content)
    rows = prong.told("--lenient", "-a", "count()", "-a", "sum(v)", "-a", "count(t)", "-a", "count(v)", path)
    assert rows[0][:3] == ["5", "60", "3"], rows
    status, out, err = prong.same("--lenient", "--report", "-a", "sum(v)", path)
    assert status == 0 and out, err
    for what in "few fields", "many fields", "no number":
        assert what in err, (what, err)
    prong.refuses('n,v\n1,"2\n', TWO, words=["--lenient"])
    prong.refuses('n,v\n1,2"3"\n', TWO, words=["--lenient"])


@case("--report tells what was odd, how often, and where first")
def _(prong):
    content = "n,v\r\n1,10\r\n\n2,0\n\n\n3,5"
    path = prong.file(content)
    status, out, err = prong.same("--report", "-a", "sum(1/v)", path)
    assert status == 0 and out, err
    for what, n, line, byte in (("blank lines", 3, 3, content.index("\n\n") + 1), ("undefined", 1, 4, content.index("2,0")),
                                ("CR LF", 1, 2, 5), ("do not end", 1, None, None)):
        told = next((told for told in err.splitlines() if what in told), None)
        assert told, (what, err)
        rest = told.split(what)[1].replace(str(path), "").replace("sqrt(-1)", "").replace("x/0", "")
        numbers = [int(word.replace(",", "")) for word in re.findall(r"\d[\d,]*", rest)]
        assert n in numbers and (line is None or line in numbers) and (byte is None or byte in numbers), (what, n, line, byte, told)
    status, out, err = prong.same("--report", "-a", "count()", prong.file("v\n1\n"))
    assert status == 0 and len(err.splitlines()) == 1, err


@case("--explain tells how it was done")
def _(prong):
    status, out, err = prong.run("--explain", "-a", "sum(v)", prong.file(rows_of(range(200000))), "--engine", "threads", "-j", 2)
    assert status == 0 and out and "threads" in err and "200,000" in err and re.search(r"B a second|B/s", err), err
    assert re.search(r"avx512|avx2|sse2|neon|plain", err), err


@case("what is well is told without a word on standard error")
def _(prong):
    status, out, err = prong.run("-a", "sum(v)", prong.file(rows_of(range(100000))))
    assert status == 0 and err == "", err


@case("--help tells the options, aggregates and functions")
def _(prong):
    status, out, err = prong.run("--help")
    assert status == 0 and err == "", err
    for word in ("--engine", "--lenient", "--report", "--explain", "--sort", "--limit", "--header", "--decimal", "gen"):
        assert word in out, word


# ---- the generator -------------------------------------------------------------------------------------------------------


def orders(prong, rows, seed):
    done = subprocess.run([prong.binary, "records", "gen", "--rows", str(rows), "--seed", str(seed)], capture_output=True, env=prong.env,
                          timeout=HANG_S)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    return done.stdout


@case("gen writes the same orders for the same seed, and hostile ones among them")
def _(prong):
    content = orders(prong, 20000, 1)
    assert content == orders(prong, 20000, 1) and content != orders(prong, 20000, 2)
    columns, rows = reference.read(content)
    assert columns == "order_id timestamp country size colour quantity unit_price discount customer_id email note".split(), columns
    assert len(rows) == 20000 and all(len(row) == 11 for row in rows)
    notes = [row[10] for row in rows]
    special = [note for note in notes if any(c in note for c in ',"\n')]
    assert 200 < len(special) < 800, len(special)
    for what in ",", "\n", '"':
        assert any(what in note for note in special), what
    assert any(not note.isascii() for note in notes) and any(line.count(",") == 10 for note in special for line in note.split("\n"))
    empty = [sum(row[i] == "" for row in rows) for i in range(10)]
    assert any(100 < n < 600 for n in empty) and max(empty) < 1000, empty
    assert all(reference.number_of(row[i]) is not None for row in rows for i in (5, 6, 7) if row[i])


@case("the twelve queries of bench/records are exact on generated orders, on all engines")
def _(prong):
    sys.path.insert(0, str(ROOT / "bench" / "records"))
    import answers
    import exact
    import queries
    path = prong.file(orders(prong, 20000, 3))
    wanted = exact.answers_of(path)
    for query in queries.QUERIES:
        status, out, err = prong.same(*query.prong, "-o", "csv", path, runs=[*SOME_RUNS, ("threads", 7)])
        assert status == 0, (query.name, err)
        wrong, error = answers.differs(out, wanted[query.name], query)
        assert not wrong and error < 1e-12, (query.name, wrong, error)


# ---- workers that die, interrupts, memory ------------------------------------------------------------------------------------


def children_of(pid):
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
    return found[1:]


def bytes_read(pid):
    with contextlib.suppress(OSError):
        return int(re.search(r"^rchar: (\d+)", Path(f"/proc/{pid}/io").read_text(), re.M).group(1))
    return 0


def await_work(running):
    """The pid of a process of its that has read more than a piece; None: it was done before."""
    while running.poll() is None:
        for pid in [*children_of(running.pid), running.pid]:
            if bytes_read(pid) > MIB + MIB // 2:
                return pid
        time.sleep(0.0005)
    return None


def slow_file(prong):
    return prong.file("n,v\n" + "".join(f"{i},{i % 1000}.5\n" for i in range(40000)) * 40)


SLOW = ["-a", "sum(sin(v)*cos(v)*tan(v)*exp(-v)*ln(v+1))", "-a", "sum(sin(v+1)*cos(v+2)*tan(v+3))"]


@case("a worker of the process engine that is killed gives status 1 and the bytes it was working on, and no result")
def _(prong):
    path = slow_file(prong)
    with prong.start(*SLOW, path, "--engine", "processes", "-j", 2) as running:
        victim = await_work(running)
        assert victim not in (None, running.pid), victim
        os.kill(victim, signal.SIGKILL)
        out, err = running.communicate(timeout=HANG_S)
    err = err.decode()
    assert running.returncode == 1 and out == b"", (running.returncode, out, err)
    found = re.search(r"bytes ([\d,]+) to ([\d,]+) of (\S+)", err)
    assert found and found.group(3) == str(path), err
    low, high = (int(number.replace(",", "")) for number in found.groups()[:2])
    assert 0 <= low < high <= path.stat().st_size and high - low <= 2 * MIB, (low, high)


@case("a file that is rewritten at its size while it is read is bad input")
def _(prong):
    for engine in "serial", "threads", "processes":
        path = slow_file(prong)
        before = path.stat()
        with prong.start(*SLOW, path, "--engine", engine, "-j", 2) as running:
            assert await_work(running), "it was done before anything could be written"
            rewrite(path, before)
            out, err = running.communicate(timeout=HANG_S)
        assert running.returncode == 4 and out == b"" and str(path) in err.decode(), (engine, running.returncode, out, err)


@case("Ctrl-C ends it with status 130 and without a result, on every engine")
def _(prong):
    for engine in "serial", "threads", "processes":
        pipe = prong.folder / f"interrupt-{engine}"
        os.mkfifo(pipe)
        with prong.start("-a", "count()", pipe, "--engine", engine, "-j", 2) as running:
            write = await_reader(pipe)
            os.write(write, b"v\n" + b"1\n" * 1000)
            await_empty(write)
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=HANG_S)
            os.close(write)
        assert running.returncode == 130 and out == b"", (engine, running.returncode, out, err)


def peak_of(prong, *words):
    """Of all its processes together, what they share counted once; and that nothing went wrong."""
    peak = 0
    with prong.start(*words) as running:
        while running.poll() is None:
            total = 0
            for pid in [running.pid, *children_of(running.pid)]:
                with contextlib.suppress(OSError, AttributeError):
                    total += int(re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1)) << 10
            peak = max(peak, total)
            time.sleep(0.001)
        out, err = running.communicate()
    assert running.returncode == 0 and out, err
    return peak


@case("memory does not grow with the file where aggregates need none")
def _(prong):
    body = "".join(f"{i},{i % 100}.25,k{i % 50},{'note ' * (i % 10)}\n" for i in range(100000))
    small, large = prong.file("n,v,k,t\n" + body), prong.folder / "large.csv"
    with open(large, "w") as file:
        file.write("n,v,k,t\n")
        for _ in range(15):
            file.write(body)
    words = ["-g", "k", "-a", "sum(n*v)", "-a", "mean(v)", "-a", "stddev(v)", "-a", "max(n)"]
    for run in (["--engine", "threads", "-j", 2], ["--engine", "processes", "-j", 2], ["--engine", "serial"]):
        low, high = (max(peak_of(prong, *words, *run, path) for _ in range(2)) for path in (small, large))
        assert high <= 64 * MIB and high - low <= 8 * MIB, (run, low >> 10, high >> 10)
    peak = peak_of(prong, *words, "--engine", "threads", "-j", 2, packed_copy(prong, large))
    assert peak <= 96 * MIB, peak >> 10


def packed_copy(prong, path):
    packed = prong.folder / "large.csv.gz"
    with open(packed, "wb") as file:
        subprocess.run(["gzip", "-1", "-c", path], stdout=file, check=True)
    return packed


@case("where memory may not grow it says so, and gives no result")
def _(prong):
    path = prong.file("v\n" + "".join(f"{i}\n" for i in range(400000)))
    for most in 64, 80, 96, 128, 160:
        limit = (most * MIB, most * MIB)
        done = subprocess.run([prong.binary, "records", "-g", "v", "-a", "median(v)", "-a", "count()", "-o", "csv", "--engine", "serial",
                               str(path)],
                              capture_output=True, env=prong.env, timeout=HANG_S,
                              preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_AS, limit))
        assert done.returncode in (0, 1, 3, 4, 127) and (done.returncode == 0) == (done.stdout.count(b"\n") == 400001), (most,
                                                                                                                         done.returncode,
                                                                                                                         done.stderr)
        assert done.returncode == 0 or done.stdout == b"" and done.stderr, (most, done.returncode)


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def run_case(function, prong):
    try:
        function(prong)
    finally:
        for path in prong.folder.glob("input-*"):
            path.unlink()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: test_records.py PATH_OF_PRONG [PART_OF_A_CASE]")
    program = tap.program(sys.argv[1])
    chosen = [(sentence, function) for sentence, function in tap.CASES if len(sys.argv) < 3 or sys.argv[2] in sentence]
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Prong(program, Path(os.path.realpath(folder))), chosen, run_case, most=6000)


if __name__ == "__main__":
    sys.exit(main())
