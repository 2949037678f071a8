"""Programs run on a CPU that this machine lacks: bochs executes its instructions under a Debian kernel, whose only
process is kernels/tests/emulated/init.c. It shows what the instructions do, not how long they take.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from invoke import Exit

from tcp_performance.kernels_build import KERNELS
from tcp_performance.stage_steps import shell

PACKAGES = (
    "bochs",  # the emulator
    "bochs-term",  # a display of it that needs no screen and opens no port
    "bochsbios",
    "seabios",  # the BIOS of its graphics card
    "isolinux",  # the loader of the kernel
    "syslinux-common",
    "xorriso",  # the CD to boot from
)
# Its cloud kernel is compressed so that an emulator unpacks it soon.
KERNEL = "linux-image-cloud-amd64"
# The reference BLAS: a hundredth of the size of the usual one.
GUEST_PACKAGES = ("libblas3", "liblapack3", "libgfortran5", "libquadmath0")
INIT = KERNELS / "tests/emulated/init.c"

# Instructions a second of the emulated clock; the time stamp counter counts them, so the kernel is told.
SPEED = 50_000_000
# Of the CPUs' features the kernel must not use: XSAVEC (321) and PKU (515) have no complete state in bochs, and FSRM
# (580) without ERMS, which bochs does not enable, makes the kernel copy without end.
KERNEL_OPTIONS = (
    f"console=ttyS0 quiet noxsaves clearcpuid=321,515,580 nokaslr mitigations=off acpi=off noapic nolapic "
    f"lpj=1000000 tsc=reliable tsc_early_khz={SPEED // 1000} cryptomgr.notests"
)
LOADER = f"default linux\nprompt 0\nlabel linux\nkernel vmlinuz\nappend initrd=initrd {KERNEL_OPTIONS}\n"
SETTINGS = """config_interface: textconfig
display_library: term
cpu: model={model}, count=1, ips={speed}
memory: guest=256, host=256
romimage: file=/usr/share/bochs/BIOS-bochs-latest, options=fastboot
vgaromimage: file=/usr/share/seabios/vgabios-isavga.bin
pci: enabled=1, chipset=i440fx
ata0-master: type=cdrom, path={folder}/boot.iso, status=inserted
boot: cdrom
log: {folder}/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
com1: enabled=1, mode=file, dev={folder}/serial
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
mouse: enabled=0
clock: sync=none, time0=utc
"""
RUN = re.compile(r"^begin: (?P<line>.*)\n(?P<output>(?:.*\n)*?)end: (?P<end>.*)\n", re.MULTILINE)
ENTRY_SIZE = 13


@dataclass(frozen=True)
class Ended:
    """A program's end on an emulated machine: the line that started it, what it printed, "exit 0" or another end."""

    line: str
    output: str
    end: str


def archive(files: dict[str, Path | bytes]) -> bytes:
    """An initramfs (cpio, "newc") of programs and other files, by their absolute paths, with their folders."""
    folders = {str(parent) for path in files for parent in Path(path).parents} - {"/"}
    entries: list[tuple[str, int, bytes]] = [(path, 0o40755, b"") for path in sorted(folders | {"/tmp"})]
    for path, content in files.items():
        entries.append((path, 0o100755, content if isinstance(content, bytes) else content.read_bytes()))
    packed = []
    for number, (path, mode, content) in enumerate([*entries, ("/TRAILER!!!", 0, b"")], start=1):
        name = path.lstrip("/").encode() + b"\0"
        numbers = [0] * ENTRY_SIZE
        numbers[0], numbers[1], numbers[4], numbers[6], numbers[11] = number, mode, 1, len(content), len(name)
        head = b"070701" + b"".join(b"%08x" % value for value in numbers) + name
        packed += [head, b"\0" * (-len(head) % 4), content, b"\0" * (-len(content) % 4)]
    return b"".join(packed)


def libraries(programs: Sequence[Path], root: Path) -> dict[str, Path | bytes]:
    """What the loader needs for programs of this machine, in /lib; BLAS and LAPACK from `root`."""
    found: dict[str, Path | bytes] = {}
    for name in ("blas", "lapack"):
        library = root / f"usr/lib/x86_64-linux-gnu/{name}/lib{name}.so.3"
        found[f"/lib/{library.name}"] = library
    for needed in ("libgfortran.so.5", "libquadmath.so.0"):  # by these two
        found[f"/lib/{needed}"] = root / "usr/lib/x86_64-linux-gnu" / needed
    for program in programs:
        listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
        for match in re.finditer(r"(?:(\S+) => )?(/\S+) \(0x", listed):
            name = match[1] or Path(match[2]).name
            if match[1] is None:
                found[match[2]] = Path(match[2])  # the loader, at the place that programs name
            elif "openblas" not in name:
                found.setdefault(f"/lib/{name}", Path(match[2]))
    return found


@dataclass
class EmulatedMachine:
    """A machine with one CPU of a bochs model; `files` are on it, `lines` are run in order."""

    model: str
    folder: Path
    files: dict[str, Path | bytes]
    lines: Sequence[str]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _told: int = field(default=0, init=False)

    def make_disc(self, kernel: Path) -> None:
        """Everything it boots from, in a new folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        disc = self.folder / "disc"
        disc.mkdir(parents=True)
        shell(["gcc", "-O2", "-Wall", "-static", str(INIT), "-o", str(self.folder / "init")])
        listed = "".join(f"{line}\n" for line in self.lines).encode()
        own: dict[str, Path | bytes] = {"/init": self.folder / "init", "/programs": listed}
        (disc / "initrd").write_bytes(archive(own | self.files))
        (disc / "isolinux.cfg").write_text(LOADER)
        shutil.copy(kernel, disc / "vmlinuz")
        for part in ("ISOLINUX/isolinux.bin", "syslinux/modules/bios/ldlinux.c32"):
            shutil.copy(Path("/usr/lib") / part, disc)
        boot = ["-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4"]
        command = ["xorriso", "-as", "mkisofs", "-quiet", "-o", str(self.folder / "boot.iso"), *boot]
        shell([*command, "-boot-info-table", str(disc)])
        settings = SETTINGS.format(model=self.model, speed=SPEED, folder=self.folder)
        (self.folder / "settings").write_text(settings)
        (self.folder / "commands").write_text("c\n")  # its debugger waits for this "continue"

    def start(self) -> None:
        command = [
            "bochs-bin",
            "-q",
            "-f",
            str(self.folder / "settings"),
            "-rc",
            str(self.folder / "commands"),
        ]
        nothing = subprocess.DEVNULL
        variables = dict(os.environ, TERM="linux")
        self._process = subprocess.Popen(
            command, stdin=nothing, stdout=nothing, stderr=nothing, env=variables
        )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        """Everything on the serial line so far."""
        path = self.folder / "serial"
        return path.read_text(errors="replace").replace("\r", "") if path.is_file() else ""

    def ended(self) -> list[Ended]:
        """The programs that have run."""
        return [Ended(found["line"], found["output"], found["end"]) for found in RUN.finditer(self.said())]

    def running(self) -> bool:
        """Tell what has ended since the last call; false when the machine is off."""
        assert self._process is not None
        off = self._process.poll() is not None or "Kernel panic" in self.said()
        ended = self.ended()
        for program in ended[self._told :]:
            print(f"{self.model}: {program.line}: {program.end}", flush=True)
        self._told = len(ended)
        return not off


def run_all(machines: Sequence[EmulatedMachine], seconds: float) -> None:
    """Side by side until all have switched themselves off; Exit with what a machine said when it did not."""
    begin = time.monotonic()
    try:
        for machine in machines:
            machine.start()
        on = list(machines)
        while on and time.monotonic() - begin < seconds:
            time.sleep(0.5)
            on = [machine for machine in on if machine.running()]
    finally:
        for machine in machines:
            machine.kill()
    for machine in machines:
        if "all programs have run" not in machine.said():
            told = f"{machine.model}: not at its end after {time.monotonic() - begin:.0f} s of at most {seconds:.0f}"
            raise Exit(f"{told}:\n{machine.said()}\n{(machine.folder / 'log')} has more", code=1)
