"""Generated role pages and the agreement of defaults and specifications."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcp_performance import role_docs

SPEC = """
argument_specs:
  main:
    short_description: Reserve pages.
    description: [One sentence., Another.]
    options:
      pages_count:
        type: int
        default: 4
        description: How many. Count; 0 for none | never less.
        choices: [0, 4]
"""


@pytest.fixture
def role(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    (folder / "meta").mkdir(parents=True)
    (folder / "defaults").mkdir()
    (folder / "meta/argument_specs.yml").write_text(SPEC)
    (folder / "defaults/main.yml").write_text("pages_count: 4\n")
    return folder


def test_agreement_is_silent(role: Path) -> None:
    assert role_docs.disagreements(role) == []


def test_another_default_is_named(role: Path) -> None:
    (role / "defaults/main.yml").write_text("pages_count: 5\n")
    assert role_docs.disagreements(role) == ["pages: pages_count defaults to 5, specified 4"]


def test_an_unspecified_default_is_named(role: Path) -> None:
    (role / "defaults/main.yml").write_text("pages_count: 4\npages_other: 1\n")
    assert role_docs.disagreements(role) == ["pages: pages_other has a default and no specification"]


def test_a_missing_default_is_named(role: Path) -> None:
    (role / "defaults/main.yml").unlink()
    assert role_docs.disagreements(role) == ["pages: pages_count is specified, optional, and has no default"]


def test_the_page_has_a_row_for_each_variable(role: Path) -> None:
    text = role_docs.readme(role)
    assert "# pages\n\nReserve pages.\n\nOne sentence. Another.\n" in text
    assert (
        "| `pages_count` | int | `4` | How many. Count; 0 for none \\| never less. Allowed: 0, 4. |" in text
    )
