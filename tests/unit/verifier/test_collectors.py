"""The collectors, on files made for them and on this machine as far as nothing is changed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.host import collect
from tests.host.collectors import accounts, files, kernel, main, software
from tests.host.state import State


class Host:
    """A testinfra host as far as collect() needs one: this machine, or an answer given."""

    def __init__(self, output: str | None = None) -> None:
        self.output = output
        self.commands: list[str] = []

    def run(self, command: str) -> Any:
        self.commands.append(command)
        if self.output is not None:
            return type("Result", (), {"rc": 0, "stdout": self.output, "stderr": ""})
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        return type("Result", (), {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr})


def packed(state: dict[str, Any]) -> str:
    return base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()


def test_the_state_comes_in_one_round_trip() -> None:
    host = Host(packed({"uid": 0, "plan": {"schema": 1}}))
    assert collect.collect(host).plan == {"schema": 1}
    assert len(host.commands) == 1
    # A single argument of a command may be 128 KiB long.
    assert len(host.commands[0]) < 100_000


def test_a_host_without_a_plan_is_not_provisioned() -> None:
    with pytest.raises(collect.NotProvisioned, match=r"run \./invoke provision"):
        collect.collect(Host(packed({"uid": 0, "plan": None})))


def test_a_plain_user_is_not_enough() -> None:
    with pytest.raises(RuntimeError, match="root"):
        collect.collect(Host(packed({"uid": 1000, "plan": {}})))


def test_the_sent_program_runs_with_the_systems_own_python() -> None:
    done = subprocess.run(collect.command(None), shell=True, capture_output=True, text=True, check=False)
    if done.returncode and "sudo" in done.stderr:
        pytest.skip("not root, and sudo asks for a password")
    assert json.loads(zlib.decompress(base64.b64decode(done.stdout)))["uid"] == 0


def test_a_file_is_described_behind_its_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("text\n")
    target.chmod(0o640)
    link.symlink_to(target)
    found = files.describe(str(link))
    assert found is not None
    assert (found["kind"], found["mode"], found["text"]) == ("file", "0640", "text\n")
    assert (found["link"], found["real"]) == (str(target), str(target))
    assert files.describe(str(tmp_path / "none")) is None


def test_the_last_sysctl_file_is_the_one_that_is_read_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    for folder, name, text in (
        (etc, "60-ours.conf", "vm.swappiness = 10\n"),
        (etc, "50-hides.conf", "# nothing\n"),
        (usr, "50-hides.conf", "vm.swappiness = 99\n"),
        (usr, "70-theirs.conf", "-vm/swappiness=60\n; vm.swappiness = 1\n"),
    ):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(files, "SYSCTL_FOLDERS", (str(etc), str(usr)))
    state = State({"sysctl_files": files.sysctl_files()})
    assert [(Path(path).name, value) for path, value in state.sysctl_writers("vm.swappiness")] == [
        ("60-ours.conf", "10"),
        ("70-theirs.conf", "60"),
    ]


def test_a_sysctl_file_behind_a_link_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, target = tmp_path / "sysctl.d", tmp_path / "sysctl.conf"
    folder.mkdir()
    target.write_text("vm.swappiness = 60\n")
    (folder / "99-sysctl.conf").symlink_to(target)
    monkeypatch.setattr(files, "SYSCTL_FOLDERS", (str(folder),))
    writers = State({"sysctl_files": files.sysctl_files()}).sysctl_writers("vm.swappiness")
    assert writers[0] == (f"{folder}/99-sysctl.conf ({target})", "60")


def test_limits_of_a_session_are_read_from_the_kernel() -> None:
    found = accounts.limits_in(Path("/proc/self/limits").read_text())
    assert set(found) == {"rtprio", "memlock", "nice"}
    assert all(set(kinds) == {"soft", "hard"} for kinds in found.values())


def test_a_group_that_is_not_there_has_no_session() -> None:
    found = accounts.login("no-such-group-here")
    assert (found["limits"], found["user"]) == ({}, "")
    assert "no-such-group-here" in found["reason"]


def test_a_command_that_is_not_there_says_so() -> None:
    assert software.run(["/no/such/command"])["status"] == 127
    assert software.openmp("no-such-compiler")["status"] == 127


def test_a_command_gets_its_variables() -> None:
    assert software.run(["sh", "-c", "echo $TCPK_BACKEND"], TCPK_BACKEND="numpy")["output"] == "numpy"


def test_this_kernels_values_are_read() -> None:
    assert kernel.read("/proc/cmdline") is not None
    assert kernel.read("/proc/no-such-file") is None
    assert any(mount["path"] == "/proc" and mount["type"] == "proc" for mount in kernel.mounts())
    assert kernel._status("/proc/self/status", "Pid") == str(os.getpid())


def test_interrupts_of_this_machine_are_listed_with_their_handlers() -> None:
    for entry in kernel.interrupts(set(), judged=False):
        assert entry["handlers"]
        assert entry["movable"] is True
        assert kernel._cpus(entry["cpus"])


def test_a_part_of_the_state_comes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    empty: dict[str, Any] = {"mounts": [], "groups": [], "limits": []}
    found = main.collect({"plan": empty, "parts": ["accounts"]})
    assert set(found) == {"uid", "plan", "groups", "login", "limit_lines"}


def test_plan_of_the_controller_takes_the_place_of_the_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = tmp_path / "plan.json"
    stored.write_text('{"schema": 2}')
    monkeypatch.setattr(main, "PLAN", str(stored))
    assert main.read_plan({"plan": {"schema": 1}}) == {"schema": 1}
    assert main.read_plan({"plan": None}) == {"schema": 2}
    stored.write_text("{")
    assert main.read_plan({"plan": None}) is None


def test_units_of_a_manager_that_does_not_answer_are_not_said_to_be_disabled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = {"status": 1, "output": "", "errors": "Failed to list unit files: Connection timed out"}
    monkeypatch.setattr(software, "run", lambda argv, **variables: silent)
    with pytest.raises(SystemExit, match=r"systemctl list-unit-files: .*Connection timed out"):
        software.systemctl("list-unit-files")
