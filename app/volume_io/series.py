"""`SeriesInfo`: one image found in a file, folder or archive, before its voxels are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from app.geometry import Geometry, Index

ReportProgress = Callable[[float, str], None]
"""Called with a fraction 0..1 and a few words."""

Picture = NDArray[np.uint8]
"""(rows, columns), 0 black to 255 white."""


class Stop(Protocol):
    """A cooperative stop, as `app.engine.protocol.Token`."""

    def raise_if_cancelled(self) -> None:
        """Raises `Cancelled` once asked to end."""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What is known of a series from its headers. Holds no patient name.

    Args:
        key: SeriesInstanceUID, with "#2", "#3" where one series holds several grids; the path inside a folder or
            archive for other files; "" where the file is one image.
        shape: Voxels (k, j, i) as `read_volume` gives them; (0, 0, 0) when not readable.
        geometry: The grid, None when not readable.
        times: Number of time points; `read_volume` takes one of them.
        notes: What a reader should know about how it was understood.
        reason: Why it cannot be opened as an image, "" when it can.
        picture: Makes the thumbnail; raises BadInput when the pixels are damaged.
    """

    key: str
    description: str = ""
    modality: str = ""
    shape: Index = (0, 0, 0)
    geometry: Geometry | None = None
    times: int = 1
    notes: tuple[str, ...] = ()
    reason: str = ""
    picture: Callable[[], NDArray[np.generic]] | None = field(default=None, compare=False, repr=False)

    @property
    def readable(self) -> bool:
        """Whether `read_volume` takes it."""
        return not self.reason

    @property
    def size(self) -> int:
        """Voxels of one time point."""
        k, j, i = self.shape
        return k * j * i

    def thumbnail(self, edge: int = 128) -> Picture:
        """The middle slice, at most `edge` pixels high and wide, its usual range spread over 0..255.

        Raises:
            BadInput: when the series is not readable or its pixels are damaged.
        """
        if self.picture is None or self.reason:
            raise BadInput(self.reason or f"{self.description or 'This series'} has no picture.")
        plane = self.picture()
        step = max(1, -(-max(plane.shape) // edge))
        return _grey(plane[::step, ::step].astype(np.float32))


def _grey(plane: NDArray[np.float32]) -> Picture:
    finite = plane[np.isfinite(plane)]
    if not finite.size:
        return np.zeros(plane.shape, np.uint8)
    low, high = np.percentile(finite, (1, 99))
    scaled = (np.nan_to_num(plane, nan=low) - low) / max(high - low, 1e-30)
    return np.asarray(np.clip(scaled, 0, 1) * 255, dtype=np.uint8)
