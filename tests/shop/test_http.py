#!/usr/bin/env python3
"""The HTTP server, from outside: bytes over sockets to tests/shop/http_server.c, alone and behind nginx.

    python3 tests/shop/test_http.py BUILD/tests/shop/http_server ROOT

Prints TAP.
"""
import contextlib
import json
import os
import re
import resource
import select
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap
from tap import Skip, case

HANG_S = 20
HEAD = b"POST /echo HTTP/1.1\r\nHost: shop\r\n"

# What shop.md, section 4, was measured with.
NINE_ROWS = {
    "a length and a coding": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a coding that is not chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a field without a name": HEAD + b": x\r\nContent-Length: 3\r\n\r\nabc",
    "a blank before the colon": HEAD + b"X-A : x\r\nContent-Length: 3\r\n\r\nabc",
    "no Host": b"POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    "100 KB of header": HEAD + b"X-A: " + b"a" * 100_000 + b"\r\nContent-Length: 3\r\n\r\nabc",
    "a NUL in a value": HEAD + b"X-A: a\0b\r\nContent-Length: 3\r\n\r\nabc",
    "a NUL in a name": HEAD + b"X\0A: a\r\nContent-Length: 3\r\n\r\nabc",
}
SMUGGLING = {
    "a coding and a length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two equal lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths in one field": HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\nabc",
    "a length in hexadecimal": HEAD + b"Content-Length: 0x3\r\n\r\nabc",
    "an empty length": HEAD + b"Content-Length:\r\n\r\nabc",
    "a length beyond 64 bits": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "a blank behind chunked": HEAD + b"Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n",
    "a vertical tab before chunked": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and identity": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a coding with a blank in its name": HEAD + b"Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc",
    "a coding with a tab in its name": HEAD + b"Transfer-Encoding\t: chunked\r\nContent-Length: 3\r\n\r\nabc",
    "a coding in HTTP/1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded value": HEAD + b"X-A: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
    "a folded length": HEAD + b"Content-Length: 3\r\n\t0\r\n\r\nabc",
    "a folded coding": HEAD + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "a first line that is folded": b"POST /echo HTTP/1.1\r\n X-A: a\r\nHost: shop\r\n\r\n",
    "a line that ends with LF": HEAD + b"X-A: a\nContent-Length: 3\r\n\r\nabc",
    "a header that ends with LF": HEAD + b"Content-Length: 3\r\n\nabc",
    "a CR in a value": HEAD + b"X-A: a\rContent-Length: 0\r\nContent-Length: 3\r\n\r\nabc",
    "a CR before CR LF": HEAD + b"X-A: a\r\r\nContent-Length: 3\r\n\r\nabc",
    "a NUL behind a value": HEAD + b"X-A: a\0\r\nContent-Length: 3\r\n\r\nabc",
    "a NUL in the last value": HEAD + b"Content-Length: 3\r\nX-A: a\0b\r\n\r\nabc",
    "a NUL in the target": b"POST /ec\0ho HTTP/1.1\r\nHost: shop\r\n\r\n",
    "two hosts": HEAD + b"Host: other\r\nContent-Length: 3\r\n\r\nabc",
    "another host in the target": b"POST http://other/echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a blank in the target": b"POST /e cho HTTP/1.1\r\nHost: shop\r\n\r\n",
    "two blanks before the target": b"POST  /echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a tab in the target": b"POST /e\tcho HTTP/1.1\r\nHost: shop\r\n\r\n",
    "no version": b"GET /echo\r\n\r\n",
    "HTTP/2.0": b"GET /echo HTTP/2.0\r\nHost: shop\r\n\r\n",
    "a method that is no token": b"G(T /echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    "CONNECT": b"CONNECT other:80 HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a line without a colon": HEAD + b"hello\r\n\r\n",
    "a chunk whose size is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nz\r\nabc\r\n0\r\n\r\n",
    "a chunk whose size has a prefix": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than it says": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
}
SOUND = {
    "a length": HEAD + b"Content-Length: 3\r\n\r\nabc",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n",
    "CHUNKS": HEAD + b"tRANSFER-eNCODING:CHUNKED\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n",
    "blanks around values": HEAD + b"X-A: \t a b \t \r\nX-B:\r\nX-C:c\r\nContent-Length:   3\r\n\r\nabc",
    "lines before it": b"\r\n\r\n" + HEAD + b"Content-Length: 3\r\n\r\nabc",
    "cookies and a query": b"POST /echo?a=b%20c&d=%00&e HTTP/1.1\r\nHost: shop\r\nCookie: f=g; h=\"i\"\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.0": b"POST /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
    "bytes beyond ASCII": HEAD + b"X-A: \xc3\xa4\xff\r\nContent-Length: 3\r\n\r\nabc",
    "a name of all that a token may have": HEAD + b"!#$%&'*+-.^_`|~0aZ: x\r\nContent-Length: 3\r\n\r\nabc",
    "a header of almost 8 KiB": HEAD + b"X-A: " + b"a" * 8080 + b"\r\nContent-Length: 3\r\n\r\nabc",
    "64 fields of more than 100 bytes": HEAD + b"".join(b"X-%02d: %s\r\n" % (i, b"a" * 110) for i in range(62)) + b"Content-Length: 3\r\n\r\nabc",
}


class Client:
    """A connection, and the answers on it."""

    def __init__(self, port, send=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), HANG_S)
        self.rest = bytearray()
        if send:
            self.send(send)

    def send(self, data):
        with contextlib.suppress(OSError):      # it may have been refused while we sent: what it says of that is there to be read
            self.socket.sendall(data)
        return self

    def more(self):
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        self.rest += data
        return len(data) > 0

    def head(self):
        """Gives (status, fields), names in lower case."""
        while b"\r\n\r\n" not in self.rest:
            assert self.more(), ("no answer", self.rest[:1000])
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        return int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    def answer(self, has_body=True):
        """Gives (status, fields, body)."""
        status, fields = self.head()
        size = int(fields.get("content-length", 0)) if has_body and status != 100 else 0
        while len(self.rest) < size:
            assert self.more(), ("half an answer", self.rest[:1000])
        body, self.rest = self.rest[:size], self.rest[size:]
        return status, fields, body

    def ask(self, path, method="GET", body=b"", more=b""):
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        return self.send(b"%s %s HTTP/1.1\r\nHost: shop\r\n%s%s\r\n%s" % (method.encode(), path.encode(), length, more, body))

    def told(self, path, *words, **named):
        status, _, body = self.ask(path, *words, **named).answer()
        assert status == 200, (path, status, body)
        return body

    def is_closed(self, within_s=HANG_S):
        """Waits for its end."""
        self.socket.settimeout(within_s)
        try:
            while self.more():
                pass
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Server:
    def __init__(self, binary, *words, **more):
        # meson has malloc() fill what it gives, which would make memory out of what is only reserved.
        plain = {name: value for name, value in os.environ.items() if name != "MALLOC_PERTURB_"}
        self.process = subprocess.Popen([binary, *words], env=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        line = self.process.stdout.readline().decode()
        assert line.startswith("listening on http://127.0.0.1:"), (line, self.process.stderr.read())
        self.port = int(line.rsplit(":", 1)[1])

    def client(self, send=b""):
        return Client(self.port, send)

    def ask(self, path, *words, **named):
        client = self.client()
        try:
            return client.told(path, *words, **named)
        finally:
            client.close()

    def stats(self):
        return json.loads(self.ask("/stats"))

    def await_stats(self, **wanted):
        """Asks again and again until these are so; the asker's own connection and request count."""
        end = time.monotonic() + HANG_S
        client = self.client()
        while True:
            stats = json.loads(client.told("/stats"))
            if all(stats[name] == value for name, value in wanted.items()):
                client.close()
                return stats
            assert time.monotonic() < end, (stats, wanted)

    def resident_kb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1))

    def processor_s(self):
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def stopped(self):
        """After SIGTERM: waits for its end."""
        _, err = self.process.communicate(timeout=HANG_S)
        assert self.process.returncode == 0 and err == b"", (self.process.returncode, err)


class Place:
    def __init__(self, binary, root):
        self.binary, self.root = binary, root

    @contextlib.contextmanager
    def server(self, **limits):
        server = Server(self.binary, *(f"{name}={value}" for name, value in limits.items()))
        try:
            yield server
        finally:
            server.end()


def released(server, name, n=1):
    """Lets go those that wait as `name`, once there are n of them (and who asks)."""
    server.await_stats(waiting=n + 1)
    releaser = server.client().ask(f"/release?id={name}")
    assert releaser.answer()[0] == 200
    return releaser             # open for as long as it is kept: its end would wake the server, and the answer alone is to do so


# ---- what is refused -------------------------------------------------------------------------------------------------------


def refused(server, name, data):
    client = server.client(data)
    assert client.is_closed(), (name, "stays open", client.rest)
    status, fields, body = client.answer()
    assert 400 <= status <= 599, (name, status, body, client.rest)
    # The library sends the header of its own answers to wrong lengths twice.
    assert not client.rest or body.startswith(b"HTTP/1.1 4"), (name, status, body, client.rest)
    assert fields.get("connection") == "close", (name, fields)
    if fields.get("content-type") == "application/json":
        error = json.loads(body)["error"]
        assert error["code"] and error["message"], (name, body)
    client.close()


@case("none of the nine malformed requests is served: each is refused and its connection closed")
def _(place):
    with place.server() as server:
        for name, data in NINE_ROWS.items():
            refused(server, name, data)
        assert server.stats()["paths"] == []


@case("whatever has two readings is refused, and what follows it on the connection is never served")
def _(place):
    with place.server() as server:
        for name, data in SMUGGLING.items():
            refused(server, name, data + b"GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n")
        stats = server.stats()
        assert stats["paths"] == [] and stats["refused"] >= len(SMUGGLING) - 3, stats


@case("also in pieces of one byte a malformed request is refused")
def _(place):
    with place.server() as server:
        for name in ("a NUL in a value", "a blank before the colon", "two lengths"):
            client = server.client()
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in NINE_ROWS[name]:
                client.send(bytes([byte]))
            assert client.answer()[0] == 400 and client.is_closed(), name
        assert server.stats()["paths"] == []


@case("sound requests, also odd ones, are served")
def _(place):
    with place.server() as server:
        for name, data in SOUND.items():
            status, _, body = server.client(data).answer()
            assert (status, body) == (200, b"abc"), (name, status, body)
        assert server.stats()["refused"] == 0


@case("a refusal says why in JSON")
def _(place):
    with place.server() as server:
        _, fields, body = server.client(NINE_ROWS["two lengths"]).answer()
        assert fields["content-type"] == "application/json"
        assert json.loads(body) == {"error": {"code": "malformed", "message": "There is more than one Content-Length."}}


# ---- limits ----------------------------------------------------------------------------------------------------------------


@case("a header may have as many bytes as the limit says, and not one more")
def _(place):
    with place.server(header_bytes=1000) as server:
        frame = len(b"GET /tell HTTP/1.1\r\nHost: shop\r\nX-A: \r\n\r\n")
        for size, status in ((1000, 200), (1001, 431)):
            client = server.client().ask("/tell", more=b"X-A: " + b"a" * (size - frame) + b"\r\n")
            assert client.answer()[0] == status, size
        assert client.is_closed()


@case("a header may have as many fields as the limit says, and not one more")
def _(place):
    with place.server(header_fields=10) as server:
        for n, status in ((10, 200), (11, 431)):
            client = server.client().ask("/tell", more=b"".join(b"X-%d: a\r\n" % i for i in range(n - 1)))
            assert client.answer()[0] == status, n
        assert client.is_closed()


@case("a body may have as many bytes as the limit says; a larger one gets 413, with a length and in chunks")
def _(place):
    def chunked(size):
        return HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, b"a" * size)
    with place.server(body_bytes=5000) as server:
        for size, wanted in ((5000, 200), (5001, 413), (70_000, 413)):
            for data in (HEAD + b"Content-Length: %d\r\n\r\n%s" % (size, b"a" * size), chunked(size)):
                client = server.client(data)
                status, _, body = client.answer()
                assert status == wanted, (size, status)
                assert (len(body) == size) if status == 200 else (json.loads(body)["error"]["code"] == "body_too_large" and client.is_closed())
        assert server.stats()["paths"] == ["/echo", "/echo"]


@case("a body far beyond the limit is not waited for, and one in chunks without an end is cut off")
def _(place):
    with place.server(body_bytes=1000) as server:
        client = server.client(HEAD + b"Content-Length: 100000000\r\n\r\n")
        assert client.answer()[0] == 413 and client.is_closed()
        client = server.client(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            client.send(b"400\r\n" + b"a" * 1024 + b"\r\n")
        assert client.is_closed() and server.stats()["paths"] == []


@case("one address gets as many connections as the limit says")
def _(place):
    with place.server(per_address=3) as server:
        clients = [server.client() for _ in range(3)]
        for client in clients:
            client.told("/tell")
        assert server.client().is_closed()
        clients.pop().close()
        while True:                             # until the server has seen the end
            client = server.client().ask("/tell")
            try:
                assert client.answer()[0] == 200
                break
            except AssertionError:
                client.close()


@case("connections beyond the limit wait until others end")
def _(place):
    with place.server(connections=2) as server:
        clients = [server.client() for _ in range(2)]
        for client in clients:
            client.told("/tell")
        third = server.client().ask("/tell")
        assert not select.select([third.socket], [], [], 0.1)[0]
        clients.pop().close()
        assert third.answer()[0] == 200


# ---- what a request says ---------------------------------------------------------------------------------------------------


@case("method, path, query, header, cookie and address are told as they were sent")
def _(place):
    with place.server() as server:
        client = server.client()
        told = json.loads(client.told("/a%2Fb%20c/?p=1&q=%C3%A4+x&q=2", more=b"X-TELL:  y z\r\nX-Tell: 2\r\nCookie: b=1; c=d; e=f\r\n"))
        assert told == {"method": "GET", "path": "/a%2Fb%20c/", "q": "\u00e4 x", "header": "y z", "cookie": "d", "peer": "127.0.0.1", "body": 0}, told
        told = json.loads(client.told("/x?q"))
        assert (told["q"], told["header"], told["cookie"]) == ("", None, None), told
        assert json.loads(client.told("/x?q=a%00b"))["q"] is None
        assert json.loads(client.told("/x", method="DELETE"))["method"] == "DELETE"


@case("HEAD is answered like GET, without the body, and the connection goes on")
def _(place):
    with place.server() as server:
        client = server.client()
        body = client.told("/tell")
        status, fields, _ = client.ask("/tell", method="HEAD").answer(has_body=False)
        assert status == 200 and int(fields["content-length"]) == len(body)
        assert client.told("/tell") == body
        client.ask("/later?id=h", method="HEAD")
        _open = released(server, "h")
        assert client.answer(has_body=False)[0] == 200 and client.told("/tell") == body


@case("a body arrives whole, however it is cut")
def _(place):
    body = bytes(range(256)) * 256
    with place.server() as server:
        client = server.client()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert client.told("/echo", method="POST", body=body) == body
        client.send(HEAD + b"Content-Length: 3\r\n\r\na").send(b"b").send(b"c")
        assert client.answer()[2] == b"abc"
        client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(body), 777):
            client.send(b"%x\r\n" % len(body[i:i + 777])).send(body[i:i + 777]).send(b"\r\n")
        assert client.send(b"0\r\n\r\n").answer()[2] == body
        for byte in HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
            client.send(bytes([byte]))
        assert client.answer()[2] == b"abc"


@case("Expect: 100-continue is answered with 100 before the body, and with 413 at once where it would be too large")
def _(place):
    with place.server(body_bytes=1000) as server:
        client = server.client(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.answer()[0] == 100
        assert client.send(b"abc").answer()[2] == b"abc"
        client = server.client(HEAD + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
        assert client.answer()[0] == 413 and client.is_closed()


@case("an answer can close the connection, and HTTP/1.0 does unless it asks not to")
def _(place):
    with place.server() as server:
        client = server.client().ask("/last")
        assert client.answer()[1]["connection"] == "close" and client.is_closed()
        client = server.client(b"GET /tell HTTP/1.0\r\n\r\n")
        assert client.answer()[0] == 200 and client.is_closed()
        client = server.client(b"GET /tell HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert client.answer()[0] == 200 and client.send(b"GET /tell HTTP/1.0\r\n\r\n").answer()[0] == 200


# ---- order -----------------------------------------------------------------------------------------------------------------


@case("requests sent at once are answered in their order, also where the first must wait")
def _(place):
    with place.server() as server:
        client = server.client()
        client.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\n%04d" % i for i in range(500)))
        assert [client.answer()[2] for _ in range(500)] == [b"%04d" % i for i in range(500)]
        client.ask("/later?id=p", method="POST", body=b"first")
        for i in range(50):
            client.ask("/echo", method="POST", body=b"%d" % i)
        assert not select.select([client.socket], [], [], 0.1)[0]
        _open = released(server, "p")
        assert [client.answer()[2] for _ in range(51)] == [b"first"] + [b"%d" % i for i in range(50)]


@case("answers come in the order in which they are given, not in that of the requests")
def _(place):
    with place.server() as server:
        clients = [server.client() for _ in range(100)]
        for i, client in enumerate(clients):
            client.ask(f"/later?id={i}", method="POST", body=b"%d" % i)
        server.await_stats(waiting=101)
        for i in reversed(range(100)):
            server.ask(f"/release?id={i}")
            assert clients[i].answer()[2] == b"%d" % i
        assert not select.select([client.socket for client in clients], [], [], 0)[0]


@case("a thousand requests that wait are answered at once")
def _(place):
    with place.server() as server:
        clients = [server.client() for _ in range(1000)]
        for round in range(2):                  # the second on connections that waited before
            for i, client in enumerate(clients):
                client.ask("/later?id=all", method="POST", body=b"%d" % i)
            _open = released(server, "all", 1000)
            for i, client in enumerate(clients):
                assert client.answer()[2] == b"%d" % i


# ---- slow clients ----------------------------------------------------------------------------------------------------------


def drip(client, data, seconds):
    """Sends a byte every 20 ms until the server has enough of it; gives how long that took."""
    began = time.monotonic()
    for byte in data:
        client.send(bytes([byte]))
        if select.select([client.socket], [], [], 0.02)[0]:
            break
        assert time.monotonic() - began < seconds, "still open"
    assert client.is_closed()
    return time.monotonic() - began


@case("who sends the header byte by byte is cut off, and others are served meanwhile")
def _(place):
    with place.server(header_ms=300) as server:
        took = drip(server.client(), b"GET /slow HTTP/1.1\r\nHost: shop\r\nX-A: " + b"a" * 10_000, HANG_S)
        assert took >= 0.25, took
        assert server.await_stats(connections=1)["cut_off"] >= 1
        assert "/slow" not in server.stats()["paths"]


@case("who sends the body byte by byte is cut off, with a length and in chunks")
def _(place):
    with place.server(body_ms=300) as server:
        other = server.client()
        assert drip(server.client(), HEAD + b"Content-Length: 60000\r\n\r\n" + b"a" * 10_000, HANG_S) >= 0.25
        other.told("/tell")                     # its clock, that of the header, goes on for half a minute
        assert drip(server.client(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"), b"1\r\na\r\n" * 10_000, HANG_S) >= 0.25
        assert drip(server.client(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"), b"3\r\nabc\r\n0\r\nX-A: " + b"y" * 10_000, HANG_S) >= 0.25
        stats = server.stats()
        assert stats["cut_off"] == 3 and stats["paths"] == ["/tell"], stats
        other.told("/tell")


@case("a chunk's size that does not end keeps the server from nothing, and not busy")
def _(place):
    with place.server(body_ms=1000) as server:
        began = server.processor_s()
        clients = [server.client(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 20_000) for _ in range(3)]
        server.ask("/tell")
        assert all(client.is_closed() for client in clients) and server.stats()["cut_off"] == 3
        assert server.processor_s() - began < 0.3, server.processor_s() - began


@case("who does not read the answer is cut off")
def _(place):
    with place.server(answer_ms=300) as server:
        client = server.client().ask("/big?bytes=60000000")
        assert server.await_stats(cut_off=1)["connections"] <= 2
        got = 0
        with contextlib.suppress(ConnectionError):
            while data := client.socket.recv(1 << 20):
                got += len(data)
        assert got < 60_000_000


@case("who reads the answer slowly is cut off, who reads it at all speed is not")
def _(place):
    with place.server(answer_ms=500) as server:
        fast = server.client()
        fast.told("/big?bytes=60000000")
        client = server.client().ask("/big?bytes=60000000")
        while not select.select([], [], [], 0.02)[0] and server.stats()["cut_off"] == 0:
            client.socket.recv(1000)
        fast.told("/tell")


@case("a connection without a request is closed when its time is over, counted from the last answer")
def _(place):
    with place.server(header_ms=500) as server:
        idle, busy = server.client(), server.client()
        assert busy.told("/tell")
        end = time.monotonic() + HANG_S
        while not select.select([idle.socket], [], [], 0.05)[0]:
            busy.told("/tell")
            assert time.monotonic() < end
        assert idle.is_closed() and busy.told("/tell") and busy.is_closed()


@case("no clock runs while a request waits for its answer")
def _(place):
    with place.server(header_ms=200, body_ms=200, answer_ms=200) as server:
        waits = server.client().ask("/later?id=x", method="POST", body=b"patience")
        for _ in range(3):
            assert server.client().is_closed()  # each after the time for a header
        assert not select.select([waits.socket], [], [], 0)[0]
        server.ask("/release?id=x")
        assert waits.answer()[2] == b"patience"
        assert waits.is_closed()


# ---- many, and gone ----------------------------------------------------------------------------------------------------------


@case("a thousand idle connections, all of which have been served once, disturb nobody and take less than 25 MB")
def _(place):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with place.server() as server:
            idle = [server.client() for _ in range(1000)]
            for client in idle:
                client.told("/tell")
            for _ in range(1000):
                server.ask("/tell")
            assert server.stats()["connections"] == 1001
            assert server.resident_kb() < 25_000, server.resident_kb()
            assert all(client.told("/tell") for client in idle)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@case("clients that vanish while their requests wait harm nobody")
def _(place):
    with place.server() as server:
        clients = [server.client().ask("/later?id=v", method="POST", body=b"x" * 60_000) for _ in range(200)]
        server.await_stats(waiting=201)
        stays = clients.pop()
        for i, client in enumerate(clients):
            client.reset() if i % 2 else client.close()
        server.ask("/release?id=v")
        assert stays.answer()[2] == b"x" * 60_000
        stays.close()
        assert server.await_stats(connections=1)["waiting"] == 1


@case("clients that vanish within header or body harm nobody")
def _(place):
    with place.server(header_ms=500, body_ms=500) as server:    # an end right behind the data may be seen only then
        for i in range(300):
            data = SOUND["a length" if i % 2 else "CHUNKS"]
            client = server.client(data[:i * len(data) // 300])
            client.reset() if i % 3 else client.close()
        server.await_stats(connections=1)
        assert server.client(SOUND["a length"]).answer()[2] == b"abc"


# ---- beginning and end -------------------------------------------------------------------------------------------------------


@case("a stopped server takes no more connections, closes idle ones, and answers what it has")
def _(place):
    with place.server() as server:
        idle, served, waits = server.client(), server.client(), server.client()
        served.told("/tell")
        idle.told("/tell")
        part = server.client(HEAD + b"Content-Length: 3\r\n\r\na")
        releaser = server.client(b"GET /release?id=s HTTP/1.1\r\nHost: ")
        waits.ask("/later?id=s", method="POST", body=b"kept")
        server.await_stats(waiting=2, connections=6)
        server.process.terminate()
        assert idle.is_closed() and served.is_closed()
        try:
            refused = Client(server.port)
            assert refused.is_closed()
        except ConnectionError:
            pass
        status, fields, body = part.send(b"bc").answer()
        assert (status, body, fields["connection"]) == (200, b"abc", "close") and part.is_closed()
        status, fields, _ = releaser.send(b"shop\r\n\r\n").answer()
        assert status == 200 and fields["connection"] == "close"
        status, fields, body = waits.answer()
        assert (status, body, fields["connection"]) == (200, b"kept", "close") and waits.is_closed()
        server.stopped()


@case("a stopped server lets an answer be read to its end, and closes then")
def _(place):
    with place.server() as server:
        client = server.client().ask("/big?bytes=30000000")
        _, fields = client.head()
        assert "connection" not in fields       # it was given before
        server.process.terminate()
        with contextlib.suppress(ConnectionError):
            while True:                         # until it has seen the signal
                server.client().close()
        got = len(client.rest)
        while data := client.socket.recv(1 << 20):
            got += len(data)
        assert got == 30_000_000, got
        server.stopped()


@case("a stopped server cuts off who is slow")
def _(place):
    with place.server(body_ms=300) as server:
        slow = server.client(HEAD + b"Content-Length: 3\r\n\r\na")
        server.await_stats(connections=2)
        server.process.terminate()
        assert slow.is_closed()
        server.stopped()


@case("a listening socket can be taken over, and requests that came before are answered")
def _(place):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(listener.getsockname()[1]).ask("/tell")
        server = Server(place.binary, f"fd={listener.fileno()}", pass_fds=[listener.fileno()])
    try:
        assert server.port == client.socket.getpeername()[1]
        assert client.answer()[0] == 200
    finally:
        server.end()


@case("a port that is taken, and a descriptor that is no listening socket, are told")
def _(place):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for words, said in (([f"port={port}"], f"127.0.0.1, port {port}: Address already in use"), (["fd=0"], "the socket that was passed on")):
            done = subprocess.run([place.binary, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S)
            assert done.returncode == 1 and said in done.stderr.decode(), done


# ---- behind nginx ------------------------------------------------------------------------------------------------------------


class Nginx:
    """nginx with the configuration that ships, but for ports, names, certificate and rates, before a server."""

    def __init__(self, place, folder, port, rate=None):
        self.folder, self.socket = folder, folder / "tls"
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=shop.example.org",
                        "-keyout", key, "-out", certificate], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S)
        text = (place.root / "packaging/nginx/prong-shop.conf").read_text()
        for pattern, by in ((r"server 127\.0\.0\.1:8080;", f"server 127.0.0.1:{port};"),
                            (r"listen 443 (.*);", rf"listen unix:{self.socket} \1;"), (r"listen 80;", f"listen unix:{folder}/plain;"),
                            (r"listen \[::\]:\d+.*;", ""), (r"ssl_certificate .*;", f"ssl_certificate {certificate};"),
                            (r"ssl_certificate_key .*;", f"ssl_certificate_key {key};"), (r"rate=\d+r/s", f"rate={rate}r/s" if rate else r"\g<0>")):
            text, n = re.subn(pattern, by, text)
            assert n > 0, pattern
        (folder / "shop.conf").write_text(text)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        (folder / "nginx.conf").write_text(f"daemon off;\npid {folder}/pid;\n" + ("user root;\n" if os.geteuid() == 0 else "") +
            "worker_processes 1;\nevents { }\nhttp {\naccess_log off;\n" + "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds) +
            f"include {folder}/shop.conf;\n}}\n")
        with open(folder / "errors", "wb") as errors:
            self.process = subprocess.Popen([nginx(), "-e", folder / "errors", "-p", folder, "-c", folder / "nginx.conf"],
                                            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)

    def client(self, send=b""):
        context = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        client = Client.__new__(Client)
        client.rest = bytearray()
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(HANG_S)
        plain.connect(str(self.socket))
        client.socket = context.wrap_socket(plain, server_hostname="shop.example.org")
        return client.send(send) if send else client

    def await_start(self):
        end = time.monotonic() + HANG_S
        while True:
            try:
                self.client().close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, (self.folder / "errors").read_text()
                select.select([], [], [], 0.01)

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=HANG_S)


def nginx():
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise Skip("no nginx here (Debian: nginx-light)")
    return found


@contextlib.contextmanager
def before(place, port, rate=None):
    nginx()
    if not shutil.which("openssl"):
        raise Skip("no openssl here")
    with tempfile.TemporaryDirectory() as folder:
        front = Nginx(place, Path(folder), port, rate)
        try:
            front.await_start()
            yield front
        finally:
            front.end()


@case("behind nginx none of the nine malformed requests reaches the server")
def _(place):
    with place.server() as server, before(place, server.port, rate=10000) as front:
        for name, data in NINE_ROWS.items():
            client = front.client(data)
            status, _, _ = client.answer()
            assert 400 <= status <= 599 and client.is_closed(), (name, status)
        stats = server.stats()
        assert stats["paths"] == [] and stats["refused"] == 0, stats


@case("behind nginx whatever has two readings is refused there, or arrives with one")
def _(place):
    with place.server() as server, before(place, server.port, rate=10000) as front:
        for name, data in {**SMUGGLING, "a NUL before a bare LF": HEAD + b"X-A: a\0\nContent-Length: 3\r\n\r\nabc"}.items():
            client = front.client(data)
            if name == "no version":            # answered as HTTP/0.9: a body alone
                assert client.is_closed()
                continue
            status, _, body = client.answer()
            assert 400 <= status <= 599 or body in (b"abc", b""), (name, status, body)
            client.close()
        stats = server.stats()
        assert stats["refused"] == 0 and set(stats["paths"]) <= {"/echo"}, stats


@case("behind nginx sound requests are served, on few connections, with the address of the client")
def _(place):
    with place.server() as server, before(place, server.port, rate=10000) as front:
        client = front.client()
        for name, data in SOUND.items():
            if name not in ("HTTP/1.0", "a name of all that a token may have", "a header of almost 8 KiB", "64 fields of more than 100 bytes"):
                status, fields, body = client.send(data).answer()
                assert (status, body) == (200, b"abc"), (name, status, body)
                assert fields["strict-transport-security"] == "max-age=31536000"
        told = json.loads(client.told("/a%2Fb?q=c%20d", more=b"X-Tell: e\r\nCookie: c=f\r\n"))
        assert (told["path"], told["q"], told["header"], told["cookie"]) == ("/a%2Fb", "c d", "e", "f"), told
        body = os.urandom(65536)
        assert client.told("/echo", method="POST", body=body) == body
        assert client.ask("/echo", method="POST", body=body + b"x").answer()[0] == 413
        assert front.client().ask("/metrics").answer()[0] == 403
        assert server.stats()["connections"] <= 2


@case("nginx sends no order twice, and says what to do where the shop does not answer")
def _(place):
    with socket.create_server(("127.0.0.1", 0)) as listener, before(place, listener.getsockname()[1]) as front:
        client = front.client().ask("/orders", method="POST", body=b"{}", more=b"Idempotency-Key: k\r\n")
        shop, _ = listener.accept()
        while b"\r\n\r\n{}" not in (got := shop.recv(65536, socket.MSG_PEEK)):
            select.select([], [], [], 0.01)
        assert b"x-forwarded-for:" in got.lower() and b"connection: close" not in got.lower(), got
        shop.close()                            # with bytes unread: a reset
        status, fields, body = client.answer()
        assert (status, fields["retry-after"], json.loads(body)["error"]["code"]) == (503, "2", "unavailable")
        assert not select.select([listener], [], [], 0)[0]


@case("nginx refuses who orders too fast, and lets him look at pages")
def _(place):
    with place.server() as server, before(place, server.port) as front:
        client = front.client()
        statuses = [client.ask("/order", method="POST", body=b"{}").answer()[0] for _ in range(15)]
        assert statuses[:6] == [201] * 6 and 429 in statuses[6:], statuses
        assert client.ask("/tell").answer()[0] == 200


if __name__ == "__main__":
    sys.exit(tap.run(Place(tap.program(sys.argv[1]), Path(sys.argv[2]))))
