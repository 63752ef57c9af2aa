"""Arrays of a model as they come out of bytes: bounded, of known types, refused by name otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sealtrail.contract.errors import InvalidModelError

Arrays = Mapping[str, NDArray[Any]]

TYPES = frozenset({"<f8", "<i4"})
MOST_NUMBERS = 100_000
"""In one array; more than any scorer here needs."""


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """One array: NumPy type, shape, and its bytes in C order."""

    type: str
    shape: tuple[int, ...]
    data: bytes


def pack(array: NDArray[Any]) -> Packed:
    kind = "<i4" if array.dtype.kind == "i" else "<f8"
    return Packed(kind, array.shape, np.ascontiguousarray(array, kind).tobytes())


def unpack(name: str, packed: Packed) -> NDArray[Any]:
    """The array. Reasons: ``bad_array_type``, ``bad_array_shape``, ``not_finite``."""
    if packed.type not in TYPES:
        raise InvalidModelError("bad_array_type", f"{name}: {packed.type!r}")
    size = 1
    for length in packed.shape:
        if not 0 < length <= MOST_NUMBERS:
            raise InvalidModelError("bad_array_shape", f"{name}: {packed.shape}")
        size *= length
    if not 1 <= len(packed.shape) <= 2 or size > MOST_NUMBERS:  # noqa: PLR2004 (vectors and matrices)
        raise InvalidModelError("bad_array_shape", f"{name}: {packed.shape}")
    if len(packed.data) != size * np.dtype(packed.type).itemsize:
        raise InvalidModelError("bad_array_shape", f"{name}: {len(packed.data)} bytes for {packed.shape}")
    found = np.frombuffer(packed.data, packed.type).reshape(packed.shape)
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise InvalidModelError("not_finite", name)
    return found


def of_shape(arrays: Arrays, name: str, *shape: int | None, kind: str = "f") -> NDArray[Any]:
    """The array of that name; None in the shape stands for any length. Reasons as for `unpack`."""
    found = arrays.get(name)
    if found is None:
        raise InvalidModelError("array_missing", name)
    if found.dtype.kind != kind:
        raise InvalidModelError("bad_array_type", f"{name}: {found.dtype}")
    fits = found.ndim == len(shape) and all(
        wanted in (None, length) for wanted, length in zip(shape, found.shape, strict=True)
    )
    if not fits:
        raise InvalidModelError("bad_array_shape", f"{name}: {found.shape}, wanted {shape}")
    return found
