#!/usr/bin/env python3
"""What `prong compare` says of costs, and what is left of it once it has ended, however that was.

    python3 tests/test_costs.py BUILD/cmd/prong

Prints TAP. No time is asserted: a cost must be there, and those that are counted must be right.
"""
import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tap
from tap import Skip, case

LIMIT_S = 120
ENGINES = ["serial", "threads", "processes", "processes-ready"]
ALL = {("start_join", case, engine, "s") for case in ("10MB", "1GB") for engine in ("threads", "processes", "fork")} \
    | {("round_trip", case, engine, "s") for case in ("parked", "stream") for engine in ("threads", "processes")} \
    | {("memory", None, engine, "bytes") for engine in ("threads", "processes", "fork")} \
    | {("crash", None, engine, "runs") for engine in ("serial", "threads", "processes")}
SHORT = ["--json", "--only", "sqrt", "--runs", "1", "--workers", "2", "--no-python"]


# ---- processes -----------------------------------------------------------------------------------------------------------


def folders_of_children(pid):
    """Of all processes, where the kernel does not tell more."""
    try:
        return [Path("/proc") / child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return list(Path("/proc").glob("[0-9]*"))


def children_of(pid):
    """(pid, name) of each that is no zombie."""
    found = []
    for folder in folders_of_children(pid):
        with contextlib.suppress(OSError):
            name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            if int(parent) == pid and state not in "ZX":
                found.append((int(folder.name), name))
    return found


def descendants_of(pid):
    found = children_of(pid)
    return found + [below for child, _ in found for below in descendants_of(child)]


def await_death(pidfd):
    """A pidfd can be read from once its process has ended."""
    with os.fdopen(pidfd) as held:
        assert select.select([held], [], [], LIMIT_S)[0], "a process lives on"


def hold(pid):
    """A pidfd, or None for one that has ended already."""
    with contextlib.suppress(ProcessLookupError):
        return os.pidfd_open(pid)
    return None


def become_subreaper():
    """Whatever `prong` leaves behind comes to this process, which then finds it among its children."""
    pr_set_child_subreaper = 36
    assert ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0


def assert_nothing_is_left():
    """No process, once those that end with the program have come to their end."""
    for pid, _ in descendants_of(os.getpid()):
        pidfd = hold(pid)
        if pidfd is not None:
            await_death(pidfd)
    assert descendants_of(os.getpid()) == []
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class Prong:
    def __init__(self, binary, folder):
        self.binary = binary
        self.env = {**os.environ, "XDG_CACHE_HOME": str(folder)}

    def start(self, *words, **options):
        return subprocess.Popen([self.binary, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=self.env, text=True, **options)

    def run(self, *words, **options):
        """Gives (status, standard output, standard error)."""
        with self.start(*words, **options) as process:
            out, err = process.communicate(timeout=LIMIT_S)
        return process.returncode, out, err

    def compare(self, *words, **options):
        status, out, err = self.run("compare", *words, **options)
        assert status == 0 and err == "", (status, err)
        return json.loads(out)

    @contextlib.contextmanager
    def at_work(self, *words):
        """The program, once it has a child of that name."""
        with self.start("compare", "--json", "--no-costs", "--no-python", "--workers", "2", *words, start_new_session=True) as process:
            try:
                yield process
            finally:
                process.kill()
                process.communicate()


def await_child(process, name):
    """Nothing tells of another's children: looks again and again."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "it has ended already"
        for pid, its_name in children_of(process.pid):
            if its_name == name:
                return pid
    raise AssertionError(f"no {name}")


def costs_of(report):
    return {(cost["cost"], cost["case"], cost["engine"], cost["unit"]): cost for cost in report["costs"] if cost["language"] == "c"}


# ---- costs ---------------------------------------------------------------------------------------------------------------


@case("each cost is there for each engine and case, with its unit, once")
def _(prong):
    report = prong.compare(*SHORT)
    costs = costs_of(report)
    assert set(costs) == ALL and len(report["costs"]) == len(ALL), sorted(map(str, set(costs) ^ ALL))
    for key, cost in costs.items():
        if key[:2] == ("start_join", "1GB") and cost["value"] is None:
            assert "1GB" in cost["why"], cost       # this machine has not got that much
            continue
        assert 0 < cost["low"] <= cost["value"] <= cost["high"] and cost["runs"] >= 1, cost


@case("a crash takes down the program where runs share it, and one run where each worker is a process")
def _(prong):
    costs = costs_of(prong.compare(*SHORT))
    lost = {engine: costs["crash", None, engine, "runs"] for engine in ("serial", "threads", "processes")}
    assert {engine: cost["value"] for engine, cost in lost.items()} == {"serial": 100, "threads": 100, "processes": 1}, lost
    assert all(cost["low"] == cost["high"] == cost["value"] for cost in lost.values()), lost


@case("a crash in Python takes down all 100 runs of threads; those of processes not all, but at least its own")
def _(prong):
    if not shutil.which("python3"):
        raise Skip("no python3 in PATH")
    report = prong.compare("--json", "--only", "counter", "--runs", "1", "--workers", "2", "--python")
    lost = {cost["engine"]: cost for cost in report["costs"] if cost["language"] == "python"}
    assert set(lost) == {"threads", "processes"}, lost
    assert all(cost["cost"] == "crash" and cost["case"] is None and cost["unit"] == "runs" for cost in lost.values()), lost
    assert lost["threads"]["value"] == 100 and 1 <= lost["processes"]["value"] <= 100, lost
    assert set(costs_of(report)) == ALL


@case("engines that do not take part cost nothing")
def _(prong):
    for engines, wanted in (("serial", {"serial"}), ("serial,threads", {"serial", "threads"}), ("processes", {"processes", "fork"})):
        costs = costs_of(prong.compare(*SHORT, "--engines", engines))
        assert set(costs) == {key for key in ALL if key[2] in wanted}, costs
    assert prong.compare(*SHORT, "--no-costs")["costs"] == []


@case("what there is no memory for stays unmeasured, and why is told")
def _(prong):
    limit = 1 << 30             # of addresses: nine threads may find too few of them, too
    report = prong.compare(*SHORT, "--engines", "threads", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    costs = costs_of(report)
    assert set(costs) == {key for key in ALL if key[2] == "threads"}
    big = costs.pop(("start_join", "1GB", "threads", "s"))
    assert big["value"] is None and big["runs"] == 0 and big["why"].startswith("no 1GB to hold: "), big
    assert all(cost["why"] if cost["value"] is None else cost["value"] > 0 for cost in costs.values()), costs


@case("what crashes for the sake of a figure leaves no core and says nothing")
def _(prong):
    with tempfile.TemporaryDirectory() as folder:
        prong.compare(*SHORT, cwd=folder,
                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
        assert os.listdir(folder) == []


@case("the command that costs are tried with is shown and suggested to nobody")
def _(prong):
    for words in (["--help"], ["trail"], ["tria"]):
        _, out, err = prong.run(*words)
        assert "prong trial" not in out + err, out + err
    status, out, err = prong.run("trial")
    assert status == 2 and out == "" and "prong compare" in err, err


# ---- works ---------------------------------------------------------------------------------------------------------------


@case("all engines find every answer and every raise")
def _(prong):
    report = prong.compare("--json", "--only", "wait,counter", "--runs", "1", "--workers", "3", "--no-python", "--no-costs")
    assert report["results"] == {"wait": {"answers": 64, "sum": sum(k * k for k in range(64))}, "counter": {"count": 150000}}, report["results"]
    rows = {(row["work"], row["engine"]): row for row in report["rows"]}
    assert set(rows) == {(work, engine) for work in ("wait", "counter") for engine in ENGINES}
    for (work, engine), row in rows.items():
        workers = 1 if engine == "serial" else {"wait": 8, "counter": 3}[work]
        assert row["agree"] is True and row["workers"] == workers and len(row["spans"]) == {"wait": 64, "counter": 3}[work], row
        assert all(0 <= begin <= end and 0 <= slot < workers for begin, end, slot in row["spans"]), row["spans"]


@case("a server that dies while it is needed is missed in words")
def _(prong):
    with prong.at_work("--only", "wait", "--runs", "500") as process:
        os.kill(await_child(process, "prong-server"), signal.SIGKILL)
        out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 1 and out == "" and "server" in err, (process.returncode, err)


# ---- what is left --------------------------------------------------------------------------------------------------------


@case("no process is left when all is over")
def _(prong):
    status, _, err = prong.run("compare", "--json", "--runs", "1", "--workers", "2", "--no-python")
    assert status == 0, err
    assert_nothing_is_left()


@case("killed outright, the program takes its server and its workers with it")
def _(prong):
    with prong.at_work("--only", "wait,counter", "--runs", "500") as process:
        server = hold(await_child(process, "prong-server"))
        process.kill()
        process.wait()
        await_death(server)
    assert_nothing_is_left()


@case("killed outright while something is tried for a cost, the program takes that with it")
def _(prong):
    for _ in range(5):
        with prong.start("compare", *SHORT, start_new_session=True) as process:
            await_child(process, "exe")         # /proc/self/exe
            process.kill()
            process.communicate()
        assert_nothing_is_left()


@case("Ctrl-C while something is tried for a cost leaves nothing, and is told by the status")
def _(prong):
    with prong.start("compare", *SHORT, start_new_session=True) as process:
        await_child(process, "exe")
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 130 and out == "", (process.returncode, out)
    assert_nothing_is_left()


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_costs.py PATH_OF_PRONG")
    program = tap.program(sys.argv[1])
    become_subreaper()
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Prong(program, folder))


if __name__ == "__main__":
    sys.exit(main())
