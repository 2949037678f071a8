"""./invoke report: from what planning, verifying and measuring left below build/ to build/report/.

    build/plan/<host>.json      ./invoke plan
    build/verdicts/<host>.json  ./invoke verify
    build/bench/bench.json      ./invoke bench; of this very machine, may be absent
    build/fpga/synth.json       make -C kernels/fpga synth; made on this machine, may be absent

One host: report/report.json and report/index.html. Several: report/<host>/ for each, and report/index.html lists them.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invoke import Exit

from tcp_performance import report
from tcp_performance.report import document, figures, page, terminal

LOCAL = ("localhost", "127.0.0.1", "::1")
FIELDS = {
    "plan": ("profile", "topology", "problems"),
    "verdicts": ("host", "profile", "verdicts"),
    "bench": ("machine", "rows"),
    "fpga": ("cycles", "tools", "measured", "targets"),
}


@dataclass(frozen=True)
class Inputs:
    """What belongs to one host."""

    host: str
    plan: dict[str, Any]
    verdicts: dict[str, Any]
    bench: dict[str, Any] | None
    fpga: dict[str, Any] | None


def read(path: Path, kind: str, command: str) -> dict[str, Any]:
    """An input file; exit 2 with the command that makes it when it is absent or no such file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Exit(f"{path} is missing; make it with: {command}", code=2) from None
    except (OSError, ValueError) as error:
        raise Exit(f"{path} can not be read ({error}); make it anew with: {command}", code=2) from None
    lacking = [name for name in FIELDS[kind] if not isinstance(found, dict) or name not in found]
    if lacking:
        raise Exit(f"{path} has no {', '.join(lacking)}; make it anew with: {command}", code=2)
    assert isinstance(found, dict)
    return found


def gather(build: Path) -> list[Inputs]:
    """The inputs of every host that was verified."""
    files = sorted((build / "verdicts").glob("*.json"))
    if not files:
        raise Exit(f"{build / 'verdicts'} holds no verdicts; make them with: ./invoke verify", code=2)

    def measured(name: str, kind: str, command: str) -> dict[str, Any] | None:
        return read(build / name, kind, command) if (build / name).exists() else None

    bench = measured("bench/bench.json", "bench", "./invoke bench")
    fpga = measured("fpga/synth.json", "fpga", "make -C kernels/fpga synth")
    gathered = []
    for path in files:
        verdicts = read(path, "verdicts", "./invoke verify")
        again = f"./invoke plan --profile {verdicts['profile']}"
        plan = read(build / "plan" / path.name, "plan", again)
        if plan["profile"] != verdicts["profile"]:
            raise Exit(
                f"{path} judges profile {verdicts['profile']}, but {build / 'plan' / path.name} plans"
                f" {plan['profile']}; bring them together with: {again}",
                code=2,
            )
        here = verdicts["host"] in LOCAL or verdicts["host"] == platform.node()
        gathered.append(Inputs(verdicts["host"], plan, verdicts, *((bench, fpga) if here else (None, None))))
    return gathered


def run(build: Path) -> int:
    """Write the report of every verified host and print its summary; 0, or exit 2 when an input is missing or wrong."""
    gathered = gather(build)
    output = build / "report"
    made = []
    for inputs in gathered:
        folder = output if len(gathered) == 1 else output / _folder(inputs.host)
        try:
            paths = report.build(inputs.plan, inputs.verdicts, inputs.bench, folder, fpga=inputs.fpga)
        except document.InvalidReport as error:
            raise Exit(f"{inputs.host}: {error}\nMake the inputs anew: ./invoke provision", code=2) from None
        made.append((inputs, paths))
    if len(gathered) > 1:
        (output / "report.json").unlink(missing_ok=True)  # of an earlier run with one host
        document.write(_index(made, output), output / "index.html")
    _forget_others(output, {_folder(inputs.host) for inputs in gathered} if len(gathered) > 1 else set())
    for _, (data, view) in made:
        terminal.summary(json.loads(data.read_text(encoding="utf-8")), (data, view))
    if len(gathered) > 1:
        terminal.say(f"all hosts: {terminal.relative(output / 'index.html')}")
    return 0


def _folder(host: str) -> str:
    """A folder name that stays inside the report's folder."""
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in host)
    return name if name.strip(".") else f"host{name}"


def _forget_others(output: Path, kept: set[str]) -> None:
    """Remove the reports of hosts that an earlier run had and this one has not."""
    for folder in output.iterdir():
        if folder.is_dir() and folder.name not in kept and (folder / "report.json").is_file():
            shutil.rmtree(folder)


def _index(made: list[tuple[Inputs, tuple[Path, Path]]], output: Path) -> str:
    hosts = []
    for inputs, (_, view) in made:
        counts = Counter(row["verdict"] for row in inputs.verdicts["verdicts"])
        met, aimed = figures.targets(figures.by_operation(inputs.bench["rows"] if inputs.bench else []))
        link = view.relative_to(output).as_posix()
        hosts.append({"name": inputs.host, "profile": inputs.plan["profile"], "link": link, "counts": counts,
                      "targets": f"{met} of {aimed}" if aimed else "not measured"})  # fmt: skip
    return page.render_index(hosts)
