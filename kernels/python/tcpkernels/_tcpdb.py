"""The layout of descriptors and registry files, and the writer of both (the readers are the backends').

Sizes and offsets are bytes; every integer is big-endian.
"""

from __future__ import annotations

import hashlib
import struct
from typing import List, Sequence, Tuple

MAGIC = b"TCPDB"
DESCRIPTOR_MAGIC = b"TCP\x02"
DESCRIPTOR_VERSION = 2

HEADER_1 = struct.Struct(">5sBI")
HEADER_2 = struct.Struct(">5sBIQI")
DESCRIPTOR = struct.Struct(">4sH4sIIHHH")
LENGTH = struct.Struct(">H")
OFFSET = struct.Struct(">Q")

MAX_NAME = 0xFFFF


def name_digest(name: bytes) -> bytes:
    """MD5 of a command name; a key, not a secret, so its weakness as a signature does not matter here."""
    return hashlib.md5(name, usedforsecurity=False).digest()


def name_key(name: bytes) -> int:
    """The 64-bit lookup key of a name.

    >>> hex(name_key(b"ls"))
    '0x44ba5ca65651b4f3'
    """
    return int.from_bytes(name_digest(name)[:8], "big")


def pack_descriptor(name: bytes, flags: int, execution_ms: int, memory_mb: int, output_kb: int) -> bytes:
    """The 24 bytes of a descriptor, its checksum included."""
    body = DESCRIPTOR.pack(
        DESCRIPTOR_MAGIC,
        DESCRIPTOR_VERSION,
        name_digest(name)[:4],
        flags,
        execution_ms,
        memory_mb,
        output_kb,
        0,
    )[:-2]
    return body + LENGTH.pack(sum(body) & 0xFFFF)


def pack_file(records: Sequence[Tuple[bytes, bytes]], time: int) -> bytes:
    """A registry file, version 2, of (name, descriptor) pairs in the order given.

    >>> len(pack_file([(b"ls", pack_descriptor(b"ls", 1, 10, 1, 1))], 0))
    62
    """
    parts: List[bytes] = []
    index: List[Tuple[bytes, int]] = []
    position = HEADER_2.size
    for name, descriptor in records:
        index.append((name, position))
        parts += (LENGTH.pack(len(name)), name, descriptor)
        position += LENGTH.size + len(name) + len(descriptor)
    index.sort()
    table = b"".join(LENGTH.pack(len(name)) + name + OFFSET.pack(offset) for name, offset in index)
    return HEADER_2.pack(MAGIC, 2, len(records), time, len(table)) + b"".join(parts) + table
