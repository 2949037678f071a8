"""Files of a host: text, digest, mode, owner, capabilities; and every sysctl file in the order of a boot."""

from __future__ import annotations

import glob
import grp
import hashlib
import os
import pwd
import stat
import struct
from typing import Any, Dict, List, Optional

# What is larger than this is compared by its digest alone.
TEXT_LIMIT = 256 * 1024
SYSCTL_FOLDERS = (
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
)


def collect(request: Dict[str, Any], plan: Dict[str, Any]) -> Dict[str, Any]:
    patterns = list(request["files"])
    patterns += [
        request_path.replace("{prefix}", str(plan["intent"].get("kernels_prefix") or "/opt/tcp-performance"))
        for request_path in request["prefixed_files"]
    ]
    names: List[str] = []
    for pattern in patterns:
        found = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
        names += [name for name in found if name not in names]
    return {"files": {name: describe(name) for name in names}, "sysctl_files": sysctl_files()}


def describe(name: str) -> Optional[Dict[str, Any]]:
    """What there is under a name, links followed; None when there is nothing."""
    try:
        status = os.stat(name)
    except OSError:
        return None
    found: Dict[str, Any] = {
        "kind": _kind(status.st_mode),
        "mode": "%04o" % stat.S_IMODE(status.st_mode),
        "owner": _user(status.st_uid),
        "group": _group(status.st_gid),
        "link": os.readlink(name) if os.path.islink(name) else None,
        "real": os.path.realpath(name),
        "text": None,
        "sha256": None,
        "capabilities": _capabilities(name),
    }
    if stat.S_ISREG(status.st_mode):
        try:
            with open(name, "rb") as stream:
                content = stream.read()
        except OSError:
            return found
        found["sha256"] = hashlib.sha256(content).hexdigest()
        if len(content) <= TEXT_LIMIT and b"\0" not in content:
            found["text"] = content.decode("utf-8", "replace")
    return found


def _kind(mode: int) -> str:
    for kind, is_kind in (("file", stat.S_ISREG), ("folder", stat.S_ISDIR), ("device", stat.S_ISCHR)):
        if is_kind(mode):
            return kind
    return "other"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _capabilities(name: str) -> List[int]:
    """The numbers of the permitted file capabilities (struct vfs_cap_data)."""
    try:
        raw = os.getxattr(name, "security.capability")
    except (OSError, AttributeError):
        return []
    low = struct.unpack_from("<I", raw, 4)[0]
    high = struct.unpack_from("<I", raw, 12)[0] if len(raw) >= 20 else 0
    bits = low | high << 32
    return [number for number in range(64) if bits >> number & 1]


def sysctl_files() -> List[Dict[str, Any]]:
    """Every file that sets sysctls at boot, in the order of their reading: the last one that names a key wins.

    By base name across the folders, a file in an earlier folder hiding its namesakes, as sysctl.d(5) has it;
    /etc/sysctl.conf last, where procps reads it.
    """
    chosen: Dict[str, str] = {}
    for folder in SYSCTL_FOLDERS:
        for name in sorted(glob.glob(folder + "/*.conf")):
            chosen.setdefault(os.path.basename(name), name)
    paths = [chosen[name] for name in sorted(chosen)]
    linked = {os.path.realpath(path) for path in paths}
    if os.path.realpath("/etc/sysctl.conf") not in linked:
        paths.append("/etc/sysctl.conf")
    return [
        {
            "path": "%s (%s)" % (path, os.path.realpath(path)) if os.path.islink(path) else path,
            "settings": _settings(path),
        }
        for path in paths
        if os.path.isfile(path)
    ]


def _settings(path: str) -> Dict[str, str]:
    found: Dict[str, str] = {}
    with open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            text = line.strip()
            key, equals, value = text.partition("=")
            if equals and not text.startswith(("#", ";")):
                found[key.strip().lstrip("-").replace("/", ".")] = value.strip()
    return found
