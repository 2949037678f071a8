"""The files of a ring, without the C library: making a memfd, checking its geometry, roles. See docs/ring.md."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from typing import NamedTuple

import numpy as np

from .._errors import RingError
from .._types import RING_READERS, RING_WRITER

READERS_AT, SLOTS_AT = 4096, 8192
SLOT = np.dtype(
    [
        ("sequence", np.uint32),
        ("agent", np.uint32),
        ("key", np.uint64),
        ("descriptor", np.uint8, 24),
        ("features", np.uint8, 24),
    ]
)
_MAGIC = int.from_bytes(b"TCPKRING", "little")
_GEOMETRY = struct.Struct("=QIIQQII")
_HUGE = 2 << 20
_INFO = 0x8028F701  # TCPK_RING_INFO: _IOR(0xF7, 1, 40 bytes)
ATTACH_WRITER, ATTACH_READER, WAKE = 0xF702, 0x8004F703, 0xF705


class Geometry(NamedTuple):
    """``struct tcpk_ring_geometry``."""

    magic: int
    version: int
    slot_bytes: int
    slots: int
    bytes: int
    readers: int
    page_bytes: int


def _size(slots: int, page: int) -> int:
    return -(-(SLOTS_AT + slots * SLOT.itemsize) // page) * page


def _checked(raw: bytes) -> Geometry:
    geometry = Geometry(*_GEOMETRY.unpack(raw))
    page, slots = geometry.page_bytes, geometry.slots
    if geometry.magic != _MAGIC:
        raise RingError("layout", f"magic is {geometry.magic:#018x}; a ring begins with {_MAGIC:#018x}")
    for name, allowed in (("version", 1), ("slot_bytes", SLOT.itemsize), ("readers", RING_READERS)):
        if getattr(geometry, name) != allowed:
            raise RingError("layout", f"{name} is {getattr(geometry, name)}; allowed: {allowed}")
    if not 4096 <= page <= 1 << 30 or page & (page - 1):
        raise RingError("layout", f"page_bytes is {page}; allowed: a power of two, from 4096")
    if not 64 <= slots <= 1 << 24 or slots & (slots - 1):
        raise RingError("layout", f"slots is {slots}; allowed: a power of two, 64 to 16777216")
    if geometry.bytes != _size(slots, page):
        raise RingError("layout", f"bytes is {geometry.bytes}; {slots} slots take {_size(slots, page)}")
    return geometry


def create(slots: int) -> int:
    """A sealed memfd of ordinary pages."""
    page = os.sysconf("SC_PAGESIZE")
    size = _size(slots, page)
    file = os.memfd_create("tcpk_ring", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(file, size)
        os.posix_fallocate(file, 0, size)
        os.pwrite(file, _GEOMETRY.pack(_MAGIC, 1, SLOT.itemsize, slots, size, RING_READERS, page), 0)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except BaseException:
        os.close(file)
        raise
    return file


def is_device(file: int) -> bool:
    """Whether the file is a device, and else a memfd."""
    return stat.S_ISCHR(os.fstat(file).st_mode)


def geometry_of(file: int) -> Geometry:
    """What lies in the file, checked; RingError "layout" when it is no ring."""
    if is_device(file):
        raw = bytearray(_GEOMETRY.size)
        try:
            fcntl.ioctl(file, _INFO, raw)
        except OSError as error:
            raise RingError("layout", f"the device is no ring: {error.strerror}") from error
        return _checked(bytes(raw))
    try:
        sealed = fcntl.fcntl(file, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK
    except OSError:
        sealed = 0
    if not sealed:
        raise RingError("layout", "the file is no memfd sealed against shrinking")
    raw_bytes = os.pread(file, _GEOMETRY.size, 0)
    if len(raw_bytes) < _GEOMETRY.size:
        raise RingError("layout", f"the file has {len(raw_bytes)} bytes, too few for a ring")
    geometry = _checked(raw_bytes)
    about = os.fstat(file)
    page = _HUGE if geometry.page_bytes == about.st_blksize == _HUGE else os.sysconf("SC_PAGESIZE")
    if (geometry.bytes, geometry.page_bytes) != (about.st_size, page):
        raise RingError(
            "layout",
            f"bytes is {geometry.bytes} in pages of {geometry.page_bytes}; "
            f"the file has {about.st_size} in pages of {page}",
        )
    return geometry


def lock(file: int, byte: int, kind: int = fcntl.F_WRLCK) -> bool:
    """Take (or, with F_UNLCK, drop) the lock of a byte; False when another has it."""
    # struct flock, native alignment
    request = struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, request)
    except BlockingIOError:
        return False
    return True


def take_role(file: int, device: bool, role: int) -> int:
    """Take a role for an open file; gives a reader's number."""
    busy = RingError(
        "busy",
        "the ring has a writer; allowed: 1"
        if role == RING_WRITER
        else f"all places of readers are taken; allowed: {RING_READERS}",
    )
    if device:
        number = bytearray(4)
        try:
            fcntl.ioctl(file, ATTACH_WRITER if role == RING_WRITER else ATTACH_READER, number)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise busy from error
            raise
        return int.from_bytes(number, "little")
    for byte in (RING_READERS,) if role == RING_WRITER else range(RING_READERS):
        if lock(file, byte):
            return byte
    raise busy
