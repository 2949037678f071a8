from __future__ import annotations

import io
import json
from typing import Any

import pytest
from cpu_list import parse_cpus
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tcp_performance import plan_view


def shown(plan: dict[str, Any], width: int = 200) -> str:
    out = io.StringIO()
    plan_view.show(plan, False, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def test_json_is_the_plan_and_nothing_else(epyc: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plan = epyc.plan()
    plan_view.show(plan, True)
    assert json.loads(capsys.readouterr().out) == plan


def test_the_exit_code_tells_whether_the_host_can(xeon: Any) -> None:
    assert plan_view.exit_code(xeon.plan()) == 0
    assert plan_view.exit_code(xeon.plan(cpu_isolation_cpus="0")) == 2


def test_isolated_cores_are_marked_without_colour(xeon: Any) -> None:
    text = shown(xeon.plan())
    assert "[0,8] [1,9*] [2,10*]" in text


def test_everything_that_is_planned_is_shown(xeon: Any) -> None:
    plan = xeon.plan()
    text = shown(plan)
    for argument in plan["boot_arguments"]:
        assert argument in text
    for name in plan["sysctls"]:
        assert name in text
    for entry in plan["not_applicable"]:
        assert entry["setting"] in text
        assert entry["reason"] in text
    assert "schemata" not in text
    assert "L3:0=1f" in text


def test_problems_are_shown_whole(xeon: Any) -> None:
    plan = xeon.plan(cpu_isolation_cpus="0-63", cpu_isolation_housekeeping_cores_per_node="99")
    text = shown(plan, width=400)
    for problem in plan["problems"]:
        for key in ("setting", "value", "allowed", "advice"):
            assert str(problem[key]) in text


def test_what_a_user_wrote_is_no_markup(xeon: Any) -> None:
    assert "[bold]x[/nonsense]" in shown(xeon.plan(power_governor="[bold]x[/nonsense]"))


def test_unknown_memory_and_offline_cpus_are_shown(machine: Any) -> None:
    text = shown(machine.build({0: [(0,), (1,), (2,)], 3: []}, offline=[2]).plan())
    assert "unknown" in text
    assert "no CPUs" in text
    assert "offline: 2" in text


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_shows_it_too(epyc: Any, width: int) -> None:
    assert max(map(len, shown(epyc.plan(), width).splitlines())) <= width


@given(st.sets(st.integers(0, 99)))
def test_the_view_reads_lists_as_the_plan_writes_them(cpus: set[int]) -> None:
    from cpu_list import format_cpus

    assert plan_view.cpus(format_cpus(cpus)) == parse_cpus(format_cpus(cpus)) == cpus
