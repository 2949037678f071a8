"""./invoke build-image: the images out of the roles, what each stage cost, how large they are, and what is in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import DockerException
from invoke import Exit
from rich.console import Console
from rich.table import Table

from tcp_performance import base_image, image_bake, image_buildx, image_content
from tcp_performance.docker_engine import DockerEngine, EngineError
from tcp_performance.playbooks import BUILD, ROOT

NAME = "tcp-performance"
FOLDER = BUILD / "image"
BAKE_FILE = ROOT / "docker/docker-bake.hcl"
CA_BUNDLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")


def manifest() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((base_image.IMAGES / "manifest.yml").read_text())
    return read


def variants() -> list[str]:
    return [entry["name"] for entry in manifest()["variants"]]


def tag(variant: str, version: str) -> str:
    return f"{NAME}:{version}-{variant}"


def chosen(variant: str) -> list[str]:
    if variant == "all":
        return variants()
    if not variant:
        return variants()[:1]
    if variant not in variants():
        raise Exit(f"--variant {variant!r}: allowed are {', '.join(variants())}, all", code=2)
    return [variant]


def require_base(name: str) -> str:
    """The base is one of the list, or its first; one that the project makes is there."""
    bases = {entry["name"]: entry for entry in manifest()["bases"] if not entry["name"].endswith("-systemd")}
    name = name or next(iter(bases))
    if name not in bases:
        raise Exit(f"--base {name!r}: allowed are {', '.join(bases)} (images/manifest.yml)", code=2)
    if "spec" in bases[name]:
        base_image.ensure(name)
    return name


def controller_lock(lock: str) -> str:
    """The part of the project's lock that provisioning needs, hashes included: what goes into the build, and no more.

    The lock says below each package which others want it ("via"). Those remarks stay behind: who else wants a package
    is no reason to build anew.
    """
    blocks = [block for block in re.split(r"(?m)^(?=\S)", lock) if "==" in block.split("\n")[0]]
    wanted, known = {"ansible", "cython"}, 0
    while known != len(wanted):
        known = len(wanted)
        for block in blocks:
            if wanted & set(re.findall(r"(?m)^ +# +(?:via )?(\S+)$", block)):
                wanted.add(block.split("==")[0])
    part = "".join(block for block in blocks if block.split("==")[0] in wanted)
    return re.sub(r"(?m)^ +#.*\n", "", part)


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def source() -> str:
    """Where the sources are published: the origin, where it is a plain https address without a name or a secret."""
    origin = git("remote", "get-url", "origin")
    return origin if re.fullmatch(r"https://[^@?\s]+", origin) else ""


def bake_variables(base: str, version: str) -> dict[str, str]:
    """What docker-bake.hcl asks for."""
    cmake = (ROOT / "kernels/CMakeLists.txt").read_text()
    project = re.search(r"project\(tcpk VERSION (\S+)", cmake)
    assert project is not None
    sets = {path.stem.rpartition("_")[2] for path in (ROOT / "kernels/src/x86").glob("*_*.c")}
    changed = (
        "-changed" if git("status", "--porcelain", "--", "kernels", "roles", "docker", "ansible") else ""
    )
    bundle = next((os.environ[name] for name in CA_BUNDLES if Path(os.environ.get(name, "")).is_file()), "")
    return {
        "BASE": base,
        "TAG": version,
        "VERSION": project[1],
        "REVISION": git("rev-parse", "HEAD") + changed,
        "SOURCE": source(),
        "ISA": " ".join(["generic", *sorted(sets)]),
        "CA_BUNDLE": bundle,
    }


def tell_failure(progress: image_bake.Progress, log: Path) -> None:
    """What the step that failed said at its end; a test that failed is named there."""
    step = progress.failure()
    if step is None:
        print("\n".join(log.read_text().splitlines()[-20:]))
        return
    print(f"The build failed in stage {step.stage}: {step.what[:100]}")
    print("\n".join(step.output[-40:]))


def tell_costs(progress: image_bake.Progress) -> None:
    table = Table(title="What each stage cost")
    for heading in ("stage", "seconds", "steps run", "from cache"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, (seconds, ran, cached) in progress.costs().items():
        table.add_row(stage, f"{seconds:.1f}", str(ran), str(cached))
    Console().print(table)


def tell_size(client: docker.DockerClient, name: str, base: str, content: dict[str, Any]) -> None:
    image, below = client.images.get(name), client.images.get(base)
    added = image.attrs["Size"] - below.attrs["Size"]
    size, bottom = (one.attrs["Size"] / 1e6 for one in (image, below))
    print(f"{name}: {size:.0f} MB, {added / 1e6:.0f} MB above {base} ({bottom:.0f} MB)")
    for what, size in image_content.layers(client, name, base):
        print(f"    {size / 1e6:6.1f} MB  {what}")
    print(
        f"    {sum(content['blas'].values()) / 1e6:6.1f} MB  of it: {len(content['blas'])} files of the BLAS"
    )


def describe(client: docker.DockerClient, name: str, base: str) -> None:
    """Size, breakdown, and the bill of materials beside it."""
    content = image_content.inventory(client, name)
    image = client.images.get(name)
    bill = image_content.bill_of_materials(name, str(image.id), image.attrs["Created"], content)
    file = FOLDER / f"{name.replace(':', '-')}.cdx.json"
    file.write_text(json.dumps(bill, indent=1) + "\n")
    tell_size(client, name, base, content)
    print(f"    {len(bill['components'])} packages in {file.relative_to(ROOT)}")


def build(names: list[str], base: str, version: str, push: bool) -> int:
    image_buildx.require()
    base = require_base(base)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "controller.txt").write_text(controller_lock((ROOT / "requirements.lock").read_text()))
    command = ["docker", "buildx", "bake", "--file", str(BAKE_FILE), "--progress", "plain"]
    command += ["--push"] if push else ["--load"]
    environment = {**os.environ, **bake_variables(base, version)}
    log = FOLDER / "build.log"
    code, progress = image_bake.bake([*command, *names], environment, ROOT, log)
    if code:
        tell_failure(progress, log)
        return 1
    tell_costs(progress)
    client = docker.from_env(timeout=600)
    try:
        for name in names:
            describe(client, tag(name, version), base)
    finally:
        client.close()
    return 0


def run(variant: str, base: str, version: str, push: bool) -> int:
    """Build a variant or all; 0, 1 when the build failed, Exit with code 2 for a wrong option."""
    names = chosen(variant)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}", version):
        raise Exit(f"--tag {version!r}: allowed are letters, digits, '_', '.' and '-', 101 at most", code=2)
    try:
        with DockerEngine("build-image"):
            return build(names, base, version, push)
    except (base_image.ImageError, EngineError, DockerException) as error:
        print(f"build-image: {error}")
        return 1
