"""The page without a mouse: skip link, filters, search, sorting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

Open = Callable[..., AbstractContextManager[Chrome]]


def press(chrome: Chrome, *keys: str) -> None:
    actions = ActionChains(chrome)
    for key in keys:
        actions.send_keys(key)
    actions.perform()


def tab_to(chrome: Chrome, selector: str, limit: int = 80) -> None:
    """Press Tab until the focus is there."""
    for _ in range(limit):
        press(chrome, Keys.TAB)
        if chrome.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"{limit} times Tab does not reach {selector}")


def shown(chrome: Chrome, column: int = 0) -> list[str]:
    texts: list[str] = chrome.execute_script(
        "return [...document.querySelectorAll('.verdicts tbody tr')].filter(r => r.offsetHeight > 0)"
        ".map(r => r.cells[arguments[0]].textContent.trim())",
        column,
    )
    return texts


def count(chrome: Chrome, selector: str) -> int:
    return int(chrome.find_element(By.CSS_SELECTOR, f"{selector} .count").text)


def test_the_skip_link_comes_first_and_is_seen(look: Open) -> None:
    with look(2) as chrome:
        press(chrome, Keys.TAB)
        link = chrome.switch_to.active_element
        assert link.get_attribute("class") == "skip"
        assert link.rect["x"] >= 0
        press(chrome, Keys.ENTER)
        assert chrome.switch_to.active_element.get_attribute("id") == "content"


def test_a_verdict_is_filtered_by_keyboard(look: Open) -> None:
    for width in (1280, 400):
        with look(64, width) as chrome:
            everything = len(shown(chrome))
            tab_to(chrome, '[data-verdict="drifted"]')
            outline = chrome.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", "the focus is visible"
            press(chrome, Keys.SPACE)
            rows = shown(chrome, 2)
            assert 0 < len(rows) < everything
            assert all("drifted" in text for text in rows)
            assert count(chrome, '.filters [data-verdict="drifted"]') == len(rows)
            assert f"{len(rows)} of {everything}" in chrome.find_element(By.ID, "shown").text
            press(chrome, Keys.ENTER)
            assert len(shown(chrome)) == everything, "a second press takes the filter back"


def test_a_role_is_filtered_and_counts_follow(look: Open) -> None:
    with look(64) as chrome:
        tab_to(chrome, '[data-role="numa"]')
        expected = count(chrome, '.filters [data-role="numa"]')
        press(chrome, Keys.SPACE)
        assert set(shown(chrome, 1)) == {"numa"}
        assert len(shown(chrome)) == expected
        assert count(chrome, '.filters [data-verdict=""]') == expected


def test_search_by_words_and_escape(look: Open) -> None:
    with look(64) as chrome:
        everything = len(shown(chrome))
        tab_to(chrome, "#search")
        press(chrome, "SYSCTL-free-nonsense")
        assert shown(chrome) == []
        assert chrome.find_element(By.ID, "nothing").is_displayed()
        press(chrome, Keys.ESCAPE)
        assert len(shown(chrome)) == everything
        press(chrome, "boot_argument ISOLCPUS")
        assert shown(chrome) == ["cpu_isolation.boot_argument.isolcpus"]


def test_columns_are_sorted_by_keyboard(look: Open) -> None:
    with look(64) as chrome:
        urgent = shown(chrome)
        tab_to(chrome, '[data-sort="0"]')
        press(chrome, Keys.ENTER)
        up = shown(chrome)
        assert (
            chrome.switch_to.active_element.find_element(By.XPATH, "..").get_attribute("aria-sort")
            == "ascending"
        )
        press(chrome, Keys.SPACE)
        assert shown(chrome) == up[::-1] != up
        tab_to(chrome, '[data-sort="2"]')
        press(chrome, Keys.ENTER)
        assert shown(chrome) == urgent, "by verdict: the most urgent first"


def test_every_control_can_be_reached(look: Open) -> None:
    with look(2) as chrome:
        controls = chrome.execute_script(
            "return [...document.querySelectorAll('a[href], button, input, summary')]"
            ".filter(e => e.offsetHeight).length"
        )
        reached = set()
        for _ in range(controls + 5):
            press(chrome, Keys.TAB)
            reached.add(chrome.switch_to.active_element.id)
        assert len(reached) >= controls


def test_without_script_everything_is_shown(look: Open) -> None:
    with look(2) as chrome:
        total = len(shown(chrome))
        chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        chrome.refresh()
        assert not chrome.find_element(By.CSS_SELECTOR, ".filters").is_displayed()
        visible = [
            row for row in chrome.find_elements(By.CSS_SELECTOR, ".verdicts tbody tr") if row.is_displayed()
        ]
        assert len(visible) == total
