"""This very machine, as a newcomer meets it: plan, dry run, provision twice, break, verify, report, revert.

In this order, each step on what the one before left; a failing step ends the module (-x), after a revert.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import jsonschema
import pytest

from tcp_performance import commands_run
from tcp_performance.docker_engine import DockerEngine, EngineError
from tests import fingerprint
from tests.machine.turns import taking_turns

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LIMITS = Path("/etc/security/limits.d/60-tcp-performance.conf")
SYSCTLS = Path("/etc/sysctl.d/60-tcp-performance-huge_pages.conf")
SHM_GROUP = Path("/proc/sys/vm/hugetlb_shm_group")

IMAGE = "tcp-performance:latest-openblas"  # by ./invoke build-image, as the README has it

# What a revert does not bring back, by pattern, each with its reason.
EXCEPTIONS = {
    "mounts:/run/docker/netns/*": "network namespaces of containers that come and go beside this test",
    "mounts:/var/lib/docker/*": "file systems of the same containers, and of images being built",
    "mounts:/tmp/*": "what others mount for a while, as mmdebstrap does in the tree that it makes",
    "files:/etc/ld.so.cache": "the linker's cache: rebuilt by ldconfig, its order is not fixed",
}


def run(command: str, expect: int = 0) -> str:
    """Run a command as the README writes it, its output passed on; note it when it ended as expected."""
    print(f"$ {command}", flush=True)
    with subprocess.Popen(
        command, shell=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                lines.append(line)
        except KeyboardInterrupt:
            process.wait()  # interrupted too: what it does must have ended before the revert begins
            raise
    output = "".join(lines)
    assert process.returncode == expect, f"exit {process.returncode}, expected {expect}: {command}"
    commands_run.note("host", command)
    return output


def differences(before: fingerprint.Fingerprint) -> dict[str, str]:
    return fingerprint.unexplained(before, fingerprint.collect(), EXCEPTIONS)


def verdicts() -> dict[str, dict[str, str]]:
    rows = [
        row
        for path in (BUILD / "verdicts").glob("*.json")
        for row in json.loads(path.read_text())["verdicts"]
    ]
    return {row["setting"]: row for row in rows}


@pytest.fixture(scope="module")
def before() -> Iterator[fingerprint.Fingerprint]:
    """The machine as it was; whatever a step does, the module ends with a revert."""
    commands_run.forget("host")
    if Path("/var/lib/tcp-performance/snapshot").exists():
        pytest.fail("this machine is provisioned already: ./invoke revert, then test")
    yield fingerprint.collect()
    if Path("/var/lib/tcp-performance/snapshot").exists():
        subprocess.run(["./invoke", "revert"], cwd=ROOT, check=True)


def test_a_dry_run_changes_nothing(before: fingerprint.Fingerprint) -> None:
    output = run("./invoke provision --check")
    assert "Nothing was changed." in output
    assert differences(before) == {}


def test_provisioning_ends_with_verdicts_figures_and_a_report(before: fingerprint.Fingerprint) -> None:
    output = run("./invoke provision")
    for part in ("compliant", "descriptor lookup", "build/report/report.json", "build/report/index.html"):
        assert part in output
    report = json.loads((BUILD / "report/report.json").read_text())
    jsonschema.validate(report, json.loads((ROOT / "docs/report.schema.json").read_text()))
    assert {row["verdict"] for row in report["verdicts"]} <= {"compliant", "not-applicable"}
    assert all(row["reason"] for row in report["verdicts"] if row["verdict"] == "not-applicable")


def test_the_second_run_changes_nothing_and_says_so(before: fingerprint.Fingerprint) -> None:
    once = fingerprint.collect()
    output = run("./invoke provision")
    assert "Provisioning changed nothing" in output
    assert differences(once) == {}


def test_verify_is_content(before: fingerprint.Fingerprint) -> None:
    run("./invoke verify")
    assert verdicts()


def test_exactly_what_was_broken_is_named(before: fingerprint.Fingerprint) -> None:
    limits, sysctls, shm_group = LIMITS.read_text(), SYSCTLS.stat().st_mode, SHM_GROUP.read_text()
    LIMITS.write_text(limits.replace("rtprio 98", "rtprio 1"))
    SYSCTLS.chmod(0o666)
    SHM_GROUP.write_text("0\n")
    output = run("./invoke verify", expect=1)
    drifted = {name: row for name, row in verdicts().items() if row["verdict"] == "drifted"}
    assert set(drifted) == {
        "realtime.limit.@realtime.rtprio",
        f"huge_pages.file.{SYSCTLS}",
        "huge_pages.vm.hugetlb_shm_group",
    }
    for row in drifted.values():
        assert row["expected"] != row["actual"]
        assert str(row["actual"]).split("\n")[0] in output
    LIMITS.write_text(limits)
    SYSCTLS.chmod(sysctls)
    SHM_GROUP.write_text(shm_group)


def test_the_report_is_made_anew(before: fingerprint.Fingerprint) -> None:
    run("./invoke report")


def test_the_figures_stand_next_to_targets_floors_and_numpy(before: fingerprint.Fingerprint) -> None:
    """Whether the targets hold depends on what else the machine does, so that is shown here and not asserted."""
    done = subprocess.run(["./invoke", "bench"], cwd=ROOT, capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode in (0, 1), done.stderr
    rows = json.loads((BUILD / "bench/bench.json").read_text())["rows"]
    for row in rows:
        assert row["median"] > 0
        assert row["floor"] > 0
        assert any(peer["name"].startswith("NumPy") for peer in row["peers"]), row["operation"]
    commands_run.note("host", "./invoke bench")


HUGE_PAGES = 512  # of 2 MiB: room for two engines of a million agents and two tables of a million keys


def test_a_container_gets_what_the_plan_gives(before: fingerprint.Fingerprint) -> None:
    """CPUs, scheduling class and huge pages are those of the host; the figures stand side by side."""
    bench = "bench --json --rounds 2001"
    with contextlib.ExitStack() as engine:
        try:
            engine.enter_context(DockerEngine("host"))
        except EngineError as error:
            pytest.skip(str(error))
        if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True).returncode:
            pytest.skip(f"there is no image {IMAGE}: the stage images makes it")
        run(f"./invoke provision --set huge_pages_2m_per_node={HUGE_PAGES}")
        # The container first: it is refused where others have of the pages that the plan gives it.
        commands = [
            f"./invoke run-image -- '{bench}'",
            f"/opt/tcp-performance/bin/tcp_behavioral_engine {bench}",
        ]
        inside, outside = taking_turns(commands, bench, ROOT)
    for figures in (inside, outside):
        assert "of 2 MiB" in figures["machine"]["pages"]
    plan = json.loads(Path("/var/lib/tcp-performance/plan.json").read_text())
    assert inside["machine"]["allowed_cpus"] == plan["engine_cpus"]
    assert inside["machine"]["scheduling"] == "SCHED_OTHER"
    print("ns, medians of rounds that took turns: in the container and on the host")
    for ours, theirs in zip(inside["rows"], outside["rows"]):
        compared = f"{ours['median'] / theirs['median']:.2f} of the host's"
        print(f"{ours['operation']:48} {ours['median']:8.1f} {theirs['median']:8.1f}, {compared}")


def test_revert_brings_the_former_state_back(before: fingerprint.Fingerprint) -> None:
    run("./invoke revert")
    assert differences(before) == {}


def test_a_second_revert_has_nothing_to_do(before: fingerprint.Fingerprint) -> None:
    run("./invoke revert")
    assert differences(before) == {}
