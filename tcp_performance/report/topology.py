"""The host's topology as the page draws it: sockets hold NUMA nodes, nodes hold cores, cores hold CPUs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

Plan = dict[str, Any]
CORES_PER_STRIP = 2
PITCH, CORE, CELL_WIDTH, CELL_HEIGHT, INSET = 42, 38, 34, 28, 2  # pixels


@dataclass(frozen=True)
class Cell:
    """One CPU."""

    cpu: int
    state: str  # isolated, housekeeping, shared, offline
    boot: bool
    interrupts: bool
    thread: int | None
    title: str
    x: int = 0
    y: int = 0

    @property
    def note(self) -> str:
        """What stands under the number."""
        if self.thread is not None:
            return f"t{self.thread}"
        return "irq" if self.interrupts else ""


@dataclass(frozen=True)
class Core:
    x: int
    height: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Strip:
    """Some cores side by side, one small SVG: strips flow like words, filling any width and overflowing none."""

    width: int
    height: int
    cores: tuple[Core, ...]


@dataclass(frozen=True)
class Pages:
    size: str
    count: int
    total: str
    percent: float | None


@dataclass(frozen=True)
class NodeView:
    number: int
    cpus: str
    memory: str
    pages: tuple[Pages, ...]
    strips: tuple[Strip, ...]
    percent: float | None
    summary: str
    part: bool  # its other CPUs, and its memory, are drawn in another socket


@dataclass
class SocketView:
    name: str
    nodes: list[NodeView] = field(default_factory=list)


def size(kib: int) -> str:
    """2 MiB, 1 GiB, 62.8 GiB."""
    value, unit = float(kib), "KiB"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def cpu_set(text: str) -> set[int]:
    """The CPUs of a compact list such as 0-3,8."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def views(plan: Plan) -> list[SocketView]:
    """Every CPU and every node of the plan, each once, as boxes in boxes."""
    cells = _cells(plan)
    places: dict[tuple[int, int], dict[int, list[int]]] = {}
    for cpu in plan["topology"]["cpus"]:
        if cpu["online"]:
            cores = places.setdefault((cpu["socket"] or 0, cpu["node"] or 0), {})
            cores.setdefault(cpu["core"] or 0, []).append(cpu["cpu"])
    sockets: dict[int, SocketView] = {}
    drawn: set[int] = set()
    nodes = {node["node"]: node for node in plan["topology"]["nodes"]}
    for (socket, number), cores in sorted(places.items()):
        view = sockets.setdefault(socket, SocketView(f"Socket {socket}"))
        groups = [[cells[cpu] for cpu in group] for group in cores.values()]
        view.nodes.append(_node(plan, number, nodes.get(number), groups, number in drawn))
        drawn.add(number)
    result = list(sockets.values())
    bare = [node for number, node in nodes.items() if number not in drawn]
    if bare:
        result.append(SocketView("Without CPUs", [_node(plan, n["node"], n, [], False) for n in bare]))
    return result


def offline(plan: Plan) -> tuple[Strip, ...]:
    cells = _cells(plan)
    return _strips([[cells[cpu["cpu"]]] for cpu in plan["topology"]["cpus"] if not cpu["online"]])


def _cells(plan: Plan) -> dict[int, Cell]:
    isolated, housekeeping, interrupts = (
        cpu_set(plan[key]) for key in ("isolated_cpus", "housekeeping_cpus", "irq_cpus")
    )
    threads = {thread["cpu"]: thread["thread"] for thread in plan.get("engine_threads", [])}
    boot = plan["topology"]["boot_cpu"]
    online = {entry["cpu"] for entry in plan["topology"]["cpus"] if entry["online"]}
    result = {}
    for entry in plan["topology"]["cpus"]:
        cpu = entry["cpu"]
        state = "shared"
        if not entry["online"]:
            state = "offline"
        elif cpu in isolated:
            state = "isolated"
        elif isolated and cpu in housekeeping:
            state = "housekeeping"
        serves = cpu in interrupts and interrupts < online
        words = [f"CPU {cpu}", state if state != "shared" else "shared by everything"]
        words += (
            [f"core {entry['core']}, socket {entry['socket']}, node {entry['node']}"]
            if entry["online"]
            else []
        )
        words += ["boot CPU"] if cpu == boot else []
        words += ["interrupts"] if serves else []
        words += [f"engine thread {threads[cpu]}"] if cpu in threads else []
        result[cpu] = Cell(cpu, state, cpu == boot, serves, threads.get(cpu), "; ".join(words))
    return result


def _node(
    plan: Plan, number: int, node: dict[str, Any] | None, cores: list[list[Cell]], again: bool
) -> NodeView:
    memory = node["memory_kib"] if node else None
    pages = []
    for entry in plan["huge_pages"]:
        if entry["node"] == number and entry["count"]:
            total = entry["size_kib"] * entry["count"]
            percent = 100 * total / memory if memory else None
            pages.append(Pages(size(entry["size_kib"]), entry["count"], size(total), percent))
    cells = [cell for core in cores for cell in core]
    counts = {
        state: sum(cell.state == state for cell in cells) for state in ("isolated", "housekeeping", "shared")
    }
    parts = [f"{_count(len(cores), 'core')}, {_count(len(cells), 'CPU')}"] if cells else ["no CPUs"]
    parts += [f"{count} {state}" for state, count in counts.items() if count and state != "shared"]
    return NodeView(
        number=number,
        cpus=node["cpus"] if node else "",
        memory="unknown" if memory is None else size(memory),
        pages=() if again else tuple(pages),
        strips=_strips(cores),
        percent=sum(entry.percent or 0 for entry in pages) if memory else None,
        summary=" · ".join(parts),
        part=again,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _strips(cores: Iterable[list[Cell]]) -> tuple[Strip, ...]:
    remaining, result = iter(cores), []
    while group := list(islice(remaining, CORES_PER_STRIP)):
        drawn = []
        for index, cells in enumerate(group):
            x = index * PITCH + 1
            placed = tuple(
                Cell(**{**vars(cell), "x": x + INSET, "y": 1 + INSET + row * (CELL_HEIGHT + INSET)})
                for row, cell in enumerate(sorted(cells, key=lambda cell: cell.cpu))
            )
            drawn.append(Core(x, len(cells) * (CELL_HEIGHT + INSET) + INSET, placed))
        height = max(core.height for core in drawn) + 2
        result.append(Strip(len(group) * PITCH, height, tuple(drawn)))
    return tuple(result)
