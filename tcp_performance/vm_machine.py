"""Virtual machines for the tests: started in seconds from an image's snapshot, each with a disk and a key of its own.

A machine's network is a port of 127.0.0.1 for ssh, and what QEMU lets it reach outside. Every action prints the machine
as JSON: host, port, user, key, known_hosts, console, qmp, agent, pid, ...

    python -m tcp_performance.vm_machine start --image debian-12 --name NAME --state DIR
    python -m tcp_performance.vm_machine trouble --state DIR    # what is wrong with it; nothing for a sound one
    python -m tcp_performance.vm_machine show|reset|power-cut|power-on|shut-down|stop --state DIR
    python -m tcp_performance.vm_machine freeze --state DIR --to IMAGE_DIR    # then: start --image IMAGE_DIR
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tcp_performance import vm_image
from tcp_performance.side_by_side import interruptible
from tcp_performance.vm_frozen import Image
from tcp_performance.vm_guest import Machine
from tcp_performance.vm_monitor import MachineError


def start(image: Image, name: str, folder: Path) -> Machine:
    """A new machine from an image, running, in an empty or new folder; returns when a login by ssh works."""
    folder = folder.absolute()
    if (folder / "machine.json").exists():
        raise MachineError(f"{folder}: holds a machine already; stop it first")
    folder.mkdir(parents=True, exist_ok=True)
    machine = Machine(folder, name, image.user, image.host_key)
    try:
        image.make_overlay(folder / "disk.qcow2")
        machine.make_key()
        machine.launch(image.memory)
        machine.settle()
        machine.wait_for_ssh()
    except BaseException:
        machine.stop()
        raise
    return machine


def find_image(text: str) -> Image:
    """An image by its name in images/manifest.yml, made now if it is not cached; or the folder of a frozen one."""
    return Image.load(Path(text)) if "/" in text else vm_image.ensure(text)


def act(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.action == "start":
        name = arguments.name or Path(arguments.state).name
        return start(find_image(arguments.image), name, Path(arguments.state)).describe()
    machine = Machine.load(Path(arguments.state))
    if arguments.action == "freeze":
        machine.freeze(Path(arguments.to))
    elif arguments.action != "show":
        getattr(machine, arguments.action.replace("-", "_"))()
    return machine.describe()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="vm_machine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = ("start", "trouble", "show", "reset", "power-cut", "power-on", "shut-down", "stop", "freeze")
    parser.add_argument("action", choices=actions)
    parser.add_argument("--state", required=True, metavar="DIR", help="the machine's folder")
    parser.add_argument(
        "--image", default="debian-12", help="start: a name of images/manifest.yml, or a folder"
    )
    parser.add_argument("--name", help="start: what the process is called (default: the folder's name)")
    parser.add_argument("--to", metavar="DIR", help="freeze: the new image's folder")
    arguments = parser.parse_args()
    if arguments.action == "freeze" and not arguments.to:
        parser.error("freeze needs --to DIR")
    return arguments


def main() -> int:
    try:
        with interruptible():
            arguments = parse()
            if arguments.action == "trouble":
                print(Machine.load(Path(arguments.state)).trouble(), end="")
            else:
                print(json.dumps(act(arguments), indent=1))
    except (MachineError, KeyboardInterrupt) as error:
        print(f"vm machine: {str(error) or 'interrupted'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
