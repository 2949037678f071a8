"""The Ansible of Python 3.10, as a build on Ubuntu 22.04 has it: ansible-core 2.17, held against the same roles.

That base comes from a registry; the roles are played by that Ansible into containers of the bases at hand.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tcp_performance import stage_steps
from tcp_performance.playbooks import ROOT, environment

PYTHON = "3.10"
BLAS = "openblas-openmp"
RECAP = re.compile(r"ok=(\d+) +changed=(\d+) +unreachable=0 +failed=0")


@pytest.fixture(scope="module")
def ansible() -> Path:
    """The folder of its commands."""
    python = stage_steps.find_python(PYTHON)
    if python is None:
        pytest.skip(f"no Python {PYTHON} on this machine")
    folder = stage_steps.environment_of(PYTHON, python) / "bin"
    told = subprocess.run([folder / "ansible", "--version"], capture_output=True, text=True, check=True)
    assert "core 2.17." in told.stdout
    assert f"python version = {PYTHON}." in told.stdout
    return folder


def play(ansible: Path, host: Any, stage: str) -> int:
    """Play a stage of docker/stages.yml; how many tasks changed something."""
    command = [
        str(ansible / "ansible-playbook"),
        "-i",
        f"{host.backend.name},",
        "-c",
        "community.docker.docker",
    ]
    command += [
        "-e",
        f"image_stage={stage}",
        "-e",
        f"blas_library={BLAS}",
        "-e",
        "ansible_python_interpreter=/usr/bin/python3",
    ]
    command += ["docker/stages.yml"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    recap = RECAP.search(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:]
    assert recap is not None, done.stdout[-4000:]
    assert int(recap[1]) > 5
    return int(recap[2])


def test_provisions_a_base_and_again_changes_nothing(ansible: Path, bare: Any) -> None:
    assert play(ansible, bare, "blas") > 0
    assert play(ansible, bare, "blas") == 0


def test_finds_nothing_to_do_in_the_image(ansible: Path, dev: Any) -> None:
    play(ansible, dev, "needs")  # writes down the plan, which has no place in an image
    assert {stage: play(ansible, dev, stage) for stage in ("toolchain", "needs", "blas")} == {
        "toolchain": 0,
        "needs": 0,
        "blas": 0,
    }
