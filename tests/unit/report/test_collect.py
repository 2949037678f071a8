"""./invoke report: finds its inputs or says which command makes them; the summary at a run's end."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from invoke import Exit
from rich.console import Console

from tcp_performance.report import collect, document, terminal
from tests import report_samples as samples

LayOut = Callable[..., Path]


def test_one_host(lay_out: LayOut, capsys: pytest.CaptureFixture[str]) -> None:
    build = lay_out("localhost")
    assert collect.run(build) == 0
    document.validate(json.loads((build / "report/report.json").read_text()))
    said = capsys.readouterr().out
    for part in (
        "localhost (workstation)",
        "compliant",
        "descriptor lookup",
        "report/report.json",
        "report/index.html",
    ):
        assert part in said


def test_several_hosts_have_a_folder_each_and_an_index(lay_out: LayOut) -> None:
    build = lay_out("localhost", "node-b")
    collect.run(build)
    for host in ("localhost", "node-b"):
        document.validate(json.loads((build / f"report/{host}/report.json").read_text()))
        assert f'href="{host}/index.html"' in (build / "report/index.html").read_text()
    assert not (build / "report/report.json").exists()


def test_figures_belong_to_the_machine_they_were_taken_on(lay_out: LayOut) -> None:
    build = lay_out("localhost", "node-b")
    collect.run(build)
    rows = {
        host: json.loads((build / f"report/{host}/report.json").read_text())["kernels"]
        for host in ("localhost", "node-b")
    }
    assert rows["localhost"]
    assert not rows["node-b"]


def test_figures_of_the_pipeline_are_taken_where_there_are_some(lay_out: LayOut) -> None:
    build = lay_out("localhost", "node-b")
    samples.write_json(build / "fpga/synth.json", samples.fpga())
    collect.run(build)
    written = {
        host: json.loads((build / f"report/{host}/report.json").read_text())
        for host in ("localhost", "node-b")
    }
    assert written["localhost"]["fpga"] == samples.fpga()
    assert "fpga" not in written["node-b"]
    samples.write_json(build / "fpga/synth.json", {"cycles": 5})
    with pytest.raises(Exit, match=r"synth.json has no .*targets; make it anew with: make -C kernels/fpga"):
        collect.run(build)


def test_hosts_of_an_earlier_run_are_forgotten(lay_out: LayOut) -> None:
    build = lay_out("localhost", "node-b")
    collect.run(build)
    (build / "verdicts/node-b.json").unlink()
    collect.run(build)
    assert sorted(path.name for path in (build / "report").iterdir()) == ["index.html", "report.json"]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("verdicts/localhost.json", "./invoke verify"),
        ("plan/localhost.json", "./invoke plan --profile workstation"),
    ],
)
def test_missing_inputs_name_the_command_that_makes_them(lay_out: LayOut, name: str, command: str) -> None:
    build = lay_out("localhost")
    (build / name).unlink()
    with pytest.raises(Exit) as ended:
        collect.run(build)
    assert ended.value.code == 2
    assert command in str(ended.value.message)
    assert not (build / "report").exists()


def test_no_figures_is_no_error(lay_out: LayOut, capsys: pytest.CaptureFixture[str]) -> None:
    build = lay_out("localhost")
    (build / "bench/bench.json").unlink()
    assert collect.run(build) == 0
    assert "./invoke bench" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"x"', "null"])
@pytest.mark.parametrize("name", ["verdicts/localhost.json", "plan/localhost.json", "bench/bench.json"])
def test_broken_inputs_are_named(lay_out: LayOut, name: str, content: str) -> None:
    build = lay_out("localhost")
    (build / name).write_text(content)
    with pytest.raises(Exit) as ended:
        collect.run(build)
    assert ended.value.code == 2
    assert name in str(ended.value.message)


def test_inputs_that_do_not_fit_the_schema_end_with_2(lay_out: LayOut) -> None:
    build = lay_out("localhost")
    bench = samples.bench()
    bench["rows"][0]["unit"] = "us"
    samples.write_json(build / "bench/bench.json", bench)
    with pytest.raises(Exit, match="unit") as ended:
        collect.run(build)
    assert ended.value.code == 2


def test_a_plan_for_another_profile_is_not_mixed_in(lay_out: LayOut, tmp_path: Path) -> None:
    build = lay_out("localhost")
    other = samples.plan(samples.SHAPES[2], tmp_path / "other", "lowlatency")
    samples.write_json(build / "plan/localhost.json", other)
    with pytest.raises(Exit, match="lowlatency") as ended:
        collect.run(build)
    assert ended.value.code == 2


def test_a_host_name_stays_inside_the_reports_folder() -> None:
    for name in ("../../etc", "..", ".", "a/b", "host:22"):
        folder = collect._folder(name)
        assert "/" not in folder
        assert folder not in ("..", ".")


def said(report: dict[str, Any], **console: Any) -> str:
    written = io.StringIO()
    recorder = Console(file=written, width=240, highlight=False, **console)
    terminal.summary(report, (Path("report.json"), Path("index.html")), recorder)
    return written.getvalue()


def test_the_summary_names_what_needs_a_person(report: dict[str, Any]) -> None:
    report["verdicts"][0].update(verdict="drifted", expected="1", actual="[red]0[/red]", reason="[bold]")
    text = said(report)
    assert f"{report['verdicts'][0]['setting']}: expected 1, actual [red]0[/red] ([bold])" in text
    assert "7 of 7 targets met" in text


def test_a_missed_target_is_said(report: dict[str, Any]) -> None:
    for row in report["kernels"][:2]:
        row["median"] = 99.0
    text = said(report)
    assert "missed" in text
    assert "6 of 7 targets met" in text


def test_away_from_a_terminal_the_summary_is_plain(
    report: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.summary(report, (Path("report.json"), Path("index.html")))
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert not set("│─━┃") & set(text)
    assert next(line for line in text.splitlines() if line.startswith("raw window scan")).count(" ns") >= 3


def test_on_a_terminal_there_are_colours(report: dict[str, Any]) -> None:
    assert "\x1b[" in said(report, force_terminal=True)
