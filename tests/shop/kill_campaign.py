#!/usr/bin/env python3
"""kill -9 at random instants under load, again and again, and what is then missing: four zeros, or not.

    python3 tests/shop/kill_campaign.py --kills 200 --seed N [--gateway-faults] [--mail smtp|dir|both] [--uncertain once|resend|both]
        [--customers N] [--each N] BUILD/shop/prong-shop

In rounds of --each kills, each on a database of its own. One customer of ten never asks again when there is no answer; the others ask
with the same key until there is one. With --gateway-faults the gateway does everything wrong that it can, at random. Ends with status 1
if anything is missing or twice.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from shop import FOUR, MORE, Crowd, House

FAULTS = "charge_drop:6,drop:5,500:5,charge_500:5,429:3,in_progress:2,garbage:3,charge_garbage:4,half:4,hang:1,charge_hang:1,decline:5"
BUSY_MS = 400                   # a kill comes so long after the start, at most
SETTLING_S = 2                  # what the shop promises


class Plan(NamedTuple):
    kills: int
    seed: int
    mail: str = "dir"
    uncertain: str = "once"
    faults: bool = False
    customers: int = 8
    leave: int = 10


class Tally:
    """What came of the kills of one round, and of several by +=."""

    def __init__(self):
        self.kills = self.in_start = self.orders = self.charges = self.mails = self.uncertain = self.left = self.repeated = 0
        self.settled_s, self.gone_s = [], []
        self.wrong = {name: [] for name in FOUR + MORE}

    def __iadd__(self, other):
        for name in ("kills", "in_start", "orders", "charges", "mails", "uncertain", "left", "repeated", "settled_s", "gone_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, found in other.wrong.items():
            self.wrong[name] += found
        return self

    def is_clean(self):
        return not any(self.wrong.values())


def kill_in_start(house, chance, tally):
    """Ends a server that has perhaps not begun to listen: recovery is a step like the others."""
    log = house.folder / "shop.log"
    with open(log, "ab") as err:
        process = subprocess.Popen([str(word) for word in house.words()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
    time.sleep(chance.uniform(0, 0.05))
    process.kill()
    process.wait()
    tally.in_start += 1


def one_kill(house, crowd, chance, tally, measures):
    """Kills while customers order, starts anew. `measures`: waits until what had been interrupted is settled; else the next kill
    meets it in the middle."""
    crowd.wait_for(1)
    time.sleep(chance.uniform(0, BUSY_MS / 1000))       # the instant is what is random here
    tally.gone_s.append(house.kill())
    tally.kills += 1
    interrupted = house.unsettled()
    if chance.randrange(4) == 0:
        kill_in_start(house, chance, tally)
    house.open()
    if measures:
        tally.settled_s.append(house.settle(interrupted))


def play(program, folder, plan, progress=lambda kills: None):
    """One round; gives its tally."""
    chance, tally = random.Random(plan.seed), Tally()
    gateway = {"behave": FAULTS if plan.faults else "", "delay_ms": 20}
    with House(program, folder, plan.mail, plan.uncertain, gateway=gateway) as house:
        house.open()
        crowd = Crowd(house, plan.customers, plan.seed, plan.leave)
        for number in range(plan.kills):
            one_kill(house, crowd, chance, tally, not plan.faults and number % 2)
            progress(1)
        if plan.faults:         # what hangs is over with the server that waits for it
            house.gateway.behave("")
            house.kill()
            house.open()
        crowd.end()
        house.settle()
        verdict = house.judge()
        tally.orders, tally.charges, tally.mails, tally.left = len(verdict.orders), len(verdict.charges), len(verdict.mails), crowd.left
        tally.uncertain = sum(order.receipt == "uncertain" for order in verdict.orders)
        tally.repeated = house.answers.repeated
        tally.wrong = verdict.wrong
    return tally


# ---- the command -----------------------------------------------------------------------------------------------------------


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))] if values else 0


def report(tally, plan, seconds):
    print(f"\n{tally.kills} kills under load and {tally.in_start} during the start, in {seconds:.0f} s; seed {plan.seed}")
    print(f"{tally.orders} orders, {tally.charges} charges, {tally.mails} mails, {tally.uncertain} receipts uncertain; "
          f"{tally.left} customers left without an answer, {tally.repeated} asked again for what they had been told")
    if tally.settled_s:
        median, most = quantile(tally.settled_s, .5), max(tally.settled_s)
        print(f"interrupted work settled after a restart: median {median:.2f} s, at most {most:.2f} s")
    print(f"processes of a killed server were gone after at most {max(tally.gone_s):.2f} s\n")
    for name in FOUR + MORE:
        found = tally.wrong[name]
        print(f"{len(found):6}  {name}", *(f"          {one}" for one in found[:5]), sep="\n")


def rounds_of(args):
    mails = ("dir", "smtp") if args.mail == "both" else (args.mail,)
    policies = ("once", "resend") if args.uncertain == "both" else (args.uncertain,)
    kinds = [(mail, policy) for mail in mails for policy in policies]
    left, number = args.kills, 0
    while left > 0:
        mail, policy = kinds[number % len(kinds)]
        yield Plan(min(left, args.each), args.seed + number, mail, policy, args.gateway_faults, args.customers)
        left, number = left - args.each, number + 1


def main():
    parser = argparse.ArgumentParser(description="Kills prong-shop at random instants, and counts what is missing.")
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--gateway-faults", action="store_true")
    parser.add_argument("--mail", choices=("smtp", "dir", "both"), default="both")
    parser.add_argument("--uncertain", choices=("once", "resend", "both"), default="both")
    parser.add_argument("--customers", type=int, default=8)
    parser.add_argument("--each", type=int, default=25, help="kills of one database")
    args = parser.parse_args()
    tally, begin, done = Tally(), time.monotonic(), 0

    def progress(kills):
        nonlocal done
        done += kills
        print(f"\rkill {done} of {args.kills}", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="prong-shop-") as folder:
        for number, plan in enumerate(rounds_of(args)):
            tally += play(os.path.abspath(args.program), Path(folder) / str(number), plan, progress)
    report(tally, args, time.monotonic() - begin)
    return 0 if tally.is_clean() else 1


if __name__ == "__main__":
    sys.exit(main())
