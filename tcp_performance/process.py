"""Tells a process from a later one with the same number."""

from __future__ import annotations

from pathlib import Path


def start_time(pid: int) -> str:
    """Field 22 of /proc/PID/stat, or an empty string for a process that is gone (or a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
