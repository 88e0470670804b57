"""Debian's chromium, as the tests in Python drive it: through chromedriver and selenium; and what ends all that was started.

    with nobody_left():
        browser = Browser(folder)       Skip: there is none here
"""
import base64
import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

from tap import Skip

PR_SET_CHILD_SUBREAPER = 36


class Browser:
    """Everything in it is asked through chromedriver; close() ends both, and whatever they have started."""

    def __init__(self, folder):
        try:
            from selenium import webdriver
            from selenium.common.exceptions import WebDriverException
            from selenium.webdriver.chrome.options import Options
            from selenium.webdriver.chrome.service import Service
        except ImportError:
            raise Skip("no selenium for Python (Debian: python3-selenium)") from None
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if not chromium or not driver:
            raise Skip("no browser (Debian: chromium, chromium-driver)")
        options = Options()
        options.binary_location = chromium
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-crash-reporter",
                     "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                     f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        try:
            self.driver = webdriver.Chrome(service=Service(driver, log_path=os.devnull), options=options)
        except WebDriverException as error:
            raise Skip(f"chromium does not start: {(error.msg or 'no reason').splitlines()[0]}") from None
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)
        self.fit(1280, 900)

    def close(self):
        with contextlib.suppress(Exception):
            self.driver.quit()

    def tell(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def fit(self, width, height):
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def open(self, path):
        """A file, or an address."""
        self.driver.get_log("browser")
        self.driver.get(path if str(path).startswith("http://") else Path(path).as_uri())

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def text(self, css):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent).join('\\n')", css)

    def shown(self):
        return self.run("return document.body.innerText")

    def dress(self, dark):
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def screenshot(self, path, css="html"):
        """Of the whole page, or of the part that is named."""
        x, y, width, height = self.run("const box = document.querySelector(arguments[0]).getBoundingClientRect();"
                                       "return [box.x + scrollX, box.y + scrollY, box.width, box.height]", css)
        image = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                          clip={"x": x, "y": y, "width": width, "height": height, "scale": 1})
        Path(path).write_bytes(base64.b64decode(image["data"]))


@contextlib.contextmanager
def nobody_left():
    """Whatever the cases start, and whatever that starts, is ended with them."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        while True:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            if not children:
                break
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.wait()


def find_selenium():
    """Debian's package is for Debian's Python: another one that comes first in PATH does not see it."""
    debians = "/usr/bin/python3"
    if importlib.util.find_spec("selenium") or not os.path.exists(debians) or os.environ.get("PRONG_TEST_PYTHON"):
        return
    os.environ["PRONG_TEST_PYTHON"] = debians
    os.execv(debians, [debians, *sys.argv])
