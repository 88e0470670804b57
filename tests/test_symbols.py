#!/usr/bin/env python3
"""What the libraries give to a linker: the functions of the headers, and nothing else.

    python3 tests/test_symbols.py LIBPRONG.SO LIBPRONG.A HEADER...
"""
import re
import subprocess
import sys
from pathlib import Path

import tap

DECLARED = re.compile(r"^PRONG_API\b[^;{]*?\b(prong_\w+)\(", re.M)
NEEDED = re.compile(r"^(libc\.so|ld-linux|libpthread\.so|libdl\.so)")    # the last two are in libc since glibc 2.34


def output_of(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True).stdout


def defined(path, *options):
    """{name with its version: kind} of the symbols that others can link to."""
    lines = output_of("nm", "--defined-only", "--extern-only", "--format=posix", *options, path).splitlines()
    return {words[0]: words[1] for words in map(str.split, lines) if len(words) >= 2}


def dynamic(path, tag):
    return re.findall(rf"\({tag}\).*\[(.*)\]", output_of("readelf", "--dynamic", "--wide", path))


def cases(shared, static, *headers):
    found = {header: set(DECLARED.findall(Path(header).read_text(encoding="utf-8"))) for header in headers}
    declared = set().union(*found.values())
    exported = {name for name, kind in defined(shared, "--dynamic").items() if kind != "A"}
    plain = {name.split("@")[0] for name in exported}
    yield "each header declares functions", [f"{header}: found none" for header in headers if not found[header]]
    yield "they are many", [] if len(declared) > 30 else [f"found {sorted(declared)}"]
    yield "each function of the headers is exported", [f"{name} is not" for name in sorted(declared - plain)]
    yield "nothing else is exported", [f"{name} is" for name in sorted(plain - declared)]
    yield "each has the version PRONG_0", [name for name in sorted(exported) if not name.endswith("@@PRONG_0")]
    yield "all are functions", [name for name, kind in defined(shared, "--dynamic").items() if kind not in "TA"]
    soname = dynamic(shared, "SONAME")
    yield "the shared library is known as libprong.so.0", [] if soname == ["libprong.so.0"] else [f"as {soname}"]
    yield "it needs the C library alone", [name for name in dynamic(shared, "NEEDED") if not NEEDED.match(name)]
    in_static = defined(static)
    yield "each function is in the static library", [f"{name} is not" for name in sorted(declared - set(in_static))]
    yield "all names in the static library are our own", [name for name in sorted(in_static) if not re.match(r"prong_|pn_", name)]


def main():
    return tap.tell(cases(*sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
