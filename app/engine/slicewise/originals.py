"""`Originals`: what a decoder said of slices in its own resolution, found again by what was made of it on their pixels.

Between two answers there are only logits on pixels. To lower these again tells the network something else than what it
said: where a slice has fewer pixels than the decoder's grid by a logit, elsewhere by what smoothing takes away.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.engine.protocol import Logits

NEAR = 8  # pixels around the mask of a slice in which its logits are its own, also beside other slices' answers
_KEPT = 64  # answers, of some 300 kB

T = TypeVar("T")
_Key = tuple[object, ...]


class Originals(Generic[T]):
    """The newest answers of a volume, by slice."""

    def __init__(self) -> None:
        self._by_logits: OrderedDict[_Key, T] = OrderedDict()
        self._by_mask: OrderedDict[_Key, T] = OrderedDict()

    def keep(self, axis: int, index: int, logits: Logits, original: T) -> None:
        """Note what the logits (2D) of a slice were made of."""
        for known, key in (
            (self._by_logits, _key(axis, index, logits > 0, logits)),
            (self._by_mask, _key(axis, index, logits > 0, logits > 0)),
        ):
            known[key] = original
            known.move_to_end(key)
            while len(known) > _KEPT:
                known.popitem(last=False)

    def of_logits(self, axis: int, index: int, logits: Logits) -> T | None:
        """What these very logits of a slice were made of; they need to be whole near the mask only."""
        return self._by_logits.get(_key(axis, index, logits > 0, logits))

    def of_mask(self, axis: int, index: int, mask: NDArray[np.bool_]) -> T | None:
        """The newest original whose mask of the slice this is, to the pixel."""
        return self._by_mask.get(_key(axis, index, mask, mask))


def _key(axis: int, index: int, mask: NDArray[np.bool_], values: NDArray[np.generic]) -> _Key:
    rows, columns = (np.flatnonzero(mask.any(axis=across)) for across in (1, 0))
    if not rows.size:
        return axis, index
    near = tuple(slice(max(0, int(along[0]) - NEAR), int(along[-1]) + 1 + NEAR) for along in (rows, columns))
    return axis, index, near[0].start, near[1].start, zlib.crc32(values[near].tobytes())
