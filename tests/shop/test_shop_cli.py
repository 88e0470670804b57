#!/usr/bin/env python3
"""The command line of `prong-shop`: help, pages, completions, settings and where they come from, secrets, the commands
beside a shop, the demo.

    python3 tests/shop/test_shop_cli.py BUILD/shop/prong-shop ROOT BUILD/packaging/systemd/prong-shop.service

Prints TAP.
"""
import contextlib
import email
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap  # noqa: E402
from tap import Skip, case  # noqa: E402

COMMANDS = ["demo", "serve", "jobs", "stock", "backup", "gateway"]
HANG_S = 60
PIPED = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
SECRET = "sk_test_sesame_open"


class Shop:
    def __init__(self, binary, root, unit, folder):
        self.binary, self.root, self.unit, self.folder = binary, Path(root), Path(unit), folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PRONG_SHOP_")} | {"TMPDIR": str(folder)}

    def run(self, *words, env=None, cwd=None):
        """Gives (status, standard output, standard error)."""
        done = subprocess.run([self.binary, *map(str, words)], timeout=HANG_S, env={**self.env, **(env or {})}, cwd=cwd or self.folder,
                              **PIPED)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def told(self, *words, **more):
        """Standard output, where all must be well."""
        status, out, err = self.run(*words, **more)
        assert status == 0 and err == "", (words, status, out, err)
        return out

    def place(self, name):
        """An empty folder for a case."""
        path = self.folder / name
        path.mkdir()
        return path

    @contextlib.contextmanager
    def running(self, *words, env=None):
        """A command that says where it listens; gives (process, address and port). Kills it if the case does not end it."""
        process = subprocess.Popen([self.binary, *map(str, words)], env={**self.env, **(env or {})}, cwd=self.folder, **PIPED)
        try:
            line = process.stdout.readline().decode()
            found = re.fullmatch(r"listening on http://(127\.0\.0\.1:\d+)\n", line)
            assert found, (line, process.stderr.read().decode() if not line else "")
            yield process, found.group(1)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    @contextlib.contextmanager
    def open(self, place, *more):
        """A gateway and a shop in that folder; gives the shop's (process, address and port)."""
        with self.running("gateway", "--listen", "127.0.0.1:0", "--ledger", place / "ledger") as (_, gateway):
            with self.running("serve", "--listen", "127.0.0.1:0", "--db", place / "shop.db", "--gateway", f"http://{gateway}", "--mail",
                              place / "mails", *more) as served:
                yield served


def end(process, number=signal.SIGTERM):
    """Gives the exit status and what it said."""
    process.send_signal(number)
    out, err = process.communicate(timeout=HANG_S)
    return process.returncode, out.decode(), err.decode()


def ask(address, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(address, timeout=HANG_S)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def order(address, key, sku="TSHIRT-RED-M", method="pm_card_visa"):
    body = json.dumps({"email": "ada@example.org", "payment_method": method, "items": [{"sku": sku, "qty": 1}]})
    status, text = ask(address, "POST", "/orders", body, {"Idempotency-Key": key, "Content-Type": "application/json"})
    return status, json.loads(text)


def merged(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=HANG_S)


def need(program):
    found = shutil.which(program)
    if not found:
        raise Skip(f"no {program} here")
    return found


# ---- one table makes everything ------------------------------------------------------------------------------------------


def options_in_help(shop, command):
    return re.findall(r"^  (?:-[a-z], )?(--[a-z-]+)", shop.told(*([command] if command else []), "--help"), re.M)


@case("every option of every command is in its help, its manual page and the completions of three shells")
def _(shop):
    bash, zsh, fish = (shop.told("--generate", shell) for shell in ("bash", "zsh", "fish"))
    for command in ["", *COMMANDS]:
        named = options_in_help(shop, command)
        assert "--help" in named and len(set(named)) == len(named), named
        page = shop.told("--generate", f"man-{command or 'prong-shop'}").replace("\\-", "-")
        section = re.search(r"^\.SH OPTIONS\n(.*?)^\.SH", page, re.M | re.S).group(1)
        assert re.findall(r"^\.TP\n(?:\\fB-[a-z]\\fR, )?\\fB(--[a-z-]+)", section, re.M) == named, command
        words = re.search(rf"^    '{command}'\) (?:.*; )?COMPREPLY\+?=\(\$\(compgen -W '([^']*)'", bash, re.M).group(1)
        assert [word for word in words.split() if word.startswith("--")] == named
        part = re.search(rf"^        {command}\)\n(.*?);;" if command else r"_arguments -C(.*?)&& return", zsh, re.M | re.S).group(1)
        assert re.findall(r"^ +'\*?(?:[^']*'\{-[a-z]\+?,)?(--[a-z-]+)", part, re.M) == named
        condition = f"'__fish_seen_subcommand_from {command}'" if command else "'__fish_use_subcommand'"
        words = re.findall(rf"^complete -c prong-shop -n {condition}(?: -s [a-z])? -l ([a-z-]+)", fish, re.M)
        assert ["--" + word for word in words] == named
    for command in [*COMMANDS, "help"]:
        assert f"\n  prong-shop {command} " in shop.told("--help")
    for text in (bash, zsh, fish):
        assert not re.search(r"prong(?!-shop|_shop)", text), re.findall(r".*prong(?!-shop|_shop).*", text)


@case("prong-shop help COMMAND and COMMAND --help are the same, at most 80 columns wide, on standard output; --version tells the version")
def _(shop):
    for command in COMMANDS:
        text = shop.told(command, "--help")
        assert text == shop.told(command, "-h") == shop.told("help", command)
        assert max(map(len, text.splitlines())) <= 80, [line for line in text.splitlines() if len(line) > 80]
        assert f"usage: prong-shop {command}" in text and "Exit status:" in text and "Examples:" in text
    text = shop.told("--help")
    assert text == shop.told("-h") == shop.told("help") and max(map(len, text.splitlines())) <= 80
    assert re.fullmatch(r"prong-shop \d+\.\d+\.\d+\n", shop.told("--version"))


@case("mandoc and groff find nothing wrong in the manual pages")
def _(shop):
    pages = {name: shop.folder / f"{name}.1" for name in ["prong-shop", *COMMANDS]}
    for name, path in pages.items():
        path.write_text(shop.told("--generate", f"man-{name}"))
        assert re.search(r'^\.TH PRONG-SHOP\S* 1 "\d{4}-\d\d-\d\d" "prong-shop \d+\.\d+\.\d+"', path.read_text(), re.M)
    for words in ([need("mandoc"), "-Tlint", "-Wwarning"], [need("groff"), "-man", "-ww", "-Tascii", "-z"]):
        done = merged(*words, *pages.values())
        assert done.returncode == 0 and done.stdout == "", done.stdout


@case("bash completes commands, options, values and files; zsh and fish read theirs")
def _(shop):
    script = {shell: shop.folder / f"completion.{shell}" for shell in ("bash", "zsh", "fish")}
    for shell, path in script.items():
        path.write_text(shop.told("--generate", shell))

    def complete(line):
        code = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _prong_shop; printf "%s\\n" "${COMPREPLY[@]}"'
        words = [need("bash"), "--norc", "-c", code, "bash", str(script["bash"]), *line.split(" ")]
        return subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=shop.folder, check=True).stdout.split("\n")[:-1]
    (shop.folder / "some.conf").write_text("")
    for typed, wanted in (("prong-shop ba", ["backup"]), ("prong-shop serve --uncertain re", ["resend"]),
                          ("prong-shop serve --config som", ["some.conf"]), ("prong-shop help sto", ["stock"]),
                          ("prong-shop stock som", [""]), ("prong-shop demo --st", ["--stop"])):
        assert complete(typed) == wanted, (typed, complete(typed))
    for shell in ("zsh", "fish"):
        if shutil.which(shell):
            subprocess.run([shell, "-n", str(script[shell])], check=True)


@case("a wrong command line is told in a few lines, with what was meant, and ends with 2")
def _(shop):
    for words, said in ((["serv"], ["unknown command 'serv'", "did you mean `prong-shop serve`?"]),
                        (["serve", "--lisen", "x"], ["did you mean --listen?", "prong-shop serve --help"]),
                        (["serve"], ["the shop needs --db", "prong-shop demo"]),
                        (["serve", "--db", "a", "--mail", "b"], ["the shop needs --gateway"]),
                        (["serve", "--wait-ms", "0"], ["from 1 to"]),
                        (["serve", "--mails-per-second", "x"], ["from 0 to"]),
                        (["serve", "--gateway-key", SECRET], ["unknown option --gateway-key", "--gateway-key-file"]),
                        (["serve", f"--gateway-key={SECRET}"], ["unknown option --gateway-key"]),
                        (["gateway", "--listen", "localhost"], ["'localhost' is no address"]),
                        (["gateway", "--behave", "declin"], ["declin"]),
                        (["demo", "--listen", "8080"], ["'8080' is no address"]),
                        (["demo", "--order", "3"], ["did you mean --orders?"]),
                        (["jobs"], ["which database?", "PRONG_SHOP_DB"]),
                        (["jobs", "--db", "x", "--resend", "17"], ["'17' is no token"]),
                        (["stock", "--db", "x", "TSHIRT-RED-M"], ["'TSHIRT-RED-M' is not SKU=NUMBER"]),
                        (["stock", "--db", "x", "TSHIRT-RED-M=-1"], ["'TSHIRT-RED-M=-1' is not"]),
                        (["stock", "--db", "x", "=1"], ["'=1' is not"]),
                        (["backup", "--db", "x"], ["where to?"]),
                        (["--generate", "man-serv"], ["did you mean --generate man-serve?"]),
                        ([], ["usage: prong-shop", "prong-shop demo"])):
        status, out, err = shop.run(*words)
        assert status == 2 and out == "", (words, status, out, err)
        for part in said:
            assert part in err, (words, part, err)
        assert err.count("\n") <= 4 and SECRET not in err, err


# ---- settings ------------------------------------------------------------------------------------------------------------


def rows(text):
    """{setting: (value, where from)} of what --check-config prints."""
    return {line[:24].strip(): (line[25:61].strip(), line[61:].strip()) for line in text.splitlines() if len(line) > 61}


def settings(place, **more):
    """A configuration that is well, with these changed; None: left out. Gives its lines."""
    values = {"db": place / "shop.db", "gateway": "http://127.0.0.1:12111", "mail": place / "mails", **more}
    return [f"{key.replace('_', '-')} = {value}" for key, value in values.items() if value is not None]


def write(place, lines, name="shop.conf"):
    path = place / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@case("the command line is over the environment over the file over the defaults, and --check-config tells which it was")
def _(shop):
    place = shop.place("precedence")
    conf = write(place, ["[serve]", *settings(place, log="debug", wait_ms=1000, shop_name="File & Sons", uncertain="resend")])
    found = rows(shop.told("serve", "--config", conf, "--check-config", "--wait-ms", "3000",
                           env={"PRONG_SHOP_WAIT_MS": "2000", "PRONG_SHOP_LOG": "error"}))
    assert found["wait-ms"] == ("3000", "command line") and found["log"] == ("error", "PRONG_SHOP_LOG")
    assert found["uncertain"] == ("resend", f"{conf}:8") and found["shop-name"] == ("File & Sons", f"{conf}:7")
    assert found["listen"] == ("127.0.0.1:8080", "default") and found["demo"] == ("no", "default")
    options = {name[2:] for name in options_in_help(shop, "serve")} - {"config", "check-config", "help"}
    assert set(found) == options, options ^ set(found)
    assert not (place / "shop.db").exists() and not (place / "mails").exists()      # nothing was started


@case("the example configuration has every setting, and its defaults are the program's")
def _(shop):
    place = shop.place("example")
    text = (shop.root / "packaging" / "prong-shop.conf").read_text()
    named = dict(re.findall(r"^#?([a-z-]+) = (.+)$", text, re.M))
    found = rows(shop.told("serve", "--config", write(place, settings(place)), "--check-config"))
    assert set(named) == set(found), set(named) ^ set(found)
    for key, (value, where) in found.items():
        if where == "default" and value:
            assert named[key] == value and f"\n#{key} = " in text, (key, value, named[key])
    (place / "gateway-key").write_text(SECRET)
    own = text.replace("/var/lib/prong-shop", str(place))
    shop.told("serve", "--config", write(place, own.splitlines(), "own.conf"), "--check-config", env={"CREDENTIALS_DIRECTORY": str(place)})


@case("--check-config says everything that is wrong, each with the place it came from")
def _(shop):
    place = shop.place("wrong")
    (place / "file").write_text("")
    (place / "no.db").write_text("this is no database of any kind, but long enough to be looked at as one" * 20)
    for changes, status, said in (({"listen": "here"}, 2, "shop.conf:4: listen: 'here' is no address with a port"),
                                  ({"gateway": "ftp://127.0.0.1/"}, 2, "shop.conf:2: gateway: "),
                                  ({"gateway": "http://gateway.example"}, 2, "shop.conf:2: gateway: "),
                                  ({"gateway": "https://gateway.example"}, 2, "there is no --gateway-key-file"),
                                  ({"gateway": None}, 2, "the shop needs --gateway"),
                                  ({"db": place / "nowhere" / "shop.db"}, 3, "shop.conf:1: db: the folder"),
                                  ({"db": place / "no.db"}, 4, "shop.conf:1: db: "),
                                  ({"mail": place / "file"}, 3, f"shop.conf:3: mail: {place}/file is no folder"),
                                  ({"mail": "http://127.0.0.1:25"}, 2, "is no address of a mail server"),
                                  ({"mail": "smtp://ada:sesame@127.0.0.1:25"}, 2, "shows a secret"),
                                  ({"mail": f"sendmail:{place}/none"}, 3, f"{place}/none: No such file"),
                                  ({"mail_from": "nobody"}, 2, "'nobody' is no e-mail address"),
                                  ({"mail_user": "ada"}, 2, "a user and a password file need each other"),
                                  ({"mail_ca": place / "none"}, 3, "mail-ca: "),
                                  ({"public_url": "shop.example"}, 2, "public-url: 'shop.example' is no address"),
                                  ({"gateway_key_file": place / "none"}, 3, "gateway-key-file: "),
                                  ({"lisen": "127.0.0.1:1"}, 2, "shop.conf:4: unknown setting 'lisen'\nhint: did you mean listen?")):
        conf = write(place, settings(place, **changes))
        found, _, err = shop.run("serve", "--config", conf, "--check-config")
        assert found == status and said in err, (changes, found, err)
    conf = write(place, settings(place, listen="here", mail_from="nobody"))
    status, out, err = shop.run("serve", "--config", conf, "--check-config")
    assert status == 2 and "'here'" in err and "'nobody'" in err and "all is well" not in out
    status, _, err = shop.run("serve", "--check-config", env={"PRONG_SHOP_UNCERTAIN": "maybe"})
    assert status == 2 and "PRONG_SHOP_UNCERTAIN: --uncertain does not know 'maybe'" in err, err


@case("secrets come from files of mode 0600 alone, and are never shown")
def _(shop):
    place = shop.place("secrets")
    key = place / "key"
    key.write_text(SECRET + "\n")
    conf = write(place, settings(place, gateway_key_file=key))
    for mode, wanted in ((0o600, 0), (0o400, 0), (0o640, 3), (0o604, 3), (0o620, 3)):
        key.chmod(mode)
        for words in (["--check-config"], ["--listen", "127.0.0.1:0"] if wanted else ["--check-config"]):
            status, out, err = shop.run("serve", "--config", conf, *words)
            assert status == wanted and SECRET not in out + err, (oct(mode), words, status, err)
            assert wanted == 0 or ("others may read" in err and f"chmod 600 {key}" in err), err
    status, out, err = shop.run("serve", "--config", conf, "--check-config", env={"PRONG_SHOP_GATEWAY_KEY": SECRET})
    assert "PRONG_SHOP_GATEWAY_KEY, which is no setting" in err and SECRET not in out + err
    status, _, err = shop.run("serve", "--config", write(place, [*settings(place), f"gateway-key = {SECRET}"]), "--check-config")
    assert status == 2 and "unknown setting 'gateway-key'" in err and SECRET not in err


@case("systemd finds nothing wrong in the unit, and little that it exposes")
def _(shop):
    analyze = need("systemd-analyze")
    unit = shop.folder / "prong-shop.service"
    unit.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={shop.binary}", shop.unit.read_text()))
    done = merged(analyze, "verify", "--man=no", unit)
    if "Failed to" in done.stdout and done.returncode != 0 and str(unit.name) not in done.stdout:
        raise Skip("systemd-analyze verify does not work here")
    assert done.returncode == 0 and unit.name not in done.stdout, done.stdout
    done = merged(analyze, "security", "--offline=true", unit)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    if not level:
        raise Skip("systemd-analyze security does not work here")
    assert float(level.group(1)) < 2, done.stdout


# ---- beside a shop -------------------------------------------------------------------------------------------------------


@case("serve and gateway say where they listen, and end by SIGTERM, Ctrl-C and a hangup with 0")
def _(shop):
    place = shop.place("ends")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with shop.open(place) as (process, address):
            assert ask(address, "GET", "/healthz")[0] == 200
            status, out, err = end(process, number)
            assert status == 0 and out == "", (number, status, out, err)
        with shop.running("gateway", "--listen", "127.0.0.1:0", "--delay-ms", "0") as (process, _):
            status, out, err = end(process, number)
            assert (status, out, err) == (0, "", ""), (number, status, out, err)


@case("a taken port and a database that another server has are told, with status 3")
def _(shop):
    place = shop.place("taken")
    with shop.open(place) as (_, address):
        words = ["serve", "--gateway", "http://127.0.0.1:1", "--mail", place / "mails"]
        status, out, err = shop.run(*words, "--listen", address, "--db", place / "other.db")
        assert status == 3 and out == "" and address in err, (status, err)
        status, out, err = shop.run(*words, "--listen", "127.0.0.1:0", "--db", place / "shop.db")
        assert status == 3 and out == "" and err, (status, err)


@case("stock shows and sets what there is while the shop runs, and the shop goes by it")
def _(shop):
    place = shop.place("stock")
    with shop.open(place) as (_, address):
        db = {"PRONG_SHOP_DB": str(place / "shop.db")}
        products = json.loads(shop.told("stock", "--json", env=db))
        assert products["schema"] == "prong-shop.stock/1" and products["currency"] == "eur" and len(products["products"]) == 16
        assert all(product["stock"] is None for product in products["products"])
        assert shop.told("stock", "TSHIRT-RED-M=1", "TSHIRT-BLUE-S=0", env=db) == "TSHIRT-RED-M=1\nTSHIRT-BLUE-S=0\n"
        assert re.search(r"^TSHIRT-RED-M +19\.90 EUR +1$", shop.told("stock", env=db), re.M), shop.told("stock", env=db)
        assert order(address, "one")[0] == 201
        status, answer = order(address, "two")
        assert status == 409 and answer["error"]["code"] == "sold_out", answer
        assert re.search(r"^TSHIRT-RED-M .* 0$", shop.told("stock", env=db), re.M)
        shop.told("stock", "TSHIRT-RED-M=unlimited", env=db)
        assert order(address, "three")[0] == 201
        status, out, err = shop.run("stock", "TSHIRT-BLUE-S=5", "TSHIRT-PINK-S=5", env=db)
        assert status == 1 and out == "" and "no TSHIRT-PINK-S" in err, (status, out, err)
        assert re.search(r"^TSHIRT-BLUE-S .* 0$", shop.told("stock", env=db), re.M)


@case("jobs lists what waits, as a table and as JSON, and sends again what is asked for")
def _(shop):
    place = shop.place("jobs")
    conf = write(place, settings(place, mail="smtp://127.0.0.1:1", mail_backoff_ms=3600000))
    with shop.running("gateway", "--listen", "127.0.0.1:0") as (_, gateway):
        with shop.running("serve", "--config", conf, "--listen", "127.0.0.1:0", "--gateway", f"http://{gateway}") as (process, address):
            assert "nothing waits" in shop.told("jobs", "--config", conf)
            token = order(address, "one")[1]["order"]["token"]
            jobs = json.loads(shop.told("jobs", "--config", conf, "--json"))
            assert jobs["schema"] == "prong-shop.jobs/1"
            job, = jobs["jobs"]
            assert (job["token"], job["state"], job["email"], job["total_cents"]) == (token, "paid", "ada@example.org", 1990), job
            assert job["receipt"] in ("ready", "leased"), job
            assert re.search(rf"^{re.escape(token)}  paid ", shop.told("jobs", "--config", conf), re.M)
            unknown = "A" * 22
            status, _, err = shop.run("jobs", "--config", conf, "--resend", unknown, "--resend", token)
            assert status == 1 and f"{unknown}: there is no such order" in err and f"{token}: its receipt is on its way" in err, err
            assert end(process)[0] == 0
        # Another mail server takes it at the next start; once it is sent it can be sent again.
        with shop.running("serve", "--config", conf, "--listen", "127.0.0.1:0", "--gateway", f"http://{gateway}", "--mail",
                          place / "mails") as (process, address):
            assert order(address, "two")[0] == 201
            assert end(process)[0] == 0
    assert shop.run("jobs", "--db", place / "none.db")[0] == 3


@case("backup copies the database beside a shop, into a new file alone")
def _(shop):
    place = shop.place("backup")
    with shop.open(place) as (_, address):
        assert order(address, "one")[0] == 201
        said = shop.told("backup", "--db", place / "shop.db", "--to", place / "copy.db")
        assert said.startswith(f"{place}/copy.db: "), said
        status, _, err = shop.run("backup", "--db", place / "shop.db", "--to", place / "copy.db")
        assert status == 3 and "exists already" in err, err
    assert (place / "copy.db").stat().st_mode & 0o77 == 0
    assert "TSHIRT-RED-M" in shop.told("stock", "--db", place / "copy.db")
    with shop.running("gateway", "--listen", "127.0.0.1:0") as (_, gateway):
        with shop.running("serve", "--listen", "127.0.0.1:0", "--db", place / "copy.db", "--gateway", f"http://{gateway}", "--mail",
                          place / "mails") as (_, address):
            assert order(address, "one")[0] == 201
    status, _, err = shop.run("backup", "--db", place / "none.db", "--to", place / "copy2.db")
    assert status == 3 and "none.db" in err and not (place / "copy2.db").exists()


# ---- the demo ------------------------------------------------------------------------------------------------------------


def is_gone(folder):
    return not list(folder.glob("prong-shop-*"))


@case("demo --stop shows that customers waited for the charge alone, and leaves nothing behind")
def _(shop):
    status, out, err = shop.run("demo", "--listen", "127.0.0.1:0", "--stop")
    assert status == 0 and err == "", (status, out, err)
    found = re.findall(r"^  TSHIRT-\S+ +(paid|declined|slow) +(\d+) (\w+) +([\d.]+) s  (.*)$", out, re.M)
    assert [row[:3] for row in found] == [("paid", "201", "paid")] * 4 + [("declined", "402", "declined"), ("slow", "201", "paid")], out
    for wish, _, _, waited, receipt in found:
        assert (3 if wish == "slow" else 0.3) <= float(waited) and (receipt == "none") == (wish == "declined"), out
        assert receipt == "none" or re.fullmatch(r"\d+\.\d\d s after the answer", receipt), out
    assert is_gone(shop.folder)


@case("demo --folder keeps the receipts, the charges and the database, and goes on with them")
def _(shop):
    place = shop.place("kept")
    for run in (1, 2):
        shop.told("demo", "--listen", "127.0.0.1:0", "--stop", "--folder", place, "--orders", "1")
        mails = [email.message_from_bytes(path.read_bytes()) for path in (place / "receipts").rglob("*.eml")]
        assert len(mails) == run and all("customer-1@example.org" in mail["To"] for mail in mails), mails
        charges = [json.loads(line) for line in (place / "charges.jsonl").read_text().splitlines()]
        assert sum(charge["event"] == "charge" for charge in charges) == run
    assert "nothing waits" in shop.told("jobs", "--db", place / "shop.db")


@case("demo keeps the storefront open until Ctrl-C, and then ends with 0 and removes what it made")
def _(shop):
    process = subprocess.Popen([shop.binary, "demo", "--listen", "127.0.0.1:0", "--orders", "0"], env=shop.env, start_new_session=True,
                               **PIPED)
    try:
        said = b""
        while b"Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        address = re.search(r"storefront  http://(\S+)/", said.decode()).group(1)
        status, page = ask(address, "GET", "/")
        assert status == 200 and "TSHIRT-RED-M" in page
        assert not is_gone(shop.folder)
        os.killpg(process.pid, signal.SIGINT)       # as a terminal sends it: to its worker processes, too
        out, err = process.communicate(timeout=HANG_S)
        assert process.returncode == 0 and out == err == b"", (process.returncode, out, err)
        assert is_gone(shop.folder)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 0)
            raise AssertionError("something of it is left")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@case("demo tells a taken port and a folder that cannot be made, and leaves nothing behind")
def _(shop):
    with shop.running("gateway", "--listen", "127.0.0.1:0") as (_, address):
        status, out, err = shop.run("demo", "--listen", address, "--stop")
        assert status == 3 and out == "" and address in err and is_gone(shop.folder), (status, out, err)
    status, _, err = shop.run("demo", "--listen", "127.0.0.1:0", "--folder", "/proc/none")
    assert status == 3 and "/proc/none: " in err, err


# ---- TAP -----------------------------------------------------------------------------------------------------------------


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: test_shop_cli.py PATH_OF_PRONG_SHOP ROOT UNIT")
    program = tap.program(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        return tap.run(Shop(program, os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3]), Path(os.path.realpath(folder))))


if __name__ == "__main__":
    sys.exit(main())
