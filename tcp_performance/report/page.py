"""index.html: one file that needs nothing else; style and script are inlined from their own sources."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tcp_performance.report import beside, figures, fpga, latency, topology
from tcp_performance.report.document import VERDICTS

TEMPLATES = Path(__file__).parent / "templates"
MEANINGS = {
    "drifted": ("✗", "the effective state differs from the plan"),
    "reboot-pending": ("↻", "set, and in force after the next reboot"),
    "compliant": ("✓", "the effective state is as planned"),
    "not-applicable": ("–", "this host has nothing to set; the reason says why"),
}


def environment() -> Environment:
    """Everything that comes out of a report is escaped; only this project's own files and pictures are not."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(time=figures.time, ratio=figures.ratio, words=words)
    return made


def words(value: Any) -> str:
    """A value of a verdict or of the toolchain as a person reads it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(part, (str, int, float)) for part in value):
        return ", ".join(map(str, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def render(report: dict[str, Any]) -> str:
    """The page of a valid report."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    operations = figures.by_operation(report["kernels"])
    met, aimed = figures.targets(operations)
    counts = Counter(row["verdict"] for row in report["verdicts"])
    families = beside.families(report.get("comparisons", []))
    curves = beside.curves(report)
    return environment().get_template("index.html.j2").render(
        report=report,
        plan=report["plan"],
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=digest,
        verdicts=sorted(report["verdicts"], key=lambda row: (VERDICTS.index(row["verdict"]), row["setting"])),
        kinds=[(kind, *MEANINGS[kind], counts[kind]) for kind in VERDICTS],
        roles=sorted(Counter(row["role"] for row in report["verdicts"]).items()),
        counts=counts,
        operations=[(operation, Markup(latency.draw(operation, n))) for n, operation in enumerate(operations)],
        families=[(family, Markup(beside.draw(family, n))) for n, family in enumerate(families)],
        devices=fpga.devices(report["fpga"]) if "fpga" in report else [],
        ahead=beside.ahead,
        marks=beside.MARKS,
        curves=list(zip(curves, beside.STROKES)),
        tails=Markup(beside.draw_tails(curves)) if curves else "",
        met=met,
        aimed=aimed,
        meets=figures.meets,
        judged=figures.judged,
        statistics=figures.STATISTICS,
        sockets=topology.views(report["plan"]),
        offline=topology.offline(report["plan"]),
        cell_width=topology.CELL_WIDTH,
        cell_height=topology.CELL_HEIGHT,
        core_width=topology.CORE,
        absent=_by_reason(report["plan"].get("not_applicable", [])),
    )  # fmt: skip


def render_index(hosts: list[dict[str, Any]]) -> str:
    """The page that leads to the pages of several hosts: [{name, profile, link, counts, targets}]."""
    style = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))
    kinds = [(kind, *MEANINGS[kind]) for kind in VERDICTS]
    return environment().get_template("hosts.html.j2").render(hosts=hosts, kinds=kinds, style=style)


def _by_reason(entries: list[dict[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for entry in entries:
        grouped.setdefault(entry["reason"], []).append(entry["setting"])
    return grouped
