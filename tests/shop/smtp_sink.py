#!/usr/bin/python3
"""A mail server to test with (aiosmtpd underneath): takes everything, or does wrong just what it is told to.

    python3 tests/shop/smtp_sink.py [--port 0] [--log FILE] [--folder DIR] [--behave RULE[,RULE]...] [--delay-ms N] [--connections N]
        [--tls CERT KEY [--smtps | --require-starttls]] [--auth USER:PASSWORD]

It listens on 127.0.0.1 and prints, when it is ready, one line:   listening on 127.0.0.1:PORT control 127.0.0.1:PORT
A message that it has taken is a line of JSON in the log, {"message_id", "from", "to", "size", "at_ms", "how"}, written before any answer;
with --folder it is a file there, too, NUMBER.eml. The log is only ever added to.

A rule is WHAT[@VERB][*TIMES][:PERCENT]; the first that holds acts. TIMES: only the first so many times; PERCENT: by chance.
    450@rcpt  any code at a verb      hang@VERB  no answer      drop@VERB  closes without an answer      reset@VERB  the same, by RST
    taken     at the dot: takes the message and closes without an answer     taken_hang  the same, and stays silent
    ok_reset  takes the message, says 250, and resets                        greylist    451 at rcpt, the first time for each recipient
VERB is connect, ehlo, auth, mail, rcpt, data or dot (the end of the message). "accept" is no rule at all.

On the control port, a line each, answered by a line: "behave RULES" and "delay MS": "ok"; "counts": a line of JSON.
"""
import argparse
import asyncio
import json
import logging
import os
import random
import re
import socket
import ssl
import struct
import sys
import time
import warnings

try:
    from aiosmtpd.smtp import SMTP, AuthResult
except ImportError:
    sys.exit("smtp_sink.py: python3-aiosmtpd is missing for this Python")

RULE = re.compile(r"(\w+?)(?:@(connect|ehlo|auth|mail|rcpt|data|dot))?(?:\*(\d+))?(?::(\d+))?")
NAMES = {"hang": None, "drop": None, "reset": None, "taken": "dot", "taken_hang": "dot", "ok_reset": "dot", "greylist": "rcpt"}
MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.I | re.M)


class Rule:
    def __init__(self, text):
        match = RULE.fullmatch(text)
        self.what, verb, times, percent = match.groups() if match else (None,) * 4
        if not match or not (self.what in NAMES or re.fullmatch(r"[245]\d\d", self.what)):
            raise ValueError(f"no rule: {text}")
        self.verb = verb or NAMES.get(self.what)
        if not self.verb:
            raise ValueError(f"at which verb? {text}")
        self.left = int(times) if times else None
        self.percent = int(percent) if percent else 100

    def holds(self, verb):
        if verb != self.verb or self.left == 0 or (self.percent < 100 and random.random() * 100 >= self.percent):
            return False
        if self.left:
            self.left -= 1
        return True


def rules_of(text):
    return [Rule(word) for word in text.split(",") if word and word != "accept"]


class Place:
    """What all connections share."""

    def __init__(self, args):
        self.rules = rules_of(args.behave)
        self.delay_s = args.delay_ms / 1000
        self.most = args.connections
        self.log = os.open(args.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600) if args.log else None
        self.folder = args.folder
        self.greeted = set()
        self.counts = {"connections": 0, "open": 0, "open_most": 0, "taken": 0, "rules": 0}

    def rule(self, verb):
        found = next((rule for rule in self.rules if rule.holds(verb)), None)
        self.counts["rules"] += found is not None
        return found.what if found else None

    def take(self, envelope, how):
        content = envelope.original_content
        self.counts["taken"] += 1
        if self.folder:
            with open(os.path.join(self.folder, f"{self.counts['taken']}.eml"), "wb") as file:
                file.write(content)
        if self.log is not None:
            found = MESSAGE_ID.search(content.partition(b"\r\n\r\n")[0])
            line = {"message_id": found.group(1).decode(errors="replace") if found else None, "from": envelope.mail_from,
                    "to": envelope.rcpt_tos, "size": len(content), "at_ms": int(time.time() * 1000), "how": how}
            os.write(self.log, (json.dumps(line) + "\n").encode())


class Connection(SMTP):
    place = None    # set before the first

    def connection_made(self, transport):
        if self._original_transport is None:        # not again after STARTTLS
            counts = self.place.counts
            counts["connections"] += 1
            counts["open"] += 1
            counts["open_most"] = max(counts["open_most"], counts["open"])
        super().connection_made(transport)

    def connection_lost(self, error):
        if self.transport is not None:
            self.place.counts["open"] -= 1
            super().connection_lost(error)

    async def part(self, by_reset):
        """Ends the connection; connection_lost() cancels the coroutine that waits here."""
        transport = self._original_transport or self.transport
        if by_reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await asyncio.Event().wait()

    async def misbehaves(self, verb, to=None):
        what = self.place.rule(verb)
        if what == "greylist":
            fresh = to not in self.place.greeted
            self.place.greeted.add(to)
            what = "451" if fresh else None
        if what is None:
            return False
        if what == "hang":
            await asyncio.Event().wait()
        if what in ("drop", "reset"):
            await self.part(what == "reset")
        if what.isdigit():
            await self.push(f"{what} as it was told to, at {verb}")
            if what == "421" or verb == "connect":
                await self._writer.drain()
                self.transport.close()
                await asyncio.Event().wait()
        return True

    async def _handle_client(self):
        if self.place.most and self.place.counts["open"] > self.place.most:
            await self.push("421 too many connections")
            self.transport.close()
        elif not await self.misbehaves("connect"):
            await super()._handle_client()

    async def smtp_EHLO(self, arg):
        if not await self.misbehaves("ehlo"):
            await super().smtp_EHLO(arg)

    async def smtp_AUTH(self, arg):
        if not await self.misbehaves("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg):
        if not await self.misbehaves("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):
        if not await self.misbehaves("rcpt", arg):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):
        if not await self.misbehaves("data"):
            await super().smtp_DATA(arg)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        place = server.place
        if place.delay_s:
            await asyncio.sleep(place.delay_s)
        what = place.rule("dot")
        if what == "hang":
            await asyncio.Event().wait()
        if what in ("drop", "reset"):
            await server.part(what == "reset")
        if what and what.isdigit():
            return f"{what} as it was told to, at dot"
        place.take(envelope, what or "accept")
        if what == "taken":
            await server.part(False)
        if what == "taken_hang":
            await asyncio.Event().wait()
        if what == "ok_reset":
            await server.push("250 OK")
            await server.part(True)
        return "250 OK"


def settings(args):
    """For each connection's SMTP()."""
    given = {"timeout": 86400, "hostname": "sink.example"}
    if args.tls and not args.smtps:
        given |= {"tls_context": context_of(args.tls), "require_starttls": args.require_starttls}
    if args.auth:
        wanted = tuple(word.encode() for word in args.auth.split(":", 1))
        given |= {"auth_required": True, "auth_require_tls": False, "authenticator": lambda server, session, envelope, mechanism, data:
                  AuthResult(success=(data.login, data.password) == wanted, handled=False)}
    return given


def context_of(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


async def control(place, reader, writer):
    while line := (await reader.readline()).decode():
        word, _, rest = line.strip().partition(" ")
        answer = "ok"
        try:
            if word == "behave":
                place.rules = rules_of(rest)
            elif word == "delay":
                place.delay_s = int(rest) / 1000
            elif word == "counts":
                answer = json.dumps(place.counts)
            else:
                answer = "what?"
        except ValueError as why:
            answer = f"wrong: {why}"
        writer.write(f"{answer}\n".encode())
        await writer.drain()
    writer.close()


async def serve(args):
    loop = asyncio.get_running_loop()
    place = Connection.place = Place(args)
    given, handler = settings(args), Handler()
    server = await loop.create_server(lambda: Connection(handler, loop=loop, **given), "127.0.0.1", args.port, backlog=4096,
                                      ssl=context_of(args.tls) if args.smtps else None)
    controls = await asyncio.start_server(lambda reader, writer: control(place, reader, writer), "127.0.0.1", args.control)
    ports = [one.sockets[0].getsockname()[1] for one in (server, controls)]
    print("listening on 127.0.0.1:{} control 127.0.0.1:{}".format(*ports), flush=True)
    await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0, help="port")
    parser.add_argument("--log")
    parser.add_argument("--folder")
    parser.add_argument("--behave", default="accept")
    parser.add_argument("--delay-ms", type=int, default=0, help="before each message is answered")
    parser.add_argument("--connections", type=int, default=0, help="beyond: 421; 0: no limit")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--smtps", action="store_true", help="TLS from the first byte")
    parser.add_argument("--require-starttls", action="store_true")
    parser.add_argument("--auth", metavar="USER:PASSWORD")
    args = parser.parse_args()
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        asyncio.run(serve(args))
    except ValueError as why:
        sys.exit(f"smtp_sink.py: {why}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
