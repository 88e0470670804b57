"""Files and queries by chance for test_records.py: the same for the same seed, on any machine."""
import random

COLUMNS = ["id", "a", "b", "c", "p", "k", "t", "m", "when"]
COMPARISONS = ["<", "<=", ">", ">=", "=", "==", "!=", "<>"]
NUMBERS = ["a", "b", "c", "p"]
TEXTS = ["red", "blue", "Blue", "grey, dark", 'say "hi"', "two\nlines", "with\r\nCR", "für Jörg", "日本",
         "x\n1,2,3.5,4,5,A,red,7,2024-01-01T00:00:00\ny", '"', ",", "'",
         " padded ", "1.5", "NULL", "nan"]
SPELLINGS = ["+3", "1e3", ".5", "5.", "1.50", "-0", "007", "2E2", "12.25e-1", "-.75", "1000000", "3", "-4.5"]


def quoted(cell, draw, chance):
    needs = any(c in cell for c in ',"\r\n') or cell != cell.strip(" ")
    return '"' + cell.replace('"', '""') + '"' if needs or cell and draw.random() < chance else cell


def number(draw, digits, places):
    return f"{draw.randrange(-10 ** digits, 10 ** digits) / 10 ** places:.{draw.randrange(places + 1)}f}"


def cells(i, draw):
    def some(cell, missing=0.1):
        return "" if draw.random() < missing else cell
    day = f"{draw.randrange(1990, 2031)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
    when = f"{day}T{draw.randrange(24):02d}:{draw.randrange(60):02d}:00"
    return [str(i), some(str(draw.randrange(-10 ** draw.randrange(1, 7), 10 ** draw.randrange(1, 7)))),
            some(number(draw, draw.randrange(1, 8), 4)),
            some(draw.choice(SPELLINGS)), some(f"{draw.randrange(1, 10000) / 100:.2f}", 0.05),
            some(draw.choice(["A", "B", "C", "1", "1.0"])),
            some(draw.choice(TEXTS)), some(draw.choice(["12", "abc", "-3.5", "1e2", "zz"])), when]


def table(seed, n_rows):
    """The bytes of a file: any of the ways to write the same."""
    draw = random.Random(seed)
    end, chance = draw.choice(["\n", "\n", "\r\n"]), draw.choice([0, 0, 0.1, 1])
    lines = [",".join(COLUMNS)]
    for i in range(n_rows):
        lines.append(",".join(quoted(cell, draw, chance) for cell in cells(i, draw)))
        if draw.random() < 0.01:
            lines.append("")
    return (draw.choice(["", "", "\ufeff"]) + end.join(lines) + (end if draw.random() < 0.8 else "")).encode()


# ---- queries ---------------------------------------------------------------------------------------------------------------


def exact(draw, depth=2):
    """An expression that is exact: sums of products of two at most, so that 38 digits do."""
    if depth == 0 or draw.random() < 0.3:
        return draw.choice([*NUMBERS, *NUMBERS, "id", "2", "0.25", "-1", "10"])
    a, b = exact(draw, depth - 1), exact(draw, depth - 1)
    x, y = (f"{e}*1" if e in COLUMNS else e for e in (a, b))           # a column alone could be meant as text
    return draw.choice([
        f"{a} + {b}", f"{a} - {b}", f"({a} - {b})", f"{draw.choice(NUMBERS)}*{draw.choice(NUMBERS)}", f"2*({a})", f"abs({a})",
        f"floor({a})",
        f"ceil({a})", f"-({a})", f"least({x}, {y})", f"greatest({x}, {y})", f"if({condition(draw, 0)}, {x}, {y})", f"abs(floor({a})) % 7",
        "length(k)", "year(when) + hour(when)", "month(when)*day(when)"])


def real(draw):
    """An expression of doubles, none of which is a small difference of large ones."""
    e = exact(draw, 1)
    return draw.choice([f"({e})/p", f"sqrt(abs({e}))", "ln(p)", "log10(p)", "log2(p)", "exp(-p/50)", "pow(p, 2.5)", "p^0.5", "cbrt(p)",
                        "sin(p)", "cos(p)*p",
                        "atan2(p, 3)", f"sqrt(p)*sqrt(abs({e}))", "a/0", "sqrt(-p)", "ln(0*p)", "tan(p/100)", "p/7", "1/p + 1"])


def condition(draw, depth=2):
    if depth == 0 or draw.random() < 0.4:
        column = draw.choice(NUMBERS)
        return draw.choice([
            f"{column} {draw.choice(COMPARISONS)} {draw.choice(['0', '3', '12.5', '-100', '1e3', '.5'])}", f"{column} is null",
            f"{column} is not null", f"{column} in (3, 1000, 0.5, -4.5)", f"k = '{draw.choice('ABC1')}'",
            f"t in ('red', 'grey, dark', '日本')", "t > 'c'", "a < b",
            "c >= p", "k == m", "starts_with(t, 'b')", "contains(t, 'i')", f"{column}*2 > {draw.choice(NUMBERS)} + 1", "lower(t) = 'blue'",
            "m != k"])
    a, b = condition(draw, depth - 1), condition(draw, depth - 1)
    return draw.choice([f"({a}) and ({b})", f"({a}) or ({b})", f"!({a})", f"({a}) && ({b})", f"({a}) || ({b})", f"not ({a})"])


def aggregate(draw, i):
    column, pair = draw.choice(NUMBERS), f"{exact(draw, 1)}, {draw.choice(NUMBERS)}"
    text = draw.choice([
        "count()", f"count({draw.choice(COLUMNS)})", f"count({exact(draw)})", f"sum({exact(draw)})", f"sum({exact(draw)})",
        f"sum({real(draw)})", f"mean({exact(draw)})",
        f"mean({real(draw)})", f"min({exact(draw)})", f"max({exact(draw)})", f"min({real(draw)})", f"min({draw.choice(COLUMNS)})",
        f"max({draw.choice(COLUMNS)})",
        f"first({draw.choice(COLUMNS)})", f"last({draw.choice(COLUMNS)})", f"first({exact(draw)})", f"last({exact(draw)})",
        f"distinct({draw.choice(COLUMNS)})",
        f"distinct({exact(draw)})", f"stddev({column})", f"variance({exact(draw)})", f"stddev_pop({exact(draw, 1)})",
        f"variance_pop({column})", f"stddev({real(draw)})",
        f"median({exact(draw)})", f"quantile({exact(draw)}, {draw.choice(['0', '0.1', '0.25', '0.99', '1'])})", f"median({real(draw)})",
        f"corr({pair})",
        f"covar({pair})", f"slope({pair})", f"intercept({pair})", f"r2({pair})"])
    return f"r{i}={text}" if draw.random() < 0.5 else text


def keys(draw):
    return draw.choice([None, None, "k", "t", "k,t", "k, m", "b=floor(p/5)", "year(when)", "c", "s=upper(k)", "abs(floor(a)) % 3, k"])


def query(seed):
    """{"aggregates", "where", "keys"}"""
    draw = random.Random(seed)
    texts = []
    for i in range(draw.randrange(1, 5)):
        text = aggregate(draw, i)
        texts.append(f"again{i}={text}" if text in texts else text)
    return {"aggregates": texts, "where": condition(draw) if draw.random() < 0.5 else None, "keys": keys(draw)}


def scraps(seed):
    """Text that may be CSV of two columns or not."""
    draw = random.Random(seed)
    parts = draw.choice([['"', ",", "\n", "a", "\r\n", '""'], ["a,b\n", '"', "\n", "\r", ",", '","', "é"],
                         ["1,2\n", '3,"4"\r\n', '"5\n","6""6"\n', "\n", '"', "x"],
                         ["1,2\n", '3,"4"\r\n', '"5\n","6""6"\n', "\n", ',\n', '"",""\n', "\r\n"]])
    return "".join(draw.choice(parts) for _ in range(draw.randrange(1, draw.choice([4, 12, 60]))))


# ---- large files -----------------------------------------------------------------------------------------------------------

PIECE = 1 << 20         # cmd/records/run/pieces.h


def lookalikes(size, draw):
    """A quoted note of about that many bytes, full of what would be rows outside quotes."""
    lines, left = [], size
    while left > 0:
        lines.append(draw.choice(["7,999,note", '8,888,""quoted""', "n,v,note", "", "9,777,", ",,", '""', '10,1,"",""']))
        left -= len(lines[-1]) + 1
    return '"' + "\n".join(lines) + '"'


def blocks(seed, size, low, high):
    """(content, rows, sum of v): n,v,note with blocks of low to high bytes, so that they cross pieces everywhere and swallow some whole."""
    draw = random.Random(seed)
    parts, at, n, total = ["n,v,note\n"], 9, 0, 0
    while at < size:
        note = lookalikes(draw.randrange(low, high), draw) if draw.random() < 0.3 else ""
        for note in [note, *[draw.choice(["", "plain", '"a,b"', '"say ""x"""'])] * draw.randrange(50)]:
            v = draw.randrange(1000)
            parts.append(f"{n},{v},{note}\n")
            at += len(parts[-1])
            n, total = n + 1, total + v
    return "".join(parts).encode(), n, total


def at_edges(shift, token):
    """(content, rows, sum of v): `token` lies across the end of each of four pieces, `shift` bytes of it before. Pieces are counted from
    the first row."""
    content, n, total = bytearray(b"n,v,note\n"), 0, 0
    first = len(content)
    for piece in range(1, 5):
        edge = first + piece * PIECE - shift
        while len(content) < edge - 400:
            content += b"%d,%d,%s\n" % (n, n % 7, b"y" * (n % 300))
            n, total = n + 1, total + n % 7
        head = b'%d,%d,"' % (n, n % 7)
        content += head + b"z" * (edge - len(content) - len(head)) + token
        n, total = n + 1, total + n % 7
        if token.startswith(b'"') and token.endswith(b"\n"):
            continue                                            # the token closed the field and the row
        content += b'z"\n'
    return bytes(content), n, total
