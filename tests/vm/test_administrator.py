"""The administrator's own settings: arguments that say nothing of ours are kept, those that undo ours are named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host.cpus import expand
from tests.host.state import GRUB_MENU, State, grub_entries
from tests.vm.machine import Machine
from tests.vm.mutants.shell import FUNCTIONS, UNDO, put

GRUB = "/etc/default/grub"
OTHER_DROP_IN = "/etc/default/grub.d/90-site.cfg"
SYSTEMD_BOOT = "/etc/kernel/cmdline"


@pytest.fixture
def mended(machine: Machine) -> Iterator[None]:
    """Whatever the test changes is undone."""
    yield
    machine.root(UNDO)


def append(path: str, argument: str) -> str:
    line = f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {argument}"'
    return f"spare {path}; printf '%s\\n' '{line}' >>{path}"


def test_what_the_administrator_set_is_kept(machine: Machine, sound: State) -> None:
    """Whatever stood on the line before, root and console among it, stands there still."""
    words = machine.read("/proc/cmdline")[0].split()
    theirs = machine.root(f'. {GRUB}; echo "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"').split()
    assert theirs, f"{GRUB} has no argument that could be kept"
    assert set(theirs) <= set(words)
    for entry, found in grub_entries(machine.read(GRUB_MENU)[0]).items():
        assert set(theirs) <= set(found), entry


@pytest.mark.usefixtures("mended")
def test_arguments_that_undo_ours_are_named_before_anything_changes(machine: Machine, sound: State) -> None:
    first = min(expand(sound.plan["isolated_cpus"]))
    theirs = {
        GRUB: f"isolcpus={first},1000",
        OTHER_DROP_IN: "nohz_full=1000",
        SYSTEMD_BOOT: "irqaffinity=1000",
    }
    steps = [append(GRUB, theirs[GRUB]), append(OTHER_DROP_IN, theirs[OTHER_DROP_IN])]
    machine.root("\n".join([FUNCTIONS, *steps, put(SYSTEMD_BOOT, theirs[SYSTEMD_BOOT])]))
    look = "find /etc /boot /var/lib/tcp-performance -xdev -type f -printf '%p %m %u %g %T@\\n' | sort | sha256sum"
    before = machine.root(look)
    run = machine.play("site")
    assert run.returncode == 2, run.stdout
    assert "Nothing was changed. The host can not fulfil this:" in run.stdout
    for path, argument in theirs.items():
        assert f"the administrator set {argument} in {path}" in " ".join(run.stdout.split())
    assert machine.root(look) == before


def test_another_kernels_entry_has_our_arguments_too(machine: Machine, sound: State) -> None:
    """The package's own hooks write the entry; nobody has to think of it."""
    package = "linux-image-cloud-amd64"
    before = grub_entries(machine.read(GRUB_MENU)[0])
    # Nobody boots it, so it needs no initial file system, which takes an emulated processor a minute, and no file of it
    # has to be on the disk at once.
    quiet = (
        "INITRD=No DEBIAN_FRONTEND=noninteractive "
        "apt-get -qq --no-install-recommends --yes -o DPkg::Options::=--force-unsafe-io"
    )
    new = machine.root(
        f"apt-cache depends {package} | sed -n 's/.*Depends: *\\(linux-image-[0-9].*\\)/\\1/p'"
    )
    assert new
    try:
        machine.root(f"{quiet} install {new} >/dev/null 2>&1")
        after = grub_entries(machine.read(GRUB_MENU)[0])
        added = {where: words for where, words in after.items() if new.partition("image-")[2] in where}
        assert added
        assert len(after) > len(before)
        for where, words in added.items():
            assert set(sound.plan["boot_arguments"]) <= set(words), where
    finally:
        machine.root(f"{quiet} purge {new} >/dev/null 2>&1")
    assert grub_entries(machine.read(GRUB_MENU)[0]) == before
