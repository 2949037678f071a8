"""The stage `images` of ./invoke test: every variant is built and looked at; a broken kernel test fails the build."""

from __future__ import annotations

import os
import sys

from docker.errors import DockerException
from invoke import Exit

from tcp_performance import image_build, system_packages
from tcp_performance.docker_engine import DockerEngine, is_running
from tcp_performance.stage_steps import Skipped, shell

TAG = "test"
PACKAGES = (*system_packages.CONTAINERS, "docker-compose")  # which reads what run-image --manifests writes


def images(long: bool) -> None:
    """Needs an engine: a running one, or root to start one."""
    if os.geteuid() != 0 and not is_running():
        raise Skipped("no Docker engine answers, and starting one needs root")
    try:
        with DockerEngine("stage images"):
            if image_build.run("all", "", TAG, push=False):
                raise Exit("an image could not be built", code=1)
            shell([sys.executable, "-m", "pytest", "tests/image", "--image-tag", TAG])
    except DockerException as error:
        raise Exit(f"the engine failed: {error}", code=1) from error
