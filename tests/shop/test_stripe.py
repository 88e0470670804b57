#!/usr/bin/env python3
"""The stand-in gateway as Stripe's own library for Python sees it.

    python3 tests/shop/test_stripe.py BUILD/tests/shop/standin_program

Prints TAP.
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tap  # noqa: E402
from tap import Skip, case  # noqa: E402

try:
    import stripe
except ImportError:
    stripe = None


class Standin:
    """The program, and what it says it listens on."""

    def __init__(self, program, *words):
        self.process = subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().removeprefix("listening on ").strip()
        assert self.url.startswith("http://127.0.0.1:"), self.url

    def __enter__(self):
        if stripe:
            stripe.api_base, stripe.api_key, stripe.max_network_retries = self.url, "sk_test_1", 0
        return self

    def __exit__(self, *what):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0
        self.process.stdout.close()

    def post(self, path, **form):
        with urllib.request.urlopen(self.url + path, urllib.parse.urlencode(form).encode()) as answer:
            return answer.read()

    def ledger(self):
        with urllib.request.urlopen(self.url + "/stand-in/ledger") as answer:
            return [json.loads(line) for line in answer]


class Place:
    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)

    def standin(self, *words):
        if not stripe:
            raise Skip("no python3-stripe")
        return Standin(self.program, *words)


def create(key=None, **changes):
    form = {"amount": 1990, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True, "metadata": {"order": "o1"}, **changes}
    return stripe.PaymentIntent.create(**form, idempotency_key=key)


def error_of(kind, *words, **form):
    try:
        create(*words, **form)
    except stripe.error.StripeError as error:
        assert type(error) is kind, repr(error)
        return error
    raise AssertionError("no error")


@case("an intent is made, retrieved, listed and found by its order")
def _(place):
    with place.standin() as standin:
        made = create("k1")
        assert made.status == "succeeded" and made.amount_received == 1990 and made.metadata.order == "o1", made
        assert stripe.PaymentIntent.retrieve(made.id) == made
        for query in ("metadata['order']:'o1'", 'metadata["order"]:"o1"'):
            assert [one.id for one in stripe.PaymentIntent.search(query=query).data] == [made.id]
        assert stripe.PaymentIntent.search(query="metadata['order']:'o2'").data == []
        others = [create(metadata={"order": f"p{i}"}).id for i in range(7)]
        assert [one.id for one in stripe.PaymentIntent.list(limit=3).auto_paging_iter()] == [*reversed(others), made.id]
        assert [line["intent"] for line in standin.ledger()] == [made.id, *others]
        assert standin.ledger()[0] | {"at_ms": 0} == {
            "event": "charge", "intent": made.id, "key": "k1", "order": "o1", "amount": 1990, "currency": "eur", "method": "pm_card_visa",
            "at_ms": 0}


@case("a key runs once: the first answer comes again, byte for byte, and says that it does")
def _(place):
    with place.standin() as standin:
        for method in ("pm_card_visa", "pm_card_chargeDeclined"):
            answers = []
            for _ in range(2):
                try:
                    answers.append(create("k-" + method, payment_method=method).last_response)
                except stripe.error.CardError as error:
                    answers.append(error)
            first, again = ((a.body, a.headers) if hasattr(a, "body") else (a.http_body, a.headers) for a in answers)
            assert first[0] == again[0]
            assert "Idempotent-Replayed" not in first[1] and again[1]["Idempotent-Replayed"] == "true"
            assert first[1]["Request-Id"] != again[1]["Request-Id"]
        assert [line["event"] for line in standin.ledger()] == ["charge", "decline"]
        error = error_of(stripe.error.IdempotencyError, "k-pm_card_visa", amount=2000)
        assert error.http_status == 400


@case("a declined card is a CardError with its intent; what the request gets wrong is an InvalidRequestError, and keeps no key")
def _(place):
    with place.standin() as standin:
        error = error_of(stripe.error.CardError, "k1", payment_method="pm_card_chargeDeclinedExpiredCard")
        assert error.code == "expired_card" and error.http_status == 402, repr(error)
        assert error.error.payment_intent.status == "requires_payment_method"
        for changes in ({"amount": 0}, {"amount": "x"}, {"currency": "euro"}, {"payment_method": "pm_nobody"}, {"confirm": False},
                        {"metadata": {"order": 'a"b'}}):
            error_of(stripe.error.InvalidRequestError, "k2", **changes)
        assert create("k2").status == "succeeded"
        stripe.api_key = "pk_test_1"
        error_of(stripe.error.AuthenticationError)
        assert len(standin.ledger()) == 2


@case("each fault is the error that the library makes of it; what was charged meanwhile is told to whoever asks again")
def _(place):
    kinds = {
        "decline": stripe.error.CardError, "500": stripe.error.APIError, "429": stripe.error.RateLimitError,
        "in_progress": stripe.error.APIError,
        "garbage": stripe.error.APIError, "charge_garbage": stripe.error.APIError, "charge_500": stripe.error.APIError,
        "drop": stripe.error.APIConnectionError, "charge_drop": stripe.error.APIConnectionError,
    } if stripe else {}
    with place.standin() as standin:
        for name, kind in kinds.items():
            standin.post("/stand-in/behave", behave=name)
            error_of(kind, "k-" + name)
            standin.post("/stand-in/behave", behave="")
            charged = name.startswith("charge_")
            assert sum(line["event"] == "charge" and line["key"] == "k-" + name for line in standin.ledger()) == charged
            if name != "decline":
                answer = create("k-" + name)
                assert answer.status == "succeeded"
                assert answer.last_response.headers.get("Idempotent-Replayed") == ("true" if charged else None)
        assert len({line["key"] for line in standin.ledger()}) == len(standin.ledger())


@case("a share of the requests misbehaves, the same share each time")
def _(place):
    shares = []
    for _ in range(2):
        with place.standin("--behave", "decline:30,500:20") as standin:
            said = []
            for i in range(100):
                try:
                    said.append(create(f"k{i}").status)
                except stripe.error.StripeError as error:
                    said.append(error.http_status)
            shares.append(said)
            assert 15 < said.count(402) < 45 and 8 < said.count(500) < 35, said
            assert [line["event"] for line in standin.ledger()].count("decline") == said.count(402)
    assert shares[0] == shares[1]


@case("an intent that waits for the customer can be cancelled, one that is paid cannot")
def _(place):
    with place.standin() as standin:
        waiting = create(payment_method="pm_card_authenticationRequired")
        assert waiting.status == "requires_action"
        assert stripe.PaymentIntent.cancel(waiting.id).status == "canceled"
        assert stripe.PaymentIntent.retrieve(waiting.id).status == "canceled"
        for intent in (waiting.id, create().id):
            try:
                stripe.PaymentIntent.cancel(intent)
                raise AssertionError("cancelled")
            except stripe.error.InvalidRequestError as error:
                assert error.code == "payment_intent_unexpected_state"
        error = error_of(stripe.error.CardError, payment_method="pm_card_authenticationRequired", error_on_requires_action=True)
        assert error.code == "authentication_required"
        assert [line["event"] for line in standin.ledger()] == ["action", "cancel", "charge", "decline"]


@case("after a restart the ledger's keys are replayed, and its intents are as they were")
def _(place):
    ledger = str(place.folder / "ledger")
    with place.standin("--ledger", ledger):
        paid = create("k1")
        waiting = create("k2", payment_method="pm_card_authenticationRequired")
        stripe.PaymentIntent.cancel(waiting.id)
    assert os.stat(ledger).st_mode & 0o777 == 0o600
    with place.standin("--ledger", ledger) as standin:
        again = create("k1")
        assert again == paid and again.last_response.body == paid.last_response.body
        assert create("k2", payment_method="pm_card_authenticationRequired").last_response.body == waiting.last_response.body
        assert stripe.PaymentIntent.retrieve(waiting.id).status == "canceled"
        assert create("k3").id not in (paid.id, waiting.id)
        assert len(standin.ledger()) == 4


@case("a ledger that is none is refused, with its line")
def _(place):
    bad = place.folder / "bad"
    bad.write_text('{"event":"charge"}\n')
    done = subprocess.run([place.program, "--ledger", str(bad)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "line 1 is no event" in done.stderr, done
    assert bad.read_text() == '{"event":"charge"}\n'


@case("one key from 20 threads at once is charged once")
def _(place):
    with place.standin("--delay-ms", "20") as standin:
        outcomes = []

        def ask():
            try:
                outcomes.append(create("k1").id)
            except stripe.error.APIError as error:
                outcomes.append(error.http_status)
        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(standin.ledger()) == 1
        assert set(outcomes) <= {409, standin.ledger()[0]["intent"]} and standin.ledger()[0]["intent"] in outcomes, outcomes


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_stripe.py PATH_OF_STANDIN_PROGRAM")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Place(program, folder))


if __name__ == "__main__":
    sys.exit(main())
