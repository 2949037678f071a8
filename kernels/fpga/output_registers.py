"""Move registers behind a block RAM into it: ECP5's DP16KD has output registers, which yosys does not use by itself.

Between synth_ecp5 and nextpnr, on the netlist as JSON. It changes no behaviour: a register that takes one RAM output at
the RAM's clock, and nothing else takes that output, becomes the RAM's own, with the same enable. Anything else at the
outputs is an error, for without these registers the timing is another.
"""

from __future__ import annotations

from typing import Any

Netlist = dict[str, Any]

OUTPUTS = tuple(f"DO{port}{bit}" for port in "AB" for bit in range(18))
ORDINARY = {"CEMUX": "CE", "CLKMUX": "CLK", "LSRMUX": "LSR", "REGSET": "RESET", "GSR": "DISABLED"}


class NotMovable(ValueError):
    """What stands behind a RAM is no plain register; the message names both."""


def _register_at(cells: Netlist, users: dict[int, list[tuple[str, str]]], ram: str, port: str) -> str | None:
    """The register that takes this output, None where nothing does."""
    taken = users.get(cells[ram]["connections"][port][0], [])
    if not taken:
        return None
    name, pin = taken[0]
    cell = cells.get(name)
    plain = (
        cell is not None
        and len(taken) == 1
        and (cell["type"], pin) == ("TRELLIS_FF", "DI")
        and all(cell["parameters"].get(key, value) == value for key, value in ORDINARY.items())
        and cell["connections"]["CLK"] == cells[ram]["connections"]["CLKB"]
        and cell["connections"].get("LSR", ["0"]) in ([], ["0"])
    )
    if not plain:
        raise NotMovable(f"{ram}.{port} goes to {taken}; allowed: one plain register at the RAM's clock")
    return name


def absorb(netlist: Netlist, top: str) -> int:
    """Change the netlist in place; the number of registers that moved. Raises NotMovable."""
    module = netlist["modules"][top]
    cells = module["cells"]
    users: dict[int, list[tuple[str, str]]] = {}
    for name, cell in cells.items():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] == "input":
                for bit in bits:
                    users.setdefault(bit, []).append((name, pin))
    for name, port in module["ports"].items():
        for bit in port["bits"]:
            users.setdefault(bit, []).append(("the module", name))
    moved = 0
    for ram in [name for name, cell in cells.items() if cell["type"] == "DP16KD"]:
        found = {port: _register_at(cells, users, ram, port) for port in OUTPUTS}
        registers = {port: name for port, name in found.items() if name}
        enables = {cells[name]["connections"]["CE"][0] for name in registers.values()}
        if len(enables) != 1:
            raise NotMovable(f"{ram}: its registers have {len(enables)} enables; allowed: one")
        enable = enables.pop()
        cells[ram]["parameters"].update(REGMODE_A="OUTREG", REGMODE_B="OUTREG")
        # A 36-bit read uses the outputs of both ports.
        cells[ram]["connections"].update(OCEA=[enable], OCEB=[enable])
        for port, name in registers.items():
            cells[ram]["connections"][port] = cells.pop(name)["connections"]["Q"]
        moved += len(registers)
    return moved
