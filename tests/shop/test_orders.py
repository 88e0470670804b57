#!/usr/bin/env python3
"""prong-shop as its customers meet it, honest ones and others: keys, stock, what is refused, forms, hostile texts, slow and many
connections.

    python3 tests/shop/test_orders.py BUILD/shop/prong-shop

Prints TAP.
"""
import email
import email.policy
import html.parser
import json
import re
import resource
import select
import socket
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

from shop import GONE, Client, House, NotStarted, until, wish
import tap
from tap import Skip, case

CARD = "4242424242424242"
CARDS = (CARD, "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", "6011 1111 1111 1117")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
N = 100


class Place(House):
    """One shop for all cases; each has keys of its own."""

    n = 0

    def buyer(self):
        return Client(self.address)

    def key(self):
        self.n += 1
        return f"order-{self.n}"

    def buy(self, **more):
        """(key, answer)"""
        key = self.key()
        answer = self.buyer().order(wish(f"{key}@example.org", **more), key)
        self.answers.add(key, answer)
        return key, answer

    def at_once(self, wanted):
        """The answers to (wish, key) of each, all asked at the same time."""
        answers, gate = [None] * len(wanted), threading.Barrier(len(wanted))

        def ask(i):
            client = self.buyer()
            client.get("/healthz")      # connects
            gate.wait()
            answers[i] = client.order(*wanted[i])
            client.close()
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(wanted))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def stock(self):
        return {one["sku"]: one["stock"] for one in json.loads(self.run("stock", "--json"))["products"]}

    def order_of(self, key):
        return next((order for order in self.orders() if order.key == key), None)

    def charges_of(self, key):
        return [one for one in self.gateway.events() if one["order"].split("-")[0] == str(self.order_of(key).id)]


# ---- keys ------------------------------------------------------------------------------------------------------------------


@case(f"{N} posts of one key at the same time: one charge, and {N} answers that are equal to the byte")
def _(shop):
    for method, status in (("pm_card_visa", 201), ("pm_card_chargeDeclined", 402)):
        key = shop.key()
        answers = shop.at_once([(wish(f"{key}@example.org", method=method), key)] * N)
        assert {(one.status, one.body) for one in answers} == {(status, answers[0].body)}, {one.status for one in answers}
        assert len(shop.charges_of(key)) == (status == 201)
        shop.answers.add(key, answers[0])


@case("an answer is given again after a restart, to the byte, and nothing is charged by that")
def _(shop):
    bought = [shop.buy(method=method) for method in ("pm_card_visa", "pm_card_chargeDeclined") for _ in range(3)]
    charges = len(shop.gateway.events())
    for end in (shop.kill, shop.stop):
        end()
        shop.open()
        for i, (key, answer) in enumerate(bought):
            again = shop.buyer().order(wish(f"{key}@example.org", method=("pm_card_visa", "pm_card_chargeDeclined")[i // 3]), key)
            assert (again.status, again.body) == (answer.status, answer.body), again
            assert again.headers["Location"] == answer.headers["Location"], again
    assert len(shop.gateway.events()) == charges


@case("the same key with another wish is refused, also while the first is being charged, and changes nothing")
def _(shop):
    key, answer = shop.buy()
    for other in (wish(f"{key}@example.org", qty=2), wish("other@example.org"), wish(f"{key}@example.org", note="please")):
        refused = shop.buyer().order(other, key)
        assert refused.status == 422 and refused.code == "key_reused", refused
    slow = shop.key()
    wanted = wish(f"{slow}@example.org", method="pm_slow")
    waiting = threading.Thread(target=lambda: shop.answers.add(slow, shop.buyer().order(wanted, slow)))
    waiting.start()
    until(lambda: shop.order_of(slow), "the order is not stored")
    refused = shop.buyer().order(wish(f"{slow}@example.org", method="pm_slow", qty=3), slow)
    assert refused.status == 422, refused
    waiting.join()
    assert len(shop.charges_of(key)) == len(shop.charges_of(slow)) == 1
    again = shop.buyer().order(wish(f"{key}@example.org"), key)
    assert again.body == answer.body, again


@case("the same wish in other words is the same: order of members, blanks, escapes")
def _(shop):
    key, answer = shop.buy(note="für Ann")
    body = ('{ "note":"f\\u00fcr Ann", "items":[ {"qty":1,"sku":"TSHIRT-RED-M"} ],\n"payment_method":"pm_card_visa",'
            '"email":"%s@example.org"}' % key)
    again = shop.buyer().ask("POST", "/orders", body, {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": key})
    assert (again.status, again.body) == (answer.status, answer.body), again


@case("an order has the total that the shop reckons, a page, and a receipt that turns to sent")
def _(shop):
    key, answer = shop.buy(qty=3)
    order = answer.json["order"]
    assert answer.status == 201 and order["state"] == "paid" and order["total_cents"] == 3 * 1990 and order["currency"] == "eur", order
    assert answer.headers["Location"] == f"/orders/{order['token']}" and len(order["token"]) == 22
    assert order["items"] == [{"sku": "TSHIRT-RED-M", "qty": 3, "price_cents": 1990}] and order["receipt"] == "ready", order
    until(lambda: shop.buyer().get(f"/orders/{order['token']}").json["order"]["receipt"] == "sent", "the receipt is not sent")
    page = shop.buyer().get(f"/orders/{order['token']}", "text/html")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html") and b"59.70" in page.body, page
    assert shop.charges_of(key)[0]["amount"] == 5970 and shop.buyer().get("/orders/" + "A" * 22).status == 404


# ---- stock -----------------------------------------------------------------------------------------------------------------


@case(f"{N} buyers of one shirt: one is charged and gets it, the others are told that it is sold out")
def _(shop):
    shop.run("stock", "TSHIRT-GREEN-S=1")
    keys = [shop.key() for _ in range(N)]
    before = len(shop.gateway.events())
    answers = shop.at_once([(wish(f"{key}@example.org", "TSHIRT-GREEN-S"), key) for key in keys])
    statuses = sorted(one.status for one in answers)
    assert statuses == [201] + [409] * (N - 1), statuses
    assert {one.code for one in answers if one.status == 409} == {"sold_out"}
    assert not any(one.headers["Retry-After"] for one in answers)
    assert len(shop.gateway.events()) == before + 1 and shop.stock()["TSHIRT-GREEN-S"] == 0
    for key, answer in zip(keys, answers):
        shop.answers.add(key, answer)


@case("what is declined comes back into the stock; what is more than there is leaves it alone")
def _(shop):
    shop.run("stock", "TSHIRT-GREEN-M=3")
    _, declined = shop.buy(sku="TSHIRT-GREEN-M", qty=2, method="pm_card_chargeDeclined")
    assert declined.status == 402 and shop.stock()["TSHIRT-GREEN-M"] == 3
    _, too_many = shop.buy(sku="TSHIRT-GREEN-M", qty=4)
    assert too_many.status == 409 and too_many.code == "sold_out" and shop.stock()["TSHIRT-GREEN-M"] == 3
    _, paid = shop.buy(sku="TSHIRT-GREEN-M", qty=3)
    assert paid.status == 201 and shop.stock()["TSHIRT-GREEN-M"] == 0


@case("of several items all are there or none is taken")
def _(shop):
    shop.run("stock", "TSHIRT-GREEN-L=5", "TSHIRT-GREEN-XL=1")
    items = [{"sku": "TSHIRT-GREEN-L", "qty": 2}, {"sku": "TSHIRT-GREEN-XL", "qty": 2}]
    answer = shop.buyer().order({**wish("both@example.org"), "items": items}, shop.key())
    assert answer.status == 409 and answer.json["error"]["field"] == "items[1].qty", answer
    assert (shop.stock()["TSHIRT-GREEN-L"], shop.stock()["TSHIRT-GREEN-XL"]) == (5, 1)


# ---- what is refused -------------------------------------------------------------------------------------------------------


GOOD = wish("good@example.org")
WRONG = [
    ("email", {key: value for key, value in GOOD.items() if key != "email"}),
    ("email", {**GOOD, "email": "nobody"}), ("email", {**GOOD, "email": 7}),
    ("email", {**GOOD, "email": "a@b.example\r\nBcc: c@d.example"}), ("email", {**GOOD, "email": "a@b.example, c@d.example"}),
    ("email", {**GOOD, "email": "x" * 250 + "@b.example"}),
    ("payment_method", {**GOOD, "payment_method": ""}), ("payment_method", {**GOOD, "payment_method": "x" * 200}),
    ("items", {**GOOD, "items": []}), ("items", {**GOOD, "items": "TSHIRT-RED-M"}), ("items", {**GOOD, "items": [GOOD["items"][0]] * 101}),
    *(("items[0].qty", {**GOOD, "items": [{"sku": "TSHIRT-RED-M", "qty": qty}]}) for qty in (0, 100, 1.5, -1, "1", None, True, 2 ** 63)),
    ("items[0].sku", {**GOOD, "items": [{"sku": "NO-SUCH", "qty": 1}]}),
    ("items[0].price_cents", {**GOOD, "items": [{**GOOD["items"][0], "price_cents": 1}]}),
    ("total_cents", {**GOOD, "total_cents": 1}), ("note", {**GOOD, "note": "x" * 501}), ("note", {**GOOD, "note": "a\x01b"}),
]


@case("a wrong field is told by its name, and nothing is ordered or charged")
def _(shop):
    before, client = len(shop.orders()), shop.buyer()
    for field, wanted in WRONG:
        answer = client.order(wanted, shop.key())
        assert answer.status == 400 and answer.json["error"].get("field") == field, (field, wanted, answer)
    assert len(shop.orders()) == before


@case("a body that is no order, a bad key, another type, another method, another place: each its status, and the shop goes on")
def _(shop):
    head, client = {"Content-Type": "application/json", "Idempotency-Key": "wrong-1"}, shop.buyer()
    bodies = (b"", b"{", b"[]", b"null", b'"x"', b'{"email": "a@b.example", "email": "a@b.example"}', b"\xff\xfe", b"[" * 10000,
              b'{"a": 1e999}', json.dumps(GOOD).encode() + b"x", json.dumps(GOOD).encode()[:-1])
    for body in bodies:
        answer = client.ask("POST", "/orders", body, head)
        assert answer.status == 400 and answer.json["error"]["message"], (body[:40], answer)
    for key in (None, "", "two words", "x" * 256, CARD, "caf\xe9"):
        head_of = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key is not None else {})}
        answer = client.ask("POST", "/orders", json.dumps(GOOD), head_of)
        assert answer.status == 400 and answer.json["error"]["field"] == "Idempotency-Key", (key, answer)
    assert client.ask("POST", "/orders", json.dumps(GOOD), {**head, "Content-Type": "text/plain"}).status == 415
    assert shop.buyer().ask("POST", "/orders", b"x" * 100000, head).status == 413
    assert client.ask("GET", "/orders").status == 405 and client.ask("DELETE", "/").status in (405, 501)
    assert client.get("/nowhere").status == 404
    assert shop.buy()[1].status == 201


@case("a shop that has too much to do says so, with 503 and Retry-After, before anything is stored or charged")
def _(shop):
    with House(shop.program, shop.folder / "busy", options=["--orders-in-flight", 4]) as house:
        house.open()
        slow = [(wish(f"slow-{i}@example.org", method="pm_slow"), f"slow-{i}") for i in range(4)]
        threads = [threading.Thread(target=lambda one=one: house.answers.add(one[1], Client(house.address).order(*one))) for one in slow]
        for thread in threads:
            thread.start()
        until(lambda: house.db.exists() and len(house.orders()) == 4, "the slow orders are not stored")
        refused = Client(house.address).order(wish("fifth@example.org"), "fifth")
        assert refused.status == 503 and int(refused.headers["Retry-After"]) > 0 and refused.code == "overloaded", refused
        assert len(house.orders()) == 4 and not any(one["method"] == "pm_card_visa" for one in house.gateway.events())
        for thread in threads:
            thread.join()
        answer = Client(house.address).order(wish("fifth@example.org"), "fifth")
        assert answer.status == 201 and len(house.answers.paid()) == 4, answer
        house.settle()
        house.judge().assert_clean()


@case("a second server on the same database is refused in words, and the first goes on")
def _(shop):
    address = shop.shop
    try:
        shop.open()
    except NotStarted as refused:
        assert refused.status == 3 and "another" in refused.said, refused
    else:
        raise AssertionError("two servers have one database")
    finally:
        shop.shop = address
        shop.is_up.set()
    assert shop.buy()[1].status == 201


# ---- cards -----------------------------------------------------------------------------------------------------------------


def holds(folder, words):
    """The files below the folder that hold one of them."""
    return [path for path in Path(folder).rglob("*") if path.is_file() and any(word.encode() in path.read_bytes() for word in words)]


@case("card numbers are refused wherever they stand, and are in no file and no answer afterwards")
def _(shop):
    client = shop.buyer()
    for card in CARDS:
        for wanted in (wish("card@example.org", note=f"my card is {card}, thanks"), wish("card@example.org", method=card),
                       wish(f"{card.replace(' ', '')}@example.org"), wish("card@example.org", sku=card),
                       wish("card@example.org", address={"name": card, "street": "a", "city": "b", "postcode": "c", "country": "DE"})):
            answer = client.order(wanted, shop.key())
            assert answer.status == 400 and card.encode() not in answer.body, (wanted, answer)
        unknown = client.order({**wish("card@example.org"), card: 1}, shop.key())
        assert unknown.status == 400 and card.encode() not in unknown.body, unknown
        fields = {**front(shop)[1], "email": "card@example.org", "note": card}
        page = post(shop, fields)
        assert page.status == 400, page
    for path in (f"/orders/{CARD}", f"/?card={CARD}"):
        assert CARD.encode() not in client.get(path).body
    found = holds(shop.folder, CARDS)
    assert not found, found


# ---- forms -----------------------------------------------------------------------------------------------------------------


class Fields(html.parser.HTMLParser):
    """The hidden fields of the first form that posts to /buy, and all texts."""

    def __init__(self, page):
        super().__init__()
        self.hidden = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "input" and found.get("type") == "hidden":
            self.hidden.setdefault(found["name"], found.get("value", ""))


def front(shop, cookie=None):
    """(cookie, fields of a good form)"""
    page = shop.buyer().ask("GET", "/", headers={"Accept": "text/html", **({"Cookie": cookie} if cookie else {})})
    assert page.status == 200, page
    cookie = page.headers["Set-Cookie"].split(";")[0]
    key = shop.key()
    shop.cookie = cookie
    return cookie, {**Fields(page.body.decode()).hidden, "sku": "TSHIRT-RED-M", "qty": "1", "email": f"{key}@example.org",
                    "payment_method": "pm_card_visa", "note": ""}


def post(shop, fields, **headers):
    given = {**FORM, "Cookie": shop.cookie, **{name.replace("_", "-"): value for name, value in headers.items() if value is not None}}
    return shop.buyer().ask("POST", "/buy", urllib.parse.urlencode(fields), {name: value for name, value in given.items() if value})


@case("the form of the storefront buys a shirt: 303 to the order's page; sent twice it is the same order")
def _(shop):
    _, fields = front(shop)
    assert fields["key"] and fields["csrf"], fields
    first, second = post(shop, fields), post(shop, fields, Origin=f"http://{shop.address}")
    assert first.status == second.status == 303 and first.headers["Location"] == second.headers["Location"], (first, second)
    page = shop.buyer().get(first.headers["Location"], "text/html")
    assert page.status == 200 and b"TSHIRT-RED-M" in page.body or b"T-shirt" in page.body, page
    assert len(shop.charges_of(fields["key"])) == 1


@case("a form without the token, with a wrong one, without the cookie, or from a stranger's page is refused: 403, no order")
def _(shop):
    _, fields = front(shop)
    before = len(shop.orders())
    without = {name: value for name, value in fields.items() if name != "csrf"}
    mine = shop.cookie
    other = front(shop)[1]["csrf"]
    shop.cookie = mine
    for wrong, headers in ((without, {}), ({**fields, "csrf": ""}, {}), ({**fields, "csrf": "A" * 22}, {}), ({**fields, "csrf": other}, {}),
                           (fields, {"Cookie": ""}), (fields, {"Cookie": "shop=" + "A" * 22}), (fields, {"Origin": "http://evil.example"}),
                           (fields, {"Origin": "null"})):
        answer = post(shop, wrong, **headers)
        assert answer.status == 403, (wrong, headers, answer)
    assert len(shop.orders()) == before and post(shop, fields).status == 303


@case("pages tell the browser to load and run nothing else, and to show them in no frame")
def _(shop):
    page = shop.buyer().get("/", "text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe-inline" not in policy, policy
    assert page.headers["X-Content-Type-Options"] == "nosniff" and b"<script" not in page.body
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie, cookie


# ---- hostile texts ---------------------------------------------------------------------------------------------------------


def mail_to(shop, key):
    """The receipt that has come, as text and parsed."""
    def found():
        for path in shop.maildir.rglob("*.eml"):
            if f"{key}@example.org".encode() in path.read_bytes():
                return path
        return None
    path = until(found, f"no receipt for {key}: {shop.shop.said()[-1000:]}")
    return path.read_bytes(), email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "Bcc: eve@evil.example",
           "=?utf-8?q?=0D=0ABcc:_eve@evil.example?=", "'; DROP TABLE orders; --", "%s%n%s%n {{7*7}} ${7*7}", "\u202etxt.exe", "\U0001f455 ü € \u0301", "a" * 190)


@case("hostile texts in name, address and note: they stay texts, on the page and in the mail, and no header comes of them")
def _(shop):
    for text in HOSTILE:
        address = {"name": text, "street": text, "city": text, "postcode": "12345", "country": "DE"}
        key, answer = shop.buy(note=f"{text}\n.\n..\nBcc: eve@evil.example\n\n{text}", address=address)
        if answer.status == 400:        # refused as such: also good
            assert answer.code in ("bad_text", "too_long"), answer
            continue
        assert answer.status == 201, answer
        page = shop.buyer().get(f"/orders/{answer.token}", "text/html").body
        raw, mail = mail_to(shop, key)
        assert b"<script>alert" not in page and b"<img src=x" not in page, page
        assert mail["Bcc"] is None and len(mail.get_all("To")) == 1 and len(mail["To"].addresses) == 1, raw[:600]
        assert mail["To"].addresses[0].addr_spec == f"{key}@example.org" and len(mail.get_all("Message-ID")) == 1
        for part in mail.walk():
            if part.get_content_type() == "text/html":
                assert "<script>alert" not in part.get_content() and "<img src=x" not in part.get_content(), part.get_content()
    assert shop.orders()


@case("ends of lines in what becomes a header are refused, in JSON and in the form")
def _(shop):
    client = shop.buyer()
    for text in ("Eve\r\nBcc: eve@evil.example", "Eve\nX: y", "Eve\rX", "Eve\x00", "Eve\x1b[2J", "Eve\u0085X", "Eve\u2028X"):
        address = {"name": text, "street": "a", "city": "b", "postcode": "c", "country": "DE"}
        answer = client.order(wish("eve@example.org", address=address), shop.key())
        assert answer.status == 400 or ord(text[3]) > 0x7f, (text, answer)
        _, fields = front(shop)
        page = post(shop, {**fields, "name": text, "street": "a", "city": "b", "postcode": "c", "country": "DE"})
        assert page.status in (400, 403) or ord(text[3]) > 0x7f, (text, page)


# ---- slow and many ---------------------------------------------------------------------------------------------------------


def connect(shop):
    host, port = shop.address.split(":")
    return socket.create_connection((host, int(port)), 60)


@case("clients that send byte by byte hold up nobody, and are served if they finish in time")
def _(shop):
    key = shop.key()
    body = json.dumps(wish(f"{key}@example.org")).encode()
    request = (f"POST /orders HTTP/1.1\r\nHost: {shop.address}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    slow = [connect(shop) for _ in range(50)]
    for i, byte in enumerate(request):
        for link in slow:
            link.sendall(bytes([byte]))
        if i % 40 == 0:
            assert shop.buy()[1].status == 201
    answers = [link.makefile("rb").readline() for link in slow]
    assert set(answers) == {b"HTTP/1.1 201 Created\r\n"}, set(answers)
    assert len(shop.charges_of(key)) == 1
    for link in slow:
        link.close()


@case("clients that vanish in the middle, of a request or of the charge, leave whole orders or none")
def _(shop):
    body = json.dumps(wish("vanishing@example.org")).encode()
    head = f"POST /orders HTTP/1.1\r\nHost: {shop.address}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    before = len(shop.orders())
    for size in (1, 20, len(head), len(head) + 10):
        link = connect(shop)
        link.sendall((head + f"Idempotency-Key: {shop.key()}\r\n\r\n").encode()[:size] + (body[:5] if size > len(head) else b""))
        link.close()
    assert shop.buy()[1].status == 201 and len(shop.orders()) == before + 1
    key = shop.key()
    link = connect(shop)
    link.sendall((head + f"Idempotency-Key: {key}\r\n\r\n").encode() + body)
    until(lambda: shop.order_of(key), "the order is not stored")
    link.close()
    until(lambda: shop.order_of(key).state == "paid", "the order of a customer who has gone is not charged")
    assert shop.buyer().order(json.loads(body), key).status == 201 and len(shop.charges_of(key)) == 1


def more_files(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        raise Skip(f"only {hard} open files are allowed here")
    if soft != resource.RLIM_INFINITY and soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))


@case("1,000 idle connections are kept while orders go on")
def _(shop):
    more_files(2500)
    idle = [connect(shop) for _ in range(1000)]
    for link in idle[:500]:     # half of them have asked once
        link.sendall(f"GET /healthz HTTP/1.1\r\nHost: {shop.address}\r\n\r\n".encode())
    for link in idle[:500]:
        assert link.recv(1000).startswith(b"HTTP/1.1 200"), "no answer"
    for _ in range(50):
        assert shop.buy()[1].status == 201
    poll = select.poll()
    for link in idle:
        poll.register(link, select.POLLRDHUP)
    assert not poll.poll(0), "some were closed"
    for link in idle[::100]:
        link.sendall(f"GET /healthz HTTP/1.1\r\nHost: {shop.address}\r\n\r\n".encode())
        assert link.recv(1000).startswith(b"HTTP/1.1 200"), "no answer"
    for link in idle:
        link.close()


RAW = [
    (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", "both lengths"),
    (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", "two lengths"),
    (b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "the same length twice"),
    (b"X-A : b\r\nContent-Length: 2\r\n\r\n{}", "a blank in a name"),
    (b"Content-Length: -1\r\n\r\n", "a negative length"), (b"Content-Length: 99999999999999999999\r\n\r\n", "a length beyond all"),
    (b"X: " + b"y" * 100000 + b"\r\n\r\n", "a header beyond all"),
    (b"".join(b"X-%d: y\r\n" % i for i in range(500)) + b"\r\n", "500 headers"),
]


@case("requests that could be understood in two ways are refused, and their connection is closed")
def _(shop):
    for head, what in RAW:
        link = connect(shop)
        try:
            link.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: raw\r\n" + head)
            said = b""
            while piece := link.recv(65536):
                said += piece
        except GONE:            # closed while we still sent
            pass
        finally:
            link.close()
        statuses = re.findall(rb"HTTP/1\.[01] (\d)\d\d", said)
        assert set(statuses) <= {b"4", b"5"}, (what, said)
    assert not shop.order_of("raw") and shop.buy()[1].status == 201


@case("figures are told as OpenMetrics, and agree with what happened")
def _(shop):
    answer = shop.buyer().get("/metrics")
    text = answer.body.decode()
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/openmetrics-text"), answer
    assert text.endswith("# EOF\n"), text
    paid = int(re.search(r'^prong_shop_orders_total\{state="paid"\} (\d+)$', text, re.M).group(1))
    shop.buy()
    again = shop.buyer().get("/metrics").body.decode()
    assert f'prong_shop_orders_total{{state="paid"}} {paid + 1}\n' in again


@case("after all of this: no charge without an order, none twice, every answer as first given, every receipt sent; and it ends with 0")
def _(shop):
    shop.settle()
    shop.judge().assert_clean()
    assert shop.stop() == 0, shop.shop.said()
    private = [path.name for path in shop.folder.glob("shop.db*") if path.stat().st_mode & 0o077]
    assert not private, f"others may read {private}"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: test_orders.py PATH_OF_PRONG_SHOP")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="prong-shop-") as folder, Place(program, Path(folder) / "shop") as shop:
        shop.open()
        return tap.run(shop)


if __name__ == "__main__":
    sys.exit(main())
