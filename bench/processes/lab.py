"""Programs of this folder: what they need is installed, they are compiled, run, and what they say is read."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wcast-qual", "-Wvla", "-Wformat=2", "-Wstrict-prototypes", "-Wmissing-prototypes"]
COMPILE = ["-D_GNU_SOURCE", "-std=gnu11", "-O2", *WARNINGS]
RUN_LIMIT_S = 180
PYTHON = "/usr/bin/python3"         # Debian's, which has Debian's joblib

# compiler: (file that shows that it is there, package, what for)
PACKAGES = {
    "cc": [("gcc", "gcc", "compiles all programs")],
    "mpicc.openmpi": [("mpicc.openmpi", "libopenmpi-dev", "the Open MPI peer"), ("mpirun.openmpi", "openmpi-bin", "starts it")],
    "mpicc.mpich": [("mpicc.mpich", "libmpich-dev", "the MPICH peer"), ("mpirun.mpich", "mpich", "starts it")],
    "python": [(PYTHON, "python3", "Python's pools")],
    "loky": [("/usr/lib/python3/dist-packages/joblib", "python3-joblib", "its pool of processes, loky")],
}

# program: (compiler, sources)
PROGRAMS = {
    "prong_echo": ("prong", ["prong_echo.c"]),
    "prong_empty": ("prong", ["prong_empty.c"]),
    "prong_start": ("prong", ["prong_start.c"]),
    "prong_crash": ("prong", ["prong_crash.c"]),
    "prong_idle": ("prong", ["prong_idle.c"]),
    "pair": ("cc", ["pair.c", "shm.c", "fds.c"]),
    "ring": ("cc", ["ring.c"]),
    "start": ("cc", ["start.c"]),
    "crash": ("cc", ["crash.c"]),
    "idle": ("cc", ["idle.c"]),
    "mpi-openmpi": ("mpicc.openmpi", ["mpi.c"]),
    "mpi-mpich": ("mpicc.mpich", ["mpi.c"]),
}


class Missing(Exception):
    """Why a contender cannot take part."""


class Trouble(Exception):
    """Why a run has no figures."""


# ---- what is needed --------------------------------------------------------------------------------------------------------


def need(what):
    """Installs the Debian packages that are missing, as ./try does, saying so."""
    missing = [(package, use) for file, package, use in PACKAGES[what] if not shutil.which(file) and not os.path.exists(file)]
    words = [word for pair in missing for word in pair]
    if not words:
        return
    done = subprocess.run(["sh", "-c", '. packaging/need.sh; need "$@"', "need", *words], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=sys.stderr)
    if done.returncode:
        raise Missing("not installed: " + ", ".join(words[::2]))


def compile_program(name, build, folder):
    compiler, sources = PROGRAMS[name]
    libraries = []
    if compiler == "prong":
        compiler, library = "cc", build / "src"
        libraries = ["-I", ROOT / "include", "-L", library, "-lprong", f"-Wl,-rpath,{library}"]
    need(compiler)
    compile_c([compiler, *COMPILE, "-o", folder / name, *(HERE / source for source in sources), HERE / "bench.c", "-pthread", *libraries])
    if name == "start":         # which executes it
        compile_c([compiler, *COMPILE, "-static", "-o", folder / "nothing", HERE / "nothing.c"])


def compile_c(words):
    done = subprocess.run([os.fspath(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Missing(f"it does not compile: {(done.stderr.strip().splitlines() or ['nothing was said'])[0]}")


class Tools:
    """What is built from this folder, for one run of the benchmark: nothing is kept that could be of another day."""
    def __init__(self, build, folder, names, note):
        self.folder, self.missing = folder, {}
        for name in names:
            note(f"building {name}")
            try:
                if name in PROGRAMS:
                    compile_program(name, build, folder)
                else:
                    need(name)
            except Missing as why:
                self.missing[name] = str(why)

    def words(self, program, *args):
        args = [str(arg) for arg in args]
        if program in ("python", "loky"):
            return [PYTHON, str(HERE / "pools.py"), *args]
        path = str(self.folder / program)
        if program == "mpi-openmpi":
            return ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n", "2", path, *args]
        if program == "mpi-mpich":
            return ["mpirun.mpich", "-bind-to", "none", "-n", "2", path, *args]
        return [path, *args]


# ---- running ---------------------------------------------------------------------------------------------------------------


def run(words):
    """What the program says of itself; it and all that it has started in its session are gone then."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, env={**os.environ, "LC_ALL": "C"})
    try:
        out, err = process.communicate(timeout=RUN_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise Trouble(f"not ended after {RUN_LIMIT_S} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if process.returncode:
        raise Trouble(f"status {process.returncode}: {(err.strip().splitlines() or ['nothing was said'])[0]}")
    try:
        return json.loads(out)
    except ValueError:
        raise Trouble(f"said {out[:80]!r}") from None
