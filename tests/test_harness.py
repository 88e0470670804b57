#!/usr/bin/env python3
"""What the harness makes of cases that end in every way: TAP that says so, and nothing left behind."""
import os
import re
import subprocess
import sys

EXPECTED = [
    ("a good case passes", r"^ok 1 - a_good_case_passes$"),
    ("a bad case fails and says where", r"^not ok 2 - a_bad_case_fails\n# \S*harness_sample\.c:\d+: .*1 \+ 1 == 3"),
    ("a skipped case says why", r"^ok 3 - a_case_may_be_skipped # SKIP for this reason$"),
    ("a crash fails one case", r"^not ok 4 - a_crash_fails_one_case\n# .*signal 6"),
    ("a hang fails one case", r"^not ok 5 - a_hang_fails_one_case\n# .*timeout"),
    ("an early exit(0) is no success", r"^not ok 6 - an_early_exit_0_fails\n# .*before its end"),
    ("an early exit(3) is no success", r"^not ok 7 - an_early_exit_3_fails\n# .*return value 3"),
    ("a case is named by its group and gets its index", r"^ok 8 - forty-two:an_index_is_told$"),
    ("a case begins with one thread", r"^ok 9 - a_case_begins_with_one_thread$"),
    ("a process left behind fails its case", r"^not ok 10 - a_process_left_behind_fails_its_case\n# 1 processes outlive"),
    ("the plan comes first", r"\A1\.\.10$"),
]


def main():
    sample = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    one = subprocess.run([sys.argv[1], "forty*"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    checks = [(name, bool(re.search(pattern, sample.stdout, re.M))) for name, pattern in EXPECTED]
    checks.append(("its output is not in the TAP stream", "not for the TAP" in sample.stderr and "not for the TAP" not in sample.stdout))
    checks.append(("a failure is told by the exit status", sample.returncode == 1))
    checks.append(("a pattern selects cases", one.returncode == 0 and one.stdout.startswith("1..1\nok 1 - forty-two:")))
    left = sorted(int(pid) for pid in re.findall(r"outlive the case: (\d+)", sample.stdout))
    checks.append(("what was left behind is killed", bool(left) and not any(os.path.exists(f"/proc/{pid}") for pid in left)))
    print(f"1..{len(checks)}")
    for number, (name, good) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name.replace(' ', '_')}")
    if not all(good for _, good in checks):
        print("\n".join("# " + line for line in sample.stdout.splitlines()))
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
