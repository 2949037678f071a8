"""compose.yaml as run-image writes it, read by Compose itself. The pod is checked among the unit tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tcp_performance import image_run
from tcp_performance.image_grants import Grants


def compose(folder: Path, service: dict[str, object]) -> subprocess.CompletedProcess[str]:
    (folder / "compose.yaml").write_text(yaml.safe_dump({"services": {"engine": service}}))
    return subprocess.run(
        ["docker-compose", "config", "-q"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_compose_takes_the_file_and_would_not_take_another(tmp_path: Path) -> None:
    grants = Grants("0-1", "0", {"rtprio": 98, "memlock": -1, "nice": 40}, ("root",), ((0, 2048, 4),))
    service = image_run.service("tcp-performance:latest-openblas", grants, ["bench"])
    assert compose(tmp_path, service).stderr == ""
    assert "cap_dropp" in compose(tmp_path, {**service, "cap_dropp": ["ALL"]}).stderr
