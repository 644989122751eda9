"""`SliceViews`: the slices of a volume across one axis as the network sees them, each encoded once per window."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.trial.hints import Ground
from app.engine.trial.maps import Tones
from app.engine.trial.slices.runtime import Encoded, SliceRuntime
from app.engine.trial.slices.window import Array, Mask, Pixel, Window, box_of

_KEPT = 16  # encoded slices; of 96 pixels a side each takes 1 MB
FILL = 0.5  # share of the window's side that an object takes: it may grow to twice its size


@dataclass(slots=True, eq=False)
class SliceViews:
    """Windows on slices, with the tones of the slice that the work began on.

    Args:
        array: The intensities (k, j, i) of a volume or a part of it.
        steps: Millimetres between voxels along (k, j, i).
        axis: Across the slices.
    """

    array: NDArray[Any]
    steps: tuple[float, float, float]
    axis: int
    runtime: SliceRuntime
    _tones: dict[tuple[int, Window], Tones] = field(default_factory=dict)
    _seen: OrderedDict[tuple[int, Window, Tones], Encoded] = field(default_factory=OrderedDict)

    @property
    def shape(self) -> tuple[int, int]:
        """Of a slice."""
        rows, columns = (n for a, n in enumerate(self.array.shape) if a != self.axis)
        return rows, columns

    @property
    def spacing(self) -> Pixel:
        """Millimetres between the (rows, columns) of a slice."""
        rows, columns = (n for a, n in enumerate(self.steps) if a != self.axis)
        return rows, columns

    def window(self, mask: Mask, fill: float = FILL) -> Window:
        """In which a mask that is not empty takes about the share `fill`."""
        return Window.around(box_of(mask), fill, self.shape, self.spacing, self.runtime.side)

    def tones(self, index: int, window: Window) -> Tones:
        """Of a slice in a window; a run along the axis keeps those of where it began, so that tissues compare."""
        key = index, window
        if key not in self._tones:
            self._tones[key] = Tones.of(window.read(self.plane(index)))
        return self._tones[key]

    def image(self, index: int, window: Window, tones: Tones) -> Array:
        """(IMAGE_CHANNELS, side, side)."""
        return tones.channels(window.read(self.plane(index)))

    def encoded(self, index: int, window: Window, tones: Tones) -> Encoded:
        """The network's features of a slice, kept for the next question."""
        key = index, window, tones
        if key not in self._seen:
            self._seen[key] = self.runtime.encode(self.image(index, window, tones))
            while len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
        self._seen.move_to_end(key)
        return self._seen[key]

    def ground(self, index: int, window: Window, tones: Tones) -> Ground:
        """What the image itself says of prompts."""
        return Ground(self.image(index, window, tones))

    def plane(self, index: int) -> Array:
        """A slice's intensities."""
        return np.asarray(np.take(self.array, index, axis=self.axis), dtype=np.float32)
