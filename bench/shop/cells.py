"""What is measured: each cell gives one dictionary of figures for one contender, or raises lab.Trouble."""
import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import books
import contenders
import lab

WARM_UP_S = 1
SEVERAL = 32        # connections of the orders before a kill
MAIL_MS = 500
WAIT_S = 120


@dataclass
class Bench:
    """What all cells share."""
    tools: lab.Tools
    folder: Path        # on a disk; each run has one of its own in it
    seconds: float
    stored: int         # orders in the database that is restarted on
    backlog: int        # receipts that wait, for prong-shop
    note: callable

    def __post_init__(self):
        self.filled = {}        # contender's name: folder of its database with `stored` orders


@contextlib.contextmanager
def fresh_folder(bench):
    folder = Path(tempfile.mkdtemp(dir=bench.folder))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def start_shop(contender, folder, gateway, mail=None, changes=None):
    setting = contenders.Setting(folder / "shop.db", f"http://127.0.0.1:{gateway.port}", f"127.0.0.1:{mail.port}" if mail else None)
    return lab.Service(contender.command(setting), folder, changes)


# ---- load ------------------------------------------------------------------------------------------------------------------


@dataclass
class Load:
    """Orders over some connections, from a fresh database; mail_ms None: no mail."""
    connections: int
    gateway_ms: int = 0
    mail_ms: int = None

    @property
    def title(self):
        mail = "" if self.mail_ms is None else f", e-mail {self.mail_ms} ms"
        return f"{self.connections} connection{'s' * (self.connections > 1)}, gateway {self.gateway_ms} ms{mail}"

    def measure(self, bench, contender):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(fresh_folder(bench))
            syncs = lab.SyncCounter(bench.tools.count_syncs, folder)
            gateway = stack.enter_context(lab.start_gateway(bench.tools, folder, self.gateway_ms))
            sink = stack.enter_context(lab.start_sink(bench.tools, folder, self.mail_ms)) if self.mail_ms is not None else None
            shop = stack.enter_context(start_shop(contender, folder, gateway, sink, syncs.changes))
            figures = self.figures(bench, shop, syncs)
            if sink:
                figures["mails"], distinct, figures["mails_at_once"] = lab.sink_counts(sink.port)
                figures["mails_twice"] = figures["mails"] - distinct
            shop.stop()
            gateway.stop()
            wrong = books.differences(contender, folder / "shop.db", folder / "ledger", figures["answered"])
        if wrong:
            raise lab.Trouble("; ".join(f"{what}: {n}" for what, n in wrong.items()))
        return figures

    def figures(self, bench, shop, syncs):
        idle, cpu, synced = lab.peak_bytes(shop.pid), lab.cpu_s(shop.pid), syncs.read()
        elsewhere = lab.Elsewhere()
        told = lab.load(bench.tools, shop.port, self.connections, WARM_UP_S, bench.seconds)
        if told["answered"] == 0:
            raise lab.Trouble(f"no order was answered 201: {told}: {shop.said()}")
        return {
            "orders_s": told["in_time"] / told["seconds"], **{name: told[name] for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")},
            "answered": told["answered"], "not_201": sum(told["others"].values()) + told["broken"] + told["unanswered"],
            "others": told["others"], "cpu_us": (lab.cpu_s(shop.pid) - cpu) / told["answered"] * 1e6,
            "syncs": (syncs.read() - synced) / told["answered"], "idle_bytes": idle, "peak_bytes": lab.peak_bytes(shop.pid),
            "worker_bytes": lab.worker_bytes(shop.pid), "elsewhere": elsewhere.percent(),
        }


# ---- databases that were made beforehand -----------------------------------------------------------------------------------


def fill(bench, contender, folder, n, receipt):
    """A database as the contender makes it, with n paid orders more."""
    with lab.start_gateway(bench.tools, folder, 0) as gateway, start_shop(contender, folder, gateway) as shop:
        shop.stop()
    values = {"n": n, "receipt": receipt, "ms": int(time.time() * 1000)}
    with contextlib.closing(sqlite3.connect(folder / "shop.db", isolation_level=None)) as conn:
        for text in "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000", "BEGIN":
            conn.execute(text)
        for text in contender.fills:
            conn.execute(text, {name: value for name, value in values.items() if ":" + name in text})
        conn.execute("COMMIT")
        conn.execute("PRAGMA journal_mode = WAL")
    os.sync()       # or the contender would pay for it


class Restart:
    """kill -9 after a second of orders, on a database of many; from its new start to its first order answered 201."""
    title = "restart after kill -9 on many orders"

    def measure(self, bench, contender):
        if contender.name not in bench.filled:
            bench.note(f"filling {bench.stored} orders for {contender.name}")
            folder = Path(tempfile.mkdtemp(dir=bench.folder))
            fill(bench, contender, folder, bench.stored, contender.SENT)
            bench.filled[contender.name] = folder
        folder = bench.filled[contender.name]
        with lab.start_gateway(bench.tools, folder, 0) as gateway:
            with start_shop(contender, folder, gateway) as shop:
                lab.load(bench.tools, shop.port, SEVERAL, 0, 1)
                shop.kill()
            with start_shop(contender, folder, gateway) as shop:
                listening = time.perf_counter() - shop.begun
                status = lab.post_one(shop.port, f"first-{time.time_ns()}")
                first = time.perf_counter() - shop.begun
                peak = lab.peak_bytes(shop.pid)
                shop.stop()
        if status != 201:
            raise lab.Trouble(f"the first order was answered {status}")
        return {"first_201_ms": first * 1000, "listening_ms": listening * 1000, "peak_bytes": peak,
                "db_bytes": (folder / "shop.db").stat().st_size}


class Backlog:
    """Receipts that wait when it starts; from then on until the slow mail server has them all. Peers get fewer: 64 senders take long."""
    title = f"backlog of receipts, e-mail {MAIL_MS} ms"
    SHARE = 8

    def measure(self, bench, contender):
        n = bench.backlog if contender.is_prong else bench.backlog // self.SHARE
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(fresh_folder(bench))
            fill(bench, contender, folder, n, contender.READY)
            sink = stack.enter_context(lab.start_sink(bench.tools, folder, MAIL_MS))
            gateway = stack.enter_context(lab.start_gateway(bench.tools, folder, 0))
            shop = stack.enter_context(start_shop(contender, folder, gateway, sink))
            while (counts := lab.sink_counts(sink.port))[0] < n:
                if time.perf_counter() - shop.begun > WAIT_S:
                    raise lab.Trouble(f"{counts[0]} of {n} receipts after {WAIT_S} s: {shop.said()}")
                time.sleep(0.02)
            took = time.perf_counter() - shop.begun + MAIL_MS / 1000     # the last is answered so much later
            cpu = lab.cpu_s(shop.pid)
            shop.stop()
        return {"mails_s": n / took, "mails": n, "mails_at_once": counts[2], "mails_twice": counts[0] - counts[1], "cpu_us": cpu / n * 1e6}


CELLS = {
    "c1": Load(1),
    "c32": Load(32),
    "c256": Load(256),
    "c256-mail": Load(256, mail_ms=MAIL_MS),
    "g200-c256": Load(256, gateway_ms=200),
    "g200-c256-mail": Load(256, gateway_ms=200, mail_ms=MAIL_MS),
    "g200-c4096": Load(4096, gateway_ms=200),
    "restart": Restart(),
    "backlog": Backlog(),
}
