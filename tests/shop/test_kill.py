#!/usr/bin/env python3
"""prong-shop, killed: at every point that has a name, and at random instants; nothing is missing afterwards, nobody is charged twice.

    python3 tests/shop/test_kill.py BUILD/shop/prong-shop

Prints TAP. PRONG_SHOP_SEED in the environment repeats the random ones. kill_campaign.py beside this file does it hundreds of times.
"""
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

import kill_campaign
from shop import Crowd, House, NotStarted, until
import tap
from tap import case

KILLS = 30
# In the order of an order's way.
BEFORE_MAIL = ("before-intent", "after-intent", "after-charge", "before-paid", "after-paid", "before-answer", "after-answer")
BY_SMTP = ("after-lease", "before-handed", "after-handed", "before-dot", "after-delivery", "after-sent")
BY_DIR = ("after-lease", "before-rename", "after-delivery", "after-sent")      # a file can be written again: nothing is ever uncertain
UNCERTAIN = ("after-handed", "before-dot", "after-delivery")    # between HANDED and SENT nobody knows


def points(mail):
    return BEFORE_MAIL + (BY_SMTP if mail == "smtp" else BY_DIR)


def killed_at(house, crowd, point, number):
    """The server, ordered to die at the point, is started and has died there. Gives what was then unsettled."""
    try:
        house.open(fail_at=f"{point}:{number}")
    except NotStarted as ended:     # receipts that were left have brought it there before it listened
        assert ended.args[0] == -signal.SIGKILL, ended
        return house.unsettled()
    shop = house.shop
    until(lambda: not shop.is_running(), lambda: f"never came to {point}: {shop.said()}; customers: {crowd.wrong}")
    house.is_up.clear()
    status = shop.wait()
    assert status == -signal.SIGKILL, f"ended with {status}: {shop.said()}"
    until(lambda: not shop.others(), "processes of a killed server are still there", 30)
    return house.unsettled()


def try_points(place, mail, uncertain):
    with House(place.program, place.folder / f"{mail}-{uncertain}", mail, uncertain, gateway={"delay_ms": 50}) as house:
        slowest, chance = 0, random.Random(place.seed)
        crowd = Crowd(house, 6, place.seed)
        for point in points(mail):
            before = {order.id for order in house.orders() if order.receipt == "uncertain"} if house.db.exists() else set()
            interrupted = killed_at(house, crowd, point, chance.randint(1, 12 if point in BEFORE_MAIL else 3))
            house.open()
            slowest = max(slowest, house.settle(interrupted))
            after = {order.id for order in house.orders() if order.receipt == "uncertain"}
            if uncertain == "resend" or mail == "dir":
                assert not after, f"{point}: {after}"
            elif point in UNCERTAIN:
                assert after > before, f"{point}: no receipt is uncertain, though one was handed over"
            house.kill()
        house.open()
        crowd.end()
        house.settle()
        verdict = house.judge().assert_clean()
        print(f"# {len(verdict.orders)} orders; interrupted work had settled at most {slowest:.2f} s after a restart")


for one_mail in ("dir", "smtp"):
    for one_policy in ("once", "resend"):
        @case(f"killed at each named point, receipts by {one_mail}, uncertain ones {one_policy}: nothing is missing, nothing twice")
        def _(place, mail=one_mail, policy=one_policy):
            try_points(place, mail, policy)


def campaign(place, **more):
    plan = kill_campaign.Plan(seed=place.seed, **more)
    tally = kill_campaign.play(place.program, place.folder / f"random-{len(list(place.folder.iterdir()))}", plan)
    assert tally.is_clean(), {name: found[:3] for name, found in tally.wrong.items() if found}
    print(f"# seed {place.seed}: {tally.kills} kills and {tally.in_start} during the start, {tally.orders} orders, "
          f"{tally.charges} charges, {tally.mails} mails; settled after at most {max(tally.settled_s, default=0):.2f} s, "
          f"processes gone after {max(tally.gone_s):.2f} s")


@case("killed at random instants under load: four zeros, and every receipt came or is listed")
def _(place):
    campaign(place, kills=KILLS // 2, uncertain="once")


@case("the same with a gateway that does everything wrong, and receipts by SMTP")
def _(place):
    campaign(place, kills=KILLS // 2, mail="smtp", uncertain="resend", faults=True)


class Place:
    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)
        self.seed = int(os.environ.get("PRONG_SHOP_SEED") or random.SystemRandom().randrange(1000000))
        print(f"# PRONG_SHOP_SEED={self.seed}", flush=True)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_kill.py PATH_OF_PRONG_SHOP")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="prong-shop-") as folder:
        return tap.run(Place(program, folder))


if __name__ == "__main__":
    sys.exit(main())
