"""The page as text: complete, self-contained, and deaf to whatever a host says."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tcp_performance.report import document, page
from tests import report_samples as samples

Report = dict[str, Any]
HOSTILE = "</script></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(1)>{{7*7}}${1}"


class Parsed(HTMLParser):
    """Elements, attributes and identifiers of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str]:
        return [value for _, attrs in self.tags if (value := attrs.get(name)) is not None]


def test_everything_is_on_the_page(report: Report) -> None:
    report["plan"]["warnings"] = ["a note of the plan"]
    text = page.render(report)
    for row in report["verdicts"]:
        assert f"<code>{row['setting']}</code>" in text
    for row in report["kernels"]:
        assert f"{row['operation']}</h3>" in text
    for argument in report["plan"]["boot_arguments"]:
        assert f"<code>{argument}</code>" in text
    for entry in report["plan"]["not_applicable"]:
        assert entry["reason"] in text
    assert "a note of the plan" in text
    assert "gcc 12.2.0" in text


def test_other_libraries_and_the_recorded_build_are_on_the_page(report: Report) -> None:
    assert 'id="beside"' not in page.render(report)
    text = page.render({**report, **samples.beside()})
    for words in ("absl::flat_hash_map", "CRoaring: not measured", "the same answers", "809 commands of 459 processes",
                  "10,000,000 agents: not measured: it would take more"):  # fmt: skip
        assert words in text


def test_the_pipelines_figures_are_on_the_page(report: Report) -> None:
    assert 'id="fpga"' not in page.render(report)
    text = page.render({**report, "fpga": samples.fpga()})
    for words in ('href="#fpga"', "<strong>265.0</strong> (250.0 to 300.0)", "<strong>18.9</strong> (16.7 to 20.0)",
                  ">met<", ">missed<", "821 to 823 TRELLIS_COMB", "24 DP16KD", "Yosys 0.23"):  # fmt: skip
        assert words in text
    shown = text[text.index('<section id="fpga"') :]
    rows = re.findall(r'<tr><th scope="row">(a [^<]*device[^<]*)</th>(.*?)</tr>', shown)
    verdicts = {name: "compliant" in row or ("drifted" not in row and None) for name, row in rows}
    assert verdicts == {"a fast device": True, "a slow device": False, "a device with no promise": None}


def test_problems_stand_on_the_page(report: Report) -> None:
    report["kernels"] = []
    report["plan"]["problems"] = [
        {"setting": "huge_pages_2m_per_node", "value": 999, "allowed": "0 to 4", "advice": "ask for less"}
    ]
    assert "huge_pages_2m_per_node = 999" in page.render(report)


@pytest.fixture(scope="module")
def text(whole: Report) -> str:
    return page.render(whole)


def test_nothing_is_loaded_from_anywhere(text: str) -> None:
    parsed = Parsed(text)
    assert not parsed.values("src")
    assert all(value.startswith(("#", "data:")) for value in parsed.values("href"))
    assert not re.findall(r"@import|url\((?!#)", text)
    policy = next(attrs["content"] for tag, attrs in parsed.tags if attrs.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_the_policy_allows_the_script_and_no_other(text: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert len(scripts) == 1
    assert f"script-src 'sha256-{digest}'" in text


def test_identifiers_are_unique_and_references_lead_somewhere(text: str) -> None:
    parsed = Parsed(text)
    identifiers = parsed.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert {value[1:] for value in parsed.values("href") if value.startswith("#")} <= set(identifiers)


def hostile(value: Any) -> Any:
    """The same shape with every free text replaced."""
    if isinstance(value, dict):
        return {key: hostile(part) for key, part in value.items()}
    if isinstance(value, list):
        return [hostile(part) for part in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_texts_stay_texts(report: Report, text: str) -> None:
    expected = [tag for tag, _ in Parsed(text).tags if tag in ("script", "img", "style")]
    for row in report["verdicts"]:
        row.update(dict.fromkeys(("setting", "role", "expected", "actual", "reason"), HOSTILE))
    for row in report["kernels"]:
        row.update(variant=HOSTILE, floor_kind=HOSTILE, peers=[{"name": HOSTILE, "median": 5.0}])
        row["operation"] += HOSTILE
    report["host"] = HOSTILE
    report["toolchain"] = {HOSTILE: HOSTILE}
    plan = report["plan"]
    plan["topology"]["model"] = plan["platform"] = HOSTILE
    for name in ("boot_arguments", "warnings", "not_applicable"):
        plan[name] = hostile(plan[name])
    plan["problems"] = [dict.fromkeys(("setting", "value", "allowed", "advice"), HOSTILE)]
    document.validate(report)
    text = page.render(report)
    parsed = Parsed(text)
    assert [tag for tag, _ in parsed.tags if tag in ("script", "img", "style")] == expected
    assert not [name for _, attrs in parsed.tags for name in attrs if name.startswith("on")]
    assert "49${1}" not in text


@pytest.mark.parametrize("cpus", sorted(samples.SHAPES))
def test_every_size_of_machine_is_drawn_whole(cpus: int, tmp_path: Path) -> None:
    plan = samples.plan(samples.SHAPES[cpus], tmp_path)
    text = page.render(document.assemble(plan, samples.verdicts(plan), None))
    drawn = [int(number) for number in re.findall(r"<title>CPU (\d+);", text)]
    assert sorted(drawn) == list(range(cpus))


def test_a_host_without_figures_says_so(report: Report) -> None:
    report["kernels"], report["toolchain"] = [], {}
    assert "not measured on this host" in page.render(report)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), ("", "–"), (True, "yes"), ([1, 2], "1, 2"), ([], "none"), ({"a": 1}, '{"a": 1}'), (0, "0")],
)
def test_values_read_as_a_person_expects(value: Any, shown: str) -> None:
    assert page.words(value) == shown
