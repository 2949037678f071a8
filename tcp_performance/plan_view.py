"""Shows a plan: to people as tables, to machines as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

Plan = dict[str, Any]


def exit_code(plan: Plan) -> int:
    """0 when the host can fulfil the intent, 2 when it can not."""
    return 2 if plan["problems"] else 0


def show(plan: Plan, as_json: bool, console: Console | None = None) -> None:
    """Print a plan; with `as_json` nothing but JSON."""
    if as_json:
        print(json.dumps(plan, indent=2, sort_keys=True))
        return
    console = console or Console()
    console.print(_heading(plan))
    for part in (_topology(plan), _placement(plan), _boot(plan), _memory(plan), _settings(plan)):
        if part is not None:
            console.print(part)
    for warning in plan["warnings"]:
        console.print(Text(f"note: {warning}", style="yellow"))
    absent = _not_applicable(plan)
    if absent is not None:
        console.print(absent)
    if plan["problems"]:
        console.print(_problems(plan))


def cpus(text: str) -> set[int]:
    """The CPUs of a compact list such as "0-3,8"."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _heading(plan: Plan) -> Text:
    where = plan["platform"] or "a captured machine"
    kinds = [
        plan["features"][kind]["reason"]
        for kind in ("virtual_machine", "container")
        if plan["features"][kind]["available"]
    ]
    model = plan["topology"]["model"]
    return Text(f"Plan: profile {plan['profile']} on {', '.join([where, model, *kinds])}", style="bold")


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _topology(plan: Plan) -> Group:
    """One row a node; each core in brackets, isolated ones marked by a star, so that it reads without colour too."""
    isolated = cpus(plan["isolated_cpus"])
    table = _table("Topology", ("node", "memory", "cores (CPUs of one core in brackets, * isolated)"))
    for node in plan["topology"]["nodes"]:
        cores: dict[int, list[int]] = {}
        for cpu in plan["topology"]["cpus"]:
            if cpu["online"] and cpu["node"] == node["node"]:
                cores.setdefault(cpu["core"], []).append(cpu["cpu"])
        drawn = Text()
        for core in cores.values():
            text = f"[{','.join(map(str, core))}{'*' if set(core) & isolated else ''}]"
            drawn.append(text, style="green" if set(core) & isolated else "cyan").append(" ")
        memory = node["memory_kib"]
        table.add_row(
            str(node["node"]), "unknown" if memory is None else f"{memory // 1024} MiB", drawn or "no CPUs"
        )
    offline = [str(cpu["cpu"]) for cpu in plan["topology"]["cpus"] if not cpu["online"]]
    return Group(table, Text(f"offline: {', '.join(offline)}")) if offline else Group(table)


def _placement(plan: Plan) -> Table:
    table = _table("Placement", ("what", "CPUs"))
    for title, key in (
        ("isolated", "isolated_cpus"),
        ("housekeeping", "housekeeping_cpus"),
        ("interrupts", "irq_cpus"),
        ("engine", "engine_cpus"),
    ):
        table.add_row(title, plan[key] or "none")
    by_node: dict[int, list[int]] = {}
    for thread in plan["engine_threads"]:
        by_node.setdefault(thread["node"], []).append(thread["cpu"])
    for node, places in by_node.items():
        text = " ".join(map(str, places))
        table.add_row(f"threads, node {node}", f"{len(places)}: one each on CPU {text}")
    return table


def _boot(plan: Plan) -> Table | None:
    if not plan["boot_arguments"]:
        return None
    table = _table("Boot arguments", ("role", "arguments"))
    for role, arguments in sorted(plan["boot_arguments_by_role"].items()):
        table.add_row(role, escape("\n".join(arguments)))
    return table


def _memory(plan: Plan) -> Table | None:
    if not plan["huge_pages"]:
        return None
    table = _table("Huge pages", ("node", "size", "count", "together"))
    for pages in plan["huge_pages"]:
        size, count = pages["size_kib"], pages["count"]
        table.add_row(str(pages["node"]), f"{size // 1024} MiB", str(count), f"{size * count // 1024} MiB")
    return table


def _settings(plan: Plan) -> Table | None:
    """Every other value, a row each; a value that many CPUs share takes one row."""
    rows: list[tuple[str, str, str]] = []
    for limit in plan["limits"]:
        rows.append(("realtime", f"limit {limit['item']} of {limit['domain']}", limit["value"]))
    for group in plan["groups"]:
        members = ", ".join(group["members"]) or "no members yet"
        rows.append((group["role"], f"group {group['name']}", members))
    for name, value in plan["sysctls"].items():
        rows.append((plan["sysctl_roles"][name], name, value))
    shared: dict[tuple[str, str, str], list[int]] = {}
    for entry in plan["sysfs"] + plan["proc"]:
        setting = entry["setting"].split(".", 1)[1]
        name, mark, number = setting.rpartition(".cpu")
        if mark and number.isdecimal():
            shared.setdefault((entry["role"], name, entry["value"]), []).append(int(number))
        else:
            rows.append((entry["role"], setting, entry["value"]))
    for (role, name, value), places in shared.items():
        rows.append((role, f"{name} of {len(places)} CPU{'s' if len(places) > 1 else ''}", value))
    for mount in plan["mounts"]:
        rows.append((mount["role"], f"mount {mount['path']}", mount["options"]))
    for key in ("schemata", "default_schemata"):
        for line in plan["resctrl"].get(key, []):
            whose = plan["resctrl"]["group"] if key == "schemata" else "all others"
            rows.append(("memory_bandwidth", f"resctrl {whose}", line))
    if not rows:
        return None
    table = _table("Settings", ("role", "setting", "value"))
    for row in sorted(rows):
        table.add_row(*map(escape, row))
    return table


def _not_applicable(plan: Plan) -> Table | None:
    if not plan["not_applicable"]:
        return None
    table = _table("Not applicable here", ("reason", "settings"))
    by_reason: dict[str, list[str]] = {}
    for entry in plan["not_applicable"]:
        by_reason.setdefault(entry["reason"], []).append(entry["setting"])
    for reason, settings in by_reason.items():
        table.add_row(escape(reason), escape("\n".join(settings)))
    return table


def _problems(plan: Plan) -> Table:
    table = _table("Impossible here; nothing was changed", ("setting", "value", "allowed", "what to change"))
    for problem in plan["problems"]:
        keys = ("setting", "value", "allowed", "advice")
        table.add_row(*(escape(str(problem[key])) for key in keys), style="red")
    return table
