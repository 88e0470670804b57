#!/usr/bin/env python3
"""A gateway and a mail server that do wrong whatever can be done wrong: what the customer gets, what is stored, and that it ends in one
charge and one receipt, or in words.

    python3 tests/shop/test_faults.py BUILD/shop/prong-shop

Prints TAP.
"""
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from shop import Client, House, Sink, until, wish
import tap
from tap import case

WAIT_MS = 600                   # how long a customer of these tests waits for the charge


class Place:
    """Two shops, whose receipts go into a folder and to a mail server; opened when a case wants one, judged at the end."""

    def __init__(self, program, folder):
        self.program, self.folder, self.houses, self.n = program, Path(folder), {}, 0

    def house(self, mail="dir", uncertain="once"):
        name = f"{mail}-{uncertain}"
        if name not in self.houses:
            self.houses[name] = House(self.program, self.folder / name, mail, uncertain, ["--wait-ms", WAIT_MS])
            self.houses[name].open()
        return self.houses[name]

    def buy(self, house, again=False, **more):
        """(key, first answer); `again`: asks with the same key until the order has ended, and gives the last answer."""
        self.n += 1
        key = f"fault-{self.n}"
        wanted = wish(f"{key}@example.org", **more)
        client = Client(house.address)
        answer = client.order(wanted, key)
        if again:
            answer = ask_until_told(client, wanted, key, answer)
        house.answers.add(key, answer)
        client.close()
        return key, answer

    def close(self):
        for house in self.houses.values():
            house.close()


def ask_until_told(client, wanted, key, answer=None):
    last = [answer]

    def asked():
        if not last[0] or last[0].status in (409, 503):
            last[0] = client.order(wanted, key)
        return last[0].status not in (409, 503)
    until(asked, lambda: f"{key}: {last[0]}")
    return last[0]


def order_of(house, key):
    return next(order for order in house.orders() if order.key == key)


def charges_of(house, key):
    """Of the order that has this key."""
    return [one for one in house.gateway.events() if one["order"].split("-")[0] == str(order_of(house, key).id)]


def receipt_is(house, key, *states):
    """Waits for it; gives the order."""
    until(lambda: order_of(house, key).receipt in states, lambda: f"{order_of(house, key)}: {house.shop.said()[-2000:]}")
    return order_of(house, key)


def jobs(house):
    return {job["token"]: job for job in json.loads(house.run("jobs", "--json"))["jobs"]}


def paid_once(house, key, answer):
    assert answer.status == 201 and answer.json["order"]["state"] == "paid", answer
    assert len(charges_of(house, key)) == 1, charges_of(house, key)
    assert order_of(house, key).state == "paid"


# ---- the gateway -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def behaving(house, what, **more):
    house.gateway.behave(what, **more)
    try:
        yield
    finally:
        house.gateway.behave("")


for one in ("charge_drop", "charge_500", "charge_garbage", "half"):
    @case(f"a gateway that charges and then fails ({one}) is asked again with the same key, and the customer is charged once")
    def _(place, what=one):
        house = place.house()
        with behaving(house, what):
            key, answer = place.buy(house, again=True)
        paid_once(house, key, answer)


for one in ("drop", "500", "429", "garbage", "in_progress"):
    @case(f"a gateway that does not charge ({one}): the customer is told to ask again, and whoever does is charged once")
    def _(place, what=one):
        house = place.house()
        with behaving(house, what):
            key, answer = place.buy(house)
            assert answer.status == 409 and answer.code == "in_progress" and int(answer.headers["Retry-After"]) > 0, answer
            assert order_of(house, key).state == "charging" and not charges_of(house, key)
            shown = Client(house.address).get(f"/orders/{order_of(house, key).token}").json["order"]
            assert (shown["state"], shown["receipt"]) == ("charging", "none"), shown
        answer = ask_until_told(Client(house.address), wish(f"{key}@example.org"), key)
        house.answers.add(key, answer)
        paid_once(house, key, answer)


for one in ("hang", "charge_hang"):
    @case(f"a gateway that is silent ({one}) and then restarted: one charge, and nobody else had to wait for it")
    def _(place, what=one):
        house = place.house()
        with behaving(house, what):
            key, answer = place.buy(house)
        assert answer.status == 409 and answer.code == "in_progress", answer
        assert len(charges_of(house, key)) == (what == "charge_hang")
        other, paid = place.buy(house)
        paid_once(house, other, paid)
        house.gateway.kill()
        house.gateway = house.gateway.reopen()
        answer = ask_until_told(Client(house.address), wish(f"{key}@example.org"), key)
        house.answers.add(key, answer)
        paid_once(house, key, answer)


@case("a slow charge outlasts the customer's patience, and is told to whoever asks again")
def _(place):
    house = place.house()
    key, answer = place.buy(house, method="pm_slow")
    assert answer.status == 409 and answer.code == "in_progress", answer
    answer = ask_until_told(Client(house.address), wish(f"{key}@example.org", method="pm_slow"), key)
    house.answers.add(key, answer)
    paid_once(house, key, answer)


@case("no gateway at all: the order waits for it, and is charged once when it is back")
def _(place):
    house = place.house()
    house.gateway.kill()
    key, answer = place.buy(house)
    assert answer.status == 409 and answer.code == "in_progress", answer
    assert order_of(house, key).state == "charging"
    house.gateway = house.gateway.reopen()
    answer = ask_until_told(Client(house.address), wish(f"{key}@example.org"), key)
    house.answers.add(key, answer)
    paid_once(house, key, answer)


@case("a declined card: 402 with the reason, the same for whoever asks again, no charge, no receipt")
def _(place):
    house = place.house()
    key, answer = place.buy(house, method="pm_card_chargeDeclined")
    assert answer.status == 402 and answer.json["error"]["message"] and answer.json["order"]["state"] == "declined", answer
    again = Client(house.address).order(wish(f"{key}@example.org", method="pm_card_chargeDeclined"), key)
    assert (again.status, again.body) == (answer.status, answer.body), again
    order = order_of(house, key)
    assert order.state == "declined" and order.receipt == "none" and not charges_of(house, key), order


@case("a charge that cannot be made in time is looked for, and cancelled when the gateway knows of none; the stock comes back")
def _(place):
    with House(place.program, place.folder / "given-up", options=["--wait-ms", 5000, "--give-up-ms", 300]) as house:
        house.open()
        house.run("stock", "TSHIRT-BLUE-M=5")
        with behaving(house, "500"):
            key, answer = place.buy(house, again=True, sku="TSHIRT-BLUE-M")
        assert answer.status == 402 and answer.code == "cancelled", answer
        assert order_of(house, key).state == "cancelled" and not charges_of(house, key)
        assert stock_of(house)["TSHIRT-BLUE-M"] == 5
        with behaving(house, "charge_500"):     # was charged all the same: then it is an order
            key, answer = place.buy(house, again=True, sku="TSHIRT-BLUE-M")
        paid_once(house, key, answer)
        house.settle()
        house.judge().assert_clean()


def stock_of(house):
    return {one["sku"]: one["stock"] for one in json.loads(house.run("stock", "--json"))["products"]}


# ---- mail ------------------------------------------------------------------------------------------------------------------


def resink(house, rules):
    """The mail server starts anew, with these rules: all connections of before are broken."""
    house.sink.kill()
    house.sink = Sink(house.folder, behave=rules, port=house.sink.address.split(":")[1])


def mails_to(house, key):
    return [message_id for to, message_id in house.mails() if to == f"{key}@example.org"]


for rules in ("421@connect*1", "450@mail*2", "451@rcpt*2", "greylist", "452@data*1", "451@dot*2", "drop@ehlo*1", "drop@mail*1",
              "reset@rcpt*1"):
    @case(f"a mail server that cannot take it now ({rules}) gets it again later: once")
    def _(place, rules=rules):
        house = place.house("smtp")
        resink(house, rules)
        key, answer = place.buy(house)
        assert answer.status == 201, answer
        order = receipt_is(house, key, "sent")
        assert len(mails_to(house, key)) == 1 and order.attempt >= 2, (order, mails_to(house, key))


for rules in ("550@rcpt*1", "553@mail*1", "554@dot*1"):
    @case(f"a receipt that is refused for good ({rules}) is listed as dead with the reason, and sent when somebody says so")
    def _(place, rules=rules):
        house = place.house("smtp")
        resink(house, rules)
        key, answer = place.buy(house)
        order = receipt_is(house, key, "dead")
        job = jobs(house)[order.token]
        assert job["receipt"] == "dead" and rules[:3] in job["trouble"] and not mails_to(house, key), job
        house.run("jobs", "--resend", order.token)
        receipt_is(house, key, "sent")
        assert len(mails_to(house, key)) == 1 and order.token not in jobs(house)


for verb in ("connect", "ehlo", "mail", "rcpt", "data"):
    @case(f"a mail server that is silent at {verb} holds up one receipt, and no other; broken off, that is sent, too")
    def _(place, verb=verb):
        house = place.house("smtp")
        resink(house, f"hang@{verb}*1")
        key, _ = place.buy(house)
        until(lambda: json.loads(house.sink.tell("counts"))["rules"], "the mail server has not been asked")
        other, _ = place.buy(house)
        receipt_is(house, other, "sent")
        assert order_of(house, key).receipt in ("leased", "handed")
        resink(house, "accept")
        receipt_is(house, key, "sent")
        assert len(mails_to(house, key)) == 1, mails_to(house, key)


for rules in ("taken", "drop@dot", "taken_hang", "hang@dot"):
    @case(f"an end of the connection after the last byte ({rules}): uncertain, listed, and sent again only on request, as the same message")
    def _(place, rules=rules):
        house = place.house("smtp")
        resink(house, f"{rules}*1")
        key, _ = place.buy(house)
        receipt_is(house, key, "handed", "uncertain")
        if "hang" in rules:
            if rules == "taken_hang":
                until(lambda: mails_to(house, key), "the mail does not come")
            resink(house, "accept")
        order = receipt_is(house, key, "uncertain")
        came = len(mails_to(house, key))
        assert came == rules.startswith("taken") and jobs(house)[order.token]["receipt"] == "uncertain", (came, jobs(house))
        house.run("jobs", "--resend", order.token)
        receipt_is(house, key, "sent")
        found = mails_to(house, key)
        assert len(found) == came + 1 and len(set(found)) == 1, found


for rules in ("taken", "drop@dot"):
    @case(f"the same ({rules}) where it may come twice: sent again by itself, as the same message")
    def _(place, rules=rules):
        house = place.house("smtp", "resend")
        resink(house, f"{rules}*1")
        key, _ = place.buy(house)
        receipt_is(house, key, "sent")
        found = mails_to(house, key)
        assert len(found) == 1 + rules.startswith("taken") and len(set(found)) == 1, found


@case("a mail that was taken and confirmed before the connection broke is sent, and not again")
def _(place):
    house = place.house("smtp")
    resink(house, "ok_reset*1")
    key, _ = place.buy(house)
    receipt_is(house, key, "sent")
    assert len(mails_to(house, key)) == 1


@case("no mail server: customers are answered as ever, and the receipts come when it is back")
def _(place):
    house = place.house("smtp")
    house.sink.kill()
    bought = [place.buy(house) for _ in range(5)]
    assert all(answer.status == 201 for _, answer in bought), bought
    assert all(order_of(house, key).receipt in ("ready", "leased") for key, _ in bought)
    house.sink = house.sink.reopen()
    for key, _ in bought:
        receipt_is(house, key, "sent")
        assert len(mails_to(house, key)) == 1


def renderers(house):
    """The processes that write receipts, without the one that starts them."""
    for pid in house.shop.others():
        with contextlib.suppress(OSError):
            if "zygote" not in Path(f"/proc/{pid}/comm").read_text():
                yield pid


@case("a renderer that is killed loses its try, and nothing else")
def _(place):
    house, ended, killed = place.house(), threading.Event(), set()

    def kill_them():
        while not ended.is_set() and len(killed) < 20:
            for pid in renderers(house):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
    killer = threading.Thread(target=kill_them)
    killer.start()
    try:
        bought = []
        while len(killed) < 5 and len(bought) < 200:
            bought.append(place.buy(house))
    finally:
        ended.set()
        killer.join()
    assert len(killed) >= 5 and all(answer.status == 201 for _, answer in bought), (killed, bought)
    for key, _ in bought:
        receipt_is(house, key, "sent")


@case("after all of this: no charge without an order, none twice, every receipt came or is listed")
def _(place):
    for (name, house) in place.houses.items():
        house.settle()
        verdict = house.judge()
        if name == "smtp-once":     # on request, above
            verdict.wrong["receipts sent twice"].clear()
        verdict.assert_clean()
        assert house.stop() == 0, house.shop.said()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_faults.py PATH_OF_PRONG_SHOP")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="prong-shop-") as folder:
        place = Place(program, folder)
        try:
            return tap.run(place)
        finally:
            place.close()


if __name__ == "__main__":
    sys.exit(main())
