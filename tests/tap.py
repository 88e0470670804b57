"""What the tests in Python have in common: they speak TAP, which meson and tests/run read.

    from tap import Skip, case

    @case("a sentence that is true when this passes")
    def _(place): ...

    sys.exit(tap.run(place))

A case passes by its return, is skipped by Skip("the reason"), and fails by any other exception, whose traceback is printed.
"""
import os
import sys
import traceback

CASES = []      # (sentence, function), in the order of the file


class Skip(Exception):
    """Why a case cannot be tried here."""


def case(sentence):
    def add(function):
        CASES.append((sentence, function))
        return function
    return add


def program(path):
    """Its absolute path; ends the whole test if it is none."""
    if not os.access(path, os.X_OK):
        print(f"Bail out! {path} is no program")
        sys.exit(1)
    return os.path.abspath(path)


def tell(outcomes):
    """Prints each (sentence, lines about what is wrong: none if it passed) as it comes, then the plan. Gives the exit status."""
    sys.stdout.reconfigure(errors="backslashreplace")
    number, failed = 0, False
    for number, (sentence, wrong) in enumerate(outcomes, 1):
        failed = failed or bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {sentence}", *(f"# {line}" for line in wrong), sep="\n", flush=True)
    print(f"1..{number}")
    return 1 if failed else 0


def outcomes_of(place, cases, call, most):
    for sentence, function in cases:
        skip, wrong = "", []
        try:
            call(function, place)
        except Skip as why:
            skip = f" # SKIP {why}"
        except Exception:
            wrong = traceback.format_exc()[-most:].splitlines()
        yield sentence + skip, wrong


def call_it(function, place):
    function(place)


def run(place, cases=CASES, call=call_it, most=0):
    """Runs the cases, each given `place`, and gives the exit status. Another `call` has what comes before or after every case. Of a
    traceback the last `most` characters are printed; 0: all."""
    return tell(outcomes_of(place, cases, call, most))
