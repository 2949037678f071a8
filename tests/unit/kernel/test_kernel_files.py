"""Values below /sys and /proc: compared by meaning, written once, read back; interrupts moved or listed."""

from __future__ import annotations

from pathlib import Path

import kernel_files as kernel
import pytest


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("enabled", "always [madvise] never", "madvise"),
        ("default_smp_affinity", "0000,00000003", "3"),
        ("cpumask", "00000000", "0"),
        ("run", "0\n", "0"),
        ("nr_hugepages", "0010", "0010"),
        ("sched", "1\t2", "1 2"),
    ],
)
def test_a_value_has_one_form(name: str, text: str, value: str) -> None:
    assert kernel.normal(f"/sys/{name}", text) == value


def test_a_value_that_differs_is_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("1")
    change = kernel.set_value("ksm", str(path), "0", dry=False)
    assert (change.before, change.after, change.reached, path.read_text()) == ("1", "0", True, "0")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("1")
    change = kernel.set_value("ksm", str(path), "0", dry=True)
    assert (change.before, change.wanted, path.read_text()) == ("1", "0", "1")


def test_a_value_that_is_there_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "cpumask"
    path.write_text("0000,00000003")
    assert kernel.set_value("workqueue", str(path), "3", dry=False).reached
    assert path.read_text() == "0000,00000003"


def test_what_the_kernel_keeps_is_a_shortfall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "nr_hugepages"
    path.write_text("0")
    monkeypatch.setattr(kernel, "write", lambda name, value: path.write_text("7"))
    change = kernel.set_value("node0", str(path), "512", dry=False)
    assert (change.wanted, change.after, change.reached) == ("512", "7", False)


def test_a_file_that_is_not_there_is_an_error_with_its_reason(tmp_path: Path) -> None:
    change = kernel.set_value("node9", str(tmp_path / "absent"), "1", dry=False)
    assert not change.reached
    assert change.error == "No such file or directory"


@pytest.fixture
def interrupts(tmp_path: Path) -> Path:
    for irq, cpus, handler in ((0, "0-3", "timer"), (24, "0-3", "eth0"), (25, "0", "eth1"), (26, "0-3", "")):
        folder = tmp_path / str(irq)
        (folder / handler).mkdir(parents=True)
        (folder / "smp_affinity_list").write_text(cpus)
    (tmp_path / "default_smp_affinity").write_text("f")
    return tmp_path


def move(root: Path, irq: int, dry: bool = False) -> kernel.Move | None:
    return kernel.move_interrupt(irq, "0-1", frozenset({0, 1}), dry, str(root))


def test_interrupts_are_the_numbered_folders(interrupts: Path) -> None:
    assert kernel.interrupts(str(interrupts)) == [0, 24, 25, 26]


def test_an_interrupt_is_moved(interrupts: Path) -> None:
    assert move(interrupts, 24) == (24, "eth0", "0-3", "0-1", "")
    assert (interrupts / "24/smp_affinity_list").read_text() == "0-1"


def test_a_dry_run_leaves_an_interrupt_where_it_is(interrupts: Path) -> None:
    assert move(interrupts, 24, dry=True) == (24, "eth0", "0-3", "0-3", "")
    assert (interrupts / "24/smp_affinity_list").read_text() == "0-3"


@pytest.mark.parametrize("irq", [25, 26, 99], ids=["confined further", "used by nobody", "gone"])
def test_an_interrupt_that_need_not_move_is_left_alone(interrupts: Path, irq: int) -> None:
    assert move(interrupts, irq) is None


@pytest.mark.parametrize("dry", [False, True])
def test_an_immovable_interrupt_is_listed(
    interrupts: Path, monkeypatch: pytest.MonkeyPatch, dry: bool
) -> None:
    def refuse(path: str, value: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(kernel, "write", refuse)
    assert move(interrupts, 0, dry) == (0, "timer", "0-3", "0-3", "Input/output error")
