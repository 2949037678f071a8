"""The report of a host: report.json for machines, index.html for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tcp_performance.report import document, page

__all__ = ["build"]


def build(
    plan: dict[str, Any],
    verdicts: dict[str, Any],
    bench: dict[str, Any] | None,
    output: Path,
    toolchain: dict[str, Any] | None = None,
    fpga: dict[str, Any] | None = None,
) -> tuple[Path, Path]:
    """Write report.json and index.html into the folder `output`; returns both paths.

    Nothing is written when the report does not fit its schema (document.InvalidReport); each file appears whole or not.
    """
    report = document.assemble(plan, verdicts, bench, toolchain, fpga)
    html = page.render(report)
    data, view = output / "report.json", output / "index.html"
    document.write(
        json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", data
    )
    document.write(html, view)
    return data, view
