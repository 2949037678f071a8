"""The image to work in: the tools of a host, and the suite."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tcp_performance.playbooks import ROOT, environment

# What the image is made with, as a host that is provisioned with them has them.
ROLES = "toolchain,blas,perf_tools,kernels"


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
    assert dev.file("/mnt").listdir() == []


def packages(host: Any) -> set[str]:
    """Names and versions."""
    return set(host.check_output("dpkg-query --show --showformat='${Package} ${Version}\\n'").splitlines())


def wanted_there(host: Any, folder: Path) -> set[str]:
    """The packages that the roles name, as they tell in check mode."""
    variables = {
        "ansible_connection": "community.docker.docker",
        "ansible_host": host.backend.name,
        "ansible_become": False,
        "tcp_performance_profile": "workstation",
        "toolchain_testing": True,
    }
    (inventory := folder / "inventory.yml").write_text(
        yaml.safe_dump({"all": {"hosts": {"bare": variables}}})
    )
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), "--check"]
    done = subprocess.run(
        [*command, "--tags", ROLES, "ansible/site.yml"],
        cwd=ROOT,
        env=dict(environment(), ANSIBLE_STDOUT_CALLBACK="ansible.posix.json"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    told = json.loads(done.stdout[done.stdout.index("{") :])
    results = [task["hosts"].get("bare", {}) for play in told["plays"] for task in play["tasks"]]
    asked = [result for result in results if "installed" in result]
    return {name for result in asked for name in result["invocation"]["module_args"]["name"]}


def transaction(host: Any, names: set[str]) -> set[str]:
    """Names and versions that would come in, all at once as on a host that is provisioned."""
    told = host.check_output(
        f"apt-get -qq --simulate --no-install-recommends install {' '.join(sorted(names))}"
    )
    return {" ".join(found) for found in re.findall(r"(?m)^Inst (\S+)(?: \[\S+\])? \((\S+)", told)}


def test_has_the_packages_that_the_roles_install_on_a_host(dev: Any, bare: Any, tmp_path: Path) -> None:
    assert packages(dev) - packages(bare) == transaction(bare, wanted_there(bare, tmp_path))
