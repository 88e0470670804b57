#!/usr/bin/env python3
"""The storefront of prong-shop in Debian's chromium: buy, buy twice by a double click, a declined card, sold out.

    python3 tests/shop/test_browser.py BUILD/shop/prong-shop SCREENSHOT.png

Prints TAP. The pictures: the storefront as SCREENSHOT.png, and beside it -paid, -sent, -declined, -sold-out and -phone.
"""
import os
import sys
import tempfile
from pathlib import Path

from shop import House, until
from browser import Browser, find_selenium, nobody_left
import tap
from tap import Skip, case


SENT = "sent to your e-mail address"


class Bench:
    """One shop and one browser for all cases."""

    def __init__(self, program, screenshot, folder):
        self.program, self.folder, self.picture_path = program, folder, Path(screenshot)
        self.opened = self.made = self.why = None
        self.n = 0

    @property
    def house(self):
        if not self.opened:
            self.opened = House(self.program, self.folder / "shop", mail="smtp", options=["--demo"])
            self.opened.open()
        return self.opened

    @property
    def browser(self):
        if self.why:
            raise Skip(self.why)
        try:
            self.made = self.made or Browser(self.folder)
        except Skip as why:
            self.why = str(why)
            raise
        return self.made

    def close(self):
        if self.made:
            self.made.close()
        if self.opened:
            self.opened.close()

    def picture(self, what=""):
        self.browser.screenshot(self.picture_path.with_name(f"{self.picture_path.stem}{what and '-' + what}.png"))

    def front(self):
        browser = self.browser
        browser.open(f"http://{self.house.address}/")
        assert browser.complaints() == [], browser.complaints()
        return browser

    def fill(self, sku="TSHIRT-RED-M", method="pm_card_visa", note=""):
        """The storefront with its form filled in as a person does; gives the e-mail address."""
        browser, self.n = self.front(), self.n + 1
        address = f"browser-{self.n}@example.org"
        for name, value in (("sku", sku), ("qty", "1"), ("email", address), ("payment_method", method), ("note", note)):
            fill_in(browser, name, value)
        return address

    def order_of(self, address):
        return next((order for order in self.house.orders() if order.email == address), None)


def fill_in(browser, name, value):
    """A text field, a choice or one of several buttons."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select
    fields = browser.driver.find_elements(By.CSS_SELECTOR, f"form[action='/buy'] [name='{name}']")
    assert fields, f"the form has no {name}"
    if fields[0].tag_name == "select":
        Select(fields[0]).select_by_value(value)
    elif fields[0].get_attribute("type") == "radio":
        chosen = next(field for field in fields if field.get_attribute("value") == value)
        if not chosen.is_selected():
            browser.run("const field = arguments[0]; (field.labels[0] || field).click()", chosen)
    else:
        fields[0].clear()
        fields[0].send_keys(value)


def button(browser):
    from selenium.webdriver.common.by import By
    return browser.driver.find_element(By.CSS_SELECTOR, "form[action='/buy'] button, form[action='/buy'] input[type=submit]")


def shows(browser, *words):
    """Waits until the page, which loads itself anew, has one of these words; gives it."""
    def found():
        text = browser.shown().lower()
        return next((word for word in words if word in text), None)
    return until(found, lambda: f"the page shows none of {words}: {browser.shown()}", every=0.05)


@case("the storefront shows what is for sale, with prices, and its form works without a script")
def _(bench):
    browser = bench.front()
    text = browser.shown()
    assert "19.90" in text and browser.run("return document.scripts.length") == 0, text
    bench.picture()
    labelled = browser.run("return [...document.querySelectorAll('form[action=\"/buy\"] :is(input:not([type=hidden]), select, textarea)')]"
                           ".every(field => field.labels.length || field.ariaLabel)")
    assert labelled, "a field without a label"


@case("a shirt is bought: its page says that it is paid and the receipt on its way, and by itself turns to sent when it is")
def _(bench):
    address = bench.fill(note="für Ann <3")
    browser, house = bench.browser, bench.house
    house.sink.kill()
    button(browser).click()
    until(lambda: "/orders/" in browser.driver.current_url, lambda: browser.shown())
    text = browser.shown().lower()
    assert "paid" in text and "on its way" in text and SENT not in text, text
    bench.picture("paid")
    house.sink = house.sink.reopen()
    shows(browser, SENT)
    bench.picture("sent")
    assert bench.order_of(address).receipt == "sent" and bench.order_of(address).token in browser.driver.current_url
    assert browser.complaints() == [] and [to for to, _ in house.mails()].count(address) == 1


@case("a double click on the button is one order and one charge")
def _(bench):
    from selenium.webdriver.common.action_chains import ActionChains
    before = len(bench.house.gateway.events())
    address = bench.fill()
    browser = bench.browser
    ActionChains(browser.driver).double_click(button(browser)).perform()
    until(lambda: "/orders/" in browser.driver.current_url, lambda: browser.shown())
    shows(browser, SENT)
    assert len([order for order in bench.house.orders() if order.email == address]) == 1
    assert len(bench.house.gateway.events()) == before + 1


@case("going back and sending the form once more shows the same order, and charges nothing")
def _(bench):
    before = len(bench.house.gateway.events())
    bench.fill()
    browser = bench.browser
    browser.run("document.querySelector(\"form[action='/buy']\").submit()")
    until(lambda: "/orders/" in browser.driver.current_url, lambda: browser.shown())
    first = browser.driver.current_url
    fields = bench.house.orders()[-1]
    browser.driver.back()
    until(lambda: "/orders/" not in browser.driver.current_url, "does not go back")
    same = browser.run("return document.querySelector(\"form[action='/buy'] [name=key]\").value") == fields.key
    assert len(bench.house.gateway.events()) == before + 1
    if same:        # the browser has kept the page; else it is a new form, and would be a new order
        button(browser).click()
        until(lambda: browser.driver.current_url == first, lambda: browser.shown())
        assert len(bench.house.gateway.events()) == before + 1


@case("a slow charge: one order, paid in the end")
def _(bench):
    address = bench.fill(method="pm_slow")
    browser = bench.browser
    button(browser).click()
    until(lambda: "/orders/" in browser.driver.current_url, lambda: browser.shown())
    shows(browser, SENT)
    assert bench.order_of(address).state == "paid"


@case("a declined card is told with its reason, and nothing is charged")
def _(bench):
    before = len(bench.house.gateway.events())
    address = bench.fill(method="pm_card_chargeDeclined")
    browser = bench.browser
    button(browser).click()
    until(lambda: bench.order_of(address) and bench.order_of(address).state == "declined", lambda: browser.shown())
    shows(browser, "declined")
    bench.picture("declined")
    assert len(bench.house.gateway.events()) == before and bench.order_of(address).receipt == "none"


@case("what is sold out cannot be bought, also by whoever has an old page")
def _(bench):
    before = len(bench.house.gateway.events())
    bench.house.run("stock", "TSHIRT-BLUE-L=1")
    address = bench.fill("TSHIRT-BLUE-L")
    bench.house.run("stock", "TSHIRT-BLUE-L=0")
    browser = bench.browser
    button(browser).click()
    shows(browser, "sold out")
    bench.picture("sold-out")
    assert not bench.order_of(address) and len(bench.house.gateway.events()) == before
    assert browser.run("return document.querySelector(\"form[action='/buy'] [name=email]\").value") == address, "what was typed is lost"


@case("what was wrong is told beside the form, and what was typed is kept")
def _(bench):
    bench.fill(note="my card is 4242 4242 4242 4242")
    browser = bench.browser
    button(browser).click()
    shows(browser, "card number")
    assert "/orders/" not in browser.driver.current_url


@case("it fits a phone")
def _(bench):
    browser = bench.browser
    try:
        browser.fit(375, 800)
        bench.front()
        inner, scroll = browser.run("return [innerWidth, document.documentElement.scrollWidth]")
        assert inner == 375 and scroll <= 375, (inner, scroll)
        bench.picture("phone")
    finally:
        browser.fit(1280, 900)


@case("after all of this: each order was charged once, each receipt came")
def _(bench):
    bench.house.settle()
    bench.house.judge().assert_clean()


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: test_browser.py PATH_OF_PRONG_SHOP SCREENSHOT.png")
    find_selenium()
    program = tap.program(sys.argv[1])
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    with tempfile.TemporaryDirectory(prefix="prong-shop-") as folder, nobody_left():
        os.environ["HOME"] = folder     # for the browser
        bench = Bench(program, os.path.abspath(sys.argv[2]), Path(folder))
        try:
            return tap.run(bench)
        finally:
            bench.close()


if __name__ == "__main__":
    sys.exit(main())
