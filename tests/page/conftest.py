"""Report pages in headless Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tcp_performance import report
from tcp_performance.report import browser
from tests import report_samples as samples

Open = Callable[..., AbstractContextManager[Chrome]]
Pages = dict[int, Path]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chrome]:
    reason = browser.missing()
    if reason:
        pytest.skip(reason)
    with browser.opened(1280) as chrome:
        yield chrome


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A page for each size of machine, by its number of CPUs."""
    made = {}
    for cpus, shape in samples.SHAPES.items():
        folder = tmp_path_factory.mktemp(f"machine-{cpus}")
        plan = samples.plan(shape, folder)
        _, made[cpus] = report.build(
            plan,
            samples.verdicts(plan),
            {**samples.bench(), **samples.beside()},
            folder / "report",
            fpga=samples.fpga(),
        )
    return made


@pytest.fixture
def look(pages: Pages, chromium: Chrome) -> Open:
    """Open the page of a machine with so many CPUs, so wide, nothing left of the page before."""

    @contextmanager
    def opened(cpus: int = 64, width: int = 1280, dark: bool = False) -> Iterator[Chrome]:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        chromium.get("about:blank")
        browser.adjust(chromium, width, dark=dark)
        for kind in ("performance", "browser"):
            browser.log(chromium, kind)
        browser.visit(chromium, pages[cpus])
        yield chromium

    return opened
