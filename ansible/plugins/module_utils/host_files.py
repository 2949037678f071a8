"""Reading a machine's files: the running one at "/", or a captured tree below another folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import List, Optional


class Files:
    """Files of one machine. `live` says that the tree is a running system's and not a capture."""

    def __init__(self, root: str = "/", live: Optional[bool] = None) -> None:
        self.root = Path(root).resolve()
        self.whole = self.root == Path("/")
        self.live = self.whole if live is None else live

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def read(self, name: str) -> Optional[str]:
        """The text of a file without the white space around it; None when it cannot be read."""
        try:
            return self.path(name).read_text(encoding="utf-8", errors="replace").strip()
        except (OSError, ValueError):
            return None

    def exists(self, name: str) -> bool:
        try:
            return self.path(name).exists()
        except OSError:
            return False

    def names(self, folder: str) -> List[str]:
        """The names in a folder, sorted; none when there is no such folder."""
        try:
            return sorted(entry.name for entry in self.path(folder).iterdir())
        except OSError:
            return []

    def numbered(self, folder: str, prefix: str) -> List[int]:
        """The numbers n of the entries prefix<n> in a folder, ascending."""
        found = (name[len(prefix) :] for name in self.names(folder) if name.startswith(prefix))
        return sorted(int(number) for number in found if number.isdecimal())

    def writable(self, name: str) -> bool:
        """Whether root could write this file.

        Mode and mount count, not the rights of whoever asks: the plan may be made by a plain user.
        """
        try:
            mode = self.path(name).stat().st_mode
            read_only = os.statvfs(self.path(name)).f_flag & os.ST_RDONLY
        except OSError:
            return False
        return not read_only and (stat.S_ISDIR(mode) or bool(mode & 0o222))
