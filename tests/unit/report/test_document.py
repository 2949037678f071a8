"""report.json: what fits the schema is written, what does not is refused with every reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tcp_performance import report as reports
from tcp_performance.report import document
from tests import report_samples as samples

Report = dict[str, Any]


@pytest.mark.parametrize("cpus", sorted(samples.SHAPES))
@pytest.mark.parametrize("profile", ["workstation", "lowlatency", "container"])
def test_every_machine_and_profile_fits_the_schema(cpus: int, profile: str, tmp_path: Path) -> None:
    plan = samples.plan(samples.SHAPES[cpus], tmp_path, profile)
    document.assemble(plan, samples.verdicts(plan), samples.bench(operations=1))


def test_a_host_without_figures_fits(report: Report) -> None:
    bare = document.assemble(
        report["plan"], {name: report[name] for name in ("host", "profile", "verdicts")}, None
    )
    assert bare["kernels"] == []
    assert bare["toolchain"] == {}


def test_what_was_measured_besides_is_taken_over(report: Report) -> None:
    verdicts = {name: report[name] for name in ("host", "profile", "verdicts")}
    besides = samples.beside()
    whole = document.assemble(report["plan"], verdicts, {**samples.bench(operations=1), **besides})
    assert {name: whole[name] for name in besides} == besides
    besides["engine"][0]["absent"] = "both measured and not"
    with pytest.raises(document.InvalidReport, match="engine"):
        document.assemble(report["plan"], verdicts, {**samples.bench(operations=1), **besides})


def test_figures_of_the_pipeline_fit_or_are_refused(report: Report) -> None:
    verdicts = {name: report[name] for name in ("host", "profile", "verdicts")}
    assert document.assemble(report["plan"], verdicts, None, fpga=samples.fpga())["fpga"] == samples.fpga()
    wrong = samples.fpga()
    wrong["targets"][0]["runs"][0]["fmax_mhz"] = 0
    wrong["targets"][1]["runs"] = []
    with pytest.raises(document.InvalidReport) as refused:
        document.assemble(report["plan"], verdicts, None, fpga=wrong)
    assert len(refused.value.errors) == 2


def spoil(*path: Any, value: Any) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        place: Any = report
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


def remove(*path: Any) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        place: Any = report
        for part in path[:-1]:
            place = place[part]
        del place[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (spoil("schema", value=2), "$.schema"),
        (spoil("profile", value="fast"), "$.profile"),
        (spoil("generated", value="yesterday"), "$.generated"),
        (spoil("surprise", value=1), "$"),
        (remove("toolchain"), "$"),
        (remove("plan", "problems"), "$.plan"),
        (spoil("plan", "isolated_cpus", value="2-"), "$.plan.isolated_cpus"),
        (spoil("plan", "topology", "cpus", value=[]), "$.plan.topology.cpus"),
        (
            spoil("plan", "topology", "nodes", 0, "memory_kib", value=-1),
            "$.plan.topology.nodes[0].memory_kib",
        ),
        (spoil("verdicts", 0, "verdict", value="fine"), "$.verdicts[0].verdict"),
        (remove("verdicts", 0, "reason"), "$.verdicts[0]"),
        (spoil("verdicts", -1, "reason", value=""), "reason"),
        (spoil("kernels", 0, "unit", value="us"), "$.kernels[0].unit"),
        (spoil("kernels", 0, "median", value="7"), "$.kernels[0].median"),
        (spoil("kernels", 0, "histogram", value=[[1.0]]), "$.kernels[0].histogram[0]"),
        (spoil("kernels", 0, "peers", value=[{"name": "NumPy"}]), "$.kernels[0].peers[0]"),
        (spoil("kernels", 0, "target_statistic", value="mean"), "$.kernels[0].target_statistic"),
        (remove("kernels", -1, "p999"), None),
    ],
)
def test_what_does_not_fit_is_named(
    report: Report, change: Callable[[Report], None], place: str | None
) -> None:
    report["kernels"][-1]["target_statistic"] = "p999"
    change(report)
    with pytest.raises(document.InvalidReport) as refused:
        document.validate(report)
    assert place is None or any(place in error for error in refused.value.errors)


def test_all_errors_come_at_once(report: Report) -> None:
    report["profile"], report["verdicts"][0]["verdict"] = "fast", "fine"
    with pytest.raises(document.InvalidReport) as refused:
        document.validate(report)
    assert len(refused.value.errors) == 2


def test_an_invalid_report_leaves_the_old_one_alone(report: Report, tmp_path: Path) -> None:
    verdicts = {name: report[name] for name in ("host", "profile", "verdicts")}
    data, view = reports.build(report["plan"], verdicts, samples.bench(operations=1), tmp_path)
    before = data.read_bytes(), view.read_bytes()
    verdicts["verdicts"][0]["verdict"] = "fine"
    with pytest.raises(document.InvalidReport):
        reports.build(report["plan"], verdicts, samples.bench(operations=1), tmp_path)
    assert (data.read_bytes(), view.read_bytes()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "report.json"]


def test_written_reports_are_valid_json(report: Report, tmp_path: Path) -> None:
    verdicts = {name: report[name] for name in ("host", "profile", "verdicts")}
    data, _ = reports.build(
        report["plan"], verdicts, samples.bench(operations=1), tmp_path, {"python": "3.11"}
    )
    written = json.loads(data.read_text(encoding="utf-8"))
    document.validate(written)
    assert written["toolchain"]["python"] == "3.11"
    assert written["toolchain"]["compiler"] == "gcc 12.2.0"


def test_a_figure_that_is_no_number_is_refused(report: Report, tmp_path: Path) -> None:
    bench = samples.bench()
    bench["rows"][0]["p99"] = float("nan")
    with pytest.raises(document.InvalidReport, match="not a finite number"):
        reports.build(
            report["plan"], {n: report[n] for n in ("host", "profile", "verdicts")}, bench, tmp_path
        )
    assert not list(tmp_path.iterdir())
