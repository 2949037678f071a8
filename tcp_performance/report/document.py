"""report.json: put together from plan, verdicts and figures; checked by its schema before anything is written."""

from __future__ import annotations

import datetime
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from tcp_performance.playbooks import ROOT

SCHEMA = ROOT / "docs/report.schema.json"
VERDICTS = ("drifted", "reboot-pending", "compliant", "not-applicable")  # most urgent first

BESIDE = ("comparisons", "absent", "engine", "workload")  # measured by ./invoke bench, not while provisioning


class InvalidReport(ValueError):
    """What would be written does not fit the schema; `errors` has every reason, each with its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("the report does not fit docs/report.schema.json:\n  " + "\n  ".join(errors))
        self.errors = errors


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def validate(report: dict[str, Any]) -> None:
    """Raise InvalidReport with all that is wrong, not just the first."""
    try:
        json.dumps(report, allow_nan=False)
    except ValueError as error:
        raise InvalidReport([f"$: a figure is not a finite number ({error})"]) from None
    found = sorted(
        validator().iter_errors(report), key=lambda error: [str(part) for part in error.absolute_path]
    )
    if found:
        raise InvalidReport([f"{error.json_path}: {_short(error.message)}" for error in found])


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def assemble(
    plan: dict[str, Any],
    verdicts: dict[str, Any],
    bench: dict[str, Any] | None,
    toolchain: dict[str, Any] | None = None,
    fpga: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The report of one host, valid by the schema.

    `verdicts` is the verifier's file ({host, profile, verdicts}), `bench` the benchmark's ({machine, rows}, and some
    of BESIDE) or None where the kernels were not measured; `toolchain` adds to what the benchmark says of its machine;
    `fpga` is what kernels/fpga/synth.py wrote.
    Raises InvalidReport.
    """
    report: dict[str, Any] = {
        "schema": 1,
        "host": verdicts["host"],
        "profile": verdicts["profile"],
        "plan": plan,
        "verdicts": verdicts["verdicts"],
        "kernels": bench["rows"] if bench else [],
        "toolchain": {**(bench.get("machine", {}) if bench else {}), **(toolchain or {})},
        "generated": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    report |= {name: bench[name] for name in BESIDE if bench and bench.get(name)}
    report |= {"fpga": fpga} if fpga else {}
    validate(report)
    return report


def write(text: str, path: Path) -> None:
    """Write a whole file or nothing: readers never see half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
