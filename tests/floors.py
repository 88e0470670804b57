#!/usr/bin/env python3
"""Folders are floors: a file includes its own floor and those below, never above.

    python3 tests/floors.py ROOT

From low to high: include/, src/base, src/sync, src/memory, src/core, src/engine/NAME, src/*.c. Engines do not know each other. Programs
and examples see include/ and their own folder alone; the programs see cli/, too. Prints TAP; the last cases are about this test itself.
"""
import os
import re
import sys
import tempfile

import tap

FLOORS = ["include", "src/base", "src/sync", "src/memory", "src/core", "src/engine", "src"]
GUESTS = ["cli", "cmd", "shop", "python", "examples"]
SHARED = {"cmd": ["cli"], "shop": ["cli"]}      # what else a guest sees
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<(prong[./][^>]*)>)', re.M)


def sources(root, top):
    for folder, folders, names in os.walk(os.path.join(root, top)):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".c", ".h", ".cc", ".cpp", ".hpp")):
                yield os.path.relpath(os.path.join(folder, name), root)


def includes(root, path):
    """Gives (line number, words between the quotes, file it names or None) for what is not a header of the system."""
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    for found in INCLUDE.finditer(text):
        quoted, public = found.groups()
        house = path.split("/")[0]
        places = ["include"] if public else [os.path.dirname(path), house, *SHARED.get(house, []), "include", "src"]
        named = (os.path.normpath(os.path.join(place, quoted or public)) for place in places)
        target = next((name for name in named if os.path.isfile(os.path.join(root, name))), None)
        yield text.count("\n", 0, found.start()) + 1, quoted or public, target


def floor_of(path):
    return max((n for n, floor in enumerate(FLOORS) if path.startswith(floor + "/")), key=lambda n: len(FLOORS[n]))


def engine_of(path):
    parts = path.split("/")
    return parts[2] if parts[:2] == ["src", "engine"] and len(parts) > 3 else None


def complaint(path, target):
    """Why this file may not include that one; None if it may."""
    house = path.split("/")[0]
    if target is None:
        return "names no file here"
    if house in GUESTS:
        seen = [house, *SHARED.get(house, []), "include"]
        return None if target.split("/")[0] in seen else f"{house}/ sees {', '.join(seen)} alone"
    if target.split("/")[0] in GUESTS or floor_of(target) > floor_of(path):
        return "climbs"
    if engine_of(path) and engine_of(target) and engine_of(path) != engine_of(target):
        return "knows another engine"
    return None


def complaints(root, top):
    for path in sources(root, top):
        for line, words, target in includes(root, path):
            why = complaint(path, target)
            if why:
                yield f"{path}:{line}: \"{words}\" {why}"


# ---- the test itself is put to the test ------------------------------------------------------------------------------------

SAMPLE = {
    "include/prong.h": "#include <stdint.h>\n",
    "src/base/list.h": "#include <stddef.h>\n",
    "src/base/process.c": '#include "base/list.h"\n#include <prong.h>\n',
    "src/sync/lock.h": '#include "base/list.h"\n',
    "src/memory/heap.h": '#include "sync/lock.h"\n',
    "src/core/run.h": '#include <prong.h>\n#include "memory/heap.h"\n',
    "src/engine/engines.h": '#include "core/run.h"\n',
    "src/engine/serial/serial.c": '#include "engine/engines.h"\n',
    "src/engine/threads/threads.h": '#include "core/run.h"\n',
    "src/open.c": '#include "engine/threads/threads.h"\n',
    "cmd/main.c": '#include <prong.h>\n#include "say.h"\n#include "compare/rows.h"\n',
    "cli/say.h": "\n",
    "cmd/compare/rows.h": '#include "say.h"\n',
    "shop/main.c": '#include <prong.h>\n#include "say.h"\n',
    "examples/hello.c": "#include <prong.h>\n",
}
CLIMBS = [
    ("include/prong.h", '#include "base/list.h"'),
    ("src/base/process.c", '#include "sync/lock.h"'),
    ("src/base/list.h", '  #  include   "core/run.h"'),
    ("src/sync/lock.h", '#include "../memory/heap.h"'),
    ("src/memory/heap.h", '#include "core/run.h"'),
    ("src/core/run.h", '#include "engine/engines.h"'),
    ("src/engine/serial/serial.c", '#include "engine/threads/threads.h"'),
    ("src/core/run.h", '#include "../../cli/say.h"'),
    ("cmd/main.c", '#include "core/run.h"'),
    ("cmd/main.c", '#include "../src/base/list.h"'),
    ("examples/hello.c", '#include "../cli/say.h"'),
    ("cli/say.h", '#include "../cmd/compare/rows.h"'),
    ("shop/main.c", '#include "../cmd/compare/rows.h"'),
    ("src/open.c", '#include "core/no_such_file.h"'),
    ("src/open.c", "#include <prong/no_such_file.h>"),
]


def build_sample(root, extra=None):
    for path, text in SAMPLE.items():
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write("\n" + text + (extra[1] + "\n" if extra and extra[0] == path else ""))


def complaints_about_sample(extra=None):
    with tempfile.TemporaryDirectory() as root:
        build_sample(root, extra)
        return [words for top in ["include", "src"] + GUESTS for words in complaints(root, top)]


def cases(root):
    for top in ["include", "src"] + GUESTS:
        if os.path.isdir(os.path.join(root, top)):
            yield f"nothing in {top}/ includes what is above it", list(complaints(root, top))
    yield "a sound house is found sound", complaints_about_sample()
    for path, line in CLIMBS:
        found = complaints_about_sample((path, line))
        good = len(found) == 1 and found[0].startswith(path + ":")
        yield f"{line.strip().replace('#', '')} in {path} is found", [] if good else [f"found: {found}"]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    return tap.tell(cases(root))


if __name__ == "__main__":
    sys.exit(main())
