"""What arro3 holds, as NumPy arrays: through Arrow's C data interface, since arro3 gives no array with nulls.

The interface is a stable ABI (https://arrow.apache.org/docs/format/CDataInterface.html); everything is copied
while the array is alive.
"""

import ctypes
from typing import Any, NamedTuple

import arro3.core as ac
import numpy as np
import numpy.typing as npt


class _ArrowArray(ctypes.Structure):
    """`struct ArrowArray`, up to the last field read here."""

    _fields_ = (
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    )


_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = (ctypes.py_object, ctypes.c_char_p)


class Numbers(NamedTuple):
    """Values of fixed width and which of them are known; what stands in the place of a null is undefined."""

    values: npt.NDArray[Any]
    known: npt.NDArray[np.bool_]


class Texts(NamedTuple):
    """UTF-8 bytes of all strings, and where each starts; one offset more than there are strings."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int32]


def numbers_of(array: ac.Array, dtype: npt.DTypeLike, *, words: int = 1) -> Numbers:
    """Return a column of fixed width; `words` 2 takes the lower half of each 128-bit value."""
    kind = np.dtype(dtype)
    exported, _capsule = _exported(array)
    end = exported.offset + exported.length
    values = _copied(exported.buffers[1], end * words * kind.itemsize).view(kind)[exported.offset * words :: words]
    return Numbers(values, _known(exported))


def flags_of(array: ac.Array) -> npt.NDArray[np.bool_]:
    """Return a column of booleans without nulls."""
    exported, _capsule = _exported(array)
    return _bits(exported.buffers[1], exported.offset, exported.length)


def texts_of(array: ac.Array) -> Texts:
    """Return a text column without nulls."""
    exported, _capsule = _exported(array)
    end = exported.offset + exported.length
    offsets = _copied(exported.buffers[1], (end + 1) * 4).view(np.int32)[exported.offset :]
    if not len(offsets):
        offsets = np.zeros(1, np.int32)
    data = _copied(exported.buffers[2], int(offsets[-1]))[offsets[0] :]
    return Texts(data, offsets - offsets[0])


def _exported(array: ac.Array) -> tuple[_ArrowArray, object]:
    """Return the array's description; it holds as long as the capsule that comes with it."""
    _, capsule = array.__arrow_c_array__()
    return _ArrowArray.from_address(_pointer_of(capsule, b"arrow_array")), capsule


def _copied(address: int | None, size: int) -> npt.NDArray[np.uint8]:
    if not address or not size:
        return np.empty(0, np.uint8)
    return np.frombuffer((ctypes.c_char * size).from_address(address), np.uint8).copy()


def _known(exported: _ArrowArray) -> npt.NDArray[np.bool_]:
    if not exported.buffers[0]:
        return np.ones(exported.length, np.bool_)
    return _bits(exported.buffers[0], exported.offset, exported.length)


def _bits(address: int | None, offset: int, count: int) -> npt.NDArray[np.bool_]:
    packed = _copied(address, (offset + count + 7) // 8)
    return np.unpackbits(packed, count=offset + count, bitorder="little")[offset:].astype(np.bool_)
