"""Mistakes in the pipeline, each of which the test bench and the proof have to refuse.

A mutant is one text of rtl/tcp_lookup.v, and what the mistake makes of it.
"""

from __future__ import annotations

from pathlib import Path

PIPELINE = Path(__file__).resolve().parent / "rtl/tcp_lookup.v"

MUTANTS = {
    "half of the key compared": ("agree[part] <= stored", "agree[part] <= part >= PARTS / 2 || stored"),
    "an empty slot is found": ("agree[PARTS] <= stored[KEY]", "agree[PARTS] <= 1"),
    "the key of the lookup behind": ("key_2 <= key_1", "key_2 <= request_key"),
    "a waiting response overwritten": ("if (respond) response <= ", "response <= "),
    "the spare response forgotten": (
        "response_valid <= spare_valid || answered",
        "response_valid <= answered",
    ),
    "requests accepted during a load": ("request_ready = go && !load_waits", "request_ready = go"),
    "bodies written with the keys": (".write(load_to_1[b])", ".write(load_to[b])"),
    "one bank's hash for all": ("slot_of(request_key, b)", "slot_of(request_key, 0)"),
    "reset forgets a load": ("load_to_1 <= load_to;", "load_to_1 <= reset ? 0 : load_to;"),
}


def write(name: str, path: Path) -> Path:
    """The pipeline with this mistake; raises ValueError when the text does not stand in it once."""
    before, after = MUTANTS[name]
    text = PIPELINE.read_text()
    if text.count(before) != 1:
        raise ValueError(
            f"mutant {name!r}: {before!r} stands {text.count(before)} times in {PIPELINE.name}; allowed: once"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(before, after))
    return path
