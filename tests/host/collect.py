"""Sends the collectors to a host and brings its state back, in one round trip."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

from tests.host.settings import request
from tests.host.state import Plan, State

# What the plan and the collectors share, and the collectors; a module before the one that imports it.
SHARED = ("cpu_list", "cpu_occupants")
MODULES = ("files", "kernel", "accounts", "software", "main")
FOLDER = Path(__file__).parent / "collectors"
SHARED_FOLDER = Path(__file__).parents[2] / "ansible/plugins/module_utils"

PACKAGE = "tests.host.collectors"
LOADER = """
import base64, json, sys, types, zlib
sources, request = json.loads(zlib.decompress(base64.b64decode("{packed}")))
parent = None
for name, text in sources:
    module = sys.modules[name] = types.ModuleType(name)
    if text is None:
        module.__path__ = []
        parent = module
    else:
        setattr(parent, name.rpartition(".")[2], module)
        exec(compile(text, name, "exec"), module.__dict__)
module.main(request)
"""


class NotProvisioned(Exception):
    """The host holds no plan to compare its state with; the text says what to do."""


def command(plan: Plan | None, parts: tuple[str, ...] = ()) -> str:
    """The shell command with which root prints the host's packed state."""
    names = PACKAGE.split(".")
    sources: list[tuple[str, str | None]] = [(".".join(names[: end + 1]), None) for end in range(len(names))]
    sources += [(name, (SHARED_FOLDER / f"{name}.py").read_text(encoding="utf-8")) for name in SHARED]
    sources += [
        (f"{PACKAGE}.{name}", (FOLDER / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES
    ]
    packed = zlib.compress(json.dumps([sources, request(plan, parts)]).encode(), 9)
    program = base64.b64encode(LOADER.format(packed=base64.b64encode(packed).decode()).encode()).decode()
    # The distribution's own Python, whatever else PATH and PYTHONPATH say: the kernels are built for it.
    return f"/usr/bin/python3 -I -c \"import base64;exec(base64.b64decode('{program}'))\""


def as_root(command: str) -> str:
    """The same command through sudo, where it is not root who is there."""
    return f'if [ "$(id -u)" = 0 ]; then {command}; else sudo -n {command}; fi'


def unpack(printed: str) -> dict[str, Any]:
    """What the command printed, as it was collected."""
    raw: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(printed.strip())))
    return raw


def collect(host: Any, plan: Plan | None = None, parts: tuple[str, ...] = ()) -> State:
    """The state of a testinfra host, or some parts of it.

    Raises NotProvisioned where there is no plan, RuntimeError when the state cannot be had for another reason.
    """
    done = host.run(as_root(command(plan, parts)))
    if done.rc != 0:
        raise RuntimeError(f"the state could not be collected: {(done.stderr or done.stdout).strip()}")
    raw = unpack(done.stdout)
    if raw["uid"] != 0:
        raise RuntimeError("the state could not be collected: root, or sudo without a password, is needed")
    if raw["plan"] is None:
        raise NotProvisioned("not provisioned: no plan on the host, run ./invoke provision")
    return State(raw)
