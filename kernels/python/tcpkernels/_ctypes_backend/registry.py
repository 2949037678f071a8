"""Registries and lookup tables of the C library."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, List, Optional

import numpy as np

from .._types import DESCRIPTOR_SIZE
from .handle import Owned
from .library import LIB, Error, check

if TYPE_CHECKING:
    from .._types import U8, U64, Bool


class Registry(Owned):
    """The content of a registry file; raises RegistryError for any fault in it."""

    def __init__(self, data: bytes) -> None:
        handle, error = ctypes.c_void_p(), Error()
        check(LIB.tcpk_registry_read(data, len(data), ctypes.byref(handle), ctypes.byref(error)), error)
        self._own(handle, LIB.tcpk_registry_free)
        self._count: int = LIB.tcpk_registry_count(self._handle)
        self.version: int = LIB.tcpk_registry_version(self._handle)
        self.time: int = LIB.tcpk_registry_time(self._handle)

    def names(self) -> List[str]:
        """The names in the file's order."""
        length = ctypes.c_size_t()
        found = []
        for i in range(self._count):
            address = LIB.tcpk_registry_name(self._handle, i, ctypes.byref(length))
            found.append(ctypes.string_at(address, length.value).decode())
        return found

    def descriptors(self) -> U8:
        """uint8[n, 24] in the file's order."""
        raw = ctypes.string_at(LIB.tcpk_registry_descriptors(self._handle), self._count * DESCRIPTOR_SIZE)
        flat: U8 = np.frombuffer(raw, np.uint8).copy()
        return flat.reshape(-1, DESCRIPTOR_SIZE)

    def keys(self) -> U64:
        """uint64[n] in the file's order."""
        raw = ctypes.string_at(LIB.tcpk_registry_keys(self._handle), self._count * 8)
        flat: U64 = np.frombuffer(raw, np.uint64).copy()
        return flat


class Table(Owned):
    """A lookup table; two names with an equal key are an error that names both."""

    def __init__(self, registry: Registry) -> None:
        handle, error = ctypes.c_void_p(), Error()
        check(LIB.tcpk_table_of_registry(registry._handle, ctypes.byref(handle), ctypes.byref(error)), error)
        self._own(handle, LIB.tcpk_table_free)

    def find(self, key: int) -> Optional[bytes]:
        """The descriptor of ``key``."""
        body = LIB.tcpk_table_find(self._handle, key)
        if not body:
            return None
        descriptor = ctypes.create_string_buffer(DESCRIPTOR_SIZE)
        LIB.tcpk_descriptor_complete(body, descriptor)
        return descriptor.raw

    def find_constant_time(self, key: int) -> Optional[bytes]:
        """As ``find``; no branch and no address in the library depends on the key."""
        descriptor = ctypes.create_string_buffer(DESCRIPTOR_SIZE)
        return descriptor.raw if LIB.tcpk_table_find_constant_time(self._handle, key, descriptor) else None

    def find_many(self, keys: U64, descriptors: U8, found: Bool) -> None:
        """Descriptors of many keys; zeros where there is none."""
        LIB.tcpk_table_find_many(
            self._handle, keys.ctypes.data, keys.size, descriptors.ctypes.data, found.ctypes.data
        )

    def decide_many(self, keys: U64, decisions: U8) -> None:
        """Decisions of many keys; an unknown one asks for approval."""
        LIB.tcpk_table_decide_many(self._handle, keys.ctypes.data, keys.size, decisions.ctypes.data)
