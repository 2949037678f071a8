"""./invoke verify: which hosts, what it prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from tcp_performance import verify

INVENTORY = """
all:
  hosts:
    here: {ansible_connection: local}
    there: {ansible_connection: local}
"""


def row(setting: str, verdict: str, **more: str) -> dict[str, str]:
    base = {"setting": setting, "role": setting.partition(".")[0], "verdict": verdict}
    return {**base, "expected": "10", "actual": "10", "reason": "", **more}


COMPLIANT = row("numa.vm.swappiness", "compliant")
DRIFTED = row(
    "power.governor.cpu0", "drifted", expected="performance", actual="[powersave]", reason="says otherwise"
)
ABSENT = [row(f"power.{name}", "not-applicable", actual="", reason="no cpufreq") for name in ("turbo", "epp")]


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.yml"
    path.write_text(INVENTORY)
    return path


def answer(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[dict[str, str]] | str]) -> None:
    """Let each host have these verdicts, or this to say."""

    def judge(host: str, inventory: Path, verdicts: Path) -> tuple[int, str]:
        found = answers[host]
        if isinstance(found, str):
            return 2, found
        verdicts.write_text(json.dumps({"host": host, "profile": "lowlatency", "verdicts": found}))
        return int(any(row["verdict"] == "drifted" for row in found)), ""

    monkeypatch.setattr(verify, "judge", judge)
    # Ansible takes seconds to read an inventory; that it is asked has a test of its own.
    monkeypatch.setattr(verify, "hosts_of", lambda inventory, limit: list(answers))


def test_hosts_come_from_inventory_and_limit(inventory: Path) -> None:
    assert verify.hosts_of(inventory, None) == ["here", "there"]
    assert verify.hosts_of(inventory, "all:!here") == ["there"]


def test_an_unknown_host_is_bad_input(
    inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify.run(inventory, "nowhere", tmp_path / "verdicts") == 2
    assert "nowhere" in capsys.readouterr().out


def test_each_host_has_its_verdict_file(
    inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, {"here": [COMPLIANT], "there": [COMPLIANT, *ABSENT]})
    assert verify.run(inventory, None, tmp_path / "verdicts") == 0
    assert {path.name for path in (tmp_path / "verdicts").iterdir()} == {"here.json", "there.json"}
    output = capsys.readouterr().out
    assert "here: 1 setting: 0 drifted, 0 reboot-pending, 1 compliant, 0 not-applicable" in output
    assert "\x1b" not in output


def test_one_drifted_host_is_enough_for_exit_1(
    inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, {"here": [COMPLIANT], "there": [COMPLIANT, DRIFTED]})
    assert verify.run(inventory, None, tmp_path / "verdicts") == 1
    output = capsys.readouterr().out
    there = output[output.index("there, profile") :]
    # What drifted stands first, whole, and square brackets are no markup.
    assert there.index("drifted: power.governor.cpu0") < there.index("numa")
    for part in ("expected performance", "actual   [powersave]", "reason   says otherwise"):
        assert part in there


def test_a_host_that_is_not_provisioned_says_what_to_do(
    inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "\nExit: here: not provisioned: no plan on the host, run ./invoke provision\n! _pytest.outcomes.Exit !"
    answer(monkeypatch, {"here": said, "there": [DRIFTED]})
    assert verify.run(inventory, None, tmp_path / "verdicts") == 2
    assert "here: not provisioned: no plan on the host, run ./invoke provision\n" in capsys.readouterr().out


def test_what_does_not_apply_for_one_reason_is_one_row() -> None:
    console = Console(width=160, record=True)
    console.print(verify.table([COMPLIANT, *ABSENT]))
    lines = [line for line in console.export_text().splitlines() if "no cpufreq" in line]
    assert len(lines) == 1
    assert "turbo, epp" in lines[0]


def test_the_verifier_itself_refuses_what_has_no_plan(inventory: Path, tmp_path: Path) -> None:
    if Path("/var/lib/tcp-performance/plan.json").exists():
        pytest.skip("this machine is provisioned")
    status, output = verify.judge("here", inventory, tmp_path / "here.json")
    assert status == 2
    # Without root it cannot even look.
    assert "not provisioned" in output or "could not be collected" in output
