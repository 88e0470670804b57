#!/usr/bin/env python3
"""The end of prong-shop by SIGTERM: whoever was taken is answered, within the limit, and nothing is lost.

    python3 tests/shop/test_drain.py BUILD/shop/prong-shop

Prints TAP.
"""
import contextlib
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from shop import GONE, Client, Crowd, House, until, wish
import tap
from tap import case

WAITING = 20


class Waiting:
    """Customers who wait for a charge, all of them taken by the shop."""

    def __init__(self, house, method, name):
        self.house, self.answers = house, [None] * WAITING
        self.wanted = [(wish(f"{name}-{i}@example.org", method=method), f"{name}-{i}") for i in range(WAITING)]
        self.threads = [threading.Thread(target=self.ask, args=(i,), daemon=True) for i in range(WAITING)]
        for thread in self.threads:
            thread.start()
        keys = {key for _, key in self.wanted}
        until(lambda: keys <= {order.key for order in house.orders()}, "not all are taken")

    def ask(self, i):
        with contextlib.suppress(*GONE):
            self.answers[i] = Client(self.house.address).order(*self.wanted[i])
            self.house.answers.add(self.wanted[i][1], self.answers[i])

    def end(self):
        for thread in self.threads:
            thread.join(60)
        return [answer and answer.status for answer in self.answers]


def refuses(house):
    try:
        return Client(house.address, 10).get("/healthz").status == 503
    except GONE:
        return True


@case("SIGTERM: those who wait for their charge get it, nobody new is let in, and the status is 0; receipts go on with the next start")
def _(place):
    with House(place.program, place.folder / "drain") as house:
        house.open()
        waiting = Waiting(house, "pm_slow", "slow")
        house.shop.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(house), "lets new ones in")
        assert waiting.end() == [201] * WAITING, waiting.answers
        assert house.shop.wait() == 0, house.shop.said()
        house.open()
        house.settle()
        house.judge().assert_clean()


@case("SIGTERM does not wait for clients that have gone in the middle of a request, nor for idle ones")
def _(place):
    with House(place.program, place.folder / "gone", options=["--drain-ms", 60000]) as house:
        house.open()
        host, port = house.address.split(":")
        idle = [Client(house.address) for _ in range(20)]
        assert {client.get("/healthz").status for client in idle} == {200}
        request = (f"POST /orders HTTP/1.1\r\nHost: {house.address}\r\nContent-Type: application/json\r\n"
                   "Content-Length: 99\r\n\r\n{").encode()
        for size in (1, 10, 40, 60, len(request)):
            for _ in range(20):
                with socket.create_connection((host, int(port))) as link:
                    link.sendall(request[:size])
        begin = time.monotonic()
        assert house.stop() == 0, house.shop.said()
        seconds = time.monotonic() - begin
        assert seconds < 25, f"{seconds:.1f} s"     # clients have 30 s for a header


@case("SIGTERM with a gateway that is silent: at the limit those who wait are told to ask again, and the status is 0")
def _(place):
    for behaviour, charged in (("hang", 0), ("charge_hang", WAITING)):
        with House(place.program, place.folder / behaviour, options=["--drain-ms", 500]) as house:
            house.open()
            waiting = Waiting(house, f"pm_behave_{behaviour}", behaviour)
            until(lambda: len(house.gateway.events()) == charged, "not charged")
            begin = time.monotonic()
            assert house.stop() == 0, house.shop.said()
            print(f"# {behaviour}: ended {time.monotonic() - begin:.2f} s after SIGTERM, the limit is 0.5 s")
            assert waiting.end() == [409] * WAITING and {answer.code for answer in waiting.answers} == {"in_progress"}, waiting.answers
            assert all(int(answer.headers["Retry-After"]) > 0 for answer in waiting.answers)


@case("SIGTERM again and again under load, by customers who keep their connections: each time 0, and nothing is missing")
def _(place):
    with House(place.program, place.folder / "again", gateway={"delay_ms": 20}) as house:
        house.open()
        crowd = Crowd(house, 8, 3, leave=0)
        for _ in range(5):
            crowd.wait_for(30)
            assert house.stop() == 0, house.shop.said()
            assert not house.shop.others(), "it has left processes"
            assert not any(order.receipt in ("leased", "handed") for order in house.orders())
            house.open()
        crowd.end()
        house.settle()
        house.judge().assert_clean()
        verdict = house.judge()
        assert not any(order.receipt == "uncertain" for order in verdict.orders), "an end in good order makes nothing uncertain"


@case("a second signal ends the waiting")
def _(place):
    with House(place.program, place.folder / "twice") as house:
        house.open()
        waiting = Waiting(house, "pm_behave_hang", "hang")
        house.shop.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(house), "lets new ones in")
        house.shop.process.send_signal(signal.SIGINT)
        assert house.shop.wait() == 0, house.shop.said()
        assert waiting.end() == [409] * WAITING, waiting.answers


class Place:
    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_drain.py PATH_OF_PRONG_SHOP")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="prong-shop-") as folder:
        return tap.run(Place(program, folder))


if __name__ == "__main__":
    sys.exit(main())
