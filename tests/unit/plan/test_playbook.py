"""The plan as Ansible makes it: through the module, the role and the playbook."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
ANSIBLE = Path(sys.executable).parent / "ansible-playbook"
STATE = Path("/var/lib/tcp-performance/plan.json")


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """This machine and a group of its own, so that nothing of the repository's inventories counts."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": {"here": host, "localhost": host}}}))
    return path


def run(
    playbook: Path, inventory: Path, *arguments: str, **extra: object
) -> subprocess.CompletedProcess[str]:
    command = [str(ANSIBLE), str(playbook), "-i", str(inventory), *arguments, "-e", json.dumps(extra)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def role_play(folder: Path) -> Path:
    path = folder / "play.yml"
    path.write_text(
        json.dumps([{"hosts": "here", "gather_facts": False, "roles": [str(ROOT / "roles/preflight")]}])
    )
    return path


def test_a_capture_is_planned_and_its_problems_do_not_end_the_play(
    xeon: Any, inventory: Path, tmp_path: Path
) -> None:
    done = run(
        ROOT / "ansible/plan.yml",
        inventory,
        plan_sysroot=str(xeon.root),
        plan_output=str(tmp_path),
        tcp_performance_profile="lowlatency",
        # As text, the way -e KEY=VALUE and --set hand it over.
        cpu_isolation_cpus="0-63",
        cpu_isolation_housekeeping_cores_per_node="99",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    plan = json.loads((tmp_path / "localhost.json").read_text())
    settings = {problem["setting"] for problem in plan["problems"]}
    assert settings == {"cpu_isolation_cpus", "cpu_isolation_housekeeping_cores_per_node"}
    assert plan["topology"]["model"] == "Intel(R) Xeon(R) Gold 6134"
    # What nobody set comes from the profile.
    assert plan["intent"]["numa_swappiness"] == 10


def test_the_hosts_are_planned_each_in_a_file(inventory: Path, tmp_path: Path) -> None:
    extra = {"plan_output": str(tmp_path), "tcp_performance_profile": "workstation"}
    done = run(ROOT / "ansible/plan.yml", inventory, **extra)
    if "is not supported" in done.stdout:
        pytest.skip("this machine's system is none of the supported ones")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.stem for path in tmp_path.glob("*.json")} == {"hosts", "here", "localhost"}
    plan = json.loads((tmp_path / "here.json").read_text())
    assert plan["profile"] == "workstation"
    assert plan["platform"]


def test_preflight_stops_with_all_problems_before_anything_is_written(
    inventory: Path, tmp_path: Path
) -> None:
    before = STATE.read_bytes() if STATE.exists() else None
    extra = {"realtime_rtprio": "1000", "power_turbo": "sometimes", "preflight_intent": {"no_such": 1}}
    done = run(role_play(tmp_path), inventory, **extra)
    if "is not supported" in done.stdout:
        pytest.skip("this machine's system is none of the supported ones")
    assert done.returncode == 2
    for part in ("realtime_rtprio = 1000", "1 to 99", "power_turbo = sometimes", "no_such = 1"):
        assert part in done.stdout
    assert (STATE.read_bytes() if STATE.exists() else None) == before


def test_check_mode_writes_nothing(inventory: Path, tmp_path: Path) -> None:
    before = STATE.read_bytes() if STATE.exists() else None
    done = run(role_play(tmp_path), inventory, "--check")
    if "is not supported" in done.stdout:
        pytest.skip("this machine's system is none of the supported ones")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=0" in done.stdout
    assert (STATE.read_bytes() if STATE.exists() else None) == before


def test_another_system_stops_with_the_list_of_supported_ones(inventory: Path, tmp_path: Path) -> None:
    release = 'NAME="Fedora Linux"\nID=fedora\nVERSION_ID=40\nVERSION_CODENAME=""\n'
    answer = {"content": base64.b64encode(release.encode()).decode()}
    play = tmp_path / "play.yml"
    role = {"name": str(ROOT / "roles/preflight")}
    tasks = [{"ansible.builtin.include_role": role, "vars": {"__preflight_release": answer}}]
    play.write_text(json.dumps([{"hosts": "here", "gather_facts": False, "tasks": tasks}]))
    done = run(play, inventory)
    assert done.returncode == 2
    for name in ("fedora-40 is not supported", "debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04"):
        assert name in done.stdout


def test_the_module_documents_itself() -> None:
    done = subprocess.run(
        [str(ANSIBLE.with_name("ansible-doc")), "-t", "module", "--json", "host_plan"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    documented = json.loads(done.stdout)["host_plan"]["doc"]["options"]
    assert set(documented) == {"profile", "intent", "platform", "sysroot", "fail_on_problems"}
