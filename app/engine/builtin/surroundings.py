"""What the network is told of a piece before anybody clicks: the image around it at four scales, and Hounsfield units.

A piece alone is a mean tone. Whether it lies in a sheet, a tube or a lump, and in what texture, is told by the image's
derivatives at several scales (Lindeberg, Scale-Space Theory, 1994); eigenvalues of second derivatives do not
depend on how the scan lies. All in units of the noise and of the pieces' size, as the other numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.engine.classic.features import Features
from app.engine.classic.lattice import Lattice
from app.threads import on_threads

Array = NDArray[np.float32]

SCALES = (0.7, 1.4, 2.8, 5.6)
"""Standard deviations, in units of the way from piece to piece."""

SEEN, TISSUE = 6 * len(SCALES), 4
COUNT = SEEN + TISSUE
"""Numbers a piece: six for each of `SCALES`, then what the Hounsfield units say."""

_CELLS = 1.25  # of the grid on which a scale is looked at, to its standard deviation
_AIR, _CONTRAST, _DENSEST = -500.0, 150.0, 6000.0  # HU between which the ends of a CT's values lie


def surroundings(features: Features) -> Array:
    """(n, COUNT) of the pieces, each between -1 and 1 or little beyond."""
    scales = on_threads(lambda scale: _at_scale(features, scale * features.pitch), SCALES)
    columns = [*(column for scale in scales for column in scale), *_tissue(features)]
    return np.stack(columns, axis=1).astype(np.float32)


def _at_scale(features: Features, scale: float) -> list[NDArray[np.float64]]:
    """Six numbers (n,): the tone around beside the piece's own, its slope, its curvatures, its texture."""
    coarse = _lattice(features.lattice, scale)
    steps = np.array(coarse.steps)
    tone = np.pad(coarse.coarsen(features.cells), 1, mode="edge")
    wide = np.minimum(scale / steps, 4.0)
    smooth = ndimage.gaussian_filter(tone, wide, mode="nearest", truncate=3)
    square = ndimage.gaussian_filter(tone**2, wide, mode="nearest", truncate=3)
    cells = (features.pieces.centre / np.array(features.lattice.steps) + 0.5) // np.array(coarse.factors)
    at = tuple(np.minimum(cells.astype(np.int64), np.array(coarse.shape) - 1).T + 1)
    slopes, curves = _derivatives(smooth, at, steps)
    unit = features.graph.noise
    texture = np.sqrt(np.maximum(square[at] - smooth[at] ** 2, 0))
    return [
        squashed((smooth[at] - features.pieces.tone) / unit),
        squashed(scale * np.sqrt((slopes**2).sum(axis=1)) / unit),
        *(squashed(scale**2 * value / unit) for value in eigenvalues(curves)),
        squashed(texture / unit),
    ]


def _lattice(lattice: Lattice, scale: float) -> Lattice:
    """Blocks of cells about as wide as a scale allows."""
    k, j, i = (
        int(np.clip(scale / _CELLS / step, 1, size)) for step, size in zip(lattice.steps, lattice.shape, strict=True)
    )
    return Lattice(lattice.shape, (k, j, i), lattice.steps)


def _derivatives(
    image: Array, at: tuple[NDArray[np.int64], ...], steps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First (n, 3) and second (n, 3, 3) derivatives by central differences, at n cells that are not at the border."""
    strides = [step // image.itemsize for step in image.strides]
    flat, here = image.ravel(), np.ravel_multi_index(at, image.shape)
    middle = flat[here].astype(np.float64)
    after, before = ([flat[here + sign * stride].astype(np.float64) for stride in strides] for sign in (1, -1))
    first = np.stack([(b - a) / (2 * step) for a, b, step in zip(before, after, steps, strict=True)], axis=1)
    second = np.empty((here.size, 3, 3))
    for axis, step in enumerate(steps):
        second[:, axis, axis] = (after[axis] - 2 * middle + before[axis]) / step**2
        for other in range(axis):
            both, across = strides[axis] + strides[other], strides[axis] - strides[other]
            mixed = flat[here + both] + flat[here - both] - flat[here + across] - flat[here - across]
            second[:, axis, other] = second[:, other, axis] = mixed / (4 * step * steps[other])
    return first, second


def eigenvalues(matrices: NDArray[np.floating]) -> tuple[NDArray[np.float64], ...]:
    """Of symmetric matrices (n, 3, 3), the largest first (Smith, Communications of the ACM 4, 1961)."""
    m = matrices.astype(np.float64)
    middle = np.trace(m, axis1=1, axis2=2) / 3
    rest = m - middle[:, None, None] * np.eye(3)
    spread = np.maximum(np.sqrt((rest**2).sum(axis=(1, 2)) / 6), 1e-12)
    determinant = np.einsum("ni,ni->n", rest[:, 0], np.cross(rest[:, 1], rest[:, 2])) / spread**3
    angle = np.arccos(np.clip(determinant / 2, -1, 1)) / 3
    first = middle + 2 * spread * np.cos(angle)
    last = middle + 2 * spread * np.cos(angle + 2 * np.pi / 3)
    return first, 3 * middle - first - last, last


def _tissue(features: Features) -> list[NDArray[np.float64]]:
    """Whether the values are Hounsfield units; if so, how dense, and where in the ranges of soft tissue and of bone."""
    tone, none = features.tone, np.zeros(features.pieces.count)
    if features.volume.modality != "CT" and not in_hounsfield(tone.values):
        return [none] * TISSUE
    value = np.interp(features.pieces.tone, tone.tones, tone.values)
    return [none + 1, np.clip(value / 1000, -1, 1.5), squashed((value - 40) / 50), squashed((value - 250) / 100)]


def in_hounsfield(values: NDArray[np.floating]) -> bool:
    """Whether an image whose values rise through these is a CT, as it reaches from air to contrast agent or bone."""
    low, high = float(values[0]), float(values[-1])
    return low < _AIR and _CONTRAST < high < _DENSEST


def squashed(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Any number to between -1 and 1; 4 becomes a half."""
    scaled = np.asarray(values, dtype=np.float64) / 4
    return np.asarray(scaled / (1 + np.abs(scaled)))
