"""The progress of a build: stages, costs, and the step that failed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tcp_performance.image_bake import Progress, bake
from tcp_performance.image_stage import built_anew

LINES = """\
#0 building with "default" instance using docker driver
#1 [internal] load build definition from Dockerfile
#1 DONE 0.1s
#5 [openblas base 1/2] FROM local/debian-12
#5 CACHED
#6 [openblas base 2/2] RUN apt-get install python3
#6 0.5 Get:1 python3
#6 DONE 12.5s
#7 [openblas test 2/2] RUN /mnt/docker/suite /mnt/kernels
#7 3.1 ok 1
#7 4.1 FAILED tests/test_lookup.py::test_one
#7 ERROR: process "/bin/sh -c /mnt/docker/suite" did not complete successfully: exit code: 1
#8 [openblas runtime 1/2] COPY --from=test /opt /opt
#8 CANCELED
""".splitlines()


def read(lines: list[str]) -> tuple[Progress, list[str]]:
    progress = Progress()
    shown = [progress.read(line) for line in lines]
    return progress, [line for line in shown if line]


def test_costs_are_added_up_by_stage() -> None:
    assert read(LINES)[0].costs() == {
        "base": (12.5, 1, 1),
        "test": (0.0, 1, 0),
        "runtime": (0.0, 1, 0),
    }


def test_failure_is_the_step_with_its_output() -> None:
    step = read(LINES)[0].failure()
    assert step is not None
    assert step.stage == "test"
    assert step.output[-1] == "FAILED tests/test_lookup.py::test_one"


def test_steps_and_failing_tests_are_shown_and_chatter_is_not() -> None:
    shown = read(LINES)[1]
    assert "base: done in 12.5 s" in shown
    assert "test:   FAILED tests/test_lookup.py::test_one" in shown
    assert not [line for line in shown if "Get:1" in line]


def test_one_target_alone_has_no_name_in_the_progress() -> None:
    progress, _ = read(["#6 [base 2/2] RUN apt-get install python3", "#6 DONE 2.0s"])
    assert progress.costs() == {"base": (2.0, 1, 0)}
    assert progress.failure() is None


def test_output_goes_to_the_log_whole_and_the_exit_status_comes_back(tmp_path: Path) -> None:
    program = "print('#6 [base 2/2] RUN x\\n#6 0.1 y'); raise SystemExit(3)"
    code, progress = bake(
        [sys.executable, "-c", program], dict(os.environ), tmp_path, tmp_path / "log/build.log"
    )
    assert code == 3
    assert (tmp_path / "log/build.log").read_text() == "#6 [base 2/2] RUN x\n#6 0.1 y\n"
    assert progress.steps["6"].output == ["y"]


def test_what_a_repeated_build_did_anew_is_named() -> None:
    assert built_anew("\n".join(LINES[:5])) == []
    assert built_anew("\n".join(LINES[:7])) == ["base: RUN apt-get install python3"]
