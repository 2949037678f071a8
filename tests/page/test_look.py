"""What a person sees: pictures that are there, no sideways scrolling; and no network, no complaint in the console."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tcp_performance.report import browser, screenshot
from tests import report_samples as samples

Open = Callable[..., AbstractContextManager[Chrome]]
SIZES = [(cpus, width) for cpus in sorted(samples.SHAPES) for width in (1280, 400)]


def picture(chrome: Chrome, box: dict[str, float]) -> Image.Image:
    clip = {**box, "scale": 1}
    shot = chrome.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("L")


def boxes(chrome: Chrome, selector: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = chrome.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.getBoundingClientRect())"
        ".map(r => ({x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height}))",
        selector,
    )
    return found


def requests(chrome: Chrome) -> list[str]:
    """Every address the page asked for."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.log(chrome, "performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


@pytest.mark.parametrize(("cpus", "width"), SIZES)
def test_nothing_is_wider_than_the_window(look: Open, cpus: int, width: int) -> None:
    with look(cpus, width) as chrome:
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
        wide = chrome.execute_script(
            "return [...document.querySelectorAll('body *:not(.scroll *):not(.skip)')].filter("
            "e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 120))"
        )
        assert wide == []


@pytest.mark.parametrize(("cpus", "width"), SIZES)
def test_pictures_are_visible_and_not_blank(look: Open, cpus: int, width: int) -> None:
    with look(cpus, width) as chrome:
        drawn = {kind: boxes(chrome, kind) for kind in (".strips", ".latency", ".memory svg")}
        # One an operation, one a kind of comparison, and the distribution of single events.
        assert len(drawn[".latency"]) == len(samples.OPERATIONS) + 3 + 1
        assert len(drawn[".strips"]) == len(drawn[".memory svg"]) >= 1
        for kind, places in drawn.items():
            for box in places:
                assert min(box["width"], box["height"]) >= 10, kind
        for kind in (".strips", ".latency"):
            for box in drawn[kind][:3]:
                shades = picture(chrome, box).getcolors(1 << 16) or []
                assert len(shades) > 20, f"{kind} is blank"


@pytest.mark.parametrize("width", [1280, 400])
def test_letters_in_pictures_are_large_enough_to_read(look: Open, width: int) -> None:
    with look(64, width) as chrome:
        heights = [box["height"] for box in boxes(chrome, ".latency text") if box["height"]]
        assert min(heights) >= 8


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_has_contrast(look: Open, dark: bool) -> None:
    pairs = {
        ("--ink", "--panel"): 7, ("--ink", "--page"): 7, ("--muted", "--panel"): 4.5, ("--muted", "--page"): 4.5,
        ("--accent", "--panel"): 4.5, ("--good", "--good-back"): 4.5, ("--bad", "--bad-back"): 4.5,
        ("--wait", "--wait-back"): 4.5, ("--none", "--none-back"): 4.5, ("--on-isolated", "--isolated"): 4.5,
        ("--target", "--panel"): 4.5, ("--floor", "--panel"): 4.5, ("--ink", "--hatch"): 4.5, ("--focus", "--panel"): 3,
        ("--peer", "--panel"): 3, ("--shape", "--panel"): 3,
    }  # fmt: skip
    with look(2, dark=dark) as chrome:
        style = "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim()"
        colour = {name: chrome.execute_script(style, name) for pair in pairs for name in pair}
    for (front, back), wanted in pairs.items():
        assert contrast(colour[front], colour[back]) >= wanted, (front, back)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_page_asks_the_network_for_nothing(look: Open, pages: dict[int, Path]) -> None:
    with look(64) as chrome:
        chrome.find_element(By.TAG_NAME, "summary").click()
        asked = requests(chrome)
        assert browser.address(pages[64]) in asked, "the log records requests"
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert [url for url in asked if url.startswith("file:")] == [browser.address(pages[64])]


def test_the_policy_stops_what_would_ask(look: Open) -> None:
    with look(2) as chrome:
        blocked = chrome.execute_async_script(
            "const done = arguments[0]; document.addEventListener('securitypolicyviolation', e => done(e.blockedURI));"
            "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i);"
        )
        assert blocked.startswith("http://127.0.0.1:9")


def test_the_console_is_silent(look: Open) -> None:
    with look(256) as chrome:
        assert browser.log(chrome, "browser") == []


def test_print_shows_everything_but_the_controls(look: Open) -> None:
    with look(64, 800, True) as chrome:
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert not chrome.find_element(By.CSS_SELECTOR, ".filters").is_displayed()
        assert all(row.is_displayed() for row in chrome.find_elements(By.CSS_SELECTOR, ".verdicts tbody tr"))
        shown = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert shown == "rgb(255, 255, 255)"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_screenshot_is_as_wide_as_asked(
    chromium: Chrome, pages: dict[int, Path], tmp_path: Path, dark: bool
) -> None:
    screenshot.take(pages[2], tmp_path / "page.png", 640, 500, dark)
    with Image.open(tmp_path / "page.png") as taken:
        assert taken.size == (640, 500)
        corner = taken.convert("L").getpixel((0, 0))
    assert isinstance(corner, int)
    assert (corner < 60) if dark else (corner > 200)
