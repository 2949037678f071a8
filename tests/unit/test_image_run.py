"""What a container gets from a plan, and when it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tcp_performance import image_grants, image_run
from tcp_performance.base_image import ImageError
from tcp_performance.image_grants import Grants

# An older release: these fields have not changed since.
KUBERNETES = "1.31"
PLAN: dict[str, Any] = {
    "engine_cpus": "2-3,6",
    "engine_threads": [
        {"cpu": 2, "node": 0, "thread": 0},
        {"cpu": 3, "node": 0, "thread": 1},
        {"cpu": 6, "node": 1, "thread": 2},
    ],
    "limits": [
        {"domain": "@realtime", "item": "rtprio", "type": "-", "value": "98"},
        {"domain": "@realtime", "item": "memlock", "type": "-", "value": "unlimited"},
        {"domain": "@realtime", "item": "nice", "type": "-", "value": "-20"},
    ],
    "groups": [
        {"name": "hugetlb", "members": [], "role": "huge_pages"},
        {"name": "realtime", "members": [], "role": "realtime"},
        {"name": "msr", "members": [], "role": "msr_access"},
    ],
    "huge_pages": [{"node": 0, "size_kib": 2048, "count": 256}, {"node": 1, "size_kib": 1048576, "count": 2}],
}


@pytest.fixture
def grants() -> Grants:
    return image_grants.from_plan(PLAN)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A machine that has all that PLAN gives."""
    files = {
        "sys/devices/system/cpu/online": "0-7\n",
        "sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages": "300\n",
        "sys/devices/system/node/node1/hugepages/hugepages-1048576kB/free_hugepages": "2\n",
        "etc/group": "root:x:0:\nhugetlb:x:118:\nrealtime:x:119:\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_container_gets_the_plan_in_the_units_of_its_options(grants: Grants) -> None:
    assert grants.cpus == "2-3,6"
    assert grants.nodes == "0,1"
    assert grants.ulimits == {"rtprio": 98, "memlock": -1, "nice": 40}
    assert grants.groups == ("hugetlb", "realtime")
    assert grants.huge_page_bytes(2048) == 512 * 1024**2


def test_memory_limit_in_kib_becomes_bytes() -> None:
    limit = {"domain": "@realtime", "item": "memlock", "type": "-", "value": "64"}
    assert image_grants.ulimits([limit]) == {"memlock": 65536}


def test_nothing_is_missing_on_a_host_that_has_it_all(grants: Grants, host: Path) -> None:
    assert image_grants.shortfalls(grants, host) == []


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("sys/devices/system/cpu/online", "0-3", "CPUs 6 of the plan are not online"),
        (
            "sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages",
            "255",
            "node 0 has 255 free huge pages of 2048 KiB, the plan gives 256",
        ),
        ("etc/group", "root:x:0:\nrealtime:x:119:", "no group hugetlb"),
    ],
)
def test_what_is_missing_is_named(grants: Grants, host: Path, file: str, text: str, reason: str) -> None:
    (host / file).write_text(text)
    (found,) = image_grants.shortfalls(grants, host)
    assert reason in found


def test_host_without_a_plan_is_told_to_provision(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"not provisioned.*invoke provision"):
        image_run.read_plan(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    assert image_run.read_plan(tmp_path / "plan.json") == PLAN


LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max locked memory         8388608              {memlock}            bytes
Max nice priority         0                    40
Max realtime priority     0                    {rtprio}
"""


@pytest.mark.parametrize(
    ("capabilities", "memlock", "rtprio", "refused"),
    [
        ("000001ffffffffff", "8388608", "0", []),
        ("000001fffeffffff", "unlimited", "98", []),
        ("000001fffeffffff", "8388608", "97", ["rtprio", "memlock"]),
    ],
)
def test_limits_that_the_engine_may_not_raise_are_left_out(
    grants: Grants, tmp_path: Path, capabilities: str, memlock: str, rtprio: str, refused: list[str]
) -> None:
    process = tmp_path / "proc/7"
    process.mkdir(parents=True)
    (process / "status").write_text(f"Name:\tdockerd\nCapEff:\t{capabilities}\nCapBnd:\tf\n")
    (process / "limits").write_text(LIMITS.format(memlock=memlock, rtprio=rtprio))
    given, reasons = image_grants.without_refused_limits(grants, 7, tmp_path)
    assert list(reasons) == refused
    assert all("process 7, lacks CAP_SYS_RESOURCE" in reason for reason in reasons.values())
    assert set(given.ulimits) == {"rtprio", "memlock", "nice"} - set(refused)
    assert given.cpus == grants.cpus


def test_docker_gets_every_grant_and_no_right_beyond(grants: Grants) -> None:
    options = image_run.docker_options(image_run.service("image", grants, ["bench"]), grants)
    assert {
        "--read-only",
        "--network=none",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--cpuset-cpus=2-3,6",
        "--cpuset-mems=0,1",
        "--ulimit=rtprio=98",
        "--ulimit=memlock=-1",
        "--ulimit=nice=40",
    } <= set(options)
    assert not [option for option in options if "privileged" in option and "no-new" not in option]


def test_pod_is_guaranteed_whole_cpus_and_huge_pages(grants: Grants) -> None:
    (container,) = image_run.kubernetes("image", grants, ["bench"])["spec"]["containers"]
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert container["resources"]["limits"] == {
        "cpu": "3",
        "memory": "1Gi",
        "hugepages-2Mi": "512Mi",
        "hugepages-1Gi": "2048Mi",
    }


def test_pod_is_valid_by_the_schema_of_kubernetes(grants: Grants) -> None:
    pod = image_run.kubernetes("image", grants, ["bench"])
    kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    pod["spec"]["containers"][0]["resource"] = pod["spec"]["containers"][0].pop("resources")
    with pytest.raises(kubernetes_validate.ValidationError, match="resource"):
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
