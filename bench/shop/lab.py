"""Processes under measurement: started, looked at, stopped; and the load on them."""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

START_S, STOP_S = 60, 60
TICKS = os.sysconf("SC_CLK_TCK")


class Trouble(Exception):
    """Why a run has no figures."""


class Service:
    """A program that prints `listening on URL` when it answers."""
    def __init__(self, words, folder, changes=None):
        self.err = open(folder / "err", "ab+")     # what it said, all runs of this folder
        self.begun = time.perf_counter()
        self.process = subprocess.Popen([os.fspath(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.err, env={**os.environ, "LC_ALL": "C", **(changes or {})}, start_new_session=True)
        self.pid = self.process.pid
        try:
            self.port = self.wait_for_port()
        except Trouble:
            self.kill()
            raise

    def wait_for_port(self):
        ready, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("listening on "):
            raise Trouble(f"{self.process.args[0]} does not answer: {self.said()}")
        return int(line.strip().rstrip("/").rpartition(":")[2])

    def said(self):
        self.err.seek(0)
        lines = self.err.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "nothing was said"

    def stop(self):
        """As an operator does; what does not end is killed, and that is trouble."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Trouble(f"{self.process.args[0]} did not end {STOP_S} s after SIGTERM") from None
        finally:
            self.kill()

    def kill(self):
        """It and all that it has started in its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.err.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.err.closed:
            self.kill()


# ---- looking at processes --------------------------------------------------------------------------------------------------


def family(root):
    found = [root]
    for pid in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in os.listdir(f"/proc/{pid}/task"):
                found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def cpu_s(root):
    """Of all of them, those that have ended, too."""
    ticks = 0
    for pid in family(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / TICKS


def field_bytes(path, name):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) << 10
    return 0


def peak_bytes(pid):
    return field_bytes(f"/proc/{pid}/status", "VmHWM")


def worker_bytes(root):
    """Of its children together; what is shared counts in parts."""
    return sum(field_bytes(f"/proc/{pid}/smaps_rollup", "Pss") for pid in family(root)[1:])


def busy_s():
    """Of all processors since the machine started, with what other machines have taken of them."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


class Elsewhere:
    """Which part of the processors went into what is none of ours: above a few percent, figures are not to be trusted."""
    def __init__(self):
        self.begun, self.before = time.perf_counter(), self.used()

    @staticmethod
    def used():
        return busy_s() - cpu_s(os.getpid())

    def percent(self):
        return max(0, 100 * (self.used() - self.before) / ((time.perf_counter() - self.begun) * os.cpu_count()))


class SyncCounter:
    """What count_syncs.c, preloaded, counts."""
    def __init__(self, library, folder):
        self.path = folder / "syncs"
        self.path.write_bytes(bytes(8))
        self.changes = {"LD_PRELOAD": str(library), "BENCH_SYNCS": str(self.path)}

    def read(self):
        return int.from_bytes(self.path.read_bytes(), "little")


# ---- the lab ---------------------------------------------------------------------------------------------------------------


@dataclass
class Tools:
    stand_in: Path      # prong-shop, as the gateway
    load: Path
    sink: Path
    count_syncs: Path


def start_gateway(tools, folder, delay_ms):
    words = [tools.stand_in, "gateway", "--listen", "127.0.0.1:0", "--ledger", folder / "ledger", "--delay-ms", str(delay_ms)]
    return Service(words, folder)


def start_sink(tools, folder, delay_ms):
    return Service([tools.sink, "-delay", f"{delay_ms}ms"], folder)


def sink_counts(port):
    """(mails, different ones, most at once)"""
    with socket.create_connection(("127.0.0.1", port)) as conn, conn.makefile("r") as lines:
        lines.readline()
        conn.sendall(b"XCOUNT\r\n")
        return tuple(map(int, lines.readline().split()[1:]))


def load(tools, port, connections, warm_up_s, seconds):
    words = [tools.load, str(port), str(connections), str(round(warm_up_s * 1000)), str(round(seconds * 1000))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + warm_up_s + 120, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Trouble(done.stderr.strip() or "the load ended early")
    return json.loads(done.stdout)


def post_one(port, key):
    """One order over a fresh connection; gives the status."""
    body = '{"email":"first@example.org","payment_method":"pm_card_visa","items":[{"sku":"TSHIRT-RED-M","qty":1}]}'
    with socket.create_connection(("127.0.0.1", port), timeout=START_S) as conn:
        conn.sendall(f"POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return int(conn.recv(4096).split()[1])
