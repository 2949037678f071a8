"""The README's commands that a stage has run because they change the machine; the stage `readme` wants them all."""

from __future__ import annotations

from tcp_performance.playbooks import BUILD

FOLDER = BUILD / "test/commands-run"


def forget(stage: str) -> None:
    """The stage begins: what it ran another time is no proof."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / stage).write_text("")


def note(stage: str, command: str) -> None:
    """The command, as the README writes it, ended as it must."""
    with (FOLDER / stage).open("a") as noted:
        noted.write(f"{command}\n")


def noted() -> set[str]:
    return {line for file in FOLDER.glob("*") for line in file.read_text().splitlines()}
