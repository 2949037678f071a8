"""Picture of a page: python -m tcp_performance.report.screenshot REPORT.html OUT.png WIDTH [--height N] [--dark]"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path

from tcp_performance.report import browser


def take(page: Path, picture: Path, width: int, height: int | None = None, dark: bool = False) -> None:
    """Write a PNG of the page, `width` CSS pixels wide; the whole page, or its first `height` pixels."""
    with browser.opened(width, dark=dark) as opened:
        browser.visit(opened, page)
        whole = int(opened.execute_script("return document.documentElement.scrollHeight"))
        clip = {"x": 0, "y": 0, "width": width, "height": min(whole, height or whole), "scale": 1}
        shot = opened.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(base64.b64decode(shot["data"]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tcp_performance.report.screenshot", description=__doc__)
    parser.add_argument("page", type=Path, metavar="REPORT.html")
    parser.add_argument("picture", type=Path, metavar="OUT.png")
    parser.add_argument("width", type=int, metavar="WIDTH", help="CSS pixels")
    parser.add_argument("--height", type=int, help="only this much from the top")
    parser.add_argument("--dark", action="store_true", help="as a person who prefers dark pages sees it")
    given = parser.parse_args()
    if not given.page.is_file():
        parser.error(f"{given.page}: no such file; ./invoke report writes build/report/index.html")
    reason = browser.missing()
    if reason:
        parser.error(reason)
    take(given.page, given.picture, given.width, given.height, given.dark)
    return 0


if __name__ == "__main__":
    sys.exit(main())
