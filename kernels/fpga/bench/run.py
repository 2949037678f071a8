"""Build the simulation and run the bench; the mutants of the pipeline, each of which has to fail it.

python bench/run.py REGISTRY FOLDER [--mutants]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from cocotb_tools.runner import get_runner

FPGA = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(FPGA))  # the runner hands its own path on to the bench

import mutants  # noqa: E402

SOURCES = ("tcp_lookup_ram.v", "tcp_lookup.v")
WHOLE = {"TCP_ADDRESS_BITS": "9"}
# A mutant fails on a small table too, and sooner.
SMALL = {"TCP_ADDRESS_BITS": "4", "TCP_COMMANDS": "45"}


def simulate(sources: list[Path], registry: Path, folder: Path, variables: dict[str, str]) -> list[str]:
    """The tests that failed; exits when the simulation itself did not end well."""
    runner = get_runner("icarus")
    log = folder / "log"
    folder.mkdir(parents=True, exist_ok=True)
    runner.build(
        sources=sources,
        hdl_toplevel="tcp_lookup",
        build_dir=folder,
        build_args=["-g2005", "-Wall"],
        timescale=("1ns", "1ns"),
        parameters={"ADDRESS_BITS": int(variables["TCP_ADDRESS_BITS"])},
        always=True,
        log_file=folder / "build.log",
    )
    results = runner.test(
        test_module="test_lookup",
        hdl_toplevel="tcp_lookup",
        build_dir=folder,
        test_dir=FPGA / "bench",
        results_xml=str(folder / "results.xml"),
        log_file=log,
        extra_env={
            "TCP_REGISTRY": str(registry.resolve()),
            **variables,
            "PYTHONDONTWRITEBYTECODE": "1",
            "COCOTB_LOG_LEVEL": "WARNING",
        },
    )
    cases = list(ElementTree.parse(results).iter("testcase")) if results.exists() else []
    if not cases:
        sys.exit(f"no test ran:\n{log.read_text(errors='replace')[-3000:]}")
    return [
        case.get("name", "")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]


def mutant(name: str, registry: Path, folder: Path) -> list[str]:
    path = mutants.write(name, folder / "tcp_lookup.v")
    return simulate([FPGA / "rtl/tcp_lookup_ram.v", path], registry, folder, SMALL)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("registry", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mutants", action="store_true")
    given = parser.parse_args()
    if not given.mutants:
        failed = simulate(
            [FPGA / "rtl" / name for name in SOURCES], given.registry, given.folder / "bench", WHOLE
        )
        print(f"failed: {', '.join(failed)}" if failed else "the pipeline agrees with the library")
        return 1 if failed else 0
    # The pipeline itself passes here, so that what a mutant fails is due to its mistake.
    if failed := simulate(
        [FPGA / "rtl" / name for name in SOURCES], given.registry, given.folder / "small", SMALL
    ):
        sys.exit(f"on a small table the pipeline itself fails: {', '.join(failed)}")
    survivors = []
    for number, name in enumerate(mutants.MUTANTS):
        failed = mutant(name, given.registry, given.folder / f"mutant-{number}")
        print(f"{name}: {'noticed by ' + ', '.join(failed) if failed else 'NOT NOTICED'}", flush=True)
        survivors += [] if failed else [name]
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"the simulation could not be made: {error}")
