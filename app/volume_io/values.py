"""Voxel values: from what a file stores to what an image shows. Exact integers stay integers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.volume_io.sentences import counted

Array = NDArray[np.generic]

_EXACT = 2**31  # scaled integers beyond this are kept as floats


def rescaled(stored: Array, slope: float, intercept: float) -> Array:
    """`stored * slope + intercept`, (k, j, i).

    Integers with an integral slope and intercept stay exact, in the smallest of the stored type, int16, uint16 and
    int32 that holds them; everything else becomes float32, computed in float64.
    """
    if stored.dtype.kind in "ui":
        if slope == 1 and intercept == 0:
            return _native(stored)
        exact = _integers(stored, slope, intercept)
        if exact is not None:
            return exact
    return _floats(stored, slope, intercept)


def _native(stored: Array) -> Array:
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if stored.dtype.itemsize == 8 and stored.size and int(stored.min()) >= -_EXACT and int(stored.max()) < _EXACT:
        return stored.astype(np.int32)
    return stored


def _integers(stored: Array, slope: float, intercept: float) -> Array | None:
    if slope != round(slope) or intercept != round(intercept):
        return None
    ends = [int(end) * int(slope) + int(intercept) for end in (stored.min(), stored.max())]
    target = next((t for t in _candidates(stored.dtype) if _holds(t, min(ends), max(ends))), None)
    if target is None:
        return None
    # Slice by slice, in place where the item size is the same: a second copy of a long CT would not fit.
    out = stored.view(target) if _reusable(stored, target) else np.empty(stored.shape, target)
    for k in range(stored.shape[0]):
        out[k] = stored[k].astype(np.int64) * int(slope) + int(intercept)
    return out


def _candidates(stored: np.dtype[np.generic]) -> list[np.dtype[np.generic]]:
    native = stored.newbyteorder("=")
    return [native, *(np.dtype(t) for t in (np.int16, np.uint16, np.int32) if np.dtype(t).itemsize >= native.itemsize)]


def _holds(target: np.dtype[np.generic], low: int, high: int) -> bool:
    info = np.iinfo(target.str)
    return bool(info.min <= low and high <= info.max)


def _reusable(stored: Array, target: np.dtype[np.generic]) -> bool:
    return bool(stored.flags.writeable and stored.dtype.isnative and stored.dtype.itemsize == target.itemsize)


def _floats(stored: Array, slope: float, intercept: float) -> NDArray[np.float32]:
    if stored.dtype == np.float32 and stored.dtype.isnative and slope == 1 and intercept == 0:
        return stored  # type: ignore[return-value]  # its dtype was just compared
    out = np.empty(stored.shape, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(stored.shape[0]):
            out[k] = stored[k].astype(np.float64) * slope + intercept
    return out


def finite(array: Array, name: str) -> tuple[Array, tuple[str, ...]]:
    """The array with NaN and infinite voxels set to the smallest finite value, and a note when there were any.

    Raises:
        BadInput: when no voxel is a number.
    """
    with np.errstate(invalid="ignore"):
        if array.dtype.kind != "f" or math.isfinite(float(np.sum(array, dtype=np.float64))):
            return array, ()
    bad = ~np.isfinite(array)
    count = int(bad.sum())
    if not count:  # finite values whose sum is not
        return array, ()
    if count == array.size:
        raise BadInput(f"{name} holds no numbers: every voxel is NaN or infinite.")
    low = float(array[~bad].min())
    out = np.where(bad, np.asarray(low, array.dtype), array)
    return out, (f"{counted(count, 'voxel', ('was', 'were'))} NaN or infinite, shown as the smallest value {low:g}",)
