"""What the checks of Molecule's containers share: the fingerprint from before, and a run of the verifier."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests import fingerprint

PROJECT = Path(__file__).resolve().parents[2]


def hostname(host: Any) -> str:
    """The host's name in the inventory, as the fingerprints and verdicts are named after it."""
    return cast(str, host.backend.host if host.backend.NAME == "ansible" else host.backend.get_hostname())


@pytest.fixture
def changes_since_prepare(host: Any) -> dict[str, str]:
    """`section:name` -> what differs from the fingerprint that prepare.yml took."""
    kept = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "fingerprints", f"{hostname(host)}.json")
    before: fingerprint.Fingerprint = json.loads(kept.read_text())
    return fingerprint.unexplained(before, fingerprint.take(host), fingerprint.SESSIONS)


@dataclass
class Verification:
    """One run of tests/host against one host, as `./invoke verify` does it."""

    exit_code: int
    output: str
    verdicts: list[dict[str, Any]]

    def settings(self, verdict: str) -> set[str]:
        return {row["setting"] for row in self.verdicts if row["verdict"] == verdict}


@pytest.fixture(scope="module")
def verification(host: Any, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    verdicts = tmp_path_factory.mktemp("verdicts") / "verdicts.json"
    command = [
        *(sys.executable, "-m", "pytest", "tests/host"),
        *(
            "--hosts",
            f"ansible://{hostname(host)}",
            "--ansible-inventory",
            os.environ["MOLECULE_INVENTORY_FILE"],
        ),
        *("--verdicts", str(verdicts)),
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    rows = json.loads(verdicts.read_text())["verdicts"] if verdicts.is_file() else []
    return Verification(done.returncode, done.stdout + done.stderr, rows)
