#!/usr/bin/env python3
"""A machine that is busy: this test loads it, and looks at what `prong compare` dares to say.

    python3 tests/test_busy.py BUILD/cmd/prong

Prints TAP. No time is asserted.
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile

import tap
from tap import Skip, case

WORDS = ["compare", "--only", "sqrt", "--runs", "6", "--no-python", "--no-costs"]
CPUS_MAX = 64                   # to load more is no kindness to others on the machine


# ---- running it ----------------------------------------------------------------------------------------------------------


class Prong:
    def __init__(self, binary, folder):
        self.binary, self.env = binary, {**os.environ, "XDG_CACHE_HOME": folder, "NO_COLOR": "1"}

    def run(self, *words):
        """Gives standard output; the exit status is 0."""
        done = subprocess.run([self.binary, *words], stdin=subprocess.DEVNULL, capture_output=True, env=self.env, timeout=300)
        assert done.returncode == 0, f"status {done.returncode}: {done.stderr.decode()}"
        return done.stdout.decode()

    def report(self, *words):
        return json.loads(self.run(*WORDS, "--json", *words))


@contextlib.contextmanager
def load():
    """Twice as many processes spin as there are CPUs. They end with this test, however it ends: each looks whether its input does."""
    cpus = os.cpu_count() or 1
    if cpus > CPUS_MAX:
        raise Skip(f"{cpus} CPUs are too many to load")
    spin = "import select, sys\nwhile not select.select([0], [], [], 0)[0]:\n    for i in range(100000): pass\n"
    reading, writing = os.pipe()
    spinning = []
    try:
        for _ in range(2 * cpus):
            spinning.append(subprocess.Popen([sys.executable, "-c", spin], stdin=reading, stdout=subprocess.DEVNULL))
        yield
        ended = [one.returncode for one in spinning if one.poll() is not None]
        if ended:
            raise Skip(f"{len(ended)} of the processes that were to load the machine ended early: {ended}")
    except OSError as error:
        raise Skip(f"the machine could not be loaded: {error}") from error
    finally:
        os.close(writing)
        os.close(reading)
        for one in spinning:
            one.kill()
            one.wait()


# ---- the cases -----------------------------------------------------------------------------------------------------------


@case("a loaded machine is busy: JSON says so and why, gives no verdict and names no engine")
def _(prong):
    with load():
        report = prong.report()
    machine = report["machine"]
    assert report["quiet"] is False and report["busy_because"], (report["quiet"], report["busy_because"])
    assert machine["cores_before"] < 0.8 * machine["cpus_usable"] and machine["cores_during"] < 0.8 * machine["cpus_usable"], machine
    assert "CPUs were there for us" in report["busy_because"], report["busy_because"]
    if machine["pressure_before"] is not None:
        assert min(machine["pressure_before"], machine["pressure_during"]) >= 20, machine
        assert "waited for a CPU" in report["busy_because"], report["busy_because"]
    rows = {row["engine"]: row for row in report["rows"]}
    assert list(rows) == ["serial", "threads", "processes", "processes-ready"], list(rows)
    assert rows.pop("serial")["verdict"] is None
    assert {row["verdict"] for row in rows.values()} == {"too noisy to say"}, rows
    assert [(one["work"], one["language"], one["engine"]) for one in report["advice"]] == [("sqrt", "c", None)], report["advice"]
    assert "--wait-quiet" in report["advice"][0]["why"], report["advice"]
    assert report["agree"] is True


@case("the table says that the machine is busy, before it shows any time, and what to do")
def _(prong):
    with load():
        lines = prong.run(*WORDS).splitlines()
    busy = [n for n, line in enumerate(lines) if "BUSY" in line and "CPUs were there for us" in line]
    times = [n for n, line in enumerate(lines) if "vs serial" in line]
    assert busy and times and busy[0] < times[0], lines
    text = "\n".join(lines)
    assert text.count("too noisy to say") >= 3 and "--wait-quiet" in text and "of ideal" not in text, text


@case("waiting for a quiet machine ends at its limit, says so, and goes on")
def _(prong):
    with load():
        words = [prong.binary, *WORDS, "--json", "--wait-quiet=2"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=prong.env, timeout=300)
    assert done.returncode == 0 and json.loads(done.stdout)["quiet"] is False, done
    assert b"still busy after 2 s" in done.stderr, done.stderr


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_busy.py PATH_OF_PRONG")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Prong(program, folder))


if __name__ == "__main__":
    sys.exit(main())
