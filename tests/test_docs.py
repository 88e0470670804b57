#!/usr/bin/env python3
"""Every C example in the documents is a file of examples/, word for word.

    python3 tests/test_docs.py ROOT

In README.md and docs/*.md the line before a block that begins with ```c is <!-- examples/NAME.c -->, and the block is that file. Prints
TAP; the last cases are about this test itself.
"""
import glob
import os
import re
import sys
import tempfile

import tap

FENCE = re.compile(r"^(```+)\s*(\w*)[^\n]*$")
SOURCE = re.compile(r"^<!-- (examples/\S+\.c) -->$")


def blocks(text):
    """Gives (line number, line before, text) of each C block."""
    lines, at = text.split("\n"), 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if not fence:
            at += 1
            continue
        begin = at
        at += 1
        while at < len(lines) and lines[at].rstrip() != fence.group(1):
            at += 1
        if fence.group(2).lower() == "c":
            yield begin + 1, lines[begin - 1].strip() if begin else "", "\n".join(lines[begin + 1:at]) + "\n"
        at += 1


def complaints(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    for line, before, block in blocks(text):
        source = SOURCE.match(before)
        if not source:
            yield f"{path}:{line}: the line before this block does not name its file"
            continue
        file_path = os.path.join(root, source.group(1))
        if not os.path.isfile(file_path):
            yield f"{path}:{line}: there is no {source.group(1)}"
            continue
        with open(file_path, encoding="utf-8") as file:
            if file.read() != block:
                yield f"{path}:{line}: the block differs from {source.group(1)}"


def documents(root):
    found = [os.path.join(root, "README.md"), *sorted(glob.glob(os.path.join(root, "docs", "*.md")))]
    return [os.path.relpath(path, root) for path in found if os.path.isfile(path)]


# ---- the test itself is put to the test ------------------------------------------------------------------------------------

SAMPLES = [
    ("a block that is its file is accepted", "<!-- examples/a.c -->\n```c\nint a;\n```\n", 0),
    ("a block that differs is found", "<!-- examples/a.c -->\n```c\nint b;\n```\n", 1),
    ("a block without a file is found", "Look:\n```c\nint a;\n```\n", 1),
    ("a block of a file that is not there is found", "<!-- examples/b.c -->\n```c\nint a;\n```\n", 1),
    ("a block of another language is passed over", "```sh\nmake\n```\n\n```\nint a;\n```\n", 0),
    ("each block counts", "```c\nint a;\n```\n```c\nint a;\n```\n", 2),
]


def complaints_about(text):
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(os.path.join(root, "examples"))
        for path, content in (("examples/a.c", "int a;\n"), ("README.md", text)):
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(content)
        return list(complaints(root, "README.md"))


def cases(root):
    for path in documents(root):
        yield f"the C in {path} is that of its examples", list(complaints(root, path))
    for name, text, expected in SAMPLES:
        found = complaints_about(text)
        yield name, [] if len(found) == expected else [f"found: {found}"]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    return tap.tell(cases(root))


if __name__ == "__main__":
    sys.exit(main())
