"""What ./invoke build-image takes, and what it puts into the build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from invoke import Exit

from tcp_performance import image_build
from tcp_performance.playbooks import ROOT

LOCK = (ROOT / "requirements.lock").read_text()


def test_variants_of_the_list_are_the_targets_of_the_bake_file() -> None:
    group = re.search(r'group "all" \{ targets = \[(.*?)\]', image_build.BAKE_FILE.read_text())
    assert group is not None
    assert re.findall(r'"(\w+)"', group[1]) == image_build.variants() == image_build.chosen("all")


def test_without_a_name_the_first_variant_is_made() -> None:
    assert image_build.chosen("") == ["openblas"]


@pytest.mark.parametrize("name", ["opemblas", "ALL"])
def test_unknown_variant_lists_the_known_ones(name: str) -> None:
    with pytest.raises(Exit, match=f"{name!r}: allowed are openblas, mkl, dev, all") as error:
        image_build.chosen(name)
    assert error.value.code == 2


@pytest.mark.parametrize("name", ["debian:11", "local/debian-12-systemd"])
def test_base_outside_the_list_is_refused(name: str) -> None:
    with pytest.raises(
        Exit, match=re.escape("allowed are local/debian-12, local/debian-13, debian:12")
    ) as error:
        image_build.require_base(name)
    assert error.value.code == 2


@pytest.mark.parametrize("version", ["", "a b", "-x", "a/b", "x" * 102])
def test_tag_that_no_registry_takes_is_refused(version: str) -> None:
    with pytest.raises(Exit, match="--tag") as error:
        image_build.run("openblas", "local/debian-12", version, push=False)
    assert error.value.code == 2


def test_build_gets_ansible_cython_and_what_they_need_alone_from_the_lock() -> None:
    part = image_build.controller_lock(LOCK)
    names = set(re.findall(r"(?m)^([a-z0-9-]+)==", part))
    assert {
        "ansible",
        "ansible-core",
        "cython",
        "jinja2",
        "markupsafe",
        "pyyaml",
        "resolvelib",
        "cffi",
    } <= names
    assert not names & {"numpy", "molecule", "ansible-lint", "mypy", "pytest"}


def test_every_requirement_of_the_build_keeps_its_hashes_and_condition() -> None:
    part = image_build.controller_lock(LOCK)
    blocks = [block for block in re.split(r"(?m)^(?=\S)", part) if block]
    assert all("--hash=sha256:" in block and block in LOCK for block in blocks)
    assert "#" not in part


def test_every_file_that_the_build_mounts_is_in_its_context() -> None:
    mounted = set(re.findall(r"type=bind,source=([^,]+)", (ROOT / "docker/Dockerfile").read_text()))
    let_in = re.findall(r"(?m)^!(\S+)", (ROOT / "docker/Dockerfile.dockerignore").read_text())
    assert mounted
    assert [
        name for name in mounted if not any(f"{name}/".startswith(f"{folder}/") for folder in let_in)
    ] == []
    assert all((ROOT / name).exists() for name in mounted if not name.startswith("build/"))


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("https://example.org/tcp.git", "https://example.org/tcp.git"),
        ("https://me:secret@example.org/tcp.git", ""),
        ("git@example.org:tcp.git", ""),
        ("/srv/git/tcp", ""),
        ("", ""),
    ],
)
def test_label_source_gives_nothing_private_away(
    origin: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_build, "git", lambda *arguments: origin)
    assert image_build.source() == told


def test_labels_name_the_instruction_sets_of_the_sources(tmp_path: Path) -> None:
    variables = image_build.bake_variables("debian:12", "latest")
    assert variables["ISA"].split()[:2] == ["generic", "avx2"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", variables["VERSION"])
    assert re.fullmatch(r"[0-9a-f]{40}(-changed)?", variables["REVISION"])
