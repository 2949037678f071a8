"""The stage `images` of ./invoke test: every variant is built and looked at; a broken kernel test fails the build."""

from __future__ import annotations

import os
import sys
import time

from docker.errors import DockerException
from invoke import Exit

from tcp_performance import commands_run, image_bake, image_build, system_packages
from tcp_performance.docker_engine import DockerEngine, is_running
from tcp_performance.stage_steps import Skipped, shell

TAG = "test"
README = "./invoke build-image --variant all"
REPEATED = 15  # seconds that it takes at most when nothing has changed, on a machine that does nothing else
PACKAGES = (*system_packages.CONTAINERS, "docker-compose")  # which reads what run-image --manifests writes


def as_the_readme_says() -> None:
    """All of it is built already: a repeated build takes seconds. It names images as a user's, hence in CI alone."""
    commands_run.forget("images")
    if not os.environ.get("CI"):
        print(f"{README}: would rename a user's images; run with CI=true", flush=True)
        return
    begin = time.monotonic()
    shell(README.split())
    seconds = time.monotonic() - begin
    print(
        f"a repeated build took {seconds:.1f} s (of a machine that does nothing else: {REPEATED})", flush=True
    )
    if anew := built_anew((image_build.FOLDER / "build.log").read_text()):
        raise Exit(f"a repeated build did this anew: {'; '.join(anew)}", code=1)
    commands_run.note("images", README)


def built_anew(log: str) -> list[str]:
    """The steps of a build that did not come from the cache."""
    progress = image_bake.Progress()
    for line in log.splitlines():
        progress.read(line)
    return [
        f"{step.stage}: {step.what}"
        for step in progress.steps.values()
        if step.state != "cached" and not step.what.startswith("FROM ")
    ]


def images(long: bool) -> None:
    """Needs an engine: a running one, or root to start one."""
    if os.geteuid() != 0 and not is_running():
        raise Skipped("no Docker engine answers, and starting one needs root")
    try:
        with DockerEngine("stage images"):
            if image_build.run("all", "", TAG, push=False):
                raise Exit("an image could not be built", code=1)
            as_the_readme_says()
            shell([sys.executable, "-m", "pytest", "tests/image", "--image-tag", TAG])
    except DockerException as error:
        raise Exit(f"the engine failed: {error}", code=1) from error
