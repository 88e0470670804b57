"""Who takes part: how each is found, installed, asked for its version, and started for a query."""
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Missing(Exception):
    """Why a contender cannot take part."""


def said_by(*words, **more):
    """The first line that a program prints, or Missing."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **more)
    except (OSError, subprocess.TimeoutExpired) as why:
        raise Missing(f"{words[0]}: {why}") from None
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    if done.returncode or not lines:
        raise Missing(f"{words[0]} ended with status {done.returncode}" + (f": {lines[-1]}" if lines else ""))
    return lines[0]


def program(name, package=None):
    found = shutil.which(name)
    if not found:
        raise Missing(f"no {name} in PATH" + (f" (Debian: {package})" if package else ""))
    return found


def node_modules(cache, name):
    """The folder in which what npm/NAME/package-lock.json says is installed."""
    lock = (HERE / "npm" / name / "package-lock.json").read_bytes()
    folder = cache / f"npm-{name}"
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return folder
    npm = program("npm")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in "package.json", "package-lock.json":
        shutil.copy(HERE / "npm" / name / file, folder)
    # Not `npm ci`: it wants packages of other machines in the lock file that the registry has not got.
    words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("npm error")] or ["npm failed"]
        raise Missing(f"npm could not install it: {errors[0]}")
    stamp.write_bytes(lock)
    return folder


class Contender:
    """One command line for each query and number of workers."""
    name = None
    is_prong = False

    def __init__(self, cache):
        self.version = self.find(cache)

    def find(self, cache):
        """Gives its version, or raises Missing."""
        raise NotImplementedError

    def command(self, query, path, workers):
        """(words, changes of the environment), or Missing where it cannot say the query."""
        raise NotImplementedError


class Prong(Contender):
    is_prong = True

    def __init__(self, binary, engine):
        self.binary, self.engine = binary, engine
        self.name = "prong" if engine == "threads" else f"prong-{engine}"
        self.version = said_by(binary, "--version")

    def command(self, query, path, workers):
        return [self.binary, "records", *query.prong, "--engine", self.engine, "-j", str(workers), "-o", "csv", path], {}


class DuckDB(Contender):
    name = "duckdb"

    def find(self, cache):
        folder = node_modules(cache, "duckdb")
        machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        self.library = folder / f"node_modules/@duckdb/node-bindings-linux-{machine}/libduckdb.so"
        if not self.library.is_file():
            raise Missing(f"its npm package has no library for {machine}")
        # The interpreter that starts soonest: where python3 is a wrapper that looks for one, that would be DuckDB's time.
        self.python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
        version = json.loads((folder / "node_modules/@duckdb/node-api/package.json").read_text())["version"]
        return f"DuckDB {version}, C API"

    def command(self, query, path, workers):
        return [self.python, "-I", "-S", HERE / "duckdb_peer.py", self.library, path, str(workers), query.sql], {}


class Polars(Contender):
    name = "polars"

    def find(self, cache):
        self.node = program("node", "nodejs")
        self.folder = node_modules(cache, "polars")
        version = said_by(self.node, "-p", "require('nodejs-polars').version", cwd=self.folder)
        package = json.loads((self.folder / "node_modules/nodejs-polars/package.json").read_text())["version"]
        return f"Polars {version.strip()} (nodejs-polars {package}, Node.js {said_by(self.node, '--version')})"

    def command(self, query, path, workers):
        return [self.node, HERE / "polars_peer.cjs", self.folder, path, query.polars], {"POLARS_MAX_THREADS": str(workers)}


class DataTable(Contender):
    name = "data.table"

    def find(self, cache):
        self.script = program("Rscript", "r-cran-data.table")
        version = said_by(self.script, "--vanilla", "-e", "cat(format(packageVersion('data.table')))")
        return f"data.table {version}, {said_by(self.script, '--version')}"

    def command(self, query, path, workers):
        return [self.script, "--vanilla", HERE / "data_table_peer.R", path, str(workers), ",".join(query.columns), query.data_table], \
            {"OMP_NUM_THREADS": str(workers)}


class Miller(Contender):
    name = "miller"

    def find(self, cache):
        self.mlr = program("mlr", "miller")
        return said_by(self.mlr, "--version")

    def command(self, query, path, workers):
        if query.miller is None:
            raise Missing(query.why_no_miller)
        return [self.mlr, "--icsv", "--ocsv", *query.miller, path], {"GOMAXPROCS": str(workers)}


class Pool(Contender):
    name = "python"

    def find(self, cache):
        if sys.version_info < (3, 10):
            raise Missing("it takes Python 3.10")
        return f"Python {platform.python_version()}, csv and multiprocessing.Pool"

    def command(self, query, path, workers):
        return [sys.executable, HERE / "pool.py", path, str(workers), query.name], {}


PEERS = [DuckDB, Polars, DataTable, Miller, Pool]
PEER_NAMES = [peer.name for peer in PEERS]


def find_all(binary, engines, peer_names, cache, note):
    """Those that can take part; and {name: why not} of the others."""
    found, missing = [], {}
    for engine in engines if binary else []:
        found.append(Prong(binary, engine))
    for peer in PEERS:
        if peer.name not in peer_names:
            continue
        note(f"looking for {peer.name}")
        try:
            found.append(peer(cache))
        except (Missing, OSError, subprocess.SubprocessError) as why:
            missing[peer.name] = str(why)
    return found, missing
