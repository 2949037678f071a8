"""QEMU from backports: where it is wanted, and that nothing is changed where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcp_performance import backports

PACKAGES = ("qemu-system-x86", "mmdebstrap", "qemu-utils")
SEEN = 'for word; do case $word in Dir::Etc::SourceParts=*) cat "${word#*=}"/bookworm-backports.list ;; esac; done'


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_what_is_from_there_already_is_not_wanted_again(programs: Path) -> None:
    program(programs / "dpkg-query", 'echo "qemu-system-x86 1:10.0.2+ds-2~bpo12+1 installed"')
    assert backports.wanted(PACKAGES, "bookworm") == ["qemu-utils"]


def test_the_distributions_own_and_a_removed_one_are_replaced(programs: Path) -> None:
    listed = "qemu-system-x86 1:7.2+dfsg-7 installed\nqemu-utils 1:10.0.2+ds-2~bpo12+1 config-files"
    program(programs / "dpkg-query", f'echo "{listed}"')
    assert backports.wanted(PACKAGES, "bookworm") == ["qemu-system-x86", "qemu-utils"]


@pytest.mark.parametrize("code_name", ["trixie", "noble", ""])
def test_another_release_takes_its_own(code_name: str) -> None:
    assert backports.wanted(PACKAGES, code_name) == []


def test_the_suite_is_asked_for_on_the_controllers_mirror(programs: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program(
        programs / "apt-get",
        f'if [ "$1" = indextargets ]; then echo http://mirror.example/debian/; exit; fi\n'
        f'{{ echo "$*"; {SEEN}; }} >>{said}',
    )
    assert backports.install(["qemu-utils"], "bookworm")
    update, source, install, _ = said.read_text().splitlines()
    assert update.endswith(" update")
    assert source.endswith("http://mirror.example/debian/ bookworm-backports main")
    assert install.endswith("-t bookworm-backports qemu-utils")


def test_a_mirror_without_the_suite_installs_nothing(programs: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    program(
        programs / "apt-get",
        f'if [ "$1" = indextargets ]; then echo http://mirror.example/; exit; fi\necho "$*" >>{said}; exit 100',
    )
    assert not backports.install(["qemu-utils"], "bookworm")
    assert [line.split()[-1] for line in said.read_text().splitlines()] == ["update"]


def test_no_source_of_that_release_installs_nothing(programs: Path) -> None:
    program(programs / "apt-get", '[ "$1" = indextargets ]')
    assert not backports.install(["qemu-utils"], "bookworm")
