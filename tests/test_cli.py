#!/usr/bin/env python3
"""The command line of `prong`: help, manual pages, completions in real shells, what is said of wrong words, and the doctor.

    python3 tests/test_cli.py BUILD/cmd/prong

Prints TAP.
"""
import contextlib
import json
import math
import os
import pty
import re
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tap
from tap import Skip, case

COMMANDS = ["compare", "records", "doctor"]
HANG_S = 60


class Prong:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}

    def start(self, words, prefix=(), **more):
        done = subprocess.run([*prefix, self.binary, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=HANG_S, **{"env": self.env, **more})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def run(self, *words):
        """Gives (status, standard output, standard error)."""
        return self.start(words)

    def told(self, *words):
        """Standard output, where all must be well."""
        status, out, err = self.run(*words)
        assert status == 0 and err == "", (words, status, err)
        return out

    def file(self, what, name=None):
        """What --generate prints, in a file."""
        path = self.folder / (name or what)
        path.write_text(self.told("--generate", what))
        return str(path)


def need(program):
    found = shutil.which(program)
    if not found:
        raise Skip(f"no {program} here")
    return found


# ---- one table makes everything ------------------------------------------------------------------------------------------


def options_in_help(prong, command):
    return re.findall(r"^  (?:-[a-z], )?(--[a-z-]+)", prong.told(*([command] if command else []), "--help"), re.M)


def options_in_page(prong, command):
    page = prong.told("--generate", f"man-{command or 'prong'}")
    section = re.search(r"^\.SH OPTIONS\n(.*?)^\.SH", page, re.M | re.S).group(1)
    return [name.replace("\\-", "-") for name in re.findall(r"^\.TP\n(?:\\fB\\-[a-z]\\fR, )?\\fB((?:\\-|[a-z])+)\\fR", section, re.M)]


def options_in_bash(prong, command):
    words = re.search(rf"^    '{command}'\) (?:.*; )?COMPREPLY\+?=\(\$\(compgen -W '([^']*)'", prong.told("--generate", "bash"), re.M).group(1)
    return [word for word in words.split() if word.startswith("--")]


def options_in_zsh(prong, command):
    text = prong.told("--generate", "zsh")
    part = re.search(rf"^        {command}\)\n(.*?);;" if command else r"_arguments -C(.*?)&& return", text, re.M | re.S).group(1)
    return re.findall(r"^ +'(?:[^']*'\{-[a-z]\+?,)?(--[a-z-]+)", part, re.M)


def options_in_fish(prong, command):
    condition = f"'__fish_seen_subcommand_from {command}'" if command else "'__fish_use_subcommand'"
    return ["--" + name for name in re.findall(rf"^complete -c prong -n {condition}(?: -s [a-z])? -l ([a-z-]+)", prong.told("--generate", "fish"), re.M)]


@case("every option of every command is in its help, its manual page and the completions of three shells")
def _(prong):
    for command in ["", *COMMANDS]:
        named = options_in_help(prong, command)
        assert "--help" in named and len(set(named)) == len(named), named
        for options in (options_in_page, options_in_bash, options_in_zsh, options_in_fish):
            found = options(prong, command)
            assert found == named, (options.__name__, command, found, named)
    assert {"--only", "--engines", "--workers", "--runs", "--input", "--columns", "--json", "--csv", "--md"} <= set(options_in_help(prong, "compare"))
    assert "--json" in options_in_help(prong, "doctor") and "--version" in options_in_help(prong, "")


@case("every command is in the help of the program, its manual page and the completions")
def _(prong):
    help_text, page = prong.told("--help"), prong.told("--generate", "man-prong")
    for command in [*COMMANDS, "help"]:
        assert f"\n  prong {command} " in help_text, help_text
        assert f"\\fBprong {command}\\fR" in page
        assert re.search(rf"compgen -W '[^']*\b{command}\b", prong.told("--generate", "bash"))
        assert f"        '{command}:" in prong.told("--generate", "zsh")
        assert f"-n __fish_use_subcommand -a {command} " in prong.told("--generate", "fish")


@case("prong help COMMAND, prong COMMAND --help and -h are the same, at most 80 columns wide, on standard output")
def _(prong):
    for command in COMMANDS:
        text = prong.told(command, "--help")
        assert text == prong.told(command, "-h") == prong.told("help", command)
        assert max(map(len, text.splitlines())) <= 80, text
        assert f"usage: prong {command}" in text and "Exit status:" in text and "Examples:" in text
    text = prong.told("--help")
    assert text == prong.told("-h") == prong.told("help") == prong.told("help", "--help") == prong.told("help", "help")
    assert max(map(len, text.splitlines())) <= 80, text


@case("--version tells the version and nothing else")
def _(prong):
    assert re.fullmatch(r"prong \d+\.\d+\.\d+\n", prong.told("--version"))


@case("a wrong command line is told in a few lines, with what was meant, and ends with 2")
def _(prong):
    for words, said in ((["compare", "--colums", "a,b"], ["unknown option --colums", "did you mean --columns?"]),
                        (["compare", "--run", "3"], ["unknown option --run", "did you mean --runs?"]),
                        (["compare", "--eng", "serial"], ["unknown option --eng", "did you mean --engines?"]),
                        (["compare", "--frobnicate"], ["unknown option --frobnicate"]),
                        (["compare", "-x"], ["unknown option -x"]),
                        (["compare", "--runs"], ["--runs needs a value"]),
                        (["compare", "--runs", "0"], ["from 1 to", "'0'"]),
                        (["compare", "--runs=1x"], ["from 1 to", "'1x'"]),
                        (["compare", "--workers", "-1"], ["from 1 to", "'-1'"]),
                        (["compare", "--json=yes"], ["--json takes no value"]),
                        (["compare", "file.csv"], ["'file.csv'"]),
                        (["compare", "--only", "sqr"], ["--only does not know 'sqr'", "did you mean sqrt?"]),
                        (["compare", "--engines", "thread"], ["does not know 'thread'", "did you mean threads?"]),
                        (["compare", "--only", "sqrt,"], ["lacks a name"]),
                        (["doctor", "--jsno"], ["unknown option --jsno", "did you mean --json?"]),
                        (["comparr"], ["unknown command 'comparr'", "did you mean `prong compare`?"]),
                        (["help", "docter"], ["unknown command 'docter'", "did you mean `prong doctor`?"]),
                        (["--versoin"], ["unknown option --versoin", "did you mean --version?"]),
                        (["--generate", "man-compar"], ["does not know 'man-compar'", "did you mean --generate man-compare?"]),
                        (["--generate", "perl"], ["does not know 'perl'", "one of man-prong, "]),
                        ([], ["usage: prong", "prong compare"])):
        status, out, err = prong.run(*words)
        assert status == 2 and out == "", (words, status, out)
        for part in said:
            assert part in err, (words, part, err)
        assert err.count("\n") <= 4, err


# ---- manual pages --------------------------------------------------------------------------------------------------------


def pages(prong):
    return {name: prong.file(f"man-{name}", f"{name}.1") for name in ["prong", *COMMANDS]}


@case("manual pages have their sections in order, and are the same whenever they are made")
def _(prong):
    for name, path in pages(prong).items():
        page = Path(path).read_text()
        sections = ["NAME", "SYNOPSIS", "DESCRIPTION", *(["COMMANDS"] if name in ("prong", "records") else []), "OPTIONS", "EXIT STATUS", "ENVIRONMENT",
                    "EXAMPLES", "SEE ALSO"]
        if name == "records":
            language = ["EXPRESSIONS", "FUNCTIONS", "AGGREGATES", "KEYS AND RESULTS", "INPUT", "ODD INPUT"]
            sections[sections.index("EXIT STATUS"):sections.index("EXIT STATUS")] = language
        assert re.findall(r"^\.SH (.*)$", page, re.M) == sections, name
        status, out, _ = prong.start(["--generate", f"man-{name}"], env={**prong.env, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})
        assert status == 0 and out == page
        assert re.search(rf'^\.TH PRONG\S* 1 "\d{{4}}-\d\d-\d\d" "prong \d+\.\d+\.\d+"', page, re.M)


@case("mandoc finds nothing wrong in the manual pages")
def _(prong):
    mandoc = need("mandoc")
    for path in pages(prong).values():
        done = subprocess.run([mandoc, "-Tlint", "-Wwarning", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0 and done.stdout == "", done.stdout


@case("groff shows the manual pages without a warning, every option as it is typed")
def _(prong):
    need("groff")
    for name, path in pages(prong).items():
        done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-c", "-P-b", "-P-u", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        for option in options_in_help(prong, "" if name == "prong" else name):
            assert re.search(rf"^ +(-[a-z], )?{option}\b", done.stdout, re.M), (option, done.stdout)
        assert "\\" not in done.stdout and "`" not in done.stdout, done.stdout


# ---- completions ---------------------------------------------------------------------------------------------------------

COMPLETED = [   # what is typed, and what it becomes
    ("prong comp", ["compare"]),
    ("prong compare --ru", ["--runs"]),
    ("prong compare --only sq", ["sqrt"]),
    ("prong compare --only sqrt,rec", ["sqrt,records"]),
    ("prong compare --engines processes-", ["processes-ready"]),
    ("prong doctor --js", ["--json"]),
    ("prong help doc", ["doctor"]),
    ("prong --generate man-c", ["man-compare"]),
]


@case("bash completes commands, options, values, lists of values and files")
def _(prong):
    bash = need("bash")
    script = prong.file("bash")

    def complete(line):
        code = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _prong; '
                '[[ ${#COMPREPLY[@]} = 0 ]] || printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run([bash, "--norc", "-c", code, "bash", script, *line.replace("=", " = ").split(" ")], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, cwd=prong.folder)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout.splitlines()
    for typed, wanted in COMPLETED:
        assert complete(typed) == wanted, (typed, complete(typed))
    assert set(COMMANDS) <= set(complete("prong "))
    assert "records" in complete("prong compare --only=") and "records" in complete("prong compare --only=rec")
    assert "sqrt,sqrt" not in complete("prong compare --only sqrt,")
    (prong.folder / "some data.csv").write_text("")
    assert complete("prong compare --input some") == ["some data.csv"]
    assert complete("prong compare --runs ") == []
    if "--wait-quiet" in options_in_help(prong, "compare"):
        assert complete("prong compare --wait-quiet --js") == ["--json"]


@case("fish completes commands, options, values, lists of values and files")
def _(prong):
    fish = need("fish")
    script = prong.file("fish")
    env = {**prong.env, "HOME": str(prong.folder), "XDG_CONFIG_HOME": str(prong.folder), "XDG_DATA_HOME": str(prong.folder)}

    def complete(line):
        done = subprocess.run([fish, "--no-config", "-c", f"source {script}; complete -C '{line}'"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, cwd=prong.folder, env=env, timeout=HANG_S)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return [found.split("\t")[0] for found in done.stdout.splitlines()]
    for typed, wanted in COMPLETED:
        assert complete(typed) == wanted, (typed, complete(typed))
    (prong.folder / "data.csv").write_text("")
    assert complete("prong compare --input dat") == ["data.csv"]


class Terminal:
    """An interactive zsh, where typing ^X writes the line as it stands to a file."""

    def __init__(self, zsh, prong):
        self.line = prong.folder / "line"
        (prong.folder / "_prong").write_text(prong.told("--generate", "zsh"))
        (prong.folder / ".zshrc").write_text(
            f"fpath=({prong.folder} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep; PS1='> '\n"
            f"show() {{ print -r -- $BUFFER > {self.line}.new; mv {self.line}.new {self.line}; BUFFER= }}; zle -N show; bindkey '^X' show\n")
        self.end, theirs = pty.openpty()
        env = {**prong.env, "ZDOTDIR": str(prong.folder), "HOME": str(prong.folder), "TERM": "xterm"}
        self.shell = subprocess.Popen([zsh, "-i", "-d"], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True,
                                      cwd=prong.folder)
        os.close(theirs)
        self.shown = b""

    def complete(self, typed):
        with contextlib.suppress(FileNotFoundError):
            self.line.unlink()
        os.write(self.end, typed.encode() + b"\t\x18")
        limit = time.monotonic() + HANG_S
        while not self.line.exists():
            assert time.monotonic() < limit, self.shown
            if select.select([self.end], [], [], 0.05)[0]:
                self.shown += os.read(self.end, 4096)
        return self.line.read_text().rstrip("\n")

    def close(self):
        self.shell.kill()
        self.shell.wait()
        os.close(self.end)


@case("zsh completes commands, options, values, lists of values and files")
def _(prong):
    zsh = need("zsh")
    terminal = Terminal(zsh, prong)
    try:
        for typed, (wanted,) in COMPLETED:
            found = terminal.complete(typed)
            assert found.rstrip(" =,") == " ".join([*typed.split(" ")[:-1], wanted]), (typed, found, terminal.shown)
        (prong.folder / "data.csv").write_text("")
        assert terminal.complete("prong compare --input dat").rstrip() == "prong compare --input data.csv"
    finally:
        terminal.close()


# ---- the doctor ----------------------------------------------------------------------------------------------------------


def doctor(prong, prefix=(), **more):
    status, out, err = prong.start(["doctor", "--json"], prefix, **more)
    assert err == "", err
    report = json.loads(out)
    assert report["schema"] == "prong.doctor/1" and report["well"] == (status == 0) and status in (0, 3), (status, report)
    return report


def findings(report, topic, name):
    return [f for f in report["findings"] if (f["topic"], f["name"]) == (topic, name)]


def finding(report, topic, name):
    found, = findings(report, topic, name)
    assert found["state"] in ("ok", "note", "missing") and found["says"], found
    return found


@case("the doctor finds the engines well, mpi missing, and tells the same to people and programs")
def _(prong):
    report = doctor(prong)
    assert report["well"] is True and report["engines"] == {"serial": True, "threads": True, "processes": True, "mpi": False}
    assert finding(report, "engines", "mpi")["state"] == "missing" and "version" in finding(report, "engines", "mpi")["hint"]
    cpus = report["cpus"]
    assert 1 <= cpus["usable"] <= cpus["affinity"] <= cpus["online"] and cpus["affinity"] == len(os.sched_getaffinity(0))
    wanted = "quota" if cpus["usable"] < cpus["affinity"] else "affinity" if cpus["affinity"] < cpus["online"] else "online"
    assert cpus["decides"] == wanted and (wanted != "quota" or math.ceil(cpus["quota"]) == cpus["usable"])
    total = int(re.search(r"^MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text(), re.M).group(1)) * 1024
    assert report["memory"]["total_bytes"] == total and 0 < report["memory"]["available_bytes"] <= total
    assert report["kernel"]["pidfd_open"] and report["kernel"]["memfd_create"]
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert report["limits"]["nofile"] == (None if soft == resource.RLIM_INFINITY else soft)
    for percent in report["pressure"].values():
        assert percent is None or 0 <= percent <= 100
    assert isinstance(report["charts"], bool) and finding(report, "charts", "--html")["state"] == ("ok" if report["charts"] else "missing")
    assert report["cache"] == {"path": str(prong.folder / "cache" / "prong"), "writable": True}

    text = prong.told("doctor")
    for f in report["findings"]:
        assert re.search(rf"^  (ok|note|missing) +{re.escape(f['name'])} ", text, re.M), (f, text)
    assert max(map(len, text.splitlines())) <= 100


@case("the doctor names the version of the python3 in PATH, and does without one")
def _(prong):
    path = shutil.which("python3")
    if path:
        report = doctor(prong)
        wanted = subprocess.run([path, "-c", "import platform; print(platform.python_version())"], stdout=subprocess.PIPE, text=True).stdout.strip()
        assert report["python"]["version"] == wanted and report["python"]["gil"] in (True, False)
    report = doctor(prong, env={**prong.env, "PATH": "/nowhere"})
    assert report["well"] and report["python"] == {"version": None, "gil": None}
    assert finding(report, "Python", "python3")["state"] == "note" and finding(report, "Python", "python3")["hint"]
    bad = prong.folder / "bad"
    bad.mkdir()
    (bad / "python3").write_text("#!/bin/sh\nexit 7\n")
    (bad / "python3").chmod(0o755)
    assert "does not run" in finding(doctor(prong, env={**prong.env, "PATH": str(bad)}), "Python", "python3")["says"]


@case("under taskset the doctor says that the affinity mask decides")
def _(prong):
    taskset, allowed = need("taskset"), sorted(os.sched_getaffinity(0))
    if (os.sysconf("SC_NPROCESSORS_ONLN")) < 2:
        raise Skip("one CPU alone is online")
    report = doctor(prong, [taskset, "-c", str(allowed[0])])
    assert report["cpus"]["usable"] == report["cpus"]["affinity"] == 1 and report["cpus"]["decides"] == "affinity", report["cpus"]
    says = finding(report, "CPUs", "usable")
    assert says["state"] == "note" and "1 CPU: the affinity mask decides" in says["says"] and says["hint"]


@case("too few open files: the doctor says so and which engine lacks them, with a hint, and ends with 3")
def _(prong):
    report = doctor(prong, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10)))
    assert report["limits"]["nofile"] == 10 and finding(report, "limits", "nofile")["state"] == "note"
    assert report["engines"]["serial"] and report["engines"]["threads"] and not report["engines"]["processes"] and not report["well"]
    assert "Too many open files" in finding(report, "engines", "processes")["says"] and finding(report, "engines", "processes")["hint"]


@case("too few processes: the doctor says so, goes on to its end, and ends with 3")
def _(prong):
    more = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))}
    if os.geteuid() == 0:       # root has no such limit
        more["preexec_fn"] = lambda: (resource.setrlimit(resource.RLIMIT_NPROC, (1, 1)), os.setgroups([]), os.setgid(65534), os.setuid(65534))
        may = subprocess.run([prong.binary, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534)), check=False) \
            if all(os.stat(folder).st_mode & 1 for folder in Path(prong.binary).parents) else None
        if may is None or may.returncode != 0:
            raise Skip("another user may not run the program here")
    report = doctor(prong, **more)
    assert report["limits"]["nproc"] == 1 and finding(report, "limits", "nproc")["state"] == "note"
    assert report["engines"]["serial"] and not report["well"], report["engines"]


@case("a cache folder that cannot be made is noted, with a way out")
def _(prong):
    report = doctor(prong, env={**prong.env, "XDG_CACHE_HOME": "/dev/null/nowhere"})
    assert report["cache"]["writable"] is False and "XDG_CACHE_HOME=" in finding(report, "files", "cache")["hint"]


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_cli.py PATH_OF_PRONG")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Prong(program, Path(os.path.realpath(folder))))


if __name__ == "__main__":
    sys.exit(main())
