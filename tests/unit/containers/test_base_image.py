"""The list of base images and what makes an image be made anew."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tcp_performance import base_image

SECTIONS = yaml.safe_load((base_image.IMAGES / "manifest.yml").read_text())
MANIFEST = SECTIONS["bases"]
IMAGES = [*SECTIONS["bases"], *SECTIONS["machines"]]
MADE_HERE = [entry["name"] for entry in MANIFEST if "spec" in entry]


def test_every_base_says_whether_it_is_tested_and_if_not_why() -> None:
    for entry in IMAGES:
        assert entry["status"] in ("tested", "untested"), entry
        assert (entry["status"] == "untested") == bool(entry.get("reason")), entry


def test_tested_bases_are_those_of_the_scenarios() -> None:
    scenarios = sorted((base_image.IMAGES.parent / "molecule").glob("*/molecule.yml"))
    named = {p["image"] for path in scenarios for p in yaml.safe_load(path.read_text())["platforms"]}
    # `${VARIABLE:-image}`: what is tested without the variable.
    used = {re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", image) for image in named}
    assert used == {entry["name"] for entry in IMAGES if entry["status"] == "tested"}


@pytest.mark.parametrize("name", MADE_HERE)
def test_specification_is_complete(name: str) -> None:
    base = base_image.load(name)
    command = base_image.bootstrap_command(base, Path("tree.tar.gz"))
    assert command[-2:] == [base.suite, "tree.tar.gz"]
    assert f"--include={','.join(base.packages)}" in command
    assert ("systemd-sysv" in base.packages) == name.endswith("-systemd")


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(base_image.ImageError, match="local/debian-13-systemd"):
        base_image.load("debian:12")


@pytest.mark.parametrize(
    "change",
    [{"suite": "sid"}, {"packages": ("dbus",)}, {"masks": ("a.service",)}, {"command": ("/bin/sh",)}],
    ids=lambda change: next(iter(change)),
)
def test_hash_follows_every_input(change: dict[str, Any]) -> None:
    base = base_image.load("local/debian-12-systemd")
    assert dataclasses.replace(base, **change).inputs_hash() != base.inputs_hash()


def test_hash_does_not_follow_the_order_of_a_list() -> None:
    base = base_image.load("local/debian-12-systemd")
    assert dataclasses.replace(base, packages=base.packages[::-1]).inputs_hash() == base.inputs_hash()


def test_archive_lies_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    archive = base_image.load("local/debian-12").archive()
    assert archive.parent == tmp_path / "tcp-performance"
    assert archive.name.startswith("local-debian-12-")


def test_failed_bootstrap_leaves_no_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "mmdebstrap"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\nfor last; do :; done\necho half > "$last"\necho "no such suite" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(base_image, "require_mmdebstrap", lambda: None)
    with pytest.raises(base_image.ImageError, match="no such suite"):
        base_image.bootstrap(base_image.load("local/debian-12"))
    assert list((tmp_path / "cache" / "tcp-performance").iterdir()) == []
