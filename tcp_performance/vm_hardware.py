"""The machine that QEMU shows to its guest: four CPUs in two sockets, a NUMA node each, 4 GiB, and one network card.

KVM does the work where QEMU gets along with it; elsewhere software emulation does, some 20 times slower.
"""

from __future__ import annotations

import functools
import subprocess

from tcp_performance import vm_emulator

# QEMU's user network, with its own numbers: the machine's address, the gateway, the name server that asks the host's.
ADDRESS, GATEWAY, NAME_SERVER = "10.0.2.15/24", "10.0.2.2", "10.0.2.3"
NODES = 2
CPUS_A_NODE = 2
MIB_A_NODE = 2048


@functools.cache
def accelerator() -> str:
    """kvm where QEMU can run this machine's processors with it, tcg elsewhere.

    Whether the device is there says little: it may belong to others, or lack what the processors need.
    """
    command = [
        vm_emulator.PROGRAM,
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "q35",
        *processor("kvm"),
        "-monitor",
        "stdio",
    ]
    tried = subprocess.run(command, input="quit\n", capture_output=True, text=True, check=False)
    return "kvm" if tried.returncode == 0 else "tcg"


@functools.cache
def program() -> tuple[str, ...]:
    """The command that starts QEMU. Only its emulation asks for another one than this system's."""
    return (vm_emulator.PROGRAM,) if accelerator() == "kvm" else vm_emulator.emulator()


@functools.cache
def version() -> str:
    """QEMU's version: a snapshot of one is nothing to another."""
    return vm_emulator.version_of(program())


def processor(accelerated_by: str) -> list[str]:
    if accelerated_by == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    # A CPU with fast string instructions has its kernel clear and copy pages a byte at a time, which emulated takes
    # half a minute a gibibyte: a page of 1 GiB, and every new one. Page tables of five levels cost a fifth of the time,
    # and a third where all CPUs are busy: each address that is not at hand is looked up through them. 128 MiB of
    # translated code, not a gibibyte: what a kernel left there slows the next boot down, page by page as it is written
    # over, and what is in use lies closer together.
    return ["-accel", "tcg,thread=multi,tb-size=128", "-cpu", "max,erms=off,fsrm=off,la57=off"]


def memory() -> list[str]:
    arguments = ["-m", str(NODES * MIB_A_NODE)]
    for node in range(NODES):
        first, last = node * CPUS_A_NODE, (node + 1) * CPUS_A_NODE - 1
        arguments += [
            *("-object", f"memory-backend-ram,id=memory{node},size={MIB_A_NODE}M"),
            *("-numa", f"node,nodeid={node},cpus={first}-{last},memdev=memory{node}"),
        ]
    return arguments


def board() -> list[str]:
    """All but the disk and the connections to the outside; a snapshot holds for exactly these arguments.

    A page of 1 GiB lies at a multiple of its size and holds nothing else. 768 MiB below the hole for devices leave each
    node room for one, from 4 to 5 and from 6 to 7 GiB, and something above it for what the kernel keeps in each node.
    """
    return [
        *(
            "-machine",
            "q35,graphics=off,max-ram-below-4g=768M",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
        ),
        *processor(accelerator()),
        *("-smp", f"{NODES * CPUS_A_NODE},sockets={NODES},cores={CPUS_A_NODE},threads=1"),
        *memory(),
        *("-rtc", "base=utc,clock=host"),
        *("-device", "virtio-rng-pci"),
        *("-device", "virtio-blk-pci,drive=disk"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-serial-pci"),
        *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
    ]


def outside(port: int) -> list[str]:
    """Disk, network, console and sockets, all in the folder where QEMU is started.

    Port 0 lets the system choose one. A flush of the guest's is a flush here: what a power cut may lose is the
    guest's own affair, as on a real machine.
    """
    return [
        *("-drive", "file=disk.qcow2,if=none,id=disk,format=qcow2,cache=writeback,discard=unmap"),
        *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-chardev", "file,id=console,path=console.log,append=on", "-serial", "chardev:console"),
        *("-chardev", "socket,id=agent,path=agent.sock,server=on,wait=off"),
        *("-qmp", "unix:qmp.sock,server=on,wait=off"),
    ]
