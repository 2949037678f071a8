"""Reading and writing registry files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle
import pytest
import tcpkernels
from hypothesis import given
from hypothesis import strategies as st
from tcpkernels import Registry, RegistryError, Risk

NAMES = st.lists(st.text(max_size=40), unique=True, max_size=30)


def fault(data: bytes) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        Registry.from_bytes(data)
    assert str(caught.value).endswith(f"at offset {caught.value.offset}")
    return caught.value


@given(NAMES, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_file_is_that_of_the_specification(names: list[str], flags: int, time: int) -> None:
    made = Registry.from_commands(names, lambda name: flags, time=time)
    assert made.to_bytes() == oracle.file_2(names, flags, time)
    read = Registry.from_bytes(made.to_bytes())
    assert read.names == names
    assert read.keys.tolist() == [oracle.key(name) for name in names]
    assert [row.tobytes() for row in read.descriptors] == [oracle.descriptor(name, flags) for name in names]
    assert (read.time, read.version, len(read)) == (time, 2, len(names))


def test_arrays_have_the_stated_types(registry: Registry) -> None:
    n = len(registry)
    assert registry.descriptors.dtype == np.uint8
    assert registry.descriptors.shape == (n, 24)
    assert registry.keys.dtype == np.uint64
    assert registry.keys.shape == (n,)
    with pytest.raises(ValueError, match="read-only"):
        registry.keys[0] = 1


def test_names_are_a_list_of_ones_own(registry: Registry) -> None:
    registry.names.clear()
    assert len(registry.names) == len(registry)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_version_1_is_read_and_saved_as_version_2(count: int, tmp_path: Path) -> None:
    names = ["b", "a", "c"][:count]
    read = Registry.from_bytes(
        oracle.file_1([oracle.record(name.encode(), oracle.descriptor(name, 2)) for name in names])
    )
    assert (read.names, read.version, read.time) == (names, 1, 0)
    read.save(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == oracle.file_2(names, 2)


def test_save_and_load(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "registry.tcpdb"
    registry.save(path)
    registry.save(str(path))
    assert Registry.load(path).to_bytes() == registry.to_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["registry.tcpdb"]


def test_failed_save_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        registry.save(tmp_path / "taken")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_real_registry_is_written_back_byte_for_byte(real_registry: Path, tmp_path: Path) -> None:
    read = Registry.load(real_registry)
    assert len(read) == 1567
    assert read.keys.tolist() == [oracle.key(name) for name in read.names]
    read.save(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == real_registry.read_bytes()


GOOD = oracle.file_2(["ls", "rm"])
RECORD = 2 + 2 + 24
INDEX = 22 + 2 * RECORD


def patched(at: int, new: bytes, data: bytes = GOOD) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def checked(body: bytes) -> bytes:
    """22 bytes of a descriptor with the checksum they need."""
    return body + (sum(body) % 65536).to_bytes(2, "big")


V1 = oracle.file_1([oracle.record(b"ls", oracle.descriptor("ls", 1))])
LS = oracle.descriptor("ls", 1)

FAULTS = {
    "empty file": (b"", 0, "truncated"),
    "part of the magic": (b"TCP", 0, "truncated"),
    "other magic": (patched(4, b"X"), 0, "magic"),
    "short other magic": (b"TX", 0, "magic"),
    "no version": (b"TCPDB", 5, "truncated"),
    "version 0": (patched(5, b"\0"), 5, "version is 0"),
    "version 3": (patched(5, b"\3"), 5, "version is 3"),
    "part of the count": (GOOD[:9], 6, "truncated"),
    "part of the time": (GOOD[:17], 10, "truncated"),
    "part of the index size": (GOOD[:21], 18, "truncated"),
    "count beyond the file": (patched(6, b"\xff\xff\xff\xff"), 6, "4294967295"),
    "count too small": (patched(6, b"\0\0\0\1"), 18, "index size"),
    "count too large": (patched(6, b"\0\0\0\3"), INDEX + 4, "truncated"),
    "version 1, count too small": (V1 + V1[10:], 10 + RECORD, "28 bytes after the last"),
    "version 1, a byte too many": (V1 + b"\0", 10 + RECORD, "after the last"),
    "version 1, name cut": (V1[:6] + b"\0\0\0\1" + b"\xff\xff" + V1[12:], 12, "truncated"),
    "version 1, descriptor cut": (patched(10, b"\0\3", V1), 15, "truncated"),
    "not UTF-8": (patched(24, b"\xff"), 24, "UTF-8"),
    "overlong UTF-8": (patched(24, b"\xc0\x80"), 24, "UTF-8"),
    "descriptor magic": (patched(26, b"\0"), 26, "descriptor magic"),
    "descriptor version": (patched(30, b"\0\3"), 30, "descriptor version is 3"),
    "descriptor checksum": (patched(26 + 22, b"\0\0"), 26 + 22, "checksum is 0"),
    "another command's descriptor": (patched(26, oracle.descriptor("rm", 1)), 32, "command hash"),
    "index size 0": (patched(18, b"\0\0\0\0"), 18, "index size is 0"),
    "index size beyond the file": (patched(18, b"\xff\xff\xff\xff"), 18, "index size is 4294967295"),
    "a byte after the index": (GOOD + b"\0", 18, "index size"),
    "index cut": (GOOD[:-1], 18, "index size"),
    "index names another": (patched(INDEX + 2, b"lt"), INDEX, "index names"),
    "index entry runs out": (patched(INDEX, b"\xff\xff"), INDEX, "index ends"),
    "index offset": (patched(INDEX + 4, b"\0" * 8), INDEX + 4, "index offset"),
    "duplicate name": (oracle.file_2(["ls", "rm", "ls"]), 22 + 2 * RECORD, "duplicate"),
    "index has too much": (patched(18, b"\0\0\0\x19", GOOD + b"\0"), len(GOOD), "after its last entry"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_refused_with_its_offset(name: str) -> None:
    data, offset, reason = FAULTS[name]
    error = fault(data)
    assert error.offset == offset
    assert reason in str(error)
    assert error.kind in RegistryError.KINDS


def test_index_out_of_order() -> None:
    entries = [b"\0\2ls" + (22).to_bytes(8, "big"), b"\0\2rm" + (22 + RECORD).to_bytes(8, "big")]
    assert GOOD[INDEX:] == b"".join(entries)
    assert fault(GOOD[:INDEX] + entries[1] + entries[0]).offset == INDEX


def test_every_truncation_is_refused() -> None:
    for size in range(len(GOOD)):
        assert fault(GOOD[:size]).offset <= size


def test_several_risk_bits_are_no_fault() -> None:
    assert len(Registry.from_bytes(oracle.file_2(["ls"], 0x1F))) == 1


def test_sort_order_is_that_of_bytes() -> None:
    names = ["z", "é", "\U0001f600", "\uffff", "a", "ab", ""]
    assert Registry.from_bytes(oracle.file_2(names)).names == names


@pytest.mark.parametrize("wrap", [bytearray, memoryview])
def test_other_bytes_are_taken_and_copied(wrap: type) -> None:
    source = bytearray(GOOD)
    read = Registry.from_bytes(wrap(source))
    source[:] = bytes(len(source))
    assert read.to_bytes() == GOOD


@pytest.mark.parametrize("wrong", ["TCPDB", None, 5, [1, 2]])
def test_from_bytes_refuses_other_types(wrong: object) -> None:
    with pytest.raises(TypeError, match="allowed: bytes"):
        Registry.from_bytes(wrong)


def test_load_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Registry.load(tmp_path / "absent")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("critical", oracle.descriptor("ls", 16)),
        (Risk.HIGH, oracle.descriptor("ls", 8)),
        (0x80000401, oracle.descriptor("ls", 0x80000401)),
        ({"ls": "LOW"}, oracle.descriptor("ls", 2)),
        ({"ls": {"risk": "LOW", "flags": 0x400, "output_kb": 7}}, oracle.descriptor("ls", 0x402, output=7)),
        (
            lambda name: {"execution_ms": 2**32 - 1, "memory_mb": 65535},
            oracle.descriptor("ls", 0, 2**32 - 1, 65535),
        ),
    ],
)
def test_policy_forms(policy: object, expected: bytes) -> None:
    assert Registry.from_commands(["ls"], policy).descriptors.tobytes() == expected


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("DANGEROUS", "'DANGEROUS'; allowed: SAFE, LOW"),
        ({}, "no entry for 'ls'"),
        ({"ls": {"memory_mb": 65536}}, "memory_mb is 65536; allowed: 0 to 65535"),
        ({"ls": {"execution_ms": -1}}, "execution_ms is -1; allowed"),
        ({"ls": {"colour": 1}}, "'colour'; allowed: risk"),
        (2**32, "4294967296; allowed: 0 to 4294967295"),
        (None, "None; allowed"),
        (True, "True; allowed"),
    ],
)
def test_wrong_policies(policy: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Registry.from_commands(["ls"], policy)


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        (["ls", "rm", "ls"], ValueError, "'ls' is given twice"),
        (["\ud800"], ValueError, "UTF-8"),
        (["a" * 65536], ValueError, "65536 bytes; allowed: at most 65535"),
        ([b"ls"], TypeError, "allowed: str"),
        ("ls", TypeError, "sequence of names"),
    ],
)
def test_wrong_names(names: list[str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Registry.from_commands(names, "SAFE")


def test_longest_name() -> None:
    name = "ü" * 32767 + "x"
    assert Registry.from_bytes(Registry.from_commands([name], "SAFE").to_bytes()).names == [name]


@given(st.text(max_size=200))
def test_key(name: str) -> None:
    assert tcpkernels.key(name) == oracle.key(name)


@pytest.mark.parametrize("length", [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 128, 65535])
def test_key_of_every_padding(length: int) -> None:
    assert tcpkernels.key("k" * length) == oracle.key("k" * length)


@pytest.mark.parametrize("wrong", [b"ls", None, 3])
def test_key_of_another_type(wrong: object) -> None:
    with pytest.raises(TypeError, match="allowed: str"):
        tcpkernels.key(wrong)
