#!/usr/bin/env python3
"""What lies beneath prong-shop does wrong: the disk is full or fails, the power goes, another process holds the database, the clock jumps.

    python3 tests/shop/test_beneath.py BUILD/shop/prong-shop BUILD/tests/shop/preload_disk.so BUILD/tests/shop/preload_clock.so

Prints TAP. The two libraries are preloaded into the shop, and do what a file says: see the heads of their sources.
"""
import contextlib
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
from pathlib import Path

from shop import DEADLINE_S, GONE, Client, Control, Crowd, House, until, wish
import tap
from tap import case

NONE, FULL, SYNC_FAILS, WRITE_FAILS, SYNC_WAITS = range(5)      # as in preload_disk.c
DAY_MS = 24 * 3600 * 1000
POWER_LOSSES = 6


class Place:
    def __init__(self, program, disk, clock, folder):
        self.program, self.disk, self.clock, self.folder = program, disk, clock, Path(folder)

    def house(self, name, *options, **more):
        return House(self.program, self.folder / name, options=options, **more)


class Asked(threading.Thread):
    """An order that is asked for in a thread: its answer is there after answered()."""

    def __init__(self, house, key, **more):
        super().__init__(daemon=True)
        self.house, self.key, self.wanted, self.answer = house, key, wish(f"{key}@example.org", **more), None
        self.start()

    def run(self):
        with contextlib.suppress(*GONE):
            self.answer = ask(self.house, self.wanted, self.key)

    def answered(self):
        self.join(DEADLINE_S)
        assert self.answer, f"no answer to {self.key}"
        return self.answer


def ask(house, wanted, key):
    client = Client(house.address)
    answer = client.order(wanted, key)
    client.close()
    house.answers.add(key, answer)
    return answer


def buy(house, key, **more):
    return ask(house, wish(f"{key}@example.org", **more), key)


def order_of(house, key):
    return next((order for order in house.orders() if order.key == key), None)


def disk_of(place, house):
    """(control, environment of a shop whose disk it is)"""
    control = Control(house.folder / "disk")
    return control, {"LD_PRELOAD": place.disk, "SHOP_TEST_DISK": str(control.path), "SHOP_TEST_FILES": str(house.db)}


# ---- the disk --------------------------------------------------------------------------------------------------------------


@case("a full disk: 503 before anything is charged, pages go on, and orders, too, once there is room")
def _(place):
    with place.house("full") as house:
        disk, env = disk_of(place, house)
        house.open(env=env)
        assert buy(house, "before").status == 201
        disk.set(FULL)
        for i in range(3):
            answer = buy(house, f"full-{i}")
            assert answer.status == 503 and answer.headers["Retry-After"] and answer.code == "overloaded", answer
        assert len(house.gateway.events()) == 1 and Client(house.address).get("/").status == 200
        assert buy(house, "before").status == 201       # told again from what is stored
        disk.set(NONE)
        assert [buy(house, f"full-{i}").status for i in range(3)] == [201] * 3
        house.settle()
        house.judge().assert_clean()
        assert house.stop() == 0, house.shop.said()


@case("a disk that is full when the charge comes back: the customer waits for room, and is charged once")
def _(place):
    with place.house("full-later") as house:
        disk, env = disk_of(place, house)
        house.open(env=env)
        slow = Asked(house, "slow", method="pm_slow")
        until(lambda: order_of(house, "slow"), "the order is not stored")
        disk.set(FULL)
        until(house.gateway.events, "no charge")
        assert buy(house, "another").status == 503
        disk.set(NONE)
        assert slow.answered().status == 201 and buy(house, "another").status == 201
        house.settle()
        house.judge().assert_clean()


@case("a sync that fails: no more orders are taken, the server says why and ends with 3; a restart goes on, each charged once")
def _(place):
    for trouble in (SYNC_FAILS, WRITE_FAILS):
        with place.house(f"broken-{trouble}") as house:
            disk, env = disk_of(place, house)
            house.open(env=env)
            assert buy(house, "before").status == 201
            slow = Asked(house, "slow", method="pm_slow")
            until(lambda: order_of(house, "slow"), "the order is not stored")
            disk.set(trouble)
            first = buy(house, "broken")
            assert first.status == 503, first
            assert slow.answered().status in (503, 409), slow.answer
            status = house.shop.wait()
            assert status == 3 and "cannot be written" in house.shop.said(), (status, house.shop.said())
            disk.set(NONE)
            house.open(env=env)
            house.settle()
            assert [buy(house, "before").status, buy(house, "broken").status] == [201, 201]
            assert ask(house, slow.wanted, "slow").status == 201
            house.settle()
            house.judge().assert_clean()


def loop_has_turned(house):
    """What was to be sent before this has been sent: the server's loop does one thing after the other."""
    client = Client(house.address)
    for _ in range(5):
        assert client.get("/healthz").status == 200


@case("while a sync takes its time, what it is to make safe has not happened: no charge before the order, no answer before the payment")
def _(place):
    with place.house("waits") as house:
        disk, env = disk_of(place, house)
        house.open(env=env)
        disk.set(SYNC_WAITS)
        order = Asked(house, "order")
        until(lambda: disk.told(), "nothing is synced")
        loop_has_turned(house)
        house.gateway.behave("")        # a round through the gateway, too
        assert not house.gateway.events() and order.is_alive(), "charged, or answered, before the order was safe"
        disk.set(NONE)
        assert order.answered().status == 201

        order = Asked(house, "other", method="pm_behave_charge_hang")
        until(lambda: len(house.gateway.events()) == 2, "no charge")
        house.settle({1})               # the first one's receipt syncs no more
        disk.set(SYNC_WAITS)
        house.gateway.kill()
        house.gateway = house.gateway.reopen()          # which tells of the charge, when it is asked again
        until(lambda: disk.told(), "nothing is synced")
        loop_has_turned(house)
        assert order.is_alive(), f"answered before the payment was safe: {order.answer}"
        disk.set(NONE)
        assert order.answered().status == 201
        house.settle()
        house.judge().assert_clean()


@case(f"{POWER_LOSSES} times the power goes under load, and what no sync had confirmed is lost: nothing that a customer was told is")
def _(place):
    seed = int(os.environ.get("PRONG_SHOP_SEED") or random.SystemRandom().randrange(1000000))
    print(f"# PRONG_SHOP_SEED={seed}")
    chance, lost = random.Random(seed), 0
    with place.house("power", gateway={"delay_ms": 5}) as house:
        _, env = disk_of(place, house)
        house.open()
        assert house.stop() == 0        # the database is made: all of it is on the disk
        synced = house.folder / "synced"
        synced.mkdir()
        for path in house.folder.glob("shop.db*"):
            shutil.copy(path, synced)
        env["SHOP_TEST_SYNCED"] = str(synced)
        house.open(env=env)
        crowd = Crowd(house, 8, seed)
        for _ in range(POWER_LOSSES):
            crowd.wait_for(chance.randint(1, 60))
            house.kill()
            for end in ("", "-wal"):
                real, kept = (folder / f"{house.db.name}{end}" for folder in (house.folder, synced))
                lost += real.exists() and real.read_bytes() != (kept.read_bytes() if kept.exists() else b"")
                real.unlink(missing_ok=True)
                if kept.exists():
                    shutil.copy(kept, real)
            (house.folder / f"{house.db.name}-shm").unlink(missing_ok=True)
            house.open(env=env)
        crowd.end()
        house.settle()
        verdict = house.judge().assert_clean()
        print(f"# {len(verdict.orders)} orders; {lost} files were older than they had looked")


# ---- others ----------------------------------------------------------------------------------------------------------------


@case("a database that another process holds for some seconds: orders wait, or get 503 before they are charged; nothing is lost")
def _(place):
    with place.house("locked") as house:
        house.open()
        slow = Asked(house, "slow", method="pm_slow")
        until(lambda: order_of(house, "slow"), "the order is not stored")
        other = sqlite3.connect(house.db, isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        waiting = [Asked(house, f"locked-{i}") for i in range(5)]
        until(lambda: len(house.gateway.events()) == 1, "no charge")
        assert Client(house.address).get("/").status == 200
        until(lambda: not all(one.is_alive() for one in waiting), "nobody is told that it takes too long")
        assert len(house.gateway.events()) == 1
        other.execute("ROLLBACK")
        other.close()
        assert slow.answered().status in (201, 409), slow.answer
        assert {one.answered().status for one in waiting} <= {201, 503} and any(one.answer.status == 503 for one in waiting)
        assert all(buy(house, one.key).status == 201 for one in waiting)
        until(lambda: ask(house, slow.wanted, "slow").status == 201, "the slow order is not paid")
        house.settle()
        assert len(house.judge().assert_clean().charges) == 6


@case("a backup that is made under load is whole: a shop that starts on it has every order that was answered before, to the byte")
def _(place):
    with place.house("backup") as house:
        house.open()
        crowd = Crowd(house, 4, 1, leave=0)
        crowd.wait_for(50)
        before = house.answers.paid()
        copy = house.folder / "copy" / "shop.db"
        copy.parent.mkdir()
        house.run("backup", "--to", copy)
        crowd.wait_for(20)
        house.run("backup", "--to", copy, status=3)     # exists
        crowd.end()
        house.settle()
        house.judge().assert_clean()
        house.stop()
        charges = len(house.gateway.events())
        house.db, house.maildir = copy, copy.parent / "mails"
        with sqlite3.connect(copy) as base:
            assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        house.open()
        known = {order.key: order for order in house.orders()}
        assert set(before) <= set(known)
        client = Client(house.address)
        for key, answer in before.items():
            shown = client.get(f"/orders/{answer.token}").json["order"]
            assert shown["state"] == "paid" and known[key].body == answer.body, (shown, answer)
        assert buy(house, "after").status == 201
        house.settle()
        assert len(house.gateway.events()) == charges + 1, "the backup has charged somebody again"


# ---- the clock -------------------------------------------------------------------------------------------------------------


@case("the wall clock jumps by a day, forth and back, under load: orders and receipts go on, none twice")
def _(place):
    with place.house("clock", mail="smtp") as house:
        clock = Control(house.folder / "clock")
        house.open(env={"LD_PRELOAD": place.clock, "SHOP_TEST_CLOCK": str(clock.path)})
        crowd = Crowd(house, 4, 2, leave=0)
        for off in (DAY_MS, -DAY_MS, 0):
            crowd.wait_for(20)
            clock.set(off)
            crowd.wait_for(20)
        house.sink.kill()               # receipts have to wait: for the pauses that they were given, and no day more
        crowd.wait_for(10)
        clock.set(-DAY_MS)
        crowd.wait_for(10)
        house.sink = house.sink.reopen()
        crowd.end()
        house.settle()
        house.judge().assert_clean()


@case("a restart with a clock that has jumped by a day: what was interrupted goes on at once all the same")
def _(place):
    for off in (-DAY_MS, DAY_MS):
        with place.house(f"restart{off}", mail="smtp") as house:
            clock = Control(house.folder / "clock")
            env = {"LD_PRELOAD": place.clock, "SHOP_TEST_CLOCK": str(clock.path)}
            house.open(env=env)
            house.sink.kill()
            assert all(buy(house, f"clock-{i}").status == 201 for i in range(3))
            slow = Asked(house, "charged", method="pm_behave_charge_hang")
            until(lambda: any(one["method"] == "pm_behave_charge_hang" for one in house.gateway.events()), "no charge")
            until(lambda: "ready" in {order.receipt for order in house.orders() if order.attempt}, "no receipt was tried")
            house.kill()
            slow.join(DEADLINE_S)
            clock.set(off)
            house.sink = house.sink.reopen()
            house.open(env=env)
            house.settle()
            assert buy(house, "charged", method="pm_behave_charge_hang").status == 201
            house.settle()
            assert len(house.judge().assert_clean().charges) == 4


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: test_beneath.py PATH_OF_PRONG_SHOP PRELOAD_DISK PRELOAD_CLOCK")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="prong-shop-") as folder:
        return tap.run(Place(program, *map(os.path.abspath, sys.argv[2:4]), folder))


if __name__ == "__main__":
    sys.exit(main())
