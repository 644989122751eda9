"""`Supervoxels`: small pieces of even intensity, and the graph of which pieces touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from app.engine.classic.slic import cut
from app.engine.classic.tally import sums, sums_of_rows
from app.median import median3
from app.threads import on_threads

PIECES = 45_000
"""Of a volume, about."""

_SMALLEST = 5.0  # cells a piece; smaller ones carry more noise than they save


@dataclass(frozen=True, eq=False)
class Supervoxels:
    """The pieces and their adjacency.

    Args:
        labels: (k, j, i) int32 on the lattice, 0..n-1.
        tone: (n,) mean tone of each piece.
        spread: (n,) standard deviation of the tone inside each piece.
        size: (n,) cells of each piece.
        centre: (n, 3) centroid in millimetres along (k, j, i) from the first cell.
        first, second: (m,) the two pieces of each contact, first < second.
        contact: (m,) shared face area in square millimetres.
        step: (m,) mean absolute step of the tone across the shared faces.
    """

    labels: NDArray[np.int32]
    tone: NDArray[np.float32]
    spread: NDArray[np.float32]
    size: NDArray[np.float32]
    centre: NDArray[np.float32]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    contact: NDArray[np.float32]
    step: NDArray[np.float32]

    @property
    def count(self) -> int:
        """Number of pieces."""
        return int(self.tone.size)

    @cached_property
    def usual_size(self) -> np.float32:
        """The median size, in cells: 0.4 ms for 45,000 pieces, and a click asks for it a dozen times."""
        return np.float32(np.median(self.size))

    def unlike(self, contacts: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float32]:
        """How unlike the two pieces of some contacts are, on the tone scale: in their means and at their faces."""
        apart = np.abs(self.tone[self.first[contacts]] - self.tone[self.second[contacts]])
        return np.asarray(0.5 * (apart + self.step[contacts]), dtype=np.float32)


def cut_lattice(tone: NDArray[np.float32], steps: tuple[float, float, float], pieces: int) -> NDArray[np.int32]:
    """Cut a lattice of tones into about `pieces` compact supervoxels that follow edges: the piece of each cell.

    A piece may yet lie in several parts; `joining.connected` makes them whole, then `describe` says what they are like.
    SLIC with a seed grid that is as near to cubes in millimetres as the lattice allows.

    Args:
        tone: (k, j, i), 0..1, already smoothed.
        steps: Millimetres between cells along (k, j, i).
        pieces: Upper bound of how many, about.
    """
    return cut(tone, seed_grid(tone.shape, steps, max(_SMALLEST, tone.size / pieces)))


def seed_grid(shape: tuple[int, ...], steps: tuple[float, float, float], cells: float) -> tuple[int, int, int]:
    """Cells along each axis of one seed's box that holds about `cells` cells, near a cube in millimetres."""
    grid = [1, 1, 1]
    while np.prod(grid) < cells:
        widths = [g * s if g < n else np.inf for g, s, n in zip(grid, steps, shape, strict=True)]
        if not np.isfinite(min(widths)):
            break
        grid[int(np.argmin(widths))] += 1
    return grid[0], grid[1], grid[2]


def describe(labels: NDArray[np.int32], tone: NDArray[np.float32], steps: tuple[float, float, float]) -> Supervoxels:
    """Statistics and contacts of a partition."""
    count = int(labels.max()) + 1
    k, j, i = (np.arange(n) * step for n, step in zip(labels.shape, steps, strict=True))
    rows = np.stack(np.broadcast_arrays(1.0, k[:, None], j), axis=-1).reshape(-1, 3)
    work: list[Callable[[], Any]] = [
        *(partial(_faces, labels, tone, steps, count, axis) for axis in range(3)),
        lambda: sums_of_rows(labels, rows, count).T,
        lambda: sums(labels, np.broadcast_to(i, labels.shape), count),
        lambda: sums(labels, tone, count),
        lambda: sums(labels, tone.astype(np.float64) ** 2, count),
    ]
    *faces, (size, down, back), across, total, squares = on_threads(lambda part: part(), work)
    mean = total / size
    return Supervoxels(
        labels=labels,
        tone=mean.astype(np.float32),
        spread=np.sqrt(np.maximum(squares / size - mean**2, 0)).astype(np.float32),
        size=size.astype(np.float32),
        centre=(np.stack([down, back, across], axis=1) / size[:, None]).astype(np.float32),
        **contacts_of(faces[0] + faces[1] + faces[2]),
    )


def contacts_of(faces: sparse.csr_array) -> dict[str, NDArray[Any]]:
    """The fields of contacts.

    Args:
        faces: (n, n) above its diagonal: for each pair that touches, areas and, as imaginary parts, areas times steps.
    """
    faces.sort_indices()
    pairs = faces.tocoo()
    return {
        "first": pairs.row.astype(np.int32),
        "second": pairs.col.astype(np.int32),
        "contact": pairs.data.real.astype(np.float32),
        "step": (pairs.data.imag / pairs.data.real).astype(np.float32),
    }


def _faces(
    labels: NDArray[np.int32], tone: NDArray[np.float32], steps: tuple[float, float, float], count: int, axis: int
) -> sparse.csr_array:
    """Contacts across one axis: areas and, as imaginary parts, areas times steps of tone: both are sorted at once."""
    low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
    high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
    cut = np.zeros(labels.shape, dtype=bool)
    np.not_equal(labels[low], labels[high], out=cut[low])
    here = np.flatnonzero(cut)
    there = here + int(np.prod(labels.shape[axis + 1 :]))
    a, b = labels.ravel()[here], labels.ravel()[there]
    face = np.prod(steps) / steps[axis]
    data = np.empty(here.size, dtype=np.complex128)
    data.real, data.imag = face, np.abs(tone.ravel()[here] - tone.ravel()[there]) * face + 1e-9
    return sparse.coo_array((data, (np.minimum(a, b), np.maximum(a, b))), shape=(count, count)).tocsr()


def smooth(tone: NDArray[np.float32], steps: tuple[float, float, float]) -> NDArray[np.float32]:
    """Edge-preserving: a median over the nearest neighbours, in the plane only where slices are thick."""
    thin = [s <= 2.0 * min(steps) and n > 2 for s, n in zip(steps, tone.shape, strict=True)]
    radius = [1 if t else 0 for t in thin]
    return median3(tone, radius)


def step_noise(tone: NDArray[np.float32]) -> float:
    """Standard deviation of the tone inside tissue: the median local deviation, at least a thousandth."""
    mean = ndimage.uniform_filter(tone, 3, mode="nearest")
    square = ndimage.uniform_filter(tone * tone, 3, mode="nearest")
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    inside = deviation[(tone > 0.02) & (tone < 0.98)]
    return max(1e-3, float(np.median(inside)) if inside.size else 1e-3)
