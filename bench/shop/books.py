"""Do the gateway's ledger, the database and the answers agree?"""
import collections
import contextlib
import json
import sqlite3


def charges_of(ledger):
    """{intent: order} of all that was charged."""
    with open(ledger, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    return {event["intent"]: event["order"] for event in events if event["event"] == "charge"}


def differences(contender, db, ledger, answered):
    """{what is wrong: how many}; empty: nothing. `answered` is how many orders were answered 201."""
    charged = charges_of(ledger)
    with contextlib.closing(sqlite3.connect(db)) as conn:
        counts = {what: conn.execute(text).fetchone()[0] for what, text in contender.counts.items()}
        stored = {intent for (intent,) in conn.execute(contender.intents)}
    per_order = collections.Counter(charged.values())
    found = {
        "charged twice": sum(1 for times in per_order.values() if times > 1),
        "charged without an order": len(charged.keys() - stored),
        "paid without a charge": len(stored - charged.keys()),
        "answered and not there": max(0, answered - counts["paid"]),
        "paid without a receipt's job": max(0, counts["paid"] - counts["receipts"]),
    }
    return {what: n for what, n in found.items() if n}
