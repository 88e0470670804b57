"""One run of a command, whole process: its time; or, in another run, its memory."""
import contextlib
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

LIMIT_S = 600
STEP_S = 0.002


@dataclass
class Run:
    status: int             # negative: the signal
    seconds: float
    cpu_s: float
    out: str
    err: str
    peak_bytes: int = 0     # of all its processes together; 0: not looked at
    why: str = ""           # it was stopped: why


def start(words, changes, out, err):
    env = {**os.environ, "LC_ALL": "C", **changes}
    return subprocess.Popen([os.fspath(word) for word in words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env,
                            start_new_session=True)


def stop(process):
    """It and all it has started in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_timed(words, changes):
    """Waits in one system call: Popen.wait with a time limit looks every 50 ms, which is too coarse."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, limit():
        begin = time.perf_counter()
        process = start(words, changes, out, err)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            return Run(process.returncode, seconds, usage.ru_utime + usage.ru_stime, text_of(out), text_of(err))
        except TimeoutError:
            return Run(-signal.SIGKILL, LIMIT_S, 0, "", "", why=f"not done after {LIMIT_S} s")
        finally:
            if process.returncode is None:
                stop(process)


@contextlib.contextmanager
def limit():
    def late(*_):
        raise TimeoutError
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def text_of(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace")


# ---- memory ----------------------------------------------------------------------------------------------------------------


def run_for_memory(words, changes, most_bytes):
    """Looks every few milliseconds at the proportional set sizes of all processes of the session; so its time is no measure. It is
    stopped where they take more than most_bytes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin, peak, why = time.perf_counter(), 0, ""
        process = start(words, changes, out, err)
        try:
            while process.poll() is None and not why:
                peak = max(peak, bytes_of(descendants(process.pid)))
                if peak > most_bytes:
                    why = f"took more than {most_bytes >> 30} GiB of memory"
                elif time.perf_counter() - begin > LIMIT_S:
                    why = f"not done after {LIMIT_S} s"
                time.sleep(STEP_S)
        finally:
            if process.poll() is None:
                stop(process)
        return Run(process.returncode, time.perf_counter() - begin, 0, text_of(out), text_of(err), peak, why)


def descendants(root):
    found = [root]
    for pid in found:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                    found += map(int, file.read().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def bytes_of(pids):
    """What is shared by several counts once."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0) << 10
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
    return total
