"""Containers of the images that ./invoke build-image has made, one a variant, looked at through testinfra.

python -m pytest tests/image [--image-tag TAG]
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import docker
import pytest
import testinfra

from tcp_performance import image_build

RUNTIME = ("openblas", "mkl")
# What a user is told to run it with: nothing is allowed that it does not need.
LOCKED_DOWN = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--image-tag", default="latest", help="what stands before -VARIANT in the tags of the images"
    )


@pytest.fixture(scope="session")
def version(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--image-tag"))


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=120)
    yield client
    client.close()


def run(
    image: str, *arguments: str, options: tuple[str, ...] = LOCKED_DOWN
) -> subprocess.CompletedProcess[str]:
    """One container that ends by itself."""
    command = ["docker", "run", "--rm", *options, image, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def started(image: str, options: tuple[str, ...]) -> Iterator[Any]:
    """A testinfra host: a container of the image that waits."""
    command = ["docker", "run", "--detach", "--init", *options, "--entrypoint=sleep", image, "infinity"]
    identity = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield testinfra.get_host(f"docker://{identity}")
    finally:
        subprocess.run(["docker", "rm", "--force", identity], capture_output=True, check=True)


@pytest.fixture(scope="session", params=RUNTIME)
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def image(variant: str, version: str) -> str:
    return image_build.tag(variant, version)


@pytest.fixture(scope="session")
def runtime(image: str) -> Iterator[Any]:
    yield from started(image, LOCKED_DOWN)


@pytest.fixture(scope="session")
def dev_image(version: str) -> str:
    return image_build.tag("dev", version)


@pytest.fixture(scope="session")
def dev(dev_image: str) -> Iterator[Any]:
    yield from started(dev_image, ())


@pytest.fixture(scope="session")
def bare(client: docker.DockerClient, dev_image: str) -> Iterator[Any]:
    """A container of the images' base, with what Ansible itself needs there; the last test to use it provisions it."""
    base = client.images.get(dev_image).labels["org.opencontainers.image.base.name"]
    for host in started(base, ()):
        host.check_output("apt-get -qq update && apt-get -qq install --no-install-recommends --yes python3")
        yield host
