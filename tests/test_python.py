#!/usr/bin/env python3
"""Python as a contender: the scripts of examples/python/ by hand, and under `prong compare`, also by interpreters that are broken.

    python3 tests/test_python.py ROOT BUILD/cmd/prong

A broken interpreter is a shell script here. Prints TAP; no time is asserted.
"""
import contextlib
import difflib
import functools
import json
import math
import os
import re
import select
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import tap
from tap import Skip, case

ENGINES = ["serial", "threads", "processes"]
REPORT = re.compile(r"seconds \d+\.\d{9}\n((?:[a-z]+ \S+\n)+)((?:span \d+\.\d{9} \d+\.\d{9} \d+\n)+)")


# ---- running things ------------------------------------------------------------------------------------------------------


class Place:
    """Where to find the scripts and prong, with a folder for temporary files that has to be empty after each case."""

    def __init__(self, root, prong, folder):
        self.scripts, self.prong, self.folder = root / "examples" / "python", prong, folder
        self.temporary, self.bin = folder / "temporary", folder / "bin"
        self.temporary.mkdir()
        self.bin.mkdir()
        self.env = {**os.environ, "TMPDIR": str(self.temporary), "XDG_CACHE_HOME": str(folder / "cache")}
        self.pid_files = 0

    def run(self, *words, **changes):
        """Gives (status, standard output, standard error)."""
        done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                              env={**self.env, **changes}, text=True)
        return done.returncode, done.stdout, done.stderr

    def script(self, name, *words):
        return self.run(sys.executable, "-B", self.scripts / name, *words)

    def report(self, name, work, workers, *words):
        """Gives its figures as printed, and its spans as (begin, end, slot)."""
        status, out, err = self.script(name, work, "--report", "--workers", workers, *words)
        assert status == 0 and err == "", err
        found = REPORT.fullmatch(out)
        assert found, out
        spans = [(float(begin), float(end), int(slot)) for _, begin, end, slot in (line.split() for line in found[2].splitlines())]
        seconds = float(out.split()[1])
        assert all(0 <= begin <= end <= seconds for begin, end, _ in spans), out
        assert {slot for _, _, slot in spans} <= set(range(workers)), out
        return dict(line.split() for line in found[1].splitlines()), spans

    def compare(self, *words, **changes):
        return self.run(self.prong, "compare", "--json", "--runs", "1", "--no-costs", "--workers", "2", *words, **changes)

    def interpreter(self, text, name="fake"):
        """A shell script in the place of an interpreter; $PYTHON is a good one."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\nPYTHON='{sys.executable}'\n{text}\n")
        path.chmod(0o755)
        return path

    def pid_file(self):
        """For an interpreter to tell who it is: reading it waits until it has."""
        self.pid_files += 1
        path = self.folder / f"pids-{self.pid_files}"
        os.mkfifo(path)
        return path

    def refuse(self, interpreter, *said):
        """--python with this interpreter is not available here, and each of these is said."""
        status, out, err = self.compare("--only", "counter", f"--python={interpreter}")
        assert status == 3 and out == "", (status, out, err)
        assert err.startswith("prong: --python: ") and "\nhint: --python=PATH names another interpreter" in err, err
        for words in said:
            assert words in err, err


@functools.lru_cache(maxsize=None)
def wanted_sum(workers):
    share = total = 0.0
    for i in range(4000000):
        share += math.sqrt(i)
    for _ in range(workers):
        total += share
    return total.hex()


def await_ends(pids, act):
    """Does something, after which all these processes end."""
    if not hasattr(os, "pidfd_open"):
        raise Skip("this Python cannot wait for processes of others")
    fds = {}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):       # it has ended already
            fds[pid] = os.pidfd_open(pid)
    act()
    for pid, fd in fds.items():
        assert select.select([fd], [], [], 60)[0], f"{pid} lives on"
        os.close(fd)


# ---- the scripts, by hand ------------------------------------------------------------------------------------------------


@case("square roots are those of C to the last bit, by 1, 2 and 3 workers, in any script")
def _(place):
    for workers in 1, 2, 3:
        wanted = {"roots": str(4000000 * workers), "sum": wanted_sum(workers)}
        for name in ENGINES:
            found, spans = place.report(f"{name}.py", "sqrt", workers)
            assert found == wanted and list(found) == ["roots", "sum"], (name, workers, found)
            assert len(spans) == workers, spans


@case("the counter comes to 50,000 for each worker, by 1, 2 and 3 workers, in any script")
def _(place):
    for workers in 1, 2, 3:
        for name in ENGINES:
            found, spans = place.report(f"{name}.py", "counter", workers)
            assert found == {"count": str(50000 * workers)} and len(spans) == workers, (name, workers, found)


@case("64 questions get their answers, by 1, 3 and 8 workers, in any script")
def _(place):
    for workers in 1, 3, 8:
        for name in ENGINES if workers == 8 else ENGINES[1:]:
            found, spans = place.report(f"{name}.py", "wait", workers)
            assert found == {"answers": "64", "sum": str(sum(k * k for k in range(64)))} and len(spans) == 64, (name, workers, found)
            slots = {slot for _, _, slot in spans}
            assert slots == ({0} if name == "serial" else set(range(len(slots)))), slots


class Answers(socketserver.StreamRequestHandler):
    def handle(self):
        number = int(self.rfile.readline())
        self.server.asked.append(number)
        self.wfile.write(b"%d\n" % (number * number))


@case("--server names the server that is asked each of 0 to 63 once; one that hangs up is an error")
def _(place):
    for name in ENGINES:
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answers) as server:
            server.asked = []
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                place.report(f"{name}.py", "wait", 2, "--server", server.server_address[1])
                assert sorted(server.asked) == list(range(64)), server.asked
                server.RequestHandlerClass = lambda request, *_: request.shutdown(2)
                status, out, err = place.script(f"{name}.py", "wait", "--report", "--server", server.server_address[1])
                assert status == 1 and out == "" and ("no answer" in err or "ConnectionResetError" in err), err
            finally:
                server.shutdown()
                thread.join()


@case("without arguments each script runs all three works and tells them in a line each")
def _(place):
    for name in ENGINES:
        status, out, err = place.script(f"{name}.py")
        lines = out.splitlines()
        assert status == 0 and err == "" and len(lines) == 4, out + err
        assert lines[0].startswith(f"{name} in Python 3.") and lines[0].endswith(" a GIL"), lines[0]
        assert [line.split()[0] for line in lines[1:]] == ["sqrt", "wait", "counter"], lines
        assert lines[2].endswith("s   answers 64, sum 85,344"), lines


@case("processes.py and crash.py work with every start method")
def _(place):
    driver = place.folder / "driver.py"
    driver.write_text("import multiprocessing, sys\n"
                      f"sys.path.insert(0, {str(place.scripts)!r})\n"
                      "import crash, processes, works\n"
                      "if __name__ == '__main__':\n"
                      "    multiprocessing.set_start_method(sys.argv.pop(1))\n"
                      "    if sys.argv[1] == 'crash':\n"
                      "        print(crash.lost_runs('threads', 2), crash.lost_runs('processes', 2))\n"
                      "    else:\n"
                      "        works.main('processes', processes.Pool, processes.Lock, processes.Counter)\n")
    for method in "fork", "spawn", "forkserver":
        for work, wanted in ("sqrt", wanted_sum(2)), ("wait", "85344"), ("counter", "100000"):
            status, out, err = place.run(sys.executable, "-B", driver, method, work, "--workers", "2", "--report")
            assert status == 0 and f" {wanted}\n" in out, (method, work, out, err)
        status, out, err = place.run(sys.executable, "-B", driver, method, "crash")
        all_lost, some_lost = map(int, out.split())
        assert status == 0 and all_lost == 100 and 1 <= some_lost < 100, (method, out, err)


@case("a crash takes all 100 runs down on threads; on processes not all, but at least its own")
def _(place):
    status, out, err = place.script("crash.py")
    lines = out.splitlines()
    assert status == 0 and len(lines) == 2 and lines[0] == "threads    100 of 100 runs lost", out + err
    assert lines[1].startswith("processes ") and 1 <= int(lines[1].split()[1]) < 100, out
    for engine in "threads", "processes":
        status, out, err = place.script("crash.py", engine, "--report", "--workers", "2")
        assert status == 0 and re.fullmatch(r"lost \d+\n", out), out + err


@case("threads.py and processes.py differ in what they import, in their counter and in their name")
def _(place):
    def code(name):
        text = (place.scripts / name).read_text()
        return text.split('"""')[2].splitlines()
    changed = [line for line in difflib.ndiff(code("threads.py"), code("processes.py")) if line[0] in "+-"]
    assert [line for line in changed if line.startswith("-")] == [
        "- from concurrent.futures import ThreadPoolExecutor as Pool",
        "- from threading import Lock",
        "- class Counter:          # threads all see the same objects",
        "-     value = 0",
        '-     works.main("threads", Pool, Lock, Counter)'], changed
    assert len(changed) == 10, changed


@case("--help tells what a script does; wrong words are wrong usage")
def _(place):
    for name in ENGINES:
        status, out, err = place.script(f"{name}.py", "--help")
        assert status == 0 and "Square roots, waiting and a shared counter" in out and "--workers N" in out, out + err
        for words in ["nonsense"], ["--workers", "0"], ["--workers", "many"], ["--server", "65536"], ["--report"]:
            status, out, err = place.script(f"{name}.py", *words)
            assert status == 2 and out == "" and f"{name}.py: error: " in err, (words, out, err)


@case("server.py ends when its input does, whatever its input is")
def _(place):
    status, out, err = place.script("server.py")
    assert status == 0 and err == "" and 0 < int(out) < 65536, out + err
    with subprocess.Popen([sys.executable, place.scripts / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert int(server.stdout.readline()) > 0 and server.poll() is None
        server.stdin.close()
        assert server.wait(60) == 0


# ---- in prong compare ----------------------------------------------------------------------------------------------------


@case("there are rows of Python on serial, threads and processes, which agree with those of C")
def _(place):
    works = ["sqrt", "wait", "counter"]
    status, out, err = place.compare("--only", ",".join(works), f"--python={sys.executable}")
    assert status == 0 and err == "", err
    report = json.loads(out)
    rows = {(row["work"], row["engine"]): row for row in report["rows"] if row["language"] == "python"}
    assert list(rows) == [(work, engine) for work in works for engine in ENGINES] and report["agree"] is True, list(rows)
    assert all(row["median_s"] > 0 and row["agree"] is True for row in rows.values())
    assert [len(rows[work, "processes"]["spans"]) for work in works] == [2, 64, 2]
    assert [rows[work, "threads"]["workers"] for work in works] == [2, 8, 2]
    assert {len({slot for _, _, slot in rows[work, "serial"]["spans"]}) for work in works} == {1}
    version = ".".join(map(str, sys.version_info[:3]))
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert report["machine"]["python"] == f"Python {version}" and report["machine"]["gil"] is has_gil, report["machine"]


@case("python3 of PATH takes part unless --no-python leaves it out")
def _(place):
    for words, languages in ([], {"c", "python"}), (["--no-python"], {"c"}):
        status, out, err = place.compare("--only", "counter", *words, PATH=f"{os.path.dirname(sys.executable)}:/usr/bin:/bin")
        report = json.loads(out)
        assert status == 0 and err == "" and {row["language"] for row in report["rows"]} == languages, err
        assert bool(report["machine"]["python"]) == ("python" in languages), report["machine"]
    status, out, err = place.compare("--no-python", f"--python={sys.executable}")
    assert status == 2 and out == "" and "which of the two?" in err, err


@case("neither PYTHONPATH nor the folder we are in can put other modules in the place of Python's own")
def _(place):
    traps = place.folder / "traps"
    traps.mkdir()
    for name in "argparse", "sysconfig", "socket", "math", "collections", "works":
        (traps / f"{name}.py").write_text("raise SystemExit('trapped')\n")
    done = subprocess.run([place.prong, "compare", "--json", "--runs", "1", "--no-costs", "--only", "counter", f"--python={sys.executable}"],
                          cwd=traps, env={**place.env, "PYTHONPATH": str(traps)}, capture_output=True, timeout=300, text=True)
    assert done.returncode == 0 and done.stderr == "" and json.loads(done.stdout)["agree"] is True, done.stderr
    assert not (traps / "__pycache__").exists()


@case("an interpreter that is not there, or no program, is not available here, with a hint")
def _(place):
    place.refuse("/no/such", "cannot run '/no/such': No such file or directory")
    place.refuse("no-such-python", "there is no no-such-python in PATH")
    place.refuse(place.bin, "that is no program")
    plain = place.bin / "plain"
    plain.write_text("#!/bin/sh\n")
    place.refuse(plain, "Permission denied")
    plain.write_text("no program\n")
    plain.chmod(0o755)
    place.refuse(plain, "could not be run")


@case("an interpreter that is older than 3.8, says nothing, prints garbage, fails or dies is not available here, and why is said")
def _(place):
    place.refuse(place.interpreter("echo version 2.7.18"), "is Python 2.7.18; it takes 3.8 or later")
    place.refuse(place.interpreter("echo version 3.7.9"), "is Python 3.7.9; it takes 3.8 or later")
    place.refuse(place.interpreter("exit 0"), "does not say which Python it is")
    place.refuse(place.interpreter("head -c 3000 /dev/urandom"), "does not say which Python it is")
    place.refuse(place.interpreter("echo version 3.11.2"), "does not do what it is told, but says 'version 3.11.2'")
    place.refuse(place.interpreter("echo one >&2; echo the reason >&2; exit 1"), "ended with status 1: the reason\n")
    place.refuse(place.interpreter("kill -SEGV $$"), "was killed by signal 11 (Segmentation fault)")
    place.refuse(place.interpreter("exec yes"), "printed more than anybody would read and was stopped")
    place.refuse(place.interpreter('case "$*" in *processes*) echo no semaphores >&2; exit 1;; esac; exec "$PYTHON" "$@"'),
                 "ended with status 1: no semaphores\n")


@case("where nobody asked for Python, one that is broken is left out")
def _(place):
    place.interpreter("exit 1", "python3")
    status, out, err = place.compare("--only", "counter", PATH=f"{place.bin}:/usr/bin:/bin")
    report = json.loads(out)
    assert status == 0 and "goes on without Python: " in err and {row["language"] for row in report["rows"]} == {"c"}, err
    assert report["machine"]["python"] is None and report["machine"]["gil"] is None, report["machine"]
    (place.bin / "python3").unlink()


def fail_on_threads(place, work, what):
    """By an interpreter that is well until it is asked to work on threads."""
    fake = place.interpreter(f'case "$*" in *threads.py*) {what};; *) exec "$PYTHON" "$@";; esac')
    return place.compare("--only", work, f"--python={fake}")


@case("an interpreter that breaks at a job fails the comparison, and its last words are shown")
def _(place):
    for what, *said in [
        ("echo boom >&2; exit 3", "counter on threads of Python 3.", " ended with status 3\n", "its last words:\nboom\n"),
        ("kill -ABRT $$", "was killed by signal 6 (Aborted)"),
        ("echo garbage", "gave a report that says 'garbage'"),
        ("echo seconds 0.1; echo roots x", "gave a report that says 'roots x'"),
        ("echo seconds -1; echo roots 8", "gave a report that says 'seconds -1'"),
        ("echo seconds 0.1; echo roots 8; echo span 0 1", "gave a report that says 'span 0 1'"),
        ("echo seconds 0.1; echo roots 99999999999999999999999", "gave a report that says 'roots 99999999999999999999999'"),
        ("echo seconds 0.1", "gave a report that ends too soon"),
        ("echo roots 8", "did not tell its time"),
        ("exec cat /dev/zero", "printed more than anybody would read and was stopped"),
        ("for i in $(seq 5000); do echo line $i >&2; done; exit 1", "line 4995\nline 4996\nline 4997\nline 4998\nline 4999\nline 5000\n"),
    ]:
        status, out, err = fail_on_threads(place, "counter", what)
        assert status == 1 and out == "" and err.startswith("prong: counter on threads of Python 3."), (what, status, out, err)
        assert all(words in err for words in said), (what, err)
        assert "line 4994" not in err, err


@case("a sum that differs in its last bit is a wrong result")
def _(place):
    bad = math.nextafter(float.fromhex(wanted_sum(2)), 0).hex() if hasattr(math, "nextafter") else "0x1p+33"
    status, out, err = fail_on_threads(place, "sqrt", f"echo seconds 0.1; echo roots 8000000; echo sum {bad}")
    report = json.loads(out)
    assert status == 1 and report["agree"] is False and report["rows"] == [] and "the results differ" in err, (status, err)
    found = report["results"]["sqrt"]
    assert found["python threads"]["sum"] != found["python processes"]["sum"] == found["serial"]["sum"], found
    status, out, err = fail_on_threads(place, "sqrt", f"echo seconds 0.1; echo roots 8000000; echo sum {wanted_sum(2)}")
    assert status == 0 and json.loads(out)["agree"] is True, err


@case("a Python without the GIL is told from what its build and the interpreter say")
def _(place):
    patch = place.folder / "patch.py"
    for gil_disabled, is_enabled, wanted in (0, None, True), (1, None, False), (1, False, False), (1, True, True):
        lines = ["import sys, sysconfig", f"sysconfig.get_config_vars()['Py_GIL_DISABLED'] = {gil_disabled}"]
        lines += ["if hasattr(sys, '_is_gil_enabled'): del sys._is_gil_enabled"] if is_enabled is None else \
                 [f"sys._is_gil_enabled = lambda: {is_enabled}"]
        patch.write_text("\n".join(lines + ["exec(sys.argv[1])"]) + "\n")
        fake = place.interpreter(f'if [ "$4" = -c ]; then exec "$PYTHON" "{patch}" "$5"; else exec "$PYTHON" "$@"; fi')
        status, out, err = place.compare("--only", "counter", f"--python={fake}")
        assert status == 0 and json.loads(out)["machine"]["gil"] is wanted, (gil_disabled, is_enabled, out, err)


# ---- what is left --------------------------------------------------------------------------------------------------------


@case("what a failed interpreter has started ends with it")
def _(place):
    pids = place.pid_file()
    fake = place.interpreter(f'case "$*" in *threads.py*) sleep 1000 & sleep 1001 & echo $! > {pids}; exit 1;; *) exec "$PYTHON" "$@";; esac')
    words = [place.prong, "compare", "--json", "--runs", "1", "--no-costs", "--only", "counter", f"--python={fake}"]
    with subprocess.Popen(words, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as prong:
        await_ends([int(pids.read_text())], lambda: None)
        _, err = prong.communicate(timeout=60)
        assert prong.returncode == 1 and "ended with status 1" in err, err


def kill_on_threads(place, number):
    """prong gets this signal while an interpreter and what it started hang; they end with it. Gives its status."""
    pids = place.pid_file()
    fake = place.interpreter(f'case "$*" in *threads.py*) trap "" TERM INT HUP; sleep 1000 & echo $$ $! > {pids}; wait;; '
                             '*) exec "$PYTHON" "$@";; esac')
    words = [place.prong, "compare", "--json", "--runs", "1", "--no-costs", "--only", "counter", f"--python={fake}"]
    with subprocess.Popen(words, env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as prong:
        await_ends(list(map(int, pids.read_text().split())), lambda: prong.send_signal(number))
        return prong.wait(60)


@case("an interpreter that hangs, and all it has started, end when prong is killed")
def _(place):
    assert kill_on_threads(place, signal.SIGKILL) == -signal.SIGKILL
    for folder in place.temporary.glob("prong-*"):
        shutil.rmtree(folder)           # no program removes anything after a SIGKILL


@case("Ctrl-C stops an interpreter that hangs, and removes the folder of the scripts")
def _(place):
    status = kill_on_threads(place, signal.SIGINT)
    if status == -signal.SIGINT:
        for folder in place.temporary.glob("prong-*"):
            shutil.rmtree(folder)
        raise Skip("this prong does not catch Ctrl-C")
    assert status == 130, status


@case("an interpreter that hangs from the beginning is stopped after its time, with all it has started")
def _(place):
    fake = place.interpreter("trap '' TERM; echo version 3.11.2; sleep 1000 & sleep 1001")
    place.refuse(fake, "was not done after 20 s and was stopped")


@case("the folder of the scripts is for this user alone, holds what is in examples/python/, and goes")
def _(place):
    copy = place.folder / "copy"
    fake = place.interpreter(f'case "$*" in *serial.py*) test -d {copy} || cp -pr "${{4%/*}}" {copy};; esac; exec "$PYTHON" "$@"')
    status, out, err = place.compare("--only", "counter", f"--python={fake}")
    assert status == 0, err
    assert copy.stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(copy)) == ["crash.py", "processes.py", "serial.py", "threads.py", "works.py"], os.listdir(copy)
    for path in copy.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600 and path.read_bytes() == (place.scripts / path.name).read_bytes(), path


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def run_case(function, place):
    function(place)
    left = os.listdir(place.temporary)
    assert left == [], f"left in TMPDIR: {left}"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: test_python.py ROOT PATH_OF_PRONG")
    prong = tap.program(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Place(Path(sys.argv[1]).resolve(), prong, Path(os.path.realpath(folder))), call=run_case)


if __name__ == "__main__":
    sys.exit(main())
