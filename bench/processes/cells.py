"""What is measured: a cell is a table; each of its rows is a contender, each column a placement, a size, or what the owner holds.

A run of one row in one column gives a dictionary of figures (see the programs). `reference` rows are no peers: limits, floors, parts.
"""
from dataclasses import dataclass, field

IDLE_US = 1000
PLACES = {
    "two": ("two CPUs", "two", 0), "one": ("one CPU", "one", 0), "free": ("free", "free", 0),
    "two-idle": ("two, idle", "two", IDLE_US), "one-idle": ("one, idle", "one", IDLE_US), "free-idle": ("free, idle", "free", IDLE_US),
}
KIB, MIB = 1 << 10, 1 << 20
WINDOW = 64


@dataclass
class Row:
    name: str
    program: str                # of lab.PROGRAMS, or "python", "loky"
    words: callable             # (args, column): its arguments, or None: not in this column
    is_prong: bool = False
    is_reference: bool = False


@dataclass
class Cell:
    title: str
    columns: dict               # key: head of the column
    rows: list
    figures: dict = field(default_factory=lambda: {"ns": ""})     # figure: what to add to the head of its column
    unit: str = "us"
    prong: str = "prong"        # the row that the others are compared with

    def row(self, name):
        return next(row for row in self.rows if row.name == name)


# ---- round trips of a payload ----------------------------------------------------------------------------------------------


def echo_row(name, program, way, size=None, most=None, **more):
    """`size`: of all columns, which are placements then; else columns are sizes, on two CPUs."""
    def words(args, column):
        _, place, pause_us = PLACES[column if size else "two"]
        n = size or int(column)
        if most and n > most:
            return None
        if program in ("python", "loky"):       # places nothing: it counts as free
            return [way, "echo", n, pause_us, args.seconds] if place == "free" or not size else None
        return [way, n, place, pause_us, args.seconds]      # MPI's has the same order: its way is "echo"
    return Row(name, program, words, **more)


def python_rows(make):
    return [make("Python ProcessPoolExecutor", "python", "executor"), make("Python multiprocessing.Pool", "python", "pool"),
            make("joblib loky", "loky", "loky")]


def round_trips():
    def row(name, program, way, **more):
        return echo_row(name, program, way, size=64, **more)
    return Cell("a record of 64 bytes there and back", {key: head for key, (head, _, _) in PLACES.items()}, [
        row("prong", "prong_echo", "record", is_prong=True),
        row("shm copy in/out, spin", "pair", "copy-spin", is_reference=True),
        row("shm copy in/out, futex", "pair", "copy-futex", is_reference=True),
        row("shm, spin 20 us then futex", "pair", "copy-spin-futex"),
        row("shm, eventfd", "pair", "copy-eventfd"),
        row("pipe", "pair", "pipe"),
        row("unix stream", "pair", "stream"),
        row("unix seqpacket", "pair", "seqpacket"),
        row("Open MPI, 2 ranks", "mpi-openmpi", "echo"),
        row("MPICH, 2 ranks", "mpi-mpich", "echo"),
        *python_rows(row),
    ])


# ---- empty tasks -----------------------------------------------------------------------------------------------------------


def empty_row(name, program, way, **more):
    def words(args, column):
        place = PLACES[column][1]
        if program in ("python", "loky"):
            return [way, "empty", WINDOW, args.seconds]
        if program.startswith("mpi"):
            return [way, WINDOW, place, args.seconds]
        return [way, place, args.seconds]
    return Row(name, program, words, **more)


def empty_runs():
    return Cell("empty tasks to one worker, many at a time: ns each", {"two": "two CPUs"}, [
        empty_row("prong, futures, window 64", "prong_empty", f"window-{WINDOW}", is_prong=True),
        empty_row("prong, futures, window 32", "prong_empty", "window-32", is_prong=True),
        empty_row("prong, futures, batches of 64", "prong_empty", f"batch-{WINDOW}", is_prong=True),
        empty_row("prong, group, batches of 1024", "prong_empty", "group-1024", is_prong=True),
        empty_row("prong/link.h, batches of 64", "prong_empty", f"link-{WINDOW}", is_prong=True),
        empty_row("plain ring, batches of 64", "ring", f"plain-{WINDOW}", is_reference=True),
        empty_row("plain ring, window 64", "ring", f"window-{WINDOW}", is_reference=True),
        empty_row("ring, cached counters, batches of 64", "ring", f"cached-{WINDOW}", is_reference=True),
        empty_row("prefork, pipes, window 32", "ring", "pipe-32"),
        empty_row("prefork, unix stream, window 32", "ring", "stream-32"),
        empty_row("Open MPI, batches of 64", "mpi-openmpi", "empty"),
        empty_row("MPICH, batches of 64", "mpi-mpich", "empty"),
        *python_rows(empty_row),
    ], unit="ns", prong="prong, futures, window 64")


# ---- sizes -----------------------------------------------------------------------------------------------------------------


def sizes():
    def row(name, program, way, **more):
        return echo_row(name, program, way, **more)

    def reference(name, way):
        return echo_row(name, "pair", way, is_reference=True)
    return Cell("a payload there and back, on two CPUs", {str(4 * KIB): "4 KiB", str(MIB): "1 MiB", str(64 * MIB): "64 MiB"}, [
        row("prong, record, copied", "prong_echo", "record", is_prong=True),
        row("prong, heap in, output back", "prong_echo", "output", is_prong=True),
        row("prong, shared heap, untouched", "prong_echo", "heap", is_prong=True),
        row("prong, shared heap, lines touched", "prong_echo", "heap-lines", is_prong=True),
        reference("one memcpy, private", "memcpy"),
        reference("shm copied once each way, spin", "once-spin"),
        reference("shm copy in/out, spin", "copy-spin"),
        reference("shm copy in/out, futex", "copy-futex"),
        reference("shm handed over, untouched, spin", "pass-spin"),
        reference("shm in place, lines touched, spin", "lines-spin"),
        row("process_vm_readv/writev, spin", "pair", "vm-spin"),
        row("pipe", "pair", "pipe"),
        row("unix stream", "pair", "stream"),
        row("unix seqpacket", "pair", "seqpacket", most=4 * KIB),
        row("Open MPI, 2 ranks", "mpi-openmpi", "echo"),
        row("MPICH, 2 ranks", "mpi-mpich", "echo"),
        *python_rows(row),
    ], prong="prong, record, copied")


# ---- starts, crashes, memory -----------------------------------------------------------------------------------------------


SMALL_MB = 10
CRASHES_PER_S, CRASH_PAUSE_US = 400, 5000       # per second of a measurement; the pause lets a spare get ready


def starts():
    def row(name, program, *way, **more):
        return Row(name, program, lambda args, column: [*way, SMALL_MB if column == "small" else args.big_mb, args.seconds], **more)
    return Cell("a process starts, does nothing, has ended", {"small": f"owner holds {SMALL_MB} MB", "big": "much (--big-mb)"}, [
        row("prong, solo", "prong_start", "solo", is_prong=True),
        row("prong, pool of one", "prong_start", "pool", is_prong=True),
        row("prong, pool of one, a run", "prong_start", "pool-run", is_prong=True),
        row("own zygote", "start", "zygote", is_reference=True),
        row("fork, wait", "start", "fork"),
        row("vfork, exec static, wait", "start", "vfork-exec"),
        row("posix_spawn static, wait", "start", "posix-spawn"),
        row("pthread_create, join", "start", "thread"),
        row("Python Process, fork", "python", "fork", "start"),
    ], prong="prong, solo")


def crashes():
    def words(args, share=1):
        return max(5, round(args.seconds * CRASHES_PER_S * share))
    figures = {"end_ns": "end seen", "end_p99_ns": "p99", "begin_ns": "next begins", "begin_p99_ns": "p99",
               "seen_to_begin_ns": "seen to begin", "seen_to_begin_p99_ns": "p99"}
    return Cell("from a worker's death to its future's end, and to the begin of the next run", {"all": ""}, [
        Row("prong", "prong_crash", lambda args, _: [words(args), CRASH_PAUSE_US], is_prong=True),
        Row("fork, pidfd, pipe to a spare", "crash", lambda args, _: [words(args), CRASH_PAUSE_US], is_reference=True),
        Row("Python BrokenProcessPool", "python", lambda args, _: ["executor", "crash", words(args, 0.1)]),
    ], figures)


def memory():
    figures = {"private_kb": "its own", "pss_kb": "with its share", "tables_kb": "page tables"}
    return Cell("memory of an idle worker that has run one task", {"all": ""}, [
        Row("prong", "prong_idle", lambda args, _: [], is_prong=True),
        Row("forked C process", "idle", lambda args, _: [], is_reference=True),
        Row("Python Pool's, forked", "python", lambda args, _: ["fork", "idle"]),
    ], figures, unit="KiB")


CELLS = {"rtt-64": round_trips(), "empty": empty_runs(), "sizes": sizes(), "start": starts(), "crash": crashes(), "idle": memory()}
