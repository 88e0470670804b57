"""Who takes part: how each is found or built, started, and what its database says."""
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GO_SOURCES = "/usr/share/gocode"


class Missing(Exception):
    """Why a contender cannot take part."""


def run_or_missing(words, **more):
    try:
        done = subprocess.run([os.fspath(word) for word in words], capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL,
                              **more)
    except (OSError, subprocess.TimeoutExpired) as why:
        raise Missing(f"{words[0]}: {why}") from None
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "nothing was said").splitlines()
        raise Missing(f"{words[0]} ended with status {done.returncode}: {lines[-1]}")
    return done.stdout.strip()


def need(note, *packages):
    """Installs Debian packages, each a name and what for, as ./try does, saying so."""
    words = [word for package in packages for word in package]
    note()
    done = subprocess.run(["sh", "-c", '. packaging/need.sh; need "$@"', "need", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=sys.stderr)
    if done.returncode:
        raise Missing("not installed: " + ", ".join(words[::2]))


def build_c(cache, name, *options):
    """A small C program of this folder."""
    made = cache / name.replace(".c", ".so" if "-shared" in options else "")
    run_or_missing(["cc", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", *options, "-o", made, HERE / name])
    return made


def build_go(cache, note, name, *options):
    """A small Go program of this folder, from Debian's packages alone."""
    if not shutil.which("go"):
        need(note, ("golang-go", "the peer in Go and the slow mail server"))
    if not os.path.isdir(GO_SOURCES + "/src/github.com/mattn/go-sqlite3"):
        need(note, ("golang-github-mattn-go-sqlite3-dev", "the Go peer's way to SQLite"), ("libsqlite3-dev", "the Go peer's SQLite"))
    made = cache / f"shop-{name}"
    run_or_missing(["go", "build", *options, "-o", made, "."], cwd=HERE / name,
                   env={**os.environ, "GO111MODULE": "off", "GOPATH": GO_SOURCES})
    return made


def node_modules(cache, note):
    """The folder in which what node/package-lock.json says is installed; and compiled, as ready-made binaries cannot be had everywhere."""
    if not shutil.which("node"):
        need(note, ("nodejs", "the peer in Node"))
    if not shutil.which("npm"):
        need(note, ("npm", "the Node peer's SQLite"))
    if not os.path.isfile("/usr/include/node/node.h"):
        need(note, ("libnode-dev", "to compile the Node peer's SQLite"), ("g++", "likewise"), ("make", "likewise"))
    folder, version = cache / "npm-shop", run_or_missing(["node", "--version"])
    stamp, wanted = folder / "installed", (HERE / "node/package-lock.json").read_text() + version
    if stamp.is_file() and stamp.read_text() == wanted:
        return folder
    note("compiling better-sqlite3: a minute")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in "package.json", "package-lock.json":
        shutil.copy(HERE / "node" / file, folder)
    run_or_missing(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"], cwd=folder)
    run_or_missing(["npm", "rebuild", "better-sqlite3", "--build-from-source", "--nodedir=/usr"], cwd=folder)
    stamp.write_text(wanted)
    return folder


@dataclass
class Setting:
    """What a server is started with. mail: "HOST:PORT"; None: receipts stay in the outbox."""
    db: Path
    gateway: str
    mail: str = None


# Numbers from 1 to how many.
SERIES = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :n)"


class Contender:
    name = None
    is_prong = False
    what = ""           # in a few words
    counts = {}         # what: SQL that counts it
    intents = ""        # SQL: the gateway's names of all charges in the database
    fills = ()          # SQL that adds :n paid orders, whose receipts are in state :receipt at :ms
    READY, SENT = 1, 4

    def command(self, setting):
        """The words that start it."""
        raise NotImplementedError


class Prong(Contender):
    is_prong = True
    what = "commits before and after the charge"
    counts = {"orders": "SELECT count(*) FROM orders", "paid": "SELECT count(*) FROM orders WHERE state = 2",
              "receipts": "SELECT count(*) FROM outbox"}
    intents = "SELECT intent FROM answers WHERE status = 201"
    fills = (
        f"INSERT INTO orders (token, state, created_ms, total_cents, currency, key, body_hash, charge_key, email, method, note, name, "
        f"street, city, postcode, country) {SERIES} SELECT randomblob(16), 2, :ms, 5970, 'eur', 'filled-' || i, randomblob(16), "
        "randomblob(16), 'customer-' || i || '@example.org', 'pm_card_visa', '', '', '', '', '', '' FROM n",
        "INSERT INTO order_lines SELECT o.id, l.line, l.line + 1, l.line + 1, 1990, 0 FROM orders o, "
        "(SELECT 0 AS line UNION ALL SELECT 1) l WHERE o.key LIKE 'filled-%'",
        "INSERT INTO answers SELECT id, 201, printf('{\"order\":{\"token\":\"%s\",\"state\":\"paid\",\"total_cents\":5970}}', "
        "substr(hex(token), 1, 22)), 'pi_filled' || id FROM orders WHERE key LIKE 'filled-%'",
        "INSERT INTO outbox SELECT id, 1, :receipt, 0, 0, :ms, :ms, randomblob(16), '' FROM orders WHERE key LIKE 'filled-%'")

    def __init__(self, program, key_file):
        self.program, self.key_file, self.name = program, key_file, "prong-shop"
        self.version = run_or_missing([program, "--version"]).splitlines()[0]

    def command(self, setting):
        words = [self.program, "serve", "--listen", "127.0.0.1:0", "--db", setting.db, "--gateway", setting.gateway,
                 "--gateway-key-file", self.key_file, "--log", "error"]
        if setting.mail:
            return words + ["--mail", f"smtp://{setting.mail}"]
        # It cannot do without: a folder, and as few as can be asked for.
        return words + ["--mail", setting.db.parent / "mails", "--mails-per-second", "1"]


class Peer(Contender):
    counts = Prong.counts
    intents = "SELECT intent FROM payments"
    fills = (
        f"INSERT INTO orders (token, state, created_ms, total_cents, currency, key, body_hash, charge_key, email, method) {SERIES} "
        "SELECT substr(hex(randomblob(16)), 1, 22), 2, :ms, 5970, 'eur', 'filled-' || i, randomblob(16), hex(randomblob(16)), "
        "'customer-' || i || '@example.org', 'pm_card_visa' FROM n",
        "INSERT INTO order_lines SELECT o.id, l.line, 'TSHIRT-RED-M', l.line + 1, 1990 FROM orders o, "
        "(SELECT 0 AS line UNION ALL SELECT 1) l WHERE o.key LIKE 'filled-%'",
        "INSERT INTO payments SELECT id, 'pi_filled' || id, 201, "
        "printf('{\"order\":{\"token\":\"%s\",\"state\":\"paid\",\"total_cents\":5970}}', "
        "token) FROM orders WHERE key LIKE 'filled-%'",
        "INSERT INTO outbox SELECT id, :receipt, :ms FROM orders WHERE key LIKE 'filled-%'")

    def __init__(self, commits):
        self.commits = commits
        self.what = ("one commit, after the charge", "commits before and after the charge")[commits - 1]

    def words(self):
        raise NotImplementedError

    def command(self, setting):
        return [*self.words(), "--db", setting.db, "--gateway", setting.gateway, "--commits", str(self.commits)] + \
            (["--mail", setting.mail] if setting.mail else [])


class Go(Peer):
    def __init__(self, commits, cache, note):
        super().__init__(commits)
        self.name = "go" if commits == 1 else "go-2"
        self.program = build_go(cache, note, "go", "-tags", "libsqlite3")
        self.version = run_or_missing(["go", "version"]).removeprefix("go version ") + ", net/http, mattn/go-sqlite3"

    def words(self):
        return [self.program]


class Node(Peer):
    def __init__(self, commits, cache, note):
        super().__init__(commits)
        self.name = "node" if commits == 1 else "node-2"
        self.folder = node_modules(cache, note)
        package = json.loads((self.folder / "node_modules/better-sqlite3/package.json").read_text())
        self.version = f"Node.js {run_or_missing(['node', '--version'])}, node:http, better-sqlite3 {package['version']}"

    def words(self):
        return ["node", HERE / "node/shop.cjs", self.folder]


PEERS = {"go": (Go, 1), "go-2": (Go, 2), "node": (Node, 1), "node-2": (Node, 2)}
NAMES = ["prong-shop", *PEERS]


def find_all(names, prong, key_file, cache, note):
    """Those that can take part, and {name: why not} of the others."""
    found, missing = [], {}
    for name in names:
        note(f"looking for {name}")
        try:
            if name == "prong-shop":
                found.append(Prong(prong, key_file))
            else:
                kind, commits = PEERS[name]
                found.append(kind(commits, cache, note))
        except Missing as why:
            missing[name] = str(why)
    return found, missing


