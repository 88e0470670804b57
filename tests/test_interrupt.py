#!/usr/bin/env python3
"""Ctrl-C and its relatives, at many moments: `prong` ends soon, says so in one line, and leaves nothing behind.

    python3 tests/test_interrupt.py BUILD/cmd/prong

Prints TAP. The moments are events: what the program shows as its progress. The limits of time are there to end a hang, no more.
"""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import tap
from tap import Skip, case

ROOT = Path(__file__).resolve().parent.parent
MARK = "PRONG_TEST_INTERRUPT"
HANG_S = 60
MOMENTS_MAX = 14
SAID = "prong: interrupted: nothing was measured to the end"
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


# ---- one run on a terminal -----------------------------------------------------------------------------------------------


class Run:
    """`prong` on a terminal of its own (standard error; it is the controlling one), its results in a file."""
    n_runs = 0

    def __init__(self, place, *words, **changes):
        Run.n_runs += 1
        self.mark = f"{os.getpid()}-{Run.n_runs}"
        self.tmp = place.folder / f"tmp-{Run.n_runs}"
        self.tmp.mkdir()
        self.out = open(place.folder / f"out-{Run.n_runs}", "w+b")
        self.terminal, theirs = pty.openpty()
        env = {**os.environ, MARK: self.mark, "TMPDIR": str(self.tmp), "XDG_CACHE_HOME": str(place.folder / "cache"), "TERM": "xterm",
               **changes}
        self.process = subprocess.Popen([place.binary, *words], stdin=subprocess.DEVNULL, stdout=self.out, stderr=theirs, env=env,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0))
        os.close(theirs)
        self.shown = b""

    def read(self, limit_s=HANG_S):
        """What is shown next; empty at the end, when nobody holds the terminal any more."""
        ready, _, _ = select.select([self.terminal], [], [], limit_s)
        assert ready, f"nothing new for {limit_s} s after {self.shown[-200:]!r}"
        part = b""
        with contextlib.suppress(OSError):
            part = os.read(self.terminal, 4096)
        self.shown += part
        return part

    def read_until(self, text):
        """True once it is shown; False: the program has ended without."""
        while text not in self.shown:
            if not self.read():
                return False
        return True

    def end(self):
        """Waits for the end; gives (status, standard output)."""
        while self.read():
            pass
        status = self.process.wait(timeout=HANG_S)
        os.close(self.terminal)
        self.out.seek(0)
        content = self.out.read()
        self.out.close()
        return status, content

    def said(self):
        """What stands on the terminal when all progress is erased."""
        text = self.shown.decode().replace("\r\n", "\n")
        return re.sub(r"[^\n]*\r\x1b\[K", "", text)

    def processes(self):
        """All that was started by it, whoever its parent is now."""
        found = []
        for pid in os.listdir("/proc"):
            with contextlib.suppress(OSError, ValueError):
                if f"{MARK}={self.mark}".encode() in Path(f"/proc/{int(pid)}/environ").read_bytes().split(b"\0"):
                    if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX":
                        found.append(int(pid))
        return found

    def assert_left_nothing(self, may_leave_files=False):
        limit = time.monotonic() + HANG_S
        while (left := self.processes()) and time.monotonic() < limit:
            time.sleep(0.01)        # those of a program that was killed go by themselves, a little later
        assert not left, f"processes left: {[Path(f'/proc/{pid}/cmdline').read_text() for pid in left]}"
        assert may_leave_files or os.listdir(self.tmp) == [], f"files left: {os.listdir(self.tmp)}"


class Place:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.input = folder / "input.csv"
        self.input.write_text("a,b\n" + "".join(f"{i},{i * i % 97}\n" for i in range(200000)))
        self.moments = None

    def compare(self, *words, **changes):
        leaves_records_out = "--only" in words and "records" not in words[words.index("--only") + 1]
        data = [] if leaves_records_out else ["--input", str(self.input)]
        return Run(self, "compare", *data, "--runs", "2", "--workers", "2", "--json", *words, **changes)

    def all_moments(self):
        """Lines of progress of a whole run, one for each stage."""
        if self.moments is None:
            run = self.compare()
            status, out = run.end()
            assert status == 0, (status, run.shown)
            json.loads(out)
            run.assert_left_nothing()
            first = {}
            for line in re.findall(rb"([^\r\n\x1b]+)\r\x1b\[K", run.shown):
                first.setdefault(re.sub(rb"\d+", b"", line), line)
            lines = list(first.values())
            assert len(lines) >= 4, lines
            step = max(1, -(-len(lines) // MOMENTS_MAX))
            self.moments = lines[::step]
        return self.moments


def assert_interrupted(run, status, out, signo):
    """It ended by this signal; or it had all its results when the signal came, and then they are whole."""
    if status == 0:
        json.loads(out)
    else:
        assert status == STATUS[signo], (status, run.shown)
        assert out == b"", out
        assert run.said().strip() == SAID, run.said()
    run.assert_left_nothing()
    return status != 0


def tell_all(run):
    run.process.send_signal(signal.SIGTERM)
    os.killpg(run.process.pid, signal.SIGTERM)


# How a program is told, and what it then ends with. A whole run takes some seconds: each moment meets the next of them.
WAYS = [
    ("SIGINT", lambda run: run.process.send_signal(signal.SIGINT), signal.SIGINT),
    ("Ctrl-C typed at the terminal, which tells all processes of the foreground", lambda run: os.write(run.terminal, b"\x03"), signal.SIGINT),
    ("SIGTERM", lambda run: run.process.send_signal(signal.SIGTERM), signal.SIGTERM),
    ("SIGTERM to the process group and to the program besides, as timeout(1) sends it", tell_all, signal.SIGTERM),
]


def interrupt_every_fourth(place, first):
    _, send, signo = WAYS[first]
    moments = place.all_moments()[first::len(WAYS)]
    interrupted = 0
    for moment in moments:
        run = place.compare()
        assert run.read_until(moment), (moment, run.shown)
        send(run)
        status, out = run.end()
        interrupted += assert_interrupted(run, status, out, signo)
    assert interrupted >= len(moments) - 1, (interrupted, moments)


# ---- cases ---------------------------------------------------------------------------------------------------------------


for number, (what, _, signo) in enumerate(WAYS):
    case(f"{what}, at any moment: ends with {STATUS[signo]}, one line, no result, no process and no file left")(
        lambda place, first=number: interrupt_every_fourth(place, first))


@case("a terminal that goes away is told by SIGHUP: 129")
def _(place):
    run = place.compare()
    assert run.read_until(place.all_moments()[1])
    run.process.send_signal(signal.SIGHUP)
    status, out = run.end()
    assert assert_interrupted(run, status, out, signal.SIGHUP)


@case("an interrupt is answered soon, and not when the thousand rounds that were asked for are over")
def _(place):
    for only in (["--only", "sqrt"], ["--only", "records", "--engines", "serial"]):
        run = place.compare(*only, "--no-costs", "--no-python", "--runs", "1000", "--workers", "64")
        assert run.read_until(b"round 2 of 1000"), run.shown
        run.process.send_signal(signal.SIGINT)
        status, out = run.end()
        assert assert_interrupted(run, status, out, signal.SIGINT)


def catches(pid, signo):
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signo - 1) & 1)
    return False


@case("a signal as soon as it is caught, before anything is shown, is an interrupt like others")
def _(place):
    for words in (["compare", "--input", str(place.input), "--json"], ["doctor", "--json"]):
        run = Run(place, *words)
        while not catches(run.process.pid, signal.SIGINT) and run.process.poll() is None:
            pass
        run.process.send_signal(signal.SIGINT)
        status, out = run.end()
        assert_interrupted(run, status, out, signal.SIGINT)


DEAF = r"""
#define _GNU_SOURCE
#include <prong.h>
#include <unistd.h>

/* Never ends, whatever it is told. */
int prong_map(prong_pool *pool, prong_fn *fn, void *records, size_t n, size_t size, prong_error *ret_ends, prong_error *ret_end)
{
    (void)pool, (void)fn, (void)records, (void)n, (void)size, (void)ret_ends, (void)ret_end;
    (void)!write(STDERR_FILENO, "deaf\n", 5);
    for (;;)
        pause();
}
"""


@case("a second interrupt ends the program at once, even where it hears nothing")
def _(place):
    compiler = shutil.which("cc")
    if not compiler:
        raise Skip("no C compiler")
    source, deaf = place.folder / "deaf.c", place.folder / "deaf.so"
    source.write_text(DEAF)
    subprocess.run([compiler, "-shared", "-fPIC", "-I", str(ROOT / "include"), "-o", str(deaf), str(source)], check=True)
    run = place.compare(LD_PRELOAD=str(deaf))
    assert run.read_until(b"deaf"), run.shown
    assert len(run.processes()) > 1     # workers, too
    limit = time.monotonic() + HANG_S
    while run.process.poll() is None and time.monotonic() < limit:
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.05)                # of two that come together the second is no wish of its own
    status, out = run.end()
    assert status == -signal.SIGINT and out == b"", (status, out)
    run.assert_left_nothing(may_leave_files=True)


@case("an interrupt that whoever started it wants ignored (nohup, a job in the background) is ignored")
def _(place):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = place.compare("--only", "sqrt", "--no-costs", "--no-python")
    finally:
        signal.signal(signal.SIGINT, before)
    assert run.read_until(b"round 1 of 2"), run.shown
    run.process.send_signal(signal.SIGINT)
    status, out = run.end()
    assert status == 0 and json.loads(out)["agree"] is True
    run.assert_left_nothing()


@case("results that nobody reads, as in `prong compare | head`, are no reason for words: 141")
def _(place):
    for words in (["compare", "--input", str(place.input), "--runs", "1", "--no-costs", "--json"], ["compare", "--help"], ["doctor"]):
        theirs, ours = os.pipe()
        os.close(theirs)
        tmp = place.folder / "tmp-pipe"
        tmp.mkdir(exist_ok=True)
        done = subprocess.run([place.binary, *words], stdin=subprocess.DEVNULL, stdout=ours, stderr=subprocess.PIPE, timeout=HANG_S,
                              env={**os.environ, "TMPDIR": str(tmp), "XDG_CACHE_HOME": str(place.folder / "cache")})
        os.close(ours)
        assert done.returncode == 141 and done.stderr == b"", done
        assert os.listdir(tmp) == []


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_interrupt.py PATH_OF_PRONG")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Place(program, Path(os.path.realpath(folder))))


if __name__ == "__main__":
    sys.exit(main())
