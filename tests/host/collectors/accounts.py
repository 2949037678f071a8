"""Groups and their members, and the limits that a login session of a member really gets."""

from __future__ import annotations

import ctypes
import glob
import grp
import os
import pwd
import re
import subprocess
import tempfile
from typing import Any, Callable, Dict, List, Optional, Tuple

CAP_SYS_RESOURCE = 24
CLONE_NEWNS = 0x00020000
MS_BIND = 4096
MS_REC_PRIVATE = 0x4000 | 0x40000
# An account that every Debian has and nobody uses: becomes a member in a private copy of the group file.
PROBE = "nobody"
NAMES = {"Max realtime priority": "rtprio", "Max locked memory": "memlock", "Max nice priority": "nice"}


def collect(request: Dict[str, Any], plan: Dict[str, Any]) -> Dict[str, Any]:
    groups = {}
    for entry in plan["groups"]:
        groups[entry["name"]] = _members(entry["name"])
    domains = {limit["domain"].lstrip("@") for limit in plan["limits"]}
    return {
        "groups": groups,
        "login": {domain: login(domain) for domain in sorted(domains)},
        "limit_lines": limit_lines() if domains else [],
    }


def _members(name: str) -> Optional[Dict[str, Any]]:
    try:
        group = grp.getgrnam(name)
    except KeyError:
        return None
    primary = [user.pw_name for user in pwd.getpwall() if user.pw_gid == group.gr_gid]
    return {"gid": group.gr_gid, "members": sorted(set(group.gr_mem) | set(primary))}


def limit_lines() -> List[Dict[str, str]]:
    """Every line of pam_limits, in the order of its reading: the last one of a domain and an item wins."""
    found = []
    for path in ["/etc/security/limits.conf", *sorted(glob.glob("/etc/security/limits.d/*.conf"))]:
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                lines = stream.read().splitlines()
        except OSError:
            continue
        for line in lines:
            fields = line.partition("#")[0].split()
            if len(fields) == 4:
                found.append(
                    {
                        "path": path,
                        "domain": fields[0],
                        "type": fields[1],
                        "item": fields[2],
                        "value": fields[3],
                    }
                )
    return found


def login(group: str) -> Dict[str, Any]:
    """The limits of a new session of a member of the group, made by PAM itself.

    A group without members gets one for the length of the question: in a mount namespace of this process
    alone, where a copy of /etc/group names one more. Where neither can be had, `reason` says why.
    """
    members = _members(group)
    if members is None:
        return _answer(reason="there is no group %s" % group)
    users = [name for name in members["members"] if name != "root" and _known(name)]
    try:
        text = _session(users[0]) if users else _probe(group)
    except (OSError, subprocess.SubprocessError) as error:
        return _answer(user=users[0] if users else "", reason=str(error))
    return _answer(limits_in(text), users[0] if users else PROBE)


def _answer(
    limits: Optional[Dict[str, Dict[str, str]]] = None, user: str = "", reason: str = ""
) -> Dict[str, Any]:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as stream:
        raises = can_raise(stream.read())
    return {"limits": limits or {}, "user": user, "reason": reason, "can_raise": raises}


def can_raise(status: str) -> bool:
    """Whether a process may raise a hard limit, by its /proc/PID/status.

    Without CAP_SYS_RESOURCE, as in most containers, not even root may, nor PAM, nor an engine for its containers.
    """
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return found is not None and bool(int(found.group(1), 16) >> CAP_SYS_RESOURCE & 1)


def _known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _session(user: str) -> str:
    command = ["su", "-s", "/bin/sh", user, "-c", "cat /proc/self/limits"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    if done.returncode:
        raise OSError("no session for %s: %s" % (user, done.stderr.decode("utf-8", "replace").strip()))
    return done.stdout.decode("utf-8", "replace")


def _probe(group: str) -> str:
    """The same for PROBE, in a child process with its own mounts."""
    with open("/etc/group", encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    changed = [
        line + ("," if line.split(":")[3] else "") + PROBE if line.split(":")[0] == group else line
        for line in lines
    ]
    handle, copy = tempfile.mkstemp(suffix=".group")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write("\n".join(changed) + "\n")
        os.chmod(copy, 0o644)
        return _in_child(copy)
    finally:
        os.unlink(copy)


def _in_child(copy: str) -> str:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _private_mount(copy, "/etc/group")
            answer = "1" + _session(PROBE)
        except (OSError, subprocess.SubprocessError) as error:
            answer = "0" + str(error)
        os.write(writer, answer.encode("utf-8"))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    if not answer.startswith("1"):
        raise OSError(answer[1:] or "the child that asks for a session died")
    return answer[1:]


def _private_mount(source: str, target: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    steps: Tuple[Callable[[], int], ...] = (
        lambda: libc.unshare(CLONE_NEWNS),
        lambda: libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None),
        lambda: libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(MS_BIND), None),
    )
    for step in steps:
        if step() != 0:
            number = ctypes.get_errno()
            raise OSError("no private view of %s: %s" % (target, os.strerror(number)))


def limits_in(text: str) -> Dict[str, Dict[str, str]]:
    """rtprio, memlock (bytes) and nice (20 - niceness) from a /proc/PID/limits."""
    found = {}
    for line in text.splitlines():
        for title, item in NAMES.items():
            match = re.match(r"%s\s+(\S+)\s+(\S+)" % re.escape(title), line)
            if match:
                found[item] = {"soft": match.group(1), "hard": match.group(2)}
    return found
