#!/usr/bin/env python3
"""The protocols of the process engine, checked exhaustively: every order of steps of the models beside this file.

    python3 tests/models/run.py [MODEL]

Each model is right, and each of its mutants (the same with a BROKEN_ name defined, which it mentions in an #ifdef) is found to be wrong.
Prints TAP: a line for each, with the number of states. To look at a mistake step by step, in an empty folder with a copy of link.pml:

    with='-DRECALLS -DDIES -DCALLS=3 -DBROKEN_WORKER_SLEEPS_OVER_AGAIN'
    spin -a $with link.pml && gcc -O2 -w -DSAFETY -DNOREDUCE -o pan pan.c && ./pan; spin -t -p $with link.pml
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import tap                                  # noqa: E402  it lies one folder up

SECONDS_MOST = 240                          # one model: far more than it needs, also on a busy machine

CYCLES = "cycles"                           # looks for an order of steps that never ends, not for what is wrong at the end of one

# Each model: its cases, each a sentence and what is defined for it.
CASES = {
    "link": [
        ("calls are taken back, and the worker dies, at any step", ["-DRECALLS", "-DDIES", "-DCALLS=3"]),
        ("who waits sleeps and is woken, also by a death", ["-DSEAT", "-DDIES", "-DCALLS=2"]),
    ],
    "run": [
        ("each ends once, and as it must", ["-DCANCELS=2"]),
        ("no order of steps goes round in circles", [], CYCLES),
    ],
    "zygote": [
        ("three of zygotes, stand-bys and workers die, and the owner does at any step", ["-DFAULTS=3"]),
        ("no order of steps goes round in circles", [], CYCLES),
    ],
}
# What is defined for its mutants; and for those that need something else.
FOR_MUTANTS = {"link": ["-DRECALLS", "-DDIES", "-DCALLS=3"], "run": [], "zygote": []}
FOR_MUTANT = {
    ("link", "SEAT_DOES_NOT_LOOK_AGAIN"): ["-DSEAT", "-DDIES", "-DCALLS=2"],
    ("link", "SEAT_IS_LEFT_WITHOUT_A_WORD"): ["-DSEAT", "-DDIES", "-DCALLS=2"],
    ("link", "SLOT_IS_USED_BEFORE_ITS_REPLY_IS_TAKEN"): ["-DSLOTS=1", "-DCALLS=2"],
    ("link", "REPLIES_OF_THE_DEAD_ARE_IGNORED"): ["-DRECALLS", "-DDIES", "-DCALLS=2"],
}
# To be found by what is read, not by who sleeps for ever: these are wrong in both ways.
BY_ASSERTION = ["CALL_IS_PUBLISHED_RELAXED", "REPLY_IS_PUBLISHED_RELAXED", "SLOT_IS_USED_BEFORE_ITS_REPLY_IS_TAKEN"]


class Search:
    """What came of one search."""

    def __init__(self, said):
        errors = re.search(r"errors: (\d+)", said)
        states = re.search(r"^ *(\d+) states, stored", said, re.M)
        self.whole = bool(errors and states) and "search depth too small" not in said and "Search not completed" not in said
        self.errors = int(errors.group(1)) if errors else 0
        self.states = int(states.group(1)) if states else 0
        what = re.search(r"^pan:\d+: (.*?)(?: \(at depth \d+\))?$", said, re.M)
        self.what = what.group(1) if what else "?"
        self.said = said


def search(model, defines, mutant, cycles):
    """Generates, compiles and runs the search, in a folder of its own. Partial order reduction is left out: a death at any step
    forbids it."""
    with tempfile.TemporaryDirectory() as folder:
        def run(*words):
            done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", timeout=SECONDS_MOST)
            assert done.returncode == 0, f"{' '.join(words)}: status {done.returncode}: {done.stdout}"
            return done.stdout
        run("spin", "-a", *defines, os.path.join(HERE, model + ".pml"))
        run("gcc", "-O0" if mutant else "-O1", "-w", "-DNP" if cycles else "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c")
        return Search(run("./pan", "-n", "-m200000", "-w22", *(["-l"] if cycles else []), *(["-E"] if mutant in BY_ASSERTION else [])))


def mutants_of(model):
    with open(os.path.join(HERE, model + ".pml"), encoding="utf-8") as file:
        return sorted(set(re.findall(r"\bBROKEN_(\w+)", file.read())))


def jobs_of(model):
    """Gives (model, sentence, what is defined, mutant or None, whether cycles are looked for)."""
    for words, defines, *more in CASES[model]:
        yield model, f"{model}: {words}", defines, None, CYCLES in more
    for mutant in mutants_of(model):
        defines = FOR_MUTANT.get((model, mutant), FOR_MUTANTS[model])
        yield model, f"{model}, broken: {mutant.replace('_', ' ').lower()}", [*defines, f"-DBROKEN_{mutant}"], mutant, False


def outcome(job):
    """Gives (sentence, lines about what is wrong)."""
    model, sentence, defines, mutant, cycles = job
    try:
        found = search(model, defines, mutant, cycles)
    except (AssertionError, subprocess.TimeoutExpired) as why:
        return sentence, str(why).splitlines()
    wrong = [] if found.whole or (mutant and found.errors) else ["the search was not completed"]
    if mutant and not found.errors:
        wrong.append("nothing was found")
    if not mutant and found.errors:
        wrong.append(f"errors: {found.errors}")
    how = f"found after {found.states} states: {found.what}" if mutant else f"{found.states} states"
    return f"{sentence} ({how})", wrong + found.said.splitlines() if wrong else []


def main():
    if not shutil.which("spin") or not shutil.which("gcc"):
        print("1..0 # SKIP there is no spin, or no gcc: apt-get install spin gcc")
        return 0
    models = sys.argv[1:] or list(CASES)
    jobs = [job for model in models for job in jobs_of(model)]
    with concurrent.futures.ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        return tap.tell(pool.map(outcome, jobs))


if __name__ == "__main__":
    sys.exit(main())
