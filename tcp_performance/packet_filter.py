"""Takes Docker's rules out of the packet filter again, and leaves everybody else's as they are."""

from __future__ import annotations

import re
import shutil
import subprocess

COMMANDS = ("iptables", "ip6tables")
DOCKERS = re.compile(r"\bDOCKER\b|\bDOCKER-|\bdocker0\b|\bbr-[0-9a-f]{12}\b")


def save() -> dict[str, str]:
    """The rules of each packet filter there is, as its own -save command prints them."""
    found = {}
    for command in COMMANDS:
        if shutil.which(f"{command}-save"):
            answer = subprocess.run([f"{command}-save"], capture_output=True, text=True, check=False)
            if answer.returncode == 0:
                found[command] = answer.stdout
    return found


def policies(rules: str) -> dict[tuple[str, str], str]:
    """(table, built-in chain) -> policy."""
    table, found = "", {}
    for line in rules.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            if policy != "-":
                found[table, chain] = policy
    return found


def without_docker(now: str, before: str) -> str:
    """`now` less Docker's chains and rules; policies as they were in `before`, ACCEPT where it had none."""
    if DOCKERS.search(before):
        return now
    old, table, lines = policies(before), "", []
    for line in now.splitlines():
        if line.startswith("*"):
            table = line[1:]
        if DOCKERS.search(line) and not line.startswith("#"):
            continue
        if line.startswith(":") and line.split()[1] != "-":
            chain = line[1:].split()[0]
            line = f":{chain} {old.get((table, chain), 'ACCEPT')} [0:0]"
        lines.append(line)
    return "\n".join(lines) + "\n"


def restore(before: dict[str, str]) -> None:
    """Take Docker's rules out wherever they came in since `before` was saved."""
    for command, now in save().items():
        wanted = without_docker(now, before.get(command, ""))
        if DOCKERS.search(now) and wanted != now:
            subprocess.run([f"{command}-restore"], input=wanted, text=True, check=True)
