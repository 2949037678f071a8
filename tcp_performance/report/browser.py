"""The distribution's Chromium without a window, as the page's tests and the screenshot use it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def missing() -> str:
    """Why no browser can be started, with the command that helps; empty when one can."""
    absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    if not absent:
        return ""
    return f"no {' and no '.join(absent)} in PATH; on Debian: apt-get install chromium chromium-driver"


@contextmanager
def opened(width: int, height: int = 900, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """A fresh browser whose pages are exactly `width` x `height` CSS pixels; all it wrote is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tcp-performance-browser-", ignore_cleanup_errors=True) as folder:
        options = Options()
        options.binary_location = shutil.which("chromium") or "chromium"
        for flag in (*FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chromium's sandbox refuses root
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            adjust(browser, width, height, dark)
            yield browser
        finally:
            browser.quit()


def adjust(browser: webdriver.Chrome, width: int, height: int = 900, dark: bool = False) -> None:
    """Give the browser this size and taste, on a screen."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": scheme})


def log(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    """What was logged since the last look: "performance" or "browser" (the console)."""
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def visit(browser: webdriver.Chrome, page: Path, limit: float = 60) -> None:
    """Open a page and wait until it is laid out: right after `get`, a busy machine once showed no rows.

    Raises selenium's TimeoutException after `limit` seconds.
    """
    browser.get(address(page))
    laid_out = """return location.href === arguments[0] && document.readyState === "complete" &&
        document.body.offsetHeight > 0"""
    WebDriverWait(browser, limit, 0.1).until(
        lambda browser: browser.execute_script(laid_out, address(page)),
        f"{page} is not laid out after {limit:.0f} s",
    )


def address(page: Path) -> str:
    return page.resolve().as_uri()
