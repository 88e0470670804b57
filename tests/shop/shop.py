"""What the tests of prong-shop from outside have in common: a house (gateway, shop, where the receipts go) in a folder of its own,
customers, and the oracle, which compares what all of them know.

    with House(program, folder, mail="smtp") as house:
        house.open()
        answer = Client(house.address).order(wish("ann@example.org"), "key-1")
        house.kill(); house.open(); house.settle()
        house.judge().assert_clean()

Nothing here waits for time to pass: until() looks for a condition, and its deadline is for what is broken only.
"""
import base64
import contextlib
import email
import email.policy
import http.client
import importlib.util
import json
import os
import random
import select
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tap import Skip  # noqa: E402  (the folder above has it)

DEADLINE_S = float(os.environ.get("SHOP_TEST_DEADLINE", 90))    # for what takes a moment: passed by what is broken, or a very busy machine
SINK = Path(__file__).with_name("smtp_sink.py")
DEBIANS_PYTHON = "/usr/bin/python3"


def until(condition, what, seconds=DEADLINE_S, every=0.01):
    """The first true result of condition(); `what` (a text, or a function that makes one) is told where none comes."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what() if callable(what) else what}"
        time.sleep(every)
    return result


def python_with(module):
    """A Python that has it: Debian's has Debian's packages, and another may come first in PATH."""
    if importlib.util.find_spec(module):
        return sys.executable
    look = [DEBIANS_PYTHON, "-c", f"import {module}"]
    if os.access(DEBIANS_PYTHON, os.X_OK) and subprocess.run(look, stderr=subprocess.DEVNULL).returncode == 0:
        return DEBIANS_PYTHON
    raise Skip(f"no {module} for Python (Debian: python3-{module})")


# ---- programs --------------------------------------------------------------------------------------------------------------


class NotStarted(Exception):
    def __init__(self, status, said):
        super().__init__(f"ended with status {status}: {said}")
        self.status, self.said = status, said


class Started:
    """A program that has told where it listens; what it says on standard error is added to `log`. Whatever it starts bears its mark."""

    def __init__(self, words, log, env=None):
        self.mark, self.log = uuid.uuid4().hex, Path(log)
        with open(self.log, "ab") as err:
            self.begin = err.tell()
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err,
                                            env={**os.environ, **(env or {}), "SHOP_TEST_MARK": self.mark})
        self.pid = self.process.pid
        try:
            self.line = self.first_line()
        except BaseException:
            self.kill()
            raise

    def first_line(self):
        line, end = b"", time.monotonic() + DEADLINE_S
        fd = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
            assert ready, f"does not say where it listens; {self.said()}"
            piece = os.read(fd, 4096)
            if not piece:
                raise NotStarted(self.process.wait(), self.said())
            line += piece
        self.ready_s = time.monotonic()
        assert b"listening on" in line, line
        return line.decode().strip()

    def said(self):
        with open(self.log, "rb") as file:
            file.seek(self.begin)
            return file.read().decode(errors="replace")

    def wait(self, seconds=DEADLINE_S):
        """Its exit status; of a signal the negative number."""
        status = self.process.wait(seconds)
        self.process.stdout.close()
        return status

    def is_running(self):
        return self.process.poll() is None

    def kill(self, number=signal.SIGKILL):
        if self.is_running():
            self.process.send_signal(number)
        return self.wait()

    def others(self):
        """The processes that it has started, and these: by their mark."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != self.pid:
                with contextlib.suppress(OSError):
                    if self.mark.encode() in Path(f"/proc/{name}/environ").read_bytes():
                        found.append(int(name))
        return found


def address_of(line):
    return line.rsplit("/", 1)[-1].split()[-1]


class Gateway(Started):
    """`prong-shop gateway`: open(), and reopen() at the same port with the same ledger after kill()."""

    def __init__(self, program, folder, behave="", delay_ms=0, port=0):
        self.program, self.folder, self.ledger = program, Path(folder), Path(folder) / "ledger.jsonl"
        words = [program, "gateway", "--listen", f"127.0.0.1:{port}", "--ledger", self.ledger, "--delay-ms", delay_ms]
        super().__init__(words + (["--behave", behave] if behave else []), self.folder / "gateway.log")
        self.address = address_of(self.line)
        self.url = f"http://{self.address}"

    def reopen(self):
        return Gateway(self.program, self.folder, port=self.address.split(":")[1])

    def behave(self, text="", delay_ms=0):
        answer = Client(self.address).ask("POST", "/stand-in/behave", f"behave={text}&delay_ms={delay_ms}",
                                          {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 200, answer

    def events(self, event="charge"):
        if not self.ledger.exists():
            return []
        return [one for one in map(json.loads, self.ledger.read_text().splitlines()) if one["event"] == event]


class Sink(Started):
    """The mail server of smtp_sink.py."""

    def __init__(self, folder, behave="accept", port=0):
        self.folder, self.taken = Path(folder), Path(folder) / "mail.jsonl"
        super().__init__([python_with("aiosmtpd"), SINK, "--port", port, "--log", self.taken, "--behave", behave], self.folder / "sink.log")
        words = self.line.split()
        self.address, self.control = words[2], words[4]
        self.url = f"smtp://{self.address}"

    def reopen(self):
        return Sink(self.folder, port=self.address.split(":")[1])

    def tell(self, line):
        host, port = self.control.split(":")
        with socket.create_connection((host, int(port)), DEADLINE_S) as link, link.makefile("rw") as file:
            file.write(line + "\n")
            file.flush()
            return file.readline().strip()

    def behave(self, rules="accept"):
        said = self.tell(f"behave {rules}")
        assert said == "ok", said

    def mails(self):
        """(address, Message-ID) of each that was taken, in order."""
        if not self.taken.exists():
            return []
        found = [json.loads(line) for line in self.taken.read_text().splitlines()]
        return [(one["to"][0], one["message_id"]) for one in found]


def mails_in(folder):
    """The same of a folder of .eml files."""
    found = []
    for path in sorted(Path(folder).rglob("*.eml")) if Path(folder).is_dir() else []:
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found.append((mail["To"].addresses[0].addr_spec, mail["Message-ID"].strip()))
    return found


# ---- asking it -------------------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    headers: object
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]

    @property
    def token(self):
        return self.json["order"]["token"]


class Client:
    """One connection that is kept, and opened anew where it has broken."""

    def __init__(self, address, seconds=DEADLINE_S):
        host, port = address.rsplit(":", 1)
        self.link = http.client.HTTPConnection(host, int(port), timeout=seconds)

    def ask(self, method, path, body=None, headers=None):
        try:
            self.link.request(method, path, body, headers or {})
            answer = self.link.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            self.link.close()
            raise

    def get(self, path, accept="application/json"):
        return self.ask("GET", path, headers={"Accept": accept})

    def order(self, wanted, key):
        return self.ask("POST", "/orders", json.dumps(wanted), {"Content-Type": "application/json", "Idempotency-Key": key})

    def close(self):
        self.link.close()


GONE = (OSError, http.client.HTTPException)     # how it shows that the server was killed


def wish(to, sku="TSHIRT-RED-M", qty=1, method="pm_card_visa", **more):
    return {"email": to, "payment_method": method, "items": [{"sku": sku, "qty": qty}], **more}


# ---- what the database knows -----------------------------------------------------------------------------------------------


def token_text(blob):
    return base64.urlsafe_b64encode(blob).decode().rstrip("=")


@contextlib.contextmanager
def reading(path, is_live):
    """A connection for reading. Of a server that is dead a copy is read: the first to open the file would do the next server's recovery."""
    path = Path(path)
    if is_live:
        base, folder = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=DEADLINE_S), None
    else:
        folder = path.parent / f"copy-{uuid.uuid4().hex}"
        folder.mkdir()
        for end in ("", "-wal"):
            if path.with_name(path.name + end).exists():
                shutil.copy(path.with_name(path.name + end), folder / f"db{end}")
        base = sqlite3.connect(folder / "db")
    try:
        yield base
    finally:
        base.close()
        if folder:
            shutil.rmtree(folder)


class Order(NamedTuple):
    id: int
    token: str
    key: str
    charge_key: str
    email: str
    state: str
    intent: str
    receipt: str
    attempt: int
    status: int
    body: bytes


STATES = {1: "charging", 2: "paid", 3: "declined", 4: "cancelled", 5: "review"}
RECEIPTS = {None: "none", 0: "none", 1: "ready", 2: "leased", 3: "handed", 4: "sent", 5: "uncertain", 6: "dead"}
SQL = """SELECT o.id, o.token, o.key, o.charge_key, o.email, o.state, a.intent, r.state, r.attempt, a.status, a.body
         FROM orders o LEFT JOIN answers a ON a.order_id = o.id LEFT JOIN outbox r ON r.order_id = o.id AND r.kind = 1 ORDER BY o.id"""
UNSETTLED = """SELECT id FROM orders WHERE state IN (1, 5) AND state = 1
               UNION SELECT order_id FROM outbox WHERE state <> 4 AND state IN (1, 2, 3)"""


def orders_in(path, is_live):
    with reading(path, is_live) as base:
        rows = base.execute(SQL).fetchall()
    return [Order(row[0], token_text(row[1]), row[2], token_text(row[3]), row[4], STATES[row[5]], row[6] or "", RECEIPTS[row[7]],
                  row[8] or 0, row[9] or 0, row[10] or b"") for row in rows]


# ---- the house -------------------------------------------------------------------------------------------------------------


class Answers:
    """What customers were told, by key: whoever asks again must get the same bytes."""

    def __init__(self):
        self.lock, self.by_key, self.other, self.repeated = threading.Lock(), {}, [], 0

    def add(self, key, answer):
        if answer.status not in (201, 402):
            return
        with self.lock:
            first = self.by_key.setdefault(key, answer)
            self.repeated += first is not answer
            if (first.status, first.body) != (answer.status, answer.body):
                self.other.append(f"{key}: first {first.status} {first.body!r}, then {answer.status} {answer.body!r}")

    def paid(self):
        with self.lock:
            return {key: answer for key, answer in self.by_key.items() if answer.status == 201}


class House:
    """Gateway, shop and mail of one database. `options` go to every server, `gateway` are arguments of Gateway()."""

    def __init__(self, program, folder, mail="dir", uncertain="once", options=(), gateway=None):
        self.program, self.folder, self.uncertain = program, Path(folder), uncertain
        self.options, self.shop = list(options), None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.db, self.maildir = self.folder / "shop.db", self.folder / "mails"
        self.answers, self.is_up = Answers(), threading.Event()
        self.gateway, self.sink = Gateway(program, self.folder, **(gateway or {})), None
        try:
            self.sink = Sink(self.folder) if mail == "smtp" else None
        except BaseException:
            self.gateway.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        for one in (self.shop, self.sink, self.gateway):
            if one:
                with contextlib.suppress(Exception):
                    one.kill()

    @property
    def address(self):
        return address_of(self.shop.line)

    def words(self, *options, db=None):
        return [self.program, "serve", "--listen", "127.0.0.1:0", "--db", db or self.db, "--gateway", self.gateway.url, "--mail",
                self.sink.url if self.sink else self.maildir, "--uncertain", self.uncertain, "--mail-backoff-ms", 100,
                *self.options, *options]

    def open(self, *options, fail_at=None, env=None):
        more = {"PRONG_SHOP_FAIL_AT": fail_at} if fail_at else {}
        self.shop = Started(self.words(*options), self.folder / "shop.log", {**(env or {}), **more})
        self.is_up.set()
        return self.shop

    def kill(self):
        """kill -9, of the server alone. What it has started must end by itself: gives for how long that took, in seconds."""
        self.is_up.clear()
        shop = self.shop
        status = shop.kill()
        assert status == -signal.SIGKILL, f"had ended before with status {status}: {shop.said()}"
        begin = time.monotonic()
        until(lambda: not shop.others(), lambda: f"these of a killed server are still there: {shop.others()}", 30)
        return time.monotonic() - begin

    def stop(self, seconds=DEADLINE_S):
        self.is_up.clear()
        if self.shop.is_running():
            self.shop.process.send_signal(signal.SIGTERM)
        return self.shop.wait(seconds)

    def run(self, *words, status=0, db=None):
        """Another command of the program on this database; gives its output."""
        done = subprocess.run([str(word) for word in (self.program, words[0], "--db", db or self.db, *words[1:])], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=DEADLINE_S)
        assert done.returncode == status, done
        return done.stdout.decode()

    # What it knows

    def is_live(self):
        return bool(self.shop) and self.shop.is_running()

    def orders(self):
        return orders_in(self.db, self.is_live())

    def mails(self):
        return self.sink.mails() if self.sink else mails_in(self.maildir)

    def unsettled(self):
        """Ids of orders that are not charged, and of receipts that are on their way."""
        if not self.db.exists():
            return set()
        with reading(self.db, self.is_live()) as base:
            return {row[0] for row in base.execute(UNSETTLED)}

    def settle(self, among=None, seconds=DEADLINE_S):
        """Until all (of these) have settled; gives for how long that took since the server began to listen, in seconds."""
        def left():
            now = self.unsettled()
            return now if among is None else now & among
        until(lambda: not left(), lambda: f"not settled: {sorted(left())[:5]} of {len(left())}; {self.shop.said()[-2000:]}", seconds)
        return time.monotonic() - self.shop.ready_s

    def judge(self):
        return Verdict(self)


# ---- the oracle ------------------------------------------------------------------------------------------------------------

FOUR = ("charges without an order", "orders charged twice", "paid orders without a receipt job", "answered orders missing")
MORE = ("paid orders without a charge", "answers that were not replayed", "receipts neither sent nor listed", "receipts sent twice",
        "receipts under two Message-IDs")


class Verdict:
    """After settle(): what is wrong, by the names above, each a list of descriptions."""

    def __init__(self, house):
        self.wrong = {name: [] for name in FOUR + MORE}
        self.orders = house.orders()
        self.charges = house.gateway.events()
        self.mails = house.mails()
        self.judge_charges({order.id: order for order in self.orders})
        self.judge_answers(house, {order.token: order for order in self.orders})
        self.judge_receipts(house)

    def count(self, name):
        return len(self.wrong[name])

    def judge_charges(self, by_id):
        first = {}
        for charge in self.charges:
            number = int(charge["order"].split("-")[0])         # behind it a part of the key
            order = by_id.get(number)
            if not order or order.state != "paid" or (charge["key"], charge["intent"]) != (order.charge_key, order.intent):
                self.wrong[FOUR[0]].append(f"{charge} of {order}")
            if number in first:
                self.wrong[FOUR[1]].append(f"{first[number]} and {charge}")
            first[number] = charge
        keys = {}
        for order in self.orders:
            if order.state == "paid" and order.id not in first:
                self.wrong["paid orders without a charge"].append(str(order))
            if order.state == "paid" and order.key in keys:
                self.wrong[FOUR[1]].append(f"of one key: {order} and {keys[order.key]}")
            keys[order.key] = order

    def judge_answers(self, house, by_token):
        for key, answer in house.answers.paid().items():
            order = by_token.get(answer.token)
            if not order or order.state != "paid" or order.key != key:
                self.wrong[FOUR[3]].append(f"{key}: {answer.body!r}, in the database {order}")
            elif order.body != answer.body:
                self.wrong["answers that were not replayed"].append(f"{key}: {answer.body!r}, in the database {order}")
        self.wrong["answers that were not replayed"] += house.answers.other

    def judge_receipts(self, house):
        """Each order of the tests has an e-mail address of its own."""
        came = {}
        for to, message_id in self.mails:
            came.setdefault(to, []).append(message_id)
        for order in self.orders:
            ids = came.get(order.email, [])
            if order.state == "paid" and order.receipt == "none":
                self.wrong[FOUR[2]].append(str(order))
            if order.state == "paid" and not (order.receipt in ("uncertain", "dead") or (order.receipt == "sent" and ids)):
                self.wrong["receipts neither sent nor listed"].append(str(order))
            if len(ids) > 1 and house.uncertain != "resend":
                self.wrong["receipts sent twice"].append(f"{order}: {ids}")
            if len(set(ids)) > 1:
                self.wrong["receipts under two Message-IDs"].append(f"{order}: {ids}")
            if ids and order.state != "paid":
                self.wrong["receipts neither sent nor listed"].append(f"a receipt for {order}")

    def assert_clean(self):
        wrong = {name: found[:3] for name, found in self.wrong.items() if found}
        assert not wrong, "\n".join(f"{name}: {self.count(name)}, such as {found}" for name, found in wrong.items())
        return self


# ---- customers -------------------------------------------------------------------------------------------------------------


class Crowd:
    """Customers, a thread each, who order one shirt after the other while the shop comes and goes. Whoever gets no answer asks again
    with the same key, but for some (`leave` of 100) who never do. A few ask once more for what they have been told."""

    def __init__(self, house, n=8, seed=0, leave=10, most=None, methods=("pm_card_visa",)):
        self.house, self.leave, self.most, self.methods = house, leave, most, methods
        self.ending, self.lock, self.wrong = threading.Event(), threading.Lock(), []
        self.placed = self.answered = self.left = 0
        self.name = uuid.UUID(int=random.Random(seed).getrandbits(128)).hex[:8]
        self.threads = [threading.Thread(target=self.live, args=(i, random.Random(f"{seed}/{i}")), daemon=True) for i in range(n)]
        for thread in self.threads:
            thread.start()

    def live(self, number, chance):
        client = None
        try:
            n = 0
            while not self.ending.is_set() and (self.most is None or n < self.most):
                n += 1
                client = self.buy(client, f"{self.name}-{number}-{n}", chance)
        except Exception as error:      # told by end(): a thread cannot fail a test
            self.wrong.append(repr(error))

    def ask(self, client, wanted, key):
        """(client, answer); no answer: None."""
        try:
            client = client or Client(self.house.address)
            return client, client.order(wanted, key)
        except GONE:
            return None, None

    def buy(self, client, key, chance):
        sku, qty, method = chance.choice(("TSHIRT-RED-M", "TSHIRT-BLUE-S")), chance.randint(1, 3), chance.choice(self.methods)
        wanted = wish(f"{key}@example.org", sku, qty, method)
        leaves, asks_twice = chance.randrange(100) < self.leave, chance.randrange(100) < 5
        with self.lock:
            self.placed += 1
        end = time.monotonic() + DEADLINE_S
        while True:
            assert self.house.is_up.wait(DEADLINE_S), "the shop stays away"
            client, answer = self.ask(client, wanted, key)
            if answer:
                self.house.answers.add(key, answer)
                assert answer.status in (201, 402, 409, 503), answer
            if answer and answer.status in (201, 402) and not asks_twice:
                with self.lock:
                    self.answered += 1
                return client
            asks_twice = asks_twice and not (answer and answer.status in (201, 402))
            if not answer and leaves:
                with self.lock:
                    self.left += 1
                return client
            assert time.monotonic() < end, f"{key} gets no answer, the last is {answer}"
            if not answer or answer.status in (409, 503):
                time.sleep(chance.uniform(0.005, 0.05))

    def wait_for(self, n):
        """Until n more have been answered."""
        aim = self.answered + n
        until(lambda: self.answered >= aim or self.wrong, lambda: f"{self.answered} of {aim} answered")
        assert not self.wrong, self.wrong[:3]

    def end(self):
        """No new orders; who has ordered is answered, or has left."""
        self.ending.set()
        for thread in self.threads:
            thread.join(2 * DEADLINE_S)
            assert not thread.is_alive(), "a customer still waits"
        assert not self.wrong, self.wrong[:3]


# ---- what is mapped by the preloaded libraries ---------------------------------------------------------------------------------


class Control:
    """A file of two 64-bit numbers: what a preloaded library is to do, which it reads at every call, and what it tells."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.write_bytes(struct.pack("qq", 0, 0))

    def set(self, value):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("q", value))

    def told(self):
        return struct.unpack("qq", self.path.read_bytes())[1]
