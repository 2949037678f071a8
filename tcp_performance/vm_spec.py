"""What an image of a virtual machine is made from: images/vm, turned into the commands and files that make it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tcp_performance import vm_hardware
from tcp_performance.vm_emulator import cache
from tcp_performance.vm_frozen import this_board
from tcp_performance.vm_monitor import MachineError

IMAGES = Path(__file__).resolve().parent.parent / "images"
SECTOR = 512
FIRST_SECTOR = 2048  # the partition's; GRUB's core lies before it
LABEL = "root"  # the root file system's
# What an emulated machine wants to be told, one at a time: a timer that is late on a busy host is not a broken board; a
# kernel that lies anywhere lies, every other time, where a small node has its only room for a page of 1 GiB; a program
# that lies at another address each time is translated anew each time, which takes longer than all it does; processors
# that run one after the other only seem to disagree about the time, and without their counter each look at the clock
# goes to a device; and there is nothing to guard against in a processor that does not speculate. What the ring's module
# allocates is checked by the allocator (red zones, poison, owners), and nothing else's is.
KERNEL_ARGUMENTS = (
    "console=ttyS0 no_timer_check nokaslr norandmaps tsc=reliable mitigations=off "
    "slub_debug=FZPU,tcpk_ring_file"
)


@dataclass(frozen=True)
class Spec:
    """What an image is made from."""

    name: str
    suite: str
    kernel: str
    headers: str  # of the same version: what builds modules needs them
    packages: tuple[str, ...]
    masks: tuple[str, ...]
    initial_modules: tuple[str, ...]
    user: str
    disk_mib: int

    def inputs_hash(self) -> str:
        """The same for the same content: the commands that make the image, and the hardware its snapshot is for."""
        inputs = [
            bootstrap_command(self, Path("tree")),
            sorted(files(self).items()),
            partitions(),
            self.disk_mib,
            SEAL,
            this_board(),
        ]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]

    def folder(self) -> Path:
        return cache() / f"{self.name}-{self.inputs_hash()}"


# The first boot's work, done by the system's own tools on the system's own disk, in place of an init.
SEALED = "The boot loader is installed"
SEAL = f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
rm /seal
echo 'grub-pc grub-pc/install_devices multiselect /dev/vda' | debconf-set-selections &&
    grub-install /dev/vda && update-grub && sync && echo '{SEALED}'
for key in s u o; do echo $key > /proc/sysrq-trigger; sleep 1; done
sleep 600
"""


def entries(images: Path = IMAGES) -> dict[str, dict[str, Any]]:
    manifest: dict[str, Any] = yaml.safe_load((images / "manifest.yml").read_text())
    return {entry["name"]: entry for entry in manifest["machines"]}


def load(name: str, images: Path = IMAGES) -> Spec:
    """The machine called `name` in images/manifest.yml; MachineError lists the known ones when there is none."""
    known = entries(images)
    if name not in known:
        raise MachineError(f"image {name!r}: the machines of images/manifest.yml are {', '.join(known)}")
    spec: dict[str, Any] = yaml.safe_load((images / known[name]["spec"]).read_text())
    return Spec(
        name=name,
        suite=spec["suite"],
        kernel=spec["variants"][known[name]["variant"]]["kernel"],
        headers=spec["variants"][known[name]["variant"]]["headers"],
        packages=tuple(sorted(spec["packages"])),
        masks=tuple(sorted(spec["masks"])),
        initial_modules=tuple(spec["initial_modules"]),
        user=spec["user"],
        disk_mib=spec["disk_mib"],
    )


def files(spec: Spec) -> dict[str, str]:
    """What is written into the tree, by path: this machine's disk, network, console and administrator."""
    return {
        "etc/fstab": f"LABEL={LABEL} / ext4 errors=remount-ro 0 1\n",
        "etc/hostname": f"{spec.name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {spec.name}\n",
        "etc/resolv.conf": f"nameserver {vm_hardware.NAME_SERVER}\n",
        "etc/systemd/network/20-wired.network": (
            f"[Match]\nType=ether\n\n[Network]\nAddress={vm_hardware.ADDRESS}\nGateway={vm_hardware.GATEWAY}\n"
        ),
        "etc/default/grub.d/10-console.cfg": (
            f'GRUB_CMDLINE_LINUX="{KERNEL_ARGUMENTS}"\nGRUB_TERMINAL=serial\nGRUB_TIMEOUT=1\n'
        ),
        # Emulated processors on a busy host: what is late is not broken.
        "etc/systemd/system.conf.d/10-patience.conf": (
            "[Manager]\nDefaultTimeoutStartSec=900\nDefaultDeviceTimeoutSec=900\n"
        ),
        f"etc/sudoers.d/{spec.user}": f"{spec.user} ALL=(ALL) NOPASSWD: ALL\n",
    }


def bootstrap_command(spec: Spec, tree: Path) -> list[str]:
    modules = "".join(f"{module}\\n" for module in spec.initial_modules)
    in_tree = [
        # Before the kernel's package makes its initial file system.
        '--essential-hook=mkdir -p "$1/etc/initramfs-tools/conf.d"'
        f" && printf 'MODULES=list\\n' > \"$1/etc/initramfs-tools/conf.d/modules\""
        f" && printf '{modules}' > \"$1/etc/initramfs-tools/modules\"",
        f'--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash --groups sudo {spec.user}',
        '--customize-hook=chroot "$1" systemctl --quiet enable systemd-networkd',
        *(f'--customize-hook=ln -sf /dev/null "$1/etc/systemd/system/{unit}"' for unit in spec.masks),
        '--customize-hook=: > "$1/etc/machine-id"',
        # The package lists stay, and apt's digest of them is made here: under emulation both take minutes.
        "--skip=cleanup/apt",
        "--aptopt=Acquire::Languages none",
        # What is broken off is thrown away as a whole; the machine itself writes as safely as any.
        "--dpkgopt=force-unsafe-io",
        '--customize-hook=rm "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
        '--customize-hook=rm -f "$1"/var/cache/apt/archives/*.deb && chroot "$1" apt-cache --quiet gencaches',
    ]
    include = ",".join([*spec.packages, spec.kernel, spec.headers])
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        f"--include={include}",
        *in_tree,
        spec.suite,
        str(tree),
    ]


def partitions() -> str:
    """One bootable Linux partition, in sfdisk's language."""
    return f"label: dos\nstart={FIRST_SECTOR}, type=83, bootable\n"
