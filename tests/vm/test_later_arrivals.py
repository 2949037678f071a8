"""What starts after the provisioning keeps to its rules: processes, sessions, and devices that come up anew."""

from __future__ import annotations

from tests.host.cpus import expand
from tests.host.state import State
from tests.vm.machine import Machine

# The drivers of a device that nothing depends on, by the bus's folder and the pattern of its devices.
SPARE = (("/sys/bus/pci/drivers/ahci", "0000:*"), ("/sys/bus/virtio/drivers/virtio_rng", "virtio*"))


def test_a_process_that_starts_now_stays_off_the_isolated_cpus(machine: Machine, sound: State) -> None:
    show = "grep Cpus_allowed_list: /proc/self/status"
    said = machine.root(f"{show}\nsystemd-run --quiet --pipe --wait {show}").splitlines()
    assert [expand(line.split()[1]) for line in said] == [expand(sound.plan["housekeeping_cpus"])] * 2


def test_an_interrupt_that_comes_later_stays_off_the_isolated_cpus(machine: Machine, sound: State) -> None:
    """A driver that lets go of its device and takes it again asks for its interrupts anew."""
    taken = machine.root("\n".join(rebind(driver, devices) for driver, devices in SPARE)).split()
    assert taken, "no device here can be taken from its driver"
    interrupts = machine.state(sound.plan, ("kernel",)).raw["interrupts"]
    anew = [
        entry
        for entry in interrupts
        if any(word in handler for handler in entry["handlers"] for word in taken)
    ]
    assert anew, f"{taken} asked for no interrupt"
    allowed = expand(sound.plan["irq_cpus"])
    assert [entry for entry in anew if not expand(entry["cpus"]) <= allowed] == []


def rebind(driver: str, devices: str) -> str:
    """Shell that rebinds the driver's first device, and prints what its interrupts are called after."""
    return (
        f"device=$(cd {driver} 2>/dev/null && ls -d {devices} 2>/dev/null | head -n 1)\n"
        f'if [ -n "$device" ]; then echo $device >{driver}/unbind; echo $device >{driver}/bind; echo $device; fi'
    )
