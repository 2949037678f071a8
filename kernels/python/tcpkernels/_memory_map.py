"""Which file of this process's memory map an address lies in."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, NamedTuple

MAPS = Path("/proc/self/maps")


class Mapping(NamedTuple):
    """A part of a file in memory."""

    start: int
    end: int
    path: str


def mappings(maps: Path = MAPS) -> Iterator[Mapping]:
    """The files of the process's memory map; none where there is no such map."""
    if not maps.exists():
        return
    for line in maps.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/"):
            start, _, end = fields[0].partition("-")
            yield Mapping(int(start, 16), int(end, 16), fields[5])


def library_of(address: int, maps: Path = MAPS) -> str:
    """Resolved path of the file that holds the address; empty when it is in none."""
    for mapping in mappings(maps):
        if mapping.start <= address < mapping.end:
            return str(Path(mapping.path).resolve())
    return ""
