"""A test of the kernels that is broken on purpose ends the build at the test stage, and is named.

What is broken is one C file, so the same build shows from which stage on such a change builds anew.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

from tcp_performance import image_bake, image_build
from tcp_performance.playbooks import ROOT

CONTEXT = ("ansible", "ansible.cfg", "docker", "kernels", "roles", "build/image/controller.txt")


def copy_of_the_context(folder: Path) -> None:
    for name in CONTEXT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("build", "__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)


def break_a_test(file: Path) -> str:
    """Let the first test of a cmocka program fail, never twice in the same words; returns its name."""
    text = file.read_text()
    first = re.search(r"static void (test_\w+|\w+)\(void \*\*state\)\n\{\n", text)
    assert first is not None
    fails = f'    fail_msg("broken on purpose, {time.time_ns()}");\n'
    file.write_text(text[: first.end()] + fails + text[first.end() :])
    return first[1]


def test_a_broken_test_ends_the_build_and_is_named(tmp_path: Path) -> None:
    copy_of_the_context(tmp_path)
    name = break_a_test(tmp_path / "kernels/tests/test_lookup.c")
    environment = {**os.environ, **image_build.bake_variables(image_build.require_base(""), "broken")}
    command = [
        "docker",
        "buildx",
        "bake",
        "--file",
        "docker/docker-bake.hcl",
        "--progress",
        "plain",
        "openblas",
    ]
    code, progress = image_bake.bake(command, environment, tmp_path, tmp_path / "build.log")
    step = progress.failure()
    assert code != 0
    assert step is not None
    assert step.stage == "test"
    told = "\n".join(step.output[-40:])
    assert "test_lookup" in told
    assert name in "\n".join(step.output)
    steps = [step for step in progress.steps.values() if step.what.startswith("RUN ")]
    assert {step.stage for step in steps if step.state != "cached"} == {"build", "suite", "test"}
    assert {"base", "controller", "toolchain", "tools"} <= {step.stage for step in steps}
