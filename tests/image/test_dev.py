"""The image to work in: the tools of a host, and the suite."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "command", ["gcc", "g++", "clang", "cmake", "ninja", "perf", "gdb", "valgrind", "cyclictest", "numactl"]
)
def test_has_the_tools(dev: Any, command: str) -> None:
    assert dev.exists(command)


def test_suite_builds_and_passes_there(dev: Any) -> None:
    """One program of the suite, from the sources in the image; the build has run all of it."""
    dev.check_output(
        "cmake -G Ninja -S /usr/src/tcp-performance/kernels -B /tmp/suite -DCMAKE_BUILD_TYPE=Release -DTCPK_TESTS=ON"
    )
    dev.check_output("cmake --build /tmp/suite --target test_lookup")
    dev.check_output("ctest --test-dir /tmp/suite -R ^test_lookup$")


def test_holds_no_ansible(dev: Any) -> None:
    assert not dev.exists("ansible-playbook")
    assert not dev.file("/opt/controller").exists
