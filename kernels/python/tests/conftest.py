"""Fixtures of the conformance suite. It tests whatever ``TCPK_BACKEND`` and ``TCPK_VARIANT`` choose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle
import pytest
import tcpkernels
from hypothesis import settings

# Deadlines measure the machine, not the code; the seed is fixed so that a failure can be repeated.
settings.register_profile("conformance", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("conformance")

REAL_REGISTRY = Path(__file__).resolve().parents[4] / "shared" / "data" / "registry-v2.tcpdb"


def pytest_report_header() -> str:
    told = tcpkernels.info()
    return f"tcpkernels: backend {told['backend']}, variant {told['variant']}, BLAS {told['blas']['name']}"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)


@pytest.fixture(scope="session")
def commands() -> dict[str, str]:
    """Names of all kinds with their risk levels."""
    risks = ("SAFE", "LOW", "MEDIUM", "HIGH", "CRITICAL")
    names = [f"tool-{i}" for i in range(200)] + ["[", "größe", "命令", "a" * 300, "ls", "rm", "\U0001f600"]
    return {name: risks[i % len(risks)] for i, name in enumerate(names)}


@pytest.fixture(scope="session")
def registry(commands: dict[str, str]) -> tcpkernels.Registry:
    return tcpkernels.Registry.from_commands(list(commands), commands, time=1_700_000_000)


@pytest.fixture(scope="session")
def table(registry: tcpkernels.Registry) -> tcpkernels.LookupTable:
    return tcpkernels.LookupTable(registry)


@pytest.fixture(scope="session")
def real_registry() -> Path:
    if not REAL_REGISTRY.exists():
        pytest.skip(f"the published registry is not beside this checkout ({REAL_REGISTRY.name})")
    return REAL_REGISTRY


@pytest.fixture(scope="session")
def engine_table() -> tcpkernels.LookupTable:
    return tcpkernels.LookupTable(tcpkernels.Registry.from_commands(list(oracle.RISKS), oracle.RISKS, time=0))
