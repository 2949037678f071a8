"""Block RAMs of ECP5 take the registers behind them, or the netlist is refused: kernels/fpga/output_registers.py."""

from __future__ import annotations

import copy
import importlib.util
from types import ModuleType
from typing import Any

import pytest

from tcp_performance.playbooks import ROOT

Netlist = dict[str, Any]
CLOCK, ENABLE, OTHER = 2, 3, 4
FIRST, SECOND, Q_FIRST, Q_SECOND = 10, 11, 20, 21


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"kernels/fpga/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


registers = load("output_registers")


def register(data: int, out: int) -> dict[str, Any]:
    connections = {"CLK": [CLOCK], "CE": [ENABLE], "DI": [data], "Q": [out], "LSR": ["0"]}
    return {
        "type": "TRELLIS_FF",
        "parameters": {"CEMUX": "CE", "CLKMUX": "CLK", "GSR": "DISABLED"},
        "connections": connections,
        "port_directions": {pin: "output" if pin == "Q" else "input" for pin in connections},
    }


@pytest.fixture
def netlist() -> Netlist:
    """A block RAM of which two outputs are used, each behind a register."""
    outputs = {port: [100 + number] for number, port in enumerate(registers.OUTPUTS)}
    outputs |= {"DOA0": [FIRST], "DOB3": [SECOND]}
    ram = {
        "type": "DP16KD",
        "parameters": {},
        "connections": {"CLKB": [CLOCK], **outputs},
        "port_directions": {"CLKB": "input", **dict.fromkeys(outputs, "output")},
    }
    cells = {"ram": ram, "first": register(FIRST, Q_FIRST), "second": register(SECOND, Q_SECOND)}
    return {"modules": {"top": {"cells": cells, "ports": {"out": {"bits": [Q_FIRST, Q_SECOND]}}}}}


def test_registers_become_the_rams_own(netlist: Netlist) -> None:
    assert registers.absorb(netlist, "top") == 2
    (ram,) = netlist["modules"]["top"]["cells"].values()
    assert ram["parameters"] == {"REGMODE_A": "OUTREG", "REGMODE_B": "OUTREG"}
    connections = ram["connections"]
    assert [connections[port] for port in ("DOA0", "DOB3", "OCEA", "OCEB")] == [
        [Q_FIRST],
        [Q_SECOND],
        [ENABLE],
        [ENABLE],
    ]


def elsewhere(pin: str, value: int) -> Any:
    def change(netlist: Netlist) -> None:
        netlist["modules"]["top"]["cells"]["second"]["connections"][pin] = [value]

    return change


def seen_outside(netlist: Netlist) -> None:
    netlist["modules"]["top"]["ports"]["out"]["bits"].append(FIRST)


def no_registers(netlist: Netlist) -> None:
    cells = netlist["modules"]["top"]["cells"]
    del cells["first"], cells["second"]


def inverted(netlist: Netlist) -> None:
    netlist["modules"]["top"]["cells"]["first"]["parameters"]["CLKMUX"] = "INV"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (elsewhere("CLK", OTHER), "one plain register"),
        (elsewhere("CE", OTHER), "2 enables"),
        (elsewhere("LSR", OTHER), "one plain register"),
        (seen_outside, "one plain register"),
        (inverted, "one plain register"),
        (no_registers, "0 enables"),
    ],
)
def test_what_is_no_plain_register_is_refused(netlist: Netlist, change: Any, said: str) -> None:
    spoilt = copy.deepcopy(netlist)
    change(spoilt)
    with pytest.raises(registers.NotMovable, match=said):
        registers.absorb(spoilt, "top")


def test_every_mutants_text_stands_once_in_the_pipeline() -> None:
    mutants = load("mutants")
    text = mutants.PIPELINE.read_text()
    assert {name: text.count(before) for name, (before, _) in mutants.MUTANTS.items()} == dict.fromkeys(
        mutants.MUTANTS, 1
    )
