#!/usr/bin/env python3
"""Receipts from outside: read by Python's email package, sent to a server that fails by chance; and a mailer killed at each of its points.

    python3 tests/shop/test_mail.py DRIVER      (mail_driver of the build)
"""
import email
import email.header
import email.policy
import email.utils
import html
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import tap                      # noqa: E402
from tap import Skip, case      # noqa: E402

DRIVER = ""
RECEIPTS = [    # address, name, note
    ("ann@example.com", "Ann Lee", "Thank you"),
    ("a.b+c@example.com", "", ""),
    ("zoe@example.com", "Zoë Ångström", "Grüße\naus Köln ☃"),
    ("li@example.com", "漢字" * 30, "漢" * 160),
    ("q@example.com", 'Quote "x" \\ <y@example.com>, (z)', 'a\n.\n..\n.x\n\n.'),
    ("h@example.com", "H", "</blockquote><script>alert('1')</script>&amp; = =3D =_ --=_"),
    ("s@example.com", "Space ", "ends in blanks  \n \n\tx" + "y" * 200),
    ("e@example.com", "=?utf-8?q?evil?=", "Bcc: all@example.com\nSubject: none\n\n--"),
]


def start(folder, *args):
    """A mail server; gives it and its address."""
    sink = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "smtp_sink.py"), "--log", os.path.join(folder, "log"), *args],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = sink.stdout.readline().split()
    if not line:
        sink.wait()
        raise Skip("no mail server (Debian: python3-aiosmtpd)")
    return sink, f"smtp://{line[2]}"


def end(sink):
    sink.terminate()
    sink.wait()
    sink.stdout.close()


def drive(to, receipts, *args, fail_at=""):
    text = "".join(f"{address}\x1f{name}\x1f{note}\x1f\x1e" for address, name, note in receipts)
    done = subprocess.run([DRIVER, to, *args], input=text.encode(), capture_output=True, timeout=120,
                          env=os.environ | {"PRONG_SHOP_FAIL_AT": fail_at})
    if fail_at:
        assert done.returncode == -signal.SIGKILL, f"{fail_at}: status {done.returncode}, {done.stderr.decode()}"
        return []
    assert done.returncode == 0, done.stderr.decode()
    return [line.split() for line in done.stdout.decode().splitlines()[:-1]]


def taken(folder):
    """How often each Message-ID was."""
    path = os.path.join(folder, "log")
    if not os.path.exists(path):
        return Counter()
    with open(path, encoding="utf-8") as log:
        return Counter(json.loads(line)["message_id"] for line in log)


def mailbox(raw, header):
    """By the older half of the package: the newer one of Python 3.11 sees blanks between encoded words."""
    name, address = email.utils.parseaddr(email.message_from_bytes(raw)[header])
    return str(email.header.make_header(email.header.decode_header(name))), address


def check_message(raw, receipt):
    address, name, note = receipt
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert all(not part.defects for part in message.walk()), [part.defects for part in message.walk()]
    assert mailbox(raw, "To") == (name, address), mailbox(raw, "To")
    assert mailbox(raw, "From") == ("Téé-shop", "shop@example.org"), mailbox(raw, "From")
    assert [one.addr_spec for one in message["To"].addresses] == [address], str(message["To"])
    assert message["Subject"] == "Your receipt from Téé-shop", message["Subject"]
    assert message["Date"].datetime.tzinfo is not None
    assert sorted(message.keys()) == sorted({*message.keys()}) and message["Bcc"] is None
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"], kinds
    plain, page = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    seen = note.replace("\t", "?")
    assert not note or "> " + seen.replace("\n", "\n> ") + "\n" in plain + "\n", plain
    assert not note or html.escape(seen).replace("&#x27;", "&#39;").replace("\n", "<br>\n") in page, page
    assert "39.80 EUR" in plain and "39.80 EUR" in page


def check_all(folder):
    """Each receipt is the message of one file, and the other way round."""
    left = {receipt[0]: receipt for receipt in RECEIPTS}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            raw = file.read()
        assert all(len(line) <= 998 and b"\r" not in line for line in raw.split(b"\r\n")) and b"\n" not in raw.replace(b"\r\n", b"")
        address = email.message_from_bytes(raw, policy=email.policy.SMTP)["To"].addresses[0].addr_spec
        check_message(raw, left.pop(address))
    assert not left, left


@case("Python's email package reads from the files in a folder what was put into them")
def _(folder):
    mail = os.path.join(folder, "mail")
    states = drive(mail, RECEIPTS)
    assert [state for state, _ in states] == ["sent"] * len(RECEIPTS), states
    assert sorted(os.listdir(mail)) == sorted(f"{name}@example.org.eml" for _, name in states)
    check_all(mail)


@case("and from what came by SMTP, dots at the beginning of lines and all")
def _(folder):
    mail = os.path.join(folder, "taken")
    os.mkdir(mail)
    sink, to = start(folder, "--folder", mail)
    try:
        drive(to, RECEIPTS)
    finally:
        end(sink)
    check_all(mail)


@case("with faults by chance each receipt that is sent was taken once, and what is uncertain at most once")
def _(folder):
    rules = "450@rcpt:10,451@mail:5,drop@data:5,drop@rcpt:5,reset@mail:5,421@connect:5,452@dot:10,taken:5,drop@dot:3,554@dot:3,ok_reset:5"
    sink, to = start(folder, "--behave", rules)
    try:
        states = drive(to, RECEIPTS[:1], "--copies", "400", "--in-flight", "50", "--backoff-ms", "1")
    finally:
        end(sink)
    counts = taken(folder)
    by_state = Counter(state for state, _ in states)
    for state, name in states:
        n = counts.pop(f"<{name}@example.org>", 0)
        assert (state, n) in [("sent", 1), ("uncertain", 1), ("uncertain", 0), ("dead", 0)], (state, n)
    assert not counts and by_state["sent"] > 200 and by_state["uncertain"] and by_state["dead"], (counts, by_state)


@case("killed at a point before the last dot nothing was taken, after the answer it was")
def _(folder):
    sink, to = start(folder)
    try:
        for point in ["after-lease", "before-handed", "after-handed", "before-dot", "after-delivery", "after-sent"]:
            before = sum(taken(folder).values())
            drive(to, RECEIPTS[:1], fail_at=point)
            assert sum(taken(folder).values()) - before == (point in ("after-delivery", "after-sent")), point
    finally:
        end(sink)


@case("killed before a file gets its name there is none of that name")
def _(folder):
    mail = os.path.join(folder, "mail")
    drive(mail, RECEIPTS[:1], fail_at="before-rename")
    assert [name for name in os.listdir(mail) if not name.startswith(".")] == [], os.listdir(mail)


def call(function, _place):
    with tempfile.TemporaryDirectory(prefix="prong-mail-") as folder:
        function(folder)


if __name__ == "__main__":
    DRIVER = tap.program(sys.argv[1])
    sys.exit(tap.run(None, call=call))
