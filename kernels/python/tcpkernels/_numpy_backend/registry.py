"""Reading a registry file: one pass, the first fault ends it, nothing is kept of a file that has one.

The order of the checks and the offsets are those of the C library (``tcpk/registry.h``), so that every backend gives
the same verdict on the same bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Dict, List, NoReturn, Tuple

import numpy as np

from .. import _tcpdb as db
from .._errors import RegistryError
from .._types import DESCRIPTOR_SIZE

if TYPE_CHECKING:
    from .._types import U8, U64

_MIN_RECORD = db.LENGTH.size + DESCRIPTOR_SIZE


def _fail(kind: str, offset: int, reason: str) -> NoReturn:
    raise RegistryError(kind, reason, offset)


class _Reader:
    """The bytes of a file and what has been read of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.names: List[bytes] = []
        self.descriptors: List[bytes] = []
        self.starts: List[int] = []
        self.digests: List[bytes] = []

    def take(self, size: int, at: int, what: str) -> bytes:
        """``size`` bytes from ``at``; the file must hold them all."""
        left = len(self.data) - at
        if left < size:
            _fail("truncated", at, f"truncated: {what} takes {size} bytes, {max(left, 0)} are left")
        return self.data[at : at + size]

    def header(self) -> Tuple[int, int, int, int, int]:
        """(version, count, time, index size, header size)."""
        data = self.data
        if data[:5] != db.MAGIC[: len(data)]:
            _fail("magic", 0, f"magic is {data[:5].hex(' ')}; allowed: {db.MAGIC.hex(' ')}")
        self.take(5, 0, "the magic")
        version = self.take(1, 5, "the version")[0]
        if version not in (1, 2):
            _fail("version", 5, f"version is {version}; allowed: 1 or 2")
        count: int = struct.unpack(">I", self.take(4, 6, "the count"))[0]
        time, index_size, size = 0, 0, db.HEADER_1.size
        if version == 2:
            (time,) = struct.unpack(">Q", self.take(8, 10, "the time"))
            (index_size,) = struct.unpack(">I", self.take(4, 18, "the index size"))
            size = db.HEADER_2.size
        most = (len(data) - size) // _MIN_RECORD
        if count > most:
            _fail("count", 6, f"count is {count}; allowed: at most {most} in a file of {len(data)} bytes")
        return version, count, time, index_size, size

    def record(self, at: int) -> int:
        """Read the record at ``at`` and give the offset behind it."""
        (length,) = db.LENGTH.unpack(self.take(2, at, "a name length"))
        name = self.take(length, at + 2, "a name")
        try:
            name.decode("utf-8")
        except UnicodeDecodeError as error:
            _fail("utf8", at + 2, f"name is not UTF-8 (byte {error.start}: {error.reason}); allowed: UTF-8")
        start: int = at + 2 + length
        descriptor = self.take(DESCRIPTOR_SIZE, start, "a descriptor")
        digest = db.name_digest(name)
        self.check_descriptor(descriptor, digest, start)
        self.names.append(name)
        self.descriptors.append(descriptor)
        self.starts.append(at)
        self.digests.append(digest)
        return start + DESCRIPTOR_SIZE

    @staticmethod
    def check_descriptor(descriptor: bytes, digest: bytes, at: int) -> None:
        """Magic, version, checksum and the hash of the name it stands for."""
        magic, version, command, *_, checksum = db.DESCRIPTOR.unpack(descriptor)
        total = sum(descriptor[:22]) & 0xFFFF
        if magic != db.DESCRIPTOR_MAGIC:
            _fail(
                "descriptor",
                at,
                f"descriptor magic is {magic.hex(' ')}; allowed: {db.DESCRIPTOR_MAGIC.hex(' ')}",
            )
        if version != db.DESCRIPTOR_VERSION:
            _fail("descriptor", at + 4, f"descriptor version is {version}; allowed: {db.DESCRIPTOR_VERSION}")
        if checksum != total:
            _fail("descriptor", at + 22, f"descriptor checksum is {checksum}; allowed: {total}")
        if command != digest[:4]:
            _fail(
                "descriptor",
                at + 6,
                f"command hash is {command.hex()}; allowed: {digest[:4].hex()}, that of the name",
            )

    def check_duplicates(self) -> None:
        """No name twice."""
        first: Dict[bytes, int] = {}
        for name, start in zip(self.names, self.starts):
            if name in first:
                _fail(
                    "duplicate",
                    start,
                    f"duplicate name {name.decode()!r}, first at {first[name]}; allowed: each name once",
                )
            first[name] = start

    def check_index(self, at: int) -> None:
        """The index from ``at`` to the end of the file names every record, sorted, with its offset."""
        for i in sorted(range(len(self.names)), key=self.names.__getitem__):
            name, start = self.names[i], self.starts[i]
            length = int.from_bytes(self.data[at : at + 2], "big")
            after = at + 2 + length
            if len(self.data) < after + 8:
                _fail("index", at, f"index ends inside an entry; allowed: an entry for {name.decode()!r}")
            found = self.data[at + 2 : after]
            if found != name:
                _fail("index", at, f"index names {found!r}; allowed: {name!r}, the next record by name")
            (offset,) = db.OFFSET.unpack_from(self.data, after)
            if offset != start:
                _fail("index", after, f"index offset of {name.decode()!r} is {offset}; allowed: {start}")
            at = after + 8
        if at != len(self.data):
            _fail("index", at, f"index has {len(self.data) - at} bytes after its last entry; allowed: none")


class Registry:
    """The content of a registry file; raises RegistryError for any fault in it."""

    def __init__(self, data: bytes) -> None:
        reader = _Reader(data)
        version, count, time, index_size, at = reader.header()
        for _ in range(count):
            at = reader.record(at)
        reader.check_duplicates()
        left = len(data) - at
        if version == 1 and left:
            _fail("count", at, f"{left} bytes after the last of {count} records; allowed: none")
        if version == 2:
            if left != index_size:
                _fail(
                    "index size",
                    18,
                    f"index size is {index_size}; allowed: {left}, the bytes after the records",
                )
            reader.check_index(at)
        self.version = version
        self.time = time
        self._raw = b"".join(reader.descriptors)
        self._digests = b"".join(digest[:8] for digest in reader.digests)
        self._names = [name.decode() for name in reader.names]

    def names(self) -> List[str]:
        """The names in the file's order."""
        return self._names

    def descriptors(self) -> U8:
        """uint8[n, 24] in the file's order."""
        flat: U8 = np.frombuffer(self._raw, np.uint8).copy()
        return flat.reshape(-1, DESCRIPTOR_SIZE)

    def keys(self) -> U64:
        """uint64[n] in the file's order."""
        return np.frombuffer(self._digests, ">u8").astype(np.uint64)
