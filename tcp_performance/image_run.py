"""./invoke run-image: the engine in a container with exactly what the host's plan gives it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from invoke import Exit

from tcp_performance import docker_engine, image_build, image_grants
from tcp_performance.base_image import ImageError
from tcp_performance.docker_engine import DockerEngine, EngineError
from tcp_performance.image_grants import Grants
from tcp_performance.playbooks import ROOT

PLAN = Path("/var/lib/tcp-performance/plan.json")


def read_plan(path: Path = PLAN) -> dict[str, Any]:
    """The plan that this host was provisioned by."""
    if not path.is_file():
        raise ImageError(f"this host is not provisioned, it has no {path}: run ./invoke provision first")
    plan: dict[str, Any] = json.loads(path.read_text())
    return plan


def locked_down() -> dict[str, Any]:
    """What every container of the engine runs with, in compose's words: it needs no right beyond the plan's."""
    return {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network_mode": "none",
    }


def service(image: str, grants: Grants, arguments: Sequence[str]) -> dict[str, Any]:
    """The service in compose's words. Compose has no word for memory nodes: `docker_options` adds them."""
    limits = {name: {"soft": value, "hard": value} for name, value in grants.ulimits.items()}
    groups = [str(number) for number in image_grants.group_ids(grants.groups).values() if number is not None]
    return {
        "image": image,
        "command": list(arguments),
        **locked_down(),
        "cpuset": grants.cpus,
        **({"ulimits": limits} if limits else {}),
        **({"group_add": groups} if groups else {}),
    }


def docker_options(description: dict[str, Any], grants: Grants) -> list[str]:
    """The same as options of docker run."""
    options = [
        "--rm",
        "--read-only",
        f"--network={description['network_mode']}",
        f"--cpuset-cpus={description['cpuset']}",
    ]
    options += [f"--cap-drop={name}" for name in description["cap_drop"]]
    options += [f"--security-opt={name}" for name in description["security_opt"]]
    options += [f"--cpuset-mems={grants.nodes}"]
    options += [f"--ulimit={name}={value['soft']}" for name, value in description.get("ulimits", {}).items()]
    return options + [f"--group-add={number}" for number in description.get("group_add", [])]


def kubernetes(image: str, grants: Grants, arguments: Sequence[str]) -> dict[str, Any]:
    """A pod of guaranteed quality: whole CPUs, memory and huge pages, requests equal to limits.

    The node's kubelet must run with cpuManagerPolicy: static, and memoryManagerPolicy: Static where the memory node
    matters. Kubernetes has no resource limits per process (rtprio, memlock): they come from the node's runtime.
    """
    resources = {"cpu": str(len(image_grants.expand(grants.cpus))), "memory": "1Gi"}
    for size_kib, name in ((2048, "hugepages-2Mi"), (1048576, "hugepages-1Gi")):
        size = grants.huge_page_bytes(size_kib)
        if size:
            resources[name] = f"{size // (1024 * 1024)}Mi"
    container = {
        "name": "engine",
        "image": image,
        "args": list(arguments),
        "resources": {"requests": dict(resources), "limits": dict(resources)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "livenessProbe": {
            "exec": {"command": ["tcp_behavioral_engine", "validate"]},
            "periodSeconds": 60,
            "timeoutSeconds": 30,
        },
        # Where a read-only container can write: memory of its own.
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "tcp-performance", "labels": {"app.kubernetes.io/name": "tcp-performance"}},
        "spec": {
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
        },
    }


def write_manifests(image: str, grants: Grants, arguments: Sequence[str]) -> list[Path]:
    """compose.yaml and kubernetes.yaml for this host's plan, in build/image."""
    image_build.FOLDER.mkdir(parents=True, exist_ok=True)
    written = []
    for name, document in (
        ("compose.yaml", {"services": {"engine": service(image, grants, arguments)}}),
        ("kubernetes.yaml", kubernetes(image, grants, arguments)),
    ):
        file = image_build.FOLDER / name
        file.write_text(
            "# Made by ./invoke run-image from the plan of this host.\n"
            + yaml.safe_dump(document, sort_keys=False)
        )
        written.append(file)
    return written


def what_the_engine_can_give(grants: Grants) -> Grants:
    """The grants, less what nobody on this machine can have, which is told."""
    engine = docker_engine.process()
    if engine is None:  # on another machine: docker says there what it cannot give
        return grants
    grants, refused = image_grants.without_refused_limits(grants, engine)
    for item, reason in refused.items():
        print(f"not applicable: the plan's limit for {item}: {reason}", flush=True)
    return grants


def start(image: str, grants: Grants, arguments: Sequence[str]) -> int:
    options = docker_options(service(image, grants, arguments), grants)
    command = ["docker", "run", *options, image, *arguments]
    print(f"$ {shlex.join(command)}", flush=True)
    return subprocess.run(command, env=dict(os.environ), check=False).returncode


def run(variant: str, version: str, remainder: str, manifests: bool) -> int:
    """The exit status of the engine; 2 with the reasons when the host lacks what its plan gives."""
    if variant == "all":
        raise Exit(f"--variant 'all': one runs at a time, of {', '.join(image_build.variants())}", code=2)
    (variant,) = image_build.chosen(variant)
    image, arguments = image_build.tag(variant, version), shlex.split(remainder) or ["validate"]
    try:
        grants = image_grants.from_plan(read_plan())
        if manifests:
            for file in write_manifests(image, grants, arguments):
                print(f"written: {file.relative_to(ROOT)}")
            return 0
        missing = image_grants.shortfalls(grants)
        if missing:
            raise ImageError("the host lacks what its plan gives: " + "; ".join(missing))
        with DockerEngine("run-image"):
            return start(image, what_the_engine_can_give(grants), arguments)
    except (ImageError, EngineError) as error:
        print(f"run-image: {error}")
        return 2
