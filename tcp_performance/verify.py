"""Runs the verifier (tests/host) on the hosts of an inventory and shows what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tcp_performance.playbooks import ROOT, environment

# What wants attention comes first.
ORDER = ("drifted", "reboot-pending", "compliant", "not-applicable")
COLOURS = {"drifted": "bold red", "reboot-pending": "yellow", "compliant": "green", "not-applicable": "dim"}
# pytest's own exit statuses: all passed, some failed.
JUDGED = (0, 1)

Row = dict[str, Any]


def hosts_of(inventory: Path, limit: str | None) -> list[str]:
    """The hosts that an inventory and a limit come to; none for an unknown name."""
    command = [
        str(Path(sys.executable).parent / "ansible"),
        limit or "all",
        "-i",
        str(inventory),
        "--list-hosts",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()[1:]
    return [line.strip() for line in lines if line.strip()] if done.returncode == 0 else []


def judge(host: str, inventory: Path, verdicts: Path) -> tuple[int, str]:
    """One host's verdicts, written to a file: pytest's exit status, and what it said."""
    verdicts.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "tests/host", "--tb=no", "--no-header", "-W", "ignore"]
    command += [
        "--hosts",
        f"ansible://{host}",
        "--ansible-inventory",
        str(inventory),
        "--verdicts",
        str(verdicts),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def table(rows: list[Row]) -> Table:
    """Role by role, in each what wants attention first; one row for all that do not apply for the same reason."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("setting", overflow="fold", ratio=4)
    shown.add_column("verdict", no_wrap=True, width=14)
    shown.add_column("effective", overflow="fold", ratio=3)
    shown.add_column("reason", overflow="fold", ratio=4)
    for role in dict.fromkeys(row["role"] for row in rows):
        mine = [row for row in rows if row["role"] == role]
        shown.add_row(Text(role, style="bold") + Text(f": {counts(mine)}"))
        for row in sorted(mine, key=lambda row: ORDER.index(row["verdict"])):
            if row["verdict"] != "not-applicable":
                shown.add_row(*cells(brief(row), row))
        for reason in dict.fromkeys(row["reason"] for row in mine if row["verdict"] == "not-applicable"):
            same = [row for row in mine if row["verdict"] == "not-applicable" and row["reason"] == reason]
            shown.add_row(*cells(", ".join(brief(row) for row in same), same[0]))
    return shown


def brief(row: Row) -> str:
    """A setting's name without its role, which stands above."""
    return str(row["setting"]).removeprefix(f"{row['role']}.")


def cells(name: str, row: Row) -> list[Text]:
    style = COLOURS[row["verdict"]]
    return [Text(f"  {name}"), Text(row["verdict"], style=style), Text(row["actual"]), Text(row["reason"])]


def counts(rows: list[Row]) -> str:
    """How many of each verdict, leaving out those that there are none of."""
    numbers = ((sum(row["verdict"] == verdict for row in rows), verdict) for verdict in ORDER)
    return ", ".join(f"{number} {verdict}" for number, verdict in numbers if number)


def attention(rows: list[Row], verdict: str) -> list[str]:
    """A paragraph a setting, for those with this verdict."""
    return [
        f"{row['verdict']}: {row['setting']}\n    expected {row['expected']}\n    actual   {row['actual']}\n"
        f"    reason   {row['reason']}"
        for row in rows
        if row["verdict"] == verdict
    ]


def summary(host: str, rows: list[Row]) -> str:
    numbers = ((sum(row["verdict"] == verdict for row in rows), verdict) for verdict in ORDER)
    return f"{host}: {len(rows)} setting{'s' if len(rows) != 1 else ''}: " + ", ".join(
        f"{number} {verdict}" for number, verdict in numbers
    )


def show(console: Console, host: str, content: dict[str, Any]) -> None:
    rows: list[Row] = content["verdicts"]
    console.print(Text(f"{host}, profile {content['profile']}", style="bold"))
    for verdict in ("drifted", "reboot-pending"):
        for paragraph in attention(rows, verdict):
            console.print(Text(paragraph, style=COLOURS[verdict]))
    console.print(table(rows))
    console.print(Text(summary(host, rows), style="bold"))


def width() -> int | None:
    """A line's length where no terminal gives one: long enough that logs do not fold every cell."""
    return None if sys.stdout.isatty() else 160


def run(inventory: Path, limit: str | None, verdicts: Path) -> int:
    """Verify hosts, one verdict file each: <verdicts>/<host>.json. Exit code: 1 if any has drifted, 2 on bad input."""
    console = Console(width=width(), highlight=False)
    hosts = hosts_of(inventory, limit)
    if not hosts:
        console.print(f"no host matches --inventory {inventory} --limit {limit or 'all'}", markup=False)
        return 2
    verdicts.mkdir(parents=True, exist_ok=True)
    codes = []
    for host in hosts:
        path = verdicts / f"{host}.json"
        status, output = judge(host, inventory, path)
        if status not in JUDGED or not path.is_file():
            lines = [line for line in output.splitlines() if line.startswith("Exit: ")]
            console.print(lines[-1][len("Exit: ") :] if lines else output, markup=False)
            codes.append(2)
            continue
        content = json.loads(path.read_text())
        show(console, host, content)
        drifted = any(row["verdict"] == "drifted" for row in content["verdicts"])
        codes.append(1 if drifted or status else 0)
    return max(codes)
