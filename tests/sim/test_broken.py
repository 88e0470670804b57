#!/usr/bin/env python3
"""Every broken variant is found by the simulated tests: at which seed, by which of them, and with what words is printed as a table.

    test_broken.py SEEDS PROGRAM...           PROGRAM: broken_NAME, of a variant that break.py knows
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import tap


def sentences():
    told = subprocess.run([sys.executable, os.path.join(HERE, "break.py"), "--tell"], stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split("\t") for line in told.stdout.splitlines())


def find(program, seeds):
    """Gives (test, mode, seed, words), or None and what is wrong."""
    ran = subprocess.run([program, "--find", "--seeds", seeds], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode == 0:
        return None, [f"{program}: nothing fails in {seeds} seeds of every test"]
    found = ran.stdout.strip().split(" ", 3)
    if ran.returncode != 1 or len(found) != 4:
        return None, [f"{program}: exit status {ran.returncode}: {ran.stdout}"]
    return found, []


def outcomes(seeds, programs):
    wrong_with = sentences()
    row = "# {:24} {:10} {:4} {:>6}  {}"
    print(row.format("variant", "found by", "mode", "seed", "as"))
    for program in programs:
        name = os.path.basename(program).removeprefix("broken_")
        found, wrong = find(program, seeds)
        if found:
            print(row.format(name, *found))
        yield f"found: {wrong_with[name]}", wrong


if __name__ == "__main__":
    sys.exit(tap.tell(outcomes(sys.argv[1], sys.argv[2:])))
