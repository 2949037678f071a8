"""Registries of descriptors and the table that answers lookups from them."""

from __future__ import annotations

import os
import secrets
import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Mapping, Optional, Tuple, Union

import numpy as np

from . import _checks, _tcpdb
from ._backend import backend
from ._types import DESCRIPTOR_SIZE, Risk

if TYPE_CHECKING:
    from ._types import U8, U64, Bool

    Entry = Union[Risk, int, str, Mapping[str, Any]]
    Policy = Union[Risk, int, str, Mapping[str, Entry], Callable[[str], Entry]]

_U64_MAX = 0xFFFFFFFFFFFFFFFF
_FIELDS = {"risk": 0, "flags": 0, "execution_ms": 0xFFFFFFFF, "memory_mb": 0xFFFF, "output_kb": 0xFFFF}
_DEFAULTS = {"execution_ms": 0, "memory_mb": 0, "output_kb": 0}


def _encode(name: object) -> bytes:
    if not isinstance(name, str):
        raise TypeError(f"name is {name!r} ({type(name).__name__}); allowed: str")
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"name {name!r} cannot be written as UTF-8 ({error.reason}); allowed: UTF-8"
        ) from None
    if len(encoded) > _tcpdb.MAX_NAME:
        raise ValueError(
            f"name {name[:40]!r}... has {len(encoded)} bytes; allowed: at most {_tcpdb.MAX_NAME}"
        )
    return encoded


def key(name: str) -> int:
    """The lookup key of a command name: the first 8 bytes of its MD5, big-endian.

    Raises TypeError for another type than str, ValueError for a name that is not UTF-8 or longer than 65535 bytes.

    >>> hex(key("ls"))
    '0x44ba5ca65651b4f3'
    """
    return backend().key(_encode(name))


def _risk_flags(name: str, risk: object) -> int:
    if isinstance(risk, str):
        if risk.upper() in Risk.__members__:
            return int(Risk[risk.upper()])
    elif not isinstance(risk, bool) and hasattr(risk, "__index__"):
        return _checks.integer(f"policy of {name!r}: flags", risk, 0, 0xFFFFFFFF)
    raise ValueError(f"policy of {name!r}: risk is {risk!r}; allowed: {', '.join(Risk.__members__)} or flags")


def _descriptor(name: str, encoded: bytes, entry: Entry) -> bytes:
    """The descriptor that a policy's entry asks for."""
    if not isinstance(entry, Mapping):
        return _tcpdb.pack_descriptor(encoded, _risk_flags(name, entry), **_DEFAULTS)
    unknown = sorted(set(entry) - set(_FIELDS))
    if unknown:
        raise ValueError(f"policy of {name!r} has {unknown[0]!r}; allowed: {', '.join(_FIELDS)}")
    flags = _risk_flags(name, entry["risk"]) if "risk" in entry else 0
    flags |= _checks.integer(f"policy of {name!r}: flags", entry.get("flags", 0), 0, 0xFFFFFFFF)
    numbers = {
        field: _checks.integer(f"policy of {name!r}: {field}", entry.get(field, default), 0, _FIELDS[field])
        for field, default in _DEFAULTS.items()
    }
    return _tcpdb.pack_descriptor(encoded, flags, **numbers)


def _entry_for(name: str, policy: Policy) -> Entry:
    """What the policy says of a name."""
    if callable(policy):
        return policy(name)
    if isinstance(policy, Mapping):
        if name not in policy:
            raise ValueError(f"policy has no entry for {name!r}; allowed: one for each name")
        entry: Entry = policy[name]
        return entry
    return policy


class Registry:
    """Commands and their descriptors, as a TCPDB file holds them. Immutable.

    >>> policy = {"ls": "SAFE", "rm": {"risk": "CRITICAL", "memory_mb": 4}}
    >>> registry = Registry.from_commands(["ls", "rm"], policy, time=0)
    >>> registry
    <Registry of 2 commands>
    >>> registry.names
    ['ls', 'rm']
    >>> registry.descriptors.shape, registry.keys.dtype
    ((2, 24), dtype('uint64'))
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._raw = backend().Registry(data)
        self._keys: U64 = self._raw.keys()
        self._descriptors: U8 = self._raw.descriptors()
        self._keys.flags.writeable = False
        self._descriptors.flags.writeable = False

    @classmethod
    def load(cls, path: Union[str, os.PathLike[str]]) -> Registry:
        """Read a TCPDB file, version 1 or 2. Raises RegistryError with the fault's offset, OSError as ``open`` does."""
        return cls(Path(path).read_bytes())

    @classmethod
    def from_bytes(cls, data: Union[bytes, bytearray, memoryview]) -> Registry:
        """Read the bytes of a TCPDB file; they are copied.

        >>> Registry.from_bytes(b"TCPDB" + bytes([3]) + bytes(16))
        Traceback (most recent call last):
        tcpkernels.RegistryError: version is 3; allowed: 1 or 2, at offset 5
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data is {type(data).__name__}; allowed: bytes, bytearray or memoryview")
        return cls(bytes(data))

    @classmethod
    def from_commands(cls, names: Iterable[str], policy: Policy, time: Optional[int] = None) -> Registry:
        """Make a registry of names, in their order.

        ``policy`` gives each name an entry: a mapping of name to entry, a callable from name to entry, or one risk
        level for all. An entry is a risk level (``Risk.HIGH`` or ``"high"``), the whole security flags as an integer
        from 0 to 2**32-1, or a mapping with any of ``risk``, ``flags`` (or-ed to the risk), ``execution_ms``,
        ``memory_mb``, ``output_kb`` (0 when left out). ``time`` is the file's unix time, the present when left out.
        Raises ValueError for a name given twice, a name without entry, and numbers that their field cannot hold.

        >>> Registry.from_commands(["ls"], lambda name: 0x401).descriptors[0, 10:14].tolist()
        [0, 0, 4, 1]
        >>> Registry.from_commands(["ls", "ls"], "SAFE")
        Traceback (most recent call last):
        ValueError: name 'ls' is given twice; allowed: once
        """
        stamp = int(clock.time()) if time is None else _checks.integer("time", time, 0, _U64_MAX)
        records: List[Tuple[bytes, bytes]] = []
        seen = set()
        if isinstance(names, (str, bytes)):
            raise TypeError(f"names is {names!r}; allowed: a sequence of names")
        for name in names:
            encoded = _encode(name)
            if encoded in seen:
                raise ValueError(f"name {name!r} is given twice; allowed: once")
            seen.add(encoded)
            records.append((encoded, _descriptor(name, encoded, _entry_for(name, policy))))
        return cls(_tcpdb.pack_file(records, stamp))

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Write a TCPDB file, version 2, in one step: a reader sees the old file or the new one, never a part.

        What was read from a version 2 file is written back byte for byte.
        """
        target = Path(path)
        scratch = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        try:
            with scratch.open("xb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(target)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise

    def to_bytes(self) -> bytes:
        """The bytes that ``save`` writes."""
        if self.version == 2:
            return self._data
        rows = self._descriptors
        return _tcpdb.pack_file(
            [(n.encode(), rows[i].tobytes()) for i, n in enumerate(self.names)], self.time
        )

    @property
    def names(self) -> List[str]:
        """The names in the order of the records; a new list each time."""
        return list(self._raw.names())

    @property
    def descriptors(self) -> U8:
        """uint8[n, 24], read-only, in the order of the records."""
        return self._descriptors

    @property
    def keys(self) -> U64:
        """uint64[n], read-only, in the order of the records."""
        return self._keys

    @property
    def time(self) -> int:
        """Unix time of the file; 0 for a version 1 file, which has none."""
        return int(self._raw.time)

    @property
    def version(self) -> int:
        """Version of the file that was read; 2 for a registry made of commands."""
        return int(self._raw.version)

    def __len__(self) -> int:
        return int(self._keys.size)

    def __repr__(self) -> str:
        return f"<Registry of {len(self)} commands>"


class LookupTable:
    """Descriptors by 64-bit key. Immutable, and safe to use from many threads.

    Raises ValueError naming both when two names have an equal key.

    >>> table = LookupTable(Registry.from_commands(["ls", "rm"], {"ls": "SAFE", "rm": "CRITICAL"}))
    >>> table.lookup(key("ls"))[10:14]
    b'\\x00\\x00\\x00\\x01'
    >>> table.lookup(key("cat")) is None
    True
    >>> table.decide_many([key("ls"), key("rm"), key("cat")])
    array([0, 3, 2], dtype=uint8)
    """

    def __init__(self, registry: Registry) -> None:
        if not isinstance(registry, Registry):
            raise TypeError(f"registry is {type(registry).__name__}; allowed: Registry")
        self._raw = backend().Table(registry._raw)
        self._size = len(registry)

    def lookup(self, key: int) -> Optional[bytes]:
        """The 24 bytes of the descriptor, or None when the table has no such key."""
        return self._raw.find(_checks.integer("key", key, 0, _U64_MAX))

    def lookup_constant_time(self, key: int) -> Optional[bytes]:
        """As ``lookup``; no branch and no address in the kernel depends on the key.

        That holds for the C library; the interpreter around it, and the numpy backend, give no such guarantee.
        """
        return self._raw.find_constant_time(_checks.integer("key", key, 0, _U64_MAX))

    def lookup_many(self, keys: U64, out: Optional[Tuple[U8, Bool]] = None) -> Tuple[U8, Bool]:
        """Descriptors uint8[n, 24] and whether each key was found, bool[n]; zeros where not. ``out`` is such a pair."""
        checked = _checks.whole("keys", keys, np.uint64, ("n",))
        n = checked.size
        result = _checks.outputs(
            ("descriptors", "found"), out, (np.uint8, np.bool_), ((n, DESCRIPTOR_SIZE), (n,)), checked
        )
        self._raw.find_many(checked, *result)
        return result

    def decide_many(self, keys: U64, out: Optional[U8] = None) -> U8:
        """Decisions uint8[n] of the keys' descriptors; an unknown key is REQUIRE_APPROVAL."""
        checked = _checks.whole("keys", keys, np.uint64, ("n",))
        result = _checks.output("out", out, np.uint8, (checked.size,), checked)
        self._raw.decide_many(checked, result)
        return result

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<LookupTable of {len(self)} keys>"
