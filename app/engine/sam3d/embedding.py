"""`Embedded`: every slice of a scan through SAM's frozen encoder, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.interpolation import Floats
from app.engine.sam3d.grid import SliceGrid
from app.engine.sam3d.recipe import Sam3dRecipe
from app.engine.sam3d.windows import padded, starts
from app.volume import Volume

Encode = Callable[[Floats], Floats]
"""(1, 1, side, side) to (1, 256, side / 16, side / 16)."""


@dataclass(frozen=True)
class Layout:
    """Where the windows of a scan lie among its slices.

    Args:
        shape: Slices, rows and columns, at least those of a crop.
        inner: Where the scan lies in it: the rest is padding.
        rows, columns: First ones of the windows in a slice.
    """

    grid: SliceGrid
    shape: tuple[int, int, int]
    inner: tuple[slice, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """First row and column of each window in a slice, in the order of the features."""
        return tuple((row, column) for row in self.rows for column in self.columns)


@dataclass(frozen=True)
class Embedded:
    """Features of a scan: float16, (windows, slices, channels, side / 16, side / 16)."""

    layout: Layout
    features: NDArray[np.float16]


def pictures(volume: Volume, recipe: Sam3dRecipe) -> tuple[Layout, Floats]:
    """A scan as the network's slices, padded to at least one crop, and where its windows lie."""
    grid = SliceGrid(volume.geometry, recipe.spacing, recipe.across)
    slices = recipe.normalised(grid.take(volume.array))
    whole, inner = padded(slices, (recipe.depth, recipe.side, recipe.side))
    shape = (whole.shape[0], whole.shape[1], whole.shape[2])
    return Layout(grid, shape, inner, starts(shape[1], recipe.side), starts(shape[2], recipe.side)), whole


def embed(layout: Layout, slices: Floats, side: int, encode: Encode) -> Iterator[NDArray[np.float16]]:
    """The features of one window in one slice after the other, windows outermost, each (channels, h, w)."""
    for row, column in layout.windows:
        for picture in slices[:, row : row + side, column : column + side]:
            yield encode(np.ascontiguousarray(picture[None, None]))[0].astype(np.float16)
