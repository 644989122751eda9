"""`SliceEmbeddings`: what `prepare` of a 2D family returns at once; the encoder runs for a slice when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.engine.slicewise.plane import slice_axis
from app.engine.slicewise.store import Features, SliceStore
from app.volume import Volume

MEMORY = 512 << 20  # bytes of features in memory: 256 slices of SAM (256 x 64 x 64 in half precision)

Encode = Callable[[int, int], Features]
"""(axis, index) -> features of that slice: the image encoder."""


class SliceEmbeddings:
    """Features of the slices of one volume, made when first asked for, or ahead while nothing else is to be done.

    Features are what no prompt changes. Floating arrays are kept in half precision and given in single; the first
    time too, so that a slice answers the same whether it was kept or not.

    Args:
        encode: Runs the image encoder on one slice.
        memory: Most bytes of features held in memory.
    """

    def __init__(self, volume: Volume, encode: Encode, memory: int = MEMORY) -> None:
        self.volume = volume
        self._encode = encode
        self._store = SliceStore(memory)
        axis = slice_axis(volume.geometry)
        self._focus = axis, volume.shape[axis] // 2

    def features(self, axis: int, index: int) -> Features:
        """Of one slice; runs the encoder if they are not here."""
        known = self._store.get((axis, index))
        return known if known is not None else self._store.put((axis, index), self._encode(axis, index))

    def look_at(self, axis: int, index: int) -> None:
        """Encode ahead from this slice outward, along this axis; a slice outside the volume changes nothing."""
        if 0 <= axis < 3 and 0 <= index < self.volume.shape[axis]:
            self._focus = axis, index

    @property
    def axis(self) -> int:
        """The axis across the slice that was looked at last; at first the one the volume was acquired along."""
        return self._focus[0]

    def encode_ahead(self) -> float | None:
        """Encode the nearest slice to the one looked at that is not here yet.

        Returns:
            The share of this axis that is done now; None when all are here or one more would not fit.
        """
        axis, index = self._focus
        here = self._store.keys
        length = self.volume.shape[axis]
        missing = [n for n in range(length) if (axis, n) not in here]
        if not missing or self._store.full:
            return None
        nearest = min(missing, key=lambda n: abs(n - index))
        self.features(axis, nearest)
        return (length - len(missing) + 1) / length

    def keep(self, folder: Path, limit: int) -> None:
        """Keep features in files of that folder from now on, at most `limit` bytes; take over those that are there."""
        self._store.keep_in(folder, limit)
